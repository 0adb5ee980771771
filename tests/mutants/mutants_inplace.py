"""Mutants of writes in place: refusals, version counters, and what a write does to histories."""

from __future__ import annotations

from typing import Any

import pytest
from planting import mutant, respelled

import autograd_reference as torch
from autograd_conformance.adapters.reference import Reference
from autograd_conformance.operators import WRITES
from autograd_reference import backward as walking
from autograd_reference import graph, inplace, rules, views
from autograd_reference.graph import Recorded
from autograd_reference.inplace import CopySlices
from autograd_reference.modes import state
from autograd_reference.node import UNWRITTEN, Saved, save
from autograd_reference.tensor import Tensor

CLAUSE = "inplace.correct-or-loud"
EVERY_WRITE = ("inplace.*", "view.*")


# ---- refusing ----
class Refusing(Reference):
    """Refuses writes: which ones is said by `refuses`."""

    def apply(self, operator: str, *tensors: Any, **params: Any) -> Any:
        if operator in WRITES and self.refuses(tensors[0]):
            raise RuntimeError(f"{operator}: writes are not supported")
        return super().apply(operator, *tensors, **params)

    def refuses(self, target: Any) -> bool:
        raise NotImplementedError


@mutant(
    kills=CLAUSE,
    may_fail=(
        "view.aliasing",
        "accum.none-vs-zero",
        "accum.writable-dense",
        "backward.interleaved",
        "backward.root-leaf",
        "bcast.in-place",
        "leaf.clone",
        "leaf.host-array-shares",
    ),
    blatant="every write is refused",
)
class RefusesEveryWrite(Refusing):
    """Every write is refused."""

    def refuses(self, target: Any) -> bool:
        return True


@mutant(kills=CLAUSE, may_fail=("view.aliasing", "accum.writable-dense", "backward.interleaved", "backward.root-leaf"))
class RefusesEverySecondWrite(Refusing):
    """Every second write of a program is refused."""

    def refuses(self, target: Any) -> bool:
        self.writes = getattr(self, "writes", 0) + 1
        return self.writes % 2 == 0


@mutant(kills=CLAUSE, may_fail=("view.aliasing", "accum.none-vs-zero", "backward.interleaved"))
class RefusesSecondWriteToMemory(Refusing):
    """Memory that was written may not be written again."""

    def refuses(self, target: Any) -> bool:
        return bool(target._version)


@mutant(kills=CLAUSE, may_fail=("view.aliasing", "backward.interleaved", "backward.root-leaf"))
class RefusesWritesThroughViews(Refusing):
    """A write through a view is refused."""

    def refuses(self, target: Any) -> bool:
        return target._view is not None


@mutant(kills=CLAUSE, may_fail=("view.aliasing", "backward.interleaved"))
class RefusesWritesThroughViewsOfViews(Refusing):
    """A write through a view of a view is refused."""

    def refuses(self, target: Any) -> bool:
        return target._view is not None and target._view.parent is not None


@mutant(
    kills=CLAUSE, may_fail=("inplace.*", "view.*", "accum.used-gradient", "backward.*", "mem.failed-pass-keeps-nothing")
)
class RefusedPassLeavesRecordingOff(Reference):
    """A pass that is refused leaves recording switched off."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = walking.Pass.run

        def run(walk: walking.Pass) -> None:
            try:
                original(walk)
            except RuntimeError:
                state.enabled = False
                raise

        patch.setattr(walking.Pass, "run", run)


# ---- version counters ----
@mutant(
    kills=CLAUSE,
    may_fail=(
        "accum.used-gradient",
        "backward.interleaved",
        "view.*",
    ),
)
class NoVersionCheck(Reference):
    """Saved values are used although they were overwritten since."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(graph, "refuse_modified", lambda *saved: None)


def replace_writing(patch: pytest.MonkeyPatch, is_lost: Any) -> None:
    """A write after which the version counter is put back, where `is_lost(operator, target)`."""
    original = inplace.write

    def write(operator: Any, write_raw: Any, target: Tensor, *rest: Any) -> Tensor:
        before = target._version
        original(operator, write_raw, target, *rest)
        if is_lost(operator, target):
            target._storage.version = before
        return target

    patch.setattr(inplace, "write", write)


@mutant(kills="inplace.saved-modified", may_fail=(*EVERY_WRITE, "backward.interleaved"))
class MultiplicationIsNotCounted(Reference):
    """Multiplying in place does not count as a write."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_writing(patch, lambda operator, target: operator is rules.MUL)


@mutant(kills="inplace.version-shared", may_fail=EVERY_WRITE)
class CopyThroughViewIsNotCounted(Reference):
    """Assigning through a view does not count as a write."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_writing(patch, lambda operator, target: operator is rules.COPY and target._view is not None)


@mutant(kills="inplace.error-under-no-grad", may_fail=(*EVERY_WRITE, "backward.interleaved"))
class UnrecordedWriteIsNotCounted(Reference):
    """A write while recording is off does not count."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_writing(patch, lambda operator, target: not state.enabled)


@mutant(kills="inplace.version-shared", may_fail=EVERY_WRITE)
class DetachedHasItsOwnCounter(Reference):
    """A write through a detached alias does not count for the tensor that it was detached from."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(Tensor, "detach", lambda x: x.data)


