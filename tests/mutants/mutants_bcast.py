"""Mutants of broadcasting: gradients that are not reduced to their operand, and shapes that are not refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mutants_op import replace_unbroadcasting
from mutants_view import Wrong, hooked, is_expanded
from planting import PROGRAMS, mutant, replace_rule, respelled

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_reference import rules


# ---- reduction ----
@mutant(kills="bcast.reduce-to-operand", may_fail=PROGRAMS)
class EmptyReductionIsOne(Reference):
    """The gradient of an operand that was repeated no times is one, and not zero."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_unbroadcasting(patch, lambda g, shape: g.sum_to_size(shape) + (1 if g.numel() == 0 else 0))


@mutant(kills="bcast.reduce-to-operand", may_fail=PROGRAMS)
class InnerAxisOfThreeIsNotSummed(Reference):
    """Of three axes, the middle one keeps the gradient of its last copy where it was repeated."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def fit(g: Any, shape: Any) -> Any:
            if g.ndim == len(shape) == 3 and shape[1] == 1 < g.shape[1]:
                g = g.narrow(1, -1, 1)
            return g.sum_to_size(shape)

        replace_unbroadcasting(patch, fit)


@mutant(kills="bcast.reduce-to-operand", may_fail=PROGRAMS)
class StretchedPermutedOperandIsAveraged(Torch):
    """A subtrahend that is not contiguous and is stretched gets the mean of the gradients of its copies."""

    operators = respelled(subtract="_subtract(x, y)")


def _subtract(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    result = x - y
    if y.is_contiguous() or not 0 < y.numel() < result.numel():
        return result
    return x - hooked(y.view_as(y), lambda g: g * y.numel() / result.numel())


@mutant(kills="bcast.matmul-batch", may_fail=PROGRAMS)
class MissingBatchAxisKeepsLast(Torch):
    """A first factor that lacks a leading axis of the second gets the gradient of the last product in it."""

    operators = respelled(matmul="_matmul(x, y)")


def _matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    if x.ndim >= y.ndim or not y.shape[0]:
        return x @ y
    return hooked(x.expand(y.shape[0], *x.shape), _last) @ y


def _last(g: torch.Tensor) -> torch.Tensor:
    return torch.cat([torch.zeros_like(g[:-1]), g[-1:]])


@mutant(kills="bcast.matmul-batch", may_fail=PROGRAMS)
class BatchOfOneIsNotSummed(Torch):
    """A second factor whose batch has length one gets the gradient of the first product."""

    operators = respelled(matmul="_matmul_with_batch_of_one(x, y)")


def _matmul_with_batch_of_one(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    if x.ndim < 3 or x.ndim != y.ndim or y.shape[0] != 1 or x.shape[0] < 2:
        return x @ y
    first: Wrong = lambda g: torch.cat([g[:1], torch.zeros_like(g[1:])])
    return x @ hooked(y.expand(x.shape[0], *y.shape[1:]), first)


# ---- writes ----
@mutant(kills="bcast.in-place", may_fail=PROGRAMS)
class AddedScalarGetsOneShare(Torch):
    """A tensor without axes that is added in place gets the gradient of the first element."""

    operators = respelled(add_="_add(x, y)")


def _add(x: torch.Tensor, y: torch.Tensor) -> None:
    if y.ndim or not x.ndim or not x.numel():
        x.add_(y)
    else:
        x.add_(hooked(y.expand(x.numel()), lambda g: torch.cat([g[:1], 0 * g[1:]])).reshape(x.shape))


@mutant(kills="bcast.in-place", may_fail=PROGRAMS)
class ExpandedValueGetsTwoShares(Torch):
    """An expanded tensor that is assigned gets its gradient twice."""

    operators = respelled(copy_="_copy(x, y)")


def _copy(x: torch.Tensor, y: torch.Tensor) -> None:
    if is_expanded(y):
        y = hooked(y.view_as(y), lambda g: 2 * g)
    x.copy_(y)


# ---- three operands ----
@mutant(kills="bcast.ternary")
class ChoiceReducesBothAlike(Reference):
    """The gradient of the second choice is summed over all axes along which the first one was repeated."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def rule(g: Any, shape: Any, condition: Any, x: Any) -> Any:
            g = rules.WHERE.forward(condition, 0, g)
            return g.sum_to_size(x.shape).expand(g.shape) if x.numel() == 1 < g.numel() else g

        replace_rule(patch, rules.WHERE, "y", rule)


@mutant(kills="bcast.ternary")
class StretchedMaskChoosesAgain(Torch):
    """Where the mask was stretched, what was not chosen gets the gradient as well."""

    operators = respelled(where="_where(x, y, torch.tensor(mask, device=device))")


def _where(x: torch.Tensor, y: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    chosen = torch.where(mask, x, y)
    if chosen.numel() <= mask.numel() or not mask.ndim:
        return chosen
    x = x.expand(chosen.shape)
    return chosen + (x - x.detach())


# ---- refusals ----
@mutant(kills="bcast.incompatible")
class LongerRowIsCutOff(Torch):
    """A vector that is added in place is cut off where it is longer than the target's last axis."""

    operators = respelled(
        add_="x.add_(y[: x.shape[-1]] if x.ndim and y.ndim == 1 and y.shape[0] > x.shape[-1] > 1 else y)"
    )


@mutant(kills="bcast.incompatible")
class LastAxisIsRepeated(Torch):
    """A factor whose last axis is a multiple of the other's is multiplied by as many copies of that."""

    operators = respelled(multiply="_multiply(x, y)")


def _multiply(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    if x.ndim and y.ndim and x.shape[-1] == 2 * y.shape[-1] > 2:
        y = torch.cat([y, y], -1)
    return x * y
