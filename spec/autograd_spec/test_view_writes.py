"""Writes in place to what has views: histories of bases and views, refusals, overlap."""

from collections.abc import Sequence

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import TAPE, WRITE, Array, Engine, Tensor
from autograd_conformance.judge import Unsupported, assume, equal, may_refuse, refuses
from autograd_conformance.operators import WRITES
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_correct_or_loud,
    assert_gradients,
    assert_right_or_refused,
    assert_values,
    expected_of,
    pass_back,
)
from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.program import Program, Step, apply_step
from autograd_conformance.programs.scenes import scenes
from autograd_conformance.programs.viewing import chains
from autograd_conformance.programs.zones import must_accept, places


# ---- histories ----
@clause(
    "view.write-view-changes-base-history",
    level=CORE,
    needs=(TAPE, WRITE),
    after="view.aliasing",
    choices=(ABSENT_ZEROS,),
    examples=400,
    program=scenes(targets="views"),
)
def test_write_view_changes_base_history(engine: Engine, program: Program) -> None:
    """A write through a view becomes part of the history of its base and of all other views of that base, whether they were
    taken before the write or are taken after it.
    """
    assert_correct_or_loud(engine, program)


@clause(
    "view.write-base-changes-view-history",
    level=CORE,
    needs=(TAPE, WRITE),
    after="view.aliasing",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=scenes(targets="base"),
)
def test_write_base_changes_view_history(engine: Engine, program: Program) -> None:
    """A write to a base becomes part of the history of the views that were taken before it, and of views of those."""
    assert_correct_or_loud(engine, program)


@clause(
    "view.write-makes-base-require",
    level=CORE,
    needs=(TAPE, WRITE),
    after="view.write-view-changes-base-history",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=scenes(targets="views", constant=True),
)
def test_write_makes_base_require(engine: Engine, program: Program) -> None:
    """When a value that requires gradients is written through a view of a base that does not, the base comes to require them,
    as does every view that shows what was written; the gradient goes to the written value alone.
    """
    duals = Oracle(engine.aliasing).run(program)
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    assume(engine.several_roots or len(program.roots) == 1)
    base = next(duals[step.operands[0]].memory for step in program.steps if step.writes)
    showing = [number for number, dual in enumerate(duals) if dual.memory is base and np.any(dual.tangent)]
    assume(showing)
    with may_refuse(not must_accept(program, duals), "a program that an engine has no ground to refuse"):
        tensors = program.execute(engine, leaves)
        for number in showing:
            equal(f"whether {program.label(number)} requires gradients", engine.requires_grad(tensors[number]), True)
        roots = [tensors[root] for root in program.roots]
        pass_back(engine, roots, expected.cotangents)
        assert_values(engine, roots, expected)
        assert_gradients(engine, program, leaves, expected.gradients)


@clause(
    "view.write-gradcheck",
    level=CORE,
    needs=(TAPE, WRITE),
    after="view.write-view-changes-base-history",
    choices=(ABSENT_ZEROS,),
    examples=400,
    program=scenes(most=5),
)
def test_write_gradcheck(engine: Engine, program: Program) -> None:
    """A program of views and several writes, to the base and through views, in any order and with readings in between, has the
    gradients of the same program without memory: in which each write makes new tensors.
    """
    assert_correct_or_loud(engine, program)


@clause(
    "view.setitem",
    level=CORE,
    needs=(TAPE, "setitem_"),
    after="view.aliasing",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=scenes(operators=("setitem_",), most=3),
)
def test_setitem(engine: Engine, program: Program) -> None:
    """Assigning to positions cuts off the gradient of what was there, leaves that of all other positions, and passes to the
    assigned value the gradients of the positions, summed where the value was broadcast.
    """
    assert_correct_or_loud(engine, program)


@clause(
    "view.detach-shares",
    level=CORE,
    needs=(TAPE, WRITE),
    after="view.aliasing",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=scenes(detached=True),
)
def test_detach_shares(engine: Engine, program: Program) -> None:
    """A detached tensor shares memory with its source: a write to either, or to a view of either, changes the values of both;
    gradients do not pass between them.
    """
    assert_correct_or_loud(engine, program)


# ---- refusals ----
def writes(engine: Engine) -> st.SearchStrategy[str]:
    known = [operator for operator in WRITES if operator in engine.operators and operator in WHOLE]
    if not known:
        raise Unsupported(f"none of the operators {', '.join(WHOLE)}")
    return st.sampled_from(known)


