"""Several passes over the same leaves."""

from collections.abc import Sequence
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import GRAD_FUNCTION, RETAIN_GRAD, RETAIN_GRAPH, SET_GRAD, TAPE, Array, Engine, Tensor
from autograd_conformance.judge import Unsupported, equal
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_gradient,
    assert_gradients,
    expected_for,
    expected_of,
    multiplied,
    pass_back,
)
from autograd_conformance.programs.generate import numbered, programs, shapes
from autograd_conformance.programs.oracle import Expected, Oracle, gradient_at, pull_back
from autograd_conformance.programs.palette import EXACT, Shape
from autograd_conformance.programs.program import Input, Program, Step

MOST_GRAPHS = 4


def _with_other_root(engine: Engine, program: Program, pick: int) -> Program:
    """The program with one root, which may be any of its results, and other cotangents; as it is where that is not possible."""
    results = [
        number
        for number, tensor in enumerate(Oracle(engine.aliasing).run(program))
        if tensor.history.requires and number >= len(program.inputs)
    ]
    if program.unit_cotangent or not results:
        return program
    return replace(program, roots=(results[pick % len(results)],))


def _pulled(engine: Engine, program: Program, seed: int) -> Expected:
    """What the program gives with the cotangents of another seed."""
    tensors = Oracle(engine.aliasing).run(program)
    roots = [tensors[root] for root in program.roots]
    cotangents = replace(program, seed=program.seed + seed).cotangent_arrays([root.value.shape for root in roots])
    return pull_back(program, roots, cotangents)


@clause(
    "accum.several-graphs",
    level=CORE,
    needs=(TAPE,),
    after="accum.adds",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=MOST_GRAPHS),
    roots=st.lists(st.integers(0, 31), min_size=2, max_size=MOST_GRAPHS).map(tuple),
    order=st.permutations(range(MOST_GRAPHS)).map(tuple),
    left_out=st.integers(0, 2**MOST_GRAPHS - 1),
)
def test_several_graphs(
    engine: Engine, program: Program, roots: tuple[int, ...], order: tuple[int, ...], left_out: int
) -> None:
    """Graphs over the same leaves may be built, and passed through, in any order, and some never: what those add that a
    pass goes through is the sum of their gradients.
    """
    graphs = [_with_other_root(engine, program, root) for root in roots]
    expected = [_pulled(engine, graph, seed) for seed, graph in enumerate(graphs)]
    leaves = program.leaves(engine)
    made = [graph.run(engine, leaves) for graph in graphs]
    totals: list[Array | None] = [None] * len(leaves)
    for place in order:
        if place < len(graphs) and not left_out >> place & 1:
            pass_back(engine, made[place], expected[place].cotangents)
            totals = _summed(totals, expected[place].gradients)
            assert_gradients(engine, program, leaves, totals)
            _separate(engine, program, leaves, totals)


def _separate(engine: Engine, program: Program, leaves: Sequence[Tensor], totals: Sequence[Array | None]) -> None:
    """From here on each of several leaves stores its gradient in memory of its own, where that can be done.

    Whether an engine lets them share is what `accum.adds` is about, and would hide what is judged here.
    """
    if engine.has(SET_GRAD) and len(program.leaf_numbers) > 1:
        for number in program.leaf_numbers:
            total = totals[number]
            assert total is not None
            engine.set_grad(leaves[number], engine.tensor(total))


# ---- parts of a batch ----
def _with_constants(program: Program, seed: int) -> list[Array]:
    """The inputs' values, those of constants being of another seed."""
    others = replace(program, seed=program.seed + seed).arrays
    return [
        mine if each.requires_grad else other
        for mine, other, each in zip(program.arrays, others, program.inputs, strict=True)
    ]


@clause(
    "accum.micro-batches",
    level=CORE,
    needs=(TAPE, "add"),
    after="accum.adds",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=6),
    parts=st.lists(st.integers(1, 3), min_size=1, max_size=3).filter(lambda parts: 2 <= sum(parts) <= 6).map(tuple),
)
def test_micro_batches(engine: Engine, program: Program, parts: tuple[int, ...]) -> None:
    """The gradients of a sum over examples are the same whether one pass is made from the sum of all, or passes from the
    sums of parts.
    """
    leaves = program.leaves(engine)
    totals: list[Array | None] = [None] * len(leaves)
    seed = 0
    for part in parts:
        batch = [_with_constants(program, seed + number) for number in range(part)]
        seed += part
        expected = [expected_for(engine, program, arrays) for arrays in batch]
        roots = [program.run(engine, _examples_leaves(engine, program, leaves, arrays)) for arrays in batch]
        joined = roots[0]
        for more in roots[1:]:
            joined = [engine.apply("add", one, other) for one, other in zip(joined, more, strict=True)]
        pass_back(engine, joined, expected[0].cotangents)
        for each in expected:
            totals = _summed(totals, each.gradients)
        assert_gradients(engine, program, leaves, totals)
        _separate(engine, program, leaves, totals)


def _examples_leaves(
    engine: Engine, program: Program, leaves: Sequence[Tensor], arrays: Sequence[Array]
) -> list[Tensor]:
    """The same leaves, and an example's own constants."""
    pairs = zip(leaves, arrays, program.inputs, strict=True)
    return [leaf if each.requires_grad else engine.tensor(array) for leaf, array, each in pairs]


def _summed(totals: Sequence[Array | None], gradients: Sequence[Array | None]) -> list[Array | None]:
    pairs = zip(totals, gradients, strict=True)
    return [
        gradient if total is None or gradient is None else np.asarray(total + gradient) for total, gradient in pairs
    ]


