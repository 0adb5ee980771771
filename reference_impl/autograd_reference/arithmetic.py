"""Elementwise functions, reductions and products, as functions and as methods of tensors.

Operands are tensors and Python numbers, and broadcast. Results have torch's dtype. RuntimeError for shapes that do not
broadcast, IndexError for a dimension that does not exist, TypeError for a foreign operand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from . import rules
from .graph import apply
from .inplace import write_result
from .shaping import reshape, squeeze, unsqueeze
from .tensor import Number, Tensor

Operand = Tensor | Number
Dims = int | Sequence[int] | None


def add(x: Operand, y: Operand, *, alpha: Number = 1) -> Tensor:
    """x + alpha * y, elementwise."""
    return apply(rules.ADD, (x, y if alpha == 1 else mul(y, alpha)))


def sub(x: Operand, y: Operand, *, alpha: Number = 1) -> Tensor:
    """x - alpha * y, elementwise."""
    return apply(rules.SUB, (x, y if alpha == 1 else mul(y, alpha)))


def mul(x: Operand, y: Operand, *, out: Tensor | None = None) -> Tensor:
    """The product, elementwise; written to `out`, if given. RuntimeError if that would have to be recorded."""
    return apply(rules.MUL, (x, y)) if out is None else write_result(rules.MUL, (x, y), out)


def div(x: Operand, y: Operand) -> Tensor:
    """The quotient, elementwise; of integers in the default dtype."""
    return apply(rules.DIV, (x, y))


def neg(x: Tensor) -> Tensor:
    """-x."""
    return apply(rules.NEG, (x,))


def pow(x: Tensor, exponent: Number) -> Tensor:
    """x ** exponent, elementwise, for a number as exponent."""
    if isinstance(exponent, Tensor):
        raise NotImplementedError("pow: the exponent must be a number")
    return apply(rules.POW, (x,), (exponent,))


def exp(x: Tensor) -> Tensor:
    """e ** x, elementwise."""
    return apply(rules.EXP, (x,))


def log(x: Tensor) -> Tensor:
    """The natural logarithm, elementwise."""
    return apply(rules.LOG, (x,))


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent, elementwise."""
    return apply(rules.TANH, (x,))


def relu(x: Tensor) -> Tensor:
    """The larger of x and 0, elementwise. Its derivative at 0 is 0."""
    return apply(rules.RELU, (x,))


def where(condition: Tensor, x: Operand, y: Operand) -> Tensor:
    """x where the condition (bool) holds, else y; all three broadcast."""
    return apply(rules.WHERE, (condition, x, y))


def where_method(x: Tensor, condition: Tensor, y: Operand) -> Tensor:
    """x where the condition (bool) holds, else y; all three broadcast."""
    return apply(rules.WHERE, (condition, x, y))


def clone(x: Tensor) -> Tensor:
    """The same values in memory of their own, with the same strides if the elements of x lie densely."""
    return apply(rules.CLONE, (x,))


def contiguous(x: Tensor) -> Tensor:
    """x itself if its elements lie in row-major order, else a copy in which they do."""
    return x if x.is_contiguous() else apply(rules.CONTIGUOUS, (x,))


def to(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """x in another dtype or on another device, given as torch gives them; x itself if it already is as asked."""
    like = torch.empty(0, dtype=x.dtype, device=x.device).to(*args, **kwargs)
    if like.dtype == x.dtype and like.device == x.device:
        return x
    return apply(rules.TO, (x,), (like.dtype, like.device))


def cpu(x: Tensor) -> Tensor:
    """The tensor in host memory: itself if it is there already, else a differentiable copy."""
    return to(x, "cpu")


def dims_of(x: Tensor, dim: Dims, keepdim: bool) -> tuple[int, ...] | None:
    """The dimensions of a reduction. None and () mean all, which is None unless they are to stay."""
    if dim is None or dim == ():
        return tuple(range(x.ndim)) if keepdim and x.ndim else None
    return (dim,) if isinstance(dim, int) else tuple(dim)


def sum(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The sum over some dimensions, or over all; they stay with length one if `keepdim`."""
    return apply(rules.SUM, (x,), (dims_of(x, dim, keepdim), keepdim))


def mean(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The mean over some dimensions, or over all. RuntimeError for integers."""
    return apply(rules.MEAN, (x,), (dims_of(x, dim, keepdim), keepdim))


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """The matrix product: (..., n, k) @ (..., k, m) -> (..., n, m). Vectors act as a row on the left, a column on the
    right, and that dimension is then missing from the result; the leading dimensions broadcast.
    """
    if x.ndim == 0 or y.ndim == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {x.ndim}D and {y.ndim}D")
    if y.ndim == 1:
        return squeeze(matmul(x, unsqueeze(y, 1)), -1)
    if x.ndim == 1:
        return squeeze(matmul(unsqueeze(x, 0), y), -2)
    if x.ndim > 2 and y.ndim == 2:  # one large product is faster than many, and its gradient needs no sum over them
        rows = matmul(reshape(x, -1, x.shape[-1]), y) if x.numel() else None
        if rows is not None:
            return reshape(rows, *x.shape[:-1], y.shape[-1])
    return apply(rules.MATMUL, (x, y), (y.stride(-2) == 1,))


def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the largest element is, along a dimension or in row-major order; integers, of which no gradient is wanted."""
    return apply(rules.ARGMAX, (x,), (dim, keepdim))


def bitwise_not(x: Tensor) -> Tensor:
    """~x, for booleans and integers."""
    return apply(rules.INVERT, (x,))
