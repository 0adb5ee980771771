"""Hooks in the reference engine: where they live, what they may do to memory, and that they cost nothing where there are none."""

import gc
import weakref
from typing import Any

import pytest

import autograd_reference as torch
from autograd_reference.node import watched


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values or (1.0, 2.0), requires_grad=True)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Any:
    gc.collect()
    others = dict(watched)  # of tests that failed, whose tracebacks are kept
    watched.clear()
    yield
    gc.collect()
    assert not watched
    watched.update(others)


def test_hooks_die_with_their_node() -> None:
    x = leaf()
    y = x * 2
    y.register_hook(lambda g: None)
    y.grad_fn.metadata["note"] = "kept"
    assert y.grad_fn.metadata == {"note": "kept"} and len(watched) == 1
    del y
    assert not watched


def test_hooks_of_a_leaf_outlive_its_graphs() -> None:
    x, seen = leaf(), []
    handle = x.register_hook(lambda g: seen.append(1))
    assert not watched
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    handle.remove()
    assert seen == [1, 1] and not watched


def test_a_hook_that_refers_to_its_tensor_is_collected() -> None:
    def program() -> Any:
        y = leaf() * 2
        y.register_hook(lambda g: y.tolist())
        return weakref.ref(y)

    dead = program()
    gc.collect()
    assert dead() is None


def test_a_hook_may_write_and_keep_its_gradient() -> None:
    x, y, kept = leaf(), leaf(), []
    for hooked, other in ((x, y), (y, x)):
        x.grad = y.grad = None
        with hooked.register_hook(lambda g: kept.append(g.mul_(10))):
            for _ in range(2):
                (x + y).backward(torch.ones(2))
        assert hooked.grad.tolist() == [20, 20] and other.grad.tolist() == [2, 2]
    assert [g.tolist() for g in kept] == [[10, 10]] * 4


@pytest.mark.parametrize("kind", ["register_hook", "register_prehook"])
def test_what_a_hook_keeps_or_returns_is_not_accumulated_into(kind: str) -> None:
    x, seen = leaf(), []
    y = -x
    node = y.grad_fn.next_functions[0][0]

    def keep(g: Any) -> None:
        seen.append(g if kind == "register_hook" else g[0])

    getattr(x if kind == "register_hook" else node, kind)(keep)
    for _ in range(3):
        y.backward(torch.ones(2), retain_graph=True)
    assert [g.tolist() for g in seen] == [[-1, -1]] * 3 and x.grad.tolist() == [-3, -3]


def test_a_named_input_is_captured_after_its_hooks_also_when_the_gradient_travels_on() -> None:
    x = leaf()  # torch gives what was there before the hooks
    y = x * 2
    y.register_hook(lambda g: g * 10)
    y.grad_fn.register_prehook(lambda g: (g[0] + 1,))
    gy, gx = torch.autograd.grad(y * 3, [y, x], torch.ones(2))
    assert gy.tolist() == [30, 30] and gx.tolist() == [62, 62]


def test_what_a_node_hook_returns_is_borrowed() -> None:
    x, mine = leaf(), torch.ones(2)
    y = -x
    y.grad_fn.register_hook(lambda inputs, outputs: (mine,))
    for _ in range(3):
        y.backward(torch.ones(2), retain_graph=True)
    assert x.grad.tolist() == [3, 3] and mine.tolist() == [1, 1]


def test_hooks_registered_while_a_pass_runs() -> None:
    x, seen = leaf(), []
    y = x * 2
    z = y * 3
    z.register_hook(lambda g: y.register_hook(lambda g: seen.append("y")) and None)
    z.sum().backward()
    assert seen == ["y"]


def test_several_tensors_of_passes_that_fail() -> None:
    x, y, calls = leaf(), leaf(), []
    handle = torch.autograd.graph.register_multi_grad_hook((x, y), calls.append)
    z = x * y

    def fail(g: Any) -> None:
        raise KeyError

    with y.register_hook(fail), pytest.raises(KeyError):
        z.sum().backward(retain_graph=True)
    z.sum().backward()
    assert len(calls) == 1
    handle.remove()


def test_saved_values_by_name() -> None:
    x, y = leaf(), leaf()
    node = (x * y).grad_fn
    assert [name for name in dir(node) if name.startswith("_saved_")] == ["_saved_other", "_saved_self"]
    assert node._saved_self is x and node._saved_other is y
    node = (x * 2).exp().grad_fn
    assert (
        node._saved_result.grad_fn is node and not hasattr(node, "_saved_self") and not hasattr(node, "_raw_saved_self")
    )
    node = (x * torch.ones(2)).grad_fn
    assert node._saved_self is None and node._saved_other.tolist() == [1, 1]
    z = x * 1
    node = (z**2).grad_fn
    assert node._saved_self.grad_fn is z.grad_fn
    z.add_(1)
    with pytest.raises(RuntimeError):
        node._saved_self.tolist()


def test_several_tensors_of_which_a_pass_needs_one() -> None:
    x, y, calls = leaf(), leaf(), []
    z = x * 4 + y
    torch.autograd.graph.register_multi_grad_hook((z, y), calls.append)
    torch.autograd.grad(z, x, torch.ones(2) * 4)  # torch cannot say which leaves such a pass reaches, and raises
    ((seen, missing),) = calls
    assert seen.tolist() == [4, 4] and missing is None


def test_a_value_that_was_packed_as_it_is_and_written() -> None:
    y = leaf() * 1
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x):
        z = y * y
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_a_recorded_gradient_comes_with_its_own_history() -> None:
    x, seen = leaf(), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.grad_fn))
    y.register_hook(lambda g: g.mul_(3))
    (g,) = torch.autograd.grad((y**2).sum(), x, create_graph=True)
    assert seen[0].name() == "MulBackward0" and torch.autograd.grad(g.sum(), x)[0].tolist() == [72, 72]
