"""Mutants of several passes over the same leaves, and of gradients that the user assigns."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from mutants_accum import replace_accumulation
from mutants_accum_memory import _leaves
from planting import PASSES, mutant

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_conformance.spelling import template
from autograd_reference import accumulate as accumulation
from autograd_reference.tensor import Tensor


# ---- several graphs ----
@mutant(kills="accum.several-graphs", may_fail=PASSES)
class OlderGraphsOverwrite(Reference):
    """A pass through a graph that is older than the last one passed through overwrites what the leaf has."""

    latest = 0

    def backward(self, outputs: Sequence[Any], cotangents: Sequence[Any] | None = None) -> None:
        order = min((root.grad_fn.order for root in outputs if root.grad_fn is not None), default=0)
        if order > type(self).latest:  # orders count down
            for leaf in _reference_leaves(outputs):
                leaf._grad = None
        type(self).latest = order
        super().backward(outputs, cotangents)

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(OlderGraphsOverwrite, "latest", 0)


def _reference_leaves(roots: Sequence[Any]) -> list[Tensor]:
    todo = [root.grad_fn for root in roots if root.grad_fn is not None]
    seen, leaves = set(todo), []
    while todo:
        node = todo.pop()
        if hasattr(node, "leaf"):
            leaves.append(node.leaf)
        for edge in node.edges:
            if edge is not None and edge[0] not in seen:
                seen.add(edge[0])
                todo.append(edge[0])
    return leaves


@mutant(kills="accum.several-graphs", may_fail=PASSES)
class AnotherGraphOverTheLeafIsForgotten(Reference):
    """A leaf hands its gradients only to the graph that used it first, as long as that one lives."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        seen: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

        def accumulate(tensor: Tensor, gradient: Any, exclusive: bool) -> None:
            node = None if tensor._accumulator is None else tensor._accumulator()
            if node is not None:
                seen[node] = seen.get(node, 0) + 1
                if seen[node] == 3:
                    return
            accumulation.accumulate(tensor, gradient, exclusive)

        from autograd_reference import backward as walking

        patch.setattr(walking, "accumulate", accumulate)


@mutant(kills="accum.micro-batches", may_fail=PASSES)
class ThirdPassIsLost(Torch):
    """The third pass to a leaf is lost."""

    def backward(self, outputs: Sequence[Any], cotangents: Sequence[Any] | None = None) -> None:
        leaves = _leaves(outputs)
        before = {
            leaf: leaf.grad.clone() for leaf in leaves if getattr(leaf, "_passes", 0) == 2 and leaf.grad is not None
        }
        super().backward(outputs, cotangents)
        for leaf in leaves:
            leaf._passes = getattr(leaf, "_passes", 0) + 1
            if leaf in before:
                leaf.grad = before[leaf]


@mutant(kills="accum.micro-batches", may_fail=PASSES)
class AveragesBatches(Torch):
    """From the second pass on, what a leaf of one axis has is the mean of the passes and not their sum."""

    def backward(self, outputs: Sequence[Any], cotangents: Sequence[Any] | None = None) -> None:
        had = {leaf for leaf in _leaves(outputs) if leaf.grad is not None and leaf.ndim == 1}
        super().backward(outputs, cotangents)
        for leaf in had:
            leaf.grad = leaf.grad / 2


# ---- gradients as values ----
@mutant(kills="accum.functional-does-not-accumulate", may_fail=("accum.functional-and-retained",))
class ValuesAreStoredOnUnnamedLeaves(Torch):
    """Asking for the gradient of a result stores those of the leaves as well."""

    def gradients(
        self, outputs: Sequence[Any], inputs: Sequence[Any], cotangents: Sequence[Any] | None = None
    ) -> Sequence[Any]:
        if not any(each.is_leaf for each in inputs):
            torch.autograd.backward(outputs, cotangents, retain_graph=True)
        return torch.autograd.grad(outputs, inputs, cotangents, allow_unused=True)


@mutant(kills="accum.functional-does-not-accumulate", may_fail=("accum.functional-and-retained",))
class ValuesAreAddedToWhatIsThere(Torch):
    """The gradient of a leaf that has one already is added to it, and returned."""

    def gradients(
        self, outputs: Sequence[Any], inputs: Sequence[Any], cotangents: Sequence[Any] | None = None
    ) -> Sequence[Any]:
        made = torch.autograd.grad(outputs, inputs, cotangents, allow_unused=True)
        for leaf, gradient in zip(inputs, made, strict=True):
            if leaf.is_leaf and leaf.grad is not None and gradient is not None:
                leaf.grad.add_(gradient)
        return made


