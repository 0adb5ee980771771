"""Results that retain the gradient that flows into them."""

from collections.abc import Sequence

import hypothesis.strategies as st

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import RETAIN_GRAD, RETAIN_GRAPH, TAPE, Array, Engine, Tensor
from autograd_conformance.judge import assume, refuses
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    Totals,
    assert_gradient,
    expected_of,
    multiplied,
    pass_back,
    takes_unrecorded_views,
    watching,
)
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.oracle import Oracle, gradient_at
from autograd_conformance.programs.program import Program


def _chosen(program: Program, engine: Engine, wanted: int) -> list[int]:
    """Results that require gradients: of each few, that whose bit is set in `wanted`."""
    tensors = Oracle(engine.aliasing).run(program)
    results = [number for number in range(len(program.inputs), len(tensors)) if tensors[number].history.requires]
    chosen = [number for place, number in enumerate(results) if wanted >> place % 8 & 1]
    assume(chosen)
    return chosen


def _assert_retained(
    engine: Engine, program: Program, tensors: Sequence[Tensor], gradients: dict[int, Array], count: int
) -> None:
    for number, gradient in gradients.items():
        what = f"the gradient retained on {program.label(number)}"
        assert_gradient(engine, what, engine.grad(tensors[number]), multiplied(count, [gradient])[0])


@clause(
    "leaf.retain-grad",
    level=CORE,
    needs=(TAPE, RETAIN_GRAD),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=programs(detach=True, recording_off=True, passes=3),
    wanted=st.integers(1, 255),
    late=st.booleans(),
    count=st.integers(1, 3),
)
def test_retain_grad(engine: Engine, program: Program, wanted: int, late: bool, count: int) -> None:
    """A result that was asked to retain its gradient, before or after it is used, receives exactly the gradient that flows
    into it in the next pass; the gradients of leaves are the same as without.
    """
    chosen = _chosen(program, engine, wanted)
    expected = expected_of(engine, program)
    gradients = {number: gradient_at(program, engine.aliasing, number, expected.cotangents) for number in chosen}
    leaves = program.leaves(engine)

    def retain(number: int, tensor: Tensor) -> None:
        if number in gradients and not late:
            engine.retain_grad(tensor)

    totals = Totals(engine, program, leaves)
    for _ in range(count):
        tensors = program.execute(engine, leaves, watching(program, retain))
        if late:
            for number in chosen:
                engine.retain_grad(tensors[number])
        pass_back(engine, [tensors[root] for root in program.roots], expected.cotangents)
        _assert_retained(engine, program, tensors, gradients, 1)
        totals.add(expected.gradients)


@clause(
    "leaf.retain-grad-accumulates",
    level=FULL,
    needs=(TAPE, RETAIN_GRAD, RETAIN_GRAPH),
    after="leaf.retain-grad",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=4),
    wanted=st.integers(1, 255),
    before=st.integers(0, 2),
    count=st.integers(2, 3),
)
def test_retain_grad_accumulates(engine: Engine, program: Program, wanted: int, before: int, count: int) -> None:
    """The gradient retained on a result grows with every pass through the same graph from then on."""
    chosen = _chosen(program, engine, wanted)
    expected = expected_of(engine, program)
    gradients = {number: gradient_at(program, engine.aliasing, number, expected.cotangents) for number in chosen}
    tensors = program.execute(engine, program.leaves(engine))
    roots = [tensors[root] for root in program.roots]
    for _ in range(min(before, 4 - count)):
        pass_back(engine, roots, expected.cotangents, engine.backward_retaining)
    for number in chosen:
        engine.retain_grad(tensors[number])
    for turn in range(1, count + 1):
        pass_back(engine, roots, expected.cotangents, engine.backward_retaining)
        _assert_retained(engine, program, tensors, gradients, turn)


@clause(
    "leaf.retain-grad-leaf-noop",
    level=FULL,
    needs=(TAPE, RETAIN_GRAD),
    after="leaf.retain-grad",
    choices=(ABSENT_ZEROS,),
    program=programs(detach=True, recording_off=True, passes=3),
    wanted=st.integers(1, 255),
    asked=st.integers(2, 3),
    count=st.integers(1, 3),
)
def test_retain_grad_leaf_noop(engine: Engine, program: Program, wanted: int, asked: int, count: int) -> None:
    """Asking a leaf to retain its gradient, or a result more than once, changes nothing; of a tensor that requires none it
    is refused.
    """
    assume(not takes_unrecorded_views(engine, program))
    chosen = _chosen(program, engine, wanted)
    expected = expected_of(engine, program)
    duals = Oracle(engine.aliasing).run(program)
    gradients = {number: gradient_at(program, engine.aliasing, number, expected.cotangents) for number in chosen}
    leaves = program.leaves(engine)
    totals = Totals(engine, program, leaves)
    for _ in range(count):
        tensors = program.execute(engine, leaves)
        for number, dual in enumerate(duals):
            if not dual.history.requires:
                refuses("retaining the gradient of a constant", lambda t=tensors[number]: engine.retain_grad(t))  # type: ignore[misc]
        for number in [*chosen, *program.leaf_numbers] * asked:
            engine.retain_grad(tensors[number])
        pass_back(engine, [tensors[root] for root in program.roots], expected.cotangents)
        _assert_retained(engine, program, tensors, gradients, 1)
        totals.add(expected.gradients)
