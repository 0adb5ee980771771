"""Mutants of the backward walk: what happens where paths meet, and at the roots."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import pytest
import torch as raw
from path_walk import walk_every_path
from planting import PASSES, PROGRAMS, mutant, replace_rule

import autograd_reference as torch
from autograd_conformance.adapters.reference import Reference
from autograd_reference import backward as walking
from autograd_reference import rules
from autograd_reference.accumulate import AccumulateGrad
from autograd_reference.graph import Recorded
from autograd_reference.node import Edge, Node
from autograd_reference.tensor import Tensor


# ---- where paths meet ----
def replace_sending(patch: pytest.MonkeyPatch, is_lost: Any) -> None:
    """Where `is_lost(walk, edge)`, a gradient takes the place of what has arrived before."""
    original = walking.Pass.send

    def send(walk: walking.Pass, edge: Edge, gradient: Any, exclusive: bool, *cotangents: Any) -> None:
        if edge[0] in walk.arrived and is_lost(walk, edge):
            walk.arrived[edge[0]][edge[1]] = None
        original(walk, edge, gradient, exclusive, *cotangents)

    patch.setattr(walking.Pass, "send", send)


@mutant(kills="backward.diamond", may_fail=PASSES)
class LastPathWins(Reference):
    """Of the gradients that reach a tensor along several paths, the last is kept."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_sending(patch, lambda walk, edge: True)


@mutant(kills="backward.diamond", may_fail=PROGRAMS)
class LastPathWinsInside(Reference):
    """Of the gradients that reach a result along several paths, the last is kept; leaves add."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_sending(patch, lambda walk, edge: type(edge[0]) is not AccumulateGrad)


@mutant(kills="backward.diamond", may_fail=PASSES)
class SameOperandCountsOnce(Reference):
    """An operation with the same tensor for both operands sends it one of the two gradients."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = Recorded.gradients

        def gradients(node: Recorded, *arguments: Any) -> Sequence[Any]:
            results = list(original(node, *arguments))
            if len(results) == 2 and node.edges[0] is not None and node.edges[0] == node.edges[1]:
                results[1] = None
            return results

        patch.setattr(Recorded, "gradients", gradients)


@mutant(kills="backward.diamond", may_fail=PROGRAMS)
class RunsNodesTooEarly(Reference):
    """Nodes are run in the order in which gradients reach them, each once; what comes later is lost."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        done: WeakSet[Node] = WeakSet()
        send, visit = walking.Pass.send, walking.Pass.visit

        def send_unless_done(walk: walking.Pass, edge: Edge, gradient: Any, exclusive: bool, *cotangents: Any) -> None:
            if edge[0] not in done:
                send(walk, edge, gradient, exclusive, *cotangents)

        def visit_once(walk: walking.Pass, node: Node, cotangents: Any) -> None:
            done.add(node)
            visit(walk, node, cotangents)

        patch.setattr(walking, "heappush", list.append)
        patch.setattr(walking, "heappop", lambda heap: heap.pop(0))
        patch.setattr(walking.Pass, "send", send_unless_done)
        patch.setattr(walking.Pass, "visit", visit_once)


@mutant(kills="op.exact-program", may_fail=PASSES)
class AddsIntoSharedGradient(Reference):
    """Gradients are added up in place, in memory that another path still reads."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(walking, "is_fresh", lambda gradient, cotangents: True)


@mutant(kills="backward.diamond", may_fail=PASSES)
class VisitsPerPath(Reference):
    """The walk runs a node once for each path that leads to it.

    It gives up where a run of the harness would end by a timeout, which `MOST_VISITS` stands in for.
    """

    MOST_VISITS: int | None = 20_000

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        walk_every_path(outputs, cotangents, self.MOST_VISITS)


class VisitsEveryPath(VisitsPerPath):
    """The same without giving up, for the harness."""

    MOST_VISITS = None


@mutant(kills="op.exact-program", may_fail=PASSES)
class ThirdPathIsLost(Reference):
    """Of the gradients that reach a tensor, the third is dropped."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original, arrivals = walking.Pass.send, dict[tuple[walking.Pass, Node], int]()

        def send(walk: walking.Pass, edge: Edge, gradient: Any, exclusive: bool, *cotangents: Any) -> None:
            key = walk, edge[0]
            arrivals[key] = arrivals.get(key, 0) + 1
            if arrivals[key] != 3:
                original(walk, edge, gradient, exclusive, *cotangents)

        patch.setattr(walking.Pass, "send", send)


@mutant(kills="backward.same-operand-twice", may_fail=PASSES)
class ThirdCopyIsLost(Reference):
    """Of three equal operands, one receives nothing."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = Recorded.gradients

        def gradients(node: Recorded, *arguments: Any) -> Sequence[Any]:
            results = list(original(node, *arguments))
            if len(results) == 3 and node.edges[0] == node.edges[1] == node.edges[2]:
                results[1] = None
            return results

        patch.setattr(Recorded, "gradients", gradients)


