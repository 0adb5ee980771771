"""Views (new shapes over the same memory) and joining, as functions and as methods of tensors.

A view shares memory with its operand: a write through either is seen through the other. Dimensions may be negative.
IndexError for a dimension or position that does not exist, RuntimeError for a shape that does not fit.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch

from . import rules
from .definition import Operator, Values, public
from .graph import apply, compute, edge_of, note
from .modes import state
from .naming import camel
from .overlap import overlaps_itself
from .tensor import Tensor
from .views import alias, is_view_of_leaf, view_of

Size = int | Sequence[int]


def sizes(size: tuple[Any, ...], whole: Any = None) -> tuple[int, ...]:
    """Sizes given one by one, or as one sequence, or by name."""
    if whole is not None:
        size = (whole,)
    return tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size


@public
def reshape(x: Tensor, *size: Size, shape: Size | None = None) -> Tensor:
    """The elements in row-major order in another shape: a view if the strides allow it, else a copy. One -1 is inferred."""
    return alias(rules.RESHAPE, x, (sizes(size, shape),))


@public
def view(x: Tensor, *shape: Any, size: Size | None = None, dtype: torch.dtype | None = None) -> Tensor:
    """Like reshape, but never a copy: RuntimeError if the strides do not allow a view.

    With a dtype in place of a shape: the bytes read as that, a constant over the same memory.
    """
    if dtype is not None or (shape and isinstance(shape[0], torch.dtype)):
        return Tensor(x._data.view(dtype or shape[0]), x._storage)
    if not x._data.is_contiguous():
        x._data.view(sizes(shape, size))
    return alias(rules.RESHAPE, x, (sizes(shape, size),))


@public
def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from start to end, both included, merged into one. x itself if that is a single dimension."""
    dims = range(max(x.ndim, 1))
    start, end = dims[start_dim], dims[end_dim]
    shape = (*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :])
    return x if shape == x.shape else reshape(x, shape)


@public
def permute(x: Tensor, *order: Size, dims: Size | None = None) -> Tensor:
    """A view with the dimensions in the given order."""
    return alias(rules.PERMUTE, x, (sizes(order, dims),))


@public
def expand(x: Tensor, *size: Size) -> Tensor:
    """A view in which dimensions of length one, and new leading ones, are repeated with stride zero. -1 keeps a length."""
    return alias(rules.EXPAND, x, (sizes(size),))


AS_STRIDED_WRITTEN = (
    "A view made by as_strided is being modified inplace with grad mode enabled, or its base has been. Make the view by "
    "other operators."
)


