"""What a clause did to an engine, noted call by call, so that it can be printed in the engine's own language.

A `Recorder` stands in for the engine.  It hands the clause a `Handle` for every tensor; the clause cannot tell, since it
never looks inside a tensor, and two handles stay apart even where the engine returned one object twice.  The recording
itself keeps no tensor alive: it knows a `Slot` for each handle, and when the handle died.
"""

from __future__ import annotations

import inspect
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Literal, TypeAlias

import numpy as np

from autograd_conformance.engine import PROVIDED, VERBS, Engine
from autograd_conformance.judge import moments
from autograd_conformance.scripts.literals import Unprintable

GONE = object()
"""In place of a tensor that the clause has let go of."""


class Slot:
    """What the engine handed out, in the recording; a script gives it a name.

    `value`: what it is, as long as it is there; `died`: when the clause let go of the tensor, if it has.
    """

    def __init__(self, value: Any) -> None:
        self._look: Callable[[], Any] = lambda: value
        self.died: int | None = None

    def handle(self) -> Handle:
        """The value for the clause to hold; from here on the slot does not keep it alive."""
        made = Handle(self, self.value)
        self._look = weakref.ref(made)
        return made

    @property
    def is_held(self) -> bool:
        """Whether the clause decides how long the value lives."""
        return isinstance(self._look, weakref.ref)

    @property
    def value(self) -> Any:
        found = self._look()
        if self.is_held:
            return GONE if found is None else found.value
        return found


class Handle:
    """A tensor, or a function that the engine made, as the clause holds it."""

    def __init__(self, slot: Slot, value: Any) -> None:
        self.slot, self.value = slot, value

    def __del__(self) -> None:
        self.slot.died = next(moments)


@dataclass(eq=False)
class Call:
    """A verb, an operator, or a function that the engine made (`name` is then its slot), with what came back."""

    kind: Literal["verb", "operator", "function"]
    name: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    result: Any = None
    """Slots, in the structure of what came back; None where nothing is handed out."""
    error: BaseException | None = None
    moment: int = field(default_factory=moments.__next__)


@dataclass(eq=False)
class Block:
    """A `with` block around steps."""

    call: Call
    body: list[Step] = field(default_factory=list)
    error: BaseException | None = None

    @property
    def moment(self) -> int:
        return self.call.moment


@dataclass(eq=False)
class Tried(Block):
    """Steps one of which the engine had to refuse; `what` they do.  Of them nothing is left out."""

    what: str = ""


@dataclass(eq=False)
class Function:
    """A function of the clause that the engine called, as its first call went."""

    parameters: tuple[Slot, ...] = ()
    body: list[Step] = field(default_factory=list)
    returns: Any = None
    error: BaseException | None = None


Step: TypeAlias = "Call | Block"

Handover: TypeAlias = 'Callable[[Literal["engine", "clause"]], object]'
"""Called whenever control is about to pass to the engine, or has come back to the clause."""


@dataclass(frozen=True)
class Alteration:
    """Hand out `value` as the result with this number: to see what a judgement depends on."""

    number: int
    value: Any


