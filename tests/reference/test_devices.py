"""Tensors of several devices, on torch and on the reference. The other device is `meta`, whose tensors have no values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch as real

import autograd_reference as reference


def here(torch: Any) -> Any:
    return torch.ones(3, requires_grad=True)


def there(torch: Any, shape: tuple[int, ...] = (3,), **options: Any) -> Any:
    return torch.ones(shape, device="meta", **options)


def function(torch: Any) -> Any:
    class Elsewhere(torch.autograd.Function):  # type: ignore[misc]
        """A function whose gradient is on another device."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return there(torch)

    return Elsewhere


def assign(torch: Any) -> None:
    here(torch).grad = there(torch)


def hook(torch: Any) -> None:
    x = here(torch)
    x.register_hook(lambda g: there(torch))
    (x * 2).sum().backward()


REFUSED: dict[str, Callable[[Any], Any]] = {
    "mul": lambda torch: here(torch) * there(torch),
    "add": lambda torch: here(torch) + there(torch, ()),
    "matmul": lambda torch: torch.ones(3, 3, requires_grad=True) @ there(torch),
    "cat": lambda torch: torch.cat([here(torch), there(torch)]),
    "where": lambda torch: torch.where(torch.ones(3, dtype=torch.bool), here(torch), there(torch)),
    "copy_": lambda torch: torch.ones(3).copy_(there(torch)),
    "cotangent": lambda torch: (here(torch) * 2).backward(there(torch)),
    "cotangent of grad": lambda torch: torch.autograd.grad((x := here(torch)) * 2, x, there(torch)),
    "vjp": lambda torch: torch.autograd.functional.vjp(lambda x: x * 2, here(torch), there(torch)),
    "jvp": lambda torch: torch.autograd.functional.jvp(lambda x: x * 2, here(torch), there(torch)),
    "assigned gradient": assign,
    "hook": hook,
    "Function": lambda torch: function(torch).apply(here(torch)).sum().backward(),
    "gradient that comes back": lambda torch: here(torch).to("meta").sum().backward(),
    "gradient of a number": lambda torch: (torch.ones((), requires_grad=True) * there(torch)).sum().backward(),
    "item": lambda torch: there(torch, ()).item(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_devices_are_not_mixed(name: str) -> None:
    errors = []
    for torch in (real, reference):
        with pytest.raises((RuntimeError, NotImplementedError)) as raised:
            REFUSED[name](torch)
        errors.append(raised.type)
    assert errors[0] is errors[1]


@pytest.mark.parametrize("product", [reference.mm, reference.matmul, reference.bmm])
def test_matrices_on_two_devices_are_refused(product: Callable[..., Any]) -> None:
    """Where torch's kernels do not look, and give what no matrix product is."""
    shape = (1, 3, 3) if product is reference.bmm else (3, 3)
    with pytest.raises(RuntimeError, match="on one device"):
        product(reference.ones(shape), there(reference, shape))


@pytest.mark.parametrize("torch", [real, reference])
def test_a_graph_on_another_device(torch: Any) -> None:
    x = there(torch, (4, 3), requires_grad=True)
    y = (x * torch.ones(())).t()[1:] @ there(torch, (4, 2))
    y[0].mul_(2)
    y.tanh().sum().backward()
    assert (x.grad.device.type, x.grad.shape, y._version) == ("meta", (4, 3), 1)


@pytest.mark.parametrize("torch", [real, reference])
def test_a_move_is_recorded(torch: Any) -> None:
    y = here(torch).to("meta")
    assert (y.device.type, y.is_leaf, y.grad_fn.name()) == ("meta", False, "ToCopyBackward0")
