"""Mutants of views: their memory, their gradients, and how they are laid out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from planting import PROGRAMS, mutant, replace_rule, respelled

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_reference import rules

Wrong = Callable[[torch.Tensor], torch.Tensor | None]


def hooked(x: torch.Tensor, wrong: Wrong) -> torch.Tensor:
    """`x`, through which the gradient that `wrong` makes of the right one is passed."""
    if x.requires_grad:
        x.register_hook(wrong)
    return x


def is_expanded(x: torch.Tensor) -> bool:
    """Whether several elements lie in one place."""
    return any(stride == 0 and length > 1 for stride, length in zip(x.stride(), x.shape, strict=True))


# ---- memory ----
@mutant(kills="view.copies", may_fail=PROGRAMS)
class JoinOfOneTensorAliases(Torch):
    """A single tensor that is joined along its last axis is no copy."""

    operators = respelled(
        concat="xs[0].view_as(xs[0]) if len(xs) == 1 and axis == xs[0].ndim - 1 else torch.cat(xs, axis)"
    )


@mutant(kills="view.copies", may_fail=PROGRAMS)
class SumOfAxisOfLengthOneAliases(Torch):
    """The sum over an axis of length one that is dropped is a view."""

    operators = respelled(sum="_sum(x, axis, keepdims)")


def _sum(x: torch.Tensor, axis: tuple[int, ...], keepdims: bool) -> torch.Tensor:
    if len(axis) == 1 and x.shape[axis[0]] == 1 and not keepdims:
        return x.squeeze(axis[0])
    return x.sum(axis, keepdim=keepdims)


# ---- gradients ----
@mutant(kills="view.gradient-transposes", may_fail=PROGRAMS)
class DiagonalOfPermutedIsReversed(Torch):
    """The gradient of a diagonal of a tensor that is not contiguous is put back in the reverse order."""

    operators = respelled(diagonal="_diagonal(x, offset, axis1, axis2)")


def _diagonal(x: torch.Tensor, offset: int, axis1: int, axis2: int) -> torch.Tensor:
    found = x.diagonal(offset, axis1, axis2)
    return found if x.is_contiguous() else hooked(found, lambda g: g.flip(-1))


@mutant(kills="view.gradient-transposes", may_fail=PROGRAMS)
class EmptyViewCannotBePassed(Torch):
    """A gradient without elements cannot be passed back through a view."""

    operators = respelled(
        **{name: f"_refusing_empty({text})" for name, text in respelled().items() if name in Torch.aliasing}
    )


def _refusing_empty(view: torch.Tensor) -> torch.Tensor:
    def refuse(g: torch.Tensor) -> torch.Tensor:
        if g.numel() == 0:
            raise RuntimeError("a gradient without elements")
        return g

    return hooked(view, refuse)


@mutant(kills="view.expand-backward-sums", may_fail=PROGRAMS)
class ExpansionOfBothKindsKeepsLast(Reference):
    """Where an expansion adds axes and repeats others as well, the gradient of the last repetition is kept."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def rule(g: Any, shape: Any) -> Any:
            new = g.ndim - len(shape)
            if not new:
                return g
            g = g.sum(tuple(range(new)))
            for axis, length in enumerate(shape):
                g = g if g.shape[axis] in (0, length) else g.narrow(axis, -1, 1)
            return g

        replace_rule(patch, rules.EXPAND, "x", rule)


@mutant(kills="view.expand-backward-sums", may_fail=PROGRAMS)
class ExpansionToNothingHasGradient(Torch):
    """The gradient of an expansion to no elements at all is one, and not zero."""

    operators = respelled(broadcast_to="_expand(x, shape)")


def _expand(x: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    source = x.view_as(x)
    if 0 in shape:
        hooked(source, lambda g: g + 1)
    return source.expand(shape)


@mutant(kills="view.chain", may_fail=PROGRAMS)
class ThirdViewOfAViewIsForgotten(Torch):
    """Of the views of one view, the third gets no gradient through."""

    operators = respelled(
        **{name: f"_counted(x, {text})" for name, text in respelled().items() if name in Torch.aliasing}
    )


def _counted(x: Any, view: torch.Tensor) -> torch.Tensor:
    x.taken = getattr(x, "taken", 0) + 1
    return hooked(view, torch.zeros_like) if x._is_view() and x.taken == 3 else view


# ---- layouts ----
@mutant(kills="view.layout-invariance", may_fail=PROGRAMS)
class CotangentWithGapsIsReadWithoutThem(Torch):
    """A cotangent whose last axis has gaps in memory is read as if it had none."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        torch.autograd.backward(outputs, cotangents and [_without_gaps(each) for each in cotangents])


def _without_gaps(c: torch.Tensor) -> torch.Tensor:
    if c.ndim == 0 or c.stride(-1) != 2:
        return c
    return c.as_strided(c.shape, (*c.stride()[:-1], 1), c.storage_offset())


@mutant(kills="view.layout-invariance", may_fail=PROGRAMS)
class ExpandedFactorGetsOneShare(Torch):
    """An expanded factor of a product of two expanded ones gets the gradient of its first copy."""

    operators = respelled(multiply="_multiply(x, y)")


def _multiply(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    if is_expanded(x) and is_expanded(y):
        axis = next(axis for axis, stride in enumerate(x.stride()) if stride == 0 and x.shape[axis] > 1)
        x = hooked(
            x.view_as(x), lambda g: torch.cat([g.narrow(axis, 0, 1), 0 * g.narrow(axis, 1, g.shape[axis] - 1)], axis)
        )
    return x * y
