"""Shape operators in place, writes by mask and by index, destinations: what torch does."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import autograd_reference

MASK = [[True, False, True], [False, False, True]]


def transposed_then_written(t: Any, w: Any) -> None:
    t.transpose_(0, 1)
    t.mul_(w)


def row_of_transposed_written(t: Any, w: Any) -> None:
    t.transpose_(0, 1)
    t[1].mul_(w[0])


def view_reshaped_and_written(t: Any, w: Any) -> None:
    column = t.permute(1, 0)[:, 1]
    column.unsqueeze_(1).unsqueeze_(0).squeeze_(2)
    t.t_()
    t.mul_(2)
    column.mul_(w[:, 0])


@pytest.mark.parametrize("change", [transposed_then_written, row_of_transposed_written, view_reshaped_and_written])
def test_views_of_a_tensor_whose_shape_changes_stay_views_of_it(change: Callable[[Any, Any], None]) -> None:
    def gradients(module: Any) -> list[Any]:
        x = module.tensor(np.arange(1.0, 7).reshape(2, 3), requires_grad=True)
        w = module.tensor(np.arange(2.0, 8).reshape(3, 2), requires_grad=True)
        t = x * 1
        row, turned = t[0], t.permute(1, 0)
        change(t, w)
        ((t * t).sum() + (row * row * w[:, 1]).sum() + (turned * w).sum()).backward()
        return [t.tolist(), t._version, x.grad.tolist(), w.grad.tolist()]

    assert gradients(autograd_reference) == gradients(torch)


def test_views_of_a_constant_whose_shape_changes_come_to_require_gradients() -> None:
    x = autograd_reference.tensor([5.0, 7.0], requires_grad=True)
    t = autograd_reference.tensor([[1.0, 2.0], [3.0, 4.0]])
    row = t[1]
    t.t_()
    row.mul_(x)
    assert t.requires_grad and not t.is_leaf
    (t * t).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [90, 224]


def test_shape_of_what_requires_gradients_changes_only_with_its_history() -> None:
    leaf = autograd_reference.tensor([[1.0, 2.0]], requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad is being used"):
        leaf.transpose_(0, 1)
    result = leaf * 1
    with autograd_reference.no_grad(), pytest.raises(RuntimeError, match="Switch recording on"):
        result.squeeze_(0)
    assert leaf.shape == result.shape == (1, 2) and result._version == 0
    with pytest.raises(RuntimeError, match="<= 2 dimensions"):
        autograd_reference.zeros(1, 1, 1).t_()


@pytest.mark.parametrize(
    "write",
    [
        lambda module, t, w: t.masked_fill_(module.tensor(MASK), 5),
        lambda module, t, w: t.masked_fill_(module.tensor(MASK[0]), w[0, 0]),
        lambda module, t, w: t.index_copy_(1, module.tensor([2, 0]), w[:2]),
        lambda module, t, w: t[:, 1:].index_copy_(1, module.tensor([1]), w[:2, :1]),
    ],
)
def test_writes_by_mask_and_index(write: Callable[[Any, Any, Any], None]) -> None:
    def gradients(module: Any) -> list[Any]:
        x = module.tensor(np.arange(1.0, 7).reshape(2, 3), requires_grad=True)
        w = module.tensor(np.arange(2.0, 8).reshape(3, 2), requires_grad=True)
        t = x * 1
        write(module, t, w)
        first = module.autograd.grad((t * t * t).sum(), (x, w), create_graph=True, allow_unused=True)
        second = module.autograd.grad((first[0] * first[0]).sum(), (x, w), allow_unused=True)
        return [None if each is None else each.tolist() for each in (t, *first, *second)]

    assert gradients(autograd_reference) == gradients(torch)


def test_destination_is_written_where_nothing_is_to_be_recorded() -> None:
    x = autograd_reference.tensor([2.0, 3.0], requires_grad=True)
    out = autograd_reference.zeros(2)
    with pytest.raises(RuntimeError, match="support automatic differentiation"):
        autograd_reference.mul(x, x, out=out)
    with autograd_reference.no_grad():
        assert autograd_reference.mul(x, x, out=out) is out
        with pytest.raises(RuntimeError, match="shape"):
            autograd_reference.mul(x, x, out=autograd_reference.zeros(3))
        with pytest.raises(RuntimeError, match="can't be cast"):
            autograd_reference.mul(x, x, out=autograd_reference.zeros(2, dtype=torch.int64))
    assert out.tolist() == [4, 9] and not out.requires_grad and out._version == 1


def test_a_resize_to_the_same_shape_changes_nothing() -> None:
    x = autograd_reference.zeros(2, 3)
    assert x.t().resize_(3, 2).stride() == (1, 3) and x.resize_(2, 3)._version == 0 and x.resize_(3)._version == 1
