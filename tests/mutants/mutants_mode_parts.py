"""Mutants of grad modes: parts of programs, decorated functions and generators, threads, writes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from planting import mutant, respelled

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_reference import inplace, modes, rules
from autograd_reference.modes import GradMode, RecordingState, state
from autograd_reference.tensor import Tensor

OFF = ("mode.*", "inplace.*", "view.*", "backward.inside-no-grad", "leaf.*")
"""Clauses that compute something while recording is off."""


@mutant(kills="mode.no-grad-blocks", may_fail=OFF)
class JoiningIgnoresTheMode(Torch):
    """Tensors that are joined while recording is off are a recorded result."""

    operators = respelled(concat="_joined(xs, axis)")


def _joined(xs: tuple[torch.Tensor, ...], axis: int) -> torch.Tensor:
    with torch.enable_grad():
        return torch.cat(xs, axis)


@mutant(
    kills="mode.no-grad-blocks", may_fail=(*OFF, "backward.root-without-grad-error", "mem.unrecorded-keeps-nothing")
)
class LongBlocksEnd(Reference):
    """Recording is on again after the fourth operation in a block."""

    def apply(self, operator: str, *tensors: Any, **params: Any) -> Any:
        made = super().apply(operator, *tensors, **params)
        self.inside = 0 if state.enabled else getattr(self, "inside", 0) + 1
        if self.inside == 4:
            state.enabled = True
        return made


def _entered(mode: bool) -> int:
    return sum(isinstance(scope, GradMode) and scope.mode is mode for scope, _ in state.entered)


@mutant(kills="mode.enable-inside-disable", may_fail=("mode.*",))
class DeepBlocksStayOff(Reference):
    """Inside three blocks with recording off, a block with recording on does nothing."""

    def enable_grad(self) -> Any:
        return nullcontext() if _entered(False) >= 3 else super().enable_grad()


@mutant(kills="mode.enable-inside-disable", may_fail=("mode.*",))
class LeavingAnInnerBlockSwitchesOn(Reference):
    """Leaving a block with recording on leaves recording on in the block around it."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = GradMode.__exit__

        def leave(scope: GradMode, *error: Any) -> None:
            original(scope, *error)
            if scope.mode and _entered(False) == 1:
                state.enabled = True

        patch.setattr(GradMode, "__exit__", leave)


@mutant(kills="mode.set-as-function", may_fail=("mode.*",))
class SecondCallSwitchesBack(Reference):
    """To switch recording off while it is off switches it on."""

    def set_grad_enabled(self, enabled: bool) -> None:
        super().set_grad_enabled(enabled or not state.enabled)


@mutant(kills="mode.set-as-function", may_fail=OFF)
class SwitchOffSparesMatrixProducts(Torch):
    """A matrix product is recorded while recording is off."""

    operators = respelled(matmul="_multiplied(x, y)")