class Recorder(Engine):
    """Has everything that `engine` has, and notes every call in `steps`.

    The verbs are set on the instance and the first parameter is not called `self`: an error that passes through must
    look to `judge.raised_by_engine` as if the recorder were not there.
    """

    def __init__(
        recorder, engine: Engine, handover: Handover = lambda to: None, *, keeps_tensors: bool = False
    ) -> None:
        super().__init__(engine.device)
        recorder.engine, recorder.handover = engine, handover
        recorder.kept: list[Handle] | None = [] if keeps_tensors else None
        """Everything that was handed out, to be freed with the recorder and not before."""
        recorder.steps: list[Step] = []
        recorder.results: list[tuple[Call, Slot]] = []
        """Every call that handed out one value, in order."""
        recorder.errors: list[BaseException] = []
        recorder._stacks = Stacks(recorder.steps)
        recorder.thread = threading.current_thread()
        recorder.beyond = ""
        """What the clause did that no script can tell; empty: nothing."""
        recorder.altered: Alteration | None = None
        facts = {fact: getattr(engine, fact) for fact in Engine.__annotations__}
        verbs = {verb: recorder._verb(verb) for verb in VERBS if getattr(type(engine), verb) is not vars(Engine)[verb]}
        verbs |= {verb: recorder._verb(verb) for verb in PROVIDED}
        vars(recorder).update(facts | verbs, has=engine.has, apply=recorder._apply)

    @property
    def bodies(recorder) -> list[list[Step]]:
        """The steps being noted, and those around them: for each thread its own."""
        return recorder._stacks.bodies

    def forget(recorder, altered: Alteration | None) -> None:
        """Begin anew, this time with one result altered."""
        recorder.steps.clear()
        recorder.results.clear()
        recorder.errors.clear()
        recorder.altered = altered

    def _apply(recorder, operator: str, *tensors: Any, **params: Any) -> Any:
        recorder.used.update((operator,))
        call = Call("operator", operator, _noted(tensors), _noted(params))
        return recorder._run(call, lambda: recorder.engine.apply(operator, *_bare(tensors), **params))

    def _verb(recorder, verb: str) -> Callable[..., Any]:
        by_result = {"AbstractContextManager": recorder._block, "Callable": recorder._decorated}
        result = _result(verb).partition("[")[0]
        note: Callable[[Call, Callable[[], Any]], Any] = by_result.get(result, recorder._run)
        run = getattr(recorder.engine, verb)

        def noted(*arguments: Any, **keywords: Any) -> Any:
            given = _mapped(recorder._watched, arguments)
            call = Call("verb", verb, _noted(given), _noted(keywords))
            return note(call, lambda: run(*_bare(given), **_bare(keywords)))

        return noted

    def _run(recorder, call: Call, run: Callable[[], Any]) -> Any:
        recorder.bodies[-1].append(call)
        if len(recorder.bodies) == 1 and threading.current_thread() is not recorder.thread:
            recorder.beyond = "the clause calls the engine in threads of its own, and a script would do so in one"
        if call.name == "weak_reference":
            recorder._let_go_of_frames()
        try:
            value = recorder._handed_over(run)
        except BaseException as error:
            call.error = error
            recorder.errors.append(error)
            raise
        return recorder._handed_out(call, value)

    def _let_go_of_frames(recorder) -> None:
        """Errors that the clause has caught no longer keep alive what the frames that they came through refer to."""
        for error in recorder.errors:
            error.__traceback__ = None

    def _handed_over(recorder, run: Callable[[], Any]) -> Any:
        recorder.handover("engine")
        try:
            return run()
        finally:
            recorder.handover("clause")

    def _handed_out(recorder, call: Call, value: Any) -> Any:
        if hands_nothing_out(call):
            return None
        if type(value) in (tuple, list) and not _is_looked_at(call, value):
            call.result = _mapped(Slot, value)
            return _mapped(lambda slot: recorder._given(call, slot), call.result)
        if recorder.altered and recorder.altered.number == len(recorder.results):
            value = recorder.altered.value
        call.result = slot = Slot(value)
        recorder.results.append((call, slot))
        return recorder._given(call, slot)

    def _given(recorder, call: Call, slot: Slot) -> Any:
        """What the clause is given for `slot`."""
        if _is_looked_at(call, slot.value):
            return slot.value
        handle = slot.handle()
        if recorder.kept is not None:
            recorder.kept.append(handle)
        return handle

    def _block(recorder, call: Call, run: Callable[[], Any]) -> Any:
        try:
            manager = recorder._handed_over(run)
            return RecordedBlock(recorder, call, manager) if hasattr(manager, "__enter__") else manager
        except BaseException as error:
            recorder.bodies[-1].append(Block(call, error=error))
            raise

    def _decorated(recorder, call: Call, run: Callable[[], Any]) -> Callable[..., Any]:
        function = recorder._run(call, run)

        def decorated(*inputs: Any) -> Any:
            called = Call("function", function.slot, _noted(inputs), {})
            return recorder._run(called, lambda: function.value(*_bare(inputs)))

        return decorated

    def _watched(recorder, value: Any) -> Any:
        if inspect.iscoroutinefunction(value):
            raise Unprintable("a coroutine is resumed by others than the engine, and a script has none")
        if inspect.isgeneratorfunction(value):
            recorder.beyond = "the clause hands the engine a generator function, and no script has one"
        return RecordedFunction(recorder, value) if callable(value) else value


