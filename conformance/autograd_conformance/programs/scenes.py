"""Random programs with a base, views of it, and writes to some of them, after which all of them are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import hypothesis.strategies as st

from autograd_conformance.engine import Engine
from autograd_conformance.judge import Unsupported, assume
from autograd_conformance.operators import STEPS, VIEWS
from autograd_conformance.programs.generate import Choices, require_programs
from autograd_conformance.programs.palette import Palette, Shape
from autograd_conformance.programs.program import DETACH, Input, Program, Step
from autograd_conformance.programs.proposals import PROPOSALS, write_to
from autograd_conformance.programs.viewing import Strategy, Viewing

UNSAVED = ("clone", "negative", "sum", "take", "concat", "stack")
"""Operators whose derivative needs no values: what they read may be written later."""
COPYING = tuple(name for name, operator in STEPS.items() if operator.kind == "function")
MOST_ROOTS = 5
KINDS_OF_WRITES = ("multiply_", "multiply_", "copy_", "setitem_", "add_")


class Scene(Viewing):
    """A base, views of it, writes to some of them, and readings of all of it."""

    def _inputs(self, differentiable: bool) -> list[Input]:
        """A leaf, an operand that as a rule broadcasts to it, and one that goes everywhere."""
        shape = self._shape()
        free = self.palette.shapes is None
        others = [self._related(shape), () if free else self._shape()]
        return [Input(shape), *(Input(each, self.choose(4) > 0) for each in others)]

    def made(self) -> int:
        """A result of the first input, as a rule by an operator that saves nothing."""
        for _ in range(4):
            if self.choose(8) and self.make(self.one_of(UNSAVED[:2]) or "multiply", [0]):
                return self.last
            if self.make("multiply", [0, 1]) and self.tensors[self.last].history.requires:
                return self.last
        return self.combined("multiply", 0, 0)

    def read(self, numbers: Sequence[int]) -> bool:
        """A result of one of `numbers`, as a rule by an operator that saves nothing."""
        kinds = [kind for kind in UNSAVED if kind in self.palette.operators]
        kind = kinds[self.choose(len(kinds))] if kinds and self.choose(8) else "multiply"
        return self.make(kind, numbers)

    def write(self, targets: Sequence[int], operators: Sequence[str]) -> bool:
        """A write to one of `targets`; whether one was found."""
        targets = [number for number in targets if self.writable(number) and 0 not in self.shape(number)]
        for _ in range(4 if targets else 0):
            operator = self.one_of(operators)
            proposed = operator and write_to(self, operator, self.recent(targets))
            if proposed and self.add(proposed):
                return True
        return False

    def write_copy(self, targets: Sequence[int], operators: Sequence[str]) -> None:
        """A write of a copy, made just before, of what lies in the memory that is written."""
        for _ in range(6):
            target = self.recent(targets)
            source = self._beside(target) if self.choose(4) else self.recent(targets)
            if source is not None and self.writable(target) and self._write_copy(target, source, operators):
                return

    def _beside(self, x: int) -> int | None:
        """A view of `x` that broadcasts to it, and as a rule has other elements in its places."""
        known = self.palette.aliasing & self.palette.operators
        steps = [step for step in _displaced(x, self.shape(x)) if step.operator in known]
        return self.last if steps and self.add(steps[self.choose(len(steps))]) else None

    def _write_copy(self, target: int, source: int, operators: Sequence[str]) -> bool:
        everything, unread = list(self.names), list(self.unread)
        if not self.add(Step("clone", (source,))):
            return False
        copy, self.names = self.last, [target, self.last]
        written = self.write([target], operators)
        self.names = [*everything, copy] if written else everything
        if not written:
            self.unread = unread
            del self.steps[-1], self.tensors[-1]
        return written

    def end(self, base: int) -> Program:
        """The base and all its views are read at the end, as is what nothing has read so far."""
        self.unread = sorted({*self.unread, *self.aliases(base)} - set(range(len(self.inputs))))
        return self.close()


def scenes(
    *,
    targets: str = "any",
    operators: Sequence[str] = KINDS_OF_WRITES,
    most: int = 2,
    constant: bool = False,
    detached: bool = False,
    overlapping: bool = False,
) -> Strategy:
    """A result and its views, of which some are taken before, some after up to `most` writes, and all are read at the end.

    `targets`: "base", "views" or "any".  `constant`: the base wants no gradient before it is written.  `detached`: some
    views are detached.  `overlapping`: what is written is a copy of what lies in the memory that is written.
    """
    plan = Plan(targets, operators, most, constant, detached, overlapping)

    def strategy(engine: Engine) -> st.SearchStrategy[Program]:
        require_programs(engine)
        palette = Palette.of(engine, writes=True, detach=detached, recording_off=False, often="", passes=2)
        if palette.operators.isdisjoint(operators):
            raise Unsupported(f"none of the operators {', '.join(operators)}")
        if palette.aliasing.isdisjoint(VIEWS) or palette.operators.isdisjoint(palette.aliasing):
            raise Unsupported("no operator whose result shares memory with its operand")
        if detached and DETACH not in palette.aliasing:
            raise Unsupported("a detached tensor that shares memory with its source")
        palette = replace(palette, roots=MOST_ROOTS if palette.roots > 1 else 1)
        return _scenes(palette, plan)

    return strategy


@dataclass(frozen=True)
class Plan:
    """What `scenes` was asked for."""

    targets: str
    operators: Sequence[str]
    most: int
    constant: bool
    detached: bool
    overlapping: bool

    @property
    def kinds(self) -> Sequence[str]:
        """Of the views; those that overlap each other in all ways are slices of what is permuted."""
        if self.overlapping:
            return "slice", "permute_dims"
        return (*VIEWS, *[DETACH] * 4) if self.detached else VIEWS

    def family(self, drawing: Scene, base: int) -> list[int]:
        """What may be written."""
        if self.targets == "base":
            return [base]
        return drawing.aliases(base)[self.targets == "views" :]


@st.composite
def _scenes(draw: st.DrawFn, palette: Palette, plan: Plan) -> Program:
    drawing = (ConstantBase if plan.constant else Scene)(Choices(draw), palette)
    plainly = plan.overlapping and "negative" in palette.operators
    base = drawing.combined("negative", 0) if plainly else drawing.made()
    if plan.detached and drawing.choose(3) == 0:
        base = 0
    kinds = [kind for kind in plan.kinds if kind in palette.aliasing]
    for _ in range(1 + drawing.choose(1 if plan.overlapping else 4)):
        drawing.view(drawing.aliases(base), kinds)
    assume(len(drawing.aliases(base)) > 1 or plan.targets != "views")
    for _ in range(1 + drawing.choose(plan.most)):
        if drawing.choose(3) == 0:
            drawing.read(drawing.aliases(base))
        if plan.overlapping:
            drawing.write_copy(plan.family(drawing, base), plan.operators)
        else:
            drawing.write(plan.family(drawing, base), plan.operators)
        if drawing.choose(2):
            drawing.view(drawing.aliases(base), kinds)
    assume(any(step.writes for step in drawing.steps) and drawing.tensors[base].history.requires)
    assume(not plan.detached or DETACH in (step.operator for step in drawing.steps))
    return drawing.end(base)


def _displaced(x: int, shape: Shape) -> list[Step]:
    """Views of `x` that broadcast to it: one entry of an axis, or, where that fits, two axes exchanged."""
    found = []
    for axis, length in enumerate(shape):
        for start in range(length) if length > 1 else ():
            found.append(Step("slice", (x,), {"key": (*[slice(None)] * axis, slice(start, start + 1, 1))}))
        if axis and shape[axis - 1] == length > 1:
            axes = list(range(len(shape)))
            axes[axis - 1 : axis + 1] = axis, axis - 1
            found += [Step("permute_dims", (x,), {"axes": tuple(axes)})] * 3
    return found


class ConstantBase(Scene):
    """The base is made of the first input, which wants no gradient."""

    def _inputs(self, differentiable: bool) -> list[Input]:
        first, second, third = super()._inputs(differentiable)
        return [replace(first, requires_grad=False), replace(second, requires_grad=True), third]

    def made(self) -> int:
        copies = "clone" in self.palette.operators and self.choose(2)
        return self.last if copies and self.make("clone", [0]) else 0


# ---- copies ----
def copies(engine: Engine) -> st.SearchStrategy[Program]:
    """Results that nothing need be computed for, and writes to them and to their operands; no gradients, no roots."""
    palette = Palette.of(engine, writes=True, detach=False, recording_off=False, often="", passes=1)
    if palette.operators.isdisjoint(COPYING):
        raise Unsupported("no operator of kind function")
    return _copies(palette)


@st.composite
def _copies(draw: st.DrawFn, palette: Palette) -> Program:
    drawing = Constants(Choices(draw), palette)
    for _ in range(2 + drawing.choose(3)):
        if drawing.choose(3) == 0:
            drawing.view(drawing.names)
        before = drawing.last
        assume(drawing.copy())
        operands = drawing.steps[-1].operands
        targets = (drawing.last, *operands) if drawing.last > before else ()
        drawing.write(targets, KINDS_OF_WRITES)
    assume(any(step.writes for step in drawing.steps))
    return drawing.program(())


class Constants(Scene):
    """No input wants a gradient."""

    def _inputs(self, differentiable: bool) -> list[Input]:
        return [replace(each, requires_grad=False) for each in super()._inputs(differentiable)]

    def copy(self) -> bool:
        """A result with memory of its own, as a rule one that holds the same numbers as its operand."""
        for _ in range(6):
            x = self.recent(self.names)
            steps = [
                step
                for step in _same_numbers(x, self.shape(x), self.palette.max_ndim)
                if step.operator in self.palette.operators
            ]
            if steps and self.choose(3) and self.add(steps[self.choose(len(steps))]):
                return True
            kinds = [kind for kind in COPYING if kind in PROPOSALS and kind in self.palette.operators]
            if kinds and self.make(kinds[self.choose(len(kinds))], self.names):
                return True
        return False


def _same_numbers(x: int, shape: Shape, most: int) -> list[Step]:
    """Steps that have the operand's numbers for a result, in memory of its own and with at most so many axes."""
    found = [Step("clone", (x,))]
    for axis, length in enumerate(shape):
        if length:  # of no indices nobody knows that they are integers
            found.append(Step("take", (x,), {"indices": tuple(range(length)), "axis": axis}))
        found.append(Step("concat", (x,), {"axis": axis}))
        if length == 1:
            found.append(Step("sum", (x,), {"axis": (axis,), "keepdims": True}))
            found.append(Step("sum", (x,), {"axis": (axis,), "keepdims": False}))
    return found if len(shape) == most else [*found, Step("stack", (x,), {"axis": 0})]
