"""Elementwise functions besides arithmetic, with their derivatives: a line each. Kinks are torch's.

Comparisons and other functions without a derivative are in constant.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from . import rules
from .definition import Operator, compose, define, public
from .graph import apply, compute
from .inplace import write
from .rules import WHERE, fused, logarithm, masked, nothing
from .tensor import Tensor
from .views import alias


def refused(name: str, kind: type[Exception] = RuntimeError) -> Callable[..., Any]:
    """The rule of a function that has no derivative: the pass fails, and not the function."""

    def rule(g: Any) -> Any:
        raise kind(
            f"derivative for aten::{name} is not implemented"
            if kind is RuntimeError
            else f"the derivative for '{name}' is not implemented."
        )

    return rule


# Smooth functions of one operand.

define("abs", "x", x=lambda g, x: g * x.sgn())
define("acos", "x", x=lambda g, x: -g * (1 - x * x).rsqrt())
define("acosh", "x", x=lambda g, x: g * (x - 1).rsqrt() * (x + 1).rsqrt())
define("asin", "x", x=lambda g, x: g * (1 - x * x).rsqrt())
define("asinh", "x", x=lambda g, x: g * (x * x + 1).rsqrt())
define("atan", "x", x=lambda g, x: g / (x * x + 1))
define("atanh", "x", x=lambda g, x: g / (1 - x * x))
define("conj_physical", "x", x=lambda g: g.conj())
define("cos", "x", x=lambda g, x: -g * x.sin())
define("cosh", "x", x=lambda g, x: g * x.sinh())
define("deg2rad", "x", x=lambda g: g * (math.pi / 180))
define("digamma", "x", x=lambda g, x: g * compute(POLYGAMMA, (x,), (1,)))
define("erf", "x", x=lambda g, x: g * (-x * x).exp() * (2 / math.sqrt(math.pi)))
define("erfc", "x", x=lambda g, x: g * (-x * x).exp() * (-2 / math.sqrt(math.pi)))
define("erfinv", "x", x=lambda g, result: g * (result * result).exp() * (math.sqrt(math.pi) / 2))
define("exp2", "x", x=lambda g, result: g * result * math.log(2))
define("expm1", "x", x=lambda g, result: g * (result + 1))
define("frac", "x", x=lambda g: g)
define("lgamma", "x", x=lambda g, x: g * x.digamma())
define("log10", "x", x=lambda g, x: g / (x * math.log(10)))
define("log1p", "x", x=lambda g, x: g / (x + 1))
define("log2", "x", x=lambda g, x: g / (x * math.log(2)))
define("rad2deg", "x", x=lambda g: g * (180 / math.pi))
define("reciprocal", "x", x=lambda g, result: -g * (result * result))
define("rsqrt", "x", x=lambda g, result: g * (result * result * result) * -0.5)
define("sin", "x", x=lambda g, x: g * x.cos())
define("sinh", "x", x=lambda g, x: g * x.cosh())
define("sqrt", "x", x=lambda g, result: g / (result * 2))
define("square", "x", x=lambda g, x: g * (x * 2))
define("tan", "x", x=lambda g, result: g * (result * result + 1))
define("sigmoid", "x", x=fused(torch.ops.aten.sigmoid_backward.default, lambda g, result: g * (1 - result) * result))
define("sinc", "x", x=lambda g, x: g * masked(((x * math.pi).cos() - x.sinc()) / x, x == 0))
POLYGAMMA: Operator = Operator(
    "polygamma", lambda x, n: torch.polygamma(n, x), "x; n", x=lambda g, x, n: g * compute(POLYGAMMA, (x,), (n + 1,))
)
# The direction of a complex number turns, but has no length: the component of g along it is lost. `s` is the result.
define(
    "sgn",
    "x",
    x=lambda g, x, result: along_circle(g, x.abs(), result.conj()) if g.is_complex() else nothing(g, x.shape),
)
define(
    "angle",
    "x",
    x=lambda g, x: (
        masked(masked(g, x == 0) * x * 1j / (x.abs() * x.abs()), x == 0) if x.is_complex() else nothing(g, x.shape)
    ),
)


def along_circle(g: Any, length: Any, s: Any) -> Any:
    """The gradient of x / |x|, zero at the origin."""
    g = masked(g, length == 0)
    return masked((g - s * (g * s.conj()).real) / length, length == 0)


# Kinks, steps and bounds.


def inside(x: Any, min: Any, max: Any) -> Any:
    """Where a value lies within bounds, or on them; a bound that is None does not bind."""
    if min is None or max is None:
        return x >= min if min is not None else x <= max
    return (x >= min) & (x <= max)


def by_min(g: Any, x: Any, min: Any, max: Any) -> Any:
    """The gradient of the lower bound."""
    return masked(g, ~(x < min) if max is None else ~((x < min) & (min < max)))


def by_max(g: Any, x: Any, min: Any, max: Any) -> Any:
    """The gradient of the upper bound, which wins where the bounds are crossed."""
    return masked(g, ~(x > max) if min is None else ~((x > max) | (min > max)))


def clamp_rule(g: Any, x: Any, min: Any, max: Any) -> Any:
    """The gradient of the bounded value."""
    return masked(g, ~inside(x, min, max))


for _name in ("ceil", "floor", "sign", "trunc"):
    define(_name, "x", x=nothing)
define("round", "x; *decimals=0", x=nothing)
define("nan_to_num", "x; nan=0.0 posinf=None neginf=None", x=lambda g, x: masked(g, ~x.isfinite()))
define("clamp", "x min=None max=None", x=clamp_rule, min=by_min, max=by_max)
define("clamp_min", "x min", x=lambda g, x, min: masked(g, ~(x >= min)), min=lambda g, x, min: masked(g, ~(x < min)))
define("clamp_max", "x max", x=lambda g, x, max: masked(g, ~(x <= max)), max=lambda g, x, max: masked(g, ~(x > max)))
define(
    "logit",
    "x; eps=None",
    x=lambda g, x, eps: g / (x * (1 - x)) if eps is None else masked(g / (x * (1 - x)), ~inside(x, eps, 1 - eps)),
)


# Two operands and more.


def halved(g: Any, x: Any, y: Any, loses: Any) -> Any:
    """The gradient of the greater or lesser operand: half of it where they are equal."""
    return masked(compute(WHERE, (x == y, g / 2, g)), loses)


def not_both_zero(g: Any, x: Any, y: Any) -> Any:
    """g / (x**2 + y**2), with zeros where that has no direction."""
    return masked(g / (x * x + y * y), (x == 0) & (y == 0))


def gamma_density(shape: Any, x: Any) -> Any:
    """The density of the gamma distribution."""
    return ((shape - 1) * x.log() - x - shape.lgamma()).exp()


define("maximum", "x y", x=lambda g, x, y: halved(g, x, y, x < y), y=lambda g, x, y: halved(g, x, y, y < x))
define("minimum", "x y", x=lambda g, x, y: halved(g, x, y, x > y), y=lambda g, x, y: halved(g, x, y, y > x))
define(
    "fmax",
    "x y",
    x=lambda g, x, y: masked(g, ~((x >= y) | y.isnan())),
    y=lambda g, x, y: masked(g, (x >= y) | y.isnan()),
)
define(
    "fmin",
    "x y",
    x=lambda g, x, y: masked(g, ~((x <= y) | y.isnan())),
    y=lambda g, x, y: masked(g, (x <= y) | y.isnan()),
)
define("atan2", "x y", x=lambda g, x, y: not_both_zero(g * y, x, y), y=lambda g, x, y: not_both_zero(-g * x, x, y))
define("hypot", "x y", x=lambda g, x, result: g * (x / result), y=lambda g, y, result: g * (y / result))
define("logaddexp", "x y", x=lambda g, x, y: g / ((y - x).exp() + 1), y=lambda g, x, y: g / ((x - y).exp() + 1))
define("logaddexp2", "x y", x=lambda g, x, y: g / ((y - x).exp2() + 1), y=lambda g, x, y: g / ((x - y).exp2() + 1))
define("xlogy", "x y", x=lambda g, x, y: masked(g * logarithm(y), (x == 0) & (y <= 0)), y=lambda g, x, y: g * x / y)
define("copysign", "x y", x=lambda g, x, result: g * (x.sgn() * result.sgn()), y=nothing)
define("fmod", "x y", x=lambda g: g, y=lambda g, x, y: -g * compute(ROUNDED_DIV, (x, y), ("trunc",)))
define("remainder", "x y", x=lambda g: g, y=lambda g, x, y: -g * compute(ROUNDED_DIV, (x, y), ("floor",)))
define("floor_divide", "x y", x=refused("floor_divide"), y=refused("floor_divide"))
define("heaviside", "x values", x=refused("heaviside"), values=refused("heaviside"))
define("igamma", "x y", x=refused("igamma: input", NotImplementedError), y=lambda g, x, y: g * gamma_density(x, y))
define("igammac", "x y", x=refused("igammac: input", NotImplementedError), y=lambda g, x, y: -g * gamma_density(x, y))
define(
    "lerp",
    "x end weight",
    x=lambda g, weight: g * (1 - weight),
    end=lambda g, weight: g * weight,
    weight=lambda g, x, end: g * (end - x),
)
define(
    "addcmul",
    "x tensor1 tensor2; *value=1",
    x=lambda g: g,
    tensor1=lambda g, tensor2, value: g * (tensor2 * value),
    tensor2=lambda g, tensor1, value: g * (tensor1 * value),
)
define(
    "addcdiv",
    "x tensor1 tensor2; *value=1",
    x=lambda g: g,
    tensor1=lambda g, tensor2, value: g * (value / tensor2),
    tensor2=lambda g, tensor1, tensor2, value: -g * (tensor1 * value / (tensor2 * tensor2)),
)
ROUNDED_DIV: Operator = Operator(
    "div", lambda x, y, rounding_mode: torch.div(x, y, rounding_mode=rounding_mode), "x y; rounding_mode",
    x=nothing, y=nothing,
)  # fmt: skip


@public
def div(x: Any, y: Any, *, rounding_mode: str | None = None) -> Tensor:
    """x / y, elementwise; rounded to an integer towards zero (`trunc`) or down (`floor`), then without a gradient."""
    return apply(rules.DIV, (x, y)) if rounding_mode is None else apply(ROUNDED_DIV, (x, y), (rounding_mode,))


@public
def div_(x: Tensor, y: Any, *, rounding_mode: str | None = None) -> Tensor:
    """x /= y, rounded as by `div`."""
    if rounding_mode is None:
        return write(rules.DIV, torch.Tensor.div_, x, (y,))
    return write(ROUNDED_DIV, lambda x, y, mode: x.div_(y, rounding_mode=mode), x, (y,), (rounding_mode,))


def to_double(x: Any) -> Any:
    """A tensor in double precision; numbers have it."""
    return x.to(torch.complex128 if x.is_complex() else torch.float64) if isinstance(x, Tensor) else x


compose(
    float_power=lambda x, exponent: to_double(x) ** to_double(exponent),
    ldexp=lambda x, other: x * 2.0**other,
    mvlgamma=lambda x, p: sum((x - k / 2).lgamma() for k in range(p)) + p * (p - 1) / 4 * math.log(math.pi),
    polygamma=lambda n, x: apply(POLYGAMMA, (x,), (n,)),
    positive=lambda x: x,
    resolve_conj=lambda x: x.clone() if x.is_conj() else x,
    resolve_neg=lambda x: x.clone() if x.is_neg() else x,
    rsub=lambda x, y, *, alpha=1: y - alpha * x,
)


# What torch has in torch.special only: special.py puts it there.


def special(name: str, signature: str, **rules: Any) -> Operator:
    """One of these functions."""
    return define(f"special_{name}", signature, getattr(torch.special, name), **rules)


def over(result: Any, x: Any) -> Any:
    """result / x, for a function that is x / 2 around zero."""
    return masked(result / compute(WHERE, (x == 0, 1, x)), x == 0) + (x == 0) * 0.5


I0: Operator = define("i0", "x", x=lambda g, x: g * compute(I1, (x,)))
I1: Operator = special("i1", "x", x=lambda g, x, result: g * (compute(I0, (x,)) - over(result, x)))
I0E: Operator = special("i0e", "x", x=lambda g, x, result: g * (compute(I1E, (x,)) - x.sgn() * result))
I1E: Operator = special(
    "i1e", "x", x=lambda g, x, result: g * (compute(I0E, (x,)) - x.sgn() * result - over(result, x))
)
ERFCX: Operator = special("erfcx", "x", x=lambda g, x, result: g * (x * result * 2 - 2 / math.sqrt(math.pi)))
special("entr", "x", x=lambda g, x: -g * (x.log() + 1))
special("ndtr", "x", x=lambda g, x: g * (-x * x / 2).exp() / math.sqrt(2 * math.pi))
special("ndtri", "x", x=lambda g, result: g * (result * result / 2).exp() * math.sqrt(2 * math.pi))
special("log_ndtr", "x", x=lambda g, x: g * (math.sqrt(2 / math.pi) / compute(ERFCX, (x * -math.sqrt(0.5),))))
XLOG1PY: Operator = special(
    "xlog1py", "x y", x=lambda g, x, y: masked(compute(XLOG1PY, (g, y)), (x == 0) & (y <= -1)),
    y=lambda g, x, y: g * x / (y + 1),
)  # fmt: skip
ZETA: Operator = special(
    "zeta", "x y", x=refused("zeta", NotImplementedError), y=lambda g, x, y: -g * x * compute(ZETA, (x + 1, y))
)


# Complex numbers and their parts. The parts are views.

REAL: Operator = Operator("real", torch.real, "x", x=lambda g: g)
define("imag", "x", is_view=True, x=lambda g: g * 1j)
VIEW_AS_REAL: Operator = define(
    "view_as_real", "x", is_view=True, x=lambda g: compute(VIEW_AS_COMPLEX, (g.contiguous(),))
)
VIEW_AS_COMPLEX: Operator = define(
    "view_as_complex", "x", is_view=True, x=lambda g: compute(VIEW_AS_REAL, (g.resolve_conj(),))
)
define("complex", "real imag", real=lambda g: g.real, imag=lambda g: g.imag)
define(
    "polar",
    "abs angle",
    abs=lambda g, angle: g.real * angle.cos() + g.imag * angle.sin(),
    angle=lambda g, result: (g * result * -1j).real,
)
compose(real=lambda x: alias(REAL, x) if x.is_complex() else x)
