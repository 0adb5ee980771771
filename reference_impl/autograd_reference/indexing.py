"""Reading and writing at positions: `x[...]`, `x[...] = v`, `index_select`, `gather` and what their gradients need.

Integers, slices, None and Ellipsis make a view; tensors, lists and masks gather into new memory. As in torch, the basic
part of a mixed key is taken first, as a view, and the rest gathers from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from . import rules
from .arithmetic import broadcast_shapes
from .definition import Operator, compose, define, public
from .graph import apply
from .inplace import copy_, write
from .tensor import Tensor
from .views import alias


def is_basic(part: Any) -> bool:
    """Whether a part of a key addresses positions by a stride."""
    if isinstance(part, (slice, int, np.integer)):
        return not isinstance(part, bool)  # a mask
    return part is None or part is Ellipsis


def as_index(part: Any, device: torch.device) -> Any:
    """An index tensor or a mask from a tensor, an array, a list, a range or a truth value. IndexError for anything else."""
    if isinstance(part, Tensor):
        return part
    if isinstance(part, (bool, list, tuple, range, np.ndarray)):
        data = torch.as_tensor(part, device=device)
        return Tensor(data if data.numel() or data.dtype is torch.bool else data.long())
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
        f"(got {type(part).__name__})"
    )


def split_key(x: Tensor, key: Any) -> tuple[Any, list[Tensor], tuple[int, ...]]:
    """A key as a basic key, the index tensors, and the dimensions of the basic result that they index."""
    parts: Sequence[Any] = key if isinstance(key, tuple) else (key,)
    if all(map(is_basic, parts)):
        return key, [], ()
    parts = [p if is_basic(p) else as_index(p, x.device) for p in parts]
    consumed = sum(taken(part) for part in parts)
    basic: list[Any] = []
    indices: list[Tensor] = []
    dims: list[int] = []
    dim = 0
    for part in parts:
        if is_basic(part):
            basic.append(part)
            dim += x.ndim - consumed if part is Ellipsis else int(part is None or isinstance(part, slice))
        else:
            if not (width := taken(part)):  # a mask without dimensions: a new one, kept or emptied
                basic.append(None)
                part = part.reshape(1)
            basic += [slice(None)] * width
            indices.append(part)
            dims.append(dim)
            dim += width or 1
    return tuple(basic), indices, tuple(dims)


def taken(part: Any) -> int:
    """How many dimensions of the tensor a part of a key addresses."""
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if isinstance(part, Tensor) and part.dtype is torch.bool else 1


def getitem(x: Tensor, key: Any) -> Tensor:
    """x[key]: a view for a basic key, else a copy. IndexError for positions that do not exist."""
    if type(key) in (int, slice):  # as most are
        return alias(rules.SLICE, x, (key,))
    basic, indices, dims = split_key(x, key)
    if not indices:
        return alias(rules.SLICE, x, (basic,))
    return apply(rules.INDEX, (basic_part(x, basic), *indices), (dims,))


def basic_part(x: Tensor, basic: tuple[Any, ...]) -> Tensor:
    """The view that the basic part of a mixed key takes; x itself if that is all of it."""
    return x if all(part == slice(None) for part in basic) else alias(rules.SLICE, x, (basic,))


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """x[key] = value: a write in place. The value, a tensor or a number, is broadcast to the positions."""
    basic, indices, dims = split_key(x, key)
    if indices:
        write(rules.INDEX_PUT, rules.index_put_, basic_part(x, basic), (value, *indices), (dims, False))
        return
    target = alias(rules.SLICE, x, (basic,))
    extra = value.ndim - target.ndim if isinstance(value, Tensor) else 0
    copy_(target, value.reshape(value.shape[extra:]) if extra > 0 and value.shape[:extra].numel() == 1 else value)


@public
def take_along_dim(x: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Like gather, but x and the indices broadcast in the other dimensions; both are flattened if there is no `dim`."""
    if dim is None:
        return apply(rules.GATHER, (x.reshape(-1), indices.reshape(-1)), (0,))
    dim %= x.ndim
    indices = indices + (indices < 0) * x.shape[dim]
    # The dimension itself need not agree, so it is left out of the broadcasting.
    shape = broadcast_shapes(*((*y.shape[:dim], 1, *y.shape[dim + 1 :]) for y in (x, indices)))
    wide = [y.expand(*shape[:dim], y.shape[dim], *shape[dim + 1 :]) for y in (x, indices)]
    return apply(rules.GATHER, (wide[0], wide[1]), (dim,))


# Scattering, and what addresses elements by one number.

SCATTER: Operator = Operator(
    "scatter",
    lambda x, index, src, dim: torch.scatter(x, dim, index, src),
    "x index src; dim",
    x=lambda g, index, dim: g.scatter(dim, index, 0),
    src=lambda g, index, dim: g.gather(dim, index),
)


