"""User-defined functions in the reference engine: whose memory gradients are in, what becomes of views, histories that are cut."""

from typing import Any

import pytest

import autograd_reference as torch
from autograd_reference.autograd.function import once_differentiable


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values or (1.0, 2.0), requires_grad=True)


def function(forward: Any, backward: Any) -> Any:
    members = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("Mine", (torch.autograd.Function,), members)


def cube() -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    return function(forward, lambda ctx, g: 3 * ctx.saved_tensors[0] ** 2 * g)


def test_what_backward_returns_is_borrowed() -> None:
    x, mine = leaf(), torch.ones(2)
    y = function(lambda ctx, x: x * 2, lambda ctx, g: mine).apply(x)
    for _ in range(3):
        y.backward(torch.ones(2), retain_graph=True)
    assert x.grad.tolist() == [3, 3] and mine.tolist() == [1, 1]


def test_mark_dirty_counts_writes_that_are_not_seen() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        x.data.mul_(2)
        ctx.mark_dirty(x)
        return x

    x = leaf() * 1
    y = x * x
    function(forward, lambda ctx, g: g * 2).apply(x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("on", ["tensor", "view"])
def test_retaining_follows_what_is_dirty(on: str) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(2)

    x = leaf()
    y = x * 1
    y.retain_grad()
    function(forward, lambda ctx, g: g * 2).apply(y if on == "tensor" else y[:1])
    (y * 3).sum().backward()
    assert y.grad.tolist() == [3, 3] and x.grad.tolist() == [6, 6 if on == "tensor" else 3]


def test_a_dirty_view_is_the_only_output() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(2), x * 3

    with pytest.raises(RuntimeError, match="cannot return"):
        function(forward, lambda ctx, g, h: g).apply((leaf() * 1)[:1])


def test_a_view_that_is_returned_names_the_function_when_it_is_written() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        with torch.enable_grad():
            return x[:1]

    y = function(forward, lambda ctx, g: torch.cat([g, g])).apply(leaf() * 1)
    with pytest.raises(RuntimeError, match="custom Function"):
        y.mul_(2)


def test_a_tensor_returned_twice_is_two_outputs() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        y = x * 2
        return y, y

    x = leaf()
    first, second = function(forward, lambda ctx, g, h: g * 10 + h).apply(x)
    first.sum().backward(retain_graph=True)
    assert x.grad.tolist() == [10, 10]
    second.sum().backward()
    assert x.grad.tolist() == [11, 11]


def test_saved_tensors_keep_the_history_that_they_had() -> None:
    x = leaf()
    z = x * 1
    y = cube().apply(z)
    z.detach_()
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert torch.autograd.grad(g.sum(), x)[0].tolist() == [6, 12]


def test_only_what_is_needed_is_sent_on() -> None:
    x, y = leaf(), leaf()
    z = function(lambda ctx, x, y: x * y, lambda ctx, g: (g * 2, g * 3)).apply(x, y)
    z.sum().backward(inputs=[x])
    assert x.grad.tolist() == [2, 2] and y.grad is None


def test_second_derivatives_of_what_is_once_differentiable_are_refused_wherever_they_are_asked_for() -> None:
    mine = function(lambda ctx, x: x * 2, once_differentiable(lambda ctx, g: g * 2))
    x = leaf()
    (g,) = torch.autograd.grad(mine.apply(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        torch.autograd.grad((g * x).sum(), x)  # torch forgets the term without a word


def test_users_attributes_have_any_name() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.order, ctx.edges, ctx.outputs, ctx.name = 3, "edges", None, "name"
        return x * 2

    x = leaf()
    y = function(forward, lambda ctx, g: g * ctx.order).apply(x)
    (y * 2).sum().backward()
    assert x.grad.tolist() == [6, 6] and y.grad_fn.ctx.name == "name"


def test_a_batch_does_not_retain_the_graph() -> None:
    x = leaf()
    y = x * x
    torch.autograd.grad(y, x, torch.eye(2), is_grads_batched=True)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(y, x, torch.eye(2), is_grads_batched=True)
    for wrong in (torch.ones(()), None, torch.ones(0, 2)):
        with pytest.raises(ValueError, match="leading dimension"):
            torch.autograd.grad(x * x, x, wrong, is_grads_batched=True)


def test_only_edges_of_leaves_accumulate() -> None:
    x = leaf()
    y = x * x
    z = y.sum()
    edge_of = torch.autograd.graph.get_gradient_edge
    with pytest.raises(RuntimeError, match="GradientEdge of a leaf"):
        z.backward(inputs=[edge_of(y)])
    z.backward(inputs=[edge_of(x)])
    assert x.grad.tolist() == [2, 4]
