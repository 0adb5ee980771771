"""Mutants of the stored gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from planting import PASSES, PROGRAMS, mutant

import autograd_reference as torch
from autograd_conformance.adapters.reference import Reference
from autograd_conformance.spelling import template
from autograd_reference import accumulate as accumulation
from autograd_reference import backward as walking
from autograd_reference import indexing, shaping, views
from autograd_reference.modes import state
from autograd_reference.tensor import Tensor

Keep = Callable[[Tensor, Any], Tensor]


def replace_accumulation(patch: pytest.MonkeyPatch, applies: Callable[[Tensor, Any], bool], keep: Keep) -> None:
    """What a leaf stores is what `keep` makes of it and of the new gradient, where a gradient is there and it `applies`."""

    def accumulate(tensor: Tensor, gradient: Any, exclusive: bool) -> None:
        if tensor._grad is not None and applies(tensor, gradient):
            tensor._grad = keep(tensor._grad, gradient)
        else:
            accumulation.accumulate(tensor, gradient, exclusive)

    patch.setattr(walking, "accumulate", accumulate)


def passes_before(tensor: Tensor) -> int:
    """Of the reference engine: how many gradients were added to the one that was stored first."""
    assert tensor._grad is not None
    return tensor._grad._version


@mutant(kills="accum.adds", may_fail=PASSES)
class SecondPassOverwrites(Reference):
    """The second pass overwrites what the first has stored; later passes add."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def keep(stored: Tensor, gradient: Any) -> Tensor:
            stored._data.copy_(gradient)
            stored._storage.version += 1
            return stored

        replace_accumulation(patch, lambda tensor, gradient: passes_before(tensor) == 0, keep)


@mutant(kills="accum.adds", may_fail=PASSES)
class ThirdPassOverwrites(Reference):
    """The third pass overwrites what the first two have stored."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_accumulation(
            patch,
            lambda tensor, gradient: passes_before(tensor) == 1,
            lambda stored, gradient: Tensor(gradient.clone()),
        )


@mutant(kills="accum.adds", may_fail=PASSES)
class SizeOneOverwrites(Reference):
    """A leaf of one element keeps only the gradient of the last pass."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_accumulation(
            patch, lambda tensor, gradient: tensor.numel() == 1, lambda stored, gradient: Tensor(gradient.clone())
        )


@mutant(kills="accum.adds", may_fail=PASSES)
class AddsInMemoryOrder(Reference):
    """A second gradient is added in the order in which it lies in memory, whatever its strides; past its end is an error."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def keep(stored: Tensor, gradient: Any) -> Tensor:
            shape = gradient.shape
            gradient = gradient.as_strided(shape, torch.empty(shape, device="meta").stride())
            return Tensor(stored._data + gradient)

        replace_accumulation(patch, lambda tensor, gradient: not gradient.is_contiguous(), keep)


@mutant(kills="accum.adds", may_fail=PASSES)
class SecondPassInDouble(Reference):
    """The sum of two gradients is stored in double precision, whatever the leaf's dtype."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_accumulation(
            patch, lambda tensor, gradient: True, lambda stored, gradient: Tensor(stored._data.double() + gradient)
        )


@mutant(kills="accum.adds", may_fail=PASSES)
class StoredGradientsShareMemory(Reference):
    """A leaf stores the very gradient that arrives, although another leaf may store the same one."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(accumulation, "own", lambda gradient, like, exclusive: gradient)


@mutant(kills="accum.adds", may_fail=PASSES)
class BackwardLeavesRecordingOff(Reference):
    """A backward pass leaves recording switched off."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = walking.Pass.run

        def run(walk: walking.Pass) -> None:
            original(walk)
            state.enabled = False

        patch.setattr(walking.Pass, "run", run)


@mutant(kills="accum.adds", may_fail=PROGRAMS)
class LargeGradientInDouble(Reference):
    """A gradient of more than six elements is handed out in double precision."""

    grad = template("t.grad if t.grad is None or t.numel() <= 6 else t.grad.to(torch.float64)")


@mutant(kills="accum.adds", may_fail=PASSES)
class ForgetsWhenUsedAgain(Reference):
    """A leaf forgets its gradient when a view of it is taken."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def alias(operator: Any, x: Tensor, *rest: Any, **keywords: Any) -> Tensor:
            x._grad = None
            return views.alias(operator, x, *rest, **keywords)

        patch.setattr(shaping, "alias", alias)
        patch.setattr(indexing, "alias", alias)
