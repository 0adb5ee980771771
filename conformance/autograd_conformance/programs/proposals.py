"""One random step at a time: each function proposes a step for the tensors that are there, or None where none fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from math import prod
from typing import TYPE_CHECKING, Any

from autograd_conformance.programs.palette import Shape
from autograd_conformance.programs.program import DETACH, Step

if TYPE_CHECKING:
    from autograd_conformance.programs.drawing import Drawing

LARGEST_SIZE = 48
"""No tensor of a program has more elements; the oracle keeps a derivative by every input for each."""


# ---- several operands ----
def combine(drawing: Drawing) -> Step | None:
    """Elementwise on two tensors that broadcast; multiplication most of the time, since addition hides faults."""
    operator = drawing.one_of(("multiply", "multiply", "multiply", "add", "add", "subtract"))
    x = drawing.pick()
    partners = [y for y in drawing.names if broadcastable(drawing.shape(x), drawing.shape(y))]
    if operator is None or not partners:
        return None
    y = drawing.recent(partners)
    if operator == "subtract" and x == y:  # nothing but zeros
        return None
    return Step(operator, (x, y) if drawing.choose(2) else (y, x))


def matmul(drawing: Drawing) -> Step | None:
    matrices = [x for x in drawing.names if len(drawing.shape(x)) >= 2]
    if not matrices:
        return None
    for _ in range(3):
        x = drawing.recent(matrices)
        partners = [y for y in matrices if _multiplies(drawing.shape(x), drawing.shape(y))]
        if partners:
            return Step("matmul", (x, drawing.recent(partners)))
    return None


def concat(drawing: Drawing) -> Step | None:
    x = drawing.pick()
    shape = drawing.shape(x)
    if not shape or 2 * prod(shape) > LARGEST_SIZE:
        return None
    axis = drawing.choose(len(shape))
    partners = [y for y in drawing.names if _joins(shape, drawing.shape(y), axis)]
    xs = (x, drawing.recent(partners))
    return Step("concat", xs if drawing.choose(2) else xs[::-1], {"axis": axis})


def stack(drawing: Drawing) -> Step | None:
    x = drawing.pick()
    shape = drawing.shape(x)
    if len(shape) >= drawing.palette.max_ndim or 2 * prod(shape) > LARGEST_SIZE:
        return None
    partners = [y for y in drawing.names if drawing.shape(y) == shape]
    return Step("stack", (x, drawing.recent(partners)), {"axis": drawing.choose(len(shape) + 1)})


# ---- one operand ----
def negative(drawing: Drawing) -> Step | None:
    return Step("negative", (drawing.pick(),))


def clone(drawing: Drawing) -> Step | None:
    return Step("clone", (drawing.pick(),))


def sum_(drawing: Drawing) -> Step | None:
    x = drawing.pick()
    axes = tuple(axis for axis in range(len(drawing.shape(x))) if drawing.choose(2))
    return Step("sum", (x,), {"axis": axes, "keepdims": bool(drawing.choose(2))}) if axes else None


def take(drawing: Drawing) -> Step | None:
    """Entries along an axis, repeats likely."""
    x = drawing.pick()
    shape = drawing.shape(x)
    if not shape:
        return None
    axis = drawing.choose(len(shape))
    if not shape[axis]:
        return None
    indices = tuple(drawing.choose(shape[axis]) for _ in range(1 + drawing.choose(3)))
    if prod(_without(shape, axis)) * len(indices) > LARGEST_SIZE:
        return None
    return Step("take", (x,), {"indices": indices, "axis": axis})


def detach(drawing: Drawing) -> Step | None:
    return Step(DETACH, (drawing.pick(),))


# ---- views ----
def reshape(drawing: Drawing) -> Step | None:
    x = drawing.pick()
    shape = drawing.shape(x)
    flat = (prod(shape),)
    shapes = [flat, (1, *flat), shape[::-1], (*shape[:-2], prod(shape[-2:])), (shape[0], -1) if shape else (1,)]
    shape = shapes[drawing.choose(len(shapes))]
    if len(shape) > drawing.palette.max_ndim or (not flat[0] and -1 in shape):
        return None
    return Step("reshape", (x,), {"shape": tuple(flat[0] // shape[0] if n == -1 else n for n in shape)})


def permute_dims(drawing: Drawing) -> Step | None:
    x = drawing.pick()
    axes = list(range(len(drawing.shape(x))))
    if len(axes) < 2:
        return None
    return Step("permute_dims", (x,), {"axes": tuple(axes.pop(drawing.choose(len(axes))) for _ in axes[:])})


def expand_dims(drawing: Drawing) -> Step | None:
    x = drawing.pick()
    ndim = len(drawing.shape(x))
    return Step("expand_dims", (x,), {"axis": drawing.choose(ndim + 1)}) if ndim < drawing.palette.max_ndim else None


def squeeze(drawing: Drawing) -> Step | None:
    with_ones = [x for x in drawing.names if 1 in drawing.shape(x)]
    if not with_ones:
        return None
    x = drawing.recent(with_ones)
    ones = [axis for axis, length in enumerate(drawing.shape(x)) if length == 1]
    return Step("squeeze", (x,), {"axis": ones[drawing.choose(len(ones))]})


def broadcast_to(drawing: Drawing) -> Step | None:
    """A new leading axis, or an axis of length 1 made longer."""
    x = drawing.pick()
    shape = list(drawing.shape(x))
    ones = [axis for axis, length in enumerate(shape) if length == 1]
    if ones and drawing.choose(2):
        shape[ones[drawing.choose(len(ones))]] = 2 + drawing.choose(2)
    else:
        shape.insert(0, 1 + drawing.choose(3))
    if len(shape) > drawing.palette.max_ndim or prod(shape) > LARGEST_SIZE:
        return None
    return Step("broadcast_to", (x,), {"shape": tuple(shape)})


def select(drawing: Drawing) -> Step | None:
    x = drawing.pick()
    shape = drawing.shape(x)
    return Step("select", (x,), {"key": key_of(drawing, shape, integer=True)}) if shape and 0 not in shape else None


def slice_(drawing: Drawing) -> Step | None:
    x = drawing.pick()
    shape = drawing.shape(x)
    return Step("slice", (x,), {"key": key_of(drawing, shape, integer=False)}) if shape else None


def diagonal(drawing: Drawing) -> Step | None:
    x = drawing.pick()
    shape = drawing.shape(x)
    if len(shape) < 2 or 0 in shape:
        return None
    axis1 = drawing.choose(len(shape))
    axis2 = (axis1 + 1 + drawing.choose(len(shape) - 1)) % len(shape)
    offset = drawing.choose(shape[axis1] + shape[axis2] - 1) - shape[axis1] + 1  # never an empty diagonal
    return Step("diagonal", (x,), {"offset": offset, "axis1": axis1, "axis2": axis2})


def key_of(drawing: Drawing, shape: Shape, *, integer: bool) -> tuple[Any, ...]:
    axis = drawing.choose(len(shape))
    length = shape[axis]
    if integer:
        return (*[slice(None)] * axis, drawing.choose(length))
    if not length:
        return (*[slice(None)] * axis, slice(0, 0, 1))
    start = drawing.choose(length) if drawing.choose(2) else 0
    stop = start + 1 + drawing.choose(length - start) if drawing.choose(2) else length
    step = 2 if length > 2 and drawing.choose(3) else 1
    return (*[slice(None)] * axis, slice(start, stop, step))


# ---- writes ----
def write(drawing: Drawing) -> Step | None:
    """Half of the time into memory that a derivative may need, else as a rule into memory that has been read before."""
    operator = drawing.one_of(("multiply_", "multiply_", "multiply_", "copy_", "setitem_", "setitem_", "add_"))
    targets = [x for x in drawing.names if drawing.writable(x)]
    if operator is None or not targets:
        return None
    wanted = (drawing.was_saved, drawing.was_saved, drawing.was_read, drawing.writable)[drawing.choose(4)]
    return write_to(drawing, operator, drawing.recent([x for x in targets if wanted(x)] or targets))


def write_to(drawing: Drawing, operator: str, target: int) -> Step | None:
    """A write to `target` of some tensor that broadcasts to it and lies in other memory."""
    shape, params = drawing.shape(target), {}
    if operator == "setitem_":
        if not shape or 0 in shape:
            return None
        params = {"key": key_of(drawing, shape, integer=bool(drawing.choose(2)))}
        shape = keyed(shape, params["key"])
    memory = drawing.tensors[target].memory
    operands = [
        y for y in drawing.names if broadcasts(drawing.shape(y), shape) and drawing.tensors[y].memory is not memory
    ]
    return Step(operator, (target, drawing.recent(operands)), params) if operands else None


def keyed(shape: Shape, key: Sequence[Any]) -> Shape:
    axis = len(key) - 1
    if isinstance(key[-1], int):
        return _without(shape, axis)
    return (*shape[:axis], len(range(*key[-1].indices(shape[axis]))), *shape[axis + 1 :])


# ---- shapes ----
def broadcastable(one: Shape, other: Shape) -> bool:
    """Whether two shapes broadcast, to something that is not too large."""
    size = 1
    for a, b in zip_longest(reversed(one), reversed(other), fillvalue=1):
        if a != b and 1 not in (a, b):
            return False
        size *= max(a, b)
    return size <= LARGEST_SIZE


def broadcasts(small: Shape, large: Shape) -> bool:
    """Whether `small` broadcasts to exactly `large`."""
    fits = all(a in (1, b) for a, b in zip(reversed(small), reversed(large), strict=False))
    return fits and len(small) <= len(large)


def _multiplies(x: Shape, y: Shape) -> bool:
    return len(x) >= 2 and len(y) >= 2 and x[-1] == y[-2] and broadcastable((*x[:-2], 1, 1), (*y[:-2], x[-2], y[-1]))


def _joins(x: Shape, y: Shape, axis: int) -> bool:
    same = len(x) == len(y) and _without(x, axis) == _without(y, axis)
    return same and prod(x) + prod(y) <= LARGEST_SIZE


def _without(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1 :])


Proposal = Callable[["Drawing"], Step | None]
PROPOSALS: dict[str, tuple[int, Proposal]] = {
    "multiply": (9, combine),
    "matmul": (3, matmul),
    "negative": (1, negative),
    "clone": (1, clone),
    "sum": (3, sum_),
    "take": (2, take),
    "concat": (2, concat),
    "stack": (2, stack),
    "reshape": (2, reshape),
    "permute_dims": (3, permute_dims),
    "expand_dims": (1, expand_dims),
    "squeeze": (1, squeeze),
    "broadcast_to": (2, broadcast_to),
    "select": (2, select),
    "slice": (2, slice_),
    "diagonal": (1, diagonal),
    DETACH: (2, detach),
    "write": (18, write),
}
"""What is proposed and how often; a proposal that makes several operators stands under one of them."""
