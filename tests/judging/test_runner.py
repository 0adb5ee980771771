"""One clause, judged: each verdict, and what a result says."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from made import HOLDS, NEGATES, NEGATES_OR_SUBTRACTS_TWICE, NUMBERS, Wide, made, skeletons, wrong
from tiny_tape import Switched, TinyTape

from autograd_conformance.engine import GRAD_SWITCH
from autograd_conformance.judge import Unsupported, assume, chosen, equal, note
from autograd_conformance.judging.runner import Settings, judge
from autograd_conformance.judging.trial import SUITE_FAILED
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.program import Program
from autograd_conformance.results import Result


def judged(function: Callable[..., None], engine: TinyTape | None = None, **keywords: Any) -> Result:
    return judge(made(function, **keywords), engine or TinyTape())


def test_a_clause_that_holds_passes_with_all_its_examples() -> None:
    result = judge(HOLDS, TinyTape())
    assert (result.verdict, result.examples, result.reason, result.counterexample) == ("pass", 100, "", None)
    assert (result.id, result.level, result.sentence) == ("made.up", "core", "It holds.")


def test_a_clause_may_ask_for_fewer_examples_than_the_profile() -> None:
    def function(engine: Any, n: int) -> None: ...

    assert judged(function, n=NUMBERS, examples=7).examples == 7
    assert judge(HOLDS, TinyTape(), Settings(profile="smoke")).examples == 10


def test_a_clause_without_arguments_runs_once() -> None:
    def function(engine: Any) -> None: ...

    assert judged(function).verdict == "pass"
    assert judged(function).examples == 1


def test_a_failure_is_shown_at_its_smallest() -> None:
    def function(engine: Any, n: int, m: int) -> None:
        equal(f"sum of {n}", n + (n > 17), n)

    result = judged(function, n=st.integers(0, 40), m=st.integers(2, 4))
    assert result.verdict == "fail"
    assert result.reason == "sum of 18: expected 18, got 19"
    found = result.counterexample
    assert found is not None and result.further == []
    assert (found.case, found.kind, found.text) == ({"n": 18, "m": 2}, "wrong", "n = 18\nm = 2")
    assert (found.what, found.expected, found.got) == ("sum of 18", "18", "19")


def test_programs_are_shrunk() -> None:
    assert skeletons(judge(NEGATES, Wide())) == {("negative",)}


def test_programs_and_values_are_made_smaller_together() -> None:
    """Neither alone becomes small: the number goes down first, then the program, then the other number."""

    def function(engine: Any, program: Program, least: int, most: int) -> None:
        equal("defect", least <= len(program.steps) <= most, False)

    clause = made(function, program=programs(), least=st.integers(1, 20), most=st.integers(1, 20))
    result = judge(clause, Wide(), Settings(exhaustive=True))
    found = result.counterexample
    assert found is not None and result.further == []
    assert found.text.count("multiply") == 1 and found.text.endswith("least = 1\nmost = 1")


def test_two_defects_with_one_symptom_are_both_shown() -> None:
    result = judge(NEGATES_OR_SUBTRACTS_TWICE, Wide(), Settings(exhaustive=True))
    assert skeletons(result) == {("negative",), ("subtract", "subtract")}


def test_different_failures_are_all_shown_up_to_the_number_wanted() -> None:
    def function(engine: Any, n: int) -> None:
        raise wrong("abcd"[n % 4])

    clause = made(function, n=NUMBERS)
    assert len(judge(clause, TinyTape()).further) == 2
    assert len(judge(clause, TinyTape(), Settings(counterexamples=4)).further) == 3
    assert len(judge(clause, TinyTape(), Settings(exhaustive=True)).further) == 3


def test_a_clause_that_always_fails_stops_early() -> None:
    runs = []

    def function(engine: Any, n: int) -> None:
        runs.append(n)
        raise wrong("all")

    assert judged(function, n=NUMBERS).verdict == "fail"
    assert len(runs) < 50


class OddError(BaseException):
    """What an extension module may raise."""

    def __str__(self) -> str:
        raise ValueError("cannot be printed")


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), RecursionError(), OddError()], ids=repr)
def test_what_the_engine_raises_is_a_failure(error: BaseException) -> None:
    class Raising(TinyTape):
        def array(self, t: Any) -> Any:
            raise error

    def function(engine: Any, n: int) -> None:
        engine.array(engine.tensor(np.array(n)))

    result = judged(function, Raising(), n=NUMBERS)
    found = result.counterexample
    assert result.verdict == "fail" and found is not None
    assert (found.kind, found.what, found.expected) == ("raised", "raises nothing", "no exception")
    assert found.got.startswith(type(error).__name__)


def test_what_the_suite_raises_is_a_failure_of_the_suite() -> None:
    def function(engine: Any, n: int) -> None:
        raise ZeroDivisionError("ours")

    found = judged(function, n=NUMBERS).counterexample
    assert found is not None
    assert (found.kind, found.what) == ("raised", SUITE_FAILED)
    assert "ZeroDivisionError: ours" in found.got and "test_runner.py" in found.got


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, pytest.fail.Exception, pytest.skip.Exception, pytest.exit.Exception]
)
@pytest.mark.parametrize("while_drawing", [True, False])
def test_control_passes_through_at_once(error: type[BaseException], while_drawing: bool) -> None:
    runs = []

    def interrupt(n: int) -> int:
        runs.append(n)
        raise error("stop")

    def function(engine: Any, n: int) -> None:
        interrupt(n)

    with pytest.raises(error):
        judged(function, n=NUMBERS.map(interrupt) if while_drawing else NUMBERS)
    assert len(runs) == 1


def test_a_case_that_does_not_fail_again_is_unstable() -> None:
    runs = []

    def function(engine: Any, n: int) -> None:
        runs.append(n)
        if len(runs) % 2:
            raise wrong("sometimes")

    result = judged(function, n=NUMBERS)
    assert result.verdict == "fail" and result.counterexample is not None and result.further == []
    assert result.counterexample.kind == "unstable"
    assert result.counterexample.got == "2; run again: it holds"


def test_a_case_that_fails_otherwise_the_second_time_is_unstable() -> None:
    runs = []

    def function(engine: Any, n: int) -> None:
        runs.append(n)
        raise wrong("first" if len(runs) % 2 else "second")

    found = judged(function, n=NUMBERS).counterexample
    assert found is not None and (found.kind, found.got) == ("unstable", "2; run again: second: 2")


def test_rejected_examples_do_not_count() -> None:
    runs = []

    def function(engine: Any, n: int) -> None:
        runs.append(n)
        assume(n % 2)

    result = judged(function, n=NUMBERS)
    assert (result.verdict, result.examples) == ("pass", 100)
    assert len(runs) > 150


@pytest.mark.parametrize("rejecting", ["clause", "strategy"])
@pytest.mark.parametrize("accepted", [0, 1])
def test_a_clause_that_judged_next_to_nothing_fails_and_says_so(rejecting: str, accepted: int) -> None:
    def function(engine: Any, n: int) -> None:
        assume(rejecting == "strategy" or n < accepted)

    numbers = st.integers(0, 10**9)
    some = numbers.filter(lambda n: n in range(accepted)) if rejecting == "strategy" else numbers
    result = judged(function, n=some, examples=20)
    assert result.verdict == "fail"
    assert "too little was judged: of " in result.reason
    assert f"{result.examples} were accepted, 20 are wanted" in result.reason


def test_a_small_space_is_judged_as_a_whole() -> None:
    def function(engine: Any, b: bool, c: bool) -> None: ...

    result = judged(function, b=st.booleans(), c=st.booleans())
    assert (result.verdict, result.examples) == ("pass", 4)


def test_what_is_missing_is_named() -> None:
    def function(engine: Any) -> None: ...

    result = judged(function, needs=(GRAD_SWITCH, "matmul"))
    assert (result.verdict, result.reason) == ("unsupported", "tiny has no grad mode as a call, matmul")


@pytest.mark.parametrize("when", ["at once", "while drawing"])
def test_strategies_may_find_nothing_to_draw(when: str) -> None:
    def nothing(*_: object) -> Any:
        raise Unsupported("no operators")

    def function(engine: Any, n: int) -> None: ...

    result = judged(function, n=nothing if when == "at once" else NUMBERS.map(nothing))
    assert (result.verdict, result.reason) == ("unsupported", "no operators")


@pytest.mark.parametrize("when", ["at once", "while drawing"])
def test_a_broken_strategy_is_a_failure_of_the_suite(when: str) -> None:
    def broken(*_: object) -> Any:
        raise KeyError("oops")

    def function(engine: Any, n: int) -> None: ...

    result = judged(function, n=broken if when == "at once" else NUMBERS.map(broken))
    assert result.verdict == "fail" and SUITE_FAILED in result.reason and "KeyError: 'oops'" in result.reason


def test_a_value_that_is_no_data_is_a_failure_of_the_suite() -> None:
    def function(engine: Any, n: Any) -> None: ...

    result = judged(function, n=st.just(np.ones(2)))
    assert result.verdict == "fail" and "it may draw numbers" in result.reason


def test_operators_and_notes_are_those_of_this_clause() -> None:
    def function(engine: Any, n: int) -> None:
        x = engine.tensor(np.ones(()))
        engine.apply("add", x, engine.apply("multiply", x, x))
        note("zone: some")
        chosen("either")

    engine = TinyTape()
    engine.used["add"] = 1000
    note("left by another")
    result = judged(function, engine, n=NUMBERS, examples=5, choices=("either", "or"))
    assert (result.verdict, result.operators) == ("pass", {"add": 5, "multiply": 5})
    assert result.notes == {"zone: some": 5, "choice: either": 5}


def test_a_choice_that_is_not_declared_is_a_failure_of_the_suite() -> None:
    def function(engine: Any, n: int) -> None:
        chosen("neither")

    result = judged(function, n=NUMBERS, choices=("either", "or"))
    assert result.verdict == "fail"
    assert result.reason == f"{SUITE_FAILED}: made.up noted the choice 'neither'; add it to its `choices`"


def test_warnings_are_no_failures_even_where_they_are_errors() -> None:
    class Warning_(TinyTape):
        def array(self, t: Any) -> Any:
            warnings.warn("old", DeprecationWarning, stacklevel=1)
            return t.value

    def function(engine: Any, n: int) -> None:
        engine.array(engine.tensor(np.ones(())))

    assert judged(function, Warning_(), n=NUMBERS).verdict == "pass"
    with pytest.raises(UserWarning, match="still an error"):
        warnings.warn("still an error", UserWarning, stacklevel=1)


def test_a_clause_that_changes_its_arguments_does_not_change_the_report() -> None:
    def function(engine: Any, values: list[int]) -> None:
        values.clear()
        raise wrong("all")

    found = judged(function, values=st.just([1, 2])).counterexample
    assert found is not None and found.case == {"values": [1, 2]}


def test_every_run_is_announced_with_its_case() -> None:
    announced: list[tuple[Any, int]] = []
    ran = []

    def function(engine: Any, n: int) -> None:
        ran.append({"n": n})
        assert announced[-1][0]() == {"n": n}
        equal("small", n < 500, True)

    result = judge(made(function, n=NUMBERS), TinyTape(), before_example=lambda *said: announced.append(said))
    assert result.counterexample is not None and result.counterexample.what == "small"
    assert [number for _, number in announced[: len(ran)]] == list(range(1, len(announced) + 1))
    assert [case() for case, _ in announced] == ran[: len(announced)]


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(ValueError, match="profile 'huge', expected one of smoke, default, deep"):
        Settings(profile="huge")


def test_a_script_that_cannot_be_made_does_not_cost_the_verdict(tmp_path: Path) -> None:
    result = judge(NEGATES, Wide())
    assert result.counterexample is not None and result.counterexample.script is None
    assert [each for each in result.notes if each.startswith("no script: NotReproduced")]


def test_the_engine_of_a_failing_clause_is_shown_in_a_script() -> None:
    def function(engine: Any, n: int) -> None:
        x = engine.tensor(np.array(float(n)))
        equal("twice", engine.array(engine.apply("add", x, x)), np.array(2.0 * n + 1))

    found = judged(function, Switched(), n=NUMBERS).counterexample
    assert found is not None and found.script is not None and "add(" in found.script
