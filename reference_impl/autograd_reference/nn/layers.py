"""Linear maps, embeddings, dropout, normalisation and attention: made of recorded operators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from ..definition import FUNCTIONS, Operator
from ..graph import apply
from ..rules import masked
from ..tensor import Tensor


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias; x is (..., in), weight (out, in) or (in)."""
    result = x @ (weight.t() if weight.ndim == 2 else weight)
    return result if bias is None else result + bias


def bilinear(x1: Tensor, x2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x1 @ weight[k] @ x2 for every k; weight is (out, in1, in2)."""
    result = ((x1.unsqueeze(-2).unsqueeze(-2) @ weight).squeeze(-2) * x2.unsqueeze(-2)).sum(-1)
    return result if bias is None else result + bias


EMBEDDING: Operator = Operator(
    "embedding",
    lambda weight, index, padding: torch.nn.functional.embedding(index, weight),
    "weight index; padding",
    weight=lambda g, shape, index, padding: g.new_zeros(shape).index_add(
        0, index.reshape(-1), masked(g, (index == padding).unsqueeze(-1)).reshape(index.numel(), shape[1])
    ),
)


def embedding(
    input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Tensor:  # fmt: skip
    """The rows of weight at integer positions. The row `padding_idx` gets no gradient."""
    if max_norm is not None or scale_grad_by_freq or sparse:
        raise NotImplementedError("embedding: max_norm, scale_grad_by_freq and sparse")
    count = weight.shape[0]
    if padding_idx is not None and not -count <= padding_idx < count:
        raise AssertionError(f"padding_idx must be within num_embeddings, {count}, but is {padding_idx}")
    return apply(EMBEDDING, (weight, input), (-1 if padding_idx is None else padding_idx % count,))


def one_hot(x: Tensor, num_classes: int = -1) -> Tensor:
    """Integers, zeros but for a one at the position that x gives."""
    return Tensor(torch.nn.functional.one_hot(x._data, num_classes))


# Dropout. The noise is torch's own, so that a seed gives torch's numbers.


def dropped(x: Tensor, p: float, training: bool, inplace: bool, shape: Sequence[int]) -> Tensor:
    """x times noise of a shape that broadcasts: zero with probability p, else 1 / (1 - p)."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0 or not x.numel():
        return x
    if p == 1:
        return x.mul_(0) if inplace else x * x.new_zeros(())
    noise = Tensor(torch.empty(tuple(shape), dtype=x.dtype, device=x.device).bernoulli_(1 - p).div_(1 - p))
    return x.mul_(noise) if inplace else x * noise


def dropout(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Elements are dropped with probability p in training, and the others scaled up."""
    return dropped(x, p, training, inplace, x.shape)


def by_channel(x: Tensor) -> list[int]:
    """The shape of noise that drops whole channels of a batch."""
    return [*x.shape[:2], *[1] * (x.ndim - 2)]


dropout1d = lambda x, p=0.5, training=True, inplace=False: batched(x, 3, p, training, inplace)
dropout2d = lambda x, p=0.5, training=True, inplace=False: dropped(x, p, training, inplace, by_channel(x))
dropout3d = lambda x, p=0.5, training=True, inplace=False: batched(x, 5, p, training, inplace)


def batched(x: Tensor, ndim: int, p: float, training: bool, inplace: bool) -> Tensor:
    """Channels dropped of a batch, or of a single sample."""
    single = x.ndim == ndim - 1
    noisy = dropped(x.unsqueeze(0) if single else x, p, training, inplace, by_channel(x.unsqueeze(0) if single else x))
    return noisy.squeeze(0) if single else noisy


ALPHA = 1.7580993408473766


def alpha_noise(x: Tensor, p: float, training: bool, shape: Sequence[int]) -> Tensor:
    """Dropout that keeps the mean and variance of what selu gives."""
    if not training or p == 0 or not x.numel():
        return x
    if p == 1:
        return x * x.new_zeros(())
    a = 1 / math.sqrt((ALPHA * ALPHA * p + 1) * (1 - p))
    kept = torch.empty(tuple(shape), dtype=x.dtype, device=x.device).bernoulli_(1 - p)
    return x * Tensor(kept * a) + Tensor((kept - 1) * (ALPHA * a) + ALPHA * a * p)


alpha_dropout = lambda x, p=0.5, training=False, inplace=False: alpha_noise(x, p, training, x.shape)
feature_alpha_dropout = lambda x, p=0.5, training=False, inplace=False: alpha_noise(x, p, training, by_channel(x))


# Normalisation.


def standardised(x: Tensor, dims: Sequence[int], eps: float) -> Tensor:
    """x with mean 0 and variance 1 over some dimensions."""
    centred = x - x.mean(dims, True)
    return centred * ((centred * centred).mean(dims, True) + eps).rsqrt()


def affine(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """x * weight + bias, where there are such."""
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def on_channels(x: Tensor, parameter: Tensor | None) -> Tensor | None:
    """A parameter for each channel, which is dimension 1, in a shape that broadcasts."""
    return None if parameter is None else parameter.reshape((1, -1, *[1] * (x.ndim - 2)))


def layer_norm(
    x: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Standardised over the last dimensions, whose shape is given. RuntimeError if it is another."""
    count = len(normalized_shape)
    if tuple(x.shape[x.ndim - count :]) != tuple(normalized_shape):
        raise RuntimeError(f"Given normalized_shape={list(normalized_shape)}, got input of size {list(x.shape)}")
    return affine(standardised(x, [*range(-count, 0)], eps), weight, bias)


def rms_norm(
    x: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divided by the root of the mean square over the last dimensions."""
    dims = [*range(-len(normalized_shape), 0)]
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    return affine(x * (x.square().mean(dims, True) + eps).rsqrt(), weight, None)


def group_norm(
    x: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Standardised over groups of channels. RuntimeError if the channels do not divide into so many."""
    if x.shape[1] % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, got {list(x.shape)} and {num_groups}"
        )
    groups = x.reshape(x.shape[0], num_groups, x.numel() // max(x.shape[0] * num_groups, 1))
    return affine(standardised(groups, [-1], eps).reshape(x.shape), on_channels(x, weight), on_channels(x, bias))


def follow(running: Tensor | None, now: Tensor, momentum: float) -> None:
    """Move a running statistic, if there is one, towards that of the batch."""
    if running is not None:
        running.mul_(1 - momentum).add_(now * momentum)


def batch_norm(
    x: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
    bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Standardised over all but the channels: in training by the batch, whose statistics the running ones then follow."""
    if not x.numel():
        return x.clone()
    dims = [0, *range(2, x.ndim)]
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("Expected running_mean and running_var to be defined when training=False")
        mean, var = on_channels(x, running_mean), on_channels(x, running_var)
        assert mean is not None and var is not None
        return affine((x - mean) * (var + eps).rsqrt(), on_channels(x, weight), on_channels(x, bias))
    count = x.numel() // max(x.shape[1], 1)
    if count <= 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {x.shape}")
    follow(running_mean, x.detach().mean(dims), momentum)
    follow(running_var, x.detach().var(dims), momentum)
    return affine(standardised(x, dims, eps), on_channels(x, weight), on_channels(x, bias))


def instance_norm(
    x: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None, weight: Tensor | None = None,
    bias: Tensor | None = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Standardised over every channel of every sample."""
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    dims = [*range(2, x.ndim)]
    follow(running_mean, x.detach().mean(dims).mean(0), momentum)
    follow(running_var, x.detach().var(dims).mean(0), momentum)
    return affine(standardised(x, [*range(2, x.ndim)], eps), on_channels(x, weight), on_channels(x, bias))


def normalize(x: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: None = None) -> Tensor:
    """x over its p-norm along dimensions, which is taken to be at least eps."""
    return x / x.norm(p, dim, True).clamp_min(eps).expand_as(x)


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
        scores = FUNCTIONS["where"](attn_mask, scores, -math.inf) if is_bool else scores + attn_mask
    return dropout(scores.softmax(-1), dropout_p, dropout_p > 0) @ value
