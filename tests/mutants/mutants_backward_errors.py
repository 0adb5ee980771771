"""Mutants that accept calls of a backward pass that are errors, or are refused and leave traces."""

from __future__ import annotations

from typing import Any

from planting import PASSES, mutant

import autograd_reference as torch
from autograd_conformance.adapters.reference import Reference
from autograd_reference import backward as walking
from autograd_reference.accumulate import AccumulateGrad
from autograd_reference.graph import edge_of
from autograd_reference.tensor import Tensor


@mutant(kills="backward.nonscalar-needs-gradient", may_fail=PASSES)
class VectorsStartWithOnes(Reference):
    """Without a cotangent, a root with one axis starts with ones."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        if cotangents is None and outputs[0].ndim == 1:
            cotangents = [torch.ones_like(output) for output in outputs]
        super().backward(outputs, cotangents)


@mutant(kills="backward.nonscalar-needs-gradient", may_fail=PASSES)
class EmptyRootNeedsNoCotangent(Reference):
    """A root without elements needs no cotangent."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        if cotangents is None and outputs[0].numel() == 0:
            return
        super().backward(outputs, cotangents)


@mutant(kills="backward.gradient-shape", may_fail=PASSES)
class ScalarCotangentIsBroadcast(Reference):
    """A cotangent without axes is broadcast to its root."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        if cotangents is not None and len(cotangents) == len(outputs):
            cotangents = [
                torch.tensor(each._data.expand(output.shape)) if isinstance(each, Tensor) and each.ndim == 0 else each
                for output, each in zip(outputs, cotangents, strict=True)
            ]
        super().backward(outputs, cotangents)


@mutant(kills="backward.gradient-shape", may_fail=PASSES)
class CotangentIsReshaped(Reference):
    """A cotangent with one axis and the right number of elements takes the shape of its root."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        if cotangents is not None and len(cotangents) == len(outputs):
            cotangents = [
                torch.tensor(each._data.reshape(output.shape))
                if isinstance(each, Tensor) and each.ndim == 1 and each.numel() == output.numel()
                else each
                for output, each in zip(outputs, cotangents, strict=True)
            ]
        super().backward(outputs, cotangents)


@mutant(kills="backward.root-without-grad-error", may_fail=PASSES)
class ConstantsBesideRootsAreIgnored(Reference):
    """Beside a root that requires gradients, one that does not is left out."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        kept = [place for place, output in enumerate(outputs) if output.requires_grad]
        if cotangents is not None and kept and len(cotangents) == len(outputs):
            outputs, cotangents = [outputs[place] for place in kept], [cotangents[place] for place in kept]
        super().backward(outputs, cotangents)


@mutant(kills="backward.root-without-grad-error", may_fail=PASSES)
class PassFromConstantDoesNothing(Reference):
    """A pass from a single constant does nothing."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        if len(outputs) > 1 or outputs[0].requires_grad:
            super().backward(outputs, cotangents)


@mutant(kills="backward.roots-gradients-lengths", may_fail=PASSES)
class CotangentsTooManyAreDropped(Reference):
    """Of more cotangents than there are roots, the last are not looked at."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        super().backward(outputs, None if cotangents is None else cotangents[: len(outputs)])


@mutant(kills="backward.roots-gradients-lengths", may_fail=PASSES)
class MissingCotangentMeansNoPass(Reference):
    """A root with None for a cotangent is left out."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        if cotangents is not None and len(cotangents) == len(outputs):
            kept = [place for place, each in enumerate(cotangents) if each is not None]
            outputs, cotangents = [outputs[place] for place in kept], [cotangents[place] for place in kept]
        super().backward(outputs, cotangents)


@mutant(kills="backward.gradient-types", may_fail=PASSES)
class NumbersAreCotangents(Reference):
    """A number is taken for a cotangent of which every element is that number."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        if isinstance(cotangents, list) and cotangents and isinstance(cotangents[0], float):
            cotangents[0] = torch.ones_like(outputs[0]) * cotangents[0]
        super().backward(outputs, cotangents)


@mutant(kills="backward.gradient-types", may_fail=PASSES)
class TextIsNoCotangent(Reference):
    """What is no tensor is taken for None, where one element is expected."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        if cotangents is not None and outputs[0].numel() == 1:
            cotangents = [each if isinstance(each, Tensor) else None for each in cotangents]
        super().backward(outputs, cotangents)


@mutant(kills="backward.gradient-dtype-cast", may_fail=PASSES)
class GradientsHaveTheCotangentsDtype(Reference):
    """Gradients of leaves have the dtype of the cotangent, and not that of the leaf."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        super().backward(outputs, cotangents)
        for node in walking.reachable([edge_of(output) for output in outputs]):
            if cotangents and type(node) is AccumulateGrad and node.leaf._grad is not None:
                node.leaf._grad = Tensor(node.leaf._grad._data.to(cotangents[0].dtype))


@mutant(kills="backward.gradient-dtype-cast", may_fail=PASSES)
class OtherDtypesAreRefused(Reference):
    """A cotangent of another dtype than its root's is an error."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        if cotangents and any(
            isinstance(each, Tensor) and each.dtype != output.dtype
            for output, each in zip(outputs, cotangents, strict=False)
        ):
            raise RuntimeError("a cotangent of another dtype")
        super().backward(outputs, cotangents)


# ---- refused, but not without a trace ----
@mutant(kills="backward.failed-validation-is-atomic", may_fail=PASSES)
class RefusalReleases(Reference):
    """A pass that is refused for its arguments releases the graph."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        try:
            super().backward(outputs, cotangents)
        except RuntimeError:
            for node in walking.reachable([edge for output in outputs if (edge := edge_of(output)) is not None]):
                node.release()
            raise


@mutant(kills="backward.failed-validation-is-atomic", may_fail=PASSES)
class RootsAreCheckedInTurn(Reference):
    """A pass that is refused for a root that requires no gradient has gone through the roots before it."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        wrong = [place for place, output in enumerate(outputs) if not output.requires_grad]
        if wrong and wrong[0] and cotangents is not None and len(cotangents) == len(outputs):
            torch.autograd.backward(outputs[: wrong[0]], cotangents[: wrong[0]], retain_graph=True)
        super().backward(outputs, cotangents)


@mutant(kills="backward.failed-validation-is-atomic", may_fail=PASSES)
class RefusalForgetsGradients(Reference):
    """A pass that is refused for its arguments makes stored gradients absent."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        try:
            super().backward(outputs, cotangents)
        except RuntimeError:
            for node in walking.reachable([edge for output in outputs if (edge := edge_of(output)) is not None]):
                if type(node) is AccumulateGrad:
                    node.leaf._grad = None
            raise
