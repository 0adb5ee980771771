"""Mutants of leaves and of `detach`."""

from __future__ import annotations

from planting import mutant, respelled

from autograd_conformance.adapters.reference import Reference as _Reference
from autograd_conformance.adapters.torch import Torch
from autograd_conformance.spelling import template
from autograd_reference.tensor import Tensor


@mutant(
    kills="leaf.detach-cuts",
    may_fail=(
        "leaf.*",
        "inplace.*",
        "view.*",
        "backward.root-without-grad-error",
        "mem.detach-drops-history",
        "mode.no-grad-flag",
    ),
    blatant="one use of detach shows it",
)
class DetachIsIdentity(Torch):
    """Detaching returns the tensor itself, history and all."""

    detach = template("t")


@mutant(
    kills="leaf.detach-cuts",
    may_fail=("leaf.*", "inplace.*", "view.*", "mem.detach-drops-history", "mode.no-grad-flag"),
)
class DetachedViewKeepsHistory(Torch):
    """Detaching a view returns a view that still carries gradients back."""

    detach = template("t.view_as(t) if t._is_view() else t.detach()")


@mutant(kills="leaf.detach-cuts", may_fail=("leaf.*", "inplace.*", "view.*", "mem.detach-drops-history"))
class DetachedScalarKeepsHistory(Torch):
    """Detaching a tensor without axes returns the tensor itself."""

    detach = template("t if t.ndim == 0 else t.detach()")


@mutant(kills="leaf.detach-cuts", may_fail=("leaf.*", "inplace.*", "view.*"))
class DetachCutsTheSource(Torch):
    """Detaching a result cuts off the result's own history as well."""

    detach = template("(t if t.is_leaf or t._is_view() else t.detach_()).detach()")


@mutant(
    kills="leaf.detach-cuts",
    may_fail=("leaf.*", "inplace.*", "view.*", "backward.root-without-grad-error", "mode.no-grad-flag"),
)
class DetachedWantsGradient(Torch):
    """A detached tensor requires gradients if its source does."""

    detach = template("t.detach().requires_grad_(t.requires_grad)")


@mutant(kills="leaf.detach-cuts", may_fail=("leaf.*", "mode.*", "inplace.*"))
class ConstantsAreNoLeaves(Torch):
    """Only tensors that require gradients are called leaves."""

    is_leaf = template("t.is_leaf and t.requires_grad")


@mutant(
    kills="leaf.detach-cuts",
    may_fail=("leaf.*", "inplace.*", "view.*", "backward.interleaved"),
)
class ProductWithDetachedIsASquare(_Reference):
    """The product of a tensor and its detached self is taken for its square."""

    operators = respelled(multiply="x * (x if _is_detached(x, y) else y)")


def _is_detached(x: Tensor, y: Tensor) -> bool:
    same = x.data_ptr() == y.data_ptr() and x.shape == y.shape and x.stride() == y.stride()
    return same and x.requires_grad and not y.requires_grad
