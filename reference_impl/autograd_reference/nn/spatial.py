"""Convolution, padding, reading at positions, and rearrangements. Dimensions are batch, channels, and one to three of space."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from ..definition import FUNCTIONS as OPERATORS
from ..definition import Operator
from ..graph import apply, compute
from ..rules import masked
from ..tensor import Tensor
from .activations import hardtanh
from .signatures import functions

ATEN = torch.ops.aten
PLAIN = torch.nn.functional
COUNTS = (1, 2, 3)


def several(value: Any, count: int) -> list[Any]:
    """One size for each dimension of space, or the same for all."""
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    return values * count if len(values) == 1 else values


# Convolution is linear in the input and in the weight. Its two gradients, by either, are so in what they are computed of:
# their derivatives are convolutions and such gradients again. The settings are stride, padding, dilation, transposed,
# output_padding and groups.


def convolution_backward(g: Any, other: Any, settings: Any, size: Any, place: int) -> Any:
    """The gradient by the input (at place 0) or the weight (at 1), given that of the result, the other one, and its size."""
    operands = [other, other]
    operands[place] = g.new_empty(size)
    return ATEN.convolution_backward.default(g, *operands, None, *settings, [place == 0, place == 1, False])[place]


CONVOLUTION: Operator = Operator(
    "convolution",
    lambda x, weight, bias, settings: ATEN.convolution.default(x, weight, bias, *settings),
    "x weight bias; settings",
    x=lambda g, weight, settings, shape: compute(CONVOLUTION_BACKWARD, (g, weight), (settings, shape, 0)),
    weight=lambda g, x, settings, shape: compute(CONVOLUTION_BACKWARD, (g, x), (settings, shape, 1)),
    bias=lambda g: g.sum([0, *range(2, g.ndim)]),
)
CONVOLUTION_BACKWARD: Operator = Operator(
    "convolution_backward",
    convolution_backward,
    "g other; settings size place",
    g=lambda gg, other, settings, place: compute(
        CONVOLUTION, (other, gg, None) if place else (gg, other, None), (settings,)
    ),
    other=lambda gg, g, settings, place, shape: compute(CONVOLUTION_BACKWARD, (g, gg), (settings, shape, 1 - place)),
)


def convolved(count: int, x: Tensor, weight: Tensor, bias: Tensor | None, *settings: Any) -> Tensor:
    """The convolution, over so many dimensions, of a batch or of a single sample, real or complex."""
    if x.ndim == count + 1:
        return convolved(count, x.unsqueeze(0), weight, bias, *settings).squeeze(0)
    if x.is_complex():
        parts = [convolved(count, a, b, None, *settings) for a in (x.real, x.imag) for b in (weight.real, weight.imag)]
        result = OPERATORS["complex"](parts[0] - parts[3], parts[1] + parts[2])
        return result if bias is None else result + bias.reshape(-1, *[1] * count)
    *sizes, transposed, output_padding, groups = settings
    sizes = [several(each, count) for each in sizes]
    return apply(CONVOLUTION, (x, weight, bias), ([*sizes, transposed, several(output_padding, count), groups],))


def conv(
    count: int, input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """The convolution over so many dimensions."""
    if padding == "same":
        totals = [d * (k - 1) for d, k in zip(several(dilation, count), weight.shape[2:], strict=True)]
        input = pad(input, [part for total in reversed(totals) for part in (total // 2, total - total // 2)])
    padding = 0 if isinstance(padding, str) else padding
    return convolved(count, input, weight, bias, stride, padding, dilation, False, 0, groups)


def conv_transpose(
    count: int, input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """Its transpose."""
    return convolved(count, input, weight, bias, stride, padding, dilation, True, output_padding, groups)


# Padding.

PAD: Operator = Operator(
    "constant_pad_nd",
    ATEN.constant_pad_nd.default,
    "x; sizes value",
    x=lambda g, sizes: compute(PAD, (g,), ([-size for size in sizes], 0)),
)


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Longer (or, by negative lengths, shorter) at both ends of the last dimensions, the last one first."""
    if mode == "constant":
        return apply(PAD, (input,), ([*pad], value or 0))
    for place in range(len(pad) // 2):
        dim = input.ndim - 1 - place
        source = PLAIN.pad(torch.arange(input.shape[dim])[None], pad[2 * place : 2 * place + 2], mode)
        input = input.index_select(dim, Tensor(source[0].to(input.device)))
    return input


# Reading at positions that are computed: in [-1, 1] along each dimension, of which the last comes first.


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None) -> Tensor:
    """The positions of a picture of a size after an affine map, (N, d, d + 1): (N, ..., d)."""
    d = theta.shape[-2]
    unit = torch.eye(d, d + 1, dtype=theta.dtype, device=theta.device)[None]
    grid = Tensor(PLAIN.affine_grid(unit, [1, 1, *size[2:]], bool(align_corners)).reshape(-1, d))
    return (grid @ theta[..., :d].mT + theta[..., d:].mT).reshape(size[0], *size[2:], d)