# ---- gradients as values ----
@clause(
    "accum.functional-does-not-accumulate",
    level=CORE,
    needs=(TAPE, GRAD_FUNCTION),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=3),
    before=st.booleans(),
    picks=st.lists(st.integers(0, 31), min_size=1, max_size=3).map(tuple),
    count=st.integers(1, 2),
)
def test_functional_does_not_accumulate(
    engine: Engine, program: Program, before: bool, picks: tuple[int, ...], count: int
) -> None:
    """Gradients that are returned as values, of leaves or of results, are right and leave every stored gradient as it was."""
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    if before:
        pass_back(engine, program.run(engine, leaves), expected.cotangents)
    for _ in range(count):
        tensors = program.execute(engine, leaves)
        wanted = _wanted(engine, program, picks)
        returned = _returned(engine, program, tensors, wanted, expected.cotangents)
        for number, gradient in zip(wanted, returned, strict=True):
            what = f"the gradient of {program.label(number)}, returned"
            assert_gradient(engine, what, gradient, _gradient_of(engine, program, number, expected))
        assert_gradients(engine, program, leaves, multiplied(int(before), expected.gradients))


def _wanted(engine: Engine, program: Program, picks: Sequence[int]) -> list[int]:
    duals = Oracle(engine.aliasing).run(program)
    candidates = [number for number, dual in enumerate(duals) if dual.history.requires]
    return list(dict.fromkeys(candidates[pick % len(candidates)] for pick in picks))


def _gradient_of(engine: Engine, program: Program, number: int, expected: Expected) -> Array | None:
    if number < len(program.inputs):
        return expected.gradients[number]
    return gradient_at(program, engine.aliasing, number, expected.cotangents)


def _returned(
    engine: Engine, program: Program, tensors: Sequence[Tensor], wanted: Sequence[int], cotangents: Sequence[Array]
) -> Sequence[Tensor | None]:
    roots, inputs = [tensors[root] for root in program.roots], [tensors[number] for number in wanted]
    if engine.accepts_cotangent:
        return engine.gradients(roots, inputs, [engine.tensor(cotangent) for cotangent in cotangents])
    return engine.gradients(roots, inputs)


def _chains(engine: Engine) -> st.SearchStrategy[Program]:
    """Sums and products of one leaf and of what was made of it."""
    operators = [name for name in ("add", "multiply") if name in engine.operators]
    if not operators:
        raise Unsupported("one of the operators add, multiply")
    return st.builds(
        lambda shape, dtype, seed, steps: _chain(engine, operators, shape, dtype, seed, steps),
        shapes(engine) if engine.accepts_cotangent else st.just(()),
        st.sampled_from([dtype for dtype in engine.dtypes if dtype in EXACT]),
        st.integers(0, 99),
        st.lists(st.integers(0, 99), min_size=1, max_size=3),
    )


def _chain(
    engine: Engine, operators: Sequence[str], shape: Shape, dtype: str, seed: int, steps: Sequence[int]
) -> Program:
    made = [
        Step(operators[step % len(operators)], (place, step // 2 % (place + 1))) for place, step in enumerate(steps)
    ]
    return Program(dtype, (Input(shape),), tuple(made), (len(made),), seed, not engine.accepts_cotangent)


@clause(
    "accum.functional-and-retained",
    level=CORE,
    needs=(TAPE, GRAD_FUNCTION, RETAIN_GRAD),
    after="accum.functional-does-not-accumulate",
    program=_chains,
)
def test_functional_and_retained(engine: Engine, program: Program) -> None:
    """Gradients that are returned as values are stored on no result either, also where it was asked to retain its own."""
    cotangents = expected_of(engine, program).cotangents
    tensors = program.execute(engine, program.leaves(engine))
    for result in tensors[1:]:
        engine.retain_grad(result)
    _returned(engine, program, tensors, [0], cotangents)
    for number, result in enumerate(tensors[1:], 1):
        equal(f"whether {program.label(number)} has no gradient", engine.grad(result) is None, True)


# ---- gradients that are reset between passes ----
@clause(
    "accum.reset-does-not-touch-graph",
    level=CORE,
    needs=(TAPE, SET_GRAD),
    after="accum.adds",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=4),
    resets=st.lists(st.sampled_from(["absent", "zeros", "other"]), min_size=1, max_size=3).map(tuple),
    retained=lambda engine: st.booleans() if engine.has(RETAIN_GRAPH) else st.just(False),
)
def test_reset_does_not_touch_graph(engine: Engine, program: Program, resets: tuple[str, ...], retained: bool) -> None:
    """Making a stored gradient absent, or replacing it, between passes does not change what later passes through graphs
    recorded before deliver.
    """
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    graphs = [program.run(engine, leaves) for _ in range(1 if retained else 1 + len(resets))] * (1 + len(resets))
    backward = engine.backward_retaining if retained else None
    pass_back(engine, graphs[0], expected.cotangents, backward)
    assert_gradients(engine, program, leaves, expected.gradients)
    for graph, reset in zip(graphs[1:], resets, strict=False):
        totals = list(expected.gradients)
        for number in program.leaf_numbers:
            other = (numbered if reset == "other" else np.zeros)(program.inputs[number].shape, program.dtype)
            engine.set_grad(leaves[number], None if reset == "absent" else engine.tensor(other))
            totals[number] = np.asarray(other + expected.gradients[number])
        pass_back(engine, graph, expected.cotangents, backward)
        assert_gradients(engine, program, leaves, totals)
