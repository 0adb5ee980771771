"""Whether tensors address the same memory: a write is refused where its outcome would depend on the order of elements."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from .tensor import Tensor


def addresses(data: torch.Tensor) -> np.ndarray[Any, Any]:
    """A tensor of any type and device as an array over the same addresses. The memory is not touched."""
    size = data.element_size()
    strides = tuple(stride * size for stride in data.stride())
    start = (data.data_ptr(), True)
    geometry = {"version": 3, "typestr": f"V{size}", "data": start, "shape": tuple(data.shape), "strides": strides}
    return np.asarray(SimpleNamespace(__array_interface__=geometry))


def share_memory(x: torch.Tensor, y: torch.Tensor) -> bool:
    """Whether any element of one lies where an element of the other does. Exact for all strides."""
    if x.numel() == 0 or y.numel() == 0:
        return False
    return np.shares_memory(addresses(x), addresses(y))


def overlaps_itself(data: torch.Tensor) -> bool:
    """Whether two elements may lie in the same place: each stride must step over all that smaller strides reach."""
    if data.numel() < 2:
        return False
    reach = 0
    for stride, length in sorted(zip(data.stride(), data.shape, strict=True)):
        if length > 1:
            if stride <= reach:
                return True
            reach += stride * (length - 1)
    return False


def same_positions(x: torch.Tensor, y: torch.Tensor) -> bool:
    """Whether, broadcast to the shape of x, every element of y lies where the corresponding element of x does."""
    if x.shape != y.shape:
        try:
            y = y.expand(x.shape)
        except RuntimeError:
            return False
    strides = zip(x.stride(), y.stride(), x.shape, strict=True)
    return x.data_ptr() == y.data_ptr() and all(a == b for a, b, length in strides if length > 1)


def clash(target: torch.Tensor, operand: torch.Tensor) -> bool:
    """Whether writing one element of the target changes an element of the operand that belongs to another one."""
    return not same_positions(target, operand) and share_memory(target, operand)


def refuse_overlap(target: Tensor, operands: tuple[Any, ...]) -> None:
    """RuntimeError when a write would hit an element twice, or an element that is yet to be read for another one."""
    if not target._data.is_contiguous() and overlaps_itself(target._data):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            "Please clone() the tensor before performing the operation."
        )
    for x in operands:
        if isinstance(x, Tensor) and x is not target and x._storage is target._storage and clash(target._data, x._data):
            raise RuntimeError(
                "unsupported operation: some elements of the input tensor and the written-to tensor refer to a "
                "single memory location. Please clone() the tensor before performing the operation."
            )
