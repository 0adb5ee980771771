"""Reductions, scans and selections by rank, besides sum and mean."""

from __future__ import annotations

import math
from typing import Any

import torch

from . import rules
from .arithmetic import Dims, dims_of, in_dtype
from .constant import wrapped
from .definition import FUNCTIONS, Operator, compose, define, public
from .elementwise import refused
from .graph import apply, compute, levels, record
from .modes import state
from .rules import fused, masked, nothing, reduce, spread
from .tensor import Number, Tensor

ATEN = torch.ops.aten


# Extremes. What several elements have in common is shared equally among them.


def shared(g: Any, sharing: Any, shape: torch.Size, dims: Any = None, keepdim: bool = False) -> Any:
    """The cotangent of an extreme, for the elements that have that value."""
    count = sharing.sum() if dims is None else sharing.sum(dims, True)
    return masked(spread(g, shape, dims, keepdim), ~sharing) / count


def all_shared(g: Any, x: Any, result: Any, shape: torch.Size) -> Any:
    """The same for the extreme of all; if that is no number, for the elements that are none."""
    return shared(g, (x == result) | (x.isnan() & result.isnan()), shape)


def dims_shared(g: Any, x: Any, result: Any, shape: torch.Size, dims: Any, keepdim: bool) -> Any:
    """The same over some dimensions."""
    return shared(g, x == spread(result, shape, dims, keepdim), shape, dims, keepdim)


AMAX: Operator = Operator("amax", reduce(torch.amax), "x; dims keepdim", x=dims_shared)
AMIN: Operator = Operator("amin", reduce(torch.amin), "x; dims keepdim", x=dims_shared)
OVER_ALL = {
    name: Operator(name, getattr(torch, name), "x", x=all_shared) for name in ("max", "min", "median", "nanmedian")
}
PAIRWISE = {"max": "maximum", "min": "minimum"}


