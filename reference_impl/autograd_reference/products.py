"""Products of vectors, matrices and tensors, besides matmul."""

from __future__ import annotations

import string
from typing import Any

import torch

from .arithmetic import broadcast_shapes, refuse_devices
from .definition import Operator, compose, define, public
from .graph import apply, compute
from .reductions import norm_rule
from .rules import fused
from .tensor import Tensor

ATEN = torch.ops.aten


def scaled(x: Any, factor: Any) -> Any:
    """A product with a number that is mostly one."""
    return x if isinstance(factor, (int, float)) and factor == 1 else x * factor


def plus(product: Any) -> Any:
    """beta * x + alpha * product(y, z); x is not looked at where beta is zero."""

    def add(x: Tensor, y: Tensor, z: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Any:
        result = scaled(product(y, z), alpha)
        return scaled(x, beta) + result if beta != 0 else x.clone().zero_() + result

    return add


def on_one_device(kernel: Any) -> Any:
    """One of torch's products of matrices, which do not look at devices. RuntimeError for matrices on two."""

    def product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        refuse_devices(x, y)
        return kernel(x, y)  # type: ignore[no-any-return]

    return product


def addmm(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor, beta: Any, alpha: Any) -> torch.Tensor:
    """beta * x + alpha * (y @ z) for matrices on one device."""
    refuse_devices(y, z)
    return torch.addmm(x, y, z, beta=beta, alpha=alpha)


define("dot", "x y", x=lambda g, y: g * y, y=lambda g, x: g * x)
define("mm", "x y", on_one_device(torch.mm), x=lambda g, y: g @ y.mT, y=lambda g, x: x.mT @ g)
define("bmm", "x y", on_one_device(torch.bmm), x=lambda g, y: g @ y.mT, y=lambda g, x: x.mT @ g)
define("mv", "x y", x=lambda g, y: g.unsqueeze(1) * y, y=lambda g, x: x.mT @ g)
define(
    "addmm",
    "x y z; *beta=1 *alpha=1",
    addmm,
    x=lambda g, beta: scaled(g, beta),
    y=lambda g, z, alpha: scaled(g @ z.mT, alpha),
    z=lambda g, y, alpha: scaled(y.mT @ g, alpha),
)
compose(
    addbmm=plus(lambda x, y: x.bmm(y).sum(0)),
    addmv=plus(lambda x, y: x.mv(y)),
    addr=plus(lambda x, y: x.outer(y)),
    baddbmm=plus(lambda x, y: x.bmm(y)),
    inner=lambda x, y: tensordot(x, y, ([-1], [-1])) if x.ndim and y.ndim else x * y,
    vdot=lambda x, y: x.conj().dot(y),
)


@public
def outer(x: Tensor, y: Tensor) -> Any:
    """Every element of a vector times every element of another. RuntimeError for other tensors."""
    if x.ndim != 1 or y.ndim != 1:
        raise RuntimeError(f"outer: expected 1-D tensors, got {x.ndim}-D and {y.ndim}-D")
    return x.unsqueeze(1) * y


def cross_dim(x: Any, y: Any, dim: int | None) -> int:
    """The dimension of vectors: without one, the first of length three."""
    return next(k for k, n in enumerate(broadcast_shapes(x.shape, y.shape)) if n == 3) if dim is None else dim


CROSS: Operator = Operator(
    "linalg_cross",
    lambda x, y, dim: torch.linalg.cross(x, y, dim=dim),
    "x y; dim",
    x=lambda g, y, dim: compute(CROSS, (y.expand(g.shape), g), (dim,)),
    y=lambda g, x, dim: compute(CROSS, (g, x.expand(g.shape)), (dim,)),
)
compose(cross=lambda x, y, dim=None: apply(CROSS, (x, y), (cross_dim(x, y, dim),)))


# Sums of products by labels.


def einsum_rule(g: Any, operands: Any, shape: torch.Size, which: int, labels: tuple[str, ...], output: str) -> Any:
    """Again a sum of products, with the cotangent in the operand's place."""
    factors = [g, *operands[:which], *operands[which + 1 :]]
    of_factors = [output, *labels[:which], *labels[which + 1 :]]
    own = ""
    for label, n in zip(labels[which], shape, strict=True):
        if label in own:  # a diagonal was taken: what lies off it gets zeros
            factors.append(g.new_ones(n).diag())
            of_factors.append(label + (label := unused("".join([*of_factors, *labels]))[0]))
        elif all(
            label not in each or x.shape[each.index(label)] != n for x, each in zip(factors, of_factors, strict=True)
        ):
            # A sum of this operand alone: all get the same.
            factors.append(g.new_ones(n))
            of_factors.append(label)
        own += label
    return compute(EINSUM, factors, (tuple(of_factors), own))


def unused(labels: str) -> list[str]:
    """The labels that are left."""
    return [letter for letter in string.ascii_letters if letter not in labels]


EINSUM: Operator = Operator(
    "einsum",
    lambda *args: torch.einsum(f"{','.join(args[-2])}->{args[-1]}", *args[:-2]),
    "*operands; labels output",
    operands=einsum_rule,
)


@public
def einsum(equation: Any, *operands: Any) -> Any:
    """The sum of products that an equation such as "ij,jk->ik" describes, `...` included; or operands and their labels, which
    are lists of numbers, in turn, and perhaps those of the result. RuntimeError for an equation that does not fit.
    """
    if not isinstance(equation, str):
        given, lists = [equation, *operands[1::2]], [*operands[::2]]
        last = [given.pop()] if len(given) > len(lists) else []
        texts = ["".join("..." if k is ... else string.ascii_letters[k] for k in each) for each in lists + last]
        return einsum("->".join([",".join(texts[: len(given)]), *texts[len(given) :]]), *given)
    xs = list(operands[0] if len(operands) == 1 and not isinstance(operands[0], Tensor) else operands)
    left, arrow, output = equation.replace(" ", "").partition("->")
    labels = left.split(",")
    if len(labels) != len(xs):
        raise RuntimeError(f"einsum: the equation has {len(labels)} operands, but {len(xs)} were given")
    counts = [x.ndim - len(each.replace("...", "")) for x, each in zip(xs, labels, strict=True)]
    dots = unused(equation)[: max(counts)]
    labels = [each.replace("...", "".join(dots[len(dots) - n :])) for each, n in zip(labels, counts, strict=True)]
    if not arrow:
        text = "".join(labels)
        output = "..." + "".join(sorted(k for k in set(text) if text.count(k) == 1 and k not in dots))
    return apply(EINSUM, xs, (tuple(labels), output.replace("...", "".join(dots))))


@public
def tensordot(x: Tensor, y: Tensor, dims: Any = 2) -> Any:
    """The sum of products over pairs of dimensions, or over the last n of x and the first n of y."""
    if isinstance(dims, int):
        dims = (range(x.ndim - dims, x.ndim), range(dims))
    letters = string.ascii_letters
    of_x, of_y = list(letters[: x.ndim]), list(letters[x.ndim : x.ndim + y.ndim])
    for in_x, in_y in zip(*([int(dim) for dim in each] for each in dims), strict=True):
        of_y[in_y] = of_x[in_x]
    output = [label for label in of_x + of_y if not (label in of_x and label in of_y)]
    return einsum(f"{''.join(of_x)},{''.join(of_y)}->{''.join(output)}", x, y)


def of_distances(g: Any, x: Any, y: Any, result: Any, p: float) -> Any:
    """The gradient by the rows of x: that by the differences of all pairs, summed."""
    differences = x.unsqueeze(-2) - y.unsqueeze(-3)
    return norm_rule(g, differences, differences.shape, result, p, (-1,), False).sum(-2)


cdist_rule = fused(
    lambda g, x, y, result, p: ATEN._cdist_backward.default(g.contiguous(), x, y, p, result.contiguous()), of_distances
)
CDIST: Operator = Operator(
    "cdist",
    torch.cdist,
    "x y; p compute_mode",
    x=cdist_rule,
    y=lambda g, x, y, result, p: cdist_rule(g.mT, y, x, result.mT, p),
)


@public
def cdist(x: Tensor, y: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """The p-norms of the differences of all pairs of rows."""
    return apply(CDIST, (x, y), (p, compute_mode))


@public
def pdist(x: Tensor, p: float = 2.0) -> Any:
    """The p-norms of the differences of each two rows of a matrix."""
    first, second = torch.triu_indices(len(x._data), len(x._data), 1, device=x.device)
    return (x.index_select(0, Tensor(first)) - x.index_select(0, Tensor(second))).norm(p, -1)


@public
def cov(x: Tensor, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariances of the rows, each a variable. Weights, of which `fweights` count repetitions, are of its columns."""
    rows = x.unsqueeze(0) if x.ndim < 2 else x
    rows = rows if x.is_floating_point() or x.is_complex() else rows.to(torch.get_default_dtype())
    weights: Any = rows.real.new_ones(rows.shape[1:]) if fweights is None and aweights is None else 1
    for each in (fweights, aweights):
        weights = weights if each is None else each * weights
    total = weights.sum()
    lost = correction if aweights is None else correction * (weights * aweights).sum() / total
    rows = rows - (rows * weights).sum(1, True) / total
    return (rows * weights @ rows.mH / (total - lost).clamp_min(0)).squeeze()


@public
def corrcoef(x: Tensor) -> Any:
    """The correlations of the rows: covariances over the product of both standard deviations."""
    found = cov(x)
    square = found.reshape(found.shape or (1, 1))
    spreads = square.real.diagonal().sqrt()
    found = (square / spreads / spreads.unsqueeze(-1)).reshape(found.shape)
    return found if found.is_complex() else found.clamp(-1, 1)
