"""Making leaves: from data, from NumPy arrays, or filled with numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .arithmetic import Dtype
from .caller import warn
from .constant import unwrapped
from .definition import FUNCTIONS, public
from .shaping import view
from .tensor import Tensor

Device = torch.device | str | None


@public
def tensor(data: Any, *, dtype: Dtype = None, device: Device = None, requires_grad: bool = False) -> Tensor:
    """A leaf with a copy of the data: a number, nested lists, a NumPy array, a tensor of this package or of torch.

    Python floats have torch's default dtype; arrays and tensors keep theirs. RuntimeError: `requires_grad` for a dtype
    that is neither floating nor complex.
    """
    raw = unwrapped(data)
    if isinstance(data, Tensor):
        warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor)."
        )
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


@public
def from_numpy(array: np.ndarray[Any, Any]) -> Tensor:
    """A constant over the memory of a NumPy array: a write through either is seen through the other, unnoticed."""
    return Tensor(torch.from_numpy(array))


def factory(make: Callable[..., torch.Tensor], description: str) -> None:
    """Publish one of torch's creation functions, with torch's arguments, that makes a leaf of this package."""

    def create(*args: Any, requires_grad: bool = False, **kwargs: Any) -> Tensor:
        return leaf(make(*[unwrapped(arg) for arg in args], **unwrapped(kwargs)), requires_grad)

    create.__name__ = create.__qualname__ = make.__name__
    create.__doc__ = f"{description} Arguments as torch's, with `dtype`, `device` and `requires_grad`."
    FUNCTIONS[make.__name__] = create


FILLED = {
    "zeros": "Zeros",
    "ones": "Ones",
    "empty": "Memory, with whatever is in it,",
    "full": "Equal numbers",
    "rand": "Uniform random numbers in [0, 1)",
    "randn": "Normal random numbers of mean 0 and variance 1",
    "randint": "Random integers",
    "empty_strided": "Memory of given strides",
}
for _name, _content in FILLED.items():
    factory(getattr(torch, _name), f"{_content} of a shape.")
    for _owner, _like in ((torch, f"{_name}_like"), (torch.Tensor, f"new_{_name}")):
        if hasattr(_owner, _like):
            factory(getattr(_owner, _like), f"{_content}, of the dtype and on the device of a tensor.")
OTHERS = """
    BFloat16Tensor BoolTensor ByteTensor CharTensor DoubleTensor FloatTensor HalfTensor IntTensor LongTensor ShortTensor
    arange bartlett_window blackman_window empty_permuted eye hamming_window hann_window linspace logspace
    kaiser_window randperm range scalar_tensor tril_indices triu_indices
"""
for _name in OTHERS.split():
    factory(getattr(torch, _name), f"As torch.{_name}.")


@public
def as_tensor(data: Any, dtype: Dtype = None, device: Device = None) -> Any:
    """A tensor itself, if it has the dtype and is on the device, with its history; else what `tensor` makes of the data,
    over the same memory if that is an array.
    """
    if isinstance(data, Tensor):
        return data.to(device or data.device, dtype or data.dtype)
    return Tensor(torch.as_tensor(unwrapped(data), dtype=dtype, device=device))


def construct(x: Tensor, *given: Any) -> None:
    """What `Tensor(...)` is for users: values or sizes, of torch's default dtype; or all of a tensor, as a view."""
    found = view(given[0], given[0].shape) if isinstance(given[0], Tensor) else Tensor(torch.Tensor(*unwrapped(given)))
    for name in ("_data", "_storage", "_edge", "_requires_grad", "_grad", "_view", "_accumulator"):
        setattr(x, name, getattr(found, name))


@public
def asarray(
    data: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Any:
    """As `as_tensor`; the same memory is not used if `copy`, and the history of a tensor only if `requires_grad`."""
    is_cut = isinstance(data, Tensor) and data.requires_grad and not requires_grad
    result = as_tensor(data.detach() if is_cut else data, dtype, device)
    result = result.clone() if copy else result
    return result.requires_grad_() if requires_grad else result


@public
def new_tensor(
    x: Tensor, data: Any, *, dtype: Dtype = None, device: Device = None, requires_grad: bool = False
) -> Tensor:
    """A leaf with a copy of the data, in the dtype and on the device of x, unless told otherwise."""
    return tensor(data, dtype=dtype or x.dtype, device=device or x.device, requires_grad=requires_grad)
