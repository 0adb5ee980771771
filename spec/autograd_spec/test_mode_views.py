"""Views that are taken while recording is off, and writes through them."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import hypothesis.strategies as st

from autograd_conformance.clauses import FULL, clause
from autograd_conformance.engine import NO_GRAD, TAPE, WRITE, Engine, Tensor
from autograd_conformance.judge import Unsupported, assume, equal, may_refuse, refuses
from autograd_conformance.operators import WRITES
from autograd_conformance.programs.comparing import ABSENT_ZEROS, assert_gradients, assert_values, pass_back
from autograd_conformance.programs.oracle import Dual, Oracle, pull_back
from autograd_conformance.programs.program import Input, Program, Step
from autograd_conformance.programs.viewing import chains

Write: TypeAlias = tuple[int, int, bool, str]
"""After which view, which tensor before it is written, whether recording is on, and the operator."""
BASE, VALUE = 2, 1
"""The tensors that are viewed and that are written, by number."""


def _written_views(engine: Engine) -> st.SearchStrategy[Program]:
    known = [operator for operator in WRITES if engine.has(operator)]
    if not known:
        raise Unsupported(f"none of the operators {', '.join(WRITES)}")
    write = st.tuples(st.integers(0, 4), st.integers(0, 5), st.booleans(), st.sampled_from(known))
    views = chains(most=4, forks=True, cotangents=True)(engine)
    masks, writes = st.integers(0, 2**4 - 1), st.lists(write, min_size=1, max_size=4)
    return st.builds(partial(with_writes, engine.aliasing), views, masks, writes)


@clause(
    "mode.view-then-write",
    level=FULL,
    needs=(TAPE, NO_GRAD, WRITE, "negative"),
    after="view.write-view-changes-base-history",
    choices=(ABSENT_ZEROS,),
    examples=200,
    program=_written_views,
)
def test_view_then_write(engine: Engine, program: Program) -> None:
    """A view that was taken while recording was off, or a view of such a view, is not written while recording is on with what
    requires gradients: that is refused, and changes nothing.  While recording is off it may be written: that changes the
    values of its base and of all other views, and no history.
    """
    cut = unrecorded_views(engine, program)
    assume(any(step.writes and step.operands[0] in cut for step in program.steps))
    assume(writes_only_to_views(engine, program))
    with may_refuse(gives_grounds(program, cut), "writes while recording is off"):
        assert_written(engine, program, cut)


def with_writes(aliasing: Collection[str], program: Program, mask: int, writes: Sequence[Write]) -> Program:
    """The views, of a result instead of the input, recorded by the bits of `mask`; another input is written to some of them.

    It has no roots: every value counts.
    """
    duals = Oracle(aliasing).tensors(program)
    steps, names = [Step("negative", (0,))], [BASE]
    for place, step in enumerate(program.steps):
        operands = tuple(names[number] for number in step.operands)
        steps.append(replace(step, operands=operands, recorded=bool(mask >> place & 1)))
        names.append(len(steps) + 1)
        for after, which, recorded, operator in writes:
            number = which % len(names)
            if after % len(program.steps) == place and _may_be_written(duals[number], duals[0], operator):
                params = {"key": (slice(None),)} if operator == "setitem_" else {}
                steps.append(Step(operator, (names[number], VALUE), params, recorded))
    return replace(program, inputs=(*program.inputs, Input(())), steps=tuple(steps), roots=())


def _may_be_written(target: Dual, base: Dual, operator: str) -> bool:
    fits = bool(target.value.ndim) or operator != "setitem_"
    return fits and target.memory is base.memory and not target.expanded and target.value.size > 0


def writes_only_to_views(engine: Engine, program: Program) -> bool:
    """Whether it still is as it was drawn, once it was made smaller: it writes a leaf, and to views of a result."""
    if (
        len(program.inputs) != 2
        or program.steps[0] != Step("negative", (0,))
        or not all(each.requires_grad for each in program.inputs)
    ):
        return False
    duals = WritableViews(engine.aliasing).tensors(program)
    return all(
        step.operands[1:] == (VALUE,) and _may_be_written(duals[step.operands[0]], duals[BASE], step.operator)
        for step in program.steps
        if step.writes
    )


def unrecorded_views(engine: Engine, program: Program) -> set[int]:
    """Those that were taken while recording was off, and views of them."""
    found: set[int] = set()
    for number, step in enumerate(program.steps, len(program.inputs)):
        is_view = step.operator in engine.aliasing
        if is_view and (not step.recorded or step.operands[0] in found):
            found.add(number)
    return found


def gives_grounds(program: Program, cut: set[int]) -> bool:
    """Whether histories change while there are such views, or one of them is read by a recorded step after a write."""
    writes = False
    for step in program.steps:
        writes = writes or step.writes
        reads_cut = step.operands[0] in cut
        if writes and step.recorded and reads_cut != step.writes:
            return True
    return False


class WritableViews(Oracle):
    """Views that were taken while recording was off may be written, too."""

    def view(self, step: Step, source: Dual) -> Dual:
        made = super().view(step, source)
        made.memory.frozen = False
        return replace(made, recorded=True)


def assert_written(engine: Engine, program: Program, cut: set[int]) -> None:
    """Recorded writes to the tensors in `cut` are refused; all other steps count."""
    oracle = WritableViews(engine.aliasing)
    tensors = program.leaves(engine)
    duals = oracle.inputs(program.arrays, [True, True])
    for step in program.steps:
        operands = [tensors[number] for number in step.operands]
        if step.writes and step.recorded and step.operands[0] in cut:
            refuses(f"a write to {program.label(step.operands[0])}", written_value(engine, step, operands))
            made = duals[step.operands[0]]
        else:
            result = step.run(engine, operands)
            made = oracle.apply(step, [duals[number] for number in step.operands])
        tensors.append(operands[0] if step.writes else result)
        duals.append(made)
    for number, (tensor, dual) in enumerate(zip(tensors, duals, strict=True)):
        equal(f"the value of {program.label(number)}", engine.array(tensor), dual.value.astype(program.dtype))
    names = [number for number in range(len(duals)) if program.target(number) == number]
    roots = [number for number in names[2:] if duals[number].history.requires]
    roots = roots if engine.several_roots else roots[:1]
    cotangents = program.cotangent_arrays([duals[root].value.shape for root in roots])
    expected = pull_back(program, [duals[root] for root in roots], cotangents)
    pass_back(engine, [tensors[root] for root in roots], cotangents)
    assert_values(engine, [tensors[root] for root in roots], expected)
    assert_gradients(engine, program, tensors, expected.gradients)


def written_value(engine: Engine, step: Step, operands: Sequence[Tensor]) -> Callable[[], object]:
    """Writes, and reads what was written, for an engine that computes no earlier."""

    def write() -> object:
        step.run(engine, operands)
        return engine.array(operands[0])

    return write
