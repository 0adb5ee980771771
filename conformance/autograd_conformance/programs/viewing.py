"""Random programs made of steps of given kinds on given tensors, and the first of them: chains of views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import hypothesis.strategies as st

from autograd_conformance.engine import Engine
from autograd_conformance.judge import Unsupported, assume
from autograd_conformance.operators import VIEWS
from autograd_conformance.programs.drawing import Drawing
from autograd_conformance.programs.generate import Choices, require_programs
from autograd_conformance.programs.palette import Palette, Shape
from autograd_conformance.programs.program import Input, Program, Step
from autograd_conformance.programs.proposals import LARGEST_SIZE, PROPOSALS

Strategy = Callable[[Engine], st.SearchStrategy[Program]]


def expand(drawing: Drawing) -> Step | None:
    """Up to two new axes, and any of length 1 made longer, or now and then empty."""
    x = drawing.pick()
    shape = [drawing.choose(9) and 1 + drawing.choose(3) if length == 1 else length for length in drawing.shape(x)]
    new = [1 + drawing.choose(3) for _ in range(drawing.choose(3))]
    if len(new) + len(shape) > drawing.palette.max_ndim or prod((*new, *shape)) > LARGEST_SIZE:
        return None
    return Step("broadcast_to", (x,), {"shape": (*new, *shape)})


PROPOSED = {kind: function for kind, (_, function) in PROPOSALS.items()} | {"broadcast_to": expand}


class Viewing(Drawing):
    """A program in the making, with steps of a given kind on given tensors."""

    def make(self, kind: str, names: Sequence[int]) -> bool:
        """Append a step of a kind (see `proposals.py`) whose operands are among `names`; whether one was found."""
        everything, self.names = self.names, list(names)
        unread, self.unread = self.unread, []
        proposed = PROPOSED[kind](self)
        self.names, self.unread = everything, unread
        return proposed is not None and self.add(proposed)

    def view(self, names: Sequence[int], kinds: Sequence[str] = VIEWS) -> bool:
        """Append a view of one of `names`; whether one was found."""
        kinds = [kind for kind in kinds if kind in self.palette.operators]
        return bool(kinds) and any(self.make(kinds[self.choose(len(kinds))], names) for _ in range(6))

    @property
    def last(self) -> int:
        return len(self.tensors) - 1

    def aliases(self, number: int) -> list[int]:
        """The tensors that share the memory of `number`, itself among them."""
        return [name for name in self.names if self.tensors[name].memory is self.tensors[number].memory]


class Chain(Viewing):
    """One leaf, of many axes as a rule and now and then empty, and views of it."""

    def _shape(self) -> Shape:
        if self.palette.shapes is not None:
            return super()._shape()
        ndim = min((0, 1, 2, 2, 3, 3, 3, 4)[self.choose(8)], self.palette.max_ndim)
        if self.choose(4) == 0:  # what goes along the wrong axis is not noticed unless it fits there
            return (1 + self.choose(3 if ndim < 4 else 2),) * ndim
        lengths = (1, 1, 2, 2, 3, 3, 4) if ndim < 4 else (1, 2, 2, 2, 2, 1, 3)
        shape = tuple(lengths[self.choose(7)] for _ in range(ndim))
        empty = self.choose(ndim) if ndim and self.choose(16) == 0 else ndim
        return tuple(0 if axis == empty else length for axis, length in enumerate(shape))

    def _inputs(self, differentiable: bool) -> list[Input]:
        return [Input(self._shape(), differentiable)]


def chains(
    *, least: int = 1, most: int, kinds: Sequence[str] = VIEWS, forks: bool = False, cotangents: bool = False
) -> Strategy:
    """From `least` to `most` views, each of the one before it; with `forks`, of any before it. The last one is among `kinds`.

    `cotangents`: only for engines that accept them, and so do not need one step more.
    """

    def strategy(engine: Engine) -> st.SearchStrategy[Program]:
        require_programs(engine)
        if cotangents and not engine.accepts_cotangent:
            raise Unsupported("a pass with a cotangent")
        if engine.operators.keys().isdisjoint(kinds):
            raise Unsupported(f"none of the operators {', '.join(kinds)}")
        palette = Palette.of(engine, writes=False, detach=False, recording_off=False, often="", passes=1)
        return _chains(palette, least, most, kinds, forks)

    return strategy


@st.composite
def _chains(draw: st.DrawFn, palette: Palette, least: int, most: int, kinds: Sequence[str], forks: bool) -> Program:
    drawing = Chain(Choices(draw), palette)
    for _ in range(least - 1 + drawing.choose(most - least + 1)):
        drawing.view(drawing.names if forks else drawing.names[-1:])
    assume(drawing.view(drawing.names[-1:], kinds))
    if not palette.accepts_cotangent:  # a cotangent of ones is the same in every order
        drawing.combined("multiply", drawing.last, drawing.last)
    return drawing.close()
