"""User-defined derivatives in a pass: order, errors, passes within passes; and in forward mode. On torch and the reference."""

from typing import Any

import pytest
import torch as real
from test_catalogue_custom import function, leaf

import autograd_reference as reference

pytestmark = [
    pytest.mark.parametrize("torch", [real, reference], ids=["torch", "reference"]),
    pytest.mark.filterwarnings(
        "ignore:.*torch.jit.script:DeprecationWarning"
    ),  # torch's own, on first use of forward mode
]


def test_each_node_once_with_the_total(torch: Any) -> None:
    x, seen = leaf(torch, 1.0), []
    one = function(torch, lambda ctx, x: x.clone(), lambda ctx, g: seen.append(g.item()) or g)
    y = one.apply(x)
    for _ in range(10):
        y = y + y
    y.backward()
    assert seen == [1024]


def test_latest_first(torch: Any) -> None:
    seen = []

    def named(name: str) -> Any:
        return function(torch, lambda ctx, x: x * 2, lambda ctx, g: seen.append(name) or g)

    x = leaf(torch, 1.0)
    a = named("a").apply(x)
    b = named("b").apply(x)
    c = named("c").apply(a)
    (c + b).backward()
    assert seen == ["c", "b", "a"]


def test_reentrant(torch: Any) -> None:
    def backward(ctx: Any, g: Any) -> Any:
        with torch.enable_grad():
            inner = torch.ones(2, requires_grad=True)
            (inner * inner).sum().backward()
        return g * inner.grad

    x = leaf(torch)
    function(torch, lambda ctx, x: x * 2, backward).apply(x).sum().backward()
    assert x.grad.tolist() == [2, 2]


@pytest.mark.parametrize("error", [KeyError, ValueError, ZeroDivisionError])
def test_exceptions_reach_the_caller(torch: Any, error: type[Exception]) -> None:
    def backward(ctx: Any, g: Any) -> Any:
        raise error("planted")

    x = leaf(torch)
    y = function(torch, lambda ctx, x: x * 2, backward).apply(x)
    with pytest.raises(error):
        y.sum().backward()
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2] and torch.is_grad_enabled()


def product(torch: Any, seen: list[Any]) -> Any:
    def forward(ctx: Any, x: Any, y: Any, n: int) -> Any:
        ctx.save_for_forward(x, y)
        ctx.save_for_backward(x, y)
        ctx.n = n
        return x * y * n

    def backward(ctx: Any, g: Any) -> Any:
        x, y = ctx.saved_tensors
        return g * y * ctx.n, g * x * ctx.n, None

    def jvp(ctx: Any, tx: Any, ty: Any, tn: Any) -> Any:
        seen.append((tx.tolist(), ty.tolist(), tn))
        x, y = ctx.saved_tensors
        return (tx * y + ty * x) * ctx.n

    return function(torch, forward, backward, jvp=jvp)


def test_forward_mode(torch: Any) -> None:
    forward, seen = torch.autograd.forward_ad, []
    x, y, t = torch.tensor([1.0, 2.0]), leaf(torch, 3.0, 4.0), torch.tensor([1.0, 10.0])
    mine = product(torch, seen)
    with forward.dual_level():
        primal, tangent = forward.unpack_dual(mine.apply(forward.make_dual(x, t), y, 2))
        assert seen == [([1, 10], [0, 0], None)]
        assert primal.tolist() == [6, 16] and tangent.tolist() == [6, 80]
        assert torch.autograd.grad(tangent.sum(), y)[0].tolist() == [2, 20]
        assert forward.unpack_dual(mine.apply(x, y, 2)).tangent is None and len(seen) == 1


def test_forward_mode_over_backward(torch: Any) -> None:
    forward, x = torch.autograd.forward_ad, leaf(torch, 0.0)

    def compute(ctx: Any, x: Any) -> Any:
        y = x.exp()
        ctx.save_for_backward(y)
        ctx.save_for_forward(y)
        return y

    mine = function(
        torch, compute, lambda ctx, g: g * ctx.saved_tensors[0], jvp=lambda ctx, t: t * ctx.saved_tensors[0]
    )
    with forward.dual_level():
        dual = forward.make_dual(x, torch.tensor([5.0]))
        (g,) = torch.autograd.grad(mine.apply(dual), x)
        assert g.item() == 1 and forward.unpack_dual(g).tangent.item() == 5


@pytest.mark.parametrize(
    ("jvp", "error"),
    [
        (None, NotImplementedError),
        (lambda ctx, t: (t, t), RuntimeError),
        (lambda ctx, t: t[:1], RuntimeError),
        (lambda ctx, t: 3.0, RuntimeError),
    ],
)
def test_forward_mode_is_checked(torch: Any, jvp: Any, error: type[Exception]) -> None:
    forward = torch.autograd.forward_ad
    mine = function(torch, lambda ctx, x: x * 2, lambda ctx, g: g, **({"jvp": jvp} if jvp else {}))
    with forward.dual_level(), pytest.raises(error):
        mine.apply(forward.make_dual(torch.ones(2), torch.ones(2)))
    with forward.dual_level():
        assert forward.unpack_dual(forward.make_dual(torch.ones(2), torch.ones(2)) * 3).tangent.tolist() == [3, 3]


def test_forward_mode_of_writes_and_views(torch: Any) -> None:
    forward = torch.autograd.forward_ad

    def double(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(2)

    def run(compute: Any, jvp: Any) -> Any:
        with forward.dual_level():
            x = forward.make_dual(torch.ones(2, requires_grad=True) * 1, torch.tensor([1.0, 10.0]))
            return forward.unpack_dual(function(torch, compute, lambda ctx, g: g, jvp=jvp).apply(x)).tangent.tolist()

    assert run(double, lambda ctx, t: t.mul_(2)) == [2, 20]
    assert run(lambda ctx, x: x, lambda ctx, t: t.view_as(t)) == [1, 10]
    for compute in (double, lambda ctx, x: x):
        with pytest.raises(RuntimeError):
            run(compute, lambda ctx, t: t * 2)
