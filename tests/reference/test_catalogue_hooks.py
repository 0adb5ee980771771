"""What the catalogue says of hooks, on torch and on the reference engine."""

from typing import Any

import pytest
import torch as real

import autograd_reference as reference

pytestmark = pytest.mark.parametrize("torch", [real, reference], ids=["torch", "reference"])


def leaf(torch: Any, *values: float) -> Any:
    return torch.tensor(values or (1.0, 2.0), requires_grad=True)


def ones(torch: Any, n: int = 2) -> Any:
    return torch.ones(n)


def test_called_once_with_the_whole_gradient(torch: Any) -> None:
    x, seen = leaf(torch), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y * 3 + y * 4).sum().backward()
    assert seen == [[7, 7]]


def test_replacement_and_order(torch: Any) -> None:
    x = leaf(torch)
    y = x * 2
    y.register_hook(lambda g: g + 1)
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: None)
    twice = lambda g: g * 2
    y.register_hook(twice)
    y.register_hook(twice)
    (y * 2).sum().backward()
    assert x.grad.tolist() == [240, 240]


def test_removal(torch: Any) -> None:
    x, seen = leaf(torch), []
    first = x.register_hook(lambda g: seen.append(1))
    with x.register_hook(lambda g: seen.append(2)):
        x.sum().backward()
    x.sum().backward()
    first.remove()
    first.remove()
    x.sum().backward()
    assert seen == [1, 2, 1]


def test_removal_while_hooks_run(torch: Any) -> None:
    x, seen = leaf(torch), []
    y = x * 2

    def once(g: Any) -> None:
        seen.append("once")
        handle.remove()

    y.register_hook(lambda g: seen.append("first"))
    handle = y.register_hook(once)
    y.register_hook(lambda g: seen.append("last"))
    for _ in range(2):
        y.backward(ones(torch), retain_graph=True)
    assert seen == ["first", "once", "last", "first", "last"]


def test_leaf_sees_the_total_of_the_pass(torch: Any) -> None:
    x, seen = leaf(torch, 1.0), []
    x.register_hook(lambda g: seen.append(g.item()))
    (x * 2 + x * 3).backward()
    (x * 7).backward()
    assert seen == [5, 7] and x.grad.item() == 12


def test_constants_have_no_hooks(torch: Any) -> None:
    for register in ("register_hook", "register_post_accumulate_grad_hook"):
        with pytest.raises(RuntimeError):
            getattr(torch.ones(2), register)(print)


@pytest.mark.parametrize(
    ("replacement", "error"),
    [
        (lambda g: g[:1], RuntimeError),
        (lambda g: g.to(real.float64), RuntimeError),
        (lambda g: g.sum(), RuntimeError),
        (lambda g: 3.0, TypeError),
    ],
)
def test_replacements_are_checked(torch: Any, replacement: Any, error: type[Exception]) -> None:
    x = leaf(torch)
    x.register_hook(replacement)
    with pytest.raises(error):
        (x * 2).sum().backward()
    assert x.grad is None


def test_only_on_the_path(torch: Any) -> None:
    x, seen = leaf(torch), []
    y = x * 2
    z = y * 3
    for name, tensor in (("x", x), ("y", y), ("z", z)):
        tensor.register_hook(lambda g, name=name: seen.append(name))
    torch.autograd.grad(z, y, ones(torch))
    assert seen == ["z", "y"]


def test_named_input_has_what_its_hooks_give(torch: Any) -> None:
    x = leaf(torch)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    assert torch.autograd.grad(y * 3, y, ones(torch))[0].tolist() == [30, 30]


@pytest.mark.parametrize("when", [0, 1, 2])
def test_retained_after_all_hooks(torch: Any, when: int) -> None:
    x = leaf(torch)
    y = x * 1
    for position in range(3):
        if position == when:
            y.retain_grad()
        if position < 2:
            y.register_hook(lambda g: g * 2)
    y.sum().backward()
    assert y.grad.tolist() == [4, 4] == x.grad.tolist()


def test_binding_to_the_value(torch: Any) -> None:
    x, seen = leaf(torch), []
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: seen.append(("old", g.tolist())))
    y.mul_(5)
    y.register_hook(lambda g: seen.append(("new", g.tolist())))
    y.sum().backward()
    assert seen == [("new", [1, 1]), ("old", [5, 5])] and y.grad.tolist() == [1, 1]


def test_view_and_base(torch: Any) -> None:
    x, seen = leaf(torch), []
    y = x * 2
    v = y[:1]
    v.register_hook(lambda g: seen.append(g.tolist()))
    y.sum().backward(retain_graph=True)
    assert seen == []
    (v * 3).sum().backward()
    assert seen == [[3]]


def test_post_accumulate(torch: Any) -> None:
    x, seen = leaf(torch), []
    x.register_post_accumulate_grad_hook(lambda p: seen.append((p is x, p.grad.tolist())))
    x.register_hook(lambda g: seen.append("before"))
    x.sum().backward()
    (x * 2).sum().backward()
    torch.autograd.grad(x.sum(), x)
    assert seen == ["before", (True, [1, 1]), "before", (True, [3, 3]), "before"]
    (x * 2).sum().backward(inputs=[x])
    assert seen[-1] == (True, [5, 5])


