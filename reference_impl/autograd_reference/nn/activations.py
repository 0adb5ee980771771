"""Activations. Kinks are torch's: the derivative of relu at 0 is 0, that of hardtanh at its bounds 0 as well."""

from __future__ import annotations

import math
from typing import Any

import torch

from ..definition import Operator
from ..graph import apply, apply_one, compute
from ..rules import RELU, WHERE, fused, masked
from ..tensor import Tensor
from .signatures import functions

ATEN = torch.ops.aten


# x and g may be raw, as in any rule: hence `compute`, and no method that torch lacks.


def chosen(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, else y."""
    return compute(WHERE, (condition, x, y))


ELU: Operator = Operator(
    "elu",
    lambda x, alpha, scale, input_scale: ATEN.elu.default(x, alpha, scale, input_scale),
    "x; alpha scale input_scale",
    x=fused(
        lambda g, x, *scales: ATEN.elu_backward.default(g, *scales, False, x),
        lambda g, x, alpha, scale, input_scale: g * chosen(
            x > 0, scale, masked(x * input_scale, x >= 0).exp() * (alpha * scale * input_scale)
        ),
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


def mish_slope(x: Any) -> Any:
    """The derivative of x tanh(log(1 + e^x))."""
    t = compute(SOFTPLUS, (x,), (1, 20)).tanh()
    return t + x * (1 - t * t) * x.sigmoid()


MISH: Operator = Operator(
    "mish", ATEN.mish.default, "x", x=fused(ATEN.mish_backward.default, lambda g, x: g * mish_slope(x))
)
SOFTPLUS: Operator = Operator(
    "softplus",
    ATEN.softplus.default,
    "x; beta threshold",
    x=fused(
        ATEN.softplus_backward.default,
        lambda g, x, beta, threshold: g * chosen(x * beta > threshold, 1, (x * beta).sigmoid()),
    ),
)
LEAKY_RELU: Operator = Operator(
    "leaky_relu",
    ATEN.leaky_relu.default,
    "x; negative_slope",
    x=fused(
        lambda g, x, negative_slope: ATEN.leaky_relu_backward.default(g, x, negative_slope, False),
        lambda g, x, negative_slope: g * chosen(x > 0, 1, negative_slope),
    ),
)
HARDTANH: Operator = Operator(
    "hardtanh",
    ATEN.hardtanh.default,
    "x; low high",
    x=fused(ATEN.hardtanh_backward.default, lambda g, x, low, high: masked(g, (x <= low) | (x >= high))),
)
HARDSWISH: Operator = Operator(
    "hardswish",
    ATEN.hardswish.default,
    "x",
    x=fused(ATEN.hardswish_backward.default, lambda g, x: g * chosen(x.abs() < 3, x / 3 + 0.5, x >= 3)),
)
LOG_SIGMOID: Operator = Operator("log_sigmoid", torch.nn.functional.logsigmoid, "x", x=lambda g, x: g * (-x).sigmoid())


def gelu_slope(x: Any, approximate: str) -> Any:
    """The derivative of gelu: x times the normal distribution, or an approximation of that by tanh."""
    if approximate == "none":
        return ((x / math.sqrt(2)).erf() + 1) / 2 + x * (-x * x / 2).exp() / math.sqrt(2 * math.pi)
    t = ((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)).tanh()
    return (t + 1) / 2 + x * (1 - t * t) * (x * x * (3 * 0.044715) + 1) / math.sqrt(2 * math.pi)


def softplus(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + e ** (beta * x)) / beta; x itself where beta * x is above the threshold."""
    return apply(SOFTPLUS, (x,), (beta, threshold))


def logsigmoid(x: Tensor) -> Tensor:
    """The logarithm of the sigmoid."""
    return apply(LOG_SIGMOID, (x,))


def hardtanh(x: Tensor, low: float, high: float) -> Tensor:
    """x within bounds."""
    return apply(HARDTANH, (x,), (low, high))


def prelu(x: Tensor, weight: Tensor) -> Tensor:
    """x where it is positive, else times a slope: one for all, or for each position of dimension 1."""
    by_channel = (*[1] * min(x.ndim, 1), -1, *[1] * (x.ndim - 2))
    return x * chosen(x > 0, 1, weight.reshape((1,) * x.ndim if weight.numel() == 1 else by_channel))


def rrelu(input: Tensor, lower: float, upper: float, training: bool) -> Tensor:
    """leaky_relu with a slope drawn for each element in training, and else the middle one."""
    if not training:
        return apply(LEAKY_RELU, (input,), ((lower + upper) / 2,))
    signs = (input._data > 0).to(input.dtype) * 2 - 1
    return input * Tensor(torch.nn.functional.rrelu(signs, lower, upper, training).abs())


def glu(input: Tensor, dim: int) -> Tensor:
    """One half of a dimension times the sigmoid of the other."""
    if input.shape[dim] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {input.shape[dim]}")
    half = input.shape[dim] // 2
    return input.narrow(dim, 0, half) * input.narrow(dim, half, half).sigmoid()


def implicit(x: Tensor, dim: int | None) -> int:
    """The dimension that torch takes if none is given."""
    return (0 if x.ndim in (0, 1, 3) else 1) if dim is None else dim


def gumbel_softmax(logits: Tensor, tau: float, hard: bool, dim: int) -> Tensor:
    """A softmax of logits with Gumbel noise; with `hard` its value is one-hot, its gradient that of the soft one."""
    noise = Tensor(-torch.empty_like(logits._data, memory_format=torch.legacy_contiguous_format).exponential_().log())
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    one = Tensor(torch.zeros_like(soft._data).scatter_(dim, soft._data.max(dim, keepdim=True)[1], 1.0))
    return one - soft.detach() + soft


FUNCTIONS = functions(
    softplus, logsigmoid, prelu, rrelu, glu, gumbel_softmax,
    relu=lambda input, inplace: input.relu_() if inplace else apply_one(RELU, input),
    elu=lambda input, alpha: apply(ELU, (input,), (alpha, 1.0, 1.0)),
    celu=lambda input, alpha: apply(ELU, (input,), (alpha, 1.0, 1.0 / alpha)),
    selu=lambda input: apply(ELU, (input,), (1.6732632423543772, 1.0507009873554805, 1.0)),
    gelu=lambda input, *, approximate="none": apply(GELU, (input,), (approximate,)),
    silu=lambda input: apply_one(SILU, input),
    mish=lambda input: apply_one(MISH, input),
    leaky_relu=lambda input, negative_slope: apply(LEAKY_RELU, (input,), (negative_slope,)),
    threshold=lambda input, threshold, value: input.masked_fill(input <= threshold, value),
    hardtanh=lambda input, min_val, max_val: hardtanh(input, min_val, max_val),
    relu6=lambda input: hardtanh(input, 0.0, 6.0),
    hardsigmoid=lambda input: hardtanh(input + 3, 0.0, 6.0) / 6,
    hardswish=lambda input: apply_one(HARDSWISH, input),
    hardshrink=lambda input, lambd=0.5: input.masked_fill(input.abs() <= lambd, 0),
    softshrink=lambda input, lambd=0.5: input - input.clamp(-lambd, lambd),
    sigmoid=lambda input: input.sigmoid(),
    tanh=lambda input: input.tanh(),
    softsign=lambda input: input / (input.abs() + 1),
    tanhshrink=lambda input: input - input.tanh(),
    softmax=lambda input, dim, dtype: input.softmax(implicit(input, dim), dtype=dtype),
    log_softmax=lambda input, dim, dtype: input.log_softmax(implicit(input, dim), dtype=dtype),
    softmin=lambda input, dim, dtype: (-input).softmax(implicit(input, dim), dtype=dtype),
)  # fmt: skip
