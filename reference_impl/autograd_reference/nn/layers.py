"""Linear maps, embeddings, dropout, normalisation and attention: made of recorded operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from ..arithmetic import refuse_devices
from ..definition import Operator
from ..graph import apply
from ..rules import fused
from ..tensor import Tensor
from .activations import chosen
from .signatures import functions

ATEN = torch.ops.aten
PLAIN = torch.nn.functional
ALPHA = 1.7580993408473766  # minus what selu gives far below zero


def biased_product(bias: torch.Tensor, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """x @ weight.T + bias, of tensors on one device."""
    refuse_devices(x, weight)
    return torch.nn.functional.linear(x, weight, bias)


def rows(x: Any) -> Any:
    """The vectors along the last dimension as the rows of a matrix."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


LINEAR: Operator = Operator(
    "addmm",
    biased_product,
    "bias x weight",
    bias=lambda g: g,
    x=lambda g, weight: g @ weight,
    weight=lambda g, x: rows(g).mT @ rows(x),
)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias; x is (..., in), weight (out, in) or (in)."""
    if bias is not None and weight.ndim == 2:
        return apply(LINEAR, (bias, x, weight))
    result = x @ (weight.t() if weight.ndim == 2 else weight)
    return result if bias is None else result + bias


def bilinear(x1: Tensor, x2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x1 @ weight[k] @ x2 for every k; weight is (out, in1, in2)."""
    result = ((x1.unsqueeze(-2).unsqueeze(-2) @ weight).squeeze(-2) * x2.unsqueeze(-2)).sum(-1)
    return result if bias is None else result + bias


def embedding(
    input: Tensor, weight: Tensor, padding_idx: int | None, max_norm: float | None, scale_grad_by_freq: bool,
    sparse: bool,
) -> Tensor:  # fmt: skip
    """The rows of weight at integer positions. The row `padding_idx` gets no gradient."""
    if max_norm is not None or scale_grad_by_freq or sparse:
        raise NotImplementedError("embedding: max_norm, scale_grad_by_freq and sparse")
    count = weight.shape[0]
    if padding_idx is not None and not -count <= padding_idx < count:
        raise AssertionError(f"padding_idx must be within num_embeddings, {count}, but is {padding_idx}")
    rows = weight.index_select(0, input.reshape(-1)).reshape(*input.shape, weight.shape[1])
    if padding_idx is None:
        return rows
    return chosen(input.eq(padding_idx % count).unsqueeze(-1), rows.detach(), rows)


# Dropout. What torch makes of ones is the noise, so that a seed gives torch's numbers.


def dropped(kernel: Callable[..., torch.Tensor], keeps_statistics: bool = False) -> Callable[..., Tensor]:
    """A dropout: x times noise that is zero with probability p, else 1 / (1 - p). ValueError for another p."""

    def dropout(input: Tensor, p: float, training: bool, inplace: bool = False) -> Tensor:
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        if not training or p == 0:
            return input
        noise = Tensor(kernel(torch.ones_like(input._data), p, True))
        result = with_statistics(input, noise, p) if keeps_statistics and p < 1 else input * noise
        return input.copy_(result) if inplace else result

    return dropout


def with_statistics(x: Tensor, noise: Tensor, p: float) -> Tensor:
    """Dropped to what selu gives far below zero, and scaled to keep the mean and variance of what selu gives."""
    kept = noise.ne(0).to(x.dtype)
    a = 1 / math.sqrt((ALPHA * ALPHA * p + 1) * (1 - p))
    return x * (kept * a) + ((kept - 1) * (ALPHA * a) + ALPHA * a * p)


# Normalisation. `weight` and `bias` are of the same shape as what they meet, or by channel.


def standardise(x: Any, dims: Sequence[int], eps: float, statistics: list[Any]) -> Any:
    """x with mean 0 and variance 1. What the kernel found, mean and inverse deviation, goes to a list."""
    if dims[-1] == -1:
        y, *statistics[:] = ATEN.native_layer_norm.default(x, x.shape[dims[0] :], None, None, eps)
    else:
        y, *statistics[:] = ATEN.native_batch_norm.default(x, None, None, None, None, True, 0.0, eps)
    return y


def standardise_backward(g: Any, x: Any, dims: Sequence[int], eps: float, statistics: list[Any]) -> Any:
    """The gradient of the kernel."""
    mask = [True, False, False]
    if dims[-1] == -1:
        return ATEN.native_layer_norm_backward.default(g, x, x.shape[dims[0] :], *statistics, None, None, mask)[0]
    return ATEN.native_batch_norm_backward.default(g, x, None, None, None, *statistics, True, eps, mask)[0]


def of_standardised(g: Any, x: Any, dims: Sequence[int], eps: float) -> Any:
    """A change of x also changes its mean and its deviation."""
    centred = x - x.mean(dims, True)
    inverse = ((centred * centred).mean(dims, True) + eps).rsqrt()
    y = centred * inverse
    return inverse * (g - g.mean(dims, True) - y * (g * y).mean(dims, True))


