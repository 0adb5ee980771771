"""Mutants of grad modes: blocks that are entered again, coroutines, views that were taken while recording was off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from planting import mutant, respelled

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_reference import inplace, modes, views
from autograd_reference.modes import GradMode, state
from autograd_reference.tensor import Tensor


# ---- blocks that are entered again ----
@mutant(kills="mode.instance-reentry")
class BlockRemembersOneMode(Reference):
    """A block that is entered while it is entered forgets which mode was in force before."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        before: dict[int, bool] = {}

        def enter(scope: GradMode) -> None:
            before[id(scope)], state.enabled = state.enabled, scope.mode

        def leave(scope: GradMode, *error: Any) -> None:
            state.enabled = before[id(scope)]

        patch.setattr(GradMode, "__enter__", enter)
        patch.setattr(GradMode, "__exit__", leave)


@mutant(kills="mode.instance-reentry")
class ThirdEntryDoesNothing(Reference):
    """A block that is entered for the third time leaves the mode as it is."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        entries: dict[int, tuple[GradMode, Counter[None]]] = {}
        original = GradMode.__enter__

        def enter(scope: GradMode) -> None:
            _, entered = entries.setdefault(id(scope), (scope, Counter()))
            entered.update((None,))
            mode = state.enabled
            original(scope)
            state.enabled = mode if entered.total() == 3 else state.enabled

        patch.setattr(GradMode, "__enter__", enter)


# ---- coroutines ----
def replace_coroutines(patch: pytest.MonkeyPatch, awaited: Callable[[Any], Any]) -> None:
    """Await `awaited(coroutine)` where a decorated coroutine function was called."""

    def decorate(function: Callable[..., Any], scope: Any) -> Callable[..., Any]:
        async def run(*arguments: Any) -> Any:
            return await awaited(function(*arguments))

        return run

    patch.setattr(modes, "decorate_coroutine", decorate)


@mutant(kills="mode.async-decorator")
class CoroutineLeaksItsMode(Reference):
    """While a decorated coroutine waits, whatever else runs computes with recording off."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        async def leaking(coroutine: Any) -> Any:
            with GradMode(False):
                return await coroutine

        replace_coroutines(patch, leaking)


class ModeOfSends:
    """Awaits a coroutine with recording off as long as values are sent to it."""

    def __init__(self, coroutine: Any) -> None:
        self.coroutine = coroutine

    def __await__(self) -> Any:
        step, argument = self.coroutine.send, None
        while True:
            try:
                with GradMode(step == self.coroutine.throw):
                    item = step(argument)
            except StopIteration as stop:
                return stop.value
            try:
                argument, step = (yield item), self.coroutine.send
            except GeneratorExit:
                with GradMode(False):
                    self.coroutine.close()
                raise
            except BaseException as error:  # noqa: BLE001
                argument, step = error, self.coroutine.throw


@mutant(kills="mode.async-decorator")
class ThrownIntoCoroutineIsRecorded(Reference):
    """A decorated coroutine into which an exception is thrown runs on with recording on, until it waits again."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        replace_coroutines(patch, ModeOfSends)


# ---- views that were taken while recording was off ----
@mutant(kills="mode.view-then-write")
class ViewsOfUnrecordedViewsAreWritten(Reference):
    """A view, taken while recording is on, of a view that was taken while it was off may be written."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = views.View.__init__

        def begin(view: views.View, *arguments: Any) -> None:
            original(view, *arguments)
            view.restriction = None

        patch.setattr(views.View, "__init__", begin)


@mutant(kills="mode.view-then-write")
class RefusedWriteHasChangedValues(Reference):
    """A write through a view that was taken while recording was off is refused when the values are written already."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = inplace.refuse_recording

        def refuse(target: Tensor) -> None:
            restricted = target._view is not None and target._view.restriction is not None
            try:
                original(target)
            except RuntimeError:
                if restricted:
                    target._data.add_(1)
                raise

        patch.setattr(inplace, "refuse_recording", refuse)


@mutant(kills="mode.view-then-write")
class UnrecordedViewsLoseHistory(Torch):
    """A copy to a view that was taken while recording was off is accepted, changes the values, and no history."""

    operators = respelled(copy_="_copied(x, y)")


def _copied(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    try:
        return x.copy_(y)
    except RuntimeError as error:
        if "no_grad mode" not in str(error):
            raise
    with torch.no_grad():
        return x.copy_(y)


# ---- writes to leaves ----
@mutant(kills="mode.leaf-update")
class CopyToVectorClearsItsGradient(Torch):
    """A copy to a leaf with one axis, while recording is off, makes the gradient that it has stored zero."""

    operators = respelled(copy_="_copied_and_cleared(x, y)")


def _copied_and_cleared(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x.copy_(y)
    if x.is_leaf and x.ndim == 1 and x.grad is not None:
        x.grad = torch.zeros_like(x)
    return x
