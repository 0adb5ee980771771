"""Mutants of views that come several at a time."""

from __future__ import annotations

import pytest
import torch
from mutants_view import hooked
from mutants_view_writes import replace_after_write, replace_refresh
from planting import mutant, respelled

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_reference import rules, shaping


@mutant(kills="view.multi-output-gradient", may_fail=("backward.partial-outputs",))
class ThirdEntryPassesNothing(Torch):
    """Of the entries of an axis that are taken at a time, the third passes no gradient back."""

    operators = respelled(unbind="_unbind(x, axis)")


def _unbind(x: torch.Tensor, axis: int) -> tuple[torch.Tensor, ...]:
    taken = x.unbind(axis)
    for third in taken[2:3]:
        hooked(third, torch.zeros_like)
    return taken


@mutant(kills="view.multi-output-gradient", may_fail=("backward.partial-outputs",))
class ShorterPartPassesNothing(Torch):
    """Of the parts of an axis, the last one passes no gradient back if it is shorter than the others."""

    operators = respelled(split="_split(x, size, axis)")


def _split(x: torch.Tensor, size: int, axis: int) -> tuple[torch.Tensor, ...]:
    taken = x.split(size, axis)
    if taken[-1].shape[axis] < size and len(taken) > 1:
        hooked(taken[-1], torch.zeros_like)
    return taken


@mutant(kills="view.multi-output-write")
class WriteToAPartIsNotRebased(Reference):
    """A write to one of the parts of an axis changes the values and no history."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        allow(patch)
        replace_after_write(
            patch, lambda node, target: target._view is not None and target._view.operator is rules.NARROW
        )


@mutant(kills="view.multi-output-write")
class OtherPartsAreStale(Reference):
    """After a write to the second part of an axis, or behind, the first part keeps its old history."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        allow(patch)
        replace_refresh(patch, lambda view: view.operator is rules.NARROW and view.parameters[1] == 0)


def allow(patch: pytest.MonkeyPatch) -> None:
    """Writes to parts are recorded, where the engine would refuse them."""
    patch.setattr(shaping, "refuse_writes", lambda name, views: None)
