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
