"""Mutants of what a backward pass goes through."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from planting import PASSES, mutant, respelled

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_reference import backward as walking
from autograd_reference import graph
from autograd_reference.graph import Recorded
from autograd_reference.node import Edge


# ---- the path taken ----
@mutant(kills="backward.control-flow", may_fail=PASSES)
class DerivativesOfTheFirstRun(Reference):
    """A derivative that needs no values, once recorded so many operations after a pass, serves there ever after."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        plans: dict[Any, Any] = {}
        place = 0

        class Traced(Recorded):
            __slots__ = ()

            def __init__(self, edges: Any, outputs: Any, plan: Any, parameters: Any, saved: Any) -> None:
                nonlocal place
                place += 1
                key = place, outputs[0], len(edges)
                if not saved:
                    plans.setdefault(key, plan)
                super().__init__(edges, outputs, plans.get(key, plan), parameters, saved)

        original = walking.Pass.run

        def run(walk: walking.Pass) -> None:
            nonlocal place
            place = 0
            original(walk)

        patch.setattr(graph, "Recorded", Traced)
        patch.setattr(walking.Pass, "run", run)


@mutant(kills="backward.control-flow", may_fail=PASSES)
class LongPathsAreCutShort(Reference):
    """Of a chain of more than three operations on scalars the first is not differentiated."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = walking.Pass.run

        def run(walk: walking.Pass) -> None:
            nodes = sorted(
                (n for n in walking.reachable([(n, 0) for _, n in walk.heap]) if n.edges), key=walking.by_age
            )
            if len(nodes) > 3 and not nodes[0].outputs[0][0]:
                nodes[0].edges = (None,) * len(nodes[0].edges)
            original(walk)

        patch.setattr(walking.Pass, "run", run)


# ---- tensors without elements ----
@mutant(kills="backward.empty-tensors", may_fail=PASSES)
class GradientsOfEmptyLeavesAreFlat(Reference):
    """The gradient of a leaf without elements has one axis."""

    def grad(self, t: Any) -> Any:
        gradient = super().grad(t)
        return gradient if gradient is None or gradient.numel() else gradient.reshape(0)


@mutant(kills="backward.empty-tensors", may_fail=PASSES)
class SumOverNothingIsOne(Reference):
    """Where broadcasting is undone and there is nothing to sum, the gradient is one."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = walking.Pass.send

        def send(walk: walking.Pass, edge: Edge, gradient: Any, exclusive: bool, *cotangents: Any) -> None:
            shape = edge[0].outputs[edge[1]][0]
            if gradient.numel() == 0 and shape.numel():
                gradient = gradient.new_ones(shape)
            original(walk, edge, gradient, exclusive, *cotangents)

        patch.setattr(walking.Pass, "send", send)


# ---- several outputs ----
class _OnesForUnused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, size: int, axis: int) -> Any:
        ctx.set_materialize_grads(False)
        ctx.axis, ctx.shapes = axis, [part.shape for part in x.split(size, axis)]
        return tuple(part.clone() for part in x.split(size, axis))

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        like = next(each for each in gradients if each is not None)
        filled = [like.new_ones(shape) if g is None else g for g, shape in zip(gradients, ctx.shapes, strict=True)]
        return torch.cat(filled, ctx.axis), None, None


@mutant(kills="backward.partial-outputs", may_fail=PASSES)
class UnusedPartsReceiveOnes(Torch):
    """Parts that no root depends on contribute ones."""

    operators = respelled(split="_OnesForUnused.apply(x, size, axis)")


def _unbind(x: torch.Tensor, axis: int) -> Any:
    *parts, last = x.unbind(axis)
    return (*parts, last.detach() if len(parts) == 2 else last)


@mutant(kills="backward.partial-outputs", may_fail=PASSES)
class ThirdOfThreeIsCutOff(Torch):
    """Of three entries, the last carries no gradient back."""

    operators = respelled(unbind=_unbind)
