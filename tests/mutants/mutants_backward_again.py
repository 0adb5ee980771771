"""Mutants of what becomes of a graph that a pass has gone through, and of passes in other modes."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import pytest
import torch as raw
from planting import PASSES, mutant

import autograd_reference as torch
from autograd_conformance.adapters.reference import Reference
from autograd_conformance.spelling import template
from autograd_reference import accumulate as accumulation
from autograd_reference import backward as walking
from autograd_reference.accumulate import AccumulateGrad
from autograd_reference.graph import Recorded, edge_of
from autograd_reference.modes import state
from autograd_reference.node import Node
from autograd_reference.tensor import Tensor


def is_float(data: Any) -> bool:
    """Whether a saved value is a tensor of numbers, and not of indices."""
    return isinstance(data, raw.Tensor) and data.is_floating_point()


def numbers_in_place_of(saved: Any, number: int) -> Any:
    """Saved values that all are `number`."""
    return [
        (raw.full_like(data, number), storage, storage.version) if is_float(data) else (data, storage, version)
        for data, storage, version in saved
    ]


# ---- after a pass that does not retain ----
@mutant(kills="backward.second-pass", may_fail=PASSES)
class ReleasedValuesAreZeros(Reference):
    """Values that were released are taken for zeros."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def release(node: Recorded) -> None:
            if node.saved:
                node.saved = numbers_in_place_of(node.saved, 0)

        patch.setattr(Recorded, "release", release)


@mutant(kills="backward.second-pass", may_fail=PASSES)
class RefusesOnce(Reference):
    """A graph that was released refuses one pass; for the next, the values that are missing are ones."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        released: WeakKeyDictionary[Recorded, Any] = WeakKeyDictionary()
        frame = Recorded.frame

        def release(node: Recorded) -> None:
            if node.saved:
                released[node] = numbers_in_place_of(node.saved, 1)
                node.saved = None

        def frame_once_more(node: Recorded) -> list[Any]:
            try:
                return frame(node)
            except RuntimeError:
                node.saved = released.get(node)
                raise

        patch.setattr(Recorded, "release", release)
        patch.setattr(Recorded, "frame", frame_once_more)


@mutant(kills="backward.second-pass", may_fail=PASSES)
class ReleasesAllThatTheLeavesWereUsedIn(Reference):
    """A pass releases every graph over a leaf that it reaches."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        users: WeakKeyDictionary[Node, WeakSet[Recorded]] = WeakKeyDictionary()
        create, run = Recorded.__init__, walking.Pass.run

        def remember(node: Recorded, edges: Any, *arguments: Any) -> None:
            create(node, edges, *arguments)
            for edge in edges:
                if edge is not None and type(edge[0]) is AccumulateGrad:
                    users.setdefault(edge[0], WeakSet()).add(node)

        def run_and_release(walk: walking.Pass) -> None:
            reached = walking.reachable([(node, 0) for _, node in walk.heap])
            run(walk)
            for leaf in reached if not walk.retain else ():
                for node in users.get(leaf, ()):
                    node.release()

        patch.setattr(Recorded, "__init__", remember)
        patch.setattr(walking.Pass, "run", run_and_release)


@mutant(kills="backward.second-pass-error", may_fail=PASSES)
class NeverReleases(Reference):
    """A pass never releases the graph."""

    backward = template("torch.autograd.backward(outputs, cotangents, retain_graph=True)")


