"""Reductions, scans and selections by rank, besides sum and mean."""

from __future__ import annotations

import math
from typing import Any

import torch

from . import rules
from .arithmetic import dims_of
from .constant import wrapped
from .definition import FUNCTIONS, Operator, compose, define
from .elementwise import refused
from .graph import apply, compute, inform, levels, record
from .modes import state
from .naming import called, camel
from .rules import fused, masked, nothing, reduce, scattered, spread
from .tensor import Number, Tensor

ATEN = torch.ops.aten


# Extremes. What several elements have in common is shared equally among them.


def shared(g: Any, sharing: Any, dims: Any) -> Any:
    """The cotangent of an extreme, for the elements that have that value."""
    return masked(g, ~sharing) / (sharing.sum() if dims is None else sharing.sum(dims, True))


def of_extreme(g: Any, x: Any, result: Any, shape: torch.Size, dims: Any, keepdim: bool) -> Any:
    """If the extreme is no number, nothing equals it, and no gradient is a number."""
    return shared(spread(g, shape, dims, keepdim), x == spread(result, shape, dims, keepdim), dims)


def of_extreme_of_all(g: Any, x: Any, result: Any) -> Any:
    """If the extreme is no number, the elements that are none have its gradient."""
    return shared(g, (x == result) | (x.isnan() & result.isnan()), None)


define("amax", "x; dims=None keepdim=False", reduce(torch.amax), x=of_extreme)
define("amin", "x; dims=None keepdim=False", reduce(torch.amin), x=of_extreme)
OVER_ALL = {
    name: Operator(name, getattr(torch, name), "x", x=of_extreme_of_all)
    for name in ("max", "min", "median", "nanmedian")
}
PAIRWISE = {"max": "maximum", "min": "minimum"}


def selected(operator: Operator, x: Tensor, found: Any, parameter: Any) -> tuple[Tensor, Tensor]:
    """Values that a kernel has found in x, recorded, and their indices."""
    values, indices = map(Tensor, found)
    if state.enabled:
        record(operator, (x, indices), (parameter,), values)
    if levels:
        inform(operator, (x, indices), (parameter,), values)
    return values, indices


def of_selected(g: Any, indices: Any, shape: torch.Size, dim: int) -> Any:
    """The gradient of elements at indices, of which there is one, without its dimension, or several; any may be named twice."""
    if indices.ndim < len(shape):
        g, indices = g.unsqueeze(dim), indices.unsqueeze(dim)
    return scattered(g, shape, indices, dim)


# Functions that give (values, indices) along a dimension, each with the place of that among its arguments.
PLACES = {"sort": 0, "topk": 1, "kthvalue": 1, "mode": 0, "median": 0, "nanmedian": 0, "cummax": 0, "cummin": 0,
          "max": 0, "min": 0}  # fmt: skip
SELECTIONS = {name: Operator(name, getattr(torch, name), "x indices; dim", x=of_selected) for name in PLACES}


def selection(name: str, operator: Operator) -> Any:
    """Such a function."""
    place = PLACES[name]
    node = f"{camel(name)}Backward{int('median' in name)}"

    def select(x: Tensor, *args: Any, **kwargs: Any) -> Any:
        if name in OVER_ALL and not args and not kwargs:
            return apply(OVER_ALL[name], (x,))
        if name in PAIRWISE and isinstance((*args, *kwargs.values())[0], Tensor):
            return FUNCTIONS[PAIRWISE[name]](x, *args, **kwargs)
        found = operator.forward(x._data, *args, **kwargs)
        dim = kwargs.get("dim", args[place] if len(args) > place else -1)
        values, indices = selected(operator, x, found, dim)
        return type(found)((called(node, values), indices))

    return select


for _name, _operator in SELECTIONS.items():
    compose(**{_name: selection(_name, _operator)})
UNIQUE: Operator = Operator("unique2", lambda x: x, "x", x=refused("_unique2", NotImplementedError))


def distinct(kernel: Any) -> Any:
    """A function that gives distinct elements, and what torch gives besides. NotImplementedError when a gradient arrives."""

    def select(x: Tensor, *args: Any, **kwargs: Any) -> Any:
        found = wrapped(kernel(x._data, *args, **kwargs))
        if state.enabled:
            record(UNIQUE, (x,), (), found[0] if isinstance(found, tuple) else found)
        return found

    return select


compose(unique=distinct(torch.unique), unique_consecutive=distinct(torch.unique_consecutive))


# Products. Their gradients are exact also where factors are zero.


def others(x: Any, dim: int) -> Any:
    """For every element the product of the others along a dimension."""
    return preceding(x, dim) * preceding(x.flip(dim), dim).flip(dim) if x.shape[dim] else x


