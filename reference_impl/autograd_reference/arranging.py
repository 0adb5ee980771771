"""Rearranging elements: flips, repetition, triangles, stacking and splitting, as torch names them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch

from .arithmetic import broadcast_shapes
from .constant import unwrapped
from .definition import Operator, compose, define, public
from .graph import apply, compute
from .shaping import cat, expand, permute, reshape, sizes, stack
from .tensor import Tensor

# Operators.

FLIP: Operator = Operator("flip", torch.flip, "x; dims", x=lambda g, dims: g.flip(dims))
define(
    "roll",
    "x; shifts dims=()",
    x=lambda g, shifts, dims: g.roll(-shifts if isinstance(shifts, int) else [-shift for shift in shifts], dims),
)
REPEAT: Operator = Operator(
    "repeat",
    torch.Tensor.repeat,
    "x; counts",
    x=lambda g, shape, counts: (
        g.reshape(paired(counts, with_ones(shape, len(counts)))).sum(tuple(range(0, 2 * len(counts), 2))).reshape(shape)
    ),
)
define("tril", "x; diagonal=0", x=lambda g, diagonal: g.tril(diagonal))
define("triu", "x; diagonal=0", x=lambda g, diagonal: g.triu(diagonal))
define("diag_embed", "x; offset=0 dim1=-2 dim2=-1", x=lambda g, offset, dim1, dim2: g.diagonal(offset, dim1, dim2))
UNFOLD: Operator = define(
    "unfold",
    "x; dim size step",
    torch.Tensor.unfold,
    is_view=True,
    x=lambda g, shape, dim, size, step: compute(UNFOLD_BACKWARD, (g,), (shape, dim, size, step)),
)
UNFOLD_BACKWARD: Operator = Operator(
    "unfold_backward",
    torch.ops.aten.unfold_backward.default,
    "g; size dim length step",
    g=lambda gg, dim, length, step: gg.unfold(dim, length, step),
)


def with_ones(shape: Sequence[int], ndim: int) -> tuple[int, ...]:
    """A shape with as many leading ones as are missing."""
    return (1,) * (ndim - len(shape)) + tuple(shape)


def paired(first: Sequence[int], second: Sequence[int]) -> list[int]:
    """Two shapes as one, in which each length of the second follows that of the first."""
    return [n for pair in zip(first, second, strict=True) for n in pair]


# Functions made of others. Where they only give the elements another shape, torch says on the raw tensor which.


def tensors_of(tensors: Any) -> Any:
    """Tensors given one by one or as one sequence."""
    return tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors


def at_least(kernel: Any) -> Any:
    """A function that adds dimensions of length one to a tensor, or to each of several."""

    def widened(*xs: Any) -> Any:
        if len(xs) == 1 and isinstance(xs[0], Tensor):
            shape = kernel(xs[0]._data).shape
            return xs[0] if shape == xs[0].shape else reshape(xs[0], shape)
        return tuple(map(widened, tensors_of(xs)))

    return widened


at_least_1, at_least_2, at_least_3 = map(at_least, (torch.atleast_1d, torch.atleast_2d, torch.atleast_3d))


@public
def tensor_split(x: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of parts: as many as told, of nearly one length, or those between the given positions."""
    positions = torch.tensor_split(torch.arange(x.size(dim)), unwrapped(indices_or_sections))
    return tuple(x.narrow(dim, part.storage_offset(), len(part)) for part in positions)


@public
def movedim(x: Tensor, source: Any, destination: Any) -> Tensor:
    """A view with dimensions moved to other places; the others keep their order."""
    numbered = torch.empty(tuple(range(x.ndim)))  # dimension k is k long, so that torch's result tells the order
    return permute(x, torch.movedim(numbered, source, destination).shape)