def test_post_accumulate_may_reset(torch: Any) -> None:
    x = leaf(torch)

    def step(p: Any) -> None:
        with torch.no_grad():
            p.sub_(p.grad)
        p.grad = None

    x.register_post_accumulate_grad_hook(step)
    (x * x).sum().backward()
    assert x.grad is None and x.tolist() == [-1, -2]


def test_post_accumulate_errors(torch: Any) -> None:
    x = leaf(torch)
    with pytest.raises(RuntimeError):
        (x * 2).register_post_accumulate_grad_hook(print)
    for result, error in ((torch.ones(2), RuntimeError), (3, TypeError)):
        with x.register_post_accumulate_grad_hook(lambda p, result=result: result), pytest.raises(error):
            x.sum().backward()


def test_node_hooks(torch: Any) -> None:
    x, seen = leaf(torch, 1.0), []
    y = x * 2
    y.grad_fn.register_prehook(lambda outputs: (outputs[0] * 7,))

    def after(inputs: Any, outputs: Any) -> Any:
        seen.append(([None if g is None else g.item() for g in inputs], [g.item() for g in outputs]))
        return (inputs[0] * 5, *inputs[1:])

    y.grad_fn.register_hook(after)
    y.backward()
    assert seen == [([14, None], [7])] and x.grad.item() == 70


@pytest.mark.parametrize(("result", "error"), [(3, TypeError), ((), RuntimeError)])
@pytest.mark.parametrize("register", ["register_hook", "register_prehook"])
def test_node_hooks_are_checked(torch: Any, register: str, result: Any, error: type[Exception]) -> None:
    y = (leaf(torch) * 2).sum()
    getattr(y.grad_fn, register)(lambda *gradients: result)
    with pytest.raises(error):
        y.backward()


def test_node_hooks_see_what_arrives(torch: Any) -> None:
    x, seen = leaf(torch), []
    y = x * torch.ones(3, 2)
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append((inputs[0].shape, outputs[0].shape)))
    y.sum().backward()
    assert seen == [((2,), (3, 2))]


def test_all_hooks_of_a_leaf(torch: Any) -> None:
    x = leaf(torch, 1.0)
    node = x.expand_as(x).grad_fn.next_functions[0][0]

    def halve(p: Any) -> None:
        p.grad = p.grad / 5

    x.register_hook(lambda g: g * 2)
    node.register_prehook(lambda outputs: (outputs[0] - 3,))
    x.register_post_accumulate_grad_hook(halve)
    node.register_hook(lambda inputs, outputs: x.grad.add_(0.5) and None)
    x.backward()
    assert x.grad.item() == pytest.approx(-1 / 5 + 0.5)


def test_several_tensors(torch: Any) -> None:
    x, y, z, calls, first = leaf(torch, 1.0), leaf(torch, 1.0), leaf(torch, 1.0), [], []
    handle = torch.autograd.graph.register_multi_grad_hook(
        (x, y), lambda gradients: calls.append([None if g is None else g.item() for g in gradients])
    )
    torch.autograd.graph.register_multi_grad_hook((x, y), lambda g: first.append(g.item()), mode="any")
    (x * 2 + y * z).backward()
    (x * 3).backward()
    z.backward()
    assert calls == [[2, 1], [3, None]] and len(first) == 2
    handle.remove()
    (x * 3).backward()
    assert len(calls) == 2 and first[1:] == [3, 3]
    with pytest.raises(ValueError):
        torch.autograd.graph.register_multi_grad_hook((x,), print, mode="some")


def test_differentiable(torch: Any) -> None:
    x = leaf(torch, 3.0)
    y = x * x
    y.register_hook(lambda g: g * g * x)
    (g,) = torch.autograd.grad(y * 2, x, create_graph=True)
    assert g.item() == 4 * 3 * 2 * 3
    assert torch.autograd.grad(g, x)[0].item() == 48


def test_gradient_is_borrowed(torch: Any) -> None:
    x = leaf(torch)
    x.register_hook(lambda g: g.mul_(2))
    with pytest.raises(RuntimeError):
        x.sum().backward()


def test_exceptions(torch: Any) -> None:
    x = leaf(torch)
    y = x * 2

    def fail(g: Any) -> None:
        raise KeyError("planted")

    with y.register_hook(fail), pytest.raises(KeyError):
        y.backward(ones(torch), retain_graph=True)
    assert torch.is_grad_enabled() and x.grad is None
    y.backward(ones(torch))
    assert x.grad.tolist() == [2, 2]


def test_several_outputs(torch: Any) -> None:
    x, seen = leaf(torch), []
    a, b = x.unbind()
    a.register_hook(lambda g: seen.append("a"))
    b.register_hook(lambda g: seen.append("b"))
    (a * b).backward()
    assert sorted(seen) == ["a", "b"]
