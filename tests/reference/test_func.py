"""Transforms of functions, on the reference and on torch."""

from collections.abc import Callable
from typing import Any

import pytest
import torch as real

import autograd_reference as reference

pytestmark = [
    pytest.mark.parametrize("torch", [real, reference], ids=["torch", "reference"]),
    pytest.mark.filterwarnings("ignore"),  # what torch imports for them
]


def vector(torch: Any, *values: float) -> Any:
    return torch.tensor(values or (1.0, 2.0), dtype=real.float32)


def test_gradient(torch: Any) -> None:
    gradient = torch.func.grad(lambda x: (x**3).sum())(vector(torch))
    assert gradient.tolist() == [3, 12] and not gradient.requires_grad
    seconds = torch.func.grad(lambda x: torch.func.grad(lambda y: (y**3).sum())(x).sum())(vector(torch))
    assert seconds.tolist() == [6, 12] and not seconds.requires_grad


def test_arguments(torch: Any) -> None:
    def f(x: Any, y: Any, *, scale: float = 1.0) -> Any:
        return (x * y["b"]).sum() * scale, x

    x, y = vector(torch), {"b": vector(torch, 3, 4)}
    gradient, aux = torch.func.grad(f, argnums=1, has_aux=True)(x, y, scale=2.0)
    assert gradient["b"].tolist() == [2, 4] and aux.tolist() == [1, 2]
    assert torch.func.grad(f, argnums=-1, has_aux=True)(x, y)[0]["b"].tolist() == [1, 2]
    of_x, of_y = torch.func.grad(lambda *args: f(*args)[0], argnums=(0, 1))(x, y)
    assert of_x.tolist() == [3, 4] and of_y["b"].tolist() == [1, 2]
    gradient, (value, aux) = torch.func.grad_and_value(f, has_aux=True)(x, y)
    assert gradient.tolist() == [3, 4] and value.item() == 11 and not value.requires_grad and aux.tolist() == [1, 2]


def test_unused_argument(torch: Any) -> None:
    assert torch.func.grad(lambda x: torch.ones(()))(vector(torch)).tolist() == [0, 0]


@pytest.mark.parametrize("outer", ["grad", "jvp"])
@pytest.mark.parametrize("inner", ["grad", "jvp"])
def test_nested_transforms_keep_variables_apart(torch: Any, outer: str, inner: str) -> None:
    def derivative(how: str, f: Callable[..., Any]) -> Callable[..., Any]:
        if how == "grad":
            return torch.func.grad(f)  # type: ignore[no-any-return]
        return lambda x: torch.func.jvp(f, (x,), (torch.ones(()),))[1]

    one = torch.tensor(1.0)
    assert derivative(outer, lambda x: x * derivative(inner, lambda y: x + y)(one))(one).item() == 1
    assert derivative(outer, lambda x: x * derivative(inner, lambda y: x * y * y)(one))(one).item() == 4


def test_what_requires_gradients_outside(torch: Any) -> None:
    x, y = vector(torch).requires_grad_(), torch.tensor(3.0, requires_grad=True)
    torch.func.grad(lambda t: (y * t**2).sum())(x).sum().backward()
    assert y.grad.item() == 6 and x.grad.tolist() == [6, 6]
    with torch.no_grad():
        gradient = torch.func.grad(lambda t: (y * t**2).sum())(x)
        back = torch.func.vjp(lambda t: (y * t**2).sum(), x)[1]
        assert not back(torch.ones(()))[0].requires_grad
    assert gradient.tolist() == [6, 12] and not gradient.requires_grad


def test_no_grad_inside(torch: Any) -> None:
    def f(x: Any) -> Any:
        with torch.no_grad():
            constant = x * 1
        return (x * constant).sum()

    assert torch.func.grad(f)(vector(torch)).tolist() == [1, 2]


@pytest.mark.parametrize(
    "f", [lambda x: x * 2, lambda x: 3.0, lambda x: (x.sum(), x.sum()), lambda x: x.sum().reshape(1)]
)
def test_refused_outputs(torch: Any, f: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError, match="Expected f"):
        torch.func.grad(f)(vector(torch))


def test_integers_are_refused(torch: Any) -> None:
    with pytest.raises(RuntimeError, match="floating point"):
        torch.func.grad(lambda x: x.sum())(torch.arange(3))


