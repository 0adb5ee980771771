"""Parts of programs that are computed while recording is off, by each of the ways to switch it."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress

import hypothesis.strategies as st

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import ENABLE_GRAD, GRAD_DECORATOR, GRAD_SWITCH, NO_GRAD, TAPE, Engine
from autograd_conformance.judge import equal
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_gradients,
    assert_values,
    backward_pass,
    expected_of,
)
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.program import Program
from autograd_conformance.programs.recording import (
    FLAGGED_RESULTS,
    FLAGGED_VIEWS,
    assert_recorded_in_parts,
    partly_recorded,
)

MASKS = st.integers(0, 2**10 - 1)
"""Which steps are recorded."""
CHOICES = (ABSENT_ZEROS, FLAGGED_VIEWS, FLAGGED_RESULTS)
Steps = Sequence[Callable[[], None]]


class Leave(Exception):
    """Leaves a block or a function."""


def _run(steps: Steps) -> None:
    for step in steps:
        step()


@clause(
    "mode.no-grad-blocks",
    level=CORE,
    needs=(TAPE, NO_GRAD),
    after="mode.restores",
    choices=CHOICES,
    program=programs(detach=True),
    mask=MASKS,
    raising=st.booleans(),
)
def test_no_grad_blocks(engine: Engine, program: Program, mask: int, raising: bool) -> None:
    """What is computed in a block with recording off has its value and is no recorded result: it passes no gradient back.
    What is computed before and after is recorded.
    """

    def part(recorded: bool, steps: Steps) -> None:
        if recorded:
            return _run(steps)
        with suppress(Leave), engine.no_grad():
            _run(steps)
            if raising:
                raise Leave

    assert_recorded_in_parts(engine, partly_recorded(program, mask), part)


@clause(
    "mode.no-grad-flag",
    level=FULL,
    needs=(TAPE, NO_GRAD),
    after="mode.no-grad-blocks",
    choices=(ABSENT_ZEROS, FLAGGED_VIEWS),
    program=programs(detach=True),
    mask=MASKS,
)
def test_no_grad_flag(engine: Engine, program: Program, mask: int) -> None:
    """What is computed in a block with recording off says that it requires no gradients, unless it is a view."""

    def part(recorded: bool, steps: Steps) -> None:
        with nullcontext() if recorded else engine.no_grad():
            _run(steps)

    assert_recorded_in_parts(engine, partly_recorded(program, mask), part, unflagged=True)


@clause(
    "mode.enable-inside-disable",
    level=CORE,
    needs=(TAPE, NO_GRAD, ENABLE_GRAD),
    after="mode.no-grad-blocks",
    choices=CHOICES,
    program=programs(detach=True),
    mask=MASKS,
    deep=st.integers(0, 3),
)
def test_enable_inside_disable(engine: Engine, program: Program, mask: int, deep: int) -> None:
    """In a block with recording on inside a block with recording off, however many there are around it, what is computed is
    recorded; what is computed before and after it in the outer block is not.
    """

    def part(recorded: bool, steps: Steps) -> None:
        if not recorded:
            return _run(steps)
        with engine.enable_grad():
            _nested(engine, deep, lambda: _enabled(engine, steps))

    with engine.no_grad():
        assert_recorded_in_parts(engine, partly_recorded(program, mask), part)


def _nested(engine: Engine, deep: int, body: Callable[[], None]) -> None:
    if not deep:
        return body()
    with engine.no_grad():
        _nested(engine, deep - 1, body)


def _enabled(engine: Engine, steps: Steps) -> None:
    with engine.enable_grad():
        _run(steps)


@clause(
    "mode.set-as-function",
    level=CORE,
    needs=(TAPE, GRAD_SWITCH),
    after="mode.restores",
    choices=CHOICES,
    program=programs(detach=True),
    mask=MASKS,
    twice=st.booleans(),
)
def test_set_as_function(engine: Engine, program: Program, mask: int, twice: bool) -> None:
    """A call that switches recording off or on holds at once, for all that is computed from there on until the next call;
    calling it again with the same mode changes nothing.
    """

    def part(recorded: bool, steps: Steps) -> None:
        for _ in range(1 + twice):
            engine.set_grad_enabled(recorded)
        _run(steps)

    try:
        assert_recorded_in_parts(engine, partly_recorded(program, mask), part)
    finally:
        engine.set_grad_enabled(True)


@clause(
    "mode.decorator",
    level=CORE,
    needs=(TAPE, GRAD_DECORATOR),
    after="mode.restores",
    choices=CHOICES,
    program=programs(detach=True),
    mask=MASKS,
    raising=st.booleans(),
)
def test_decorator(engine: Engine, program: Program, mask: int, raising: bool) -> None:
    """A function that is decorated to switch recording off records nothing during each call, also when it calls itself, and
    everything is recorded again when it has returned or raised.
    """

    todo: list[Steps] = []

    def unrecorded() -> None:
        first, *rest = todo.pop()
        first()
        if rest[:-1]:
            todo.append(rest[:-1])
            with suppress(Leave):
                decorated()
        _run(rest[-1:])
        if raising:
            raise Leave

    decorated = engine.no_grad_function(unrecorded)

    def part(recorded: bool, steps: Steps) -> None:
        if recorded:
            return _run(steps)
        todo.append(steps)
        with suppress(Leave):
            decorated()

    assert_recorded_in_parts(engine, partly_recorded(program, mask), part)


@clause(
    "mode.factories-keep-flag",
    level=CORE,
    needs=(TAPE, NO_GRAD),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=programs(),
    every=st.booleans(),
)
def test_factories_keep_flag(engine: Engine, program: Program, every: bool) -> None:
    """A tensor that is built while recording is off is the leaf that was asked for: it requires gradients if that was
    asked, and what is computed from it while recording is on has its gradients.
    """
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    with engine.no_grad():
        unrecorded = program.leaves(engine)
    leaves = [
        made if every or place % 2 else other
        for place, (made, other) in enumerate(zip(unrecorded, leaves, strict=True))
    ]
    for number, (leaf, each) in enumerate(zip(leaves, program.inputs, strict=True)):
        equal(f"whether x{number} requires gradients", engine.requires_grad(leaf), each.requires_grad)
        equal(f"whether x{number} is a leaf", engine.is_leaf(leaf), True)
    roots = backward_pass(engine, program, leaves, expected)
    assert_values(engine, roots, expected)
    assert_gradients(engine, program, leaves, expected.gradients)
