"""Forward mode, on the reference and on torch: what holds of one holds of the other."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.autograd.forward_ad

import autograd_reference
from autograd_reference.autograd import forward_ad

# torch compiles some of its own rules, in a way that it calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ENGINES = {
    "reference": SimpleNamespace(lib=autograd_reference, fwd=forward_ad),
    "torch": SimpleNamespace(lib=torch, fwd=torch.autograd.forward_ad),
}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Any:
    return ENGINES[request.param]


def tangent(engine: Any, x: Any) -> Any:
    """The tangent as a list, or None."""
    found = engine.fwd.unpack_dual(x).tangent
    return None if found is None else found.detach().tolist()


def dual(engine: Any, primal: list[float], direction: list[float], **options: Any) -> Any:
    x = engine.lib.tensor([*map(float, primal)], **options)
    return engine.fwd.make_dual(x, engine.lib.tensor([*map(float, direction)]))


def test_level(engine: Any) -> None:
    one = engine.lib.ones(1)
    with pytest.raises(RuntimeError):
        engine.fwd.make_dual(one, one)
    with pytest.raises(RuntimeError):
        engine.fwd.exit_dual_level()
    with engine.fwd.dual_level():
        x = engine.fwd.make_dual(one, one)
        with pytest.raises(RuntimeError):
            engine.fwd.enter_dual_level()
        assert tangent(engine, x) == [1]
    assert tangent(engine, x) is None and tangent(engine, x * 2) is None
    with engine.fwd.dual_level():
        assert tangent(engine, x) is None


def test_arguments(engine: Any) -> None:
    with engine.fwd.dual_level():
        with pytest.raises(RuntimeError):
            engine.fwd.make_dual(engine.lib.ones(2), engine.lib.ones(3))
        with pytest.raises(ValueError):
            engine.fwd.make_dual(engine.lib.tensor([1, 2]), engine.lib.ones(2))


def test_absent_and_zero(engine: Any) -> None:
    with engine.fwd.dual_level():
        x = dual(engine, [1, 2], [3, 5])
        for without in (x > 1, x.detach(), engine.lib.ones(2) * 2, x.argmax()):
            assert tangent(engine, without) is None
        assert tangent(engine, x * 0) == [0, 0]


def test_modes(engine: Any) -> None:
    with engine.fwd.dual_level():
        x = dual(engine, [1, 2], [3, 5])
        with engine.lib.no_grad():
            assert tangent(engine, x * x) == [6, 20]
        with engine.lib.inference_mode():
            assert tangent(engine, x * x) is None


def test_operators(engine: Any) -> None:
    matrix = engine.lib.tensor([[1.0, 2.0], [3.0, 4.0]])
    with engine.fwd.dual_level():
        x = dual(engine, [1, 2], [3, 5])
        assert tangent(engine, x.sum()) == 8
        assert tangent(engine, engine.lib.stack([x, engine.lib.ones(2)])) == [[3, 5], [0, 0]]
        assert tangent(engine, x @ matrix @ x) == 141
        assert tangent(engine, 1 / x) == [-3, -1.25]
        assert tangent(engine, x.reshape(2, 1).expand(2, 2).t()) == [[3, 5], [3, 5]]


def test_views_and_writes(engine: Any) -> None:
    with engine.fwd.dual_level():
        x = dual(engine, [1, 2], [3, 5])
        assert tangent(engine, x[1:]) == [5]
        base = engine.lib.zeros(3)
        before = base[:2]
        base[0:1] = x[:1]
        assert tangent(engine, base) == [3, 0, 0] and tangent(engine, before) == [3, 0]
        base.mul_(2)
        base[1:].add_(x)
        assert tangent(engine, base) == [6, 3, 5]
        base.zero_()
        assert tangent(engine, base) == [0, 0, 0]


def test_a_product_with_itself_in_place() -> None:
    """torch gives 36, 6 and 30: it writes the tangent of the one operand while it is to read that of the other."""
    engine = ENGINES["reference"]
    with engine.fwd.dual_level():
        x = dual(engine, [2, 1, 2], [6, 3, 5])
        x.mul_(x)
        assert x.tolist() == [4, 1, 4] and tangent(engine, x) == [24, 6, 20]


def test_complex(engine: Any) -> None:
    with engine.fwd.dual_level():
        z = engine.fwd.make_dual(engine.lib.tensor([1 + 2j]), engine.lib.tensor([1j]))
        assert tangent(engine, z * z) == [-4 + 2j]
        assert tangent(engine, z * z.conj()) == [4]
        assert tangent(engine, (z * z).real) == [-4]


def test_forward_over_reverse(engine: Any) -> None:
    with engine.fwd.dual_level():
        x = dual(engine, [1, 2], [1, 0.5], requires_grad=True)
        y = x * x
        y.mul_(x)
        y[:1].mul_(x[1:])
        (gradient,) = engine.lib.autograd.grad(y.sum(), x)
        assert gradient.tolist() == [6, 13] and tangent(engine, gradient) == [13.5, 9]


def test_reverse_over_forward(engine: Any) -> None:
    x = engine.lib.tensor([1.0, 2.0], requires_grad=True)
    with engine.fwd.dual_level():
        y = engine.fwd.make_dual(x, engine.lib.tensor([1.0, 0.5]))
        along = engine.fwd.unpack_dual((y * y * y).sum()).tangent
        assert along.item() == 9
        assert engine.lib.autograd.grad(along, x)[0].detach().tolist() == [6, 6]


def test_an_operator_without_a_rule_is_refused() -> None:
    from autograd_reference.definition import Operator
    from autograd_reference.graph import apply

    half = Operator("half_a_product", lambda x, y: x * y, "x y", x=lambda g, y: g * y)
    with forward_ad.dual_level():
        x = dual(ENGINES["reference"], [1, 2], [3, 5])
        assert tangent(ENGINES["reference"], apply(half, (x, 2.0))) == [6, 10]
        with pytest.raises(NotImplementedError):
            apply(half, (autograd_reference.ones(2), x))
