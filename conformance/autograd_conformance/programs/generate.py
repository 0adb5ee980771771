"""Strategies of random programs.  A weak generator makes the suite a toy, so its distribution is measured: `distribution.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.engine import Array, Engine
from autograd_conformance.judge import Unsupported
from autograd_conformance.operators import VIEWS, WRITES
from autograd_conformance.programs.drawing import Drawing, draw_program
from autograd_conformance.programs.palette import Palette, Shape
from autograd_conformance.programs.program import DETACH, Program

COPIES = ("take", "concat", "stack", "clone")
"""Operators that rearrange what is there in memory of their own."""


def programs(
    *,
    writes: bool = False,
    detach: bool = False,
    recording_off: bool = False,
    often: str | tuple[str, ...] = (),
    passes: int = 1,
    cotangents: bool = False,
    several_roots: bool = False,
    unit_cotangent: bool = False,
) -> Callable[[Engine], st.SearchStrategy[Program]]:
    """Random programs that the engine can run: without writes, detached tensors and unrecorded steps unless asked for.

    `often`: proposals (see `proposals.py`) to be made often.  `passes`: how many gradients are added up at most.
    `cotangents`, `several_roots`: only for engines that accept them.  `unit_cotangent`: one root of one element, with a
    cotangent of one.
    """

    def strategy(engine: Engine) -> st.SearchStrategy[Program]:
        if cotangents and not engine.accepts_cotangent:
            raise Unsupported("a pass with a cotangent")
        if several_roots and not (engine.several_roots and engine.accepts_cotangent):
            raise Unsupported("a pass from several roots")
        require_programs(engine)
        palette = Palette.of(
            engine, writes=writes, detach=detach, recording_off=recording_off, often=often, passes=passes
        )
        if unit_cotangent:
            palette = replace(palette, accepts_cotangent=False, roots=1)
        if not palette.accepts_cotangent and engine.max_ndim and "sum" not in engine.operators:
            raise Unsupported("programs with one-element roots need the operator sum")
        return programs_of(palette)

    return strategy


def require_programs(engine: Engine) -> None:
    """Raises Unsupported for an engine that has too little for any program."""
    if engine.operators.keys().isdisjoint({"add", "multiply"}):
        raise Unsupported("programs need the operator add or multiply")
    if not engine.accepts_cotangent and engine.max_ndim and "sum" not in engine.operators:
        raise Unsupported("programs with one-element roots need the operator sum")


def view_programs(engine: Engine) -> st.SearchStrategy[Program]:
    """Views, copies and writes on tensors that want no gradients; no roots: what counts is every value."""
    if engine.operators.keys().isdisjoint(VIEWS):
        raise Unsupported("no operator of kind view")
    palette = Palette.of(engine, writes=True, detach=True)
    return _view_programs(replace(palette, operators=palette.operators & {*VIEWS, *WRITES, *COPIES, DETACH}))


@st.composite
def programs_of(draw: st.DrawFn, palette: Palette) -> Program:
    return draw_program(Choices(draw), palette)


@st.composite
def _view_programs(draw: st.DrawFn, palette: Palette) -> Program:
    drawing = Drawing(Choices(draw), palette, differentiable=False)
    for _ in range(4 + drawing.choose(12)):
        drawing.step()
    return drawing.program(())


def diamonds(engine: Engine) -> st.SearchStrategy[Program]:
    """Ladders: each step takes the one before it twice, so that the number of paths doubles, up to a million."""
    if "add" not in engine.operators:
        raise Unsupported("diamonds need the operator add")
    return _diamonds(Palette.of(engine))


@st.composite
def _diamonds(draw: st.DrawFn, palette: Palette) -> Program:
    drawing = Drawing(Choices(draw), palette)
    top = drawing.combined(drawing.one_of(("multiply", "add")) or "add", 0, 0)
    for _ in range(drawing.choose(20)):
        sides = [drawing.combined("negative", top) if drawing.choose(6) == 0 else top for _ in range(2)]
        operator = "subtract" if sides[0] != sides[1] and drawing.choose(2) else "add"
        top = drawing.combined(operator, *sides)
    return drawing.finished([top])


def shapes(engine: Engine) -> st.SearchStrategy[Shape]:
    """Shapes of one tensor, without elements, of one, and of more."""
    if engine.shapes is not None:
        return st.sampled_from(engine.shapes)
    return st.lists(st.integers(0, 3), max_size=min(3, engine.max_ndim)).map(tuple)


def numbered(shape: Shape, dtype: str) -> Array:
    """An array of this shape that counts from 1."""
    return np.arange(1, prod(shape) + 1, dtype=dtype).reshape(shape)


class Choices:
    """Small numbers out of larger ones that Hypothesis draws: a draw costs more than all else that a choice needs."""

    LARGEST = 2**24
    SPREAD = 0x9E3779  # odd, so that multiplying by it loses nothing
    _numbers = st.integers(0, LARGEST - 1)

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._rest, self._range, self._draws = 0, 0, 0

    def __call__(self, count: int) -> int:
        """A number from 0 to `count` - 1, as good as evenly."""
        if self._range < 64 * count:
            self._draws += 1  # Hypothesis likes small numbers and repeats; without this, so would every choice
            self._rest = (self._draw(self._numbers) + self._draws) * self.SPREAD % self.LARGEST
            self._range = self.LARGEST
        self._rest, choice = divmod(self._rest, count)
        self._range //= count
        return choice
