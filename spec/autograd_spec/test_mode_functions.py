"""Decorated functions, generators and coroutines, and threads."""

from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from inspect import isawaitable
from typing import Any, TypeAlias

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import EXTENSION, FULL, clause
from autograd_conformance.engine import GRAD_DECORATOR, GRAD_SWITCH, GRAD_VALUE, NO_GRAD, TAPE, THREADS, Engine
from autograd_conformance.judge import Failure, equal, may_refuse

Resumable: TypeAlias = Generator[Any, Any, str] | Coroutine[Any, Any, str]


class Thrown(Exception):
    """Thrown into a generator."""


def _probe(engine: Engine, recording: bool, where: str) -> None:
    """Whether the product of a leaf and itself is a recorded result."""
    leaf = engine.tensor(np.array(3, engine.dtypes[0]), requires_grad=True)
    made = engine.apply("multiply", leaf, leaf)
    equal(f"whether {where} is recorded", engine.requires_grad(made), recording)
    equal(f"whether {where} has no history", engine.is_leaf(made), not recording)


@clause(
    "mode.decorator-factory-state",
    level=FULL,
    needs=(TAPE, NO_GRAD, GRAD_VALUE, "multiply"),
    after="mode.restores",
    modes=st.lists(st.booleans(), min_size=1, max_size=4),
    around=st.booleans(),
    calls=st.lists(st.integers(0, 3), max_size=4),
)
def test_decorator_factory_state(engine: Engine, modes: list[bool], around: bool, calls: list[int]) -> None:
    """To decorate a function with a mode does not change the mode, which holds in the function's calls alone."""

    def decorated(mode: bool) -> Callable[[], None]:
        return engine.grad_mode_function(lambda: _probe(engine, mode, "what a decorated function makes"), mode)

    def call_some(mode: bool) -> None:
        for call in calls:
            functions[call % len(functions)]()
            _probe(engine, mode, "what is made after a call")

    functions: list[Callable[[], None]] = []
    with engine.grad_mode(around):
        for mode in modes:
            functions.append(decorated(mode))
            _probe(engine, around, "what is made after decorating")
        call_some(around)
    _probe(engine, True, "what is made after the block")
    call_some(True)


GIVES = {"next": None, "send": "sent", "throw": "caught"}
"""How a generator is resumed, and the item that it then gives."""
MOVES = st.lists(st.sampled_from(sorted(GIVES)), min_size=1, max_size=8)
ENDS = st.sampled_from(("return", "error"))


@clause(
    "mode.decorated-generator",
    level=FULL,
    needs=(TAPE, NO_GRAD, GRAD_DECORATOR, "multiply"),
    after="mode.restores",
    moves=MOVES,
    around=st.booleans(),
    ends=ENDS,
)
def test_decorated_generator(engine: Engine, moves: list[str], around: bool, ends: str) -> None:
    """The body of a decorated generator records nothing, whether it is resumed by the next item, a value or an exception or
    is closed; its consumer has its own mode between the items and afterwards, and what goes in and out arrives.
    """

    def body() -> Generator[Any, Any, str]:
        return (yield from _unrecorded(engine, ends, "a generator"))

    generator = engine.no_grad_function(body)()
    try:
        _probe(engine, True, "what is made after a generator was made")
        with engine.no_grad() if around else nullcontext():
            _consume(engine, generator, moves, not around)
        _probe(engine, True, "what is made at last")
    finally:
        with suppress(Failure):  # not later, when the generator is collected; where it matters it is closed already
            generator.close()


@clause(
    "mode.async-decorator",
    level=EXTENSION,
    needs=(TAPE, NO_GRAD, GRAD_DECORATOR, "multiply"),
    after="mode.decorated-generator",
    moves=MOVES,
    around=st.booleans(),
    ends=ENDS,
)
def test_async_decorator(engine: Engine, moves: list[str], around: bool, ends: str) -> None:
    """To decorate a coroutine function is refused, or its body records nothing, whenever and however it is resumed, or is
    closed; whoever awaits it, and whatever else runs while it waits, has its own mode.
    """

    async def body() -> str:
        return await Steps(_unrecorded(engine, ends, "a coroutine"))

    async def awaiting() -> str:
        made = decorated()
        equal("whether what a decorated coroutine function returns can be awaited", isawaitable(made), True)
        returned: str = await made
        return returned

    with may_refuse(True, "decorating a coroutine function"):
        decorated = engine.no_grad_function(body)
        coroutine = awaiting()
        try:
            with engine.no_grad() if around else nullcontext():
                _consume(engine, coroutine, moves, not around)
            _probe(engine, True, "what is made at last")
        finally:
            with suppress(Failure):
                coroutine.close()


class Steps:
    """Awaits once for each item of a generator."""

    def __init__(self, generator: Generator[Any, Any, str]) -> None:
        self._generator = generator

    def __await__(self) -> Generator[Any, Any, str]:
        return self._generator


def _unrecorded(engine: Engine, ends: str, name: str) -> Generator[Any, Any, str]:
    """The body of what is decorated: it probes the mode at every turn, and gives back what goes in."""
    item: Any = "first"
    for _ in range(6):
        _probe(engine, False, f"what {name} makes")
        try:
            item = yield item
        except Thrown:
            item = "caught"
        finally:
            _probe(engine, False, f"what {name} makes when it is resumed")
    if ends == "error":
        raise Thrown
    return "returned"


def _consume(engine: Engine, resumable: Resumable, moves: list[str], mode: bool) -> None:
    """Each item is what went in before."""
    equal("the first item", resumable.send(None), "first")
    _probe(engine, mode, "what is made after the first item")
    for move in moves:
        try:
            equal(f"the item after {move}", _resumed(resumable, move), GIVES[move])
        except StopIteration as end:
            equal("what is returned", end.value, "returned")
            break
        except Thrown:
            break
        finally:
            _probe(engine, mode, "what is made between the items")
    resumable.close()
    _probe(engine, mode, "what is made after closing")


def _resumed(resumable: Resumable, move: str) -> Any:
    if move == "throw":
        return resumable.throw(Thrown())
    return resumable.send("sent" if move == "send" else None)


@clause(
    "mode.thread-local",
    level=FULL,
    needs=(TAPE, NO_GRAD, THREADS, GRAD_SWITCH, "multiply"),
    after="mode.restores",
    examples=60,
    moves=st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=8),
    started=st.booleans(),
)
def test_thread_local(engine: Engine, moves: list[tuple[int, bool]], started: bool) -> None:
    """The mode belongs to the thread: a new thread starts with recording on, and what one thread switches another does not
    notice.
    """
    modes = [started, True, True]
    engine.set_grad_enabled(started)  # before the threads begin
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:

        def do(number: int, task: Callable[..., None], *arguments: Any) -> None:
            if number:
                (first, second)[number - 1].submit(task, *arguments).result()
            else:
                task(*arguments)

        for number, mode in [(0, started), *moves]:
            do(number, engine.set_grad_enabled, mode)
            modes[number] = mode
            for other in range(3):
                do(other, _probe, engine, modes[other], f"what thread {other} makes")
    engine.set_grad_enabled(True)
