"""The operators and their derivatives, from easy to tricky. How to read a rule is told in definition.py.

A rule uses only what raw torch tensors and this package's tensors share, so one rule serves both the plain pass, where
it runs on raw tensors, and the recorded one (`create_graph`), where whatever it does is differentiable again.
"""

from __future__ import annotations

import cmath
import functools
import math
import operator as python
from collections.abc import Callable, Sequence
from typing import Any

import torch

from .definition import Operator, define
from .graph import compute
from .views import Step, replay

# Elementwise. What broadcasting repeated is summed by the backward walk.


def masked(value: Any, mask: Any) -> Any:
    """The value with zeros where the mask holds: also where it is infinite, or no number."""
    return compute(WHERE, (mask, 0, value))


def power_slope(x: Any, exponent: Any) -> Any:
    """The derivative of x ** exponent by x. x ** -1 is infinite at zero, and the derivative of x ** 0 is not."""
    if isinstance(exponent, (int, float, complex)):
        return exponent * x ** (exponent - 1) if exponent != 0 else 0
    return masked(exponent * x ** (exponent - 1), exponent == 0)


def logarithm(x: Any) -> Any:
    """The natural logarithm of a tensor or a number."""
    if isinstance(x, complex):
        return cmath.log(x) if x else -math.inf
    return x.log() if hasattr(x, "log") else math.log(x) if x > 0 else -math.inf if x == 0 else math.nan


def fused(kernel: Callable[..., torch.Tensor], formula: Callable[..., Any]) -> Callable[..., Any]:
    """A rule that is one kernel on raw real tensors, and else a formula."""

    @functools.wraps(formula)
    def rule(g: Any, *reads: Any) -> Any:
        plain = type(g) is torch.Tensor and not g.is_complex()
        return kernel(g, *reads) if plain else formula(g, *reads)

    return rule


def nothing(g: Any, shape: torch.Size) -> Any:
    """Zeros, the gradient of what is constant almost everywhere."""
    return g.new_zeros(shape)


ADD: Operator = Operator("add", python.add, "x y", x=lambda g: g, y=lambda g: g)
SUB: Operator = Operator("sub", python.sub, "x y", x=lambda g: g, y=lambda g: -g)
RSUB: Operator = Operator("rsub", python.sub, "x y", y=lambda g: -g)  # of `3 - x`
MUL: Operator = define("mul", "x y", python.mul, x=lambda g, y: g * y, y=lambda g, x: g * x)
DIV: Operator = define("div", "x y", python.truediv, x=lambda g, y: g / y, y=lambda g, x, y: -g * (x / y / y))
NEG: Operator = define("neg", "x", x=lambda g: -g)
define("exp", "x", x=lambda g, result: g * result)
define("log", "x", x=lambda g, x: g / x)
define(
    "pow",
    "x exponent",
    python.pow,
    x=lambda g, x, exponent: g * power_slope(x, exponent),
    exponent=lambda g, x, exponent, result: g * masked(result * logarithm(x), (x == 0) & (exponent.real >= 0)),
)
define("tanh", "x", x=fused(torch.ops.aten.tanh_backward.default, lambda g, result: g * (1 - result * result)))
RELU_BACKWARD: Operator = Operator(
    "relu_backward",
    lambda g, y: torch.ops.aten.threshold_backward.default(g, y, 0),
    "g y",
    g=lambda gg, y: compute(RELU_BACKWARD, (gg, y)),
    y=nothing,
)
RELU: Operator = define("relu", "x", x=lambda g, result: compute(RELU_BACKWARD, (g, result)))
WHERE: Operator = Operator(
    "where",
    torch.where,
    "condition x y",
    x=lambda g, condition: compute(WHERE, (condition, g, 0)),
    y=lambda g, condition: compute(WHERE, (condition, 0, g)),
)
CLONE: Operator = define("clone", "x; *memory_format=None", x=lambda g: g)
CONJ: Operator = Operator("conj", torch.conj, "x", x=lambda g: g.conj())
TO: Operator = Operator(
    "to_copy", lambda x, dtype, to, back: x.to(to, dtype), "x; dtype to back", x=lambda g, back: g.to(back)
)
COMPARISONS = {
    name: Operator(name, getattr(python, name), "x y") for name in ("lt", "le", "gt", "ge", "eq", "ne", "and_", "or_")
}


# Reductions and products.


def spread(g: Any, shape: torch.Size, dims: tuple[int, ...] | None, keepdim: bool) -> Any:
    """The cotangent of a reduction, repeated for every element that was reduced. No `dims` means all."""
    if dims is not None and not keepdim and shape:
        for dim in sorted(dim % len(shape) for dim in dims):
            g = g.unsqueeze(dim)
    return g.expand(shape)


