"""What the catalogue says of user-defined derivatives, on torch and on the reference engine."""

from typing import Any

import pytest
import torch as real

import autograd_reference as reference

pytestmark = pytest.mark.parametrize("torch", [real, reference], ids=["torch", "reference"])


def leaf(torch: Any, *values: float) -> Any:
    return torch.tensor(values or (1.0, 2.0), requires_grad=True)


def function(torch: Any, forward: Any, backward: Any = None, **members: Any) -> Any:
    """A user-defined function; with `setup_context`, `forward` has no context."""
    both = {"forward": forward, "backward": backward} if backward else {"forward": forward}
    return type(torch.autograd.Function)(
        "Mine", (torch.autograd.Function,), {name: staticmethod(f) for name, f in (both | members).items()}
    )


def test_rule_is_used(torch: Any) -> None:
    x = leaf(torch, 1.0)
    y = function(torch, lambda ctx, x: x * x, lambda ctx, g: g * 42).apply(x)
    y.backward()
    assert x.grad.item() == 42 and y.grad_fn.name() == "MineBackward" == type(y.grad_fn).__name__
    assert repr(y.grad_fn).startswith("<torch.autograd.function.MineBackward object at 0x")


def test_forward_is_not_recorded(torch: Any) -> None:
    seen = []

    def forward(ctx: Any, x: Any) -> Any:
        y = x * 2
        seen.append((torch.is_grad_enabled(), y.requires_grad, x.requires_grad))
        return y

    mine = function(torch, forward, lambda ctx, g: g)
    assert mine.apply(leaf(torch)).requires_grad and not mine.apply(torch.ones(2)).requires_grad
    with torch.no_grad():
        assert not mine.apply(leaf(torch)).requires_grad
    assert seen[0] == (False, False, True) and torch.is_grad_enabled()


@pytest.mark.parametrize("returned", [lambda g: g, lambda g: (g, g), lambda g: (g, None, g), lambda g: (g, 3.0, None)])
def test_arity(torch: Any, returned: Any) -> None:
    y = function(torch, lambda ctx, x, y, n: x * y, lambda ctx, g: returned(g)).apply(leaf(torch), leaf(torch), 3)
    with pytest.raises(RuntimeError):
        y.sum().backward()


def test_trailing_nones(torch: Any) -> None:
    x = leaf(torch)
    function(torch, lambda ctx, x: x * 2, lambda ctx, g: (g, None, None)).apply(x).sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_none_is_no_gradient(torch: Any) -> None:
    x, seen = leaf(torch), []
    y = x * 2
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append(inputs))
    function(torch, lambda ctx, x: x * 2, lambda ctx, g: None).apply(y).sum().backward()
    assert x.grad is None


@pytest.mark.parametrize("shape", [(1,), (3,), (), (2, 1)])
def test_shape_is_checked(torch: Any, shape: Any) -> None:
    y = function(torch, lambda ctx, x: x * 2, lambda ctx, g: torch.ones(shape)).apply(leaf(torch))
    with pytest.raises(RuntimeError):
        y.sum().backward()


@pytest.mark.parametrize("dtype", [real.float64, real.int64, real.float32])
def test_broader_gradients_are_summed_and_cast(torch: Any, dtype: Any) -> None:
    x = leaf(torch)
    function(torch, lambda ctx, x: x * 2, lambda ctx, g: torch.ones(3, 2, dtype=dtype)).apply(x).sum().backward()
    assert x.grad.tolist() == [3, 3] and x.grad.dtype is real.float32


def test_needs_input_grad(torch: Any) -> None:
    seen = []
    mine = function(
        torch, lambda ctx, *args: seen.append(ctx.needs_input_grad) or args[0] * 2, lambda ctx, g: (g, None, None)
    )
    mine.apply(leaf(torch), torch.ones(2), "text")
    assert seen == [(True, False, False)]


