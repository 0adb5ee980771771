"""Random programs that join tensors: several, one of them more than once, empty ones, views."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import hypothesis.strategies as st

from autograd_conformance.engine import Engine
from autograd_conformance.judge import Unsupported, assume
from autograd_conformance.programs.broadcasting import Pairs, shape_of
from autograd_conformance.programs.generate import Choices, require_programs
from autograd_conformance.programs.palette import Palette
from autograd_conformance.programs.program import Program, Step
from autograd_conformance.programs.proposals import LARGEST_SIZE

JOINS = ("concat", "stack")


def joins(engine: Engine) -> st.SearchStrategy[Program]:
    """Two to four operands joined along some axis."""
    require_programs(engine)
    known = [operator for operator in JOINS if operator in engine.operators]
    if not known or engine.max_ndim < 1:
        raise Unsupported(f"one of the operators {', '.join(JOINS)}, and tensors with axes")
    return _joins(Palette.of(engine, writes=False, detach=False, recording_off=False, often="", passes=1), known)


@st.composite
def _joins(draw: st.DrawFn, palette: Palette, operators: Sequence[str]) -> Program:
    choose = Choices(draw)
    drawing = Pairs(choose, palette)
    operator = operators[choose(len(operators))]
    shape = shape_of(choose, palette, most=min(3, palette.max_ndim - (operator == "stack")))
    assume(shape or operator == "stack")
    axis = choose(len(shape) + (operator == "stack"))
    shapes = [shape for _ in range(1 + choose(3))]
    if operator == "concat" and palette.shapes is None:
        shapes += [(*shape[:axis], choose(4), *shape[axis + 1 :]) for _ in range(choose(2))]
    numbers = [drawing.operand(each, requires_grad=choose(5) > 0 or not place) for place, each in enumerate(shapes)]
    numbers.append(numbers[choose(len(numbers))])
    order = [numbers.pop(choose(len(numbers))) for _ in numbers[:]]
    assume(sum(map(prod, shapes)) + prod(shapes[0]) <= LARGEST_SIZE)
    drawing.ndim = len(shape) + (operator == "stack")
    return drawing.program(Step(operator, tuple(order), {"axis": axis}))
