"""Functions without a derivative: comparisons, positions, counts, and what torch says of a tensor. Results are constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .definition import FUNCTIONS, compose
from .tensor import Tensor

NAMES = """
    all allclose any argmax argmin argsort argwhere bincount bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift
    bitwise_xor bucketize can_cast count_nonzero equal eq gcd ge greater greater_equal gt histc isclose isfinite isin isinf isnan isneginf
    isposinf isreal is_nonzero lcm le less less_equal logical_and logical_not logical_or logical_xor lt ne nonzero not_equal
    promote_types result_type searchsorted signbit unravel_index numel is_complex is_floating_point is_conj is_neg is_signed
    element_size nelement get_device is_same_size is_pinned ndimension is_set_to untyped_storage
"""


def unwrapped(value: Any) -> Any:
    """An argument with our tensors in it as torch's."""
    if isinstance(value, Tensor):
        return value._data
    if type(value) is dict:
        return {key: unwrapped(part) for key, part in value.items()}
    return type(value)(unwrapped(part) for part in value) if type(value) in (tuple, list) else value


def wrapped(result: Any) -> Any:
    """What torch gave, with its tensors as ours."""
    if isinstance(result, torch.Tensor):
        return Tensor(result)
    if isinstance(result, (tuple, list)) and not isinstance(result, torch.Size):
        return type(result)([wrapped(part) for part in result])
    return result


def constant(function: Callable[..., Any]) -> Callable[..., Any]:
    """One of torch's functions, on our tensors."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return wrapped(function(*[unwrapped(value) for value in args], **unwrapped(kwargs)))

    return call


compose(
    detach=lambda x: x.detach(),
    detach_=lambda x: x.detach_(),
    is_inference=lambda x: x.is_inference(),
    is_tensor=lambda x: isinstance(x, Tensor),
)
for _name in NAMES.split():
    FUNCTIONS[_name] = constant(getattr(torch, _name, None) or getattr(torch.Tensor, _name))
