"""Mutants of where views lie in memory, as engines tell it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from planting import PROGRAMS, mutant, replace_rule, respelled

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_conformance.spelling import template
from autograd_reference import rules


# ---- strides and offsets ----
@mutant(kills="view.stride-model")
class OffsetOfPermutedIsLost(Torch):
    """A view that is not contiguous is said to begin where its base does."""

    offset = template("t.storage_offset() if t.is_contiguous() else 0")


@mutant(kills="view.stride-model")
class StridesOfThreeAxesAreRowMajor(Torch):
    """A tensor with three axes or more is said to lie in row-major order."""

    strides = template("t.stride() if t.ndim < 3 else torch.empty(t.shape).stride()")


@mutant(kills="view.expand-stride-zero", may_fail=PROGRAMS)
class ExpansionOfAnInnerAxisCopies(Torch):
    """An expansion of the last axis alone makes as many copies."""

    operators = respelled(broadcast_to="_expand(x, shape)")


def _expand(x: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    expanded = x.expand(shape)
    is_inner = len(shape) == x.ndim and x.ndim and shape[:-1] == tuple(x.shape[:-1]) and shape[-1] != x.shape[-1]
    return expanded.contiguous() if is_inner else expanded


@mutant(kills="view.expand-stride-zero", may_fail=PROGRAMS)
class SecondExpandedAxisHasStrideOne(Torch):
    """Of several expanded axes, all but the first are said to have stride one."""

    def strides(self, t: Any) -> tuple[int, ...]:
        found = list(t.stride())
        zeros = [axis for axis, stride in enumerate(found) if stride == 0 and t.shape[axis] > 1]
        for axis in zeros[1:]:
            found[axis] = 1
        return tuple(found)


# ---- reshaping ----
CLAUSE = "view.view-needs-compatible-strides"


@mutant(kills=CLAUSE)
class ViewCopiesWhereItMust(Torch):
    """A view in a shape that no strides can express is a copy."""

    operators = respelled(view="x.reshape(shape)")


@mutant(kills=CLAUSE)
class ViewOfPermutedIsRefused(Torch):
    """Only contiguous tensors can be viewed in another shape."""

    operators = respelled(view="_view(x, shape)")


def _view(x: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    if not x.is_contiguous():
        raise RuntimeError("view: not contiguous")
    return x.view(shape)


@mutant(kills=CLAUSE, may_fail=PROGRAMS)
class ReshapeOfExpandedCopies(Torch):
    """Reshaping an expanded tensor copies it, also where strides could express the shape."""

    operators = respelled(reshape="(x.contiguous() if 0 in x.stride() else x).reshape(shape)")


# ---- copies ----
@mutant(kills="view.clone-layout")
class CopyOfThreeAxesIsRowMajor(Torch):
    """A copy of a tensor with three axes or more lies in row-major order."""

    operators = respelled(clone="x.clone() if x.ndim < 3 else x.clone(memory_format=torch.contiguous_format)")


@mutant(kills="view.clone-layout")
class CopyKeepsGaps(Torch):
    """A copy of a tensor with gaps in its last axis has the same gaps."""

    operators = respelled(clone="_clone(x)")


def _clone(x: torch.Tensor) -> torch.Tensor:
    if not x.ndim or x.stride(-1) != 2 or 0 in x.shape:
        return x.clone()
    return x.repeat_interleave(2, -1)[..., ::2]


# ---- bases ----
@mutant(kills="view.base-relation")
class CopyOfAViewNamesItsBase(Torch):
    """A copy of a view names the base of that view as its own."""

    operators = respelled(clone="_copy(x)")
    is_view_of = template("getattr(t, 'named', t._base) is base")


def _copy(x: Any) -> Any:
    made: Any = x.clone()
    made.named = x._base
    return made


@mutant(kills="view.base-relation")
class ViewOfAViewNamesItsParent(Torch):
    """A slice of a view names that view as its base."""

    operators = respelled(slice="_slice(x, key)")
    is_view_of = template("getattr(t, 'parent', t._base) is base")


def _slice(x: Any, key: Any) -> Any:
    made: Any = x[key]
    made.parent = x
    return made


# ---- views that change nothing ----
@mutant(kills="view.identity-returns", may_fail=("leaf.*", *PROGRAMS))
class ReshapingToTheSameShapeDoesNothing(Torch):
    """Reshaping a tensor to the shape that it has returns the tensor itself."""

    operators = respelled(reshape="x if x.shape == shape else x.reshape(shape)")


@mutant(kills="view.identity-returns", may_fail=("leaf.*", "view.detach-shares"))
class DetachingAConstantDoesNothing(Torch):
    """Detaching a tensor that requires no gradient returns the tensor itself."""

    detach = template("t.detach() if t.requires_grad else t")


# ---- any geometry ----
@mutant(kills="view.as-strided-overlap")
class SharedPlaceGetsOneGradient(Reference):
    """Of the gradients of one place in memory that a geometry shows several times, one is kept."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def rule(g: Any, shape: Any, size: Any, stride: Any, offset: int, geometry: Any) -> Any:
            there, here = rules.positions(size, stride, offset, g.device), rules.positions(shape, *geometry, g.device)
            memory = g.new_zeros((100,)).index_copy_(0, there, g.reshape(-1))
            return memory.index_select(0, here).reshape(shape)

        replace_rule(patch, rules.AS_STRIDED, "x", rule)


@mutant(kills="view.as-strided-overlap")
class OffsetIsForgottenBehindRepeats(Reference):
    """The gradient of a geometry that repeats an axis is put back as if it had no offset."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def rule(g: Any, shape: Any, size: Any, stride: Any, offset: int, geometry: Any) -> Any:
            return rules.by_memory(g, shape, size, stride, 0 if 0 in stride else offset, geometry)

        replace_rule(patch, rules.AS_STRIDED, "x", rule)
