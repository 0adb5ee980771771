"""Mutants of writes to what has views: histories that are not rebased, refusals that are missing, operands that overlap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from mutants_view import hooked, is_expanded
from planting import PROGRAMS, mutant, respelled

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_conformance.spelling import template
from autograd_reference import inplace, overlap, rules, views
from autograd_reference.tensor import Tensor

Key = tuple[slice | int, ...]


# ---- histories ----
def replace_after_write(patch: pytest.MonkeyPatch, is_lost: Callable[[Any, Tensor], bool]) -> None:
    """A write after which no history changes, where `is_lost(node, target)`."""
    original = inplace.after_write

    def after_write(node: Any, target: Tensor) -> None:
        if not is_lost(node, target):
            original(node, target)

    patch.setattr(inplace, "after_write", after_write)


def replace_refresh(patch: pytest.MonkeyPatch, is_stale: Callable[[views.View], bool]) -> None:
    """Views that do not bring their history up to date, where `is_stale(view)`."""
    refresh = views.View.refresh

    def refresh_some(view: views.View, tensor: Tensor) -> None:
        if not is_stale(view):
            refresh(view, tensor)

    patch.setattr(views.View, "refresh", refresh_some)


@mutant(kills="view.write-view-changes-base-history", may_fail=PROGRAMS)
class WriteThroughDiagonalIsNotRebased(Reference):
    """A write through a diagonal, or a view of one, changes the values and no history."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def is_lost(node: Any, target: Tensor) -> bool:
            return target._view is not None and any(step[0] is rules.DIAGONAL for step in target._view.steps())

        replace_after_write(patch, is_lost)


@mutant(kills="view.write-view-changes-base-history", may_fail=PROGRAMS)
class ViewsThreeLevelsDeepAreStale(Reference):
    """After a write, views of views of views keep their old history."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_refresh(patch, lambda view: len(view.steps()) > 2)


@mutant(kills="view.write-base-changes-view-history", may_fail=PROGRAMS)
class ExpandedViewIsStale(Reference):
    """After a write to the base, expanded views keep their old history."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_refresh(patch, lambda view: view.operator is rules.EXPAND)


@mutant(kills="view.write-base-changes-view-history", may_fail=PROGRAMS)
class OverwrittenBaseLeavesViews(Reference):
    """When all of a base is overwritten, its views keep their old history."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def is_stale(view: views.View) -> bool:
            edge = view.base._edge
            return edge is not None and edge[0].name() == "torch::autograd::CopyBackwards"

        replace_refresh(patch, is_stale)


@mutant(kills="view.write-makes-base-require", may_fail=PROGRAMS)
class OtherViewsSayTheyDoNotRequire(Reference):
    """Views other than the one that was written say that they require no gradients, until they are used."""

    def requires_grad(self, t: Any) -> bool:
        return bool(t._edge is not None or t._requires_grad)


@mutant(kills="view.write-makes-base-require", may_fail=PROGRAMS)
class ConstantBaseIsNotRebasedByViewsOfViews(Reference):
    """A write through a view of a view of a base that requires no gradient does not become the base's history."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def is_lost(node: Any, target: Tensor) -> bool:
            return target._view is not None and target._view.parent is not None and target._view.base._edge is None

        replace_after_write(patch, is_lost)


@mutant(kills="view.write-gradcheck", may_fail=PROGRAMS)
class FourthWriteIsNotRecorded(Reference):
    """Of the writes to one memory, the fourth and later ones change no history."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_after_write(patch, lambda node, target: target._version > 3)


@mutant(kills="view.write-gradcheck", may_fail=PROGRAMS)
class ViewsAreBroughtUpToDateTwice(Reference):
    """A view follows two writes to its base, and no more."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_refresh(patch, lambda view: view.base._version > 2 and view.parent is not None)


# ---- assignment ----
@mutant(kills="view.setitem", may_fail=PROGRAMS)
class AssignedValueGetsFirstShare(Torch):
    """A value that is broadcast along a new axis when it is assigned gets the gradient of the first entry."""

    operators = respelled(setitem_="_assign(x, y, key)")


def _assign(x: torch.Tensor, y: torch.Tensor, key: Key) -> None:
    shape = x[key].shape
    if y.ndim < len(shape):
        y = hooked(y.expand(shape), lambda g: torch.cat([g[:1], torch.zeros_like(g[1:])]))
    x[key] = y


