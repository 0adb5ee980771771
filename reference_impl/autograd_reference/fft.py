"""`torch.fft`: one linear operator of complex tensors, of which the transpose is the inverse transform, and what is made of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from .creation import factory
from .definition import FUNCTIONS, Operator, described
from .graph import apply, compute
from .missing import missing_from
from .shaping import cat
from .tensor import Tensor

OPPOSITE = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}
FFT: Operator = Operator(
    "fft_c2c",
    lambda x, dims, norm, inverse: (torch.fft.ifftn if inverse else torch.fft.fftn)(x, None, dims, norm),
    "x; dims norm inverse",
    x=lambda g, dims, norm, inverse: compute(FFT, (g,), (dims, OPPOSITE[norm], not inverse)),
)


def resized(x: Tensor, sizes: Any, dims: Any) -> tuple[Any, list[int]]:
    """Dimensions cut, or filled with zeros, to sizes; and which ones: if none are given all, or the last."""
    dims = range(-len(sizes or x.shape), 0) if dims is None else [dims] if isinstance(dims, int) else dims
    for dim, size in zip(dims, sizes, strict=True) if sizes else ():
        zeros = x.new_zeros([max(size - n, 0) if k == dim % x.ndim else n for k, n in enumerate(x.shape)])
        x = x if size == -1 else cat((x, zeros), dim).narrow(dim, 0, size)
    return x, list(dims)


def transform(x: Tensor, sizes: Any, dims: Any, norm: str | None, inverse: bool = False) -> Any:
    """Of a complex tensor, or a real one."""
    x, dims = resized(x.to(torch.result_type(x._data, 1j)), sizes, dims)
    return apply(FFT, (x,), (dims, norm, inverse))


def half(x: Tensor, sizes: Any, dims: Any, norm: str | None) -> Any:
    """Of a real tensor only: the other half is conjugate to this one. RuntimeError for a complex one."""
    if x.is_complex():
        raise RuntimeError(f"rfft expects a real input tensor, but got {x.dtype}")
    x, dims = resized(x, sizes, dims)
    return transform(x, None, dims, norm).narrow(dims[-1], 0, x.shape[dims[-1]] // 2 + 1)


def from_half(x: Tensor, sizes: Any, dims: Any, norm: str | None) -> Any:
    """The real tensor of which such a half is the transform."""
    *others, last = resized(x, sizes and [-1] * len(sizes), dims)[1]
    *cut, n = sizes or [-1] * (len(others) + 1)
    n = 2 * (x.shape[last] - 1) if n == -1 else n
    x, _ = resized(x, [*cut, n // 2 + 1], [*others, last])
    x = transform(x, None, others, norm, True) if others else x
    rest = x.narrow(last, 1, (n - 1) // 2).flip(last).conj()
    return transform(cat((x, rest), last), None, last, norm, True).real


inverse = partial(transform, inverse=True)
# The transforms of what is conjugate to its own other half are those, with the scale of the other direction.
FLIPPED = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}
from_conjugate: Any = lambda x, sizes, dims, norm: from_half(x.conj(), sizes, dims, FLIPPED[norm])
to_conjugate: Any = lambda x, sizes, dims, norm: half(x, sizes, dims, FLIPPED[norm]).conj()
KERNELS = {
    "fft": transform,
    "ifft": inverse,
    "rfft": half,
    "irfft": from_half,
    "hfft": from_conjugate,
    "ihfft": to_conjugate,
}
for _name, _kernel in KERNELS.items():
    _along_one = lambda input, n=None, dim=-1, norm=None, *, f=_kernel: f(input, n if n is None else [n], dim, norm)
    _along_two = lambda input, s=None, dim=(-2, -1), norm=None, *, f=_kernel: f(input, s, dim, norm)
    _along_all = lambda input, s=None, dim=None, norm=None, *, f=_kernel: f(input, s, dim, norm)
    for _suffix, _function in {"": _along_one, "2": _along_two, "n": _along_all}.items():
        globals()[f"{_name}{_suffix}"] = described(f"fft.{_name}{_suffix}", _function)
for _name in ("fftfreq", "rfftfreq"):
    factory(getattr(torch.fft, _name), "The frequencies of a transform.")
    globals()[_name] = described(f"fft.{_name}", FUNCTIONS.pop(f"fft_{_name}"))


def fftshift(input: Tensor, dim: Any = None, *, up: int = 0) -> Any:
    """The frequencies in rising order, zero in the middle."""
    dims = resized(input, None, dim)[1]
    return input.roll([(input.shape[k] + up) // 2 for k in dims], dims)


ifftshift = partial(fftshift, up=1)
__getattr__ = missing_from(globals())
