"""Convolution, pooling, padding and resizing. Dimensions are batch, channels, and one to three of space.

Most of these act on each dimension of space by itself, and linearly: then they are a product with a matrix along each,
and nothing more need be known of their derivatives. The matrix is what torch makes of the unit vectors.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from ..definition import FUNCTIONS, Operator
from ..graph import apply, compute
from ..tensor import Tensor

ATEN = torch.ops.aten
PLAIN = torch.nn.functional
Sizes = int | Sequence[int]


def several(value: Any, count: int) -> list[Any]:
    """One size for each dimension of space, or the same for all."""
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    return values * count if len(values) == 1 else values


# Convolution is linear in the input and in the weight. Its two gradients are, too: so three operators are each other's.


def convolved(x: Any, weight: Any, bias: Any, settings: Any) -> Any:
    """The convolution of raw tensors. The settings are stride, padding, dilation, transposed, output_padding and groups."""
    return ATEN.convolution.default(x, weight, bias, *settings)


def convolution_gradient(place: int) -> Callable[..., Any]:
    """The gradient of one operand, given that of the result, the other operand, and its own shape."""

    def kernel(g: Any, other: Any, settings: Any, size: Any) -> Any:
        operands = [other, other]
        operands[place] = g.new_empty(size)
        mask = [place == 0, place == 1, False]
        return ATEN.convolution_backward.default(g, *operands, None, *settings, mask)[place]

    return kernel


CONVOLUTION: Operator = Operator(
    "convolution",
    convolved,
    "x weight bias; settings",
    x=lambda g, weight, settings, shape: compute(FOR_INPUT, (g, weight), (settings, shape)),
    weight=lambda g, x, settings, shape: compute(FOR_WEIGHT, (g, x), (settings, shape)),
    bias=lambda g: g.sum([0, *range(2, g.ndim)]),
)
FOR_INPUT: Operator = Operator(
    "convolution_input",
    convolution_gradient(0),
    "g weight; settings size",
    g=lambda gg, weight, settings: compute(CONVOLUTION, (gg, weight, None), (settings,)),
    weight=lambda gg, g, settings, shape: compute(FOR_WEIGHT, (g, gg), (settings, shape)),
)
FOR_WEIGHT: Operator = Operator(
    "convolution_weight",
    convolution_gradient(1),
    "g x; settings size",
    g=lambda gg, x, settings: compute(CONVOLUTION, (x, gg, None), (settings,)),
    x=lambda gg, g, settings, shape: compute(FOR_INPUT, (g, gg), (settings, shape)),
)


def convolution(count: int, transposed: bool) -> Callable[..., Tensor]:
    """The convolution, or its transpose, over so many dimensions."""

    def run(x: Tensor, weight: Tensor, bias: Tensor | None, settings: list[Any]) -> Tensor:
        if x.ndim == count + 1:  # a single sample
            return run(x.unsqueeze(0), weight, bias, settings).squeeze(0)
        if x.is_complex():
            parts = [run(a, b, None, settings) for a in (x.real, x.imag) for b in (weight.real, weight.imag)]
            result = FUNCTIONS["complex"](parts[0] - parts[3], parts[1] + parts[2])
            return result if bias is None else result + bias.reshape(-1, *[1] * count)
        return apply(CONVOLUTION, (x, weight, bias), (settings,))

    def conv(
        x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:  # fmt: skip
        stride, dilation = several(stride, count), several(dilation, count)
        if padding == "same":
            totals = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
            x = pad(x, [part for total in reversed(totals) for part in (total // 2, total - total // 2)])
        padding = several(0 if isinstance(padding, str) else padding, count)
        return run(x, weight, bias, [stride, padding, dilation, False, [0] * count, groups])

    def conv_transpose(
        x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
        groups: int = 1, dilation: Any = 1,
    ) -> Tensor:  # fmt: skip
        sizes = [several(each, count) for each in (stride, padding, dilation)]
        return run(x, weight, bias, [*sizes, True, several(output_padding, count), groups])

    return conv_transpose if transposed else conv


conv1d, conv2d, conv3d = (convolution(count, False) for count in (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = (convolution(count, True) for count in (1, 2, 3))


# Maps that act on each dimension by itself.


def along(x: Tensor, dim: int, kernel: Callable[[torch.Tensor], torch.Tensor]) -> Tensor:
    """A linear map of the vectors along a dimension: `kernel` maps a batch of vectors, (1, n, n) to (1, n, m)."""
    unit = torch.eye(x.shape[dim], dtype=x.dtype, device=x.device)[None]
    return (x.transpose(dim, -1) @ Tensor(kernel(unit)[0])).transpose(dim, -1)


def everywhere(x: Tensor, count: int, kernels: Sequence[Callable[[torch.Tensor], torch.Tensor]]) -> Tensor:
    """A map for each of the last dimensions."""
    for dim, kernel in zip(range(-count, 0), kernels, strict=True):
        x = along(x, dim, kernel)
    return x


def mean_of(
    size: int, step: int, edge: int, ceil_mode: bool, include_pad: bool, sums: bool
) -> Callable[[torch.Tensor], torch.Tensor]:
    """The means of windows of vectors, or the sums."""

    def kernel(unit: torch.Tensor) -> torch.Tensor:
        divisor = 1 if sums else None
        flat = unit[:, :, None]
        return PLAIN.avg_pool2d(flat, (1, size), (1, step), (0, edge), ceil_mode, include_pad, divisor)[:, :, 0]

    return kernel


def average(count: int) -> Callable[..., Tensor]:
    """Means of windows over so many dimensions."""

    def avg_pool(
        x: Tensor, kernel_size: Sizes, stride: Any = None, padding: Sizes = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> Tensor:  # fmt: skip
        sizes = several(kernel_size, count)
        steps = several(stride or kernel_size, count)
        windows = zip(sizes, steps, several(padding, count), strict=True)
        kernels = [mean_of(*each, ceil_mode, count_include_pad, divisor_override is not None) for each in windows]
        return everywhere(x, count, kernels) / (divisor_override or 1)

    return avg_pool


def adaptive_average(count: int) -> Callable[..., Tensor]:
    """Means of as many windows as are asked for."""

    def adaptive_avg_pool(x: Tensor, output_size: Any) -> Tensor:
        sizes = [x.shape[k - count] if n is None else n for k, n in enumerate(several(output_size, count))]
        return everywhere(x, count, [functools.partial(PLAIN.adaptive_avg_pool1d, output_size=size) for size in sizes])

    return adaptive_avg_pool


avg_pool1d, avg_pool2d, avg_pool3d = (average(count) for count in (1, 2, 3))
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = (adaptive_average(count) for count in (1, 2, 3))


def interpolate(
    x: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Tensor:  # fmt: skip
    """Resized to `size`, or by `scale_factor`."""
    count = x.ndim - 2
    sizes = several(size, count) if size is not None else [None] * count
    scales = several(scale_factor, count) if scale_factor is not None else [None] * count
    if mode == "bicubic":
        cubic: dict[str, Any] = {"mode": "bicubic", "align_corners": align_corners, "antialias": antialias}
        kernels = [
            lambda unit, size=size, scale=scale: PLAIN.interpolate(
                unit[:, :, None], (1, size) if scale is None else None, scale_factor=scale and (1.0, scale),
                recompute_scale_factor=recompute_scale_factor, **cubic,
            )[:, :, 0]
            for size, scale in zip(sizes, scales, strict=True)
        ]  # fmt: skip
        return everywhere(x, count, kernels)
    if antialias:
        raise NotImplementedError(f"interpolate: antialias with mode={mode!r}")
    plain: dict[str, Any] = {"mode": "linear" if mode.endswith("linear") else mode, "align_corners": align_corners}
    kernels = [
        functools.partial(
            PLAIN.interpolate, size=size, scale_factor=scale, recompute_scale_factor=recompute_scale_factor, **plain
        )
        for size, scale in zip(sizes, scales, strict=True)
    ]
    return everywhere(x, count, kernels)


def upsample(
    x: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: Any = None
) -> Tensor:
    """The former name of `interpolate`."""
    return interpolate(x, size, scale_factor, mode, align_corners)


def pad(x: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Longer (or, by negative lengths, shorter) at both ends of the last dimensions, the last one first."""
    for place in range(len(pad) // 2):
        before, after = pad[2 * place : 2 * place + 2]
        if before or after:
            x = padded(x, x.ndim - 1 - place, before, after, mode, value or 0)
    return x


def padded(x: Tensor, dim: int, before: int, after: int, mode: str, value: float) -> Tensor:
    """Padded at both ends of one dimension."""
    length = x.shape[dim]
    if mode != "constant":
        positions = torch.arange(-before, length + after, device=x.device)
        return x.index_select(dim, Tensor(source_of(positions, length, mode, max(before, after))))
    start, end = max(-before, 0), length - max(-after, 0)
    parts = [x.narrow(dim, start, end - start)]
    for place, extra in ((0, before), (len(parts), after)):
        if extra > 0:
            edge = x._data.new_full((*x.shape[:dim], extra, *x.shape[dim + 1 :]), value)
            parts.insert(place and len(parts), Tensor(edge))
    return FUNCTIONS["cat"](parts, dim)


def source_of(positions: torch.Tensor, length: int, mode: str, most: int) -> torch.Tensor:
    """Where in the dimension the padding comes from. RuntimeError where it is too short, NotImplementedError for another mode."""
    if mode == "replicate":
        return positions.clamp(0, length - 1)
    if mode not in ("reflect", "circular"):
        raise NotImplementedError(f"pad: unrecognised padding mode {mode}")
    if most > length - (mode == "reflect"):
        raise RuntimeError(
            f"Padding size should be less than the corresponding input dimension, but got {most} for {length}"
        )
    if mode == "circular":
        return positions % length
    mirrored = positions.abs()
    return torch.where(mirrored >= length, 2 * (length - 1) - mirrored, mirrored)


# Maxima: torch finds where they are, and the values are gathered.


def maximum(name: str, count: int, place: int) -> Callable[..., Any]:
    """Maxima of windows, and on demand where they are, counted through all dimensions of space.

    Whether these are asked for is torch's argument at a place.
    """
    kernel = getattr(PLAIN, name)

    def max_pool(x: Tensor, *args: Any, return_indices: bool = False, **kwargs: Any) -> Any:
        return_indices = args[place] if len(args) > place else return_indices
        _, found = kernel(x._data, *args[:place], return_indices=True, **kwargs)
        flat = found.flatten(-count)
        values = x.flatten(-count).gather(-1, Tensor(flat)).reshape(found.shape)
        return (values, Tensor(found)) if return_indices else values

    return max_pool


max_pool1d, max_pool2d, max_pool3d = (maximum(f"max_pool{count}d", count, 5) for count in (1, 2, 3))
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = (
    maximum(f"adaptive_max_pool{count}d", count, 1) for count in (1, 2, 3)
)


def windows(x: Tensor, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Tensor:
    """The windows of (N, C, H, W) as columns: (N, C * window, positions)."""
    if x.ndim == 3:
        return windows(x.unsqueeze(0), kernel_size, dilation, padding, stride).squeeze(0)
    settings = [several(each, 2) for each in (kernel_size, dilation, padding, stride)]
    return apply(UNFOLD, (x,), (tuple(x.shape[-2:]), settings))


def fold(
    x: Tensor, output_size: Sizes, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> Tensor:
    """Windows added up at their places: the transpose of unfold."""
    if x.ndim == 2:
        return fold(x.unsqueeze(0), output_size, kernel_size, dilation, padding, stride).squeeze(0)
    settings = [several(each, 2) for each in (kernel_size, dilation, padding, stride)]
    return apply(FOLD, (x,), (tuple(several(output_size, 2)), settings))


UNFOLD: Operator = Operator(
    "im2col",
    lambda x, size, settings: ATEN.im2col.default(x, *settings),
    "x; size settings",
    x=lambda g, size, settings: compute(FOLD, (g,), (size, settings)),
)
FOLD: Operator = Operator(
    "col2im",
    lambda x, size, settings: ATEN.col2im.default(x, size, *settings),
    "x; size settings",
    x=lambda g, size, settings: compute(UNFOLD, (g,), (size, settings)),
)
unfold = windows


def pixel_shuffle(x: Tensor, upscale_factor: int) -> Tensor:
    """(..., C * r * r, H, W) to (..., C, H * r, W * r)."""
    r, (channels, height, width) = upscale_factor, x.shape[-3:]
    apart = x.reshape(math.prod(x.shape[:-3]), channels // (r * r), r, r, height, width).permute(0, 1, 4, 2, 5, 3)
    return apart.reshape(*x.shape[:-3], channels // (r * r), height * r, width * r)


def pixel_unshuffle(x: Tensor, downscale_factor: int) -> Tensor:
    """The inverse of pixel_shuffle."""
    r, (channels, height, width) = downscale_factor, x.shape[-3:]
    apart = x.reshape(math.prod(x.shape[:-3]), channels, height // r, r, width // r, r).permute(0, 1, 3, 5, 2, 4)
    return apart.reshape(*x.shape[:-3], channels * r * r, height // r, width // r)


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Channels dealt out anew: the first of each group, the second of each, and so on."""
    apart = x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    return apart.transpose(1, 2).reshape(x.shape)


def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x over a power of the mean square of neighbouring channels."""
    square = x.square().transpose(1, -1)
    wide = pad(square, [size // 2, (size - 1) // 2])
    mean = along(wide, -1, functools.partial(PLAIN.avg_pool1d, kernel_size=size, stride=1)).transpose(1, -1)
    return x / (mean * alpha + k) ** beta
