"""What the catalogue says of numbers at kinks, limits and infinities, of element types, complex numbers, broadcasting,
indexing, errors and randomness: on torch and on the reference. Where torch breaks the norm, on the reference alone.
"""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

import autograd_reference as reference

inf, nan = math.inf, math.nan
both = pytest.mark.parametrize("lib", [torch, reference], ids=["torch", "reference"])


def gradient(lib: Any, function: Callable[[Any], Any], at: Any, dtype: Any = torch.float64) -> list[Any]:
    """The gradient of the sum of a function."""
    x = lib.tensor(at, dtype=dtype, requires_grad=True)
    function(x).sum().backward()
    return x.grad.tolist()


SLOPES: list[tuple[str, Callable[[Any, Any], Any], Any, Any]] = [
    ("relu", lambda lib, x: x.relu(), [0.0, -0.0, -1.0, 1.0], [0, 0, 0, 1]),
    ("abs", lambda lib, x: x.abs(), [-1.0, 0.0, -0.0, 1.0], [-1, 0, 0, 1]),
    ("sign", lambda lib, x: x.sign(), [-1.0, 0.0, 1.0], [0, 0, 0]),
    ("max over all", lambda lib, x: x.max(), [1.0, 2.0, 2.0], [0, 0.5, 0.5]),
    ("amin", lambda lib, x: x.amin(), [1.0, 1.0, 2.0], [0.5, 0.5, 0]),
    ("median over all", lambda lib, x: x.median(), [1.0, 2.0, 2.0, 3.0], [0, 0.5, 0.5, 0]),
    ("aminmax", lambda lib, x: sum(lib.aminmax(x)), [1.0, 2.0, 2.0], [1, 0.5, 0.5]),
    ("norm by infinity", lambda lib, x: x.norm(inf), [-2.0, 2.0, 1.0], [-0.5, 0.5, 0]),
    ("max of a dimension", lambda lib, x: x.max(0).values, [1.0, 2.0, 2.0], [0, 1, 0]),
    ("cummax takes the latest", lambda lib, x: x.cummax(0).values, [1.0, 1.0, 1.0], [1, 1, 1]),
    ("maximum of itself", lambda lib, x: lib.maximum(x, x), [1.0], [1]),
    ("maximum of an equal", lambda lib, x: lib.maximum(x, x.detach()), [1.0], [0.5]),
    ("fmax of an equal", lambda lib, x: lib.fmax(x, x.detach()), [1.0], [1]),
    ("clamp", lambda lib, x: x.clamp(-1, 1), [-2.0, -1.0, 0.0, 1.0, 2.0], [0, 1, 1, 1, 0]),
    ("clamp with crossed bounds", lambda lib, x: x.clamp(2, 1), [0.0, 1.0, 1.5, 2.0, 3.0], [0, 0, 0, 0, 0]),
    ("clamp_min", lambda lib, x: x.clamp_min(0), [-1.0, 0.0, 1.0], [0, 1, 1]),
    ("sqrt at zero", lambda lib, x: x.sqrt(), [0.0], [inf]),
    ("square root by power", lambda lib, x: x**0.5, [0.0], [inf]),
    ("rsqrt at zero", lambda lib, x: x.rsqrt(), [0.0], [-inf]),
    ("log at zero", lambda lib, x: x.log(), [0.0, -0.0, -1.0], [inf, -inf, -1]),
    ("reciprocal at zero", lambda lib, x: x.reciprocal(), [0.0, -0.0], [-inf, -inf]),
    ("asin at its ends", lambda lib, x: x.asin(), [1.0, -1.0], [inf, inf]),
    ("acos at its end", lambda lib, x: x.acos(), [1.0], [-inf]),
    ("acosh at its end", lambda lib, x: x.acosh(), [1.0], [inf]),
    ("atanh at its end", lambda lib, x: x.atanh(), [1.0], [inf]),
    ("log1p at its end", lambda lib, x: x.log1p(), [-1.0], [inf]),
    ("zero times infinity", lambda lib, x: x.sqrt() * 0, [0.0], [nan]),
    ("amin of rows", lambda lib, x: x.reshape(2, 2).amin(1), [1.0, nan, 2.0, 2.0], [nan, nan, 0.5, 0.5]),
    ("root of a square", lambda lib, x: (x * x).sqrt(), [0.0], [nan]),
    ("root of a variance", lambda lib, x: x.var().sqrt(), [1.0, 1.0], [nan, nan]),
    ("where", lambda lib, x: lib.where(x > 0, x, lib.tensor(nan)), [1.0, -1.0], [1, 0]),
    ("where after a pole", lambda lib, x: lib.where(x > 0, x.log(), 0.0), [0.0, 1.0], [nan, 1]),
    ("where before a pole", lambda lib, x: lib.where(x > 0, x, 1.0).log(), [0.0, 1.0], [0, 1]),
    ("masked_fill", lambda lib, x: x.masked_fill(x == 0, 1.0).log(), [0.0, 1.0], [0, 1]),
    ("x ** 0", lambda lib, x: x**0, [0.0, -1.0, inf, nan], [0, 0, 0, 0]),
    ("x ** 3", lambda lib, x: x**3, [0.0, 2.0], [0, 12]),
    ("x ** 1.5", lambda lib, x: x**1.5, [-1.0, 0.0], [nan, 0]),
    ("exponent", lambda lib, p: lib.tensor([0.0, 0, 0, -2, 1]) ** p, [0.0, 2.0, -1.0, 2.0, 0.0], [0, 0, -inf, nan, 0]),
    ("norms at zero", lambda lib, x: x.norm(1) + x.norm(2) + x.norm(3) + x.norm(inf), [0.0, 0.0], [0, 0]),
    ("standard deviation of constants", lambda lib, x: x.std(), [1.0, 1.0], [0, 0]),
    ("cdist of equal points", lambda lib, x: lib.cdist(x[None], x[None].detach()), [1.0, 1.0], [0, 0]),
    ("hypot at zero", lambda lib, x: lib.hypot(x, x.detach()), [0.0], [nan]),
    ("prod with a zero", lambda lib, x: x.prod(), [0.0, 2.0, 3.0], [6, 0, 0]),
    ("prod with two zeros", lambda lib, x: x.prod(), [0.0, 0.0, 3.0], [0, 0, 0]),
    ("prod of a dimension", lambda lib, x: x.prod(0), [2.0, 0.0, 3.0], [0, 6, 0]),
    ("cumprod with zeros", lambda lib, x: x.cumprod(0), [2.0, 0.0, 3.0], [1, 8, 0]),
    ("sort", lambda lib, x: x.sort().values * lib.tensor([1.0, 10.0, 100.0]), [2.0, 3.0, 1.0], [10, 100, 1]),
    ("topk", lambda lib, x: x.topk(2).values * lib.tensor([1.0, 10.0]), [2.0, 3.0, 1.0], [10, 1, 0]),
    ("rounding", lambda lib, x: x.floor() + x.ceil() + x.round() + x.trunc(), [0.5, 1.0], [0, 0]),
    ("frac", lambda lib, x: x.frac(), [0.5, 1.0], [1, 1]),
    ("nan_to_num", lambda lib, x: x.nan_to_num(), [nan, inf, -inf, 1.0], [0, 0, 0, 1]),
    ("fmod's divisor", lambda lib, y: lib.fmod(lib.tensor([7.0, -7.0]), y), [2.0, 2.0], [-3, 3]),
    ("remainder's divisor", lambda lib, y: lib.remainder(lib.tensor([7.0, -7.0]), y), [2.0, 2.0], [-3, 4]),
    ("atan2 at the origin", lambda lib, y: lib.atan2(y, lib.tensor([0.0, -1.0])), [0.0, 0.0], [0, -1]),
    ("logsumexp, some -inf", lambda lib, x: x.logsumexp(0), [-inf, 1.0, 1.0], [0, 0.5, 0.5]),
    ("logsumexp, all -inf", lambda lib, x: x.logsumexp(0), [-inf, -inf], [nan, nan]),
    ("logsumexp, inf", lambda lib, x: x.logsumexp(0), [inf, 1.0], [nan, 0]),
    ("logaddexp", lambda lib, x: lib.logaddexp(x[0], x[1]), [-inf, 1.0], [0, 1]),
    ("softmax with a mask", lambda lib, x: x.softmax(0)[1], [-inf, 0.0, 0.0], [0, 0.25, -0.25]),
    ("softmax, all masked", lambda lib, x: x.softmax(0)[1], [-inf, -inf], [nan, nan]),
    ("log_softmax with a mask", lambda lib, x: x.log_softmax(0)[1], [-inf, 0.0, 0.0], [0, 0.5, -0.5]),
    ("sigmoid", lambda lib, x: x.sigmoid(), [-1e3, 0.0, 1e3], [0, 0.25, 0]),
    ("tanh", lambda lib, x: x.tanh(), [-1e3, 0.0, 1e3], [0, 1, 0]),
    ("amax poisoned", lambda lib, x: x.amax(), [1.0, nan, 2.0], [nan, nan, nan]),
    ("max of what is no number", lambda lib, x: x.max(), [1.0, nan, nan], [0, 0.5, 0.5]),
    ("abs and clamp of what is no number", lambda lib, x: x.abs() + x.clamp(0, 1), [nan], [0]),
    ("relu of what is no number", lambda lib, x: x.relu(), [nan], [1]),
    ("nansum", lambda lib, x: x.nansum(), [1.0, nan], [1, 0]),
    ("sinc", lambda lib, x: x.sinc(), [0.0, 1.0], [0, -1]),
    ("xlogy", lambda lib, x: lib.xlogy(x, 1.0), [0.0, 2.0], [0, 0]),
    ("variance of one", lambda lib, x: x.var(), [1.0], [nan]),
]


