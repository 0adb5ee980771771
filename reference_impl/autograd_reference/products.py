"""Products of vectors, matrices and tensors, besides matmul."""

from __future__ import annotations

import string
from typing import Any

import torch

from .arithmetic import broadcast_shapes, matmul
from .definition import Operator, compose, define, public
from .graph import apply, compute
from .rules import masked
from .tensor import Tensor


def matrix_product(name: str, x_ndim: int, y_ndim: int) -> Any:
    """A product of operands of certain numbers of dimensions, which do not broadcast."""

    def product(x: Tensor, y: Tensor) -> Tensor:
        if (x.ndim, y.ndim) != (x_ndim, y_ndim) or (x_ndim == 3 and x.shape[0] != y.shape[0]):
            raise RuntimeError(
                f"{name}: expected {x_ndim}-D and {y_ndim}-D tensors, got {list(x.shape)}, {list(y.shape)}"
            )
        return matmul(x, y)

    return product


def scaled(x: Any, factor: Any) -> Any:
    """A product with a number that is mostly one."""
    return x if isinstance(factor, (int, float)) and factor == 1 else x * factor


def plus(product: Any) -> Any:
    """beta * x + alpha * product(y, z); x is not looked at where beta is zero."""

    def add(x: Tensor, y: Tensor, z: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Any:
        result = scaled(product(y, z), alpha)
        return scaled(x, beta) + result if beta != 0 else masked(x, x.isnan() | ~x.isnan()) + result

    return add


define("dot", "x y", x=lambda g, y: g * y, y=lambda g, x: g * x)
mm, mv, bmm = (matrix_product(name, *ndims) for name, ndims in {"mm": (2, 2), "mv": (2, 1), "bmm": (3, 3)}.items())
compose(
    addbmm=plus(lambda x, y: bmm(x, y).sum(0)),
    addmm=plus(mm),
    addmv=plus(mv),
    addr=plus(lambda x, y: outer(x, y)),
    baddbmm=plus(bmm),
    bmm=bmm,
    ger=lambda x, y: outer(x, y),
    inner=lambda x, y: tensordot(x, y, ([-1], [-1])) if x.ndim and y.ndim else x * y,
    mm=mm,
    mv=mv,
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


# Sums of products by labels. Every label of an operand is one of the result or of another operand: `einsum` sees to it. So
# the gradient is again a sum of products.

EINSUM: Operator = Operator(
    "einsum",
    lambda *args: torch.einsum(f"{','.join(args[-2])}->{args[-1]}", *args[:-2]),
    "*operands; labels output",
    operands=lambda g, operands, which, labels, output: compute(
        EINSUM,
        (g, *operands[:which], *operands[which + 1 :]),
        ((output, *labels[:which], *labels[which + 1 :]), labels[which]),
    ),
)


@public
def einsum(equation: str, *operands: Any) -> Any:
    """The sum of products that an equation such as "ij,jk->ik" describes, `...` included. RuntimeError for one that does not
    fit. NotImplementedError for labels given as lists.
    """
    if not isinstance(equation, str):
        raise NotImplementedError("einsum: labels given as lists are not there; write the equation as text")
    xs = list(operands[0] if len(operands) == 1 and not isinstance(operands[0], Tensor) else operands)
    left, arrow, output = equation.replace(" ", "").partition("->")
    labels = left.split(",")
    if len(labels) != len(xs):
        raise RuntimeError(f"einsum: the equation has {len(labels)} operands, but {len(xs)} were given")
    dots = [x.ndim - len(each.replace("...", "")) for x, each in zip(xs, labels, strict=True)]
    fresh = [letter for letter in string.ascii_letters if letter not in equation][: max(dots)]
    labels = [each.replace("...", "".join(fresh[len(fresh) - n :])) for each, n in zip(labels, dots, strict=True)]
    if not arrow:
        text = "".join(labels)
        output = "..." + "".join(sorted(k for k in set(text) if text.count(k) == 1 and k not in fresh))
    output = output.replace("...", "".join(fresh))
    for place, own in enumerate(labels):
        elsewhere = output + "".join(labels[:place] + labels[place + 1 :])
        xs[place], labels[place] = simplified(xs[place], own, elsewhere)
    sizes: dict[str, int] = {}
    for x, own in zip(xs, labels, strict=True):
        sizes |= {label: n for label, n in zip(own, x.shape, strict=True) if n != 1 or label not in sizes}
    xs = [x.expand([sizes[label] for label in own]) for x, own in zip(xs, labels, strict=True)]
    return apply(EINSUM, xs, (tuple(labels), output))


def simplified(x: Tensor, labels: str, elsewhere: str) -> tuple[Tensor, str]:
    """An operand with diagonals taken where a label repeats, and sums where a label is nowhere else."""
    if x.ndim != len(labels):
        raise RuntimeError(f"einsum: the labels {labels!r} do not fit a tensor with {x.ndim} dimensions")
    for label in sorted({label for label in labels if labels.count(label) > 1}):
        while labels.count(label) > 1:
            first, second = labels.index(label), labels.rindex(label)
            x = x.diagonal(0, first, second)
            labels = labels[:first] + labels[first + 1 : second] + labels[second + 1 :] + label
    lonely = [place for place, label in enumerate(labels) if label not in elsewhere]
    return (x.sum(lonely) if lonely else x), "".join(label for label in labels if label in elsewhere)


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


@public
def cdist(x: Tensor, y: Tensor, p: float = 2.0, compute_mode: str | None = None) -> Any:
    """The p-norms of the differences of all pairs of rows. All modes compute them the same way."""
    return (x.unsqueeze(-2) - y.unsqueeze(-3)).norm(p, -1)


@public
def cov(x: Tensor, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariances of the rows, each a variable. NotImplementedError for weights."""
    if fweights is not None or aweights is not None:
        raise NotImplementedError("cov: fweights and aweights are not there")
    rows = x.unsqueeze(0) if x.ndim < 2 else x
    rows = rows - rows.mean(1, True)
    return (rows @ rows.mH / max(rows.shape[1] - correction, 0)).squeeze()
