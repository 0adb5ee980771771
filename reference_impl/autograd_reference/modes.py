"""Recording on or off: `no_grad`, `enable_grad`, `set_grad_enabled`, each a block, a decorator or a plain call.

In `inference_mode` nothing is recorded whatever these say, and what is made has no version counter, see storage.py.
"""

from __future__ import annotations

import functools
import inspect
import threading
import types
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast

from .caller import warn
from .storage import Storage, inferring

Function = TypeVar("Function", bound=Callable[..., Any])
NewScope = Callable[[], AbstractContextManager[None]]


class RecordingState(threading.local):
    """The mode belongs to the thread; a new thread starts with recording enabled."""

    enabled = True
    inference = False
    # The levels of forward mode whose tangents are pushed on: while tangents are computed, only the outer ones; None for all.
    heeded: Sequence[Any] | None = None
    asked = True  # in inference mode, what was last asked of recording, though nothing is recorded

    def __init__(self) -> None:
        # The scopes this thread is in, each with the mode to restore. Kept here and not on the scope object, so that
        # one object may be entered twice, and by several threads.
        self.entered: list[tuple[object, bool]] = []


state = RecordingState()


def is_grad_enabled() -> bool:
    """Whether operators on tensors that require gradients are recorded in this thread, inference mode apart."""
    return state.asked if state.inference else state.enabled


def set_mode(mode: bool) -> None:
    """Switch recording on or off; in inference mode that is only noted."""
    if state.inference:
        state.asked = mode
    else:
        state.enabled = mode


class GradMode:
    """A scope in which recording is on or off, as a `with` block or as a decorator of functions and generators."""

    __slots__ = ("mode",)

    def __new__(cls: Any, mode: Any = None) -> Any:
        """A scope; or, of a function, the decorated one: modes that need no argument decorate without parentheses."""
        return cls()(mode) if callable(mode) else object.__new__(cls)

    def __init__(self, mode: bool) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        state.entered.append((self, is_grad_enabled()))
        set_mode(self.mode)

    def __exit__(self, *error: object) -> None:
        # Scopes opened inside suspended generators are not left in the order they were entered: look for our own.
        for position in range(len(state.entered) - 1, -1, -1):
            scope, previous = state.entered[position]
            if scope is self:
                del state.entered[position]
                set_mode(previous)
                return

    def __call__(self, function: Function) -> Function:
        """Decorate a function, or one that makes generators or coroutines; who resumes these keeps its own mode."""
        return decorated(function, functools.partial(GradMode, self.mode))


def decorated(function: Function, scope: NewScope) -> Function:
    """A function, generator function or coroutine function whose body runs in a scope."""
    if inspect.isclass(function):
        warn(
            "Decorating classes is deprecated and will be disabled in future versions. You should only decorate functions or "
            "methods: only the construction runs in the mode.",
            FutureWarning,
        )
    if inspect.iscoroutinefunction(function):
        return cast(Function, decorate_coroutine(function, scope))
    if inspect.isgeneratorfunction(function):
        return cast(Function, decorate_generator(function, scope))

    @functools.wraps(function)
    def call_in_mode(*args: Any, **kwargs: Any) -> Any:
        with scope():
            return function(*args, **kwargs)

    return cast(Function, call_in_mode)


def decorate_generator(function: Callable[..., Any], scope: NewScope) -> Callable[..., Any]:
    """Run each step of the generator in the mode, and everything between the steps in the consumer's own."""

    @functools.wraps(function)
    def generate_in_mode(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)
        step, argument = generator.send, None
        while True:
            try:
                with scope():
                    item = step(argument)
            except StopIteration as stop:
                return stop.value
            try:
                argument, step = (yield item), generator.send
            except BaseException as error:  # noqa: BLE001 - whatever is thrown in is for the generator to handle
                argument, step = error, generator.throw

    return generate_in_mode


def decorate_coroutine(function: Callable[..., Any], scope: NewScope) -> Callable[..., Any]:
    """Run each step of the coroutine in the mode, and whatever runs while it waits in its own."""
    stepwise: Callable[..., Any] = types.coroutine(decorate_generator(lambda coroutine: coroutine.__await__(), scope))

    @functools.wraps(function)
    async def run_in_mode(*args: Any, **kwargs: Any) -> Any:
        return await stepwise(function(*args, **kwargs))

    return run_in_mode


class no_grad(GradMode):
    """Operators inside are not recorded: their results need no gradients. Also `@no_grad` without parentheses."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(GradMode):
    """Operators inside are recorded, also within `no_grad`. Also `@enable_grad` without parentheses."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(True)


class set_grad_enabled(GradMode):
    """Switch recording at once and until changed; as a block or decorator it restores the mode found when called."""

    __slots__ = ("found",)

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(
                f"set_grad_enabled(): argument 'enabled' (position 1) must be bool, not {type(mode).__name__}"
            )
        super().__init__(mode)
        self.found: bool | None = is_grad_enabled()
        set_mode(self.mode)

    def undo(self) -> None:
        """Restore the mode from before the call: it was a block or a decorator, after all. Once only."""
        if self.found is not None:
            set_mode(self.found)
            self.found = None

    def __enter__(self) -> None:
        self.undo()
        super().__enter__()

    def __call__(self, function: Function) -> Function:
        self.undo()
        return super().__call__(function)


def is_inference_mode_enabled() -> bool:
    """Whether this thread is in inference mode."""
    return state.inference


class inference_mode(GradMode):
    """Nothing inside is recorded, and tensors made inside can never be; with `mode=False` all is as usual again, inside.

    A block, or a decorator of functions and generators, also without parentheses.
    """

    __slots__ = ("before",)

    def __init__(self, mode: bool = True) -> None:
        super().__init__(mode)
        self.before: list[tuple[bool, bool, bool]] = []

    def __enter__(self) -> None:
        self.before.append((state.inference, state.enabled, state.asked))
        state.inference, state.enabled, state.asked = self.mode, not self.mode, False
        inferring.append(state)

    def __exit__(self, *error: object) -> None:
        inferring.pop()
        state.inference, state.enabled, state.asked = self.before.pop()

    def __call__(self, function: Function) -> Function:
        return decorated(function, functools.partial(inference_mode, self.mode))


class InferenceStorage(Storage):
    """The memory of a tensor that was made in inference mode: its writes are not counted."""

    @property
    def version(self) -> int:
        """RuntimeError outside inference mode: there the memory may be neither written nor saved."""
        if not state.inference:
            raise RuntimeError(
                "Inplace update to inference tensor outside InferenceMode is not allowed. Inference tensors cannot be saved "
                "for backward. Please do not use Tensors created in inference mode in computation tracked by autograd. To "
                "work around this, you can make a clone to get a normal tensor and use it in autograd, or use "
                "`torch.no_grad()` instead of `torch.inference_mode()`."
            )
        return 0

    @version.setter
    def version(self, value: int) -> None:
        pass


def new_storage() -> Storage:
    """The memory of a new tensor, while some thread is in inference mode."""
    return InferenceStorage() if state.inference else Storage()