class Stacks(threading.local):
    """What is being noted: a stack of bodies for each thread, whose lowest is the whole recording."""

    def __init__(self, steps: list[Step]) -> None:
        self.bodies = [steps]


class RecordedFunction:
    """A clause's function on its way into the engine."""

    def __init__(self, recorder: Recorder, function: Callable[..., Any]) -> None:
        self._recorder, self._handover, self._function = recorder, recorder.handover, function
        self.calls: list[Function] = []
        self._running = 0

    def __call__(self, *inputs: Any) -> Any:
        noted = Function(parameters=tuple(map(Slot, inputs)))
        self.calls.append(noted)
        if self._running:
            self._recorder.beyond = "a function of the clause calls itself, and a script prints one run of it"
        self._running += 1
        self._recorder.bodies.append(noted.body)
        self._handover("clause")
        try:
            returned = self._function(*(slot.handle() for slot in noted.parameters))
        except BaseException as error:
            noted.error = error
            raise
        finally:
            self._recorder.bodies.pop()
            self._running -= 1
        noted.returns = _noted(returned)
        self._handover("engine")
        return _bare(returned)


class RecordedBlock:
    """A block of the engine whose inside is noted; it may be entered again while it is entered."""

    def __init__(self, recorder: Recorder, call: Call, manager: Any) -> None:
        self._recorder, self._call, self._manager = recorder, call, manager
        self._handed_over = recorder._handed_over
        self._entered: list[Block] = []

    def __enter__(self) -> Any:
        block = Block(self._call)
        self._recorder.bodies[-1].append(block)
        try:
            entered = self._handed_over(self._manager.__enter__)
        except BaseException as error:
            block.error = error
            raise
        self._entered.append(block)
        self._recorder.bodies.append(block.body)
        return entered

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> Any:
        self._recorder.bodies.pop()
        block = self._entered.pop()
        block.error = error
        try:
            return self._handed_over(partial(self._manager.__exit__, kind, error, where))
        except BaseException as another:
            block.error = another
            raise


def hands_nothing_out(call: Call) -> bool:
    """Whether the contract says that what `call` returns is of no meaning."""
    if call.kind == "operator":
        return str(call.name).endswith("_")
    return call.kind == "verb" and _result(call.name) == "None"


def _noted(value: Any) -> Any:
    """`value` as the recording keeps it: a clause may change its arrays afterwards, and let go of its tensors."""

    def kept(one: Any) -> Any:
        return one.copy() if isinstance(one, np.ndarray) else one.slot if isinstance(one, Handle) else one

    return _mapped(kept, value)


def _is_looked_at(call: Call, value: Any) -> bool:
    """Whether a clause sees the value itself: tensors are of the engine's own kind, even where that is an array."""
    if call.kind == "function":  # what a function of the clause returned comes back
        return value is None or isinstance(value, bool | np.ndarray)
    return value is None or (call.kind == "verb" and _result(call.name) in LOOKED_AT)


LOOKED_AT = ("Array", "bool", "int", "tuple[int, ...]")


def _result(verb: str) -> str:
    """What the contract says that a verb returns."""
    return str(getattr(Engine, verb).__annotations__["return"])


def _bare(value: Any) -> Any:
    return _mapped(lambda one: one.value if isinstance(one, Handle) else one, value)


def _mapped(change: Callable[[Any], Any], value: Any) -> Any:
    """`value` with `change` made to everything in its lists, tuples and dictionaries."""
    if type(value) in (list, tuple):
        return type(value)(_mapped(change, one) for one in value)
    if type(value) is dict:
        return {key: _mapped(change, one) for key, one in value.items()}
    return change(value)