def _multiplied(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        return x @ y


class Restoring:
    """Decorates functions and restores some mode afterwards."""

    def __init__(self, function: Callable[..., Any], after: Callable[[bool], bool]) -> None:
        self.function, self.after = function, after

    def __call__(self, *arguments: Any) -> Any:
        before, state.enabled = state.enabled, False
        try:
            return self.function(*arguments)
        finally:
            state.enabled = self.after(before)


@mutant(kills="mode.decorator", may_fail=("mode.*", "backward.*"))
class DecoratedCallSwitchesOn(Reference):
    """When a decorated function returns, recording is on, also where one that was decorated has called it."""

    def no_grad_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return Restoring(function, lambda before: True)


@mutant(kills="mode.decorator", may_fail=("mode.*",))
class ThirdCallIsRecorded(Reference):
    """From the third call on, a decorated function does not switch recording off."""

    def no_grad_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        calls = iter(range(1000))
        off = super().no_grad_function(function)
        return lambda *arguments: (off if next(calls) < 2 else function)(*arguments)


@mutant(kills="mode.factories-keep-flag", may_fail=("leaf.*", "mode.*"))
class ScalarsBuiltUnrecordedWantNone(Reference):
    """A scalar that is built while recording is off requires no gradient, although that was asked."""

    def tensor(self, array: Any, *, requires_grad: bool = False) -> Any:
        return super().tensor(array, requires_grad=requires_grad and (state.enabled or array.ndim > 0))


# ---- decorators with a mode, generators, threads ----
@mutant(kills="mode.decorator-factory-state", may_fail=("mode.*",))
class DecoratingSwitchesOff(Reference):
    """To decorate a function so that recording is off switches it off."""

    def grad_mode_function(self, function: Callable[..., Any], enabled: bool) -> Callable[..., Any]:
        decorated = super().grad_mode_function(function, enabled)
        state.enabled = state.enabled and enabled
        return decorated


@mutant(kills="mode.decorator-factory-state", may_fail=("mode.*",))
class DecoratorRemembersWhereItWasMade(Reference):
    """A function that was decorated with a mode restores the mode that was in force when it was decorated."""

    def grad_mode_function(self, function: Callable[..., Any], enabled: bool) -> Callable[..., Any]:
        made_in = state.enabled

        def decorated() -> Any:
            state.enabled = enabled
            try:
                return function()
            finally:
                state.enabled = made_in

        return decorated


def with_generators(step: Callable[[Any], Any]) -> Callable[..., Any]:
    """A stand-in for the reference engine's way to decorate generators."""
    return lambda function, mode: lambda *arguments: step(function(*arguments))


@mutant(kills="mode.decorated-generator")
class GeneratorLeaksItsMode(Reference):
    """While a decorated generator waits, its consumer computes with recording off."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def leaking(generator: Any) -> Iterator[Any]:
            with GradMode(False):
                return (yield from generator)

        patch.setattr(modes, "decorate_generator", with_generators(leaking))


@mutant(kills="mode.decorated-generator")
class ThrownIntoGeneratorIsRecorded(Reference):
    """A decorated generator into which an exception is thrown runs on with recording on, up to its next item."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def careless(generator: Any) -> Iterator[Any]:
            step, argument = generator.send, None
            while True:
                try:
                    with GradMode(step == generator.throw):
                        item = step(argument)
                except StopIteration as stop:
                    return stop.value
                try:
                    argument, step = (yield item), generator.send
                except GeneratorExit:
                    with GradMode(False):
                        generator.close()
                    raise
                except BaseException as error:  # noqa: BLE001
                    argument, step = error, generator.throw

        patch.setattr(modes, "decorate_generator", with_generators(careless))


@mutant(kills="mode.decorated-generator")
class ClosedGeneratorIsRecorded(Reference):
    """A decorated generator that is closed runs its last lines with recording on."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def careless(generator: Any) -> Iterator[Any]:
            step, argument = generator.send, None
            while True:
                try:
                    with GradMode(False):
                        item = step(argument)
                except StopIteration as stop:
                    return stop.value
                try:
                    argument, step = (yield item), generator.send
                except GeneratorExit:
                    generator.close()
                    raise
                except BaseException as error:  # noqa: BLE001
                    argument, step = error, generator.throw

        patch.setattr(modes, "decorate_generator", with_generators(careless))


@mutant(kills="mode.thread-local", may_fail=("thread.*",))
class OneModeForAllThreads(Reference):
    """All threads have one mode."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        facts = {name: value for name, value in vars(RecordingState).items() if not name.startswith("_")}
        shared = SimpleNamespace(**facts, entered=[])
        for name, module in list(sys.modules.items()):
            if name.startswith("autograd_reference") and getattr(module, "state", None) is state:
                patch.setattr(module, "state", shared)


@mutant(kills="mode.thread-local", may_fail=("thread.*",))
class ThreadsInheritTheMode(Reference):
    """A new thread starts with the mode that was switched last in any thread."""

    def set_grad_enabled(self, enabled: bool) -> None:
        super().set_grad_enabled(enabled)
        RecordingState.enabled = enabled

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(RecordingState, "enabled", True)


# ---- writes ----
def after_unrecorded_writes(patch: pytest.MonkeyPatch, change: Callable[[Any, Tensor], None]) -> None:
    """What else happens after a write while recording is off."""
    original = inplace.write

    def write(operator: Any, write_raw: Any, target: Tensor, *rest: Any) -> Tensor:
        original(operator, write_raw, target, *rest)
        if not state.enabled:
            change(operator, target)
        return target

    patch.setattr(inplace, "write", write)


@mutant(kills="mode.leaf-update", may_fail=(*OFF, "backward.interleaved"))
class LeafWrittenTwiceWantsNoGradient(Reference):
    """A leaf that was written a second time requires no gradient."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def forget(operator: Any, target: Tensor) -> None:
            target._requires_grad = target._requires_grad and target._version < 2

        after_unrecorded_writes(patch, forget)


@mutant(kills="mode.leaf-update", may_fail=(*OFF, "backward.interleaved"))
class LeafUpdateIsRecorded(Reference):
    """A leaf to which something is added while recording is off is a result afterwards."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def record(operator: Any, target: Tensor) -> None:
            if operator is rules.ADD and target._requires_grad and target.numel() == 1:
                before = Tensor(target._data)
                before._requires_grad = True
                with GradMode(True):
                    target._edge = (before + 0)._edge

        after_unrecorded_writes(patch, record)


@mutant(kills="mode.nonleaf-update-keeps-history", may_fail=OFF)
class UnrecordedCopyCuts(Reference):
    """A result that is overwritten while recording is off passes no gradient back."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def cut(operator: Any, target: Tensor) -> None:
            if operator is rules.COPY and target._view is None and target._edge is not None:
                with GradMode(True):
                    target._edge = (Tensor(target._data) * 1)._edge
                target._requires_grad = True

        after_unrecorded_writes(patch, cut)


@mutant(kills="mode.nonleaf-update-keeps-history", may_fail=OFF)
class UnrecordedProductScalesGradients(Reference):
    """A result that is multiplied through a view while recording is off scales the gradients that pass it."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = inplace.write

        def write(operator: Any, write_raw: Any, target: Tensor, *rest: Any) -> Tensor:
            if operator is rules.MUL and target._view is not None and not target.is_leaf:
                with GradMode(True):
                    return original(operator, write_raw, target, *rest)
            return original(operator, write_raw, target, *rest)

        patch.setattr(inplace, "write", write)