def saving(torch: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        y = x.exp()
        ctx.save_for_backward(x, None, y)
        return y

    return function(torch, forward, lambda ctx, g: ctx.saved_tensors[2] * g)


def test_saved_tensors(torch: Any) -> None:
    x = leaf(torch, 0.0)
    mine = saving(torch)
    y = mine.apply(x)
    saved = y.grad_fn.saved_tensors
    assert saved[0] is x and saved[1] is None and saved[2].grad_fn is y.grad_fn
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 2
    for read in (y.backward, lambda: y.grad_fn.saved_tensors):
        with pytest.raises(RuntimeError):
            read()


def test_saved_tensors_may_not_be_written(torch: Any) -> None:
    x = leaf(torch) * 1
    y = saving(torch).apply(x)
    x.add_(1)
    with pytest.raises(RuntimeError):
        y.sum().backward()
    z = saving(torch).apply(leaf(torch))
    z.mul_(2)
    with pytest.raises(RuntimeError):
        z.sum().backward()


@pytest.mark.parametrize("what", [3, "text", [1.0]])
def test_only_tensors_are_saved(torch: Any, what: Any) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(what)
        return x * 2

    with pytest.raises(TypeError):
        function(torch, forward, lambda ctx, g: g).apply(leaf(torch))


@pytest.mark.parametrize("materialize", [True, False])
def test_missing_gradients_of_outputs(torch: Any, materialize: bool) -> None:
    seen = []

    def forward(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(materialize)
        return x * 2, x * 3

    def backward(ctx: Any, g: Any, h: Any) -> Any:
        seen.append(None if g is None else g.tolist())
        return h * 3

    x = leaf(torch)
    function(torch, forward, backward).apply(x)[1].sum().backward()
    assert seen == [[0, 0] if materialize else None] and x.grad.tolist() == [3, 3]


def doubling(torch: Any, mark: bool = True, give_back: bool = True) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        x.mul_(2)
        if mark:
            ctx.mark_dirty(x)
        return x if give_back else x.clone()

    return function(torch, forward, lambda ctx, g: g * 2)


def test_mark_dirty(torch: Any) -> None:
    x = leaf(torch)
    y = x * 3
    before = y._version
    z = doubling(torch).apply(y)
    assert z is y and y.grad_fn.name() == "MineBackward" and y._version > before
    z.sum().backward()
    assert x.grad.tolist() == [6, 6]


def test_mark_dirty_on_a_view(torch: Any) -> None:
    x = leaf(torch)
    y = x * 3
    v = y[:1]
    assert doubling(torch).apply(v) is v
    (y * y).sum().backward()
    assert x.grad.tolist() == [2 * 6 * 6, 2 * 6 * 3]
    assert v.tolist() == [6]


def test_mark_dirty_errors(torch: Any) -> None:
    with pytest.raises(RuntimeError):
        doubling(torch).apply(leaf(torch))
    with pytest.raises(RuntimeError):
        doubling(torch, give_back=False).apply(leaf(torch) * 1)


def test_dirty_values_that_were_saved(torch: Any) -> None:
    x = leaf(torch)
    y = x * 1
    z = y * y
    doubling(torch).apply(y)
    with pytest.raises(RuntimeError):
        z.sum().backward()


def test_non_differentiable(torch: Any) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        y, z = x * 2, x * 3
        ctx.mark_non_differentiable(z)
        return y, z, (x > 1), x.to(real.int64)

    x = leaf(torch)
    outputs = function(torch, forward, lambda ctx, g, *rest: g * 2).apply(x)
    assert [y.requires_grad for y in outputs] == [True, False, False, False]
    outputs[0].sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_identity(torch: Any) -> None:
    x = leaf(torch)
    y = function(torch, lambda ctx, x: x, lambda ctx, g: g * 5).apply(x)
    assert y is not x and y.data_ptr() == x.data_ptr() and y.grad_fn.name() == "MineBackward"
    y.sum().backward()
    assert x.grad.tolist() == [5, 5]


@pytest.mark.parametrize("forward", [lambda ctx, x: x, lambda ctx, x: x[:1], lambda ctx, x: x.view(2, 1)])
def test_views_that_are_returned_may_not_be_written(torch: Any, forward: Any) -> None:
    x = leaf(torch) * 1
    y = function(torch, forward, lambda ctx, g: g * 5).apply(x)
    with pytest.raises(RuntimeError):
        y.mul_(2)
    x.mul_(2)
    with pytest.raises(RuntimeError):
        y.sum().backward()


def cube(torch: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    return function(torch, forward, lambda ctx, g: 3 * ctx.saved_tensors[0] ** 2 * g)


def test_second_order(torch: Any) -> None:
    x = leaf(torch, 2.0)
    (g,) = torch.autograd.grad(cube(torch).apply(x), x, create_graph=True)
    (h,) = torch.autograd.grad(g, x, create_graph=True)
    (third,) = torch.autograd.grad(h, x)
    assert (g.item(), h.item(), third.item()) == (12, 12, 6)


def test_second_order_through_a_saved_output(torch: Any) -> None:
    x = leaf(torch, 0.0)
    (g,) = torch.autograd.grad(saving(torch).apply(x), x, create_graph=True)
    (h,) = torch.autograd.grad(g * 2, x)
    assert h.item() == 2


def test_saved_intermediates_are_constants(torch: Any) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        twice = x * 2
        ctx.save_for_backward(x, twice)
        return x * twice

    x = leaf(torch, 3.0)
    y = function(torch, forward, lambda ctx, g: g * ctx.saved_tensors[1] + g * 2 * ctx.saved_tensors[0]).apply(x)
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    assert g.item() == 12 and torch.autograd.grad(g, x)[0].item() == 2


def test_once_differentiable(torch: Any) -> None:
    once = torch.autograd.function.once_differentiable
    mine = function(torch, lambda ctx, x: x * 2, once(lambda ctx, g: g * 2))
    x = leaf(torch)
    mine.apply(x).sum().backward()
    assert x.grad.tolist() == [2, 2]
    y = mine.apply(x)
    (g,) = torch.autograd.grad((y * y).sum(), x, create_graph=True)
    assert g.tolist() == [8, 16]
    with pytest.raises(RuntimeError):
        (g * x).sum().backward()


def test_containers_and_other_objects(torch: Any) -> None:
    x = leaf(torch)
    mine = function(torch, lambda ctx, x, many: (5, x * 2, "text", None, many[0] * 2), lambda ctx, *g: (g[1], None))
    outputs = mine.apply(torch.ones(2), [x])
    assert outputs[0] == 5 and outputs[2:4] == ("text", None) and not outputs[4].requires_grad
    outputs = mine.apply(x, [x])
    assert outputs[1].requires_grad
    outputs[1].sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_static(torch: Any) -> None:
    mine = function(torch, lambda ctx, x: x * 2)
    with pytest.warns(DeprecationWarning):
        instance = mine()
    with pytest.raises(RuntimeError):
        instance(leaf(torch))
    y = mine.apply(leaf(torch))
    with pytest.raises(NotImplementedError):
        y.sum().backward()
    with pytest.raises(NotImplementedError):
        type("Empty", (torch.autograd.Function,), {}).apply(leaf(torch))


def test_keywords(torch: Any) -> None:
    x, w = leaf(torch), leaf(torch)

    def forward(ctx: Any, x: Any, w: Any) -> Any:
        return x * w

    function(torch, forward, lambda ctx, g: (g * 5, g * 7)).apply(x, w=w).sum().backward()
    assert x.grad.tolist() == [5, 5] and w.grad.tolist() == [7, 7]


def test_setup_context(torch: Any) -> None:
    seen = []

    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        seen.append((len(inputs), torch.is_grad_enabled()))
        ctx.save_for_backward(inputs[0])
        ctx.factor = inputs[1]

    x = leaf(torch)
    mine = function(
        torch,
        lambda x, factor=3: x * x * factor,
        lambda ctx, g: (2 * ctx.saved_tensors[0] * ctx.factor * g, None),
        setup_context=setup_context,
    )
    mine.apply(x).sum().backward()
    mine.apply(x, factor=4).sum().backward()
    assert x.grad.tolist() == [14, 28] and seen == [(2, False)] * 2


def test_vjp_is_another_name(torch: Any) -> None:
    x = leaf(torch)
    function(torch, lambda ctx, x: x * 2, vjp=lambda ctx, g: g * 3).apply(x).sum().backward()
    assert x.grad.tolist() == [3, 3]
    both = function(torch, lambda ctx, x: x * 2, lambda ctx, g: g, vjp=lambda ctx, g: g * 3).apply(x)
    with pytest.raises(RuntimeError):
        both.sum().backward()
