"""Mutants of flags that are set and cleared."""

from __future__ import annotations

from typing import Any

import torch  # noqa: F401  a spelling uses it
from planting import mutant

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_conformance.spelling import template


@mutant(kills="leaf.flag-set", may_fail=("leaf.*", "accum.*"))
class ThirdChangeIsIgnored(Torch):
    """The third change of a leaf's flag is ignored."""

    set_requires_grad = template("_counted(t, flag)")


def _counted(t: Any, flag: bool) -> None:
    t._changes = getattr(t, "_changes", 0) + 1
    if t._changes != 3:
        t.requires_grad_(flag)


@mutant(kills="leaf.flag-set", may_fail=("leaf.*", "accum.*"))
class OneElementIsSetForGood(Torch):
    """The flag of a leaf of one element cannot be cleared, and nobody says so."""

    set_requires_grad = template("t.requires_grad_(flag) if flag or not t.is_leaf or t.numel() != 1 else None")


@mutant(kills="leaf.flag-set", may_fail=("leaf.*", "accum.*"))
class FlagIsSetForShow(Torch):
    """A matrix that comes to require gradients says so, and receives none."""

    set_requires_grad = template(
        "setattr(t, '_shown', flag) if flag and t.ndim == 2 and t.is_leaf else t.requires_grad_(flag)"
    )
    requires_grad = template("t.requires_grad or getattr(t, '_shown', False)")


@mutant(kills="leaf.float-or-complex-only")
class BooleansBecomeFloats(Torch):
    """Booleans that are asked to require gradients become floating-point numbers."""

    tensor = template(
        "torch.tensor(array.astype('float32') if requires_grad and array.dtype == bool else array, "
        "device=device, requires_grad=requires_grad)"
    )


@mutant(kills="leaf.float-or-complex-only")
class IntegersIgnoreTheWish(Torch):
    """Asking for the gradient of integers that are there does nothing."""

    set_requires_grad = template("t.requires_grad_(flag) if t.is_floating_point() else None")


@mutant(kills="leaf.flag-off-nonleaf", may_fail=("leaf.flag-off-nonleaf-error",))
class ViewsIgnoreThatTheirFlagIsCleared(Torch):
    """Clearing the flag of a view does nothing."""

    set_requires_grad = template("t.requires_grad_(flag) if t.is_leaf or not t._is_view() else None")


@mutant(kills="leaf.flag-off-nonleaf", may_fail=("leaf.flag-off-nonleaf-error",))
class RefusalCutsOff(Reference):
    """Clearing the flag of a result is refused, and cuts the result off all the same."""

    set_requires_grad = template("_refused(t, flag)")


def _refused(t: Any, flag: bool) -> None:
    try:
        t.requires_grad_(flag)
    except RuntimeError:
        t._edge = None
        raise


@mutant(kills="leaf.flag-off-nonleaf-error")
class ClearingTheFlagDetaches(Torch):
    """Clearing the flag of a result detaches it in place."""

    set_requires_grad = template("t.requires_grad_(flag) if flag or t.is_leaf or t._is_view() else t.detach_()")


@mutant(kills="leaf.freeze-after-forward")
class FrozenLeavesWithAGradientGoOn(Torch):
    """A leaf that has a gradient goes on receiving more when its flag is cleared."""

    set_requires_grad = template("_frozen(t, flag) if t.is_leaf and t.grad is not None else t.requires_grad_(flag)")
    requires_grad = template("t.requires_grad and not getattr(t, '_frozen', False)")


def _frozen(t: Any, flag: bool) -> None:
    t._frozen = not flag


@mutant(kills="leaf.freeze-after-forward")
class ThawedLeavesForget(Torch):
    """A leaf forgets its gradient when its flag is set again."""

    set_requires_grad = template("_thawed(t, flag)")


def _thawed(t: Any, flag: bool) -> None:
    if flag and t.is_leaf:
        t.grad = None
    t.requires_grad_(flag)


@mutant(kills="leaf.freeze-after-forward", may_fail=("leaf.*", "accum.*", "view.*"))
class FrozenLeavesAreRefused(Torch):
    """A pass is refused when a leaf without axes was frozen since it was used."""

    set_requires_grad = template("_frozen(t, flag) if t.is_leaf and t.ndim == 0 else t.requires_grad_(flag)")

    def grad(self, t: Any) -> Any:
        if getattr(t, "_frozen", False) and t.grad is not None:
            raise RuntimeError("a frozen leaf was reached")
        return t.grad
