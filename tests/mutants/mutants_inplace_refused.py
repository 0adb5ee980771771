"""Mutants of writes that are to be refused, of destinations, of shapes changed in place, and of what counts as a write."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from planting import mutant, respelled

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_conformance.spelling import template
from autograd_reference import geometry, graph, inplace, rules, views
from autograd_reference.modes import state
from autograd_reference.tensor import Tensor


# ---- what is refused ----
@mutant(kills="inplace.leaf-error", may_fail=("leaf.*", "mode.view-then-write"))
class LeafIsWrittenByConstants(Torch):
    """A leaf may be multiplied by what needs no gradient."""

    operators = respelled(multiply_="(x.data if x.is_leaf and x.requires_grad and not y.requires_grad else x).mul_(y)")


@mutant(kills="inplace.leaf-error")
class LeafIsWrittenBeforeItIsRefused(Reference):
    """A write to a leaf is refused when it is done."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = inplace.refuse_recording

        def refuse_recording(target: Tensor) -> None:
            if target.is_leaf and target.requires_grad:
                target._data.add_(1)
            original(target)

        patch.setattr(inplace, "refuse_recording", refuse_recording)


@mutant(kills="inplace.leaf-error")
class RefusedWriteCounts(Reference):
    """A write to a leaf counts although it is refused, so that a pass from what was made before it is refused, too."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = inplace.refuse_recording

        def refuse_recording(target: Tensor) -> None:
            if target.is_leaf and target.requires_grad:
                target._storage.version += 1
            original(target)

        patch.setattr(inplace, "refuse_recording", refuse_recording)


@mutant(kills="inplace.shape-and-dtype", may_fail=("view.overlap-write-error",))
class GrowsInPlace(Torch):
    """A tensor to which something longer is added grows along its axes of length 1."""

    operators = respelled(add_="_add_growing(x, y)")


def _add_growing(x: torch.Tensor, y: torch.Tensor) -> None:
    try:
        x.add_(y)
    except RuntimeError:
        if x.ndim != y.ndim or x.requires_grad:
            raise
        x.data = x.data + y.data


@mutant(kills="inplace.shape-and-dtype", may_fail=("bcast.incompatible",))
class WritesBeforeItLooks(Reference):
    """A product in place with an operand that does not fit is refused when the count of writes has grown."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = inplace.write

        def write(operator: Any, write_raw: Any, target: Tensor, operands: Any, *rest: Any) -> Tensor:
            try:
                return original(operator, write_raw, target, operands, *rest)
            except RuntimeError as error:
                if "must match" in str(error) or "doesn't match" in str(error):
                    target._data.zero_()
                raise

        patch.setattr(inplace, "write", write)


@mutant(kills="inplace.out-argument")
class DestinationGetsNoHistory(Torch):
    """A destination that needs no gradient itself gets the product's values, and no history."""

    operators = respelled(
        multiply_into_="torch.mul(y, z, out=x) if x.requires_grad else torch.mul(y.detach(), z.detach(), out=x)"
    )


@mutant(kills="inplace.out-argument")
class DestinationIsWrittenThenRefused(Torch):
    """A destination that cannot be recorded is written all the same, before it is refused."""

    operators = respelled(multiply_into_="_multiply_into(x, y, z)")


def _multiply_into(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> None:
    if torch.is_grad_enabled():
        torch.mul(y.data, z.data, out=x.data)
    torch.mul(y, z, out=x)


# ---- shapes and versions ----
@mutant(kills="inplace.metadata-ops")
class ViewsForgetTheOldShape(Reference):
    """Views of a tensor whose axes were exchanged are looked for in its new shape."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(views.View, "base", property(lambda view: view.made_of))


@mutant(kills="inplace.metadata-ops")
class ReshapedViewIsNotRecorded(Reference):
    """A view that gets a new axis in place keeps the history of its old shape."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def record(operator: Any, operands: Any, parameters: Any, result: Tensor) -> None:
            if operator is rules.TRANSPOSE and operands[0]._view is not None and result.shape == operands[0].shape:
                return
            graph.record(operator, operands, parameters, result)

        patch.setattr(geometry, "record", record)


@mutant(kills="inplace.version-counts", may_fail=("inplace.*",))
class UnrecordedWriteCountsTwice(Reference):
    """A write while recording is off counts two versions."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = inplace.write

        def write(operator: Any, write_raw: Any, target: Tensor, *rest: Any) -> Tensor:
            original(operator, write_raw, target, *rest)
            target._storage.version += not state.enabled
            return target

        patch.setattr(inplace, "write", write)


@mutant(kills="inplace.version-counts", may_fail=("mode.*",))
class ReadingCounts(Torch):
    """Reading the value of a tensor that is not contiguous counts as a write."""

    array = template("_array(t)")


def _array(t: torch.Tensor) -> Any:
    if not t.is_contiguous():
        torch._C._autograd._unsafe_set_version_counter((t,), (t._version + 1,))
    return t.detach().cpu().numpy().copy()
