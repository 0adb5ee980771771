"""Mutants of what is built from data, of results, and of who receives a gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from planting import PASSES, PROGRAMS, mutant, respelled

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_conformance.spelling import template


# ---- tensors built from data ----
@mutant(kills="leaf.default-flags", may_fail=PASSES)
class ConstantsWantGradientsAfterAPass(Torch):
    """Once a backward pass was made, every new tensor of two axes requires gradients."""

    passes = 0
    tensor = template(
        "torch.tensor(array, device=device, requires_grad=requires_grad or (self.passes > 0 and array.ndim == 2))"
    )

    def backward(self, outputs: Sequence[Any], cotangents: Sequence[Any] | None = None) -> None:
        super().backward(outputs, cotangents)
        type(self).passes += 1

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(ConstantsWantGradientsAfterAPass, "passes", 0)


@mutant(kills="leaf.default-flags", may_fail=("leaf.*", "backward.*", "bcast.*", "accum.*", "view.*", "op.*"))
class EmptyTensorsWantGradients(Torch):
    """A tensor without elements requires gradients, asked or not."""

    tensor = template("torch.tensor(array, device=device, requires_grad=requires_grad or array.size == 0)")


@mutant(kills="leaf.default-flags", may_fail=("mode.*", "thread.*"))
class TensorsBuiltWithRecordingOffWantGradients(Torch):
    """A tensor that is built while recording is off requires gradients."""

    tensor = template("torch.tensor(array, device=device, requires_grad=requires_grad or not torch.is_grad_enabled())")


@mutant(kills="leaf.flag-on-create", may_fail=("mode.*", "thread.*"))
class LeavesBuiltWithRecordingOffWantNone(Torch):
    """A tensor that is built while recording is off does not require gradients, even where it is asked to."""

    tensor = template("torch.tensor(array, device=device, requires_grad=requires_grad and torch.is_grad_enabled())")


@mutant(kills="leaf.flag-on-create", may_fail=("leaf.*", "backward.*", "bcast.*", "accum.*", "view.*", "op.*"))
class EmptyLeavesWantNone(Torch):
    """A tensor without elements does not require gradients, even where it is asked to."""

    tensor = template("torch.tensor(array, device=device, requires_grad=requires_grad and array.size > 0)")


@mutant(kills="leaf.flag-on-create", may_fail=PASSES)
class GradientsBeginWithOnes(Torch):
    """A leaf of three axes has a gradient of ones until a pass reaches it."""

    grad = template(
        "torch.ones_like(t) if t.grad is None and t.is_leaf and t.requires_grad and t.ndim == 3 else t.grad"
    )


# ---- results ----
@mutant(kills="leaf.propagation", may_fail=(*PROGRAMS, "*"))
class FirstOperandDecides(Torch):
    """A sum of two tensors requires gradients only if the first does."""

    operators = respelled(add="x + y if x.requires_grad else (x + y).detach()")


@mutant(kills="leaf.propagation", may_fail=("leaf.*", "mode.*"))
class ConstantResultsWantGradients(Torch):
    """The square of a constant says that it requires gradients."""

    operators = respelled(multiply="_marked(x * y, x is y and not x.requires_grad)")
    requires_grad = template("t.requires_grad or getattr(t, '_marked', False)")


def _marked(made: torch.Tensor, mark: bool) -> torch.Tensor:
    if mark:
        made._marked = True  # type: ignore[attr-defined]
    return made


@mutant(kills="leaf.nonleaf-definition", may_fail=("leaf.*", "mode.*", "view.*", "inplace.*"))
class ViewsOfLeavesAreLeaves(Torch):
    """A view of a leaf is called a leaf."""

    is_leaf = template("t.is_leaf or (t._is_view() and t._base.is_leaf)")


@mutant(kills="leaf.nonleaf-definition", may_fail=("leaf.*", "mode.*", "view.*", "inplace.*"))
class TotalsAreLeaves(Torch):
    """A sum over all axes is called a leaf."""

    is_leaf = template("t.is_leaf or (t.ndim == 0 and 'Sum' in type(t.grad_fn).__name__)")


@mutant(kills="leaf.constant-result", may_fail=("leaf.*", "mode.*", "view.*"))
class ConstantViewsAreNoLeaves(Torch):
    """A view that requires no gradients is called no leaf."""

    is_leaf = template("t.is_leaf and (t.requires_grad or not t._is_view())")


@mutant(kills="leaf.constant-result", may_fail=("leaf.*", "mode.*"))
class ConstantSquaresAreNoLeaves(Torch):
    """The square of a constant is called no leaf."""

    operators = respelled(multiply="_marked(x * y, x is y and not x.requires_grad)")
    is_leaf = template("t.is_leaf and not getattr(t, '_marked', False)")


@mutant(kills="leaf.discrete-outputs")
class IndicesAlongOneEntryWantGradients(Torch):
    """Along an axis of one entry, the place of the largest says that it requires gradients where its operand does."""

    operators = respelled(argmax="_marked(x.argmax(axis), x.requires_grad and x.shape[axis] == 1)")
    requires_grad = template("t.requires_grad or getattr(t, '_marked', False)")


@mutant(kills="leaf.discrete-outputs")
class ComparingCutsOff(Torch):
    """A result that is compared with itself loses its history."""

    operators = respelled(greater="(x.detach_() if x is y and not x.is_leaf and not x._is_view() else x) > y")


# ---- gradients ----
@mutant(kills="leaf.grad-geometry", may_fail=("backward.*", "bcast.*", "accum.*", "view.*", "op.*"))
class EmptyGradientsAreFlat(Torch):
    """The gradient of a leaf without elements has one axis."""

    grad = template("t.grad if t.grad is None or t.numel() else t.grad.flatten()")


@mutant(kills="leaf.grad-geometry", may_fail=(*PASSES, "accum.*"))
class SecondGradientOfOneElementLosesItsAxis(Torch):
    """The gradient of a leaf of shape (1,) has no axes once a second one was added."""

    grad = template("t.grad if t.grad is None or t.shape != (1,) or not t.grad._version else t.grad.reshape(())")


@mutant(kills="leaf.grad-is-plain")
class WantingCotangentsRecordThePass(Torch):
    """A pass is recorded when a cotangent requires gradients."""

    def backward(self, outputs: Sequence[Any], cotangents: Sequence[Any] | None = None) -> None:
        recorded = any(each.requires_grad for each in cotangents or ())
        torch.autograd.backward(outputs, cotangents, create_graph=recorded)


@mutant(kills="leaf.grad-is-plain", may_fail=("accum.*",))
class ThirdGradientWantsOneItself(Torch):
    """A stored gradient requires gradients once a third one was added."""

    grad = template("t.grad if t.grad is None or t.grad._version < 2 else t.grad.clone().requires_grad_()")


@mutant(kills="leaf.constants-no-grad", may_fail=("*",))
class VectorConstantsGetGradients(Torch):
    """A constant of one axis is given a gradient all the same."""

    def tensor(self, array: Any, *, requires_grad: bool = False) -> torch.Tensor:
        made = torch.tensor(array, requires_grad=requires_grad or (array.ndim == 1 and array.dtype.kind == "f"))
        return _marked(made, not requires_grad)

    requires_grad = template("t.requires_grad and not getattr(t, '_marked', False)")


@mutant(kills="leaf.constants-no-grad", may_fail=("leaf.*", "mode.*", "accum.*"))
class DetachedScalarsGetGradients(Torch):
    """A detached tensor without axes has a gradient of ones."""

    detach = template("_marked(t.detach(), t.ndim == 0 and t.requires_grad)")
    grad = template("torch.ones_like(t) if getattr(t, '_marked', False) else t.grad")


@mutant(kills="leaf.nonleaf-grad-absent", may_fail=("leaf.*", "accum.*"))
class SquaresRetain(Torch):
    """A square retains its gradient, unasked."""

    operators = respelled(multiply="_retaining(x * y, x is y)")


def _retaining(made: torch.Tensor, retains: bool) -> torch.Tensor:
    if retains and made.requires_grad:
        made.retain_grad()
    return made


@mutant(kills="leaf.nonleaf-grad-absent")
class RootsKeepTheirCotangent(Reference):
    """A root without axes keeps the cotangent that it was given."""

    def backward(self, outputs: Sequence[Any], cotangents: Sequence[Any] | None = None) -> None:
        super().backward(outputs, cotangents)
        for root, cotangent in zip(outputs, cotangents or (), strict=False):
            if not root.is_leaf and root.ndim == 0:
                root._grad = cotangent
