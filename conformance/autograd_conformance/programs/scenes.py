"""Random programs with a base, views of it, and writes to some of them, after which all of them are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import hypothesis.strategies as st

from autograd_conformance.engine import Engine
from autograd_conformance.judge import Unsupported, assume
from autograd_conformance.operators import STEPS, VIEWS
from autograd_conformance.programs.generate import Choices, require_programs
from autograd_conformance.programs.palette import Palette, Shape
from autograd_conformance.programs.program import Input, Program, Step
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
            if self.make("multiply", [0, 1]):
                return self.last
        return self.combined("multiply", 0, 0)

    def read(self, numbers: Sequence[int]) -> bool:
        """A result of one of `numbers`, as a rule by an operator that saves nothing."""
        kinds = [kind for kind in UNSAVED if kind in self.palette.operators]
        kind = kinds[self.choose(len(kinds))] if kinds and self.choose(8) else "multiply"
        return self.make(kind, numbers)

    def write(self, targets: Sequence[int], operators: Sequence[str]) -> bool:
        """A write to one of `targets`; whether one was found."""
        targets = [number for number in targets if self.writable(number)]
        for _ in range(4 if targets else 0):
            operator = self.one_of(operators)
            proposed = operator and write_to(self, operator, self.recent(targets))
            if proposed and self.add(proposed):
                return True
        return False

    def end(self, base: int) -> Program:
        """The base and all its views are read at the end, as is what nothing has read so far."""
        self.unread = sorted({*self.unread, *self.aliases(base)} - set(range(len(self.inputs))))
        return self.close()


def scenes(
    *, targets: str = "any", operators: Sequence[str] = KINDS_OF_WRITES, constant: bool = False, most: int = 2
) -> Strategy:
    """A result and its views, of which some are taken before, some after up to `most` writes, and all are read at the end.

    `targets`: "base", "views" or "any".  `constant`: the base wants no gradient before it is written.
    """

    def strategy(engine: Engine) -> st.SearchStrategy[Program]:
        require_programs(engine)
        palette = Palette.of(engine, writes=True, detach=False, recording_off=False, often="", passes=2)
        if palette.operators.isdisjoint(operators):
            raise Unsupported(f"none of the operators {', '.join(operators)}")
        if palette.aliasing.isdisjoint(VIEWS) or palette.operators.isdisjoint(palette.aliasing):
            raise Unsupported("no operator whose result shares memory with its operand")
        if palette.roots > 1:
            palette = replace(palette, roots=MOST_ROOTS)
        return _scenes(palette, targets, operators, constant, most)

    return strategy


@st.composite
def _scenes(
    draw: st.DrawFn, palette: Palette, targets: str, operators: Sequence[str], constant: bool, most: int
) -> Program:
    drawing = (ConstantBase if constant else Scene)(Choices(draw), palette)
    base = drawing.made()
    kinds = [kind for kind in VIEWS if kind in palette.aliasing]
    for _ in range(1 + drawing.choose(4)):
        drawing.view(drawing.aliases(base), kinds)
    assume(len(drawing.aliases(base)) > 1 or targets != "views")
    for _ in range(1 + drawing.choose(most)):
        if drawing.choose(3) == 0:
            drawing.read(drawing.aliases(base))
        family = {"base": [base], "views": drawing.aliases(base)[1:], "any": drawing.aliases(base)}[targets]
        drawing.write(family, operators)
        if drawing.choose(2):
            drawing.view(drawing.aliases(base), kinds)
    assume(any(step.writes for step in drawing.steps) and drawing.tensors[base].history.requires)
    return drawing.end(base)


class ConstantBase(Scene):
    """The base is made of the first input, which wants no gradient."""

    def _inputs(self, differentiable: bool) -> list[Input]:
        first, second, third = super()._inputs(differentiable)
        return [replace(first, requires_grad=False), replace(second, requires_grad=True), third]

    def made(self) -> int:
        return self.last if self.choose(2) and self.make("clone", [0]) else 0


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
            steps = [step for step in _same_numbers(x, self.shape(x)) if step.operator in self.palette.operators]
            if steps and self.choose(3) and self.add(steps[self.choose(len(steps))]):
                return True
            kinds = [kind for kind in COPYING if kind in PROPOSALS and kind in self.palette.operators]
            if kinds and self.make(kinds[self.choose(len(kinds))], self.names):
                return True
        return False


def _same_numbers(x: int, shape: Shape) -> list[Step]:
    """Steps that have the operand's numbers for a result, in memory of its own."""
    found = [Step("clone", (x,))]
    for axis, length in enumerate(shape):
        found.append(Step("take", (x,), {"indices": tuple(range(length)), "axis": axis}))
        found.append(Step("concat", (x,), {"axis": axis}))
        if length == 1:
            found.append(Step("sum", (x,), {"axis": (axis,), "keepdims": True}))
            found.append(Step("sum", (x,), {"axis": (axis,), "keepdims": False}))
    return [*found, Step("stack", (x,), {"axis": 0})]