STANDARDISED: Operator = Operator(
    "standardised",
    standardise,
    "x; dims eps statistics",
    x=fused(standardise_backward, lambda g, x, dims, eps, statistics: of_standardised(g, x, dims, eps)),
)


def standardised(x: Tensor, dims: Sequence[int], eps: float) -> Tensor:
    """x with mean 0 and variance 1, over the last dimensions or over all but the channels."""
    return apply(STANDARDISED, (x,), (dims, eps, []))


def affine(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """x * weight + bias, where there are such, in the dtype of x."""
    y = x if weight is None else x * weight
    y = y if bias is None else y + bias
    return y if y.dtype is x.dtype else y.to(x.dtype)


def by_channel(x: Tensor, *each: Tensor | None) -> list[Any]:
    """Numbers for each channel, in a shape that broadcasts with x."""
    return [None if values is None else values.reshape(-1, *[1] * (x.ndim - 2)) for values in each]


def layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> Tensor:
    """Standardised over the last dimensions, whose shape is given. RuntimeError if it is another."""
    count = len(normalized_shape)
    if tuple(input.shape[input.ndim - count :]) != tuple(normalized_shape):
        raise RuntimeError(f"Given normalized_shape={list(normalized_shape)}, got input of size {list(input.shape)}")
    return affine(standardised(input, [*range(-count, 0)], eps), weight, bias)


def rms_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None, eps: float | None) -> Tensor:
    """Divided by the root of the mean square over the last dimensions."""
    dims = [*range(-len(normalized_shape), 0)]
    eps = torch.finfo(input.dtype).eps if eps is None else eps
    return affine(input * (input.square().mean(dims, True) + eps).rsqrt(), weight, None)


def group_norm(input: Tensor, num_groups: int, weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    """Standardised over groups of channels. RuntimeError if the channels do not divide into so many."""
    if input.shape[1] % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, got {list(input.shape)} and {num_groups}"
        )
    groups = input.reshape(input.shape[0], num_groups, input.numel() // max(input.shape[0] * num_groups, 1))
    return affine(standardised(groups, [-1], eps).reshape(input.shape), *by_channel(input, weight, bias))


def by_statistics(
    x: Tensor, dims: Sequence[int], running_mean: Tensor | None, running_var: Tensor | None, momentum: float, eps: float
) -> Tensor:
    """Standardised over some dimensions; the statistics, their means by channel, are what the running ones then follow."""
    data = x.detach()
    for running, statistic in ((running_mean, data.mean), (running_var, data.var)):
        if running is not None:
            now = statistic(dims).reshape(-1, x.shape[1]).mean(0)
            running.mul_(1 - momentum).add_(now * momentum)
    return standardised(x, dims, eps)


def batch_norm(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None, bias: Tensor | None,
    training: bool, momentum: float, eps: float,
) -> Tensor:  # fmt: skip
    """Standardised over all but the channels: in training by the batch, else by the running statistics."""
    if not input.numel():
        return input.clone()
    if training:
        if input.numel() == input.shape[1]:
            raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
        x = by_statistics(input, [0, *range(2, input.ndim)], running_mean, running_var, momentum, eps)
    elif running_mean is None or running_var is None:
        raise ValueError("Expected running_mean and running_var to be defined when training=False")
    else:
        mean, var = by_channel(input, running_mean, running_var)
        x = (input - mean) * (var + eps).rsqrt()
    return affine(x, *by_channel(input, weight, bias))


def instance_norm(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None, bias: Tensor | None,
    use_input_stats: bool, momentum: float, eps: float,
) -> Tensor:  # fmt: skip
    """Standardised over every channel of every sample."""
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    x = by_statistics(input, [*range(2 - input.ndim, 0)], running_mean, running_var, momentum, eps)
    return affine(x, *by_channel(input, weight, bias))


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """softmax(query @ key.mT * scale + mask) @ value."""
    if enable_gqa:
        raise NotImplementedError("scaled_dot_product_attention: enable_gqa")
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        attn_mask = Tensor(torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril())
    if attn_mask is not None:
        is_bool = attn_mask.dtype is torch.bool
        scores = chosen(attn_mask, scores, -math.inf) if is_bool else scores + attn_mask
    return dropped(PLAIN.dropout)(scores.softmax(-1), dropout_p, dropout_p > 0) @ value


FUNCTIONS = functions(
    linear, bilinear, embedding, layer_norm, rms_norm, group_norm, batch_norm, instance_norm,
    scaled_dot_product_attention,
    one_hot=lambda input, num_classes=-1: Tensor(PLAIN.one_hot(input._data, num_classes)),
    normalize=lambda input, p, dim, eps: input / input.norm(p, dim, True).clamp_min(eps).expand_as(input),
    dropout=dropped(PLAIN.dropout),
    dropout1d=dropped(PLAIN.dropout1d),
    dropout2d=dropped(PLAIN.dropout2d),
    dropout3d=dropped(PLAIN.dropout3d),
    alpha_dropout=dropped(PLAIN.dropout, keeps_statistics=True),
    feature_alpha_dropout=dropped(torch.feature_dropout, keeps_statistics=True),
)  # fmt: skip
