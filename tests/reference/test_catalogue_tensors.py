"""What users write with tensors: comparing, files, arrays, names and layouts. On torch and on the reference engine."""

import io
from typing import Any

import numpy as np
import pytest
import torch as real

import autograd_reference as reference

pytestmark = pytest.mark.parametrize("torch", [real, reference], ids=["torch", "reference"])


def leaf(torch: Any, *shape: int) -> Any:
    return torch.arange(float(np.prod(shape))).reshape(shape).detach().requires_grad_()


def test_assert_close(torch: Any) -> None:
    x = leaf(torch, 3)
    torch.testing.assert_close(x, torch.tensor([0.0, 1.0, 2.0 + 1e-6]), check_dtype=True)
    torch.testing.assert_close({"x": [x * 2]}, {"x": [torch.tensor([0.0, 2.0, 4.0])]}, rtol=0, atol=0)
    with pytest.raises(AssertionError, match="Mismatched elements: 1 / 3"):
        torch.testing.assert_close(x, torch.tensor([0.0, 1.0, 3.0]))
    with pytest.raises(AssertionError, match="dtype"):
        torch.testing.assert_close(actual=x, expected=x.double())


def test_files(torch: Any) -> None:
    file = io.BytesIO()
    torch.save({"w": leaf(torch, 2), "step": 3, "parts": [torch.ones(2, dtype=torch.bool)]}, file)
    file.seek(0)
    loaded = torch.load(file)
    assert loaded["step"] == 3 and loaded["parts"][0].dtype is torch.bool
    assert loaded["w"].requires_grad and loaded["w"].is_leaf and loaded["w"].tolist() == [0, 1]


def test_forced_array(torch: Any) -> None:
    x = leaf(torch, 3)
    assert (x * 2).numpy(force=True).tolist() == [0, 2, 4]
    x.numpy(force=True)[0] = 7
    assert x[0].item() == 7


def test_memory_format(torch: Any) -> None:
    x = torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last).requires_grad_()
    x.sum().backward()
    assert x.grad.is_contiguous(memory_format=torch.channels_last) and not x.grad.is_contiguous()


@pytest.mark.parametrize(
    "write",
    [
        lambda x: x.mul_(2),
        lambda x: x[0].mul_(2),
        lambda x: x.view(6).t().zero_(),
        lambda x: x.__setitem__(0, 1.0),
        lambda x: x[0].__setitem__(1, 1.0),
        lambda x: x.as_strided((2,), (1,)).mul_(2),
        lambda x: x[1].copy_(x.detach().clone()[0].requires_grad_()),
    ],
)
def test_leaf_in_the_memory_of_a_constant(torch: Any, write: Any) -> None:
    """What is reshaped, and then required to have a gradient, is a leaf although it is a view."""
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    assert x.is_leaf and x._base is not None and not x._base.requires_grad
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        write(x)
    assert x.flatten().tolist() == [0, 1, 2, 3, 4, 5] and x.is_leaf and x._version == 0
    with torch.no_grad():
        write(x)
    assert x.is_leaf and x._version == 1
    (x[0].as_strided((2, 2), (1, 1)) * 3).sum().backward()
    assert x.grad.tolist() == [[3, 6, 3], [0, 0, 0]]


def test_memory_beside_a_leaf_may_be_written(torch: Any) -> None:
    base = torch.arange(6.0)
    x, beside = base[:3].requires_grad_(), base[3:]
    beside.mul_(3)
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2, 2] and beside.tolist() == [9, 12, 15]
