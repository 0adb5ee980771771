"""Elementwise functions, reductions and products, as functions and as methods of tensors.

Operands are tensors and Python numbers, and broadcast. Results have torch's dtype. RuntimeError for shapes that do not
broadcast, IndexError for a dimension that does not exist, TypeError for a foreign operand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from . import rules
from .definition import public
from .graph import apply, apply_one, apply_two, inform, levels, record
from .modes import state
from .naming import called
from .shaping import reshape
from .tensor import Number, Tensor
from .views import alias

Operand = Tensor | Number
Dims = int | Sequence[int] | None
Dtype = torch.dtype | None


@public
def add(x: Operand, y: Operand, *, alpha: Number = 1) -> Tensor:
    """x + alpha * y, elementwise."""
    return apply_two(rules.ADD, x, y if alpha == 1 else y * alpha)


@public
def sub(x: Operand, y: Operand, *, alpha: Number = 1) -> Tensor:
    """x - alpha * y, elementwise."""
    return apply_two(rules.SUB, x, y if alpha == 1 else y * alpha)


@public
def conj(x: Tensor) -> Tensor:
    """The complex conjugate, as a view; a real tensor itself."""
    return alias(rules.CONJ, x) if x.is_complex() else x


@public
def where(condition: Tensor, x: Operand | None = None, y: Operand | None = None) -> Any:
    """x where the condition (bool) holds, else y; all three broadcast. Without x and y, the positions where it holds."""
    if x is None or y is None:
        return tuple(Tensor(positions) for positions in torch.where(condition._data))
    return apply(rules.WHERE, (condition, x, y))


def where_method(x: Tensor, condition: Tensor, y: Operand) -> Tensor:
    """x where the condition (bool) holds, else y; all three broadcast."""
    return apply(rules.WHERE, (condition, x, y))


@public
def broadcast_shapes(*shapes: Any) -> torch.Size:
    """The shape to which all broadcast. RuntimeError if they do not."""
    return torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call, no-any-return]


@public
def contiguous(x: Tensor, memory_format: torch.memory_format = torch.contiguous_format) -> Tensor:
    """x itself if its elements lie in row-major order, or the one asked for, else a copy in which they do."""
    return x if x.is_contiguous(memory_format) else apply(rules.CLONE, (x,), (memory_format,))


@public
def to(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """x in another dtype or on another device, given as torch gives them; x itself if it already is as asked."""
    like: list[Any] = [arg._data if isinstance(arg, Tensor) else arg for arg in args]
    data = x._data.to(*like, **kwargs)
    if data is x._data:
        return x
    result = Tensor(data)
    if state.enabled:
        record(rules.TO, (x,), (data.dtype, data.device, x.device), result)
    if levels:
        inform(rules.TO, (x,), (data.dtype, data.device, x.device), result)
    return result


def in_dtype(x: Tensor, dtype: Dtype) -> Tensor:
    """The tensor in another dtype, if one is asked for."""
    return x if dtype is None else to(x, dtype)


def dims_of(x: Tensor, dim: Dims, keepdim: bool) -> tuple[int, ...] | None:
    """The dimensions of a reduction. None and () mean all, which is None unless they are to stay."""
    if dim is None or dim == ():
        return tuple(range(x.ndim)) if keepdim and x.ndim else None
    return (dim,) if isinstance(dim, int) else tuple(dim)


@public
def sum(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Dtype = None) -> Tensor:
    """The sum over some dimensions, or over all; they stay with length one if `keepdim`. In another dtype, if given."""
    return apply_one(rules.SUM, in_dtype(x, dtype), (dims_of(x, dim, keepdim), keepdim))


@public
def mean(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Dtype = None) -> Tensor:
    """The mean over some dimensions, or over all; in another dtype, if given. RuntimeError for integers."""
    return apply_one(rules.MEAN, in_dtype(x, dtype), (dims_of(x, dim, keepdim), keepdim))


def refuse_devices(a: torch.Tensor, b: torch.Tensor) -> None:
    """RuntimeError for matrices on two devices, for which torch's kernels do not look."""
    if a.device != b.device:
        raise RuntimeError(f"matmul: tensors on one device are expected, but they are on {a.device} and {b.device}")


@public
def matmul(x: Tensor, y: Tensor) -> Any:
    """The matrix product: (..., n, k) @ (..., k, m) -> (..., n, m). Vectors act as a row on the left, a column on the
    right, and that dimension is then missing from the result; the leading dimensions broadcast.
    """
    if not (isinstance(x, Tensor) and isinstance(y, Tensor)):
        raise TypeError(f"matmul(): expected two tensors, got {type(x).__name__} and {type(y).__name__}")
    a, b = x._data, y._data
    refuse_devices(a, b)
    operator = rules.MATMUL if b.is_contiguous() else rules.MATMUL_BY_COLUMN
    if a.ndim == b.ndim == 2:
        return apply_two(operator, x, y)
    if a.ndim == 0 or b.ndim == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {x.ndim}D and {y.ndim}D")
    if b.ndim == 1 and a.ndim < 3:
        return x.dot(y) if a.ndim == 1 else x.mv(y)
    if b.ndim == 1:
        return matmul(x, y.unsqueeze(1)).squeeze(-1)
    if a.ndim == 1:
        return matmul(x.unsqueeze(0), y).squeeze(-2)
    if a.ndim > 2 and b.ndim == 2 and x.numel():  # one large product is faster, and its gradient needs no sum over many
        result = reshape(matmul(reshape(x, -1, x.shape[-1]), y), *x.shape[:-1], y.shape[-1])
    else:
        result = apply_two(operator, x, y)
    return called("UnsafeViewBackward0", result)
