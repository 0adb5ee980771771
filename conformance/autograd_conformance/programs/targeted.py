"""Random programs in which something rare happens often: an operand named twice, roots that other roots depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

import hypothesis.strategies as st

from autograd_conformance.engine import Engine
from autograd_conformance.judge import Unsupported
from autograd_conformance.programs.drawing import Drawing
from autograd_conformance.programs.generate import Choices, programs_of, require_programs
from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.palette import MOST_ROOTS, Palette
from autograd_conformance.programs.program import Input, Program, Step
from autograd_conformance.programs.proposals import LARGEST_SIZE


def _palette(engine: Engine, passes: int) -> Palette:
    require_programs(engine)
    return Palette.of(engine, writes=False, detach=False, recording_off=False, often="", passes=passes)


def arithmetic_programs(engine: Engine) -> st.SearchStrategy[Program]:
    """Programs of sums and products alone, for what has nothing to do with operators."""
    palette = _palette(engine, passes=3)
    return programs_of(replace(palette, operators=palette.operators & {"add", "multiply"}))


# ---- an operand named twice ----
REPEATING = ("multiply", "multiply", "add", "subtract", "matmul", "concat", "stack")


def repeated_operands(passes: int = 1) -> Callable[[Engine], st.SearchStrategy[Program]]:
    """Programs with steps that name one tensor for two operands or for three."""
    return lambda engine: _repeated_operands(_palette(engine, passes))


@st.composite
def _repeated_operands(draw: st.DrawFn, palette: Palette) -> Program:
    drawing = Drawing(Choices(draw), palette)
    for repeating in (False, True, False, True):
        for _ in range(1 + drawing.choose(2) if repeating else drawing.choose(4)):
            if repeating:
                drawing.add(_repeating(drawing))
            else:
                drawing.step()
    return drawing.close()


def _repeating(drawing: Drawing) -> Step:
    operator = drawing.one_of(REPEATING) or "add"
    x = drawing.pick()
    shape = drawing.shape(x)
    copies = 2 + drawing.choose(2)
    fits = copies * prod(shape) <= LARGEST_SIZE
    if operator == "concat" and shape and fits:
        return Step("concat", (x,) * copies, {"axis": drawing.choose(len(shape))})
    if operator == "stack" and fits and len(shape) < drawing.palette.max_ndim:
        return Step("stack", (x,) * copies, {"axis": drawing.choose(len(shape) + 1)})
    squares = [number for number in drawing.names if _is_square(drawing.shape(number))]
    if operator == "matmul" and squares:
        return Step("matmul", (drawing.recent(squares),) * 2)
    plain = drawing.one_of(("multiply", "add") if operator in ("matmul", "concat", "stack") else (operator,))
    return Step(plain or "add", (x, x))


def _is_square(shape: tuple[int, ...]) -> bool:
    return len(shape) > 1 and shape[-1] == shape[-2]


# ---- roots inside ----
def nested_roots(passes: int = 1) -> Callable[[Engine], st.SearchStrategy[Program]]:
    """Programs with up to four roots, of which some depend on others, are leaves, or are named twice."""

    def strategy(engine: Engine) -> st.SearchStrategy[Program]:
        if not (engine.several_roots and engine.accepts_cotangent):
            raise Unsupported("a pass from several roots")
        return _nested_roots(_palette(engine, passes))

    return strategy


@st.composite
def _nested_roots(draw: st.DrawFn, palette: Palette) -> Program:
    choose = Choices(draw)
    drawing = Drawing(choose, palette)
    for _ in range(3 + choose(6)):
        drawing.step()
    program = drawing.close()
    tensors = Oracle(palette.aliasing).tensors(program)
    inside = [number for number, tensor in enumerate(tensors) if tensor.history.requires]
    roots = [*program.roots, *(inside[choose(len(inside))] for _ in range(1 + MOST_ROOTS - len(program.roots)))]
    return replace(program, roots=tuple(roots.pop(choose(len(roots))) for _ in roots[:]))


# ---- tensors without elements ----
WITHOUT_ELEMENTS = ((0,), (0, 3), (2, 0), (1, 0, 2), (0, 1))
ANY_LENGTHS = (
    "multiply",
    "matmul",
    "concat",
    "stack",
    "negative",
    "clone",
    "sum",
    "permute_dims",
    "expand_dims",
    "squeeze",
    "broadcast_to",
)
"""Proposals that ask for no element."""


def programs_without_elements(engine: Engine) -> st.SearchStrategy[Program]:
    """Programs over an input without elements and others that broadcast with it."""
    palette = _palette(engine, passes=3)
    shapes = [shape for shape in palette.shapes or WITHOUT_ELEMENTS if 0 in shape and len(shape) <= palette.max_ndim]
    if not shapes:
        raise Unsupported("tensors without elements")
    return _programs_without_elements(palette, shapes)


@st.composite
def _programs_without_elements(draw: st.DrawFn, palette: Palette, shapes: list[tuple[int, ...]]) -> Program:
    drawing = _WithoutElements(Choices(draw), palette, shapes)
    for _ in range(2 + drawing.choose(6)):
        drawing.step()
    return drawing.without_pruning()


class _WithoutElements(Drawing):
    def __init__(self, choose: Choices, palette: Palette, shapes: list[tuple[int, ...]]) -> None:
        self._shapes = shapes
        super().__init__(choose, palette)
        self.kinds = [kind for kind in self.kinds if kind in ANY_LENGTHS]

    def _inputs(self, differentiable: bool) -> list[Input]:
        """One without elements, one with as many as broadcast with it, and perhaps one like either."""
        shape = self._shapes[self.choose(len(self._shapes))]
        with_elements = tuple(length or 1 for length in shape)[self.choose(len(shape) + 1) :]
        more = (shape, with_elements, ())[self.choose(3)]
        return [Input(shape), Input(with_elements), Input(more, bool(self.choose(2)))]

    def without_pruning(self) -> Program:
        """A late tensor is the root, or the sum of all that nothing reads; a step without elements is no dead one."""
        unread = [number for number in self.unread if self.tensors[number].history.requires]
        root = unread[-1]
        if not self.palette.accepts_cotangent or self.choose(2):
            root = self._summed(unread[0])
            for number in unread[1:]:
                root = self.combined("add", root, self._summed(number))
        return self.program((root,))
