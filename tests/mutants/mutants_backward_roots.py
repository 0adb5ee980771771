"""Mutants of where a backward pass starts."""

from __future__ import annotations

from typing import Any

from planting import PASSES, PROGRAMS, mutant

import autograd_reference as torch
from autograd_conformance.adapters.reference import Reference
from autograd_reference import backward as walking
from autograd_reference.accumulate import AccumulateGrad
from autograd_reference.graph import edge_of


@mutant(kills="backward.multiple-roots", may_fail=PROGRAMS)
class FirstRootOnly(Reference):
    """A pass from several roots starts at the first."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        super().backward(outputs[:1], cotangents[:1])


@mutant(kills="backward.multiple-roots", may_fail=PROGRAMS)
class TwoRootsAtMost(Reference):
    """A pass from several roots starts at the first two."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        super().backward(outputs[:2], cotangents[:2])


@mutant(kills="backward.multiple-roots", may_fail=PASSES)
class RepeatedRootCountsOnce(Reference):
    """A root that is listed twice is seeded once, with its last cotangent."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        seeds = {id(output): (output, cotangent) for output, cotangent in zip(outputs, cotangents, strict=True)}
        super().backward(*zip(*seeds.values(), strict=True))


@mutant(kills="backward.multiple-roots", may_fail=PROGRAMS)
class LastCotangentForAll(Reference):
    """Roots of one shape all start with the cotangent of the last of them."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        last = {each.shape: each for each in cotangents}
        super().backward(outputs, [last[each.shape] for each in cotangents])


@mutant(kills="backward.multiple-roots", may_fail=PROGRAMS)
class PassPerRoot(Reference):
    """Each root has a pass of its own, and the first one lets go of what the next one needs."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        for output, cotangent in zip(outputs, cotangents, strict=True):
            super().backward([output], [cotangent])


@mutant(kills="backward.dependent-roots", may_fail=PROGRAMS)
class RootInsideLosesItsCotangent(Reference):
    """A root that another root depends on loses its own cotangent."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        edges = [edge for output in outputs if (edge := edge_of(output)) is not None]
        inner = {edge for node in walking.reachable(edges) for edge in node.edges}
        kept = [place for place, edge in enumerate(edges) if edge not in inner]
        super().backward([outputs[place] for place in kept], [cotangents[place] for place in kept])


@mutant(kills="backward.dependent-roots", may_fail=PROGRAMS)
class LeafAmongRootsIsLost(Reference):
    """Of several roots, a leaf that another root depends on is not one."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        edges = [edge_of(output) for output in outputs]
        computed = [edge for edge in edges if edge is not None and type(edge[0]) is not AccumulateGrad]
        reached = walking.reachable(computed)
        kept = [place for place, edge in enumerate(edges) if edge in computed or edge is None or edge[0] not in reached]
        super().backward([outputs[place] for place in kept], [cotangents[place] for place in kept])


# ---- no cotangent ----
@mutant(kills="backward.implicit-one", may_fail=PASSES)
class ImplicitCotangentIsDividedByAxes(Reference):
    """Without a cotangent, a root with several axes starts with one divided by their number."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        if cotangents is None and outputs[0].ndim > 1:
            cotangents = [torch.ones_like(outputs[0]) / outputs[0].ndim]
        super().backward(outputs, cotangents)


@mutant(kills="backward.implicit-one", may_fail=PASSES)
class ImplicitCotangentOfSumIsItsSign(Reference):
    """Without a cotangent, a root that is a sum starts with the sign of its value."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        if cotangents is None and "Sum" in str(outputs[0].grad_fn):
            cotangents = [torch.tensor(outputs[0]._data.sign())]
        super().backward(outputs, cotangents)


# ---- a leaf as its own root ----
@mutant(kills="backward.root-leaf", may_fail=PASSES)
class LeafKeepsTheCotangent(Reference):
    """A leaf that is its own root stores the very cotangent that it is given, if that is contiguous."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        leaf = outputs[0]
        if cotangents and len(outputs) == 1 and leaf.is_leaf and leaf._grad is None and cotangents[0].is_contiguous():
            leaf._grad = torch.Tensor(cotangents[0]._data)
        else:
            super().backward(outputs, cotangents)


@mutant(kills="backward.root-leaf", may_fail=PASSES)
class ThirdPassFromLeafOverwrites(Reference):
    """A leaf that is its own root keeps only the cotangent of the third pass."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        leaf = outputs[0]
        if leaf.is_leaf and leaf._grad is not None and leaf._grad._version == 1:
            leaf._grad = None
        super().backward(outputs, cotangents)
