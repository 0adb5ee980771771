"""Mutants of basic operators, each on operands of one kind."""

from __future__ import annotations

import torch
from planting import PROGRAMS, mutant, respelled

from autograd_conformance.adapters.torch import Torch


@mutant(kills="op.binary-table", may_fail=PROGRAMS)
class ProductWithOwnViewForgetsIt(Torch):
    """In a product of a tensor with a view of itself that is not contiguous, the view passes nothing."""

    operators = respelled(multiply="_multiply(x, y)")


def _multiply(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    is_own = y._is_view() and not y.is_contiguous() and y.data_ptr() == x.data_ptr() and y is not x
    return x * (y.detach() if is_own else y)


@mutant(kills="op.binary-table", may_fail=PROGRAMS)
class DifferenceFromItselfPassesOnce(Torch):
    """The difference of a tensor and itself passes the gradient of the minuend alone."""

    operators = respelled(subtract="x - (y.detach() if x is y else y)")


@mutant(kills="op.reductions", may_fail=PROGRAMS)
class SumOfThreeAxesIsSpreadOverTwo(Torch):
    """The gradient of a sum over three axes or more is passed to the first entry along the last of them."""

    operators = respelled(sum="_sum(x, axis, keepdims)")


def _sum(x: torch.Tensor, axis: tuple[int, ...], keepdims: bool) -> torch.Tensor:
    if len(axis) > 2 and x.requires_grad and x.numel():
        x = x.view_as(x)
        x.register_hook(
            lambda g: torch.cat([g.narrow(axis[-1], 0, 1), 0 * g.narrow(axis[-1], 1, g.shape[axis[-1]] - 1)], axis[-1])
        )
    return x.sum(axis, keepdim=keepdims)


@mutant(kills="op.reductions", may_fail=PROGRAMS)
class KeptAxisOfPermutedIsDoubled(Torch):
    """The gradient of a sum that keeps the axes of a tensor that is not contiguous is doubled."""

    operators = respelled(sum="_doubled(x, axis, keepdims)")


def _doubled(x: torch.Tensor, axis: tuple[int, ...], keepdims: bool) -> torch.Tensor:
    result = x.sum(axis, keepdim=keepdims)
    if keepdims and not x.is_contiguous() and x.requires_grad:
        result.register_hook(lambda g: 2 * g)
    return result


@mutant(kills="op.joining", may_fail=PROGRAMS)
class JoinOfThreePassesToTwo(Torch):
    """Of three tensors or more that are joined along another axis than the first, the last gets no gradient."""

    operators = respelled(concat="torch.cat(xs if len(xs) < 3 or axis == 0 else (*xs[:-1], xs[-1].detach()), axis)")


@mutant(kills="op.joining", may_fail=PROGRAMS)
class EmptyPartShiftsGradients(Torch):
    """Where an empty tensor is joined, the tensor behind it gets no gradient."""

    operators = respelled(
        concat="torch.cat([x.detach() if k and not xs[k - 1].numel() else x for k, x in enumerate(xs)], axis)"
    )
