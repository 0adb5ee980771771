"""Mutants of the memory that stored gradients lie in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from mutants_accum import passes_before, replace_accumulation
from planting import PASSES, mutant

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_reference import accumulate as accumulation
from autograd_reference.tensor import Tensor

SHARING = ("accum.*", "leaf.*", "backward.*")
"""Clauses that see two tensors share a memory when something is written to one of them."""


def _keep(patch: pytest.MonkeyPatch, stolen: Any) -> None:
    """A gradient is stored as it arrives, without a copy, where it is `stolen`."""
    original = accumulation.own

    def own(gradient: torch.Tensor, like: torch.Tensor, exclusive: bool) -> torch.Tensor:
        return gradient if stolen(gradient) else original(gradient, like, exclusive)

    patch.setattr(accumulation, "own", own)


# ---- nobody else's memory ----
@mutant(kills="accum.no-aliasing-through-views", may_fail=SHARING)
class OneElementGradientsAreShared(Reference):
    """A gradient of one element is stored without a copy, whoever else stores it."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        _keep(patch, lambda gradient: gradient.numel() == 1)


@mutant(kills="accum.no-aliasing-through-views", may_fail=SHARING)
class VectorGradientsAreShared(Reference):
    """A gradient of one axis is stored without a copy, whoever else stores it."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        _keep(patch, lambda gradient: gradient.ndim == 1 and gradient.is_contiguous())


@mutant(kills="accum.no-aliasing-between-leaves", may_fail=SHARING)
class MatrixGradientsAreShared(Reference):
    """A gradient of two axes is stored without a copy, whoever else stores it."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        _keep(patch, lambda gradient: gradient.ndim == 2 and gradient.is_contiguous())


class _KeepsCotangents(Reference):
    """What becomes of a cotangent that a pass was given: the pass may store it as it is."""

    given: set[int] = set()  # noqa: RUF012  one pass at a time

    def backward(self, outputs: Sequence[Any], cotangents: Sequence[Any] | None = None) -> None:
        self.given.clear()
        self.given.update(each.data_ptr() for each in cotangents or ())
        super().backward(outputs, cotangents)


@mutant(kills="accum.no-aliasing-with-argument", may_fail=SHARING)
class CotangentsAreStored(_KeepsCotangents):
    """A cotangent that reaches a leaf unchanged is stored itself."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        _keep(patch, lambda gradient: gradient.data_ptr() in _KeepsCotangents.given and gradient.is_contiguous())


@mutant(kills="accum.no-aliasing-with-argument", may_fail=SHARING)
class CotangentsBehindAnOffsetAreStored(_KeepsCotangents):
    """A cotangent that lies inside a larger tensor is stored itself when it reaches a leaf unchanged."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def stolen(gradient: torch.Tensor) -> bool:
            return gradient.data_ptr() in _KeepsCotangents.given and gradient.storage_offset() > 0

        _keep(patch, stolen)


# ---- its own memory ----
@mutant(kills="accum.writable-dense", may_fail=(*PASSES, "accum.*"))
class ExpandedGradientsAreStored(Reference):
    """A gradient all of whose elements lie in one place is stored so."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        _keep(patch, lambda gradient: gradient.ndim > 0 and not any(gradient.stride()) and gradient.numel() > 1)


@mutant(kills="accum.writable-dense", may_fail=(*PASSES, "accum.*"))
class GradientsExpandedAlongTheFirstAxisAreStored(Torch):
    """A gradient whose entries along the first axis are equal is stored once for all of them."""

    def backward(self, outputs: Sequence[Any], cotangents: Sequence[Any] | None = None) -> None:
        super().backward(outputs, cotangents)
        for leaf in _leaves(outputs):
            gradient = leaf.grad
            if (
                gradient is not None
                and gradient.ndim > 1
                and len(gradient) > 1
                and bool((gradient == gradient[:1]).all())
            ):
                leaf.grad = gradient[:1].clone().expand(gradient.shape)


def _leaves(roots: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """All leaves that a pass from the roots has reached."""
    todo = [root.grad_fn for root in roots]
    seen, leaves = set(), []
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            leaves.append(node.variable)
        todo += [next_node for next_node, _ in node.next_functions]
    return leaves


@mutant(kills="accum.in-place", may_fail=("accum.*", "inplace.*", "mem.*"))
class EachPassStoresANewTensor(Reference):
    """The third pass stores a new tensor that holds the total."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_accumulation(
            patch,
            lambda tensor, gradient: passes_before(tensor) == 1,
            lambda stored, gradient: Tensor(stored._data + gradient),
        )


