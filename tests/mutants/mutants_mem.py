"""Mutants that keep alive what nobody needs, or let go of what somebody does."""

from __future__ import annotations

import weakref
from typing import Any
from weakref import WeakSet

import pytest
import torch  # noqa: F401  a spelling uses it
from planting import PASSES, mutant

import autograd_reference
from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_conformance.spelling import template
from autograd_reference import accumulate as accumulation
from autograd_reference import backward as walking
from autograd_reference import graph, views
from autograd_reference.accumulate import AccumulateGrad
from autograd_reference.graph import Recorded
from autograd_reference.node import Node
from autograd_reference.tensor import Tensor

MEMORY = ("mem.*",)


def nothing(*kept: object) -> None:
    """What a finalizer calls; until then it keeps its arguments alive."""


# ---- what is dropped is freed ----
@mutant(kills="mem.dropped-is-freed", may_fail=MEMORY)
class TapeUntilTheNextPass(Reference):
    """Every operation is kept on a list that the next pass empties."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        tape: list[Node] = []
        create, run = Recorded.__init__, walking.Pass.run

        def remember(node: Recorded, *arguments: Any) -> None:
            create(node, *arguments)
            tape.append(node)

        def run_and_empty(walk: walking.Pass) -> None:
            run(walk)
            tape.clear()

        patch.setattr(Recorded, "__init__", remember)
        patch.setattr(walking.Pass, "run", run_and_empty)


@mutant(kills="mem.dropped-is-freed", may_fail=MEMORY)
class LastGradientIsKept(Reference):
    """The gradient that was stored last is kept for as long as no other one is."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        last: list[Tensor | None] = [None]

        def accumulate(tensor: Tensor, gradient: Any, exclusive: bool) -> None:
            accumulation.accumulate(tensor, gradient, exclusive)
            last[0] = tensor._grad

        patch.setattr(walking, "accumulate", accumulate)


@mutant(kills="mem.no-cycles", may_fail=MEMORY)
class GradientKnowsItsLeaf(Reference):
    """A gradient that is stored refers to the leaf that stores it."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def accumulate(tensor: Tensor, gradient: Any, exclusive: bool) -> None:
            accumulation.accumulate(tensor, gradient, exclusive)
            assert tensor._grad is not None
            tensor._grad._storage.owner = tensor  # type: ignore[attr-defined]

        patch.setattr(walking, "accumulate", accumulate)


def after_recording(patch: pytest.MonkeyPatch, look: Any) -> None:
    """`look(operands, result)` after each operation that is recorded."""
    note = graph.note

    def note_and_look(operator: Any, operands: Any, parameters: Any, result: Tensor, *history: Any) -> None:
        note(operator, operands, parameters, result, *history)
        look(operands, result)

    patch.setattr(graph, "note", note_and_look)
    patch.setattr(views, "note", note_and_look)


@mutant(kills="mem.no-cycles", may_fail=MEMORY)
class MemoryKnowsItsResult(Reference):
    """The memory of a result of several elements refers to the result."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def look(operands: Any, result: Tensor) -> None:
            if result.numel() > 1:
                result._storage.owner = result  # type: ignore[attr-defined]

        after_recording(patch, look)


@mutant(kills="mem.failed-pass-keeps-nothing", may_fail=MEMORY)
class FailedPassIsRemembered(Reference):
    """A pass that fails is remembered until the next one fails."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        failed: list[Any] = []
        visit = walking.Pass.visit

        def visit_or_remember(walk: walking.Pass, node: Node, cotangents: Any) -> None:
            try:
                visit(walk, node, cotangents)
            except RuntimeError:
                failed[:] = [node]
                raise

        patch.setattr(walking.Pass, "visit", visit_or_remember)


@mutant(kills="mem.create-graph-cycle", may_fail=MEMORY)
class RecordedGradientsAreKept(Reference):
    """Gradients with a history are kept for good."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        kept: list[Any] = []

        def accumulate(tensor: Tensor, gradient: Any, exclusive: bool) -> None:
            accumulation.accumulate(tensor, gradient, exclusive)
            if isinstance(gradient, Tensor):
                kept.append(gradient)

        patch.setattr(walking, "accumulate", accumulate)


# ---- what a graph keeps ----
@mutant(kills="mem.saved-released-by-backward", may_fail=(*MEMORY, "backward.second-pass-error", "accum.*"))
class TorchRetainsAlways(Torch):
    """Every pass retains the graph."""

    backward = template("torch.autograd.backward(outputs, cotangents, retain_graph=True)")