@public
def scatter(
    x: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Any:
    """A copy of x with the source, or one number, written to positions of a dimension; `reduce`: added, or multiplied."""
    source = value if src is None else src
    if reduce is None:
        return apply(SCATTER, (x, index, source), (dim,))
    source = source if isinstance(source, Tensor) else x.new_full(index.shape, source)
    return x.scatter_reduce(dim, index, source, {"add": "sum", "multiply": "prod"}[reduce])


def scatter_reduced(
    g: Any, x: Any, index: Any, src: Any, result: Any, which: int, dim: int, reduce: str, include_self: bool
) -> Any:
    """The cotangent of x or of the source. A mean is shared by all that it is made of, and an extreme by those equal to it."""
    if reduce == "prod":
        of_x, of_src = by_product(g, x, index, src, dim, include_self)
        return of_src if which else of_x if include_self else of_x.scatter(dim, index, 0)
    in_x, in_src = g.new_ones(x.shape), g.new_ones(src.shape)
    if reduce in ("amax", "amin"):
        in_x, in_src = in_x * (x == result), in_src * (src == result.gather(dim, index))
    in_x = in_x if include_self else in_x.scatter(dim, index, 0)
    share = g if reduce == "sum" else g / in_x.scatter_add(dim, index, in_src)
    return share.gather(dim, index) * in_src if which else share * in_x


def by_product(g: Any, x: Any, index: Any, src: Any, dim: int, include_self: bool) -> tuple[Any, Any]:
    """The cotangent of a product, times the product of the other factors, of which any may be zero."""
    zeros = (x == 0).to(x.dtype).scatter_reduce(dim, index, (src == 0).to(x.dtype), "sum", include_self=include_self)
    if isinstance(g, Tensor) and zeros.any():
        raise NotImplementedError(
            "scatter_reduce: the second derivative for reduce='prod' is not there where factors are zero"
        )
    factors = (rules.masked(x, x == 0) + (x == 0), rules.masked(src, src == 0) + (src == 0))
    products = factors[0].scatter_reduce(dim, index, factors[1], "prod", include_self=include_self)
    of_x = rules.masked(g * products / factors[0], zeros - (x == 0).to(x.dtype) > 0)
    of_src = rules.masked(
        (g * products).gather(dim, index) / factors[1], zeros.gather(dim, index) - (src == 0).to(x.dtype) > 0
    )
    return of_x, of_src


define(
    "scatter_reduce",
    "x index src; dim reduce *include_self=True",
    order="x dim index src reduce include_self",
    x=scatter_reduced,
    src=scatter_reduced,
)


@public
def index_put(x: Tensor, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """A copy of x with values written, or added, at the positions that x[indices] reads."""
    _, tensors, dims = split_key(x, tuple(slice(None) if part is None else part for part in indices))
    return apply(rules.INDEX_PUT, (x, values, *tensors), (dims, accumulate))


@public
def masked_select(x: Tensor, mask: Tensor) -> Any:
    """The elements where the mask holds, in row-major order; both broadcast."""
    shape = broadcast_shapes(x.shape, mask.shape)
    return x.expand(shape)[mask.expand(shape)]


@public
def masked_scatter(x: Tensor, mask: Tensor, source: Tensor) -> Any:
    """A copy of x with elements of the source, in row-major order, where the mask holds."""
    shape = broadcast_shapes(x.shape, mask.shape)
    mask = mask.expand(shape)
    return index_put(
        x.expand(shape), tuple(map(Tensor, mask._data.nonzero(as_tuple=True))), source.reshape(-1)[: int(mask.sum())]
    )


def replace(x: Tensor, value: Tensor, view: Operator, *parameters: Any) -> Tensor:
    """A copy of x with a view of it overwritten."""
    if value.shape != view.forward(x._data, *parameters).shape:
        raise RuntimeError(f"expected a source of the shape of the slice, got {list(value.shape)}")
    return apply(rules.REPLACE, (x, value), (((view, parameters),), x._data.clone().stride()))


compose(
    diagonal_scatter=lambda x, src, offset=0, dim1=0, dim2=1: replace(x, src, rules.DIAGONAL, offset, dim1, dim2),
    put=lambda x, index, source, accumulate=False: index_put(
        x.reshape(-1), (index.reshape(-1),), source.reshape(-1), accumulate
    ).reshape(x.shape),
    select_scatter=lambda x, src, dim, index: replace(x, src, rules.SELECT, dim, index),
    slice_scatter=lambda x, src, dim=0, start=None, end=None, step=1: replace(
        x, src, rules.SLICE, (*[slice(None)] * (dim % x.ndim), slice(start, end, step))
    ),
    take=lambda x, index: x.reshape(-1)[index],
)
