"""Tensors cut off from their history, and copies that are not."""

from collections.abc import Sequence

import hypothesis.strategies as st

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import DETACH_IN_PLACE, TAPE, Engine, Tensor
from autograd_conformance.judge import assume, equal, may_refuse
from autograd_conformance.operators import STEPS
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_gradients,
    assert_values,
    backward_pass,
    expected_of,
    pass_back,
)
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.oracle import Dual, Oracle
from autograd_conformance.programs.overwriting import OVERWRITING, overwrite
from autograd_conformance.programs.program import DETACH, Program


@clause(
    "leaf.detach-cuts",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=500,
    program=programs(detach=True, often=DETACH),
)
def test_detach_cuts(engine: Engine, program: Program) -> None:
    """Detaching yields a leaf with the same values that needs no gradient and carries none back to its source."""
    assume(DETACH in program.skeleton())
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    roots = backward_pass(engine, program, leaves, expected)
    assert_gradients(engine, program, leaves, expected.gradients)
    detached = [engine.detach(root) for root in roots]
    assert_values(engine, detached, expected)
    for each in detached:
        equal("whether a detached tensor requires gradients", engine.requires_grad(each), False)
        equal("whether a detached tensor is a leaf", engine.is_leaf(each), True)


@clause(
    "leaf.detach-in-place",
    level=FULL,
    needs=(TAPE, DETACH_IN_PLACE),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=programs(),
    pick=st.integers(0, 31),
    early=st.booleans(),
)
def test_detach_in_place(engine: Engine, program: Program, pick: int, early: bool) -> None:
    """Detaching a result in place makes it a leaf that requires no gradients, with the same values; what was computed from
    it before, views included, still carries gradients back, and what is computed from it afterwards does not.  A pass that
    may need the result's own values may be refused.
    """
    expected = expected_of(engine, program)
    duals = Oracle(engine.aliasing).run(program)
    results = [
        number
        for number, step in enumerate(program.steps, len(program.inputs))
        if duals[number].history.requires
        and STEPS[step.operator].kind == "function"
        and number not in program.roots
        and step.operator != "matmul"  # its result may be a view of what was computed, which may not be cut in place
    ]
    assume(results)
    number = results[pick % len(results)]
    leaves = program.leaves(engine)
    tensors = program.execute(engine, leaves)
    result, value = tensors[number], duals[number].value.astype(program.dtype)
    if early:  # between two passes over the same leaves
        pass_back(engine, [tensors[root] for root in program.roots], expected.cotangents)
        assert_gradients(engine, program, leaves, expected.gradients)
        leaves = program.leaves(engine)
        tensors = program.execute(engine, leaves)
        result = tensors[number]
    engine.detach_(result)
    _assert_cut(engine, result)
    equal("the value of a result detached in place", engine.array(result), value)
    for operator in ("add", "multiply"):
        if operator in engine.operators:
            _assert_cut(engine, engine.apply(operator, result, result))
    with may_refuse(_may_be_saved(program, duals, number), "a pass through what a result was used for") as attempt:
        pass_back(engine, [tensors[root] for root in program.roots], expected.cotangents)
    if attempt.refusal is None:
        assert_gradients(engine, program, leaves, expected.gradients)


def _may_be_saved(program: Program, duals: Sequence[Dual], number: int) -> bool:
    """Whether a derivative may need the values of this tensor, directly or through a view."""
    memory = duals[number].memory
    return any(
        STEPS[step.operator].value_dependent and any(duals[each].memory is memory for each in (*step.operands, place))
        for place, step in enumerate(program.steps, len(program.inputs))
    )


def _assert_cut(engine: Engine, t: Tensor) -> None:
    equal("whether it requires gradients", engine.requires_grad(t), False)
    equal("whether it is a leaf", engine.is_leaf(t), True)


@clause(
    "leaf.clone",
    level=CORE,
    needs=(TAPE, "clone"),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=programs(often="clone"),
    forth=st.booleans(),
)
def test_clone(engine: Engine, program: Program, forth: bool) -> None:
    """A clone has the same values in memory of its own, so that a write to one does not show in the other, and passes
    gradients on unchanged.
    """
    assume("clone" in program.skeleton())
    expected = expected_of(engine, program)
    duals = Oracle(engine.aliasing).run(program)
    leaves = program.leaves(engine)
    tensors = program.execute(engine, leaves)
    pass_back(engine, [tensors[root] for root in program.roots], expected.cotangents)
    assert_gradients(engine, program, leaves, expected.gradients)
    for number, step in enumerate(program.steps, len(program.inputs)):
        if step.operator == "clone":
            source = step.operands[0]
            value = duals[number].value.astype(program.dtype)
            equal(f"the value of the clone {program.label(number)}", engine.array(tensors[number]), value)
            if not engine.operators.keys().isdisjoint(OVERWRITING) and not (forth and duals[source].expanded):
                written, kept = (source, number) if forth else (number, source)
                fresh = engine.detach(tensors[written])
                overwrite(engine, fresh, 7)
                equal(f"the value of {program.label(kept)}", engine.array(tensors[kept]), value)
                return
