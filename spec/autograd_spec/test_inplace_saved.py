"""Values that a derivative needs, overwritten before the pass."""

from collections.abc import Sequence

import hypothesis.strategies as st

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import NAMED_INPUTS, NO_GRAD, TAPE, WRITE, Engine
from autograd_conformance.judge import assume, may_refuse, refuses
from autograd_conformance.programs.aimed import overwriting
from autograd_conformance.programs.aiming import ALIAS, DETACHED, ITSELF, VIEW, VIEW_OF_VIEW, Aim
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_correct_or_loud,
    assert_gradient,
    backward_pass,
    expected_of,
)
from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.program import Program
from autograd_conformance.programs.zones import needs_what_was_overwritten


@clause(
    "inplace.saved-modified",
    level=CORE,
    needs=(TAPE, WRITE),
    after="inplace.correct-or-loud",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=overwriting(Aim(ways=(ITSELF,), recorded=(True,))),
)
def test_saved_modified(engine: Engine, program: Program) -> None:
    """Where a value that a derivative needs was overwritten after its use, the pass is refused or gives the gradients of
    the program as it ran, with the value that was used.
    """
    assert_correct_or_loud(engine, program)


@clause(
    "inplace.error-under-no-grad",
    level=CORE,
    needs=(TAPE, WRITE, NO_GRAD),
    after="inplace.saved-modified",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=overwriting(Aim(recorded=(False,), most=2)),
)
def test_error_under_no_grad(engine: Engine, program: Program) -> None:
    """A write while recording is off is noticed as well: where it overwrites a value that a derivative needs, the pass is
    refused or gives the gradients of the program as it ran.
    """
    assert_correct_or_loud(engine, program)


@clause(
    "inplace.version-shared",
    level=CORE,
    needs=(TAPE, WRITE),
    after="inplace.saved-modified",
    choices=(ABSENT_ZEROS,),
    examples=600,
    program=overwriting(Aim(ways=(VIEW, VIEW_OF_VIEW, ALIAS, DETACHED), recorded=(True,), most=2)),
)
def test_version_shared(engine: Engine, program: Program) -> None:
    """A tensor, its base, its views and its detached aliases are written together: where a write through any of them
    overwrites a value that a derivative needs, the pass is refused or gives the gradients of the program as it ran.
    """
    assert_correct_or_loud(engine, program)


@clause(
    "inplace.saved-modified-error",
    level=FULL,
    needs=(TAPE, WRITE, "multiply"),
    after="inplace.saved-modified",
    examples=200,
    program=overwriting(Aim(needed=True, most=2)),
)
def test_saved_modified_error(engine: Engine, program: Program) -> None:
    """A pass that needs a value is refused if it was overwritten after its use, through whatever tensor and whether
    recording was on or off.
    """
    assume(needs_what_was_overwritten(program, Oracle(engine.aliasing).run(program)))
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)

    def gradients() -> None:
        backward_pass(engine, program, leaves, expected)
        for number in program.leaf_numbers:
            if (gradient := engine.grad(leaves[number])) is not None:
                engine.array(gradient)

    refuses("a pass that needs a value that was overwritten", gradients)


@clause(
    "inplace.unsaved-modified-ok",
    level=CORE,
    needs=(TAPE, WRITE),
    after="inplace.saved-modified",
    choices=(ABSENT_ZEROS,),
    examples=200,
    program=overwriting(Aim(saved=False, most=3)),
)
def test_unsaved_modified_ok(engine: Engine, program: Program) -> None:
    """A write to a value that no derivative needs disturbs no pass: what sums, joins, copies and views were made of may be
    overwritten, and what was made of it keeps its value and its gradients.
    """
    assert_correct_or_loud(engine, program)


@clause(
    "inplace.check-granularity",
    level=FULL,
    needs=(TAPE, WRITE, NAMED_INPUTS),
    after="inplace.saved-modified",
    choices=(ABSENT_ZEROS,),
    examples=200,
    program=overwriting(Aim(most=2)),
    left_out=st.integers(0, 7),
)
def test_check_granularity(engine: Engine, program: Program, left_out: int) -> None:
    """A pass into some leaves only is refused, or gives their gradients, where values were overwritten; that another
    leaf's gradient could still be computed is no reason to give a wrong one.
    """
    expected = expected_of(engine, program)
    numbers = _some(program.leaf_numbers, left_out)
    leaves = program.leaves(engine)
    with may_refuse(True, "a pass into some leaves"):
        roots = program.run(engine, leaves)
        cotangents = [engine.tensor(each) for each in expected.cotangents] if engine.accepts_cotangent else None
        engine.backward_into(roots, cotangents, [leaves[number] for number in numbers])
        for number in numbers:
            assert_gradient(
                engine, f"the gradient of x{number}", engine.grad(leaves[number]), expected.gradients[number]
            )


def _some(numbers: Sequence[int], left_out: int) -> list[int]:
    """One of them is left out, where there are several."""
    return [number for place, number in enumerate(numbers) if place != left_out or len(numbers) == 1]