WHOLE = ("add_", "multiply_", "copy_", "setitem_")
"""Writes of a tensor of any shape."""


def write_sevens(engine: Engine, operator: str, target: Tensor, value: Array) -> Tensor:
    """A write to all of `target`, which holds `value` and shows where it goes; the target's values."""
    params = {"key": tuple(slice(0, length, 1) for length in value.shape)} if operator == "setitem_" else {}
    engine.apply(operator, target, engine.tensor(np.full_like(value, 7)), **params)
    return engine.array(target)


@clause(
    "view.leaf-view-write-error",
    level=FULL,
    needs=(TAPE, WRITE),
    after="view.aliasing",
    choices=(ABSENT_ZEROS,),
    program=chains(most=4, forks=True),
    operator=writes,
)
def test_leaf_view_write_error(engine: Engine, program: Program, operator: str) -> None:
    """A write through a view, or a view of a view, of a leaf that requires gradients is refused while recording is on, and
    changes nothing.
    """
    duals = Oracle(engine.aliasing).run(program)
    expected = expected_of(engine, program)
    values = [np.asarray(dual.value, program.dtype) for dual in duals]
    leaves = program.leaves(engine)
    tensors = program.execute(engine, leaves)
    for number in range(1, len(tensors)):
        if duals[number].memory is duals[0].memory and (operator != "setitem_" or duals[number].value.ndim):
            what = f"a write to {program.label(number)}, a view of a leaf"
            refuses(what, lambda: write_sevens(engine, operator, tensors[number], values[number]))  # noqa: B023
    roots = [tensors[root] for root in program.roots]
    assume(engine.several_roots or len(roots) == 1)
    pass_back(engine, roots, expected.cotangents)
    assert_values(engine, roots, expected)
    assert_gradients(engine, program, leaves, expected.gradients)


@clause(
    "view.overlap-write-error",
    level=FULL,
    needs=(TAPE, WRITE, "broadcast_to"),
    after="view.aliasing",
    examples=200,
    program=chains(least=2, most=4, kinds=("broadcast_to",)),
    operator=writes,
)
def test_overlap_write_error(engine: Engine, program: Program, operator: str) -> None:
    """A write to a tensor of which several elements lie in one place is refused, and changes nothing."""
    duals = Oracle(engine.aliasing).tensors(program)
    values = [np.asarray(dual.value, program.dtype) for dual in duals]
    tensors = program.execute(engine, [engine.tensor(array) for array in program.arrays])
    for number in range(1, len(tensors)):
        if len(places(duals[number], derivatives=False)) < duals[number].value.size:
            what = f"a write to {program.label(number)}, of which several elements lie in one place"
            refuses(what, lambda: write_sevens(engine, operator, tensors[number], values[number]))  # noqa: B023
    for number, value in enumerate(values):
        equal(f"the value of {program.label(number)}", engine.array(tensors[number]), value)


# ---- operands in the memory that is written ----
@clause(
    "view.overlap-write",
    level=CORE,
    needs=(TAPE, WRITE),
    after="view.write-view-changes-base-history",
    choices=(ABSENT_ZEROS,),
    examples=400,
    program=scenes(most=1, overlapping=True),
)
def test_overlap_write(engine: Engine, program: Program) -> None:
    """A write whose operand lies in the memory that is written is refused, or takes the operand as it was before the write.

    The program copies the operand first; the engine is not given the copy.
    """
    copies = {id(step) for step in program.steps if is_written_back(program, step)}
    assume(copies)

    def uncopied(engine: Engine, step: Step, operands: Sequence[Tensor]) -> Tensor:
        return operands[0] if id(step) in copies else apply_step(engine, step, operands)

    assert_right_or_refused(engine, program, False, uncopied)


def is_written_back(program: Program, step: Step) -> bool:
    """Whether the step copies what nothing but one write reads."""
    if step.operator != "clone":
        return False
    number = len(program.inputs) + next(place for place, each in enumerate(program.steps) if each is step)
    readers = [each for each in program.steps if number in each.operands]
    return (
        len(readers) == 1
        and readers[0].writes
        and readers[0].operands[1] == number != readers[0].operands[0]
        and number not in program.roots
    )
