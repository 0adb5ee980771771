"""Shape operators that change the tensor itself, and the count of writes."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from autograd_conformance.clauses import FULL, clause
from autograd_conformance.engine import TAPE, VERSIONS, WRITE, Engine
from autograd_conformance.judge import assume, equal, may_refuse
from autograd_conformance.programs.comparing import ABSENT_ZEROS, assert_right_or_refused
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.oracle import Dual, Oracle
from autograd_conformance.programs.program import Program, Step, apply_step
from autograd_conformance.programs.zones import must_accept, value_dependent


@clause(
    "inplace.metadata-ops",
    level=FULL,
    needs=(TAPE, WRITE, "permute_dims", "transpose_", "squeeze_", "expand_dims_"),
    after="inplace.correct-or-loud",
    choices=(ABSENT_ZEROS,),
    examples=400,
    program=programs(writes=True, often=("permute_dims", "squeeze", "expand_dims")),
)
def test_metadata_ops(engine: Engine, program: Program) -> None:
    """A shape operator that changes the tensor itself gives what its counterpart gives that makes a view: values, gradients,
    and what later writes through it, its base or its other views do.

    In the program there are views; here the viewed tensor is changed where nothing uses it later.
    """
    tensors = Oracle(engine.aliasing).run(program)
    changes = {place: change for place in range(len(program.steps)) if (change := _in_place(program, place, tensors))}
    assume(changes)

    places = count()

    def apply(engine: Engine, step: Step, operands: Sequence[Any]) -> Any:
        place = next(places)
        if place not in changes:
            return apply_step(engine, step, operands)
        engine.apply(changes[place].operator, operands[0], **changes[place].params)
        return operands[0]

    grounds = any(_gives_grounds(program, place, tensors) for place in changes)
    assert_right_or_refused(engine, program, must_accept(program, tensors) and not grounds, apply)


def _in_place(program: Program, place: int, tensors: Sequence[Dual]) -> Step | None:
    """What changes the operand itself as this step does a view of it; None where the operand is used later, or is a leaf."""
    step = program.steps[place]
    later = {operand for each in program.steps[place + 1 :] for operand in each.operands} | set(program.roots)
    if step.operator not in ("permute_dims", "squeeze", "expand_dims") or not step.recorded:
        return None
    if program.target(step.operands[0]) in map(program.target, later) or tensors[step.operands[0]].history.leaf:
        return None
    if step.operator != "permute_dims":
        return replace(step, operator=f"{step.operator}_")
    moved = [axis for axis, other in enumerate(step.params["axes"]) if axis != other]
    if len(moved) != 2:
        return None
    return replace(step, operator="transpose_", params={"axis1": moved[0], "axis2": moved[1]})


def _gives_grounds(program: Program, place: int, tensors: Sequence[Dual]) -> bool:
    """Whether an engine that takes this change for a write has a ground to refuse it: a derivative may need what is in the
    memory, or a view is changed whose memory was written before, which may be an early view (see `must_accept`).
    """
    memory = tensors[program.steps[place].operands[0]].memory
    numbered = list(enumerate(program.steps[:place], len(program.inputs)))
    uses = [(*step.operands, number) for number, step in numbered if value_dependent(step)]
    uses += [step.operands[:1] for _, step in numbered if step.writes]
    return any(tensors[number].memory is memory for numbers in uses for number in numbers)


@clause(
    "inplace.version-counts",
    level=FULL,
    needs=(WRITE, VERSIONS),
    after="inplace.correct-or-loud",
    program=programs(writes=True, detach=True, recording_off=True),
)
def test_version_counts(engine: Engine, program: Program) -> None:
    """Each write counts one more version of the memory that it writes, for all tensors that share it, whether recording is on
    or off; what only reads counts none.
    """
    oracle = Oracle(engine.aliasing)
    duals = oracle.inputs(program.arrays, [each.requires_grad for each in program.inputs])
    tensors = program.leaves(engine)

    def apply(engine: Engine, step: Step, operands: Sequence[Any]) -> Any:
        before = [engine.version_of(each) for each in tensors]
        for each in tensors:
            engine.array(each)
        made = apply_step(engine, step, operands)
        written = duals[step.operands[0]].memory if step.writes else None
        for number, (tensor, dual, version) in enumerate(zip(tensors, duals, before, strict=True)):
            what = f"the version of {program.label(number)} after {step.operator}"
            equal(what, engine.version_of(tensor), version + (dual.memory is written))
        tensors.append(operands[0] if step.writes else made)
        duals.append(oracle.apply(step, [duals[number] for number in step.operands]))
        return made

    accept = must_accept(program, Oracle(engine.aliasing).tensors(program))
    with may_refuse(not accept, "a program that an engine has no ground to refuse"):
        program.execute(engine, list(tensors), apply)
