"""What an example leaves behind costs its own verdict, and nobody else's."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_tape
from made import HOLDS, NUMBERS, made
from tiny_tape import Switched, TinyTape, recording_set

from autograd_conformance.engine import Engine
from autograd_conformance.judge import equal
from autograd_conformance.judging.runner import Settings, judge


class Blocks(TinyTape):
    """Recording can be switched on in a block only."""

    def enable_grad(self) -> AbstractContextManager[Any]:
        return recording_set(True)


def records(engine: Any, n: int) -> None:
    x = engine.tensor(np.ones(()), requires_grad=True)
    equal("recording", engine.requires_grad(engine.apply("add", x, x)), True)


RECORDS = made(records, n=NUMBERS)


@pytest.mark.parametrize("engine", [Switched(), Blocks()])
def test_recording_left_off_is_a_failure_of_its_own_clause(engine: Engine) -> None:
    def leaves_it_off(engine: Any, n: int) -> None:
        tiny_tape.switch(n < 500)

    assert judge(RECORDS, engine).verdict == "pass"
    result = judge(made(leaves_it_off, n=NUMBERS), engine)
    assert result.verdict == "fail" and result.counterexample is not None
    assert (result.counterexample.what, result.counterexample.kind) == ("left recording off", "wrong")
    assert result.counterexample.case["n"] >= 500
    assert judge(RECORDS, engine).verdict == "pass"


def test_recording_left_off_by_another_clause_is_switched_on_before_the_first_example() -> None:
    for engine in (Switched(), Blocks()):
        tiny_tape.switch(False)
        assert judge(RECORDS, engine).verdict == "pass"


def test_recording_left_off_by_a_failing_example_does_not_reach_the_next() -> None:
    def fails_with_recording_off(engine: Any, n: int) -> None:
        records(engine, n)
        tiny_tape.switch(False)
        equal("n", n > 500, False)
        tiny_tape.switch(True)

    result = judge(made(fails_with_recording_off, n=NUMBERS), Switched(), Settings(exhaustive=True))
    assert result.counterexample is not None and result.counterexample.what == "n" and result.further == []


def test_where_recording_cannot_be_switched_on_nothing_more_is_judged_in_the_process() -> None:
    def leaves_it_off(engine: Any, n: int) -> None:
        tiny_tape.switch(n < 500)

    result = judge(made(leaves_it_off, "made.leaves", n=NUMBERS), TinyTape())
    assert result.counterexample is not None and result.counterexample.case["n"] >= 500, "not made smaller afterwards"
    after = judge(HOLDS, TinyTape())
    assert after.verdict == "fail" and after.examples == 0
    assert after.reason.startswith("not run: made.leaves left recording off, and tiny has no call to switch it on")


def test_the_probe_of_recording_is_no_use_of_an_operator() -> None:
    assert judge(HOLDS, Switched()).operators == {}


def test_an_engine_that_never_records_is_not_said_to_have_left_recording_off() -> None:
    class Never(Switched):
        def requires_grad(self, t: Any) -> bool:
            return False

    assert judge(HOLDS, Never()).verdict == "pass"


def test_an_engine_whose_probe_raises_is_judged_all_the_same() -> None:
    class Broken(Switched):
        def requires_grad(self, t: Any) -> bool:
            raise ValueError("no")

    assert judge(HOLDS, Broken()).verdict == "pass"
    assert judge(RECORDS, Broken()).verdict == "fail"


def test_a_switch_that_raises_is_a_failure_of_the_engine() -> None:
    class Broken(Switched):
        def set_grad_enabled(self, enabled: bool) -> None:
            raise ValueError("no")

    result = judge(HOLDS, Broken())
    assert result.counterexample is not None and result.counterexample.got == "ValueError: no"


def change_attribute(engine: Any) -> None:
    engine.device = "moon"
    engine.more = 1


LEFT: dict[str, tuple[Callable[[Any], object], Callable[[Any], object]]] = {
    "attributes of the engine": (change_attribute, lambda engine: (engine.device, hasattr(engine, "more"))),
    "floating-point errors": (lambda engine: np.seterr(all="raise"), lambda engine: np.geterr()["over"]),
    "folder": (lambda engine: os.chdir("/"), lambda engine: Path.cwd()),
    "warnings": (lambda engine: warnings.simplefilter("error"), lambda engine: warnings.filters[0][0]),
    "random numbers": (lambda engine: np.random.random(), lambda engine: np.random.get_state()[2]),
    "recursion limit": (lambda engine: sys.setrecursionlimit(5000), lambda engine: sys.getrecursionlimit() < 4000),
}


@pytest.mark.parametrize("state", LEFT)
def test_state_is_put_back_before_every_example_and_afterwards(state: str) -> None:
    change, look = LEFT[state]
    seen = []

    def function(engine: Any, n: int) -> None:
        seen.append(look(engine))
        change(engine)
        equal("n", n > 900, False)  # confirmed and shrunk as well

    engine = Switched()
    before = look(engine)
    judge(made(function, n=NUMBERS), engine)
    assert len(seen) > 10 and all(each == seen[0] for each in seen)
    assert look(engine) == before


def test_the_frames_left_hardly_depend_on_how_deep_the_caller_is() -> None:
    seen = []

    def down(frames: int) -> int:
        try:
            return down(frames + 1)
        except RecursionError:
            return frames

    def function(engine: Any, n: int) -> None:
        seen.append(down(0))
        equal("n", n > 900, False)

    def deeper(frames: int) -> None:
        if frames:
            deeper(frames - 1)
        else:
            judge(made(function, n=NUMBERS), TinyTape())

    deeper(0)
    deeper(200)
    assert max(seen) - min(seen) < 10
