"""Recording on or off: `no_grad`, `enable_grad`, `set_grad_enabled`, each a block, a decorator or a plain call."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])


class RecordingState(threading.local):
    """The mode belongs to the thread; a new thread starts with recording enabled."""

    enabled = True

    def __init__(self) -> None:
        # The scopes this thread is in, each with the mode to restore. Kept here and not on the scope object, so that
        # one object may be entered twice, and by several threads.
        self.entered: list[tuple[object, bool]] = []


state = RecordingState()


def is_grad_enabled() -> bool:
    """Whether operators on tensors that require gradients are recorded in this thread."""
    return state.enabled


class GradMode:
    """A scope in which recording is on or off, as a `with` block or as a decorator of functions and generators."""

    __slots__ = ("mode",)

    def __init__(self, mode: bool) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        state.entered.append((self, state.enabled))
        state.enabled = self.mode

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Scopes opened inside suspended generators are not left in the order they were entered: look for our own.
        for position in range(len(state.entered) - 1, -1, -1):
            scope, previous = state.entered[position]
            if scope is self:
                del state.entered[position]
                state.enabled = previous
                return

    def __call__(self, function: Function) -> Function:
        """Decorate a function, or a generator function whose consumer then keeps its own mode between the items."""
        mode = self.mode
        if inspect.isgeneratorfunction(function):
            return cast(Function, decorate_generator(function, mode))

        @functools.wraps(function)
        def call_in_mode(*args: Any, **kwargs: Any) -> Any:
            with GradMode(mode):
                return function(*args, **kwargs)

        return cast(Function, call_in_mode)


def decorate_generator(function: Callable[..., Generator[Any, Any, Any]], mode: bool) -> Callable[..., Any]:
    """Run each step of the generator in the mode, and everything between the steps in the consumer's own."""

    @functools.wraps(function)
    def generate_in_mode(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)
        step: Callable[..., Any] = generator.send
        argument: Any = None
        while True:
            try:
                with GradMode(mode):
                    item = step(argument)
            except StopIteration as stop:
                return stop.value
            try:
                argument = yield item
                step = generator.send
            except GeneratorExit:
                with GradMode(mode):
                    generator.close()
                raise
            except BaseException as error:  # noqa: BLE001 - whatever is thrown in is for the generator to handle
                argument, step = error, generator.throw

    return generate_in_mode


class no_grad(GradMode):
    """Operators inside are not recorded: their results need no gradients. Also `@no_grad` without parentheses."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(False)

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)


class enable_grad(GradMode):
    """Operators inside are recorded, also within `no_grad`. Also `@enable_grad` without parentheses."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(True)

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)


class set_grad_enabled(GradMode):
    """Switch recording at once and until changed; as a block or decorator it restores the mode found when called."""

    __slots__ = ("found",)

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self.found: bool | None = state.enabled
        state.enabled = self.mode

    def __enter__(self) -> None:
        if self.found is not None:  # the first entry restores the mode from before the call, a later one what it finds
            state.enabled, self.found = self.found, None
        super().__enter__()

    def __call__(self, function: Function) -> Function:
        if self.found is not None:  # decorating a function is not switching the mode
            state.enabled, self.found = self.found, None
        return super().__call__(function)
