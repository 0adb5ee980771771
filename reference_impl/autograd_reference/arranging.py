"""Rearranging elements: flips, repetition, triangles, stacking and splitting, as torch names them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .arithmetic import broadcast_shapes
from .constant import unwrapped
from .definition import Operator, compose, define, public
from .graph import apply, compute
from .shaping import cat, expand, narrow, permute, reshape, sizes, split, stack, transpose, unsqueeze
from .tensor import Tensor
from .views import alias

# Operators.

FLIP: Operator = Operator("flip", torch.flip, "x; dims", x=lambda g, dims: g.flip(dims))
ROLL: Operator = Operator(
    "roll",
    torch.roll,
    "x; shifts dims",
    x=lambda g, shifts, dims: compute(ROLL, (g,), (tuple(-shift for shift in shifts), dims)),
)
REPEAT: Operator = Operator(
    "repeat",
    torch.Tensor.repeat,
    "x; counts",
    x=lambda g, shape, counts: folded(g, shape, counts).sum(tuple(range(0, 2 * len(counts), 2))).reshape(shape),
)
define("tril", "x; diagonal=0", x=lambda g, diagonal: g.tril(diagonal))
define("triu", "x; diagonal=0", x=lambda g, diagonal: g.triu(diagonal))
define("diag_embed", "x; offset=0 dim1=-2 dim2=-1", x=lambda g, offset, dim1, dim2: g.diagonal(offset, dim1, dim2))
UNFOLD: Operator = Operator(
    "unfold",
    torch.Tensor.unfold,
    "x; dim size step",
    x=lambda g, shape, dim, size, step: compute(UNFOLD_BACKWARD, (g,), (shape, dim, size, step)),
)
UNFOLD_BACKWARD: Operator = Operator(
    "unfold_backward",
    torch.ops.aten.unfold_backward.default,
    "g; size dim length step",
    g=lambda gg, dim, length, step: gg.unfold(dim, length, step),
)


def folded(g: Any, shape: torch.Size, counts: Sequence[int]) -> Any:
    """What was repeated, with a dimension for the copies before each dimension."""
    lengths = (1,) * (len(counts) - len(shape)) + tuple(shape)
    return g.reshape([n for pair in zip(counts, lengths, strict=True) for n in pair])


# Functions made of others.


def tensors_of(tensors: Any) -> Any:
    """Tensors given one by one or as one sequence."""
    return tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors


def each(function: Any) -> Any:
    """A function of one tensor for one or several."""
    return lambda *xs: (
        function(xs[0]) if isinstance(xs[0], Tensor) and len(xs) == 1 else tuple(map(function, tensors_of(xs)))
    )


def at_least(ndim: int) -> Any:
    """The function that adds dimensions of length one, as NumPy has it."""

    def widened(x: Tensor) -> Tensor:
        if x.ndim >= ndim:
            return x
        x = x if x.ndim else reshape(x, 1)
        x = unsqueeze(x, 0) if x.ndim < min(ndim, 2) else x
        return unsqueeze(x, -1) if ndim == 3 else x

    return each(widened)


at_least_1, at_least_2, at_least_3 = at_least(1), at_least(2), at_least(3)


@public
def tensor_split(x: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of parts: as many as told, of nearly one length, or those between the given positions."""
    parts, n = unwrapped(indices_or_sections), x.size(dim)
    parts = parts.tolist() if isinstance(parts, torch.Tensor) else parts
    if isinstance(parts, int):
        return split(x, [n // parts + (k < n % parts) for k in range(parts)], dim)
    ends = [slice(0, end).indices(n)[1] for end in parts] + [n]
    starts = [0, *ends[:-1]]
    return tuple(narrow(x, dim, start, max(end - start, 0)) for start, end in zip(starts, ends, strict=True))


@public
def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of at most so many parts of one length, of which the last may fall short."""
    if chunks < 1:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    return split(x, max(1, -(-x.size(dim) // chunks)), dim)


@public
def movedim(x: Tensor, source: Any, destination: Any) -> Tensor:
    """A view with dimensions moved to other places; the others keep their order."""
    sources, places = ((dims,) if isinstance(dims, int) else dims for dims in (source, destination))
    moved = {place % x.ndim: dim % x.ndim for dim, place in zip(sources, places, strict=True)}
    rest = iter(dim for dim in range(x.ndim) if dim not in moved.values())
    return permute(x, [moved[place] if place in moved else next(rest) for place in range(x.ndim)])


@public
def roll(x: Tensor, shifts: Any, dims: Any = ()) -> Tensor:
    """The elements shifted along dimensions, round the end; without dimensions, as one row."""
    pair = tuple((value,) if isinstance(value, int) else tuple(value) for value in (shifts, dims))
    return apply(ROLL, (x,), pair)


@public
def rot90(x: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """The plane of two dimensions turned k times by a right angle, from the first towards the second."""
    if k % 2:
        return transpose(flip(x, dims[1 if k % 4 == 1 else 0]), *dims)
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
    given = sizes(counts, dims)
    return repeat(x, (1,) * (x.ndim - len(given)) + tuple(given))


@public
def repeat_interleave(x: Tensor, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Any:
    """Every position repeated in its place, so often as the number, or the tensor of numbers, says."""
    x, dim = (x, dim) if dim is not None else (reshape(x, -1), 0)
    times = unwrapped(repeats) if isinstance(repeats, Tensor) else torch.tensor(repeats, device=x.device)
    index = torch.arange(x.size(dim), device=x.device)
    return x.index_select(dim, Tensor(index.repeat_interleave(times.expand_as(index) if times.numel() == 1 else times)))


@public
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Vectors expanded over the grid that they span."""
    xs = [reshape(x, -1) for x in tensors_of(tensors)]
    if indexing == "xy" and len(xs) > 1:
        first, second, *rest = meshgrid(xs[1], xs[0], *xs[2:])
        return (second, first, *rest)
    shape = [len(x) for x in xs]
    return tuple(
        expand(reshape(x, [-1 if k == place else 1 for k in range(len(xs))]), shape) for place, x in enumerate(xs)
    )


@public
def unflatten(x: Tensor, dim: int, size: Sequence[int]) -> Any:
    """A view with one dimension split into several."""
    dim %= x.ndim
    return x.view(*x.shape[:dim], *size, *x.shape[dim + 1 :])


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
    a, b = (reshape(z, (1,) * (ndim - z.ndim) + tuple(z.shape)) for z in (x, y))
    shape = [m * n for m, n in zip(a.shape, b.shape, strict=True)]
    spread_a = reshape(a, [n for pair in zip(a.shape, [1] * ndim, strict=True) for n in pair])
    return reshape(spread_a * reshape(b, [n for pair in zip([1] * ndim, b.shape, strict=True) for n in pair]), shape)


compose(
    adjoint=lambda x: transpose(x, -2, -1).conj(),
    atleast_1d=at_least_1,
    atleast_2d=at_least_2,
    atleast_3d=at_least_3,
    broadcast_tensors=broadcast_tensors,
    broadcast_to=lambda x, *given, size=None: expand(x, sizes(given, size)),
    cartesian_prod=lambda *xs: stack([reshape(x, -1) for x in meshgrid(*xs)], 1) if len(xs) > 1 else xs[0],
    column_stack=lambda tensors: cat([reshape(x, -1, 1) if x.ndim < 2 else x for x in tensors], 1),
    concat=lambda tensors, dim=0: cat(tensors, dim),
    concatenate=lambda tensors, dim=0: cat(tensors, dim),
    diag=diag,
    diagflat=lambda x, offset=0: reshape(x, -1).diag_embed(offset),
    dsplit=lambda x, parts: tensor_split(x, parts, 2),
    dstack=lambda tensors: cat([at_least_3(x) for x in tensors], 2),
    flip=flip,
    fliplr=lambda x: flip(x, 1),
    flipud=lambda x: flip(x, 0),
    hsplit=lambda x, parts: tensor_split(x, parts, 0 if x.ndim == 1 else 1),
    hstack=lambda tensors: cat([at_least_1(x) for x in tensors], 0 if tensors[0].ndim < 2 else 1),
    kron=kron,
    moveaxis=movedim,
    row_stack=lambda tensors: cat([at_least_2(x) for x in tensors], 0),
    ravel=lambda x: reshape(x, -1),
    reshape_as=lambda x, other: reshape(x, other.shape),
    split_with_sizes=lambda x, split_sizes, dim=0: split(x, split_sizes, dim),
    swapaxes=transpose,
    swapdims=transpose,
    unfold=lambda x, dimension, size, step: alias(UNFOLD, x, (dimension, size, step)),
    view_as=lambda x, other: x.view(other.shape),
    vsplit=lambda x, parts: tensor_split(x, parts, 0),
    vstack=lambda tensors: cat([at_least_2(x) for x in tensors], 0),
)