@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
@both
@pytest.mark.parametrize(("function", "at", "slope"), [case[1:] for case in SLOPES], ids=[case[0] for case in SLOPES])
def test_slope(lib: Any, function: Callable[[Any, Any], Any], at: Any, slope: Any) -> None:
    assert gradient(lib, lambda x: function(lib, x), at) == pytest.approx(slope, nan_ok=True, abs=1e-12)


def test_where_torch_breaks_the_norm() -> None:
    lib = reference
    assert gradient(lib, lambda x: x.norm(0), [1.0, 0.0]) == [0, 0]
    x = lib.tensor([1.0, -2.0], requires_grad=True)
    for _ in range(2):
        x.sgn().sum().backward()
    assert x.grad.tolist() == [0, 0]
    x, high = lib.tensor([1.0, 2.0, 3.0], requires_grad=True), lib.full((2, 3), 2.0, requires_grad=True)
    x.clamp(lib.zeros(3), high).sum().backward()
    assert x.grad.tolist() == [2, 2, 0] and high.grad.tolist() == [[0, 0, 1]] * 2
    x = lib.tensor([2.0, 3.0], requires_grad=True)
    y = lib.zeros(3)
    y.index_copy(0, lib.tensor([0, 2]), x).sum().backward()
    assert x.grad.tolist() == [1, 1]


@both
def test_reducing_nothing(lib: Any) -> None:
    x = lib.zeros(0, requires_grad=True)
    for reduced, value in ((x.sum(), 0), (x.prod(), 1), (x.logsumexp(0), -inf), (x.mean(), nan)):
        assert reduced.item() == pytest.approx(value, nan_ok=True)
        reduced.backward()
        assert x.grad.shape == (0,)
    for reduction in (x.max, x.amax):
        with pytest.raises((RuntimeError, IndexError)):
            reduction()
