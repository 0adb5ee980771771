"""Several leaves that are joined behind nothing but views: whoever hands on a gradient without a copy shows here."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import hypothesis.strategies as st

from autograd_conformance.engine import Engine
from autograd_conformance.programs.generate import Choices, require_programs
from autograd_conformance.programs.palette import Palette, Shape
from autograd_conformance.programs.program import Input, Program, Step


def joined_leaves(engine: Engine) -> st.SearchStrategy[Program]:
    """The sum of views of two or three leaves, stacked with itself now and then."""
    require_programs(engine)
    return _joined(Palette.of(engine, writes=False, detach=False, recording_off=False, often="", passes=4))


@st.composite
def _joined(draw: st.DrawFn, palette: Palette) -> Program:
    choose = Choices(draw)
    shape = _shape(choose, palette)
    chains = [_chain(choose, palette, shape) for _ in range(2 + choose(2))]
    steps: list[Step] = []
    tops = []
    for number, (_, chain) in enumerate(chains):
        top = number
        for step in chain:
            steps.append(replace(step, operands=(top,)))
            top = len(chains) + len(steps) - 1
        tops.append(top)
    top = tops.pop(choose(len(tops)))
    while tops:
        operator = "subtract" if choose(4) == 0 and "subtract" in palette.operators else "add"
        operands = (top, tops.pop(choose(len(tops))))
        steps.append(Step(operator if operator in palette.operators else "multiply", operands))
        top = len(chains) + len(steps) - 1
    if not palette.accepts_cotangent and shape:
        steps.append(Step("sum", (top,), {"axis": tuple(range(len(shape))), "keepdims": False}))
        top = len(chains) + len(steps) - 1
    inputs = tuple(Input(seen) for seen, _ in chains)
    dtype = palette.dtypes[choose(len(palette.dtypes))]
    return Program(dtype, inputs, tuple(steps), (top,), choose(2**16), not palette.accepts_cotangent)


def _shape(choose: Choices, palette: Palette) -> Shape:
    if palette.shapes is not None:
        return palette.shapes[choose(len(palette.shapes))]
    return tuple((1, 2, 3)[choose(3)] for _ in range(choose(min(3, palette.max_ndim) + 1)))


def _chain(choose: Choices, palette: Palette, shape: Shape) -> tuple[Shape, list[Step]]:
    """The shape of a leaf, and views that make the wanted shape of it: none, or up to two and a reshape.

    Where all that is viewed is reshaped as well, a defect takes on few forms once it is made smaller.
    """
    chain: list[Step] = []
    if palette.shapes is not None or not choose(4):
        return shape, chain
    for _ in range(choose(3)):
        views = [view for view in _views(choose, shape) if view[1].operator in palette.operators]
        views = [view for view in views if len(view[0]) <= palette.max_ndim]
        if views:
            shape, step = views[choose(len(views))]
            chain.insert(0, step)
    if "reshape" in palette.operators:
        chain.insert(0, Step("reshape", (0,), {"shape": shape}))
        shape = ((prod(shape),) if choose(2) else shape) if palette.max_ndim else shape
    return shape, chain


def _views(choose: Choices, shape: Shape) -> list[tuple[Shape, Step]]:
    """Other shapes, each with a view that makes `shape` of it and keeps all elements in order."""
    axis = choose(len(shape) + 1)
    longer = (*shape[:axis], 1, *shape[axis:])
    found = [
        (longer, Step("squeeze", (0,), {"axis": axis})),
        (longer, Step("select", (0,), {"key": (*[slice(None)] * axis, 0)})),
    ]
    if shape:
        found.append((shape, Step("slice", (0,), {"key": (slice(0, shape[0], 1),)})))
    for place in [place for place, length in enumerate(shape) if length == 1]:
        found.append(((*shape[:place], *shape[place + 1 :]), Step("expand_dims", (0,), {"axis": place})))
    return found