# ---- what is saved ----
@mutant(kills="inplace.equals-functional", may_fail=(*EVERY_WRITE, "backward.interleaved"))
class SavesTargetAfterTheWrite(Reference):
    """The derivative of a write through a view uses the target's new value for the old one."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = inplace.save_copy

        def save_copy(target: Tensor) -> Saved:
            return original(target) if target._view is None else (target._data, UNWRITTEN, 0)

        patch.setattr(inplace, "save_copy", save_copy)


@mutant(kills="inplace.saved-modified", may_fail=EVERY_WRITE)
class OperandOfWriteIsNotChecked(Reference):
    """The operand of a write may be overwritten later, unnoticed."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(inplace, "save", lambda value: (save(value)[0], UNWRITTEN, 0))


# ---- history ----
@mutant(kills="inplace.conditional-writes", may_fail=(*EVERY_WRITE, "bcast.in-place"))
class AssignmentKeepsOldPath(Reference):
    """Assigning a broadcast value to a part leaves gradients flowing back to what was overwritten."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = CopySlices.gradients

        def gradients(node: CopySlices, cotangents: Any, *rest: Any) -> Any:
            results = list(original(node, cotangents, *rest))
            if node.plan.operator is rules.COPY and _is_broadcast(node) and results[0] is not None:
                results[0] = cotangents[0]
            return results

        patch.setattr(CopySlices, "gradients", gradients)


def _is_broadcast(node: CopySlices) -> bool:
    edge = node.edges[1]
    return edge is not None and edge[0].outputs[edge[1]][0] != node.written


@mutant(kills="inplace.overwrites-cut", may_fail=EVERY_WRITE)
class CopyOfConstantKeepsOldPath(Reference):
    """Overwriting a tensor with a constant leaves gradients flowing back to what was overwritten."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = Recorded.gradients

        def gradients(node: Recorded, cotangents: Any, *rest: Any) -> Any:
            constant = node.plan.operator is rules.COPY and node.edges[1] is None
            return [cotangents[0], None] if constant else original(node, cotangents, *rest)

        patch.setattr(Recorded, "gradients", gradients)


@mutant(kills=CLAUSE, may_fail=("view.*",))
class AssignedValueGetsNoGradient(Reference):
    """What is assigned through a view of a view gets no gradient."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = CopySlices.gradients

        def gradients(node: CopySlices, *arguments: Any) -> Any:
            results = list(original(node, *arguments))
            return results if len(node.steps) == 1 else [results[0], *[None] * (len(results) - 1)]

        patch.setattr(CopySlices, "gradients", gradients)


@mutant(
    kills=CLAUSE,
    may_fail=(
        "backward.interleaved",
        "view.*",
    ),
)
class WriteThroughViewIsNotRebased(Reference):
    """A write through a view multiplies the values and leaves the history of the base as it was."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = inplace.after_write

        def after_write(node: Any, target: Tensor) -> None:
            if target._view is None or node.plan.operator is not rules.MUL:
                original(node, target)

        patch.setattr(inplace, "after_write", after_write)


@mutant(
    kills=CLAUSE,
    may_fail=(
        "backward.interleaved",
        "mode.view-then-write",
        "view.*",
    ),
)
class SecondWriteIsNotRecorded(Reference):
    """Of the writes to one memory, only the first is recorded."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = inplace.after_write

        def after_write(node: Any, target: Tensor) -> None:
            if target._version == 1:
                original(node, target)

        patch.setattr(inplace, "after_write", after_write)


@mutant(kills=CLAUSE, may_fail=("inplace.*", "view.*"))
class OtherViewsAreStale(Reference):
    """After a write, views other than the one that was written keep their old history."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        after_write, refresh = inplace.after_write, views.View.refresh

        def write_and_refresh(node: Any, target: Tensor) -> None:
            after_write(node, target)
            if target._view is not None:
                refresh(target._view, target)

        patch.setattr(inplace, "after_write", write_and_refresh)
        patch.setattr(views.View, "refresh", lambda view, tensor: None)


@mutant(kills=CLAUSE, may_fail=("view.*",))
class ViewsOfViewsAreStale(Reference):
    """After a write, views of views keep their old history."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        refresh = views.View.refresh

        def refresh_direct(view: views.View, tensor: Tensor) -> None:
            if view.parent is None:
                refresh(view, tensor)

        patch.setattr(views.View, "refresh", refresh_direct)


@mutant(kills=CLAUSE, may_fail=("view.aliasing", "backward.interleaved", "mem.unrecorded-keeps-nothing"))
class TakeMayAlias(Reference):
    """Taking neighbouring entries gives a view of them, so that later writes show through."""

    operators = respelled(take="_take(x, indices, axis)")


def _take(x: Any, indices: tuple[int, ...], axis: int) -> Any:
    if indices == tuple(range(indices[0], indices[0] + len(indices))):
        return x.narrow(axis, indices[0], len(indices))
    return x.index_select(axis, torch.tensor(indices))
