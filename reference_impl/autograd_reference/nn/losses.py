"""Losses: made of recorded operators. How to read a formula is told in signatures.py."""

from __future__ import annotations

import math
from typing import Any

import torch

from ..arranging import broadcast_tensors
from ..caller import warn
from ..definition import Operator
from ..graph import apply, apply_all, apply_two, compute
from ..rules import fused, masked, nothing
from ..tensor import Tensor
from .activations import LOG_SIGMOID, chosen, logsigmoid
from .signatures import REDUCTIONS, functions, known, reduced, weighted

ATEN = torch.ops.aten
PLAIN = torch.nn.functional


def mean_by_weight(loss: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """A loss whose mean is that of its weighted elements by the sum of the weights."""
    return reduced(weighted(loss, weight), reduction, weight)


def warn_of_size(input: Tensor, target: Tensor) -> None:
    """UserWarning where the sizes differ: whoever broadcasts here has most often forgotten a dimension."""
    if input._data.shape != target._data.shape:
        warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will likely lead "
            "to incorrect results due to broadcasting. Please ensure they have the same size."
        )


def difference(input: Tensor, target: Tensor) -> Tensor:
    """input - target."""
    warn_of_size(input, target)
    return input - target


def of_smooth_l1(g: Any, x: Any, y: Any, beta: float) -> Any:
    """The difference over beta, but no more than its sign."""
    difference = x - y
    return g * (chosen(difference.abs() < beta, difference / beta, difference.sgn()) if beta else difference.sgn())


smooth_l1_rule = fused(lambda g, x, y, beta: ATEN.smooth_l1_loss_backward.default(g, x, y, 0, beta), of_smooth_l1)
SMOOTH_L1: Operator = Operator(
    "smooth_l1_loss",
    lambda x, y, beta: ATEN.smooth_l1_loss.default(x, y, 0, beta),
    "x y; beta",
    x=smooth_l1_rule,
    y=lambda g, x, y, beta: -smooth_l1_rule(g, x, y, beta),
)


def smooth_l1_loss(input: Tensor, target: Tensor, beta: float) -> Tensor:
    """Half the square over beta where the difference is less than beta, else linear."""
    warn_of_size(input, target)
    return apply(SMOOTH_L1, (input, target), (beta,))


def huber_loss(input: Tensor, target: Tensor, delta: float) -> Tensor:
    """delta times that."""
    return smooth_l1_loss(input, target, delta) * delta


def class_weights(target: Any, weight: Any, like: Any, ignore_index: int) -> tuple[Any, Any, Any]:
    """Which targets are to be ignored; of each a class that there is; and its weight, which is zero where it is ignored."""
    ignored = target == ignore_index
    classes = target.masked_fill(ignored, 0)
    return ignored, classes, masked(like.new_ones(target.shape) if weight is None else weight[classes], ignored)


def of_nll(g: Any, target: Any, weight: Any, total: Any, shape: torch.Size, reduction: str, ignore_index: int) -> Any:
    """Minus the weight, at the class of each target; for a mean over the sum of the weights, which may be of none."""
    dim = min(len(shape) - 1, 1)
    ignored, classes, weights = class_weights(target, weight, g, ignore_index)
    g = masked(-g * (weights / total if reduction == "mean" else weights), ignored)
    return g.new_zeros(shape).scatter_(dim, classes.unsqueeze(dim), g.unsqueeze(dim))


def likelihood(name: str) -> Operator:
    """nll_loss, of vectors or of pictures, and the sum of the weights by which a mean is taken."""
    forward, backward = (getattr(ATEN, f"{name}_{way}").default for way in ("forward", "backward"))

    def rule(g: Any, target: Any, weight: Any, total: Any, shape: torch.Size, reduction: str, ignore_index: int) -> Any:
        if g[0] is None:
            return nothing(g[1], shape)  # the sum of the weights depends on nothing
        if not isinstance(g[0], torch.Tensor):
            return of_nll(g[0], target, weight, total, shape, reduction, ignore_index)
        how = (REDUCTIONS.index(reduction), ignore_index, total)
        return backward(g[0], g[0].new_empty(shape), target, weight, *how)

    return Operator(
        name,
        lambda x, target, weight, reduction, ignore_index: forward(
            x, target, weight, REDUCTIONS.index(reduction), ignore_index
        ),
        "x target weight; reduction ignore_index -> loss total",
        x=rule,
    )


LIKELIHOODS = {name: likelihood(name) for name in ("nll_loss", "nll_loss2d")}
MSE: Operator = Operator(
    "mse_loss",
    lambda x, y, reduction: torch._C._nn.mse_loss(x, y, REDUCTIONS.index(reduction)),  # type: ignore[arg-type]
    "x y; reduction",
    x=lambda g, x, y, reduction: of_mse(g, x - y, reduction),
    y=lambda g, x, y, reduction: of_mse(g, y - x, reduction),
)


