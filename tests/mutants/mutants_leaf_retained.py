"""Mutants of retained gradients, of `detach_` and of clones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from planting import PROGRAMS, mutant, respelled

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_conformance.spelling import template
from autograd_reference import accumulate as accumulation
from autograd_reference import backward as walking
from autograd_reference.node import Node
from autograd_reference.tensor import Tensor


# ---- retained gradients ----
@mutant(kills="leaf.retain-grad", may_fail=("leaf.*",))
class ScalarsDoNotRetain(Torch):
    """A result without axes ignores the wish to retain its gradient."""

    retain_grad = template("t.retain_grad() if t.ndim or not t.requires_grad else None")


@mutant(kills="leaf.retain-grad", may_fail=("leaf.*", "backward.*", "accum.*"))
class ViewsRetainTwice(Reference):
    """A view retains its gradient twice over."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def keep(node: Node, cotangents: Sequence[Any]) -> None:
            accumulation.keep(node, cotangents)
            for reference in accumulation.retaining[node]:
                tensor = reference()
                if tensor is not None and tensor._view is not None and tensor._grad is not None:
                    tensor._grad._data.mul_(2)

        patch.setattr(walking, "keep", keep)


@mutant(kills="leaf.retain-grad", may_fail=("leaf.*",))
class WishesAfterUseComeTooLate(Reference):
    """A result that already has a consumer, being a sum over axes, ignores the wish to retain its gradient."""

    retain_grad = template("_retain_if_fresh(t)")


def _retain_if_fresh(t: Tensor) -> None:
    """No operator comes between a fresh result and the wish, so its node is the latest."""
    node = t.grad_fn
    if node is None or "Sum" not in node.name() or node.order == _latest():
        accumulation.retain_grad(t)


def _latest() -> int:
    return (Tensor(walking.torch.zeros(1)).requires_grad_() * 2).grad_fn.order + 1  # type: ignore[no-any-return]


@mutant(kills="leaf.retain-grad-accumulates")
class ThirdRetainedGradientOverwrites(Reference):
    """The third gradient that flows into a result that retains it overwrites the first two."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def keep(node: Node, cotangents: Sequence[Any]) -> None:
            for reference in accumulation.retaining[node]:
                tensor = reference()
                if tensor is not None and tensor._grad is not None and tensor._grad._version == 1:
                    tensor._grad = None
            accumulation.keep(node, cotangents)

        patch.setattr(walking, "keep", keep)


@mutant(kills="leaf.retain-grad-accumulates")
class RetainedGradientIsThatOfTheFirstPass(Torch):
    """A result of three axes keeps the first gradient that flows into it, and no later one."""

    grad = template("t.grad if t.is_leaf or t.ndim < 3 else _first(t)")


def _first(t: Any) -> Any:
    if not hasattr(t, "_first"):
        t._first = None if t.grad is None else t.grad.clone()
    return t._first


@mutant(kills="leaf.retain-grad-leaf-noop")
class AskedTwiceCountsTwice(Reference):
    """A result that was asked twice to retain its gradient counts it twice."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(accumulation, "retains_grad", lambda tensor: False)


@mutant(kills="leaf.retain-grad-leaf-noop")
class ConstantsRetainNothingSilently(Torch):
    """Asking a constant to retain its gradient does nothing."""

    retain_grad = template("t.retain_grad() if t.requires_grad else None")


# ---- cuts in place ----
@mutant(kills="leaf.detach-in-place")
class ViewsFollowADetachedBase(Reference):
    """Views of a result lose their history when the result is detached in place."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def detach_(tensor: Tensor) -> Tensor:
            tensor._edge = None
            return tensor

        patch.setattr(Tensor, "detach_", detach_)


@mutant(kills="leaf.detach-in-place")
class ScalarsAreNotDetachedInPlace(Torch):
    """A result without axes keeps its history when it is detached in place."""

    detach_ = template("t.detach_() if t.ndim else None")


@mutant(kills="leaf.detach-in-place")
class DetachedInPlaceStillWants(Torch):
    """A result that is detached in place becomes a leaf that requires gradients."""

    detach_ = template("t.detach_().requires_grad_()")


# ---- clones ----
@mutant(
    kills="leaf.clone",
    may_fail=(
        "leaf.*",
        "view.*",
        "inplace.*",
        "mode.*",
    ),
)
class OneElementClonesShare(Torch):
    """The clone of a tensor of one element is a view of it."""

    operators = respelled(clone="x.view_as(x) if x.numel() == 1 else x.clone()")


@mutant(kills="leaf.clone", may_fail=("leaf.*", "view.*", "inplace.*"))
class PermutedClonesShare(Torch):
    """The clone of a tensor that is not contiguous is a view of it."""

    operators = respelled(clone="x.clone() if x.is_contiguous() else x.view_as(x)")


@mutant(kills="leaf.clone", may_fail=(*PROGRAMS, "*"))
class ClonesOfExpandedAreDetached(Torch):
    """The clone of an expanded tensor passes no gradients on."""

    operators = respelled(clone="x.detach().clone() if 0 in x.stride() else x.clone()")