@mutant(kills="backward.second-pass-error", may_fail=PASSES)
class ReleasesNearTheRootOnly(Reference):
    """A pass releases the operations that the root is made of directly, and none behind them."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        run, visit = walking.Pass.run, walking.Pass.visit
        starts: WeakSet[Node] = WeakSet()

        def run_from(walk: walking.Pass) -> None:
            starts.update(node for _, node in walk.heap)
            run(walk)

        def visit_retaining(walk: walking.Pass, node: Node, cotangents: Any) -> None:
            retain, walk.retain = walk.retain, walk.retain or node not in starts
            visit(walk, node, cotangents)
            walk.retain = retain

        patch.setattr(walking.Pass, "run", run_from)
        patch.setattr(walking.Pass, "visit", visit_retaining)


@mutant(kills="backward.second-pass-error", may_fail=PASSES)
class RetainedOnceIsRetainedForEver(Reference):
    """What one pass has retained, no later one releases."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        kept: WeakSet[Node] = WeakSet()
        visit, release = walking.Pass.visit, Recorded.release

        def visit_and_keep(walk: walking.Pass, node: Node, cotangents: Any) -> None:
            if walk.retain:
                kept.add(node)
            visit(walk, node, cotangents)

        patch.setattr(walking.Pass, "visit", visit_and_keep)
        patch.setattr(Recorded, "release", lambda node: None if node in kept else release(node))


# ---- after a pass that retains ----
@mutant(kills="backward.retain-graph", may_fail=PASSES)
class RetainsOnce(Reference):
    """A graph can be retained once: the second pass releases it all the same."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        retained: WeakSet[Node] = WeakSet()
        visit = walking.Pass.visit

        def visit_once(walk: walking.Pass, node: Node, cotangents: Any) -> None:
            visit(walk, node, cotangents)
            if node in retained:
                node.release()
            retained.add(node)

        patch.setattr(walking.Pass, "visit", visit_once)


@mutant(
    kills="backward.retain-graph",
    may_fail=PASSES,
)
class RetainedValuesDrift(Reference):
    """After the second pass that retains, the values that were saved are replaced by twice their values."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        passes: WeakKeyDictionary[Node, int] = WeakKeyDictionary()
        visit = walking.Pass.visit

        def visit_and_count(walk: walking.Pass, node: Node, cotangents: Any) -> None:
            visit(walk, node, cotangents)
            passes[node] = passes.get(node, 0) + walk.retain
            if passes[node] == 2 and isinstance(node, Recorded) and node.saved:
                node.saved = [(2 * data if is_float(data) else data, *rest) for data, *rest in node.saved]  # type: ignore[misc]

        patch.setattr(walking.Pass, "visit", visit_and_count)


# ---- passes that are recorded ----
@mutant(kills="backward.create-graph-retains", may_fail=PASSES)
class RecordedPassReleases(Reference):
    """A pass that is itself recorded releases the graph."""

    backward_creating_graph = template(
        "torch.autograd.backward(outputs, cotangents, create_graph=True, retain_graph=False)"
    )


@mutant(kills="backward.create-graph-retains", may_fail=PASSES)
class ThirdRecordedGradientOverwrites(Reference):
    """The third gradient with a history takes the place of what is stored."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def accumulate(tensor: Tensor, gradient: Any, exclusive: bool) -> None:
            count = 0 if tensor._grad is None else getattr(tensor._grad._storage, "count", 1)
            if isinstance(gradient, Tensor) and count == 2:
                tensor._grad = None
            accumulation.accumulate(tensor, gradient, exclusive)
            assert tensor._grad is not None
            tensor._grad._storage.count = count + 1  # type: ignore[attr-defined]

        patch.setattr(walking, "accumulate", accumulate)


# ---- passes while recording is off ----
@mutant(kills="backward.inside-no-grad", may_fail=PASSES)
class SecondPassInsideDoesNothing(Reference):
    """While recording is off, a pass from a root whose leaves have gradients already does nothing."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        nodes = walking.reachable([edge_of(output) for output in outputs])
        stored = [node.leaf._grad is not None for node in nodes if type(node) is AccumulateGrad]
        if torch.is_grad_enabled() or not all(stored):
            super().backward(outputs, cotangents)


@mutant(kills="backward.inside-no-grad", may_fail=PASSES)
class PassSwitchesRecordingOn(Reference):
    """After a pass of more than three operations recording is on."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        nodes = walking.reachable([edge_of(output) for output in outputs])
        super().backward(outputs, cotangents)
        if len(nodes) > 3:
            state.enabled = True