@mutant(kills="mem.saved-released-by-backward", may_fail=MEMORY)
class ResultsKeepTheirOperands(Reference):
    """A result that was recorded keeps its operands alive, whatever became of the graph."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def look(operands: Any, result: Tensor) -> None:
            if result._edge is not None:
                weakref.finalize(result._edge[0], nothing, *operands)

        after_recording(patch, look)


@mutant(
    kills="mem.retain-keeps",
    may_fail=("mem.leaf-kept-by-graph", "mem.create-graph-cycle", "mem.failed-pass-keeps-nothing"),
)
class CollectionReleasesGraphs(Reference):
    """A collection of cycles releases the graphs of products that no pass has gone through."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        nodes: WeakSet[Recorded] = WeakSet()
        create = Recorded.__init__

        def remember(node: Recorded, *arguments: Any) -> None:
            create(node, *arguments)
            nodes.add(node)

        def collect(engine: Reference) -> None:
            for node in list(nodes):
                node.release()

        patch.setattr(Recorded, "__init__", remember)
        patch.setattr(Reference, "collect", collect)


@mutant(
    kills="mem.retain-keeps",
    may_fail=(
        "backward.retain-graph",
        "accum.*",
        "leaf.*",
        "thread.*",
        "mem.saved-released-by-backward",
        "view.write-gradgradcheck",
    ),
)
class RetainsWhatSomebodyHolds(Reference):
    """A pass that retains lets go of values of results that nobody else holds any longer."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        operands_of: dict[int, list[Any]] = {}
        visit = walking.Pass.visit

        def look(operands: Any, result: Tensor) -> None:
            results = [x for x in operands if isinstance(x, Tensor) and x._edge is not None]
            if result._edge is not None:
                operands_of[id(result._edge[0])] = [weakref.ref(x) for x in results]

        def visit_and_release(walk: walking.Pass, node: Node, cotangents: Any) -> None:
            visit(walk, node, cotangents)
            if any(reference() is None for reference in operands_of.get(id(node), ())):
                node.release()

        after_recording(patch, look)
        patch.setattr(walking.Pass, "visit", visit_and_release)


# ---- what keeps nothing ----
@mutant(kills="mem.detach-drops-history", may_fail=MEMORY)
class DetachedKeepsItsSource(Reference):
    """A detached tensor keeps alive what it was detached from."""

    def detach(self, t: Any) -> Any:
        made = super().detach(t)
        weakref.finalize(made, nothing, t)
        if t._edge is not None:
            weakref.finalize(made, nothing, t._edge[0])
        return made


@mutant(kills="mem.unrecorded-keeps-nothing", may_fail=MEMORY)
class UnrecordedResultsKeepTheirOperands(Reference):
    """A result that was made with recording off keeps its operands alive."""

    def apply(self, operator: str, *tensors: Any, **params: Any) -> Any:
        made = super().apply(operator, *tensors, **params)
        if isinstance(made, Tensor) and not autograd_reference.is_grad_enabled():
            weakref.finalize(made, nothing, *tensors)
        return made


# ---- leaves ----
@mutant(kills="mem.leaf-kept-by-graph", may_fail=PASSES)
class GraphHoldsLeavesWeakly(Reference):
    """A leaf that only a graph refers to is freed, and its gradient lost."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        leaves: dict[int, weakref.ref[Tensor]] = {}
        create = AccumulateGrad.__init__

        def hold_weakly(node: AccumulateGrad, leaf: Tensor) -> None:
            stand_in = Tensor(leaf._data, leaf._storage)
            stand_in._requires_grad = True
            create(node, stand_in)
            leaves[id(stand_in)] = weakref.ref(leaf)

        def accumulate(tensor: Tensor, gradient: Any, exclusive: bool) -> None:
            leaf = leaves[id(tensor)]() if id(tensor) in leaves else tensor
            if leaf is not None and leaf._requires_grad:
                accumulation.accumulate(leaf, gradient, exclusive)

        patch.setattr(AccumulateGrad, "__init__", hold_weakly)
        patch.setattr(walking, "accumulate", accumulate)


@mutant(kills="mem.leaf-kept-by-graph", may_fail=MEMORY)
class LeafKeepsItsResults(Reference):
    """A leaf keeps alive what was computed from it directly."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def look(operands: Any, result: Tensor) -> None:
            for x in operands:
                if isinstance(x, Tensor) and x._requires_grad:
                    weakref.finalize(x, nothing, result)

        after_recording(patch, look)