@public
def rot90(x: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Any:
    """The plane of two dimensions turned k times by a right angle, from the first towards the second."""
    if k % 2:
        return flip(x, dims[1 if k % 4 == 1 else 0]).transpose(*dims)
    return flip(x, tuple(dims)) if k % 4 else x.clone()


def flip(x: Tensor, *places: Any, dims: Any = None) -> Tensor:
    """The elements in reverse order along dimensions."""
    return apply(FLIP, (x,), (sizes(places, dims),))


@public
def repeat(x: Tensor, *counts: Any, repeats: Any = None) -> Tensor:
    """Copies one after the other along every dimension."""
    return apply(REPEAT, (x,), (sizes(counts, repeats),))


@public
def tile(x: Tensor, *counts: Any, dims: Any = None) -> Tensor:
    """The same; for missing leading numbers the dimension is kept."""
    return repeat(x, with_ones(sizes(counts, dims), x.ndim))


@public
def repeat_interleave(x: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None) -> Any:
    """Every position repeated in its place, so often as the number, or the tensor of numbers, says; numbers alone repeat 0, 1, ..."""
    if repeats is None:
        x, repeats = Tensor(torch.arange(len(x), device=x.device)), x
    x, dim = (x, dim) if dim is not None else (reshape(x, -1), 0)
    index = torch.arange(x.size(dim), device=x.device).repeat_interleave(unwrapped(repeats))
    return x.index_select(dim, Tensor(index))


@public
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Vectors expanded over the grid that they span."""
    xs = [reshape(x, -1) for x in tensors_of(tensors)]
    shape = [len(x) for x in xs]
    grids = (expand(reshape(x, with_ones((-1,), k + 1) + (1,) * (len(xs) - k - 1)), shape) for k, x in enumerate(xs))
    return tuple(grid.transpose(0, 1) if indexing == "xy" and len(xs) > 1 else grid for grid in grids)


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Views in the shape to which all broadcast."""
    xs = tensors_of(tensors)
    shape = broadcast_shapes(*(x.shape for x in xs))
    return tuple(expand(x, shape) for x in xs)


def diag(x: Tensor, diagonal: int = 0) -> Any:
    """The matrix with a diagonal, or the diagonal of a matrix, as a copy."""
    return x.diag_embed(diagonal) if x.ndim == 1 else x.diagonal(diagonal).clone()


def kron(x: Tensor, y: Tensor) -> Tensor:
    """Every element of x times the whole of y, in its place."""
    ndim = max(x.ndim, y.ndim)
    of_x, of_y, ones = with_ones(x.shape, ndim), with_ones(y.shape, ndim), (1,) * ndim
    product = reshape(x, paired(of_x, ones)) * reshape(y, paired(ones, of_y))
    return reshape(product, [m * n for m, n in zip(of_x, of_y, strict=True)])


def block_diag(*tensors: Any) -> Tensor:
    """The matrices, or what are rows or numbers, one after the other on the diagonal of a matrix of zeros."""
    xs = [at_least_2(x) for x in tensors_of(tensors)]
    lengths = [x.shape[1] for x in xs]
    around = [
        (x.new_zeros(len(x), sum(lengths[:k])), x.new_zeros(len(x), sum(lengths[k + 1 :]))) for k, x in enumerate(xs)
    ]
    return cat([cat([before, x, after], 1) for x, (before, after) in zip(xs, around, strict=True)])


def combinations(x: Tensor, r: int = 2, with_replacement: bool = False) -> Any:
    """All choices of r elements of a vector, each a row."""
    choices = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    index = torch.tensor([*choices(range(len(x)), r)], dtype=torch.int64, device=x.device).reshape(-1, r)
    return x.index_select(0, Tensor(index.reshape(-1))).reshape(index.shape)


compose(
    adjoint=lambda x: x.mH,
    atleast_1d=at_least_1,
    atleast_2d=at_least_2,
    atleast_3d=at_least_3,
    block_diag=block_diag,
    broadcast_tensors=broadcast_tensors,
    broadcast_to=lambda x, *given, size=None: expand(x, sizes(given, size)),
    cartesian_prod=lambda *xs: stack([reshape(x, -1) for x in meshgrid(*xs)], 1) if len(xs) > 1 else xs[0],
    combinations=combinations,
    column_stack=lambda tensors: cat([reshape(x, -1, 1) if x.ndim < 2 else x for x in tensors], 1),
    diag=diag,
    diagflat=lambda x, offset=0: reshape(x, -1).diag_embed(offset),
    dsplit=lambda x, parts: tensor_split(x, parts, 2),
    dstack=lambda tensors: cat([at_least_3(x) for x in tensors], 2),
    expand_as=lambda x, other: expand(x, other.shape),
    flip=flip,
    fliplr=lambda x: flip(x, 1),
    flipud=lambda x: flip(x, 0),
    hsplit=lambda x, parts: tensor_split(x, parts, 0 if x.ndim == 1 else 1),
    hstack=lambda tensors: cat([at_least_1(x) for x in tensors], 0 if tensors[0].ndim < 2 else 1),
    kron=kron,
    ravel=lambda x: reshape(x, -1),
    reshape_as=lambda x, other: reshape(x, other.shape),
    unflatten=lambda x, dim, sizes: x.view(x._data.unflatten(dim, sizes).shape),
    view_as=lambda x, other: x.view(other.shape),
    vsplit=lambda x, parts: tensor_split(x, parts, 0),
    vstack=lambda tensors: cat([at_least_2(x) for x in tensors], 0),
)
