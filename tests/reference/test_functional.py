"""Derivatives of functions, on the reference and on torch: what holds of one holds of the other."""

from typing import Any

import pytest
import torch

import autograd_reference

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch compiles some of its own rules

ENGINES = {"reference": autograd_reference, "torch": torch}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Any:
    return ENGINES[request.param]


def plain(value: Any) -> Any:
    """Nested tuples of lists."""
    return tuple(map(plain, value)) if isinstance(value, (tuple, list)) else value.detach().tolist()


def vector(engine: Any, *numbers: float) -> Any:
    return engine.tensor([*map(float, numbers)])


def quadratic(engine: Any) -> Any:
    matrix = engine.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [1.0, 1.0, 1.0]])
    return lambda x: x @ matrix @ x


SYMMETRIC = [[2, 2, 1], [2, 2, 4], [1, 4, 2]]


def test_hessian_and_its_products(engine: Any) -> None:
    x, v, f = vector(engine, 1, 2, 3), vector(engine, 1, 0, 2), quadratic(engine)
    assert plain(engine.autograd.functional.hessian(f, x)) == SYMMETRIC
    for product in (engine.autograd.functional.hvp, engine.autograd.functional.vhp):
        value, along = product(f, x, v)
        assert value.item() == 45 and along.tolist() == [4, 10, 5] and not along.requires_grad
    with pytest.raises(RuntimeError):
        engine.autograd.functional.hessian(lambda x: x * x, x)


@pytest.mark.parametrize("strategy", ["reverse-mode", "forward-mode"])
def test_jacobian(engine: Any, strategy: str) -> None:
    x, y = vector(engine, 1, 2), vector(engine, 3, 4)
    blocks = engine.autograd.functional.jacobian(
        lambda x, y: (x * y, x.sum()), (x, y), strategy=strategy, vectorize=True
    )
    assert plain(blocks) == (([[3, 0], [0, 4]], [[1, 0], [0, 2]]), ([1, 1], [0, 0]))
    matrix = engine.autograd.functional.jacobian(lambda x: x.reshape(2, 1) * y, x, strategy=strategy, vectorize=True)
    assert tuple(matrix.shape) == (2, 2, 2)
    assert matrix.tolist() == [[[3, 0], [4, 0]], [[0, 3], [0, 4]]]


def test_hessian_by_both_modes(engine: Any) -> None:
    f = lambda x: (x * x * x * x.sum()).sum()
    x = vector(engine, 1, 2)
    mixed = engine.autograd.functional.hessian(f, x, outer_jacobian_strategy="forward-mode", vectorize=True)
    assert plain(mixed) == plain(engine.autograd.functional.hessian(f, x)) == [[24, 15], [15, 60]]


def test_products(engine: Any) -> None:
    x, y = vector(engine, 1, 2), vector(engine, 3, 4)
    f = lambda x, y: (x * y, x.sum())
    outputs, back = engine.autograd.functional.vjp(f, (x, y), (vector(engine, 1, 2), engine.tensor(3.0)))
    assert plain(outputs) == ([3, 8], 3) and plain(back) == ([6, 11], [1, 4])
    outputs, along = engine.autograd.functional.jvp(f, (x, y), (vector(engine, 1, 2), vector(engine, 0, 1)))
    assert plain(outputs) == ([3, 8], 3) and plain(along) == ([3, 10], 3)
    for refused in (vector(engine, 1, 2, 3), None):
        with pytest.raises(RuntimeError):
            engine.autograd.functional.vjp(lambda x: x * 2, x, refused)


def test_what_depends_on_nothing(engine: Any) -> None:
    x, constant = vector(engine, 1, 2), lambda x: engine.ones(2)
    assert plain(engine.autograd.functional.jacobian(constant, x)) == [[0, 0], [0, 0]]
    assert plain(engine.autograd.functional.vjp(constant, x, engine.ones(2))[1]) == [0, 0]
    assert plain(engine.autograd.functional.jvp(constant, x, engine.ones(2))[1]) == [0, 0]
    assert plain(engine.autograd.functional.hessian(lambda x: x.sum(), x)) == [[0, 0], [0, 0]]
    for call in (
        lambda: engine.autograd.functional.jacobian(constant, x, strict=True),
        lambda: engine.autograd.functional.vjp(constant, x, x, strict=True),
        lambda: engine.autograd.functional.jvp(constant, x, x, strict=True),
        lambda: engine.autograd.functional.hessian(lambda x: x.sum(), x, strict=True),
    ):
        with pytest.raises(RuntimeError):
            call()