def bounded(place: Tensor, length: int, mode: str, align: bool) -> Tensor:
    """Positions beyond the edges, moved to the edge, or mirrored there."""
    low, span = (0, length - 1) if align else (-0.5, length)
    if mode == "reflection" and span:
        place = span - ((place - low).remainder(2 * span) - span).abs() + low
    return place if mode == "zeros" else hardtanh(place, 0, length - 1)


def neighbours(place: Tensor, mode: str) -> list[tuple[Any, Any]]:
    """The whole positions around one along a dimension, and their weights."""
    if mode == "nearest":
        return [(place.round(), place.round().clamp(1, 1))]
    low, t = place.floor(), place - place.floor()
    if mode == "bilinear":
        return [(low, 1 - t), (low + 1, t)]
    near = [(1.25 * x - 2.25) * x * x + 1 for x in (t, 1 - t)]
    far = [((3.75 - 0.75 * x) * x - 6) * x + 3 for x in (t + 1, 2 - t)]
    return [(low - 1, far[0]), (low, near[0]), (low + 1, near[1]), (low + 2, far[1])]


def grid_sample(input: Tensor, grid: Tensor, mode: str, padding_mode: str, align_corners: bool | None) -> Tensor:
    """The values of (N, C, ...) at positions (N, ..., d), between the pixels by their neighbours. ValueError for another mode."""
    if mode not in ("bilinear", "nearest", "bicubic") or padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(f"grid_sample: mode {mode!r} or padding_mode {padding_mode!r} is not there")
    lengths, align, ways = input.shape[2:], bool(align_corners), []
    for place, length in zip(reversed(grid.flatten(1, -2).unsqueeze(1).unbind(-1)), lengths, strict=True):
        bound: Any = partial(bounded, length=length, mode=padding_mode, align=align)
        place = (place + 1) * (length - 1) / 2 if align else (place + 1) * (length / 2) - 0.5
        ways.append([(bound(k), w) for k, w in neighbours(place if mode == "bicubic" else bound(place), mode)])
    total: Any = 0
    for corner in itertools.product(*ways):
        index, weight, beyond = 0, 1, False
        for (place, part), length in zip(corner, lengths, strict=True):
            index = place.nan_to_num(0).clamp(0, length - 1).long() + index * length
            weight, beyond = part * weight, (place < 0) | (place >= length) | beyond
        values = input.flatten(2).take_along_dim(index, 2)
        total = masked(values, beyond) * masked(weight, beyond) + total
    return total.reshape(*input.shape[:2], *grid.shape[1:-1])


# Rearrangements.


def transposes(name: str, kernel: Callable[..., Any], other: str, other_kernel: Callable[..., Any]) -> list[Operator]:
    """Two linear operators with the same parameters, each the transpose of the other."""
    both: list[Operator] = [
        Operator(name, kernel, "x; settings", x=lambda g, settings: compute(both[1], (g,), (settings,))),
        Operator(other, other_kernel, "x; settings", x=lambda g, settings: compute(both[0], (g,), (settings,))),
    ]
    return both


UNFOLD, FOLD = transposes(
    "im2col",
    lambda x, settings: ATEN.im2col.default(x, *settings[1:]),
    "col2im",
    lambda x, settings: ATEN.col2im.default(x, *settings),
)
SHUFFLE, UNSHUFFLE = transposes("pixel_shuffle", torch.pixel_shuffle, "pixel_unshuffle", torch.pixel_unshuffle)


def unfold(input: Tensor, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Tensor:
    """The windows of (N, C, H, W) as columns: (N, C * window, positions)."""
    sizes = (tuple(input.shape[-2:]), kernel_size, dilation, padding, stride)
    return apply(UNFOLD, (input,), ([several(each, 2) for each in sizes],))


def fold(input: Tensor, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Tensor:
    """Windows added up at their places: the transpose of unfold."""
    sizes = (output_size, kernel_size, dilation, padding, stride)
    return apply(FOLD, (input,), ([several(each, 2) for each in sizes],))


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Channels dealt out anew: the first of each group, the second of each, and so on."""
    return x.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


FUNCTIONS = functions(
    affine_grid, grid_sample, pad, unfold, fold, channel_shuffle,
    pixel_shuffle=lambda input, upscale_factor: apply(SHUFFLE, (input,), (upscale_factor,)),
    pixel_unshuffle=lambda input, downscale_factor: apply(UNSHUFFLE, (input,), (downscale_factor,)),
    **{f"conv{count}d": partial(conv, count) for count in COUNTS},
    **{f"conv_transpose{count}d": partial(conv_transpose, count) for count in COUNTS},
)  # fmt: skip