def reduce(kernel: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """A reduction over some dimensions, or over all."""
    return lambda x, dims, keepdim: kernel(x) if dims is None else kernel(x, dims, keepdim)


SUM: Operator = Operator(
    "sum", reduce(torch.sum), "x; dims keepdim", x=lambda g, shape, dims, keepdim: spread(g, shape, dims, keepdim)
)
MEAN: Operator = Operator(
    "mean",
    reduce(torch.mean),
    "x; dims keepdim",
    x=lambda g, shape, dims, keepdim: spread(g / (shape.numel() // max(g.numel(), 1)), shape, dims, keepdim),
)
# Both operands are at least matrices: the public function sees to vectors.
MATMUL: Operator = Operator("mm", torch.matmul, "x y", x=lambda g, y: g @ y.mT, y=lambda g, x: x.mT @ g)
# When y is a transposed matrix, its gradient is computed transposed as well, so that that of the matrix itself is row-major.
MATMUL_BY_COLUMN: Operator = Operator("mm", torch.matmul, "x y", x=lambda g, y: g @ y.mT, y=lambda g, x: (g.mT @ x).mT)


# Views. The gradient of a view is put back at the viewed positions of a tensor of zeros.


def embed(g: torch.Tensor, steps: tuple[Step, ...], shape: torch.Size) -> torch.Tensor:
    """Zeros of a shape, with `g` at the positions of a view."""
    zeros = g.new_zeros(shape)
    replay(steps, zeros).copy_(g)
    return zeros


def put_back(g: Any, shape: torch.Size, view: Operator, *parameters: Any) -> Any:
    """The gradient of a view operator that leaves out some positions."""
    return compute(EMBED, (g,), (((view, parameters),), shape))


def inverse(dims: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes another."""
    return tuple(sorted(range(len(dims)), key=lambda k: dims[k] % len(dims)))


EMBED: Operator = Operator("embed", embed, "g; steps size", g=lambda gg, steps: replay(steps, gg))
RESHAPE: Operator = Operator("view", torch.reshape, "x; size", may_copy=True, x=lambda g, shape: g.reshape(shape))
define("unsqueeze", "x; dim", is_view=True, x=lambda g, shape: g.reshape(shape))
define(
    "squeeze",
    "x; dim=None",
    lambda x, dim: torch.squeeze(x) if dim is None else torch.squeeze(x, dim),
    is_view=True,
    x=lambda g, shape: g.reshape(shape),
)
EXPAND: Operator = Operator("expand", torch.Tensor.expand, "x; size", x=lambda g: g)
PERMUTE: Operator = Operator("permute", torch.permute, "x; dims", x=lambda g, dims: g.permute(inverse(dims)))
TRANSPOSE: Operator = define("transpose", "x; dim0 dim1", is_view=True, x=lambda g, dim0, dim1: g.transpose(dim0, dim1))
T: Operator = define("t", "x", is_view=True, x=lambda g: g.t())
SELECT: Operator = define(
    "select",
    "x; dim index",
    is_view=True,
    x=lambda g, shape, dim, index: put_back(g, shape, SELECT, dim, index),
)
NARROW: Operator = define(
    "narrow",
    "x; dim start length",
    is_view=True,
    x=lambda g, shape, dim, start, length: put_back(g, shape, NARROW, dim, start, length),
)
DIAGONAL: Operator = define(
    "diagonal",
    "x; offset=0 dim1=0 dim2=1",
    is_view=True,
    x=lambda g, shape, offset, dim1, dim2: put_back(g, shape, DIAGONAL, offset, dim1, dim2),
)
SLICE: Operator = Operator("slice", python.getitem, "x; key", x=lambda g, shape, key: put_back(g, shape, SLICE, key))


def positions(shape: Sequence[int], stride: Sequence[int], offset: int, device: torch.device) -> torch.Tensor:
    """Where in memory the elements of a geometry lie, in row-major order."""
    found = torch.tensor([offset], device=device)
    for length, step in zip(shape, stride, strict=True):
        found = (found[:, None] + torch.arange(length, device=device) * step).reshape(-1)
    return found


def by_memory(g: Any, shape: torch.Size, size: Any, stride: Any, offset: int, geometry: tuple[Any, int]) -> Any:
    """The gradient of one geometry summed by place in memory, and read through that of the operand."""
    there, here = positions(size, stride, offset, g.device), positions(shape, *geometry, g.device)
    extent = 1 + max(int(each.max()) if each.numel() else 0 for each in (there, here))
    return g.new_zeros((extent,)).index_add(0, there, g.reshape(-1)).index_select(0, here).reshape(shape)


AS_STRIDED: Operator = Operator(
    "as_strided",
    lambda x, size, stride, offset, geometry: torch.as_strided(x, size, stride, offset),
    "x; size stride offset geometry",  # the last is the operand's own: its strides and offset
    x=by_memory,
)


# Joining and gathering. Positions that are read more than once sum their gradients.


def index(x: torch.Tensor, *indices_and_dims: Any) -> torch.Tensor:
    """Index with tensors in the given dimensions and take all of the others."""
    return x[index_key(x, indices_and_dims[:-1], indices_and_dims[-1])]


def index_key(x: torch.Tensor, indices: Any, dims: tuple[int, ...]) -> tuple[Any, ...]:
    """The key with index tensors in the given dimensions; a mask takes as many dimensions as it has."""
    key: list[Any] = []
    for tensor, dim in zip(indices, dims, strict=True):
        taken = sum(k.ndim if isinstance(k, torch.Tensor) and k.dtype is torch.bool else 1 for k in key)
        key += [slice(None)] * (dim - taken)
        key.append(tensor)
    return tuple(key)


def index_put(x: torch.Tensor, value: Any, *rest: Any) -> torch.Tensor:
    """A copy of x, with the values assigned or added at the indexed positions."""
    *indices, dims, adding = rest
    return index_put_(x.clone(), value, *indices, dims, adding)


def index_put_(x: torch.Tensor, value: Any, *rest: Any) -> torch.Tensor:
    """The same in place."""
    *indices, dims, adding = rest
    key = index_key(x, indices, dims)
    if adding:
        full = [None if isinstance(k, slice) else k for k in key]
        torch.ops.aten.index_put_(x, full, value, True)
    else:
        x[key] = value
    return x


def with_leading_ones(g: Any, ndim: int) -> Any:
    """An assigned value may have more dimensions than the positions, if these have length one."""
    return g.reshape((1,) * (ndim - g.ndim) + tuple(g.shape))


CAT: Operator = Operator(
    "cat",
    lambda *tensors: torch.cat(tensors[:-2], tensors[-2]),
    "*tensors; dim starts",
    tensors=lambda g, shape, which, dim, starts: (
        g.narrow(dim, starts[which], shape[dim]) if shape != (0,) else g.new_zeros(shape)
    ),
)
STACK: Operator = Operator(
    "stack",
    lambda *tensors: torch.stack(tensors[:-1], tensors[-1]),
    "*tensors; dim",
    tensors=lambda g, which, dim: g.select(dim, which),
)
define(
    "index_add",
    "x index source; dim *alpha=1",
    order="x dim index source alpha",
    x=lambda g: g,
    source=lambda g, index, dim, alpha: g.index_select(dim, index) * alpha,
)
INDEX_FILL: Operator = define(
    "index_fill",
    "x index value; dim",
    order="x dim index value",
    x=lambda g, index, dim: compute(INDEX_FILL, (g, index, 0), (dim,)),
    value=lambda g, index, dim: g - compute(INDEX_FILL, (g, index, 0), (dim,)),
)
INDEX_COPY: Operator = define(
    "index_copy",
    "x index source; dim",
    order="x dim index source",
    x=lambda g, index, dim: compute(INDEX_FILL, (g, index, 0), (dim,)),
    source=lambda g, index, dim: g.index_select(dim, index),
)
MASKED_FILL: Operator = define(
    "masked_fill",
    "x mask value",
    x=lambda g, mask: compute(MASKED_FILL, (g, mask, 0)),
    value=lambda g, mask: compute(WHERE, (mask, g, 0)),
)
define(
    "scatter_add",
    "x index source; dim",
    order="x dim index source",
    x=lambda g: g,
    source=lambda g, index, dim: g.gather(dim, index),
)
INDEX_SELECT: Operator = define(
    "index_select",
    "x index; dim",
    order="x dim index",
    x=lambda g, shape, index, dim: g.new_zeros(shape).index_add_(dim, index, g),
)


def scattered(g: Any, shape: Sequence[int], index: Any, dim: int) -> Any:
    """Zeros, with the gradient of what was gathered added at its positions: any may have been read several times."""
    return g.new_zeros(shape).scatter_add_(dim, index, g)


GATHER: Operator = define(
    "gather",
    "x index; dim",
    order="x dim index",
    x=scattered,
)
INDEX: Operator = Operator(
    "index",
    index,
    "x *indices; dims",
    x=fused(
        lambda g, shape, indices, dims: index_put_(g.new_zeros(shape), g, *indices, dims, True),
        lambda g, shape, indices, dims: compute(INDEX_PUT, (g.new_zeros(shape), g, *indices), (dims, True)),
    ),
)
INDEX_PUT: Operator = Operator(
    "index_put",
    index_put,
    "x value *indices; dims adding",
    x=lambda g, indices, dims, adding: g if adding else compute(INDEX_PUT, (g, 0, *indices), (dims, False)),
    value=lambda g, shape, indices, dims: with_leading_ones(compute(INDEX, (g, *indices), (dims,)), len(shape)),
)


# Overwriting: the old value gets zeros, and not no gradient at all.

COPY: Operator = Operator(
    "copy", lambda x, source: torch.zeros_like(x) + source, "x source", x=nothing, source=lambda g: g
)


def replaced(x: torch.Tensor, value: Any, steps: tuple[Step, ...], stride: tuple[int, ...]) -> torch.Tensor:
    """A copy of x with the given strides, and with a view of it overwritten by the value."""
    copy = x.new_empty_strided(x.shape, stride).copy_(x)
    part = replay(steps, copy)
    part.copy_(value) if isinstance(value, torch.Tensor) else part.fill_(value)
    return copy


REPLACE: Operator = Operator(
    "replace",
    replaced,
    "x value; steps stride",
    x=lambda g, steps, stride: compute(REPLACE, (g, 0), (steps, stride)),
    value=lambda g, steps: replay(steps, g),
)
