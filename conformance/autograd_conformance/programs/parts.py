"""Several views at a time: programs that take entries or slices of one tensor, and what takes them out of `unbind` or `split`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import hypothesis.strategies as st

from autograd_conformance.engine import Engine, Tensor
from autograd_conformance.judge import Unsupported, assume
from autograd_conformance.operators import VIEWS
from autograd_conformance.programs.generate import Choices, require_programs
from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.palette import Palette, Shape
from autograd_conformance.programs.program import Program, Step, apply_step
from autograd_conformance.programs.scenes import KINDS_OF_WRITES, Scene
from autograd_conformance.programs.viewing import Strategy

SEVERAL: Mapping[str, str] = {"unbind": "select", "split": "slice"}
"""What gives several views at a time -> what gives one of them."""


class InParts:
    """Runs a program's steps, but takes entries and slices out of one call of `unbind` or `split` where they follow each other."""

    def __init__(self, engine: Engine, program: Program) -> None:
        duals = Oracle(engine.aliasing).tensors(program)
        self._shapes = {id(step): duals[step.operands[0]].value.shape for step in program.steps}
        self._call: tuple[Any, ...] = ()
        self._source: Tensor = None
        self._parts: Sequence[Tensor] = ()

    def __call__(self, engine: Engine, step: Step, operands: Sequence[Tensor]) -> Tensor:
        found = self._found(engine, step)
        if found is None:
            self._source = None  # a write may come between
            return apply_step(engine, step, operands)
        operator, params, place = found
        if self._source is not operands[0] or self._call != (operator, params):
            self._call, self._source = (operator, params), operands[0]
            self._parts = engine.apply(operator, operands[0], **params)
        return self._parts[place]

    def _found(self, engine: Engine, step: Step) -> tuple[str, dict[str, int], int] | None:
        """The operator, its parameters, and which of its results the step's is."""
        for operator, single in SEVERAL.items():
            if step.operator == single and operator in engine.operators:
                axis, part = len(step.params["key"]) - 1, step.params["key"][-1]
                if operator == "unbind":
                    return operator, {"axis": axis}, part
                sizes = _sizes(part, self._shapes[id(step)][axis])
                before = self._call[1].get("size") if self._call else None
                size = before if before in sizes else max(sizes, default=0)
                return (operator, {"size": size, "axis": axis}, part.start // size) if size else None
        return None


def _sizes(part: slice, length: int) -> list[int]:
    """The sizes for which a split of an axis of this length has the slice among its parts."""
    if part.step not in (None, 1):
        return []
    start, stop = part.start, part.stop
    return [size for size in range(1, length + 1) if start % size == 0 and stop == min(start + size, length) > start]


def parts(*, writes: bool) -> Strategy:
    """Some entries, or parts, of one tensor, used in any order or not at all; with `writes`, some of them are written."""

    def strategy(engine: Engine) -> st.SearchStrategy[Program]:
        require_programs(engine)
        offered = engine.aliasing if writes else engine.operators
        several = [name for name, single in SEVERAL.items() if name in offered and single in engine.operators]
        if not several:
            raise Unsupported(f"none of the operators {', '.join(SEVERAL)}{' as views' if writes else ''}")
        palette = Palette.of(engine, writes=writes, detach=False, recording_off=False, often="", passes=1)
        return _parts(palette, several, writes)

    return strategy


@st.composite
def _parts(draw: st.DrawFn, palette: Palette, several: Sequence[str], writes: bool) -> Program:
    drawing = Scene(Choices(draw), palette)
    base = drawing.made()
    kinds = [kind for kind in VIEWS if kind in palette.aliasing]
    for _ in range(drawing.choose(3) if kinds else 0):
        drawing.view(drawing.aliases(base), kinds)
    source = drawing.recent(drawing.aliases(base))
    taken = _take(drawing, source, several[drawing.choose(len(several))])
    assume(taken)
    for _ in range(1 + drawing.choose(2)):
        if not writes:
            drawing.make("multiply", [*taken, *range(len(drawing.inputs))])
        elif kinds and drawing.choose(3) == 0 and drawing.view(taken, kinds):
            drawing.write([drawing.last], KINDS_OF_WRITES)
        else:
            drawing.write(taken, KINDS_OF_WRITES)
    assume(not writes or any(step.writes for step in drawing.steps))
    return drawing.end(base)


def _take(drawing: Scene, source: int, operator: str) -> list[int]:
    """One to three of the entries, or parts, of `source` along an axis, in any order; their numbers."""
    shape = drawing.shape(source)
    if not shape or 0 in shape:
        return []
    axis = drawing.choose(len(shape))
    keys = _keys(drawing, shape, axis, operator)
    taken = []
    for _ in range(min(len(keys), 1 + drawing.choose(3))):
        key = (*[slice(None)] * axis, keys.pop(drawing.choose(len(keys))))
        if drawing.add(Step(SEVERAL[operator], (source,), {"key": key})):
            taken.append(drawing.last)
    return taken


def _keys(drawing: Scene, shape: Shape, axis: int, operator: str) -> list[int | slice]:
    length = shape[axis]
    if operator == "unbind":
        return list(range(length))
    size = 1 + drawing.choose(length)
    return [slice(start, min(start + size, length), 1) for start in range(0, length, size)]
