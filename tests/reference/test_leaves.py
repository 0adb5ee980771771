"""Leaves and results: gradients that results retain, histories that are cut in place, pickling."""

from __future__ import annotations

import copy
import gc
import pickle
import warnings
import weakref
from typing import Any

import numpy as np
import pytest

import autograd_reference as torch
from autograd_reference.accumulate import retaining


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(list(values), requires_grad=True)


def numbers(t: Any) -> list[float]:
    result: list[float] = t.tolist()
    return result


def test_a_result_retains_its_gradient_and_adds_up() -> None:
    x = leaf(2.0, 3.0)
    y = x * x
    y.retain_grad()
    z = (y * y).sum()
    z.backward(retain_graph=True)
    z.backward()
    assert numbers(y.grad) == [16.0, 36.0]
    assert numbers(x.grad) == [64.0, 216.0]


def test_reading_a_retained_gradient_warns_of_nothing() -> None:
    y = leaf(2.0) * 1
    with pytest.warns(UserWarning):
        assert y.grad is None
    y.retain_grad()
    with warnings.catch_warnings(action="error"):
        assert y.grad is None and y.retains_grad
    assert not leaf(1.0).retains_grad


def test_retaining_twice_and_on_leaves_changes_nothing() -> None:
    x = leaf(2.0)
    y = x * 3
    for t in (x, x, y, y):
        t.retain_grad()
    y.sum().backward()
    assert numbers(x.grad) == [3.0] and numbers(y.grad) == [1.0]


def test_a_constant_cannot_retain() -> None:
    for t in (torch.tensor([1.0]), leaf(1.0).detach()):
        with pytest.raises(RuntimeError, match="retain_grad"):
            t.retain_grad()


def test_a_written_result_retains_the_gradient_of_what_it_has_become() -> None:
    x = leaf(2.0, 3.0)
    y = x * 1
    part = y[:1]
    y.retain_grad()
    part.retain_grad()
    y.mul_(3)
    (y * 2).sum().backward(retain_graph=True)
    assert numbers(y.grad) == [2.0, 2.0] and part.grad is None and numbers(x.grad) == [6.0, 6.0]
    (part * 5).sum().backward()
    assert numbers(part.grad) == [5.0]


def test_gradients_as_values_are_not_retained() -> None:
    x = leaf(2.0)
    y = x * x
    y.retain_grad()
    torch.autograd.grad(y * 3, x)
    assert y.grad is None


def test_retaining_keeps_nothing_alive() -> None:
    y = leaf(2.0) * 1
    y.retain_grad()
    tensor, node = weakref.ref(y), weakref.ref(y.grad_fn)
    del y
    gc.collect()
    assert tensor() is None and node() is None and len(retaining) == 0


def test_a_retained_gradient_shares_no_memory_with_that_of_a_leaf() -> None:
    x = leaf(2.0, 3.0)
    y = x + 0
    y.retain_grad()
    y.backward(torch.tensor([5.0, 7.0]))
    y.grad.mul_(2)
    assert numbers(x.grad) == [5.0, 7.0]


def test_detaching_in_place_leaves_earlier_results_their_history() -> None:
    x = leaf(2.0, 3.0)
    y = x * x
    view, made = y[1:], y * 5
    y.detach_()
    assert (y.requires_grad, y.is_leaf, view.requires_grad) == (False, True, True)
    (made.sum() + (view * 7).sum() + (y * x).sum()).backward()
    assert numbers(x.grad) == [4 * 5 + 4, 6 * 5 + 6 * 7 + 9]
    assert not y[1:].requires_grad


def test_a_view_cannot_be_detached_in_place_nor_written_after_its_base_was() -> None:
    y = leaf(2.0, 3.0) * 1
    view = y[1:]
    with pytest.raises(RuntimeError, match="view"):
        view.detach_()
    y.detach_()
    with pytest.raises(RuntimeError, match="detached in place"):
        view.mul_(2)


def test_a_base_that_is_written_after_it_was_detached_gives_its_views_a_new_history() -> None:
    x, w = leaf(2.0, 3.0), leaf(5.0, 7.0)
    y = x * 1
    view = y[1:]
    y.detach_()
    y.mul_(w)
    view.sum().backward()
    assert x.grad is None and numbers(w.grad) == [0.0, 3.0]


@pytest.mark.parametrize("flag", [True, False])
def test_pickling_and_copying_keep_value_and_flag(flag: bool) -> None:
    x = torch.tensor(np.arange(6.0).reshape(2, 3), requires_grad=flag)
    for made in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x)):
        assert (made.requires_grad, made.is_leaf, made.dtype) == (flag, True, x.dtype)
        assert numbers(made) == numbers(x) and made.data_ptr() != x.data_ptr()


def test_argmax_is_an_integer_of_which_no_gradient_is_wanted() -> None:
    x = torch.tensor([[1.0, 5.0, 3.0], [4.0, 2.0, 0.0]], requires_grad=True)
    assert numbers(x.argmax(1)) == [1, 0] and not x.argmax(1).requires_grad
    assert torch.argmax(x).item() == 1


def test_gradients_as_values_leave_roots_alone_that_lead_to_no_input() -> None:
    x, other = leaf(2.0), leaf(3.0)
    y = other * other
    assert numbers(torch.autograd.grad([x * 5, other, y], [x], [torch.tensor([1.0])] * 3)[0]) == [5.0]
    assert other.grad is None
    y.backward(torch.tensor([1.0]))
    assert numbers(other.grad) == [6.0]
