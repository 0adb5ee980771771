"""What a write does to histories and gradients."""

from collections.abc import Sequence
from itertools import count
from typing import Any

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import TAPE, WRITE, Engine
from autograd_conformance.judge import assume, equal
from autograd_conformance.operators import WRITES
from autograd_conformance.programs.aimed import is_made_for_a_write, overwriting
from autograd_conformance.programs.aiming import ALIAS, ITSELF, VIEW, VIEW_OF_VIEW, Aim
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_correct_or_loud,
    assert_right_or_refused,
)
from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.program import Program, Step, apply_step

RECORDED = (True,)
WITH_OPERAND = (*WRITES, "index_copy_")


@clause(
    "inplace.equals-functional",
    level=CORE,
    needs=(TAPE, WRITE),
    after="inplace.correct-or-loud",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=overwriting(Aim(used=False, ways=(ITSELF,), recorded=RECORDED, most=5)),
)
def test_equals_functional(engine: Engine, program: Program) -> None:
    """A chain of writes to a result has the values and the gradients of the same chain of operations that do not write, or
    is refused where a write overwrites what the derivative of one before it may need.
    """
    assert_correct_or_loud(engine, program)


@clause(
    "inplace.overwrites-cut",
    level=CORE,
    needs=(TAPE, WRITE),
    after="inplace.equals-functional",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=overwriting(
        Aim(
            saved=False,
            ways=(ITSELF, VIEW, ALIAS),
            recorded=RECORDED,
            writes=("copy_", "setitem_", "fill_", "masked_fill_", "index_copy_"),
            most=2,
            whole=True,
        )
    ),
)
def test_overwrites_cut(engine: Engine, program: Program) -> None:
    """A tensor that is overwritten keeps nothing of its history: what it was made of gets a gradient of zeros through it,
    as far as it was overwritten, and what was written gets the gradient; what was made of it before keeps its own.
    """
    assert_correct_or_loud(engine, program)


@clause(
    "inplace.broadcast-operand",
    level=CORE,
    needs=(TAPE, WRITE),
    after="inplace.equals-functional",
    choices=(ABSENT_ZEROS,),
    examples=200,
    program=overwriting(
        Aim(used=False, ways=(ITSELF, VIEW, VIEW_OF_VIEW), recorded=RECORDED, writes=WRITES, most=2, narrow=True)
    ),
)
def test_broadcast_operand(engine: Engine, program: Program) -> None:
    """What is broadcast into the tensor that is written receives its gradient summed to its own shape."""
    assert_correct_or_loud(engine, program)


@clause(
    "inplace.conditional-writes",
    level=CORE,
    needs=(TAPE, WRITE),
    after="inplace.equals-functional",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=overwriting(
        Aim(saved=False, recorded=RECORDED, writes=("masked_fill_", "index_copy_", "setitem_"), most=3)
    ),
)
def test_conditional_writes(engine: Engine, program: Program) -> None:
    """A write to some positions, by a mask, by indices or by a key, leaves value and gradient of the others as they are; at
    the positions that it writes, the gradient goes to what was written, and none to what was there.
    """
    assert_correct_or_loud(engine, program)


@clause(
    "inplace.constant-becomes-nonleaf",
    level=CORE,
    needs=(TAPE, WRITE),
    after="inplace.equals-functional",
    choices=(ABSENT_ZEROS,),
    examples=200,
    program=overwriting(
        Aim(saved=False, ways=(ITSELF, VIEW, ALIAS), recorded=RECORDED, writes=WITH_OPERAND, most=2, constant=True)
    ),
)
def test_constant_becomes_nonleaf(engine: Engine, program: Program) -> None:
    """A tensor that required no gradient, and into which a value is written that does, is from then on a result that
    requires gradients, as is its base where it is a view; a pass delivers the gradient to what was written.
    """
    oracle = Oracle(engine.aliasing)
    duals = oracle.inputs(program.arrays, [each.requires_grad for each in program.inputs])

    def asked(engine: Engine, step: Step, operands: Sequence[Any]) -> Any:
        made = apply_step(engine, step, operands)
        duals.append(oracle.apply(step, [duals[number] for number in step.operands]))
        if step.writes and duals[step.operands[-1]].history.requires:
            equal("whether what was written requires gradients", engine.requires_grad(operands[0]), True)
            equal("whether what was written is a leaf", engine.is_leaf(operands[0]), False)
        return made

    assert_correct_or_loud(engine, program, asked)


@clause(
    "inplace.self-operand",
    level=CORE,
    needs=(TAPE, WRITE),
    after="inplace.equals-functional",
    choices=(ABSENT_ZEROS,),
    examples=200,
    program=overwriting(
        Aim(used=False, ways=(ITSELF, VIEW), recorded=RECORDED, writes=("add_", "multiply_", "copy_"), own=True)
    ),
)
def test_self_operand(engine: Engine, program: Program) -> None:
    """A write whose operand is the tensor itself, as in x times x written to x, has the value and the gradients of the
    operation on a copy, or is refused.

    In the program the operand is a copy; here the copy is left out.
    """
    copies = {place for place in range(len(program.steps)) if is_made_for_a_write(program, place, "clone")}
    copies = {place for place in copies if program.steps[place].operands[0] == program.steps[place + 1].operands[0]}
    assume(copies)

    places = count()

    def without_copies(engine: Engine, step: Step, operands: Sequence[Any]) -> Any:
        return operands[0] if next(places) in copies else apply_step(engine, step, operands)

    assert_right_or_refused(engine, program, accept=False, apply=without_copies)
