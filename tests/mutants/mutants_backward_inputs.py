"""Mutants of passes into named tensors."""

from __future__ import annotations

from typing import Any

import pytest
from planting import PASSES, mutant

import autograd_reference as torch
from autograd_conformance.adapters.reference import Reference
from autograd_reference import backward as walking
from autograd_reference.graph import edge_of


@mutant(kills="backward.inputs-restrict", may_fail=PASSES)
class TwoInputsMeanAll(Reference):
    """Where two inputs are named, all leaves accumulate."""

    def backward_into(self, outputs: Any, cotangents: Any, inputs: Any) -> None:
        if len(inputs) == 2:
            super().backward(outputs, cotangents)
        else:
            super().backward_into(outputs, cotangents, inputs)


@mutant(kills="backward.inputs-restrict", may_fail=PASSES)
class NamedInputIsOverwritten(Reference):
    """What is stored on a named input is overwritten."""

    def backward_into(self, outputs: Any, cotangents: Any, inputs: Any) -> None:
        for each in inputs:
            each._grad = None
        super().backward_into(outputs, cotangents, inputs)


@mutant(kills="backward.inputs-restrict", may_fail=PASSES)
class RootThatIsNoInputAccumulates(Reference):
    """A root that is a leaf accumulates its cotangent, although it is not named."""

    def backward_into(self, outputs: Any, cotangents: Any, inputs: Any) -> None:
        super().backward_into(outputs, cotangents, inputs)
        for output, cotangent in zip(outputs, cotangents, strict=True):
            if output.is_leaf and not any(output is each for each in inputs):
                super().backward([output], [cotangent])


@mutant(kills="backward.inputs-nonleaf", may_fail=PASSES)
class NamedResultStopsThePass(Reference):
    """At a result that is named the pass ends, although a leaf behind it is named, too."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def capture(walk: walking.Pass, node: Any, cotangents: Any) -> None:
            walk.captured[node] = cotangents

        patch.setattr(walking.Pass, "capture", capture)


@mutant(kills="backward.inputs-nonleaf", may_fail=PASSES)
class NamedResultGetsWhatComesFirst(Reference):
    """A result that is named receives what reaches it from the first root."""

    def backward_into(self, outputs: Any, cotangents: Any, inputs: Any) -> None:
        results = [each for each in inputs if not each.is_leaf]
        leaves = [each for each in inputs if each.is_leaf]
        if results:
            torch.autograd.backward(outputs[:1], cotangents[:1], inputs=results, retain_graph=True)
        if leaves or not inputs:
            super().backward_into(outputs, cotangents, leaves)


@mutant(kills="backward.inputs-nonleaf", may_fail=PASSES)
class ThirdPassIntoAResultOverwrites(Reference):
    """On the third pass into a result, what is stored on it is overwritten."""

    def backward_into(self, outputs: Any, cotangents: Any, inputs: Any) -> None:
        for each in inputs:
            each.passes = getattr(each, "passes", 0) + 1
            if each.passes == 3 and not each.is_leaf:
                each._grad = None
        super().backward_into(outputs, cotangents, inputs)


@mutant(kills="backward.inputs-errors", may_fail=PASSES)
class NoInputsMeanAll(Reference):
    """To name no input is to name all leaves."""

    def backward_into(self, outputs: Any, cotangents: Any, inputs: Any) -> None:
        if inputs:
            super().backward_into(outputs, cotangents, inputs)
        else:
            super().backward(outputs, cotangents)


@mutant(kills="backward.inputs-errors", may_fail=PASSES)
class NamedTwiceCountsTwice(Reference):
    """An input that is named twice receives its gradient twice."""

    def backward_into(self, outputs: Any, cotangents: Any, inputs: Any) -> None:
        for place, each in enumerate(inputs):
            if any(each is other for other in inputs[:place]):
                torch.autograd.backward(outputs, cotangents, inputs=[each], retain_graph=True)
        super().backward_into(outputs, cotangents, inputs)


@mutant(kills="backward.inputs-errors", may_fail=PASSES)
class UnreachedInputIsRefused(Reference):
    """An input that no root depends on is an error."""

    def backward_into(self, outputs: Any, cotangents: Any, inputs: Any) -> None:
        reached = walking.reachable([edge_of(output) for output in outputs])
        if not all(edge_of(each)[0] in reached for each in inputs):
            raise RuntimeError("an input that no root depends on")
        super().backward_into(outputs, cotangents, inputs)
