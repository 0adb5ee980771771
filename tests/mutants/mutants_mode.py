"""Mutants of grad modes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext  # noqa: F401  a spelling uses it
from typing import Any

import pytest
from planting import mutant

import autograd_reference as torch
from autograd_conformance.adapters.reference import Reference
from autograd_conformance.spelling import template
from autograd_reference import indexing, inplace, shaping, views
from autograd_reference.modes import GradMode, state
from autograd_reference.tensor import Tensor

WITH_BLOCKS = ("inplace.correct-or-loud",)
"""Clauses whose programs switch recording off for a step."""


@mutant(kills="mode.restores")
class LeavingSwitchesOn(Reference):
    """Leaving a block switches recording on, whatever was in force before."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def leave(scope: GradMode, *error: Any) -> None:
            state.enabled = True

        patch.setattr(GradMode, "__exit__", leave)


@mutant(kills="mode.restores", may_fail=WITH_BLOCKS)
class ExceptionLeavesModeAlone(Reference):
    """A block that is left by an exception does not restore the mode."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = GradMode.__exit__

        def leave(scope: GradMode, kind: Any, *rest: Any) -> None:
            if kind is None:
                original(scope, kind, *rest)

        patch.setattr(GradMode, "__exit__", leave)


@mutant(kills="mode.restores")
class SwitchOutlastsTheBlock(Reference):
    """A call that switches the mode inside a block still holds after the block."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = GradMode.__exit__

        def leave(scope: GradMode, *error: Any) -> None:
            switched = None if state.enabled == scope.mode else state.enabled
            original(scope, *error)
            state.enabled = state.enabled if switched is None else switched

        patch.setattr(GradMode, "__exit__", leave)


@mutant(kills="mode.restores")
class SwitchIsDeafInBlocks(Reference):
    """A call does not switch recording on inside a block in which it is off."""

    def set_grad_enabled(self, enabled: bool) -> None:
        if not state.entered:
            super().set_grad_enabled(enabled)


@mutant(kills="mode.restores")
class EnableGradDoesNothing(Reference):
    """A block with recording on inside one with recording off does nothing."""

    enable_grad = template("nullcontext()")


@mutant(kills="mode.restores")
class DecoratorsShareTheirState(Reference):
    """All decorated functions keep the mode to restore in one place, so that nested calls overwrite it."""

    def no_grad_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def decorated() -> Any:
            Shared.mode, state.enabled = state.enabled, False
            try:
                return function()
            finally:
                state.enabled = Shared.mode

        return decorated


class Shared:
    """Where decorated functions keep the mode."""

    mode = True


@mutant(kills="mode.restores")
class DecoratorForgetsAfterException(Reference):
    """A decorated function that raises leaves recording off."""

    def no_grad_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def decorated() -> Any:
            before, state.enabled = state.enabled, False
            result = function()
            state.enabled = before
            return result

        return decorated


class OneBlock:
    """A block of which there is one, and so one place for the mode to restore."""

    def __enter__(self) -> None:
        self.before, state.enabled = state.enabled, False

    def __exit__(self, *error: object) -> None:
        state.enabled = self.before


ONE_BLOCK = OneBlock()


@mutant(kills="mode.restores")
class OneBlockForAll(Reference):
    """All blocks with recording off are one object, which forgets the mode when it is entered again."""

    no_grad = template("ONE_BLOCK")


@mutant(kills="mode.restores")
class BlocksAreCounted(Reference):
    """Recording is off while the count of blocks is not zero, and a block with recording on sets it to zero."""

    def no_grad(self) -> Any:
        return _Counted(+1)

    def enable_grad(self) -> Any:
        return _Counted(-_Counted.count)


class _Counted:
    count = 0

    def __init__(self, change: int) -> None:
        self.change = change

    def __enter__(self) -> None:
        self._add(self.change)

    def __exit__(self, *error: object) -> None:
        self._add(-self.change if self.change > 0 else 0)

    def _add(self, change: int) -> None:
        _Counted.count = max(_Counted.count + change, 0)
        state.enabled = not _Counted.count


@mutant(kills="mode.no-grad-flag", may_fail=("mode.*", *WITH_BLOCKS, "leaf.retain-grad-leaf-noop"))
class ResultsWantGradients(Reference):
    """What is computed while recording is off is a leaf that requires gradients."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = Tensor.__mul__

        def multiply(x: Tensor, y: Tensor) -> Tensor:
            result = original(x, y)
            return result.requires_grad_() if result.is_leaf and (x.requires_grad or y.requires_grad) else result

        patch.setattr(Tensor, "__mul__", multiply)


@mutant(kills="inplace.correct-or-loud", may_fail=("mode.*", "backward.interleaved", "leaf.retain-grad"))
class ViewsIgnoreTheMode(Reference):
    """A view that is taken while recording is off carries gradients back."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def alias(*arguments: Any, **keywords: Any) -> Tensor:
            with torch.enable_grad():
                return views.alias(*arguments, **keywords)

        patch.setattr(shaping, "alias", alias)
        patch.setattr(indexing, "alias", alias)


@mutant(
    kills="inplace.correct-or-loud",
    may_fail=(
        "backward.interleaved",
        "mode.view-then-write",
    ),
)
class WritesIgnoreTheMode(Reference):
    """A write while recording is off is recorded."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = inplace.write

        def write(*arguments: Any) -> Tensor:
            with torch.enable_grad():
                return original(*arguments)

        patch.setattr(inplace, "write", write)