def of_mse(g: Any, difference: Any, reduction: str) -> Any:
    """Twice the difference, for a mean over the number of them."""
    return g * difference * (2 / difference.numel() if reduction == "mean" and difference.numel() else 2)


def mse_loss(input: Tensor, target: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """The squared difference."""
    if weight is not None:
        return mean_by_weight(difference(input, target).square(), weight, reduction)
    warn_of_size(input, target)
    return apply(MSE, (input, target), (known(reduction),))


def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str) -> Tensor:
    """Minus the log-probability of the target class; input is (C), (N, C) or (N, C, ...), the target the same without C.

    The mean is by the weights of the targets' classes. `ignore_index` is a target that counts for nothing.
    """
    batches, targets = input.shape, target.shape
    if len(batches) > 1 and batches[:1] != targets[:1]:
        raise ValueError(f"Expected input batch_size ({batches[0]}) to match target batch_size ({(*targets, 0)[0]}).")
    if len(batches) > 2 and batches[2:] != targets[1:]:
        raise RuntimeError(f"Expected target size {[batches[0], *batches[2:]]}, got {[*targets]}")
    if len(batches) > 2 and len(batches) != 4:
        loss = nll_loss(input.flatten(2).unsqueeze(2), target.flatten(1).unsqueeze(1), weight, ignore_index, reduction)
        return loss.reshape(targets) if reduction == "none" else loss
    operator = LIKELIHOODS["nll_loss" if len(batches) < 3 else "nll_loss2d"]
    return apply_all(operator, (input, target, weight), (known(reduction), ignore_index))[0]


def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, label_smoothing: float
) -> Tensor:
    """nll_loss of log_softmax; the target has classes, or a probability for each class."""
    dim = min(input.ndim - 1, 1)
    logs = input.log_softmax(dim)
    has_classes = not target.is_floating_point() or target.ndim != input.ndim
    if has_classes and not label_smoothing:
        return nll_loss(logs, target, weight, ignore_index, reduction)
    by_class = weighted(logs, None if weight is None else weight.reshape(-1, *[1] * (input.ndim - 1 - dim)))
    if not has_classes:
        refuse_broadcasting(input, target)
        smooth = target * (1 - label_smoothing) + label_smoothing / input.shape[dim] if label_smoothing else target
        return reduced(-(by_class * smooth).sum(dim), reduction)
    loss = nll_loss(logs, target, weight, ignore_index, reduction)
    ignored, _, weights = class_weights(target, weight, logs, ignore_index)
    others = reduced(masked(-by_class.sum(dim), ignored), reduction, weights)
    return loss * (1 - label_smoothing) + others * (label_smoothing / input.shape[dim])


def binary_cross_entropy(input: Tensor, target: Tensor) -> Tensor:
    """-(t log x + (1 - t) log(1 - x)), with logarithms of at least -100. RuntimeError for x outside [0, 1]."""
    if not bool(((input._data >= 0) & (input._data <= 1)).all()):
        raise RuntimeError("all elements of input should be between 0 and 1")
    refuse_broadcasting(input, target)
    return apply_two(CROSS_ENTROPY, input, target)


# The derivative by x has its limit, too, and is finite where x is 0 or 1.
CROSS_ENTROPY: Operator = Operator(
    "binary_cross_entropy",
    lambda x, y: (y - 1) * (1 - x).log().clamp_min(-100) - y * x.log().clamp_min(-100),
    "x y",
    x=lambda g, x, y: g * (x - y) / ((1 - x) * x).clamp_min(1e-12),
    y=lambda g, x: g * ((1 - x).log() - x.log()),
)


def positive(target: Any, pos_weight: Any) -> Any:
    """The weight of the logarithm of the sigmoid of x, in (1 - t) x - positive(t) log(sigmoid(x))."""
    return 1 if pos_weight is None else (pos_weight - 1) * target + 1


def of_logits(g: Any, x: Any, target: Any, pos_weight: Any) -> Any:
    """sigmoid(x) - t where nothing is weighted."""
    weight = positive(target, pos_weight)
    return g * (x.sigmoid() * weight + (1 - weight - target))


WITH_LOGITS: Operator = Operator(
    "binary_cross_entropy_with_logits",
    lambda x, target, pos_weight: PLAIN.binary_cross_entropy_with_logits(
        x, target, pos_weight=pos_weight, reduction="none"
    ),
    "x target pos_weight",
    x=of_logits,
    target=lambda g, x, pos_weight: (
        g * (-x if pos_weight is None else compute(LOG_SIGMOID, (-x,)) - compute(LOG_SIGMOID, (x,)) * pos_weight)
    ),
)


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, pos_weight: Tensor | None) -> Tensor:
    """The same of the sigmoid of x, without its limits."""
    refuse_broadcasting(input, target)
    return apply(WITH_LOGITS, (input, target, pos_weight))


def refuse_broadcasting(input: Tensor, target: Tensor) -> None:
    """ValueError for a target of another shape."""
    if input.shape != target.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")


