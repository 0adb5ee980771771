"""Random programs of one operator on operands that broadcast: axes of length one, missing axes, empty axes, shared operands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import hypothesis.strategies as st

from autograd_conformance.engine import Engine
from autograd_conformance.judge import Unsupported, assume
from autograd_conformance.programs.generate import Choices, require_programs
from autograd_conformance.programs.layouts import wrapped
from autograd_conformance.programs.palette import Palette, Shape
from autograd_conformance.programs.program import Input, Program, Step
from autograd_conformance.programs.proposals import LARGEST_SIZE
from autograd_conformance.programs.viewing import Strategy

Choose = Callable[[int], int]
ELEMENTWISE = ("multiply", "add", "subtract")
BROADCASTING_WRITES = ("multiply_", "copy_", "add_", "setitem_")


def shape_of(choose: Choose, palette: Palette, most: int = 4) -> Shape:
    """Lengths from 1 to 4, now and then 0; as many axes as the engine has, up to `most`."""
    if palette.shapes is not None:
        return palette.shapes[choose(len(palette.shapes))]
    ndim = choose(min(most, palette.max_ndim) + 1)
    lengths = (2, 3, 1, 2, 3, 4 if ndim < 3 else 2)
    empty = choose(ndim) if ndim and choose(10) == 0 else ndim
    return tuple(0 if axis == empty else lengths[choose(6)] for axis in range(ndim))


def reduced(choose: Choose, palette: Palette, shape: Shape) -> Shape:
    """A shape that broadcasts to `shape`: leading axes left out, others of length one."""
    if palette.shapes is not None:
        fitting = [each for each in palette.shapes if broadcasts(each, shape)]
        return fitting[choose(len(fitting))]
    kept = shape[choose(len(shape) + 1) if choose(2) else 0 :]
    return tuple(1 if choose(3) == 0 else length for length in kept)


def broadcasts(small: Shape, large: Shape) -> bool:
    """Whether `small` broadcasts to exactly `large`."""
    fits = all(a in (1, b) for a, b in zip(reversed(small), reversed(large), strict=False))
    return fits and len(small) <= len(large)


class Pairs:
    """A program of one operator in the making."""

    def __init__(self, choose: Choose, palette: Palette) -> None:
        self.choose, self.palette = choose, palette
        self.inputs: list[Input] = []
        self.views: list[tuple[int, Step]] = []
        """The number of an input, and the view of it that is taken instead."""

    def operand(self, shape: Shape, requires_grad: bool = True) -> int:
        """The number of a new input of this shape, or, one time out of two, of another of which that is a view."""
        number = len(self.inputs)
        view = wrapped(self.choose, shape, self.palette) if self.choose(2) else None
        self.inputs.append(Input(shape if view is None else view[0], requires_grad))
        if view is not None:
            self.views.append((number, view[1]))
        return number

    def program(self, *steps: Step) -> Program:
        """The views, then `steps`, in which numbers from the count of the inputs on are results of `steps`."""
        count, views = len(self.inputs), len(self.views)
        names = {number: count + place for place, (number, _) in enumerate(self.views)}
        made = [Step(step.operator, (number,), step.params) for number, step in self.views]
        for step in steps:
            operands = tuple(names.get(each, each) if each < count else each + views for each in step.operands)
            made.append(Step(step.operator, operands, step.params))
        root = count + len(made) - 1
        if not self.palette.accepts_cotangent:
            made += self._to_one_element(root)
        dtype = self.palette.dtypes[self.choose(len(self.palette.dtypes))]
        unit = not self.palette.accepts_cotangent
        return Program(dtype, tuple(self.inputs), tuple(made), (count + len(made) - 1,), self.choose(2**16), unit)

    def _to_one_element(self, root: int) -> list[Step]:
        """Squared, so that what is passed back differs from place to place, and summed over the axes that the root has."""
        squared = [Step("multiply", (root, root))] if "multiply" in self.palette.operators else []
        axes = tuple(range(self.ndim))
        summed = [Step("sum", (root + len(squared),), {"axis": axes, "keepdims": False})] if axes else []
        return squared + summed

    ndim = 0
    """Of the root."""


def pairs(operators: Sequence[str] = ELEMENTWISE, *, shared: bool = False) -> Strategy:
    """One elementwise operator on two leaves that broadcast; with `shared`, on two that have their elements in common."""

    def strategy(engine: Engine) -> st.SearchStrategy[Program]:
        require_programs(engine)
        known = [operator for operator in operators if operator in engine.operators]
        palette = Palette.of(engine, writes=False, detach=False, recording_off=False, often="", passes=1)
        return (_shared if shared else _pairs)(palette, known)

    return strategy


@st.composite
def _pairs(draw: st.DrawFn, palette: Palette, operators: Sequence[str]) -> Program:
    choose = Choices(draw)
    shape = shape_of(choose, palette)
    assume(prod(shape) <= LARGEST_SIZE)
    shapes = [shape, reduced(choose, palette, shape)]
    if palette.shapes is None and choose(2):  # each is stretched along some axis
        shapes[0] = tuple(1 if choose(3) == 0 else length for length in shape)
    drawing = Pairs(choose, palette)
    drawing.ndim = len(shape)
    first = choose(2)
    requires = (choose(4) > 0, choose(4) > 0)
    numbers = [
        drawing.operand(each, wanted or not any(requires)) for each, wanted in zip(shapes, requires, strict=True)
    ]
    return drawing.program(Step(operators[choose(len(operators))], (numbers[first], numbers[1 - first])))


@st.composite
def _shared(draw: st.DrawFn, palette: Palette, operators: Sequence[str]) -> Program:
    """An operator on one tensor twice, or on two views of one."""
    choose = Choices(draw)
    shape = shape_of(choose, palette, most=3)
    drawing = Pairs(choose, palette)
    drawing.ndim = len(shape)
    x = drawing.operand(shape)
    views = [step for step in _fitting_views(x, shape) if step.operator in palette.operators]
    operator = operators[choose(len(operators))]
    if not views or choose(3) == 0:
        return drawing.program(Step(operator, (x, x)))
    view = views[choose(len(views))]
    made = len(drawing.inputs)
    return drawing.program(view, Step(operator, (x, made) if choose(2) else (made, x)))


def _fitting_views(x: int, shape: Shape) -> list[Step]:
    """Views of `x` that broadcast to its shape."""
    found = []
    for axis, length in enumerate(shape):
        for start in range(length):
            found.append(Step("slice", (x,), {"key": (*[slice(None)] * axis, slice(start, start + 1, 1))}))
        if axis == 0:
            found += [Step("select", (x,), {"key": (start,)}) for start in range(length)]
        elif shape[axis - 1] == length:
            axes = list(range(len(shape)))
            axes[axis - 1 : axis + 1] = axis, axis - 1
            found += [Step("permute_dims", (x,), {"axes": tuple(axes)})] * 4
    return found


def batches(engine: Engine) -> st.SearchStrategy[Program]:
    """Products of matrices in batches that broadcast."""
    require_programs(engine)
    if "matmul" not in engine.operators:
        raise Unsupported("the operator matmul")
    if engine.max_ndim < 2 or (engine.shapes is not None and not _factors(engine.shapes)):
        raise Unsupported("tensors of two axes whose inner lengths agree")
    return _batches(Palette.of(engine, writes=False, detach=False, recording_off=False, often="", passes=1))


def _factors(shapes: Sequence[Shape]) -> list[tuple[Shape, Shape]]:
    """All pairs of matrices whose product there is."""
    matrices = [each for each in shapes if len(each) == 2]
    return [(one, other) for one in matrices for other in matrices if one[1] == other[0]]


@st.composite
def _batches(draw: st.DrawFn, palette: Palette) -> Program:
    choose = Choices(draw)
    drawing = Pairs(choose, palette)
    if palette.shapes is not None:
        fitting = _factors(palette.shapes)
        one, other = fitting[choose(len(fitting))]
        drawing.ndim = 2
        return drawing.program(Step("matmul", (drawing.operand(one), drawing.operand(other))))
    batch = tuple((2, 3, 1)[choose(3)] for _ in range(choose(min(palette.max_ndim - 2, 2) + 1)))
    if batch and choose(10) == 0:
        batch = (0, *batch[1:])
    rows, inner, columns = ((2, 3, 1, 2, 3, 2, 1, 0)[choose(8)] for _ in range(3))
    stretched = [reduced(choose, palette, batch), batch if choose(2) else tuple(1 if choose(2) else n for n in batch)]
    first = choose(2)
    assume(prod(batch) * max(rows * columns, rows * inner, inner * columns) <= LARGEST_SIZE)
    drawing.ndim = 2 + max(map(len, stretched))
    factors = (
        drawing.operand((*stretched[first], rows, inner)),
        drawing.operand((*stretched[1 - first], inner, columns)),
    )
    return drawing.program(Step("matmul", factors))


def broadcast_writes(engine: Engine) -> st.SearchStrategy[Program]:
    """One write of an operand that broadcasts into a result."""
    require_programs(engine)
    known = [operator for operator in BROADCASTING_WRITES if operator in engine.operators]
    if not known:
        raise Unsupported(f"none of the operators {', '.join(BROADCASTING_WRITES)}")
    return _broadcast_writes(
        Palette.of(engine, writes=True, detach=False, recording_off=False, often="", passes=1), known
    )


@st.composite
def _broadcast_writes(draw: st.DrawFn, palette: Palette, operators: Sequence[str]) -> Program:
    choose = Choices(draw)
    drawing = Pairs(choose, palette)
    shape = shape_of(choose, palette)
    assume(prod(shape) <= LARGEST_SIZE)
    drawing.ndim = len(shape)
    x, y = drawing.operand(shape), drawing.operand(reduced(choose, palette, shape))
    operator = operators[choose(len(operators))]
    assume(operator != "setitem_" or shape)
    params = {"key": tuple(slice(0, length, 1) for length in shape[:1])} if operator == "setitem_" else {}
    made = len(drawing.inputs)
    result = Step("negative", (x,)) if "negative" in palette.operators else Step("multiply", (x, x))
    return drawing.program(result, Step(operator, (made, y), params))