def test_products(torch: Any) -> None:
    outputs, back = torch.func.vjp(lambda x, y: (x * y, {"sum": x.sum()}), vector(torch), vector(torch, 3, 4))
    assert outputs[1]["sum"].item() == 3 and not outputs[0].requires_grad
    for _ in range(2):
        gradients = back((vector(torch, 1, 10), {"sum": torch.tensor(5.0)}))
        assert [g.tolist() for g in gradients] == [[8, 45], [1, 20]]
    output, tangent, aux = torch.func.jvp(lambda x: (x**3, x), (vector(torch),), (vector(torch, 1, -1),), has_aux=True)
    assert output.tolist() == [1, 8] and tangent.tolist() == [3, -12] and aux.tolist() == [1, 2]
    with pytest.raises(RuntimeError, match="structure"):
        torch.func.jvp(lambda x: x, (vector(torch),), vector(torch))


def test_jacobians(torch: Any) -> None:
    for jacobian in (torch.func.jacrev, torch.func.jacfwd):
        assert jacobian(lambda x: x**2)(vector(torch)).tolist() == [[2, 0], [0, 4]]
        square, total = jacobian(lambda x: (x**2, x.sum()))(vector(torch))
        assert square.tolist() == [[2, 0], [0, 4]] and total.tolist() == [1, 1]
        of_x, of_y = jacobian(lambda x, y: x * y, argnums=(0, 1))(vector(torch), vector(torch, 3, 4))
        assert of_x.tolist() == [[3, 0], [0, 4]] and of_y.tolist() == [[1, 0], [0, 2]]
    assert torch.func.hessian(lambda x: x.prod())(vector(torch)).tolist() == [[0, 1], [1, 0]]


def test_batches(torch: Any) -> None:
    x, w = torch.arange(6.0).reshape(3, 2), vector(torch)
    assert torch.func.vmap(torch.dot)(x, x).tolist() == [1, 13, 41]
    assert torch.vmap(lambda a, b: (a * b, a.sum()), in_dims=(1, None), out_dims=(1, 0))(x, x[:, 0])[0].shape == (3, 2)
    per_sample = torch.func.vmap(torch.func.grad(lambda w, a: (w * a).sum() ** 2), in_dims=(None, 0))(w, x)
    assert per_sample.tolist() == [[0, 4], [32, 48], [112, 140]]
    with pytest.raises(ValueError):
        torch.func.vmap(torch.dot)(x, x[:2])


def test_linearize(torch: Any) -> None:
    calls: list[int] = []

    def function(x: Any, y: Any) -> Any:
        calls.append(1)
        return {"sin": (x * y[0]).sin(), "sum": x.sum()}

    primals = torch.tensor([1.0, 2.0]), (torch.tensor(3.0),)
    output, push = torch.func.linearize(function, *primals)
    for k in (1.0, 2.0):
        tangents = torch.tensor([k, 0.0]), (torch.tensor(k),)
        expected = torch.func.jvp(function, primals, tangents)
        calls.clear()
        torch.testing.assert_close(push(*tangents), expected[1])
        assert not calls
    torch.testing.assert_close(output, expected[0])
    with pytest.raises((RuntimeError, ValueError)):
        push(torch.tensor([1.0, 0.0]))


def test_structures_of_batches(torch: Any) -> None:
    assert torch.vmap(torch.sum, chunk_size=2)(torch.ones(3, 2)).tolist() == [2, 2, 2]
    x, both = torch.arange(6.0).reshape(3, 2), {"a": torch.arange(3.0), "b": vector(torch)}
    assert torch.vmap(lambda t: t["a"] * t["b"], in_dims=({"a": 0, "b": None},))(both).tolist() == [
        [0, 0],
        [1, 2],
        [2, 4],
    ]
    outputs = torch.vmap(lambda x: {"sum": x.sum(), "one": 1}, out_dims={"sum": 0, "one": None})(x)
    assert outputs["sum"].tolist() == [1, 5, 9] and outputs["one"] == 1


def test_randomness_of_batches(torch: Any) -> None:
    def draws(how: str) -> int:
        torch.manual_seed(0)
        return len({*torch.vmap(lambda x: x + torch.rand(()), randomness=how)(torch.zeros(4)).tolist()})

    assert draws("different") == 4 and draws("same") == 1


def test_linearized(torch: Any) -> None:
    output, push = torch.func.linearize(lambda x, y: x * y, vector(torch), vector(torch, 3, 4))
    assert output.tolist() == [3, 8] and push(vector(torch, 1, 10), vector(torch, 0, 1)).tolist() == [3, 42]
