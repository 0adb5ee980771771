"""Making leaves: from data, from NumPy arrays, or filled with numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .definition import FUNCTIONS, public
from .tensor import Tensor


@public
def tensor(
    data: Any,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A leaf with a copy of the data: a number, nested lists, a NumPy array, a tensor of this package or of torch.

    Python floats have torch's default dtype; arrays and tensors keep theirs. RuntimeError: `requires_grad` for a dtype
    that is neither floating nor complex.
    """
    raw = unwrapped(data)
    if isinstance(raw, torch.Tensor):
        copied = torch.empty_like(raw, dtype=dtype, device=device, requires_grad=False).copy_(raw.detach())
    else:
        copied = torch.tensor(raw, dtype=dtype, device=device)
    return leaf(copied, requires_grad)


def leaf(data: torch.Tensor, requires_grad: bool) -> Tensor:
    """A leaf over raw memory. RuntimeError: it cannot require gradients."""
    if requires_grad and not (data.is_floating_point() or data.is_complex()):
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    return Tensor(data).requires_grad_(requires_grad)


def unwrapped(data: Any) -> Any:
    """Data with the tensors of this package in it replaced by what torch understands."""
    if isinstance(data, Tensor):
        return data._data
    if isinstance(data, (list, tuple)):
        return [item._data.item() if isinstance(item, Tensor) else unwrapped(item) for item in data]
    return data


@public
def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """A constant over the memory of a NumPy array: a write through either is seen through the other, unnoticed."""
    return Tensor(torch.from_numpy(array))


def factory(make: Callable[..., torch.Tensor], description: str) -> Callable[..., Tensor]:
    """One of torch's creation functions, with torch's arguments, that makes a leaf of this package."""

    def create(*args: Any, requires_grad: bool = False, **kwargs: Any) -> Tensor:
        kwargs = {name: unwrapped(value) for name, value in kwargs.items()}
        return leaf(make(*[unwrapped(arg) for arg in args], **kwargs), requires_grad)

    create.__name__ = create.__qualname__ = make.__name__
    FUNCTIONS[make.__name__] = create
    create.__doc__ = f"{description} Arguments as torch's, with `dtype`, `device` and `requires_grad`."
    return create


zeros = factory(torch.zeros, "Zeros of a shape.")
ones = factory(torch.ones, "Ones of a shape.")
empty = factory(torch.empty, "Memory of a shape, with whatever is in it.")
full = factory(torch.full, "A shape filled with a number.")
arange = factory(torch.arange, "The numbers from start to end, the end excluded.")
linspace = factory(torch.linspace, "Evenly spaced numbers from start to end, both included.")
eye = factory(torch.eye, "The identity matrix.")
rand = factory(torch.rand, "Uniform random numbers in [0, 1).")
randn = factory(torch.randn, "Normal random numbers of mean 0 and variance 1.")
randint = factory(torch.randint, "Random integers.")
zeros_like = factory(torch.zeros_like, "Zeros of the shape, dtype and device of a tensor, not of its requires_grad.")
ones_like = factory(torch.ones_like, "Ones of the shape, dtype and device of a tensor, not of its requires_grad.")
empty_like = factory(torch.empty_like, "Memory of the shape, dtype and device of a tensor.")
full_like = factory(torch.full_like, "A tensor's shape, dtype and device, filled with a number.")
rand_like = factory(torch.rand_like, "Uniform random numbers of the shape, dtype and device of a tensor.")
randn_like = factory(torch.randn_like, "Normal random numbers of the shape, dtype and device of a tensor.")
new_zeros = factory(torch.Tensor.new_zeros, "Zeros of a shape, of the dtype and device of a tensor.")
new_ones = factory(torch.Tensor.new_ones, "Ones of a shape, of the dtype and device of a tensor.")
new_full = factory(torch.Tensor.new_full, "A shape filled with a number, of the dtype and device of a tensor.")
MORE = """
    BFloat16Tensor BoolTensor ByteTensor CharTensor DoubleTensor FloatTensor HalfTensor IntTensor LongTensor ShortTensor
    asarray bartlett_window blackman_window empty_permuted empty_strided hamming_window hann_window logspace randint_like
    randperm scalar_tensor tril_indices triu_indices vander
"""
for _name in MORE.split():
    factory(getattr(torch, _name), f"As torch.{_name}.")
for _name in ("new_empty", "new_empty_strided"):
    factory(getattr(torch.Tensor, _name), f"As torch.Tensor.{_name}.")


@public
def as_tensor(data: Any, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> Any:
    """A tensor itself, if it has the dtype and is on the device, with its history; else what `tensor` makes of the data,
    over the same memory if that is an array.
    """
    if isinstance(data, Tensor):
        return data.to(device or data.device, dtype or data.dtype)
    return Tensor(torch.as_tensor(unwrapped(data), dtype=dtype, device=device))


@public
def new_tensor(
    x: Tensor, data: Any, *, dtype: torch.dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A leaf with a copy of the data, in the dtype and on the device of x, unless told otherwise."""
    return tensor(data, dtype=dtype or x.dtype, device=device or x.device, requires_grad=requires_grad)
