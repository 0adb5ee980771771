"""Mutants that go wrong between passes: when graphs, gradients and leaves outlive the pass that they were made for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import pytest
from planting import mutant

from autograd_conformance.adapters.reference import Reference
from autograd_reference import backward as walking
from autograd_reference import graph, modes
from autograd_reference.accumulate import AccumulateGrad
from autograd_reference.graph import Recorded
from autograd_reference.node import UNWRITTEN
from autograd_reference.tensor import Tensor

CLAUSE = "backward.interleaved"
PASSING_AGAIN = ("backward.*", "mem.*", "leaf.*", "accum.*")
"""Chapters that pass back more than once."""


class ByTensor:
    """A dictionary; tensors as its keys are told apart by what they are, since `==` compares their elements."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[Tensor, Any]] = {}

    def __setitem__(self, tensor: Tensor, value: Any) -> None:
        self._entries[id(tensor)] = tensor, value

    def pop(self, tensor: Tensor) -> Any:
        """None where there is none."""
        return self._entries.pop(id(tensor), (None, None))[1]

    def first(self, tensor: Tensor, value: Any) -> Any:
        """The first value that was given for `tensor`."""
        return self._entries.setdefault(id(tensor), (tensor, value))[1]


def after_each_pass(patch: pytest.MonkeyPatch, then: Callable[[walking.Pass, list[Tensor]], None]) -> None:
    """Call `then` with each pass that has run, and with the leaves that it has reached."""
    original, accumulate = walking.Pass.run, walking.accumulate
    reached: list[Tensor] = []

    def noted(leaf: Tensor, gradient: Any, exclusive: bool) -> None:
        reached.append(leaf)
        accumulate(leaf, gradient, exclusive)

    def run(walk: walking.Pass) -> None:
        reached.clear()
        original(walk)
        then(walk, reached)

    patch.setattr(walking, "accumulate", noted)
    patch.setattr(walking.Pass, "run", run)


# ---- graphs ----
@mutant(kills=CLAUSE, may_fail=PASSING_AGAIN)
class FreedStepsPassNothingOn(Reference):
    """A second pass through a graph that was not retained is accepted, and what was freed passes nothing on."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = Recorded.gradients

        def gradients(node: Recorded, *rest: Any) -> Sequence[Any]:
            return [None] * len(node.edges) if node.saved is None else original(node, *rest)

        patch.setattr(Recorded, "gradients", gradients)


@mutant(kills=CLAUSE, may_fail=PASSING_AGAIN)
class FreedValuesAreReadUnchecked(Reference):
    """A second pass through a graph that was not retained is accepted, and takes values that were overwritten since."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def release(node: Recorded) -> None:
            node.saved = [(data, UNWRITTEN, 0) for data, _, _ in node.saved or ()]

        patch.setattr(Recorded, "release", release)


@mutant(kills=CLAUSE, may_fail=(*PASSING_AGAIN, "view.write-gradgradcheck"))
class RetainedGraphKeepsCotangents(Reference):
    """A pass that retains the graph leaves its cotangents there, and the next pass adds them to its own."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        left: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        original = walking.Pass.visit

        def visit(walk: walking.Pass, node: Any, cotangents: Any) -> None:
            if node in left:
                cotangents = [cotangents[0] + left.pop(node), *cotangents[1:]]
            if walk.retain:
                left[node] = cotangents[0].clone()
            original(walk, node, cotangents)

        patch.setattr(walking.Pass, "visit", visit)


@mutant(kills=CLAUSE, may_fail=PASSING_AGAIN)
class PassCutsPendingGraphsOffItsLeaves(Reference):
    """After a pass, other graphs that were built before it no longer reach the leaves that it has reached."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def cut(walk: walking.Pass, reached: list[Tensor]) -> None:
            for leaf in () if walk.retain else reached:
                cut_off(leaf)

        after_each_pass(patch, cut)


def cut_off(leaf: Tensor) -> None:
    """Graphs that use `leaf` lead elsewhere from now on; those built later lead to it again."""
    node = leaf._accumulator and leaf._accumulator()
    if isinstance(node, AccumulateGrad):
        node.leaf, leaf._accumulator = Tensor(leaf._data), None


@mutant(kills=CLAUSE, may_fail=("mode.*", "mem.*", "backward.inside-no-grad"))
class SwitchingOffCutsPendingGraphs(Reference):
    """What was recorded before recording was switched off by a call passes nothing on afterwards."""

    @classmethod
    def plant(cls, patch: pytest.MonkeyPatch) -> None:
        recorded: WeakSet[Recorded] = WeakSet()
        cut: WeakSet[Recorded] = WeakSet()
        make, gradients_of = Recorded.__init__, Recorded.gradients

        def init(node: Recorded, *rest: Any) -> None:
            make(node, *rest)
            recorded.add(node)

        def gradients(node: Recorded, *rest: Any) -> Sequence[Any]:
            return [None] * len(node.edges) if node in cut else gradients_of(node, *rest)

        def switch(engine: Reference, enabled: bool) -> None:
            modes.set_grad_enabled(enabled)
            cut.update([] if enabled else recorded)

        patch.setattr(Recorded, "__init__", init)
        patch.setattr(Recorded, "gradients", gradients)
        patch.setattr(cls, "set_grad_enabled", switch)


