"""Leaves, flags, the gradient attribute, conversions."""

import numpy as np
import pytest
import torch as real

import autograd_reference as torch


def leaf(*shape: int) -> torch.Tensor:
    return torch.arange(1.0, 1.0 + int(np.prod(shape))).reshape(shape).detach().requires_grad_()


def test_default_flags() -> None:
    x = torch.tensor([1.0, 2.0])
    assert not x.requires_grad and x.is_leaf and x.grad_fn is None and x.grad is None
    assert x.dtype is torch.float32 and torch.tensor(np.ones(2)).dtype is torch.float64


def test_copies() -> None:
    array = np.ones(2)
    with pytest.warns(UserWarning, match="sourceTensor.detach"):
        of_tensor = torch.tensor(torch.from_numpy(array))
    for x in (torch.tensor(array), of_tensor):
        array[0] += 1
        assert x.tolist()[1] == 1 and x.tolist()[0] != array[0]
    assert torch.from_numpy(array).tolist() == array.tolist()


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_called_as_old_programs_do() -> None:
    assert (
        torch.Tensor([1, 2]).dtype is torch.float32
        and torch.Tensor(2, 3).shape == (2, 3)
        and not torch.Tensor().numel()
    )
    assert torch.Tensor(torch.ones(2)).tolist() == [1, 1]
    x = torch.ones(2)
    variable = torch.autograd.Variable(x, requires_grad=True)
    assert (
        isinstance(variable, torch.Tensor)
        and isinstance(x, torch.autograd.Variable)
        and not isinstance(1, torch.autograd.Variable)
    )
    assert (
        variable.requires_grad and not x.requires_grad and variable.data_ptr() == x.data_ptr() == x.storage().data_ptr()
    )
    assert reversed(torch.arange(3)).tolist() == [2, 1, 0]


def test_asarray() -> None:
    x, c = leaf(2), torch.ones(2)
    y = x * 2
    assert torch.asarray(y, requires_grad=True) is y and torch.asarray(c) is c
    cut = torch.asarray(y)
    assert (
        not cut.requires_grad
        and cut.data_ptr() == y.data_ptr()
        and torch.asarray(y, copy=True).data_ptr() != y.data_ptr()
    )
    cast = torch.asarray(y, dtype=torch.float64, requires_grad=True)
    assert cast.grad_fn is not None and torch.asarray([1.0], requires_grad=True).is_leaf


@pytest.mark.parametrize("length", [0, 1, 5, 6, 7, 8, 40])
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex128])
def test_printed(length: int, dtype: torch.dtype) -> None:
    data = real.linspace(-1, 1, 2 * length, dtype=dtype).reshape(2, length)
    theirs, ours = data.clone().requires_grad_(), torch.as_tensor(data).requires_grad_()
    for f in (lambda x: x, lambda x: x[0], lambda x: x.detach()[1] * 2, lambda x: (x * 2).reshape(length, 2)):
        assert repr(f(ours)) == repr(f(theirs))


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_only_floats_require_gradients(dtype: torch.dtype) -> None:
    with pytest.raises(RuntimeError):
        torch.tensor([1, 0], dtype=dtype, requires_grad=True)
    with pytest.raises(RuntimeError):
        torch.tensor([1, 0], dtype=dtype).requires_grad = True
    torch.tensor([1, 0], dtype=dtype).requires_grad = False


def test_discrete_results_need_no_gradient() -> None:
    x = leaf(3)
    assert not (x > 1).requires_grad and not x.to(torch.int64).requires_grad


def test_flag_of_recorded_tensor() -> None:
    y = leaf(2) * 2
    for refused in (lambda: setattr(y, "requires_grad", False), lambda: y.requires_grad_(False)):
        with pytest.raises(RuntimeError):
            refused()
    assert y.requires_grad_(True) is y and y.requires_grad


def test_cleared_flag_stops_gradient() -> None:
    x = leaf(2)
    y = (x * x).sum()
    x.requires_grad_(False)
    y.backward()
    assert x.grad is None


def test_assigned_gradient() -> None:
    x, g = leaf(2), torch.ones(2)
    for wrong in (torch.ones(3), torch.ones(2, dtype=torch.float64), x):
        with pytest.raises(RuntimeError):
            x.grad = wrong
    with pytest.raises(TypeError):
        x.grad = 1.0
    x.grad = g
    (x * 3).sum().backward()
    assert x.grad is g and g.tolist() == [4, 4] and g._version == 1
    del x.grad
    assert x.grad is None


def test_gradient_of_non_leaf_warns() -> None:
    with pytest.warns(UserWarning):
        assert (leaf(2) * 2).grad is None


def test_numpy() -> None:
    x = leaf(2)
    for tensor in (x, x * 2):
        with pytest.raises(RuntimeError):
            tensor.numpy()
    x.detach().numpy()[0] = 7
    assert x.tolist() == [7, 2]


def test_item_and_truth() -> None:
    assert leaf(1).item() == 1 and float(leaf(1).detach()) == 1 and bool(leaf(1))
    with pytest.raises(RuntimeError):
        leaf(2).item()
    with pytest.raises(RuntimeError):
        bool(leaf(2))


def test_repr() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    assert repr(x) == "tensor([1., 2.], requires_grad=True)"
    assert repr(x * x) == "tensor([1., 4.], grad_fn=<MulBackward0>)"
    assert repr(torch.tensor([1], dtype=torch.int32)) == "tensor([1], dtype=torch.int32)"


def test_foreign_operands() -> None:
    class Reflecting:
        def __radd__(self, other: object) -> str:
            return "reflected"

    assert leaf(2) + Reflecting() == "reflected"
    with pytest.raises(TypeError):
        leaf(2) + "text"
    assert (np.float64(2) * leaf(2)).tolist() == [2, 4]
