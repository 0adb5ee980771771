"""Reading and writing at positions: `x[...]`, `x[...] = v`, `index_select`, `gather` and what their gradients need.

Integers, slices, None and Ellipsis make a view; tensors, lists and masks gather into new memory. As in torch, the basic
part of a mixed key is taken first, as a view, and the rest gathers from it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from . import rules
from .definition import public
from .graph import apply
from .inplace import copy_, write
from .tensor import Tensor
from .views import alias


def is_basic(part: Any) -> bool:
    """Whether a part of a key addresses positions by a stride."""
    return part is None or part is Ellipsis or isinstance(part, slice) or is_integer(part)


def is_integer(part: Any) -> bool:
    """Whether a part of a key is one position. Booleans are masks."""
    return isinstance(part, (int, np.integer)) and not isinstance(part, bool)


def as_index(part: Any, device: torch.device) -> Tensor:
    """An index tensor or a mask from a tensor, an array, or a list. IndexError for anything else."""
    if isinstance(part, Tensor):
        return part
    if isinstance(part, (list, tuple, np.ndarray)):
        data = torch.as_tensor(part, device=device)
        return Tensor(data if data.numel() or data.dtype is torch.bool else data.long())
    raise IndexError(f"a tensor cannot be indexed with {type(part).__name__}")


def split_key(x: Tensor, key: Any) -> tuple[tuple[Any, ...], list[Tensor], tuple[int, ...]]:
    """A key as a basic key, the index tensors, and the dimensions of the basic result that they index."""
    parts = list(key) if isinstance(key, tuple) else [key]
    parts = [p if is_basic(p) or isinstance(p, bool) else as_index(p, x.device) for p in parts]
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
            if isinstance(part, bool):  # a mask without dimensions: a new one, kept or emptied
                basic.append(None)
                part = Tensor(torch.arange(int(part), device=x.device))
                width = 1
            else:
                width = taken(part)
                basic += [slice(None)] * width
            indices.append(part)
            dims.append(dim)
            dim += width
    return tuple(basic), indices, tuple(dims)


def taken(part: Any) -> int:
    """How many dimensions of the tensor a part of a key addresses."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    return part.ndim if isinstance(part, Tensor) and part.dtype is torch.bool else 1


def getitem(x: Tensor, key: Any) -> Tensor:
    """x[key]: a view for a basic key, else a copy. IndexError for positions that do not exist."""
    if is_basic(key) or (isinstance(key, tuple) and all(map(is_basic, key))):
        return alias(rules.SLICE, x, (key,))
    basic, indices, dims = split_key(x, key)
    if any(part != slice(None) for part in basic):
        x = alias(rules.SLICE, x, (basic,))
    return apply(rules.INDEX, (x, *indices), (dims,))


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """x[key] = value: a write in place. The value, a tensor or a number, is broadcast to the positions."""
    basic, indices, dims = split_key(x, key)
    # Nobody sees this view, so its history need not be recorded.
    target = alias(rules.SLICE, x, (basic,), lazily=True)
    if indices:
        write(rules.INDEX_PUT, rules.index_put_, target, (value, *indices), (dims, False))
    else:
        copy_(target, without_leading_ones(value, target.ndim))


def without_leading_ones(value: Any, ndim: int) -> Any:
    """The value of an assignment with superfluous leading dimensions of length one removed."""
    while isinstance(value, Tensor) and value.ndim > ndim and value.shape[0] == 1:
        value = alias(rules.SELECT, value, (0, 0))
    return value


@public
def take_along_dim(x: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Like gather, but x and the indices broadcast in the other dimensions; both are flattened if there is no `dim`."""
    if dim is None:
        return apply(rules.GATHER, (x.reshape(-1), indices.reshape(-1)), (0,))
    dim %= x.ndim
    indices = indices + (indices < 0) * x.shape[dim]
    # The dimension itself need not agree, so it is left out of the broadcasting.
    shape = np.broadcast_shapes(*((*y.shape[:dim], 1, *y.shape[dim + 1 :]) for y in (x, indices)))
    wide = [y.expand(*shape[:dim], y.shape[dim], *shape[dim + 1 :]) for y in (x, indices)]
    return apply(rules.GATHER, (wide[0], wide[1]), (dim,))