# ---- stored gradients ----
def remembering(patch: pytest.MonkeyPatch, engine: type[Reference]) -> ByTensor:
    """Leaf -> the gradient that was made absent, and has not been asked for since."""
    cleared, original = ByTensor(), engine.set_grad

    def set_grad(self: Reference, t: Tensor, g: Tensor | None) -> None:
        if g is None and t.grad is not None:
            cleared[t] = t.grad
        original(self, t, g)

    patch.setattr(engine, "set_grad", set_grad)
    return cleared


@mutant(kills=CLAUSE, may_fail=(*PASSING_AGAIN, "mode.*", "view.write-gradgradcheck"))
class ClearedGradientComesBack(Reference):
    """A gradient that was made absent is added to the next one."""

    @classmethod
    def plant(cls, patch: pytest.MonkeyPatch) -> None:
        cleared = remembering(patch, cls)

        def add(walk: walking.Pass, reached: list[Tensor]) -> None:
            for leaf in reached:
                if (old := cleared.pop(leaf)) is not None:
                    leaf._grad = Tensor(leaf._grad._data + old._data)

        after_each_pass(patch, add)


@mutant(kills=CLAUSE, may_fail=PASSING_AGAIN)
class ClearedGradientIsUsedAgain(Reference):
    """After a gradient was made absent, the next one is written into its memory, whoever holds that."""

    @classmethod
    def plant(cls, patch: pytest.MonkeyPatch) -> None:
        cleared = remembering(patch, cls)

        def reuse(walk: walking.Pass, reached: list[Tensor]) -> None:
            for leaf in reached:
                if (old := cleared.pop(leaf)) is not None:
                    old._data.copy_(leaf._grad._data)
                    leaf._grad = old

        after_each_pass(patch, reuse)


@mutant(kills=CLAUSE, may_fail=(*PASSING_AGAIN, "view.write-gradgradcheck"))
class ClearingCutsPendingGraphs(Reference):
    """When a leaf's gradient is made absent, graphs that were built before no longer reach the leaf."""

    def set_grad(self, t: Tensor, g: Tensor | None) -> None:
        t.grad = g
        if g is None:
            cut_off(t)


@mutant(kills=CLAUSE, may_fail=PASSING_AGAIN)
class AssignedGradientIsOverwritten(Reference):
    """A pass overwrites a gradient that was assigned, and adds to any other."""

    @classmethod
    def plant(cls, patch: pytest.MonkeyPatch) -> None:
        assigned = ByTensor()

        original = cls.set_grad

        def set_grad(self: Reference, t: Tensor, g: Tensor | None) -> None:
            original(self, t, g)
            assigned[t] = None if g is None else g._data.clone()

        def subtract(walk: walking.Pass, reached: list[Tensor]) -> None:
            for leaf in reached:
                if (old := assigned.pop(leaf)) is not None:
                    leaf._grad._data.sub_(old)

        patch.setattr(cls, "set_grad", set_grad)
        after_each_pass(patch, subtract)


@mutant(kills=CLAUSE, may_fail=PASSING_AGAIN)
class PassForgetsWhatItDoesNotReach(Reference):
    """A pass makes the gradients absent that an earlier pass has stored on leaves that it does not reach."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        stored: dict[int, Tensor] = {}

        def forget(walk: walking.Pass, reached: list[Tensor]) -> None:
            for number in stored.keys() - set(map(id, reached)):
                stored.pop(number)._grad = None
            stored.update((id(leaf), leaf) for leaf in reached)

        after_each_pass(patch, forget)


# ---- leaves ----
@mutant(
    kills=CLAUSE,
    may_fail=(
        "inplace.*",
        "view.*",
        "mode.*",
        "mem.*",
    ),
)
class LeafIsSavedOnce(Reference):
    """The value of a leaf that a derivative needs is the one that its first graph has saved, whatever was written since."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        saved = ByTensor()
        original = graph.note

        def note(operator: Any, operands: Sequence[Any], parameters: Any, result: Tensor, *history: Any) -> None:
            original(operator, operands, parameters, result, *history)
            node = result._edge[0] if result._edge else None
            if not isinstance(node, Recorded) or not node.saved:
                return
            for place, position in enumerate(node.plan.saves):
                operand = operands[position]
                if isinstance(operand, Tensor) and operand._requires_grad and operand._edge is None:
                    value = saved.first(operand, operand._data.clone())
                    node.saved[place] = (value, UNWRITTEN, 0)

        patch.setattr(graph, "note", note)