@public
def as_strided(x: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
    """A view of any geometry over the memory of x: element i lies at storage_offset + sum(i * stride).

    RuntimeError for a geometry that leaves the memory, and for a tensor whose elements share places and require gradients.
    """
    if x.requires_grad and overlaps_itself(x._data):
        raise RuntimeError("as_strided: elements of the tensor share places in memory; clone() it first")
    offset = x.storage_offset() if storage_offset is None else storage_offset
    # The base has all the elements that the geometry may address.
    base = x if x._view is None or x._view.restriction is not None or is_view_of_leaf(x) else x._view.base
    geometry = (tuple(base.stride()), base.storage_offset())
    result = alias(rules.AS_STRIDED, base, (tuple(size), tuple(stride), offset, geometry))
    assert result._view is not None
    result._view.restriction = result._view.restriction or AS_STRIDED_WRITTEN
    return result


def of_parts(g: Any) -> list[Any]:
    """The gradients of all parts, of which there may be just one."""
    return g if isinstance(g, list) else [g]


def joined(g: Any, dim: int) -> Any:
    """The gradients of parts, one after the other."""
    starts = [*itertools.accumulate((each.shape[dim] for each in of_parts(g)), initial=0)]
    return compute(rules.CAT, of_parts(g), (dim, starts))


UNBIND: Operator = Operator(
    "unbind", torch.unbind, "x; dim", x=lambda g, dim: compute(rules.STACK, of_parts(g), (dim,))
)
SPLIT: Operator = Operator("split", torch.split, "x; split_size dim", x=joined)
SPLIT_WITH_SIZES: Operator = Operator("split_with_sizes", torch.split, "x; split_sizes dim", x=joined)

PARTS_WRITTEN = (
    "Output {} of {} is a view and is being modified inplace, or its base or another view of its base has been. This view is "
    "the output of a function that returns multiple views. Such functions do not allow the output views to be modified "
    "inplace. You should replace the inplace operation by an out-of-place one, or make the view by itself."
)


def parts(operator: Operator, x: Tensor, parameters: Values, views: Iterable[Tensor]) -> tuple[Tensor, ...]:
    """Views that an operator makes at a time: they have one node, and are not to be written, see `refuse_writes`."""
    made = tuple(views)
    if state.enabled and made and (edge := edge_of(x)):
        note(operator, (x,), parameters, made[0], (edge,), 3, made[1:])
    refuse_writes(camel(operator.name), made)
    return made


def refuse_writes(name: str, views: Iterable[Tensor]) -> None:
    """Views that a function of this name makes at a time cannot take part in recorded writes, as in torch."""
    for number, part in enumerate(views):
        assert part._view is not None
        part._view.restriction = part._view.restriction or PARTS_WRITTEN.format(number, name)


@public
def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of all positions of a dimension, which is then missing."""
    pieces = enumerate(torch.unbind(x._data, dim))
    return parts(UNBIND, x, (dim,), (view_of(rules.SELECT, x, (dim, position), piece) for position, piece in pieces))


@public
def split(x: Tensor, split_size: int | list[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of a dimension's parts, of one length, of which the last may fall short, or of given lengths.

    RuntimeError where lengths are negative, or do not add up.
    """
    operator = SPLIT if isinstance(split_size, int) else SPLIT_WITH_SIZES
    lengths = split_size if isinstance(split_size, int) else tuple(split_size)
    return consecutive(operator, x, lengths, torch.split(x._data, split_size, dim), dim)


@public
def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of at most so many parts of one length, of which the last may fall short. RuntimeError for less than one."""
    pieces = torch.chunk(x._data, chunks, dim)
    return consecutive(SPLIT, x, pieces[0].shape[dim], pieces, dim)


def consecutive(
    operator: Operator, x: Tensor, lengths: Any, pieces: Sequence[torch.Tensor], dim: int
) -> tuple[Tensor, ...]:
    """Views of a dimension's parts, one after the other, given torch's of the raw tensor."""
    starts = itertools.accumulate((piece.shape[dim] for piece in pieces), initial=0)
    views = (
        view_of(rules.NARROW, x, (dim, start, piece.shape[dim]), piece)
        for start, piece in zip(starts, pieces, strict=False)
    )
    return parts(operator, x, (lengths, dim), views)


SUM_TO_SIZE: Operator = Operator("sum", torch.Tensor.sum_to_size, "x; size", x=lambda g, shape: g.expand(shape))


@public
def sum_to_size(x: Tensor, *size: Size) -> Tensor:
    """Undo broadcasting: the sum over all that an expansion from the given shape would repeat."""
    return x if x.shape == sizes(size) else apply(SUM_TO_SIZE, (x,), (sizes(size),))


@public
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors one after the other along a dimension; their other lengths agree. ValueError for an empty list."""
    parts = tuple(tensors)
    if not parts:
        raise ValueError("cat(): expected a non-empty list of Tensors")
    lengths = [
        0 if part.shape in ((), (0,)) else part.shape[dim] for part in parts
    ]  # an empty vector goes with any shape
    return apply(rules.CAT, parts, (dim, [*itertools.accumulate(lengths, initial=0)]))


@public
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape along a new dimension. RuntimeError for an empty list or differing shapes."""
    return apply(rules.STACK, tuple(tensors), (dim,))