@mutant(kills="accum.in-place", may_fail=("accum.*", "inplace.*", "mem.*"))
class OneElementTotalsAreNew(Reference):
    """A later pass stores a new tensor where the gradient has one element."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_accumulation(
            patch,
            lambda tensor, gradient: tensor.numel() == 1,
            lambda stored, gradient: Tensor(stored._data + gradient),
        )


@mutant(kills="accum.out-of-place-under-create-graph", may_fail=("backward.*",))
class RecordedPassesWriteInPlace(Reference):
    """A pass that is recorded changes the stored gradient itself, where it has no history yet."""

    def backward_creating_graph(self, outputs: Sequence[Any], cotangents: Sequence[Any] | None = None) -> None:
        super().backward(outputs, cotangents)


@mutant(kills="accum.out-of-place-under-create-graph", may_fail=("backward.*", "accum.*"))
class SecondRecordedPassWritesInPlace(Torch):
    """The gradient that a recorded pass has stored is changed by the next recorded pass."""

    def backward_creating_graph(self, outputs: Sequence[Any], cotangents: Sequence[Any] | None = None) -> None:
        before = {leaf: leaf.grad for leaf in _leaves(outputs) if leaf.grad is not None and leaf.grad.requires_grad}
        torch.autograd.backward(outputs, cotangents, create_graph=True)
        for leaf, held in before.items():
            held.data.copy_(leaf.grad.data)


# ---- writes that are counted ----
def _uncounted(patch: pytest.MonkeyPatch, applies: Any) -> None:
    def keep(stored: Tensor, gradient: Any) -> Tensor:
        stored._data.add_(gradient)
        return stored

    replace_accumulation(patch, applies, keep)


@mutant(kills="accum.used-gradient", may_fail=("accum.*", "inplace.*"))
class AddingIsNotCounted(Reference):
    """Adding to a stored gradient goes unnoticed by who has used it."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        _uncounted(patch, lambda tensor, gradient: True)


@mutant(kills="accum.used-gradient", may_fail=("accum.*", "inplace.*"))
class AddingToScalarsIsNotCounted(Reference):
    """Adding to a stored gradient without axes goes unnoticed by who has used it."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        _uncounted(patch, lambda tensor, gradient: gradient.ndim == 0)


@mutant(kills="accum.version-bump", may_fail=("accum.*", "inplace.*"))
class ThirdAdditionIsNotCounted(Reference):
    """The third addition to a stored gradient is not counted as a write."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        _uncounted(patch, lambda tensor, gradient: passes_before(tensor) == 2)


# ---- how it lies there ----
@mutant(kills="accum.layout-contract")
class GradientsAreRowMajor(Reference):
    """A gradient of two axes is row-major, however its leaf lies in memory."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = accumulation.own

        def own(gradient: torch.Tensor, like: torch.Tensor, exclusive: bool) -> torch.Tensor:
            made = original(gradient, like, exclusive)
            return made.contiguous() if made.ndim == 2 else made

        patch.setattr(accumulation, "own", own)


@mutant(kills="accum.layout-contract")
class GapsInOrder(Torch):
    """A gradient is column-major where its leaf has gaps."""

    def backward(self, outputs: Sequence[Any], cotangents: Sequence[Any] | None = None) -> None:
        super().backward(outputs, cotangents)
        for leaf in _leaves(outputs):
            if leaf.grad is not None and leaf.ndim == 2 and leaf.stride()[-1] == 2:
                leaf.grad = leaf.grad.t().contiguous().t()