@public
def amax(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The greatest along some dimensions, or of all. Equal ones share the gradient."""
    return apply(AMAX, (x,), (dims_of(x, dim, keepdim), keepdim))


@public
def amin(x: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The least along some dimensions, or of all. Equal ones share the gradient."""
    return apply(AMIN, (x,), (dims_of(x, dim, keepdim), keepdim))


@public
def aminmax(x: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """(min, max) along a dimension, or of all."""
    kind: Any = torch.return_types.aminmax
    return kind((amin(x, dim, keepdim), amax(x, dim, keepdim)))


def selection(name: str, place: int) -> Any:
    """A function that gives (values, indices) along a dimension, which is the argument at a place: the values are gathered."""
    kernel = getattr(torch, name)

    def select(x: Tensor, *args: Any, **kwargs: Any) -> Any:
        if name in OVER_ALL and not args and not kwargs:
            return apply(OVER_ALL[name], (x,))
        if name in PAIRWISE and isinstance((*args, *kwargs.values())[0], Tensor):
            return FUNCTIONS[PAIRWISE[name]](x, *args, **kwargs)
        found = kernel(x._data, *args, **kwargs)
        if not (levels or (state.enabled and x.requires_grad)):
            return wrapped(found)
        dim = kwargs.get("dim", args[place] if len(args) > place else -1)
        where = found.indices
        if where.ndim < x.ndim:
            return type(found)((apply(rules.GATHER, (x, where.unsqueeze(dim)), (dim,)).squeeze(dim), Tensor(where)))
        return type(found)((apply(rules.GATHER, (x, where), (dim,)), Tensor(where)))

    return select


for _name, _place in {"sort": 0, "topk": 1, "kthvalue": 1, "mode": 0, "median": 0, "nanmedian": 0, "cummax": 0,
                      "cummin": 0, "max": 0, "min": 0}.items():  # fmt: skip
    compose(**{_name: selection(_name, _place)})
UNIQUE: Operator = Operator("unique2", lambda x: x, "x", x=refused("unique", NotImplementedError))


@public
def unique(x: Tensor, *args: Any, **kwargs: Any) -> Any:
    """The distinct elements, and what torch gives besides. NotImplementedError when a gradient arrives."""
    found = wrapped(torch.unique(x._data, *args, **kwargs))
    if state.enabled:
        record(UNIQUE, (x,), (), found[0] if isinstance(found, tuple) else found)
    return found


# Products. Their gradients are exact also where factors are zero.


def others(x: Any, dim: int) -> Any:
    """For every element the product of the others along a dimension."""
    n = x.shape[dim]
    one = x.new_ones(()).expand(*x.shape[:dim], 1, *x.shape[dim % x.ndim + 1 :]) if n else x
    before = compute(rules.CAT, (one, x.narrow(dim, 0, max(n - 1, 0))), (dim, (0, 1))).cumprod(dim)
    after = compute(rules.CAT, (one, x.flip(dim).narrow(dim, 0, max(n - 1, 0))), (dim, (0, 1))).cumprod(dim).flip(dim)
    return before * after


def cumprod_rule(g: Any, x: Any, result: Any, dim: int) -> Any:
    """sum over n >= k of g[n] * product over j <= n, j != k of x[j]; by division where no x is zero."""
    if x.ndim == 0:
        return g
    if not (x == 0).any():
        return (g * result).flip(dim).cumsum(dim).flip(dim) / x
    n = x.shape[dim]
    lines = x.transpose(dim, -1).unsqueeze(-1).expand(*x.transpose(dim, -1).shape, n)  # ..., j, k
    ones = torch.eye(n, dtype=torch.bool, device=x.device)
    without = compute(rules.WHERE, (ones if isinstance(x, torch.Tensor) else Tensor(ones), 1, lines)).cumprod(-2)
    return (g.transpose(dim, -1).unsqueeze(-1) * without.tril()).sum(-2).transpose(dim, -1)


CUMPROD: Operator = Operator("cumprod", torch.cumprod, "x; dim", x=cumprod_rule)
CUMSUM: Operator = Operator(
    "cumsum", torch.cumsum, "x; dim", x=lambda g, dim: g.flip(dim).cumsum(dim).flip(dim) if g.ndim else g
)
PROD: Operator = Operator(
    "prod",
    lambda x, dim, keepdim: torch.prod(x) if dim is None else torch.prod(x, dim, keepdim),
    "x; dim keepdim",
    x=lambda g, x, shape, dim, keepdim: (
        (g * others(x.reshape(-1), 0)).reshape(shape)
        if dim is None or not shape
        else spread(g, shape, (dim,), keepdim) * others(x, dim % len(shape))
    ),
)


@public
def prod(x: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Tensor:
    """The product along a dimension, or of all elements."""
    return apply(PROD, (in_dtype(x, dtype),), (dim, keepdim))


# Statistics and norms.


def centred(g: Any, x: Any, shape: torch.Size, dims: Any, correction: float, keepdim: bool) -> Any:
    """The gradient of the variance."""
    lengths = shape if dims is None else [shape[dim] for dim in dims if shape]
    freedom = math.prod(lengths) - correction
    mean = x.mean() if dims is None else x.mean(dims, True)
    return spread(g, shape, dims, keepdim) * (x - mean) * (2 / freedom if freedom > 0 else math.nan)


VAR: Operator = Operator(
    "var",
    lambda x, dims, correction, keepdim: torch.var(x, dims, correction=correction, keepdim=keepdim),
    "x; dims correction keepdim",
    x=centred,
)
STD: Operator = Operator(
    "std",
    lambda x, dims, correction, keepdim: torch.std(x, dims, correction=correction, keepdim=keepdim),
    "x; dims correction keepdim",
    x=lambda g, x, shape, result, dims, correction, keepdim: centred(
        masked(g / (result * 2), result == 0), x, shape, dims, correction, keepdim
    ),
)


def statistic(operator: Operator, with_mean: bool = False) -> Any:
    """var and std, with torch's several ways to say how the count is corrected; and the mean, if asked for."""

    def compute_statistic(
        x: Tensor, dim: Any = None, unbiased: Any = True, keepdim: bool = False, *, correction: Number | None = None
    ) -> Any:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        correction = int(unbiased) if correction is None else correction
        result = apply(operator, (x,), (dims_of(x, dim, keepdim), correction, keepdim))
        return (result, x.mean(dim, keepdim)) if with_mean else result

    return compute_statistic


compose(var=statistic(VAR), std=statistic(STD), var_mean=statistic(VAR, True), std_mean=statistic(STD, True))


def norm_rule(g: Any, x: Any, shape: torch.Size, result: Any, p: float, dims: Any, keepdim: bool) -> Any:
    """The gradient of the p-norm, zero where the norm is."""
    g, result = spread(g, shape, dims, keepdim), spread(result, shape, dims, keepdim)
    if p == 2:
        return masked(x * (g / result), result == 0)
    if p == 0:
        return nothing(g, shape)
    if math.isinf(p):
        return (
            x.sgn() * shared(g, x.abs() == result, shape, dims, True)
            if dims is None
            else x.sgn() * (masked(g, x.abs() != result) / (x.abs() == result).sum(dims, True))
        )
    return g * x.sgn() * masked(x.abs() ** (p - 1) / result ** (p - 1), x == 0)


NORM: Operator = Operator(
    "linalg_vector_norm",
    lambda x, p, dims, keepdim: torch.linalg.vector_norm(x, p, dims, keepdim),
    "x; p dims keepdim",
    x=norm_rule,
)


@public
def norm(
    x: Tensor, p: Any = "fro", dim: Dims = None, keepdim: bool = False, *, dtype: torch.dtype | None = None
) -> Tensor:
    """The p-norm of all elements or along dimensions. NotImplementedError for the nuclear norm."""
    if p == "nuc":
        raise NotImplementedError("norm: the nuclear norm (p='nuc') is not there; take the sum of the singular values")
    p = 2 if p in ("fro", None) else p
    return apply(NORM, (in_dtype(x, dtype),), (p, dims_of(x, dim, keepdim), keepdim))


def logcumsumexp_rule(g: Any, x: Any, result: Any, dim: int) -> Any:
    """sum over n >= k of g[n] * exp(x[k] - result[n]), in which no exponent is positive."""
    if x.ndim == 0:
        return g
    g, x, result = (each.transpose(dim, -1) for each in (g, x, result))
    weights = (x.unsqueeze(-2) - result.unsqueeze(-1)).tril().exp().tril()
    return (g.unsqueeze(-1) * weights).sum(-2).transpose(dim, -1)


define("logcumsumexp", "x; dim", x=logcumsumexp_rule)
LOGSUMEXP: Operator = Operator(
    "logsumexp",
    torch.logsumexp,
    "x; dims keepdim",
    x=lambda g, x, shape, result, dims, keepdim: (
        spread(g, shape, dims, keepdim) * (x - spread(result, shape, dims, keepdim)).exp()
    ),
)
SOFTMAX: Operator = Operator(
    "softmax",
    torch.softmax,
    "x; dim",
    x=fused(
        lambda g, result, dim: ATEN._softmax_backward_data.default(g, result, dim, g.dtype),
        lambda g, result, dim: result * (g - (g * result).sum(dim, True)),
    ),
)
LOG_SOFTMAX: Operator = Operator(
    "log_softmax",
    torch.log_softmax,
    "x; dim",
    x=fused(
        lambda g, result, dim: ATEN._log_softmax_backward_data.default(g, result, dim, g.dtype),
        lambda g, result, dim: g - result.exp() * g.sum(dim, True),
    ),
)


compose(
    cumprod=lambda x, dim, *, dtype=None: apply(CUMPROD, (in_dtype(x, dtype),), (dim,)),
    cumsum=lambda x, dim, *, dtype=None: apply(CUMSUM, (in_dtype(x, dtype),), (dim,)),
    diff=lambda x, n=1, dim=-1, prepend=None, append=None: differences(x, n, dim, prepend, append),
    dist=lambda x, y, p=2: norm(x - y, p),
    log_softmax=lambda x, dim, dtype=None: apply(LOG_SOFTMAX, (in_dtype(x, dtype),), (dim,)),
    logsumexp=lambda x, dim, keepdim=False: apply(LOGSUMEXP, (in_float(x),), (dims_of(x, dim, True) or (), keepdim)),
    msort=lambda x: x.sort(0).values,
    nanmean=lambda x, dim=None, keepdim=False: masked(x, x.isnan()).sum(dim, keepdim) / (~x.isnan()).sum(dim, keepdim),
    nansum=lambda x, dim=None, keepdim=False: masked(x, x.isnan()).sum(dim, keepdim),
    softmax=lambda x, dim, dtype=None: apply(SOFTMAX, (in_dtype(x, dtype),), (dim,)),
    trace=lambda x: x.diagonal().sum(),
)


def in_float(x: Tensor) -> Tensor:
    """Integers in torch's default dtype."""
    return x if x.is_floating_point() or x.is_complex() else x.to(torch.get_default_dtype())


def differences(x: Tensor, n: int, dim: int, prepend: Tensor | None, append: Tensor | None) -> Tensor:
    """The n-th differences between neighbours."""
    if not n:
        return x
    parts = [part for part in (prepend, x, append) if part is not None]
    x = FUNCTIONS["cat"](parts, dim) if len(parts) > 1 else x
    for _ in range(min(n, x.shape[dim])):
        x = x.narrow(dim, 1, x.shape[dim] - 1) - x.narrow(dim, 0, x.shape[dim] - 1)
    return x
