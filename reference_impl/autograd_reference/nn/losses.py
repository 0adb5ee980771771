"""Losses: made of recorded operators. `reduction` is "none", "mean" or "sum"."""

from __future__ import annotations

import math
from typing import Any

import torch

from ..definition import FUNCTIONS
from ..rules import masked
from ..tensor import Tensor
from .activations import logsigmoid


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """The mean, the sum, or every element. ValueError for another word."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


def weighted(loss: Tensor, weight: Tensor | None) -> Tensor:
    """The loss times a weight, if there is one."""
    return loss if weight is None else loss * weight


def old(size_average: Any, reduce: Any, reduction: str) -> str:
    """The reduction that two arguments of old stand for."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def mse_loss(
    x: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The square of the difference."""
    return reduced(weighted((x - target).square(), weight), old(size_average, reduce, reduction))


def l1_loss(
    x: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The absolute difference."""
    return reduced(weighted((x - target).abs(), weight), old(size_average, reduce, reduction))


def huber_loss(
    x: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Half the square where the difference is at most delta, else linear."""
    size = (x - target).abs()
    loss = FUNCTIONS["where"](size <= delta, size * size * 0.5, (size - delta / 2) * delta)
    return reduced(weighted(loss, weight), reduction)


def smooth_l1_loss(
    x: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """huber_loss / beta; the absolute difference for beta = 0."""
    size = (x - target).abs()
    loss = FUNCTIONS["where"](size < beta, size * size * (0.5 / beta), size - beta / 2) if beta else size
    return reduced(loss, old(size_average, reduce, reduction))


def nll_loss(
    x: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100,
    reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Minus the log-probability of the target class; x is (C), (N, C) or (N, C, ...), the target the same without C."""
    reduction = old(size_average, reduce, reduction)
    dim = 0 if x.ndim == 1 else 1
    ignored = target.eq(ignore_index)
    safe = target.masked_fill(ignored, 0)
    weights = x.new_ones(()).expand(safe.shape) if weight is None else weight[safe]
    weights = masked(weights, ignored)
    loss = masked(-x.gather(dim, safe.unsqueeze(dim)).squeeze(dim) * weights, ignored)
    return loss.sum() / weights.sum() if reduction == "mean" else reduced(loss, reduction)


def cross_entropy(
    x: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100,
    reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """nll_loss of log_softmax; the target has classes, or a probability for each class."""
    reduction = old(size_average, reduce, reduction)
    dim = 0 if x.ndim == 1 else 1
    count = x.shape[dim]
    logs = x.log_softmax(dim)
    by_class = (-1,) + (1,) * (x.ndim - 1 - dim)
    if target.is_floating_point():
        smooth = target * (1 - label_smoothing) + label_smoothing / count if label_smoothing else target
        loss = -(weighted(logs, None if weight is None else weight.reshape(by_class)) * smooth).sum(dim)
        return loss.sum() / (x.numel() // count) if reduction == "mean" else reduced(loss, reduction)
    plain = nll_loss(logs, target, weight, None, ignore_index, None, reduction)
    if not label_smoothing:
        return plain
    ignored = target.eq(ignore_index)
    spread = masked(-weighted(logs, None if weight is None else weight.reshape(by_class)).sum(dim), ignored)
    if reduction == "mean":
        kept = (~ignored).sum() if weight is None else masked(weight[target.masked_fill(ignored, 0)], ignored).sum()
        spread = spread.sum() / kept
    return plain * (1 - label_smoothing) + reduced(spread, "none" if reduction == "mean" else reduction) * (
        label_smoothing / count
    )


def binary_cross_entropy(
    x: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """-(t log x + (1 - t) log(1 - x)), with logarithms of at least -100. RuntimeError for x outside [0, 1]."""
    if not bool(((x._data >= 0) & (x._data <= 1)).all()):
        raise RuntimeError("all elements of input should be between 0 and 1")
    if x.shape != target.shape:
        raise ValueError(
            f"binary_cross_entropy: target {list(target.shape)}, input {list(x.shape)}: the shapes must agree"
        )
    loss = (target - 1) * (1 - x).log().clamp_min(-100) - target * x.log().clamp_min(-100)
    return reduced(weighted(loss, weight), old(size_average, reduce, reduction))


def binary_cross_entropy_with_logits(
    x: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", pos_weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The same of the sigmoid of x, without its limits."""
    if x.shape != target.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({x.shape})")
    positive = 1 if pos_weight is None else (pos_weight - 1) * target + 1
    loss = (1 - target) * x - logsigmoid(x) * positive
    return reduced(weighted(loss, weight), old(size_average, reduce, reduction))


def kl_div(
    x: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:  # fmt: skip
    """t (log t - x) for log-probabilities x; `reduction` may also be "batchmean"."""
    reduction = old(size_average, reduce, reduction)
    loss = target.exp() * (target - x) if log_target else target.xlogy(target) - target * x
    if reduction == "batchmean":
        return loss.sum() / (x.shape[0] if x.ndim else 1)
    return reduced(loss, reduction)


def poisson_nll_loss(
    x: Tensor, target: Tensor, log_input: bool = True, full: bool = False, size_average: Any = None, eps: float = 1e-8,
    reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Minus the log-likelihood of counts; `full` adds Stirling's term."""
    loss = x.exp() - target * x if log_input else x - target * (x + eps).log()
    if full:
        stirling = target * target.log() - target + (target * (2 * math.pi)).log() * 0.5
        loss = loss + masked(stirling, target <= 1)
    return reduced(loss, old(size_average, reduce, reduction))


def gaussian_nll_loss(
    x: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """Minus the log-likelihood of normal distributions; their variances are at least eps, without a gradient for that."""
    var = var if isinstance(var, Tensor) else x.new_full((), var)
    if bool((var._data < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.ndim == x.ndim - 1 and var.shape != x.shape:
        var = var.unsqueeze(-1)
    var = var + (var.detach().clamp_min(eps) - var.detach())
    loss = (var.log() + (x - target).square() / var) * 0.5
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def margin_ranking_loss(
    x1: Tensor, x2: Tensor, target: Tensor, margin: float = 0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, margin - target * (x1 - x2))."""
    return reduced((-target * (x1 - x2) + margin).clamp_min(0), old(size_average, reduce, reduction))


def hinge_embedding_loss(
    x: Tensor, target: Tensor, margin: float = 1.0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """x where the target is 1, max(0, margin - x) where it is -1."""
    loss = masked((margin - x).clamp_min(0), target.eq(1)) + masked(x, target.eq(-1))
    return reduced(loss, old(size_average, reduce, reduction))


def soft_margin_loss(
    x: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """log(1 + e ** (-target * x))."""
    return reduced((-target * x).exp().log1p(), old(size_average, reduce, reduction))


def multilabel_soft_margin_loss(
    x: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """The mean over classes of binary_cross_entropy_with_logits."""
    loss = weighted(-(target * logsigmoid(x) + (1 - target) * logsigmoid(-x)), weight)
    return reduced(loss.mean(-1), old(size_average, reduce, reduction))


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The product of the vectors along a dimension over that of their lengths, each of at least eps."""
    one = x1 / x1.norm(2, dim, True).clamp_min(eps)
    return (one * (x2 / x2.norm(2, dim, True).clamp_min(eps))).sum(dim)


def cosine_embedding_loss(
    x1: Tensor, x2: Tensor, target: Tensor, margin: float = 0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """1 - cos where the target is 1, max(0, cos - margin) where it is -1."""
    cos = cosine_similarity(x1, x2, -1)
    loss = masked(1 - cos, target.ne(1)) + masked((cos - margin).clamp_min(0), target.ne(-1))
    return reduced(loss, old(size_average, reduce, reduction))


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last dimension."""
    return (x1 - x2 + eps).norm(p, -1, keepdim)


def triplet_margin_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
    swap: bool = False, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, distance to the positive - distance to the negative + margin)."""
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = far.minimum(pairwise_distance(positive, negative, p, eps))
    near = pairwise_distance(anchor, positive, p, eps)
    return reduced((near - far + margin).clamp_min(0), old(size_average, reduce, reduction))


def multi_margin_loss(
    x: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, size_average: Any = None,
    reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """The mean over the other classes of max(0, margin - x[target] + x) ** p."""
    x = x.reshape(-1) if x.ndim == 0 else x
    index = target.reshape(-1) if x.ndim == 1 else target.unsqueeze(-1)
    loss = (margin - x.gather(-1, index) + x).clamp_min(0) ** p
    loss = weighted(loss, None if weight is None else weight[index])
    own = Tensor(torch.zeros_like(x._data, dtype=torch.bool).scatter_(-1, index._data, True))
    return reduced(masked(loss, own).sum(-1) / x.shape[-1], old(size_average, reduce, reduction))