def test_graph_of_a_derivative(engine: Any) -> None:
    x = engine.tensor([1.0, 2.0], requires_grad=True)
    f = lambda x: x * x * x
    assert not engine.autograd.functional.jacobian(f, x).requires_grad and x.grad is None
    (second,) = engine.autograd.grad(engine.autograd.functional.jacobian(f, x, create_graph=True).sum(), x)
    assert second.tolist() == [6, 12]
    with engine.no_grad():
        assert engine.autograd.functional.jacobian(f, x).tolist() == [[3, 0], [0, 12]]


def test_nested_derivatives_keep_apart(engine: Any) -> None:
    inner = lambda x: engine.autograd.functional.vjp(lambda y: (x + y).sum(), engine.tensor(2.0), create_graph=True)[1]
    assert engine.autograd.functional.vjp(lambda x: x * inner(x), engine.tensor(3.0))[1].item() == 1


def random(engine: Any, *shape: int, dtype: str = "float64") -> Any:
    return engine.randn(*shape, dtype=getattr(engine, dtype), requires_grad=True)


def test_gradcheck_accepts_what_is_right(engine: Any) -> None:
    x, w, z = random(engine, 2, 3), random(engine, 3), random(engine, 2, dtype="complex128")
    f = lambda x, w: ((x * w).exp().sum(1), x.sum())
    assert engine.autograd.gradcheck(f, (x, w), check_forward_ad=True) and engine.autograd.gradgradcheck(f, (x, w))
    assert engine.autograd.gradcheck(lambda z: z * z.conj() * z.exp(), (z,), check_forward_ad=True)
    assert engine.autograd.gradgradcheck(lambda z: z * z.conj(), (z,))
    assert engine.autograd.gradcheck(lambda x: x[:0], (x,))


WRONG = {
    "half of a square": lambda x: x * x.detach(),
    "a sign": lambda x: x.detach() * 2 - x,
    "no derivative where there is one": lambda x: x * 0 + x.detach(),
}


def test_gradcheck_asks_for_forward_mode_only_when_told(engine: Any) -> None:
    class Cube(engine.autograd.Function):  # type: ignore[misc, name-defined, unused-ignore]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 3 * ctx.saved_tensors[0] ** 2 * g

    x = engine.tensor([1.0, -2.0], dtype=engine.float64, requires_grad=True)
    assert engine.autograd.gradcheck(Cube.apply, x) and engine.autograd.gradgradcheck(Cube.apply, x)
    with pytest.raises(NotImplementedError, match="jvp"):
        engine.autograd.gradcheck(Cube.apply, x, check_forward_ad=True)


@pytest.mark.parametrize("name", WRONG)
def test_gradcheck_rejects_what_is_wrong(engine: Any, name: str) -> None:
    x = random(engine, 2, 2)
    assert not engine.autograd.gradcheck(WRONG[name], (x,), raise_exception=False)
    with pytest.raises(RuntimeError):
        engine.autograd.gradcheck(WRONG[name], (x,))


def test_gradcheck_warns_of_single_precision(engine: Any) -> None:
    x = random(engine, 2, dtype="float32")
    with pytest.warns(UserWarning, match="not a double precision"):
        engine.autograd.gradcheck(lambda x: x * 2, x, eps=1e-2, atol=1e-2)


def test_gradcheck_rejects_chance(engine: Any) -> None:
    x = random(engine, 2)
    assert not engine.autograd.gradcheck(lambda x: x * engine.rand(2, dtype=x.dtype), (x,), raise_exception=False)


def test_gradgradcheck_rejects_a_wrong_second_derivative(engine: Any) -> None:
    x = random(engine, 2)
    only_once = lambda x: x * x.detach() * 2 - (x * x).detach()
    assert engine.autograd.gradgradcheck(lambda x: x * x, (x,))
    assert not engine.autograd.gradgradcheck(only_once, (x,), raise_exception=False)


def test_gradcheck_needs_an_input_that_requires_gradients(engine: Any) -> None:
    with pytest.raises(ValueError):
        engine.autograd.gradcheck(lambda x: x, (engine.ones(2),))
