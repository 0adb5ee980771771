"""The same values in other layouts: operands and cotangents that are permuted, have gaps, lie behind an offset, are expanded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.engine import Array, Engine, Tensor
from autograd_conformance.judge import Unsupported, assume
from autograd_conformance.programs.drawing import Drawing
from autograd_conformance.programs.generate import Choices, require_programs
from autograd_conformance.programs.palette import Palette, Shape
from autograd_conformance.programs.program import Program, Step

EXPANDED = "expanded"
LAYOUTS = ("row-major", "permuted", "with gaps", "behind an offset", EXPANDED)


def laid_out(engine: Engine, array: Array, layout: str) -> Tensor:
    """A tensor of these values in one of `LAYOUTS`, or in row-major order where the engine lacks the operator.

    For the layout *expanded* the values do not vary along the first axis.
    """
    shape = array.shape
    if layout == "permuted" and "permute_dims" in engine.operators:
        return engine.apply("permute_dims", engine.tensor(array.T.copy()), axes=tuple(reversed(range(array.ndim))))
    if layout == "with gaps" and shape and "slice" in engine.operators:
        key = (*[slice(None)] * (array.ndim - 1), slice(0, 2 * shape[-1], 2))
        return engine.apply("slice", engine.tensor(np.repeat(array, 2, -1)), key=key)
    if layout == "behind an offset" and array.ndim < engine.max_ndim and "select" in engine.operators:
        return engine.apply("select", engine.tensor(np.stack([-array, array])), key=(1,))
    if layout == EXPANDED and shape and shape[0] and "broadcast_to" in engine.operators:
        return engine.apply("broadcast_to", engine.tensor(array[:1]), shape=shape)
    return engine.tensor(array)


def constant_along_first(array: Array) -> Array:
    """What can be expanded along the first axis: its first entry, as often as there are entries."""
    return np.array(np.broadcast_to(array[:1], array.shape)) if array.ndim else array


def dressed_programs(engine: Engine) -> st.SearchStrategy[Program]:
    """Random programs whose inputs are views of other inputs: permuted, with gaps, behind an offset, expanded."""
    require_programs(engine)
    palette = Palette.of(engine, writes=False, detach=False, recording_off=False, often="", passes=4)
    shapes = palette.shapes or ((2, 3)[: palette.max_ndim],)
    if not any(wrapped(lambda count: 0, shape, palette) for shape in shapes):
        raise Unsupported("a view that has the shape of an input")
    return _dressed(palette)


@st.composite
def _dressed(draw: st.DrawFn, palette: Palette) -> Program:
    choose = Choices(draw)
    drawing = Drawing(choose, palette)
    for _ in range(3 + choose(6)):
        drawing.step()
    program = drawing.close()
    inputs, steps, names = list(program.inputs), list[Step](), dict[int, int]()
    for number, each in enumerate(program.inputs):
        found = wrapped(choose, each.shape, palette)
        if found is not None:
            shape, step = found
            inputs[number] = replace(each, shape=shape)
            names[number] = len(program.inputs) + len(steps)
            steps.append(replace(step, operands=(number,)))
    assume(steps)
    after = [number + len(steps) for number in range(len(program.inputs), len(program.inputs) + len(program.steps))]
    renamed = [names.get(number, number) for number in range(len(program.inputs))] + after
    steps += [replace(step, operands=tuple(renamed[each] for each in step.operands)) for step in program.steps]
    roots = tuple(renamed[root] for root in program.roots)
    return replace(program, inputs=tuple(inputs), steps=tuple(steps), roots=roots)


def wrapped(choose: Callable[[int], int], shape: Shape, palette: Palette) -> tuple[Shape, Step] | None:
    """Another shape, and a view of it that has the wanted shape."""
    candidates = [each for each in _wrappings(choose, shape) if each[1].operator in palette.operators]
    candidates = [(outer, step) for outer, step in candidates if len(outer) <= palette.max_ndim]
    if palette.shapes is not None:
        candidates = [each for each in candidates if each[0] in palette.shapes]
    return candidates[choose(len(candidates))] if candidates else None


def _wrappings(choose: Callable[[int], int], shape: Shape) -> list[tuple[Shape, Step]]:
    found = [((3, *shape), Step("select", (0,), {"key": (choose(3),)}))]
    if len(shape) > 1:
        outer = list(range(len(shape)))
        axes = tuple(outer.pop(choose(len(outer))) for _ in shape)
        lengths = tuple(shape[axes.index(axis)] for axis in range(len(shape)))
        found.append((lengths, Step("permute_dims", (0,), {"axes": axes})))
    for axis, length in enumerate(shape):
        before, after = shape[:axis], shape[axis + 1 :]
        start = choose(2)
        key = (*[slice(None)] * axis, slice(start, start + 2 * length - 1, 2))
        found.append(((*before, 2 * length + 1, *after), Step("slice", (0,), {"key": key})))
        found.append(((*before, 1, *after), Step("broadcast_to", (0,), {"shape": shape})))
    return found
