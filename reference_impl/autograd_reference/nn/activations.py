"""Activations. Kinks are torch's: the derivative of relu at 0 is 0, that of hardtanh at its bounds 0 as well."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from ..definition import FUNCTIONS, Operator
from ..graph import apply, compute
from ..rules import RELU, WHERE, fused, masked
from ..tensor import Tensor

ATEN = torch.ops.aten


def relu(x: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0); its derivative at 0 is 0. `inplace` writes to x."""
    return x.relu_() if inplace else apply(RELU, (x,))


def written(x: Tensor, function: Callable[[Tensor], Tensor], inplace: bool) -> Tensor:
    """What a function makes of x; in the memory of x, of which it then reads a copy, if so asked."""
    return x.copy_(function(x.clone())) if inplace else function(x)


# x and g may be raw, as in any rule: hence `compute`, and no method that torch lacks.


def chosen(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, else y."""
    return compute(WHERE, (condition, x, y))


ELU: Operator = Operator(
    "elu",
    lambda x, alpha, scale, input_scale: ATEN.elu.default(x, alpha, scale, input_scale),
    "x; alpha scale input_scale",
    x=lambda g, x, alpha, scale, input_scale: g * chosen(
        x > 0, scale, masked(x * input_scale, x > 0).exp() * (alpha * scale * input_scale)
    ),
)  # fmt: skip
GELU: Operator = Operator(
    "gelu",
    lambda x, approximate: ATEN.gelu.default(x, approximate=approximate),
    "x; approximate",
    x=fused(
        lambda g, x, approximate: ATEN.gelu_backward.default(g, x, approximate=approximate),
        lambda g, x, approximate: g * gelu_slope(x, approximate),
    ),
)
SILU: Operator = Operator(
    "silu",
    ATEN.silu.default,
    "x",
    x=fused(ATEN.silu_backward.default, lambda g, x: g * (x.sigmoid() * (1 + x * (1 - x.sigmoid())))),
)
SOFTPLUS: Operator = Operator(
    "softplus",
    ATEN.softplus.default,
    "x; beta threshold",
    x=lambda g, x, beta, threshold: g * chosen(x * beta > threshold, 1, (x * beta).sigmoid()),
)
LEAKY_RELU: Operator = Operator(
    "leaky_relu", ATEN.leaky_relu.default, "x; slope", x=lambda g, x, slope: g * chosen(x > 0, 1, slope)
)
THRESHOLD: Operator = Operator(
    "threshold",
    ATEN.threshold.default,
    "x; threshold value",
    x=lambda g, x, threshold: masked(g, x <= threshold),
)
HARDTANH: Operator = Operator(
    "hardtanh", ATEN.hardtanh.default, "x; low high", x=lambda g, x, low, high: masked(g, (x <= low) | (x >= high))
)
HARDSWISH: Operator = Operator(
    "hardswish",
    ATEN.hardswish.default,
    "x",
    x=lambda g, x: g * chosen(x <= -3, 0, chosen(x >= 3, 1, x / 3 + 0.5)),
)
SHRINK: dict[str, Operator] = {
    name: Operator(
        name, kernel, "x; bound", x=lambda g, x, bound: masked(g, (x >= -bound) & (x <= bound))
    )
    for name, kernel in {"hardshrink": ATEN.hardshrink.default, "softshrink": ATEN.softshrink.default}.items()
}  # fmt: skip
LOG_SIGMOID: Operator = Operator("log_sigmoid", torch.nn.functional.logsigmoid, "x", x=lambda g, x: g * (-x).sigmoid())
PRELU: Operator = Operator(
    "prelu_kernel",
    ATEN._prelu_kernel.default,
    "x weight",
    x=lambda g, x, weight: chosen(x > 0, g, g * weight),
    weight=lambda g, x: masked(g * x, x > 0),
)


def gelu_slope(x: Any, approximate: str) -> Any:
    """The derivative of gelu: x times the normal distribution, or an approximation of that by tanh."""
    if approximate == "none":
        return ((x / math.sqrt(2)).erf() + 1) / 2 + x * (-x * x / 2).exp() / math.sqrt(2 * math.pi)
    t = ((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)).tanh()
    return (t + 1) / 2 + x * (1 - t * t) * (x * x * (3 * 0.044715) + 1) / math.sqrt(2 * math.pi)


SELU = (1.6732632423543772, 1.0507009873554805, 1.0)


def elu(x: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where it is positive, else alpha * (e ** x - 1)."""
    return written(x, lambda x: apply(ELU, (x,), (alpha, 1.0, 1.0)), inplace)


def celu(x: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where it is positive, else alpha * (e ** (x / alpha) - 1)."""
    return written(x, lambda x: apply(ELU, (x,), (alpha, 1.0, 1.0 / alpha)), inplace)


def selu(x: Tensor, inplace: bool = False) -> Tensor:
    """A scaled elu that keeps mean 0 and variance 1."""
    return written(x, lambda x: apply(ELU, (x,), SELU), inplace)


def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    """x times the normal distribution at x; with `approximate="tanh"` an approximation."""
    return apply(GELU, (x,), (approximate,))


def silu(x: Tensor, inplace: bool = False) -> Tensor:
    """x * sigmoid(x)."""
    return written(x, lambda x: apply(SILU, (x,)), inplace)


def mish(x: Tensor, inplace: bool = False) -> Tensor:
    """x * tanh(softplus(x))."""
    return written(x, lambda x: x * softplus(x).tanh(), inplace)


def softplus(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + e ** (beta * x)) / beta; x itself where beta * x is above the threshold."""
    return apply(SOFTPLUS, (x,), (beta, threshold))


def leaky_relu(x: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where it is positive, else x * negative_slope."""
    return written(x, lambda x: apply(LEAKY_RELU, (x,), (negative_slope,)), inplace)


def rrelu(
    x: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """leaky_relu with a slope drawn for each element in training, and else the middle one."""
    if not training:
        return leaky_relu(x, (lower + upper) / 2, inplace)
    slope = torch.ones_like(x._data)
    slope[x._data <= 0] = torch.empty(int((x._data <= 0).sum()), dtype=x.dtype).uniform_(lower, upper).to(x.device)
    return written(x, lambda x: FUNCTIONS["where"](x > 0, x, x * Tensor(slope)), inplace)


def threshold(x: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where it is above the threshold, else the value."""
    return written(x, lambda x: apply(THRESHOLD, (x,), (threshold, value)), inplace)


def hardtanh(x: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x within bounds."""
    return written(x, lambda x: apply(HARDTANH, (x,), (min_val, max_val)), inplace)


def prelu(x: Tensor, weight: Tensor) -> Tensor:
    """leaky_relu with a slope for all, or for each position of dimension 1."""
    shape = (1,) * min(x.ndim, 1) + (-1,) + (1,) * (x.ndim - 2) if weight.numel() != 1 else (1,) * x.ndim
    return apply(PRELU, (x, weight.reshape(shape)))


def logsigmoid(x: Tensor) -> Tensor:
    """The logarithm of the sigmoid."""
    return apply(LOG_SIGMOID, (x,))


def glu(x: Tensor, dim: int = -1) -> Tensor:
    """One half of a dimension times the sigmoid of the other."""
    if x.shape[dim] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {x.shape[dim]}")
    half = x.shape[dim] // 2
    return x.narrow(dim, 0, half) * x.narrow(dim, half, half).sigmoid()


relu6 = lambda x, inplace=False: hardtanh(x, 0.0, 6.0, inplace)
hardsigmoid = lambda x, inplace=False: written(x, lambda x: hardtanh(x + 3, 0.0, 6.0) / 6, inplace)
hardswish = lambda x, inplace=False: written(x, lambda x: apply(HARDSWISH, (x,)), inplace)
hardshrink = lambda x, lambd=0.5: apply(SHRINK["hardshrink"], (x,), (lambd,))
softshrink = lambda x, lambd=0.5: apply(SHRINK["softshrink"], (x,), (lambd,))
sigmoid = lambda x: x.sigmoid()
tanh = lambda x: x.tanh()
softsign = lambda x: x / (x.abs() + 1)
tanhshrink = lambda x: x - x.tanh()
softmax = lambda x, dim=None, _stacklevel=3, dtype=None: x.softmax(implicit(x, dim), dtype=dtype)
log_softmax = lambda x, dim=None, _stacklevel=3, dtype=None: x.log_softmax(implicit(x, dim), dtype=dtype)
softmin = lambda x, dim=None, _stacklevel=3, dtype=None: (-x).softmax(implicit(x, dim), dtype=dtype)


def implicit(x: Tensor, dim: int | None) -> int:
    """The dimension that torch takes if none is given."""
    return (0 if x.ndim in (0, 1, 3) else 1) if dim is None else dim


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A softmax of logits with Gumbel noise; with `hard` its value is one-hot, its gradient that of the soft one."""
    noise = Tensor(-torch.empty_like(logits._data, memory_format=torch.legacy_contiguous_format).exponential_().log())
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    one = Tensor(torch.zeros_like(soft._data).scatter_(dim, soft._data.max(dim, keepdim=True)[1], 1.0))
    return one - soft.detach() + soft