@mutant(kills="view.setitem", may_fail=PROGRAMS)
class AssignmentCutsWhatLiesBetween(Torch):
    """Assigning to every second entry of a result cuts off the gradient of the entries in between, too."""

    operators = respelled(setitem_="_assign_with_gaps(x, y, key)")


def _assign_with_gaps(x: torch.Tensor, y: torch.Tensor, key: Key) -> None:
    last = key[-1]
    if isinstance(last, slice) and last.step == 2 and not x._is_view():
        between = (*key[:-1], slice(last.start, last.stop))

        def cut(g: torch.Tensor) -> torch.Tensor:
            g = g.clone()
            g[between] = 0
            return g

        hooked(x, cut)
    x[key] = y


# ---- detached tensors ----
@mutant(kills="view.detach-shares", may_fail=("view.aliasing", *PROGRAMS))
class DetachOfAViewOfALeafCopies(Torch):
    """A view of a leaf that requires gradients is copied when it is detached."""

    detach = template("t.detach().clone() if t._is_view() and t._base.is_leaf and t.requires_grad else t.detach()")


# ---- refusals ----
def _written(x: torch.Tensor) -> torch.Tensor:
    """What a write to a view of a leaf goes to: a detached alias, which may be written, where the view has gaps."""
    is_of_leaf = x.requires_grad and x._is_view() and x._base is not None and x._base.is_leaf
    return x.detach() if is_of_leaf and not x.is_contiguous() else x


@mutant(kills="view.leaf-view-write-error")
class PermutedLeafMayBeWritten(Torch):
    """A view of a leaf that is not contiguous may be written, and its history does not change."""

    operators = respelled(
        add_="_written(x).add_(y)",
        multiply_="_written(x).mul_(y)",
        copy_="_written(x).copy_(y)",
        setitem_="_set(x, y, key)",
    )


def _set(x: torch.Tensor, y: torch.Tensor, key: Key) -> None:
    _written(x)[key] = y


@mutant(kills="view.leaf-view-write-error", may_fail=PROGRAMS)
class ViewOfAViewOfALeafMayBeWritten(Reference):
    """A view of a view of a leaf that requires gradients may be written."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = inplace.refuse_recording

        def refuse_recording(target: Tensor) -> None:
            if target._view is None or target._view.parent is None:
                original(target)

        patch.setattr(inplace, "refuse_recording", refuse_recording)


def _lost(x: torch.Tensor) -> torch.Tensor:
    return x.clone() if x.ndim > 1 and x.stride(0) != 0 and is_expanded(x) else x


def _set_lost(x: torch.Tensor, y: torch.Tensor, key: Key) -> None:
    _lost(x)[key] = y


@mutant(kills="view.overlap-write-error", may_fail=("view.leaf-view-write-error",))
class InnerExpandedAxisMayBeWritten(Torch):
    """A write to a tensor of which another axis than the first is expanded is accepted, and lost."""

    operators = respelled(
        add_="_lost(x).add_(y)",
        multiply_="_lost(x).mul_(y)",
        copy_="_lost(x).copy_(y)",
        setitem_="_set_lost(x, y, key)",
    )


@mutant(kills="view.overlap-write-error", may_fail=("view.leaf-view-write-error",))
class ExpandedIsWrittenBeforeItIsRefused(Torch):
    """A value that is added to an expanded tensor is added to its first element before the write is refused."""

    operators = respelled(add_="_add(x, y)")


def _add(x: torch.Tensor, y: torch.Tensor) -> None:
    if is_expanded(x):
        with torch.no_grad():
            x[(0,) * x.ndim] += 1
    x.add_(y)


@mutant(kills="view.overlap-write")
class OverlapWithGapsGoesUnnoticed(Reference):
    """An operand that lies in the memory that is written is noticed only where one of the two is contiguous."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = overlap.clash

        def clash(target: Any, operand: Any) -> bool:
            return (target.is_contiguous() or operand.is_contiguous()) and original(target, operand)

        patch.setattr(overlap, "clash", clash)


@mutant(kills="view.overlap-write")
class TransposedOperandIsNotNoticed(Reference):
    """An operand that begins where the target does is taken for the target."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = overlap.clash

        def clash(target: Any, operand: Any) -> bool:
            return target.data_ptr() != operand.data_ptr() and original(target, operand)

        patch.setattr(overlap, "clash", clash)
