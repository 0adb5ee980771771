"""Passes: roots, order, release, accumulation, memory of gradients, the functional form, higher order."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import autograd_reference as torch
from autograd_reference.node import Node


def leaf(*shape: int) -> torch.Tensor:
    return torch.arange(1.0, 1.0 + int(np.prod(shape))).reshape(shape).detach().requires_grad_()


def used_twice(total: torch.Tensor) -> torch.Tensor:
    return total * 2 + total * 3


def memory(x: torch.Tensor) -> int:
    return x._data.untyped_storage().data_ptr()


def test_arguments_are_checked_first() -> None:
    x = leaf(2)
    y = x * x
    for arguments, error in [
        ((), RuntimeError),
        ((torch.ones(1),), RuntimeError),
        ((torch.ones(2, dtype=torch.complex64),), RuntimeError),
        (([1.0, 1.0],), TypeError),
        ((1.0,), TypeError),
    ]:
        with pytest.raises(error):
            y.backward(*arguments)
    with pytest.raises(RuntimeError):
        torch.autograd.backward([y, y], [torch.ones(2)])
    with pytest.raises(RuntimeError):
        y.backward(torch.ones(2), inputs=[])
    with pytest.raises(RuntimeError):
        y.detach().backward(torch.ones(2))
    assert x.grad is None and y.backward(torch.ones(2)) is None and x.grad.tolist() == [2, 4]


def test_explicit_gradient_is_cast() -> None:
    x = leaf(2)
    (x * 2).backward(torch.tensor([1, 2]))
    assert x.grad.dtype is torch.float32 and x.grad.tolist() == [2, 4]


def test_mixed_dtypes() -> None:
    x, y = leaf(2), torch.ones(2, dtype=torch.float64, requires_grad=True)
    (x * y).sum().backward()
    assert x.grad.dtype is torch.float32 and y.grad.dtype is torch.float64


def test_several_roots() -> None:
    x = leaf(2)
    y = x * x
    torch.autograd.backward([y.sum(), y, y, x], [None, torch.ones(2), torch.ones(2), torch.ones(2)])
    assert x.grad.tolist() == [7, 13]


def test_named_inputs() -> None:
    x, z = leaf(2), leaf(2)
    y = x * x
    (y * z).sum().backward(inputs=[y, y, z])
    assert y.grad.tolist() == [1, 2]
    assert x.grad is None and z.grad.tolist() == [1, 4]


def counting(monkeypatch: pytest.MonkeyPatch) -> list[Node]:
    """The nodes that run, in order."""
    from autograd_reference.graph import Recorded

    ran: list[Node] = []
    original = Recorded.gradients

    def gradients(self: Recorded, *arguments: Any) -> Any:
        ran.append(self)
        return original(self, *arguments)

    monkeypatch.setattr(Recorded, "gradients", gradients)
    return ran


def test_each_node_once_latest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = counting(monkeypatch)
    x = leaf(2)
    a = x * 2
    b = a * a
    c = a.exp()
    d = b + a
    e = (c * d).sum()
    e.backward()
    assert [n.name() for n in ran] == [f"{n}Backward0" for n in ("Sum", "Mul", "Add", "Exp", "Mul", "Mul")] and len(
        set(ran)
    ) == 6
    assert ran[2] is d.grad_fn and ran[3] is c.grad_fn and ran[4] is b.grad_fn


def test_only_needed_nodes_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = counting(monkeypatch)
    x, y = leaf(2), leaf(2)
    side = y.exp()
    torch.autograd.grad((x * 2 * side).sum(), x)
    assert side.grad_fn not in ran and len(ran) == 3


def test_release() -> None:
    x = leaf(2)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4, 8]
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()
    z = (x + x).sum()
    z.backward()
    z.backward()
    assert x.grad.tolist() == [8, 12]


def test_saved_values_die_with_the_pass() -> None:
    x = leaf(2)
    y = x * 2
    kept = weakref.ref(y._data)
    z = (y * y).sum()
    del y
    z.backward(retain_graph=True)
    assert kept() is not None
    z.backward()
    assert kept() is None


def test_no_reference_cycles() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(3)
        y = x.exp() * x
        z = y * y
        y.add_(z)
        y[0].mul_(2)
        w = y.tanh().sum()
        dead = [weakref.ref(t) for t in (x, y, z, w)]
        del x, y, z, w
        assert [d() for d in dead] == [None] * 4
    finally:
        gc.enable()


def test_graph_keeps_leaf_and_not_the_other_way_round() -> None:
    x = leaf(2)
    y = x + 1
    alive = weakref.ref(x)
    del x
    assert alive() is not None
    node = weakref.ref(y.grad_fn)
    x = alive()
    del y
    assert node() is None and x is not None


def test_accumulation_is_in_place() -> None:
    x = leaf(2)
    (x * 1).sum().backward()
    first = x.grad
    (x * 2).sum().backward()
    assert x.grad is first and first.tolist() == [3, 3] and first._version == 1
    assert not first.requires_grad and first.is_leaf


@pytest.mark.parametrize(
    "join",
    [
        lambda x, y: x + y,
        lambda x, y: x.view(6) + y.view(6),
        lambda x, y: x[None] + y[None],
        lambda x, y: x.reshape(3, 2).t() + y.reshape(3, 2).t(),
        lambda x, y: torch.cat([x, y]),
        lambda x, y: torch.stack([x, y]),
        lambda x, y: x.clone() + y.unsqueeze(0).squeeze(0),
        lambda x, y: (x + y).expand(2, 2, 3),
        lambda x, y: used_twice(x + y),
        lambda x, y: (x.view(6) * 2)[:3] + (y.view(6) * 2)[3:],
    ],
)
def test_gradients_share_no_memory(join: Any) -> None:
    x, y = leaf(2, 3), leaf(2, 3)
    z = join(x, y)
    g = torch.ones(z.shape)
    for _ in range(2):
        z.backward(g, retain_graph=True)
        assert len({memory(x.grad), memory(y.grad), memory(g)}) == 3
    once = [t.grad.tolist() for t in (x, y)]
    g.zero_()
    x.grad.mul_(0)
    assert y.grad.tolist() == once[1]
    results = torch.autograd.grad(z, [x, y, x], g)
    assert len({memory(r) for r in (*results, g)}) == 4


def test_gradients_along_one_path_share_no_memory() -> None:
    x = leaf(2, 3)
    y = x.view(6)
    first, second = torch.autograd.grad((y * 2).sum(), [y, x])
    assert memory(first) != memory(second)


def test_gradient_is_dense() -> None:
    x = leaf(3)
    x.sum().backward()
    x.grad[0] = 5
    assert x.grad.tolist() == [5, 1, 1]
    transposed = torch.ones(2, 3).t().detach().requires_grad_()
    sliced = torch.ones(4, 4)[:, :2].detach().requires_grad_()
    expanded = torch.ones(1, 4).expand(3, 4).detach().requires_grad_()
    (transposed.sum() + (sliced * 2).sum() + expanded.sum()).backward()
    assert [t.grad.stride() for t in (transposed, sliced, expanded)] == [(1, 3), (2, 1), (4, 1)]


def test_grad_structure() -> None:
    x, unused = leaf(2), leaf(2)
    y = x * x
    assert torch.autograd.grad(x.sum(), x)[0].tolist() == [1, 1]
    gx, gy, again = torch.autograd.grad(y.sum(), [x, y, x])
    assert gx.tolist() == [2, 4] == again.tolist() and gy.tolist() == [1, 1] and x.grad is None
    with pytest.raises(RuntimeError):
        torch.autograd.grad((x * 2).sum(), [unused])
    assert torch.autograd.grad((x * 2).sum(), [unused], allow_unused=True) == (None,)
    assert torch.autograd.grad((x * 2).sum(), [unused], materialize_grads=True)[0].tolist() == [0, 0]
    for arguments in ([y.sum(), []], [y.sum(), torch.ones(2)], [y, x]):
        with pytest.raises(RuntimeError):
            torch.autograd.grad(*arguments)


def test_higher_order() -> None:
    x = leaf(3)
    y = (x**4).sum()
    for expected in ([4, 32, 108], [12, 48, 108], [24, 48, 72], [24, 24, 24]):
        (g,) = torch.autograd.grad(y, x, create_graph=True)
        assert g.tolist() == expected
        y = g.sum()


def test_a_recorded_gradient_has_its_own_history_and_memory() -> None:
    x, v = leaf(3), torch.ones(3)
    y = x.exp() * x
    with torch.no_grad():
        (g,) = torch.autograd.grad(y, x, v, create_graph=True)
    assert g.grad_fn.name() == "AddBackward0"
    a, b, c = torch.autograd.grad(x + x.exp(), (x, x, x), v, create_graph=True)
    assert a.grad_fn is b.grad_fn and len({a.data_ptr(), b.data_ptr(), c.data_ptr(), v.data_ptr()}) == 4


PROGRAMS = {
    "elementwise": lambda x: (x * x / (x + 2) - (-x).exp() + (x * x + 1).log()).sum(),
    "tanh": lambda x: (x.tanh() * x).sum(),
    "relu": lambda x: (x.relu() * x * x).sum(),
    "products": lambda x: ((x.t() @ x) * (x @ x.t()).sum()).sum() + (x[0] @ x.t() @ x[:, 0]),
    "batched": lambda x: ((x.expand(2, 3, 3) @ x) ** 2).mean(),
    "views": lambda x: (
        x.diagonal() * x[1, :] * x.select(1, 0) * x.permute(1, 0)[2] * x.narrow(0, 1, 1).squeeze()
    ).sum(),
    "reductions": lambda x: (x.sum(0) * x.mean(1) * x.sum((0, 1), keepdim=True)).sum(),
    "gathering": lambda x: (x[[0, 0, 2]] * x.index_select(1, torch.tensor([1, 1, 0])) * x[x > 0.4].sum()).sum(),
    "gather": lambda x: (x.gather(1, torch.tensor([[0, 0], [1, 2], [2, 2]])) ** 3).sum(),
    "joining": lambda x: (torch.cat([x, x * x, x]) * torch.stack([x, x, x]).view(9, 3)).sum(),
    "where": lambda x: torch.where(x > 0.5, x * x, x * x * x).sum(),
    "writes": lambda x: writes(x),
}


def writes(x: Any) -> Any:
    y = x * x
    y[0] = y[1] * 2
    y[:, 1].mul_(x[2])
    y[[0, 2]] = x[1:] * x[0]
    y.t()[1].pow_(2)
    y.view(9)[2:4].tanh_()
    return (y * y).sum()


@pytest.mark.parametrize("name", PROGRAMS)
def test_first_and_second_derivatives_against_differences(name: str) -> None:
    program = PROGRAMS[name]
    point = np.random.default_rng(0).uniform(0.3, 1.2, (3, 3))
    direction = np.random.default_rng(1).normal(size=(3, 3))

    def gradient(at: np.ndarray) -> np.ndarray:
        x = torch.tensor(at, requires_grad=True)
        program(x).backward()
        return x.grad.numpy()

    def value(at: np.ndarray) -> float:
        return program(torch.tensor(at)).item()

    h = 1e-5
    slope = (value(point + h * direction) - value(point - h * direction)) / (2 * h)
    assert np.allclose((gradient(point) * direction).sum(), slope, rtol=1e-6)
    x = torch.tensor(point, requires_grad=True)
    (g,) = torch.autograd.grad(program(x), x, create_graph=True)
    assert np.allclose(g.detach().numpy(), gradient(point))
    (hv,) = torch.autograd.grad((g * torch.tensor(direction)).sum(), x)
    differences = (gradient(point + h * direction) - gradient(point - h * direction)) / (2 * h)
    assert np.allclose(hv.numpy(), differences, rtol=1e-5, atol=1e-7)


def test_create_graph_replaces_grad() -> None:
    x = leaf(2)
    y = (x**3).sum()
    with pytest.warns(UserWarning):
        y.backward(create_graph=True)
    first = x.grad
    with pytest.warns(UserWarning):
        y.backward(create_graph=True)
    assert first.tolist() == [3, 12] and x.grad.tolist() == [6, 24] and x.grad.requires_grad
    x.grad = None