@mutant(kills="backward.same-operand-twice", may_fail=PROGRAMS)
class MatrixTimesItselfCountsOnce(Reference):
    """The product of a matrix with itself sends its operand one of the two gradients."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = Recorded.gradients

        def gradients(node: Recorded, *arguments: Any) -> Sequence[Any]:
            results = list(original(node, *arguments))
            if "Mm" in node.name() and len(results) == 2 and node.edges[0] == node.edges[1]:
                results[0] = None
            return results

        patch.setattr(Recorded, "gradients", gradients)


# ---- what a pass must not touch ----
@mutant(kills="backward.returns-nothing", may_fail=PROGRAMS)
class GradientOverwritesOperand(Reference):
    """The gradient of a product is computed in the memory of the operand that was saved, where it fits."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def rule(g: Any, x: Any) -> Any:
            fits = isinstance(x, raw.Tensor) and x.shape == g.shape and x.is_contiguous()
            return x.mul_(g) if fits else g * x

        replace_rule(patch, rules.MUL, "y", rule)


@mutant(kills="backward.unreached-leaf", may_fail=PASSES)
class ClearsWhatItDoesNotReach(Reference):
    """A pass takes the stored gradients away from leaves that it does not reach."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        leaves: WeakSet[AccumulateGrad] = WeakSet()
        create, run = AccumulateGrad.__init__, walking.Pass.run

        def remember(node: AccumulateGrad, leaf: Tensor) -> None:
            create(node, leaf)
            leaves.add(node)

        def run_and_clear(walk: walking.Pass) -> None:
            reached = walking.reachable([(node, 0) for _, node in walk.heap])
            run(walk)
            for node in leaves - reached:
                node.leaf._grad = None

        patch.setattr(AccumulateGrad, "__init__", remember)
        patch.setattr(walking.Pass, "run", run_and_clear)


@mutant(kills="backward.unreached-leaf", may_fail=PASSES)
class ReachesSiblings(Reference):
    """A leaf that was multiplied with a leaf of the same shape receives what that one receives, whatever the roots are."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        siblings: WeakKeyDictionary[Node, weakref.ref[AccumulateGrad]] = WeakKeyDictionary()
        create, run = Recorded.__init__, walking.Pass.run

        def remember(node: Recorded, edges: Any, *arguments: Any) -> None:
            create(node, edges, *arguments)
            leaves = [edge[0] for edge in edges if edge is not None and type(edge[0]) is AccumulateGrad]
            if len(leaves) == 2 and leaves[0].outputs == leaves[1].outputs:
                siblings[leaves[1]] = weakref.ref(leaves[0])

        def run_and_reach(walk: walking.Pass) -> None:
            reached = walking.reachable([(node, 0) for _, node in walk.heap])
            run(walk)
            for node in reached:
                sibling = siblings[node]() if node in siblings else None
                if sibling is not None and sibling not in reached:
                    sibling.leaf._grad = node.leaf._grad

        patch.setattr(Recorded, "__init__", remember)
        patch.setattr(walking.Pass, "run", run_and_reach)


# ---- cotangents ----
@mutant(kills="backward.vjp-linear", may_fail=PASSES)
class ClipsCotangents(Reference):
    """Cotangents are clipped to a magnitude of eight."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        super().backward(outputs, [torch.tensor(each._data.clamp(-8, 8)) for each in cotangents])


@mutant(kills="backward.vjp-linear", may_fail=PASSES)
class ExpandedCotangentCountsOnce(Reference):
    """Of a cotangent whose elements all lie in one place, the first counts and the others are taken for zero."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        super().backward(outputs, [self._by_address(each) for each in cotangents])

    def _by_address(self, cotangent: Any) -> Any:
        data = cotangent._data
        if data.numel() == 1 or any(data.stride()):
            return cotangent
        zeros = data.new_zeros(data.shape)
        zeros.reshape(-1)[0] = data.reshape(-1)[0]
        return torch.tensor(zeros)


@mutant(kills="backward.vjp-linear", may_fail=PROGRAMS)
class ScalarRootStartsWithOne(Reference):
    """A pass from a root without axes starts with one, whatever cotangent is given."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        ones = [torch.ones_like(each) if each.ndim == 0 else each for each in cotangents]
        super().backward(outputs, ones)


@mutant(kills="backward.vjp-linear", may_fail=PROGRAMS)
class CotangentInColumnOrder(Reference):
    """A cotangent with three axes is read in column-major order."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        super().backward(outputs, [self._misread(each) if each.ndim == 3 else each for each in cotangents])

    def _misread(self, cotangent: Any) -> Any:
        return torch.tensor(cotangent._data.permute(2, 1, 0).reshape(cotangent.shape))


@mutant(kills="backward.vjp-linear", may_fail=PASSES)
class ZeroCotangentIsMissing(Reference):
    """A cotangent of one element that is zero is taken for a missing one, which means one."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        given = [each if each.numel() > 1 or each.item() else torch.ones_like(each) for each in cotangents]
        super().backward(outputs, given)


@mutant(kills="backward.returns-nothing", may_fail=PROGRAMS)
class AddsIntoCotangent(Reference):
    """What reaches a root from elsewhere is added into the caller's cotangent, whatever its layout."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def accumulate_gradients(roots: Any, retain: bool, create_graph: bool) -> None:
            walk = walking.Pass(create_graph, retain)
            for edge, gradient in roots:
                walk.send(edge, gradient, True)
            walk.run()

        from autograd_reference import autograd

        patch.setattr(autograd, "accumulate_gradients", accumulate_gradients)
