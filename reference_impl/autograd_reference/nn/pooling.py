"""Pooling and resizing. Dimensions are batch, channels, and one to three of space."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from ..definition import Operator
from ..graph import apply
from ..reductions import selected
from ..tensor import Tensor
from .signatures import functions
from .spatial import COUNTS, pad, several, transposes

ATEN = torch.ops.aten
PLAIN = torch.nn.functional
Kernel = Callable[..., torch.Tensor]


def means(name: str, backward: Kernel) -> Operator:
    """Means of windows. The settings are the size of the input, and what the kernel takes."""
    kernel = getattr(torch._C._nn, name)
    return transposes(
        name,
        lambda x, settings: kernel(x, *settings[1:]),
        f"{name}_backward",
        lambda g, settings: backward(g, g.new_empty(settings[0]), *settings[1:]),
    )[0]


MEANS = {
    "avg_pool2d": means("avg_pool2d", ATEN.avg_pool2d_backward.default),
    "avg_pool3d": means("avg_pool3d", ATEN.avg_pool3d_backward.default),
    "adaptive_avg_pool2d": means("adaptive_avg_pool2d", lambda g, x, _: ATEN._adaptive_avg_pool2d_backward(g, x)),
    "adaptive_avg_pool3d": means("adaptive_avg_pool3d", lambda g, x, _: ATEN._adaptive_avg_pool3d_backward(g, x)),
}


def avg_pool(
    count: int, input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """Means of windows over so many dimensions."""
    size, step, edge = (several(each, count) for each in (kernel_size, stride or kernel_size, padding))
    how = (ceil_mode, count_include_pad, divisor_override)
    if count == 1:
        return avg_pool(2, input.unsqueeze(-2), [1, *size], [1, *step], [0, *edge], *how).squeeze(-2)
    return apply(MEANS[f"avg_pool{count}d"], (input,), ((input.shape, size, step, edge, *how),))


def adaptive_avg_pool(count: int, input: Tensor, output_size: Any) -> Tensor:
    """Means of as many windows as are asked for, over so many dimensions; None for as many as there are elements."""
    sizes = [
        n if size is None else size for n, size in zip(input.shape[-count:], several(output_size, count), strict=True)
    ]
    if count == 1:
        return adaptive_avg_pool(2, input.unsqueeze(-2), [1, *sizes]).squeeze(-2)
    return apply(MEANS[f"adaptive_avg_pool{count}d"], (input,), ((input.shape, sizes),))


def resized(name: str) -> Operator:
    """Resizing. The settings are those of torch's function, the size of the input, and what else the transpose takes."""
    backward = getattr(ATEN, f"{name}_backward").default
    return transposes(
        name,
        lambda x, settings: PLAIN.interpolate(x, *settings[0]),
        f"{name}_backward",
        lambda g, settings: backward(g, g.shape[2:], *settings[1:]),
    )[0]


RESIZED = {
    name: resized(name)
    for name in (
        *(f"{name}{count}d" for name in ("upsample_nearest", "_upsample_nearest_exact") for count in (1, 2, 3)),
        "upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d",
        "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa",
    )
}  # fmt: skip


def interpolate(
    input: Tensor, size: Any, scale_factor: Any, mode: str, align_corners: bool | None,
    recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Tensor:  # fmt: skip
    """Resized to `size`, or by `scale_factor`."""
    count = input.ndim - 2
    how = (size, scale_factor, mode, align_corners, recompute_scale_factor, antialias)
    if mode == "area":
        meta = torch.empty(input.shape, device="meta")
        return adaptive_avg_pool(count, input, PLAIN.interpolate(meta, *how).shape[2:])
    name = {"nearest-exact": "_upsample_nearest_exact"}.get(mode, f"{'_' * antialias}upsample_{mode}")
    name = f"{name}{count}d{'_aa' * antialias}"
    if name not in RESIZED:
        PLAIN.interpolate(input._data, *how)  # which says what it expects
        raise NotImplementedError(f"interpolate: mode {mode!r} for {input.ndim} dimensions is not there")
    scales = [None] * count if scale_factor is None or recompute_scale_factor else several(scale_factor, count)
    aligned = [] if "nearest" in mode else [bool(align_corners)]
    return apply(RESIZED[name], (input,), ((how, input.shape, *aligned, *scales),))


def lp_pool(
    count: int, input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """Norms of windows over so many dimensions."""
    if math.isinf(norm_type):
        sign = math.copysign(1, norm_type)
        return max_pool(f"max_pool{count}d", count, input.abs() * sign, kernel_size, stride, 0, 1, ceil_mode) * sign
    mean = avg_pool(count, input**norm_type, kernel_size, stride, 0, ceil_mode)
    total = mean.sign() * mean.abs().relu() * math.prod(several(kernel_size, count))  # without a gradient at zero
    return total ** (1 / norm_type)


def local_response_norm(input: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """x over a power of the mean square of neighbouring channels."""
    squares = pad(input.square().movedim(1, -1), (size // 2, (size - 1) // 2))
    mean = avg_pool(1, squares.flatten(1, -2), size, 1).unflatten(1, squares.shape[1:-1]).movedim(-1, 1)
    return input / (mean * alpha + k) ** beta


def of_maxima(g: Any, indices: Any, shape: torch.Size, count: int) -> Any:
    """The gradient at the places of maxima, of which any may be that of several windows."""
    zeros, indices, g = (each.flatten(-count) for each in (g.new_zeros(shape), indices, g))
    return zeros.scatter_add_(-1, indices, g).reshape(shape)


MAX_POOL: Operator = Operator("max_pool", PLAIN.max_pool2d, "x indices; count", x=of_maxima)


def max_pool(name: str, count: int, input: Tensor, *args: Any, return_indices: bool = False, **kwargs: Any) -> Any:
    """Maxima of windows, and on demand where they are, counted through all dimensions of space.

    Whether these are asked for is torch's second argument after the input in an adaptive pool, and else its sixth.
    """
    place = 1 if name.startswith("adaptive") else 5
    return_indices = args[place] if len(args) > place else return_indices
    found = getattr(PLAIN, name)(input._data, *args[:place], return_indices=True, **kwargs)
    values, indices = selected(MAX_POOL, input, found, count)
    return (values, indices) if return_indices else values


FUNCTIONS = functions(
    interpolate, local_response_norm,
    upsample=lambda input, size, scale_factor, mode, align_corners: interpolate(
        input, size, scale_factor, mode, align_corners
    ),
    **{f"avg_pool{count}d": partial(avg_pool, count) for count in COUNTS},
    **{f"adaptive_avg_pool{count}d": partial(adaptive_avg_pool, count) for count in COUNTS},
    **{f"lp_pool{count}d": partial(lp_pool, count) for count in COUNTS},
    **{f"max_pool{count}d": partial(max_pool, f"max_pool{count}d", count) for count in COUNTS},
    **{f"adaptive_max_pool{count}d": partial(max_pool, f"adaptive_max_pool{count}d", count) for count in COUNTS},
)  # fmt: skip