def preceding(x: Any, dim: int) -> Any:
    """For every element the product of those before it along a dimension."""
    first, n = x.narrow(dim, 0, 1), x.shape[dim]
    shifted = compute(rules.CAT, (first.new_ones(first.shape), x.narrow(dim, 0, n - 1)), (dim, (0, 1)))
    return shifted.cumprod(dim)


def prod_rule(g: Any, x: Any, shape: torch.Size, dim: int | None, keepdim: bool) -> Any:
    """The product of the other factors, of all or along a dimension."""
    x = x.to(g.dtype)
    if dim is None or not shape:
        return (g * others(x.reshape(-1), 0)).reshape(shape)
    return spread(g, shape, (dim,), keepdim) * others(x, dim % len(shape))


def cumprod_rule(g: Any, x: Any, result: Any, dim: int) -> Any:
    """sum over n >= k of g[n] * product over j <= n, j != k of x[j]; by division where no x is zero."""
    if x.ndim == 0:
        return g
    x = x.to(g.dtype)
    if not ((x == 0) | x.isinf()).any():
        return (g * result).flip(dim).cumsum(dim).flip(dim) / x
    n = x.shape[dim]
    lines = x.transpose(dim, -1).unsqueeze(-1).expand(*x.transpose(dim, -1).shape, n)  # ..., j, k
    ones = torch.eye(n, dtype=torch.bool, device=x.device)
    without = compute(rules.WHERE, (ones if isinstance(x, torch.Tensor) else Tensor(ones), 1, lines)).cumprod(-2)
    return (g.transpose(dim, -1).unsqueeze(-1) * without.tril()).sum(-2).transpose(dim, -1)


define("cumprod", "x; dim *dtype=None", x=cumprod_rule)
define("cumsum", "x; dim *dtype=None", x=lambda g, dim: g.flip(dim).cumsum(dim).flip(dim) if g.ndim else g)
define(
    "prod",
    "x; dim=None keepdim=False *dtype=None",
    lambda x, dim, keepdim, dtype: (
        torch.prod(x, dtype=dtype) if dim is None else torch.prod(x, dim, keepdim, dtype=dtype)
    ),
    x=prod_rule,
)


# Statistics and norms.


def centred(g: Any, x: Any, shape: torch.Size, dims: Any, correction: float, keepdim: bool) -> Any:
    """The gradient of the variance."""
    lengths = shape if dims is None else [shape[dim] for dim in dims if shape]
    freedom = math.prod(lengths) - correction
    mean = x.mean() if dims is None else x.mean(dims, True)
    return spread(g, shape, dims, keepdim) * (x - mean) * (2 / freedom if freedom > 0 else math.nan)