@mutant(kills="accum.functional-and-retained", may_fail=("leaf.*",))
class RetainedAreStoredByTheWay(Reference):
    """A result that retains its gradient stores it also where gradients are returned as values, unless it is the root."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        from autograd_reference import backward as walking

        original = walking.Pass.visit

        def visit(walk: walking.Pass, node: Any, cotangents: Any) -> None:
            if walk.targets and node in accumulation.retaining:
                accumulation.keep(node, cotangents)
            original(walk, node, cotangents)

        patch.setattr(walking.Pass, "visit", visit)


# ---- reset and assigned ----
@mutant(kills="accum.reset-does-not-touch-graph", may_fail=PASSES)
class ResetForgetsTheGraphs(Reference):
    """A matrix whose gradient is made absent receives none from the graphs that it was used in."""

    set_grad = template("_forget(t, g)")


def _forget(t: Any, g: Any) -> None:
    t.grad = g
    if g is None and t.ndim == 2 and t._accumulator is not None and t._accumulator() is not None:
        t._accumulator().leaf = Tensor(t._data).requires_grad_()


@mutant(kills="accum.reset-does-not-touch-graph", may_fail=PASSES)
class ZerosAreTakenForAbsent(Torch):
    """Where a gradient of zeros was assigned, the next pass is lost."""

    def backward(self, outputs: Sequence[Any], cotangents: Sequence[Any] | None = None) -> None:
        zeros = [leaf for leaf in _leaves(outputs) if leaf.grad is not None and not leaf.grad.any()]
        super().backward(outputs, cotangents)
        for leaf in zeros:
            leaf.grad = torch.zeros_like(leaf)


@mutant(kills="accum.assigned-gradient", may_fail=PASSES)
class PermutedAssignmentsAreOverwritten(Reference):
    """A pass overwrites an assigned gradient that is not contiguous."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_accumulation(
            patch,
            lambda tensor, gradient: not tensor._grad._data.is_contiguous(),
            lambda stored, gradient: Tensor(gradient.clone()),
        )


@mutant(kills="accum.assigned-gradient", may_fail=PASSES)
class AssignmentAddsToWhatIsThere(Torch):
    """A gradient that is assigned where there is one is added to it."""

    set_grad = template("t.grad.add_(g) if t.grad is not None and g is not None else setattr(t, 'grad', g)")


@mutant(kills="accum.user-gradient-used", may_fail=("accum.*",))
class AssignmentsBehindAnOffsetAreCopied(Torch):
    """A gradient that lies inside a larger tensor is copied when it is assigned."""

    set_grad = template("setattr(t, 'grad', g.clone() if g is not None and g.storage_offset() else g)")


@mutant(kills="accum.user-gradient-used", may_fail=PASSES)
class ThirdPassCopiesTheAssigned(Reference):
    """The third pass after an assignment stores a new tensor."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_accumulation(
            patch,
            lambda tensor, gradient: tensor._grad._version == 2,
            lambda stored, gradient: Tensor(stored._data + gradient),
        )


@mutant(kills="accum.assign-checks")
class ShapesOfSameSizeAreAssigned(Torch):
    """A gradient of another shape is accepted where it has as many elements."""

    set_grad = template(
        "setattr(t, 'grad', g.reshape(t.shape) if g is not None and g is not t and g.numel() == t.numel() and g.dtype == t.dtype else g)"
    )


@mutant(kills="accum.assign-checks")
class RefusedAssignmentsClear(Torch):
    """A gradient that is refused is gone, and so is the one that was stored."""

    set_grad = template("_cleared(t, g)")


def _cleared(t: Any, g: Any) -> None:
    try:
        t.grad = g
    except RuntimeError:
        t.grad = None
        raise


@mutant(kills="accum.assign-checks")
class DtypesAreConverted(Torch):
    """A gradient of another dtype is converted."""

    set_grad = template("setattr(t, 'grad', g.to(t.dtype) if g is not None and g is not t else g)")


@mutant(kills="accum.none-vs-zero", may_fail=PASSES)
class AbsentIsZeros(Torch):
    """A gradient that is made absent is filled with zeros instead."""

    set_grad = template("t.grad.zero_() if g is None and t.grad is not None else setattr(t, 'grad', g)")


@mutant(kills="accum.none-vs-zero", may_fail=PASSES)
class AbsentGradientsComeBack(Reference):
    """After a gradient was made absent, the next pass adds into the tensor that was stored before, emptied."""

    set_grad = template("_hidden(t, g)")

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        from autograd_reference import backward as walking

        def accumulate(tensor: Tensor, gradient: Any, exclusive: bool) -> None:
            if tensor._grad is None and id(tensor) in _HIDDEN:
                tensor._grad = _HIDDEN.pop(id(tensor))
                tensor._grad._data.zero_()
            accumulation.accumulate(tensor, gradient, exclusive)

        _HIDDEN.clear()
        patch.setattr(walking, "accumulate", accumulate)


_HIDDEN: dict[int, Tensor] = {}


def _hidden(t: Any, g: Any) -> None:
    if g is None and t.grad is not None:
        _HIDDEN[id(t)] = t.grad
    t.grad = g