def kl_div(input: Tensor, target: Tensor, log_target: bool, reduction: str) -> Tensor:
    """t (log t - x) for log-probabilities x; `reduction` may also be "batchmean"."""
    loss = target.exp() * (target - input) if log_target else target.xlogy(target) - target * input
    if reduction == "batchmean":
        return loss.sum() / (input.shape[0] if input.ndim else 1)
    return reduced(loss, reduction)


def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float) -> Tensor:
    """Minus the log-likelihood of counts; `full` adds Stirling's term."""
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    stirling = target * target.log() - target + (target * (2 * math.pi)).log() * 0.5
    return loss + masked(stirling, target <= 1) if full else loss


def gaussian_nll_loss(input: Tensor, target: Tensor, var: Any, full: bool, eps: float) -> Tensor:
    """Minus the log-likelihood of normal distributions; their variances are at least eps, without a gradient for that."""
    var = var if isinstance(var, Tensor) else input.new_full((), var)
    if bool((var._data < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.ndim == input.ndim - 1 and var.shape != input.shape:
        var = var.unsqueeze(-1)
    var = chosen(var < eps, var - var.detach() + eps, var)
    loss = (var.log() + (input - target).square() / var) * 0.5
    return loss + 0.5 * math.log(2 * math.pi) if full else loss


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The product of the vectors along a dimension over that of their lengths, each of at least eps."""
    one, two = (x / x.norm(2, dim, True).clamp_min(eps) for x in broadcast_tensors(x1, x2))
    return (one * two).sum(dim)


def cosine_embedding_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float) -> Tensor:
    """1 - cos where the target is 1, max(0, cos - margin) where it is -1."""
    cos = cosine_similarity(input1, input2, -1)
    return masked(1 - cos, target.ne(1)) + masked((cos - margin).clamp_min(0), target.ne(-1))


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last dimension."""
    return (x1 - x2 + eps).norm(p, -1, keepdim)


def triplet_margin_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float, p: float, eps: float, swap: bool
) -> Tensor:
    """max(0, distance to the positive - distance to the negative + margin)."""
    near, far = (pairwise_distance(anchor, other, p, eps) for other in (positive, negative))
    if swap:
        far = far.minimum(pairwise_distance(positive, negative, p, eps))
    return (near - far + margin).clamp_min(0)


def multi_margin_loss(input: Tensor, target: Tensor, p: int, margin: float, weight: Tensor | None) -> Tensor:
    """The mean over the other classes of max(0, margin - x[target] + x) ** p."""
    x = input.reshape(-1) if input.ndim == 0 else input
    index = target.reshape(-1) if x.ndim == 1 else target.unsqueeze(-1)
    loss = (margin - x.gather(-1, index) + x).relu() ** p
    loss = weighted(loss, None if weight is None else weight[index])
    own = Tensor(torch.zeros_like(x._data, dtype=torch.bool).scatter_(-1, index._data, True))
    return masked(loss, own).sum(-1) / x.shape[-1]


def multilabel_margin_loss(input: Tensor, target: Tensor) -> Tensor:
    """The mean over the classes of max(0, 1 - x[own] + x[other]) for all pairs; a target's own classes end before -1."""
    x, target = (each.reshape(each.shape or 1) for each in (input, target))
    is_own = target.lt(0).cumsum(-1).eq(0)
    index = target.masked_fill(~is_own, 0)
    own = target.new_zeros(x.shape).scatter_add(-1, index, is_own.long()).ne(0)
    pairs = (1 - x.gather(-1, index).unsqueeze(-1) + x.unsqueeze(-2)).relu()
    return masked(pairs, ~is_own.unsqueeze(-1) | own.unsqueeze(-2)).sum((-2, -1)) / x.shape[-1]


FUNCTIONS = functions(
    mse_loss, huber_loss, smooth_l1_loss, nll_loss, cross_entropy, binary_cross_entropy, binary_cross_entropy_with_logits, kl_div,
    poisson_nll_loss, gaussian_nll_loss, cosine_similarity, cosine_embedding_loss, pairwise_distance, triplet_margin_loss,
    multi_margin_loss, multilabel_margin_loss,
    l1_loss=lambda input, target, weight, reduction: mean_by_weight(difference(input, target).abs(), weight, reduction),
    margin_ranking_loss=lambda input1, input2, target, margin: (-target * (input1 - input2) + margin).clamp_min(0),
    hinge_embedding_loss=lambda input, target, margin: (
        masked((margin - input).clamp_min(0), target.eq(1)) + masked(input, target.eq(-1))
    ),
    soft_margin_loss=lambda input, target: (-target * input).exp().log1p(),
    multilabel_soft_margin_loss=lambda input, target, weight: (
        weighted(-(target * logsigmoid(input) + (1 - target) * logsigmoid(-input)), weight).mean(-1)
    ),
)  # fmt: skip
