"""Mutants of PyTorch: the faults are planted from outside, in what its adapter spells."""

from __future__ import annotations

import torch
from planting import PROGRAMS, mutant, respelled

from autograd_conformance.adapters.torch import Torch
from autograd_conformance.spelling import template

CLAUSE = "inplace.correct-or-loud"


def _uncounted(x: torch.Tensor, version: int) -> None:
    torch._C._autograd._unsafe_set_version_counter((x,), (version,))


def _multiply_uncounted(x: torch.Tensor, y: torch.Tensor) -> None:
    version = x._version
    x.mul_(y)
    _uncounted(x, version)


@mutant(kills=CLAUSE, may_fail=("view.*",))
class TorchDoesNotCountMultiplication(Torch):
    """Multiplying in place does not count as a write."""

    operators = respelled(multiply_=_multiply_uncounted)


def _multiply_unrecorded_uncounted(x: torch.Tensor, y: torch.Tensor) -> None:
    version = x._version
    x.mul_(y)
    if not torch.is_grad_enabled():
        _uncounted(x, version)


@mutant(kills="inplace.error-under-no-grad", may_fail=("inplace.*", "view.*"))
class TorchDoesNotCountUnrecordedMultiplication(Torch):
    """Multiplying in place while recording is off does not count as a write."""

    operators = respelled(multiply_=_multiply_unrecorded_uncounted)


@mutant(kills="inplace.version-shared", may_fail=("inplace.*", "view.*"))
class TorchDetachesWithoutCounter(Torch):
    """A write through a detached alias does not count for the tensor that it was detached from."""

    detach = template("t.data")


def _multiply_views_unrecorded(x: torch.Tensor, y: torch.Tensor) -> None:
    (x.detach() if x._is_view() else x).mul_(y.detach() if x._is_view() else y)


@mutant(
    kills=CLAUSE,
    may_fail=(
        "mode.view-then-write",
        "view.*",
    ),
)
class TorchDoesNotRecordMultiplicationOfViews(Torch):
    """Multiplying a view in place changes its values and no history."""

    operators = respelled(multiply_=_multiply_views_unrecorded)


# ---- who shares memory with whom ----
@mutant(kills="view.aliasing", may_fail=(CLAUSE,))
class SliceCopies(Torch):
    """A slice has memory of its own."""

    operators = respelled(slice="x[key].clone()")


@mutant(kills="view.aliasing", may_fail=(CLAUSE,))
class ViewOfViewCopies(Torch):
    """Reshaping a view gives a copy."""

    operators = respelled(reshape="(x.clone() if x._is_view() else x).reshape(shape)")


@mutant(kills="view.aliasing", may_fail=(CLAUSE,))
class ExpandCopies(Torch):
    """A tensor that is broadcast is copied as often."""

    operators = respelled(broadcast_to="x.expand(shape).contiguous()")


@mutant(kills="view.aliasing", may_fail=(CLAUSE,))
class SliceWithStepCopies(Torch):
    """A slice with a step has memory of its own."""

    operators = respelled(slice="x[key].clone() if key[-1].step not in (None, 1) else x[key]")


@mutant(kills="view.aliasing", may_fail=(CLAUSE,))
class DiagonalBelowCopies(Torch):
    """A diagonal below the main one has memory of its own."""

    operators = respelled(diagonal="(x.clone() if offset < 0 else x).diagonal(offset, axis1, axis2)")


@mutant(kills="view.aliasing", may_fail=(CLAUSE, "leaf.host-array-shares"))
class DetachCopies(Torch):
    """A detached tensor has memory of its own."""

    detach = template("t.detach().clone()")


@mutant(kills="view.aliasing", may_fail=(CLAUSE, "mem.unrecorded-keeps-nothing"))
class PermutationAliasesUnannounced(Torch):
    """Permuted tensors are said to have memory of their own, and have not."""

    aliasing = Torch.aliasing - {"permute_dims"}


@mutant(
    kills="view.aliasing",
    may_fail=PROGRAMS,
)
class OffsetIsLostAfterTransposing(Torch):
    """An entry of a tensor that is not contiguous is looked for at the tensor's own offset."""

    operators = respelled(select="_select(x, key)")


def _select(x: torch.Tensor, key: tuple[slice | int, ...]) -> torch.Tensor:
    found = x[key]
    if x.is_contiguous():
        return found
    return x.as_strided(found.shape, found.stride(), x.storage_offset())


@mutant(kills="view.aliasing", may_fail=(CLAUSE,))
class WriteMakesContiguousFirst(Torch):
    """A write to a tensor that is not contiguous gives it memory of its own first."""

    operators = respelled(multiply_="_multiply(x, y)")


def _multiply(x: torch.Tensor, y: torch.Tensor) -> None:
    if not x.is_contiguous():
        x.data = x.data.contiguous()
    x.mul_(y)


@mutant(kills="view.aliasing", may_fail=(CLAUSE,))
class AssignmentForgetsTheStep(Torch):
    """Assigning to a slice with a step writes as many entries without gaps."""

    operators = respelled(setitem_="_assign(x, y, key)")


def _assign(x: torch.Tensor, y: torch.Tensor, key: tuple[slice | int, ...]) -> None:
    last = key[-1]
    if isinstance(last, slice) and last.step not in (None, 1):
        key = (*key[:-1], slice(last.start, last.start + x[key].shape[len(key) - 1]))
    x[key] = y


@mutant(kills="view.aliasing", may_fail=(CLAUSE,))
class ViewOfExpandedCopies(Torch):
    """A view of an expanded tensor has memory of its own."""

    operators = respelled(select="(x.clone() if 0 in x.stride() else x)[key]")