VAR: Operator = define("var", "x; dims *correction *keepdim", x=centred)
STD: Operator = define(
    "std",
    "x; dims *correction *keepdim",
    x=lambda g, x, shape, result, dims, correction, keepdim: centred(
        masked(g, result == 0) / (result * 2).masked_fill(result == 0, 1), x, shape, dims, correction, keepdim
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
    if math.isinf(p):
        return x.sgn() * of_extreme(g, x.abs(), result, shape, dims, keepdim)
    if p == 2:  # g is masked, too, so that the transposed of the rule, which is forward mode, divides no zero by zero
        is_zero = result == 0
        slope = spread(masked(g, is_zero) / result, shape, dims, keepdim)
        return masked(x * slope, spread(is_zero, shape, dims, keepdim))
    g, result = spread(g, shape, dims, keepdim), spread(result, shape, dims, keepdim)
    if p == 0:
        return nothing(g, shape)
    return g * x.sgn() * masked((x.abs() / result) ** (p - 1), (x == 0) | (result == 0))


NORM: Operator = Operator(
    "linalg_vector_norm",
    lambda x, p, dims, keepdim: torch.linalg.vector_norm(x, p, dims, keepdim),
    "x; p dims keepdim",
    x=norm_rule,
)


def logcumsumexp_rule(g: Any, x: Any, result: Any, dim: int) -> Any:
    """sum over n >= k of g[n] * exp(x[k] - result[n]), in which no exponent is positive."""
    if x.ndim == 0:
        return g
    g, x, result = (each.transpose(dim, -1) for each in (g, x, result))
    weights = (x.unsqueeze(-2) - result.unsqueeze(-1)).tril().exp().tril()
    return (g.unsqueeze(-1) * weights).sum(-2).transpose(dim, -1)


define("logcumsumexp", "x; dim", x=logcumsumexp_rule)
define(
    "logsumexp",
    "x; dims keepdim=False",
    lambda x, dims, keepdim: torch.logsumexp(x, tuple(range(x.ndim)) if dims is None else dims, keepdim),
    x=lambda g, x, shape, result, dims, keepdim: (
        spread(g, shape, dims, keepdim) * (x - spread(result, shape, dims, keepdim)).exp()
    ),
)
define(
    "softmax",
    "x; dim dtype=None",
    x=fused(
        lambda g, result, dim: ATEN._softmax_backward_data.default(g, result, dim, g.dtype),
        lambda g, result, dim: result * (g - (g * result).sum(dim, True)),
    ),
)
define(
    "log_softmax",
    "x; dim dtype=None",
    x=fused(
        lambda g, result, dim: ATEN._log_softmax_backward_data.default(g, result, dim, g.dtype),
        lambda g, result, dim: g - result.exp() * g.sum(dim, True),
    ),
)


def quantile(x: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str, ignoring_nan: bool) -> Any:
    """The quantiles; what is no number is left out, or makes the result none. RuntimeError for q outside [0, 1]."""
    q = q if isinstance(q, Tensor) else Tensor(torch.tensor(q, dtype=x.dtype, device=x.device))
    if not bool(((q._data >= 0) & (q._data <= 1)).all()):
        raise RuntimeError("quantile() q values must be in the range [0, 1]")
    dim = dim if x.ndim else None
    values = (x.reshape(-1) if dim is None else x.movedim(dim, -1)).sort(-1).values
    valid = ~values.isnan()
    ranks = q.reshape(-1) * (valid.sum(-1, True) - 1).clamp_min(0)
    ranks = ranks if ignoring_nan else ranks.where(valid.all(-1, True), values.shape[-1] - 1)
    below, above = (values.take_along_dim(each.long(), -1) for each in (ranks.floor(), ranks.ceil()))
    weights = {"linear": ranks - ranks.floor(), "midpoint": 0.5, "lower": 0.0, "higher": 1.0}
    weights["nearest"] = ranks.round() - ranks.floor()
    result = below.lerp(above, weights[interpolation]).movedim(-1, 0)
    if keepdim:
        result = result.reshape(-1, *[1] * x.ndim) if dim is None else result.unsqueeze(dim % x.ndim + 1)
    return result if q.ndim else result.squeeze(0)


def areas(y: Tensor, x: Tensor | None, dx: Any, dim: int) -> Any:
    """The areas of the trapezoids between neighbours, whose distances are dx, or those of x."""
    n, dim = y.shape[dim], dim % y.ndim - y.ndim
    widths = dx if x is None else differences(x, 1, -1 if x.ndim == 1 else dim, None, None)
    widths = widths.reshape(-1, *[1] * (-1 - dim)) if x is not None and x.ndim == 1 else widths
    return (y.narrow(dim, min(n, 1), max(n - 1, 0)) + y.narrow(dim, 0, max(n - 1, 0))) * widths / 2


def renorm(x: Tensor, p: float, dim: int, maxnorm: float) -> Any:
    """Every position of a dimension, scaled down to a norm of at most `maxnorm`."""
    lines = x.movedim(dim, 0).flatten(1) if x.ndim > 1 else x.unsqueeze(-1)
    norms = lines.norm(p, 1).reshape(-1, *[1] * (x.ndim - 1 - dim % x.ndim))
    return x * (maxnorm / (norms + 1e-7)).where(norms > maxnorm, 1)


compose(
    aminmax=lambda x, *, dim=None, keepdim=False: torch.return_types.aminmax(
        (x.amin(dim, keepdim), x.amax(dim, keepdim))
    ),
    cumulative_trapezoid=lambda y, x=None, *, dx=1, dim=-1: areas(y, x, dx, dim).cumsum(dim),
    diff=lambda x, n=1, dim=-1, prepend=None, append=None: differences(x, n, dim, prepend, append),
    dist=lambda x, y, p=2: (x - y).norm(p),
    msort=lambda x: x.sort(0).values,
    nanmean=lambda x, dim=None, keepdim=False: masked(x, x.isnan()).sum(dim, keepdim) / (~x.isnan()).sum(dim, keepdim),
    nanquantile=lambda x, q, dim=None, keepdim=False, *, interpolation="linear": quantile(
        x, q, dim, keepdim, interpolation, True
    ),
    nansum=lambda x, dim=None, keepdim=False: masked(x, x.isnan()).sum(dim, keepdim),
    quantile=lambda x, q, dim=None, keepdim=False, *, interpolation="linear": quantile(
        x, q, dim, keepdim, interpolation, False
    ),
    renorm=renorm,
    trace=lambda x: x.diagonal().sum(),
    trapezoid=lambda y, x=None, *, dx=1, dim=-1: areas(y, x, dx, dim).sum(dim),
)


def differences(x: Tensor, n: int, dim: int, prepend: Tensor | None, append: Tensor | None) -> Tensor:
    """The n-th differences between neighbours."""
    if not n:
        return x
    parts = [part for part in (prepend, x, append) if part is not None]
    x = FUNCTIONS["cat"](parts, dim) if len(parts) > 1 else x
    for _ in range(min(n, x.shape[dim])):
        x = x.narrow(dim, 1, x.shape[dim] - 1) - x.narrow(dim, 0, x.shape[dim] - 1)
    return x
