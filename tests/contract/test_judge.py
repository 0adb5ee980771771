"""Equal or not, accepted or refused, and whose exception it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from toy import Functional, Toy

from autograd_conformance.judge import (
    Failure,
    Reject,
    assume,
    equal,
    may_refuse,
    note,
    notes,
    raised_by_engine,
    refuses,
    show,
)
from autograd_conformance.programs import comparing
from autograd_conformance.programs.program import Input, Program, Step

ONES = np.ones(3, np.float32)


class Unprintable:
    def __repr__(self) -> str:
        raise ValueError("no")


def test_equal() -> None:
    equal("arrays", ONES.copy(), ONES)
    equal("0-d arrays", np.array(2.0), np.array(2.0))
    equal("strides do not count", np.ones((2, 3), order="F"), np.ones((2, 3)))
    equal("empty arrays", np.zeros((0, 3)), np.zeros((0, 3)))
    equal("zeros of both signs", np.array([-0.0]), np.array([0.0]))
    equal("numbers", 2, 2)
    equal("nothing", None, None)


DIFFERENT: dict[str, tuple[Any, Any]] = {
    "an element": (np.array([1, 1, 2], np.float32), ONES),
    "the last bit": (np.nextafter(ONES, np.float32(2)), ONES),
    "the dtype": (np.ones(3), ONES),
    "the shape": (np.ones((3, 1), np.float32), ONES),
    "a shape that broadcasts": (np.ones(1, np.float32), ONES),
    "a missing axis of length 1": (np.array(1.0), np.array([1.0])),
    "a number for a 0-d array": (2.0, np.array(2.0)),
    "a NumPy number for a 0-d array": (np.float64(2), np.array(2.0)),
    "a list for an array": ([1.0, 1.0, 1.0], ONES),
    "nothing for an array": (None, ONES),
    "NaN": (np.array([np.nan]), np.array([1.0])),
    "NaN for NaN": (np.array([np.nan]), np.array([np.nan])),
    "infinity": (np.array([np.inf]), np.array([-np.inf])),
    "an array of another length where both are empty": (np.zeros((0, 2)), np.zeros((0, 3))),
    "a truth for a number": (True, 1),
    "a float for an integer": (1.0, 1),
    "an array for nothing": (ONES, None),
    "another number": (2, 3),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_not_equal(case: str) -> None:
    got, expected = DIFFERENT[case]
    with pytest.raises(Failure) as caught:
        equal(case, got, expected)
    assert (caught.value.kind, caught.value.what) == ("wrong", case)
    assert caught.value.expected is expected and caught.value.got is got
    assert str(caught.value) == f"{case}: expected {show(expected)}, got {show(got)}"


def test_shown() -> None:
    assert show(ONES) == "[1., 1., 1.] (float32, shape (3,))"
    assert show(ValueError("two\n lines")) == "ValueError: two lines"
    assert show(Unprintable()) == "Unprintable: cannot be printed, ValueError"
    assert "\n" not in show(np.zeros((40, 40))) and len(show(np.zeros((40, 40)))) < 500
    assert (show(None), show("text")) == ("None", "'text'")


def test_assume() -> None:
    assume(1)
    with pytest.raises(Reject):
        assume([])


def test_notes_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograd_conformance.judge.notes", type(notes)())
    from autograd_conformance import judge

    note("zone: here")
    note("zone: here")
    assert judge.notes == {"zone: here": 2}


# ---- whose exception ----
def suite_bug() -> None:
    raise TypeError("a defect of the suite")


def suite_bug_called_by_the_engine() -> None:
    """The suite's function runs below the adapter's method, and fails by itself: by a step without operands."""
    program = Program("float64", (Input(()),), (Step("add", (7, 7)),), (1,))
    Functional().vjp(lambda *leaves: program.run(Functional(), leaves), [1.0], [1.0])


def engine_fails_in_the_suites_function() -> None:
    program = Program("float64", (Input(()),), (Step("negative", (0,)),), (1,))
    Functional().vjp(lambda *leaves: program.run(Toy(), leaves), [1.0], [1.0])


ENGINES: dict[str, Callable[[], Any]] = {
    "inside a template": lambda: Toy().apply("negative", 1),
    "inside an operator that is a function": lambda: Toy().apply("multiply", 1, 2),
    "a template that the values do not suit": lambda: Toy().apply("permute_dims", 3, axes=(0,)),
    "a function called with too few tensors": lambda: type(
        "Two", (Toy,), {"operators": {"add": lambda x, y: x}}
    )().apply("add", 1),
    "inside a method of the adapter": lambda: Functional().array(1),
    "inside a verb's template": lambda: Toy().tensor(None),
    "in a program": lambda: Program("float64", (Input(()),), (Step("negative", (0,)),), (1,)).run(Toy(), [1]),
    "in a function that the engine called": engine_fails_in_the_suites_function,
}
SUITES: dict[str, Callable[[], Any]] = {
    "in the suite": suite_bug,
    "in a function that the engine called": suite_bug_called_by_the_engine,
    "an operator that the engine does not have": lambda: Toy().apply("matmul", 1, 2),
    "a verb that the engine does not have": lambda: Toy().grad(1),
    "a comparison of too few roots": lambda: comparing.assert_values(Toy(), [], _expected()),
}


def _expected() -> Any:
    return comparing.expected_of(Toy(), Program("float64", (Input(()),), (), (0,)))


def error_of(call: Callable[[], Any]) -> Exception:
    with pytest.raises(Exception) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("where", ENGINES)
def test_raised_by_the_engine(where: str) -> None:
    assert raised_by_engine(error_of(ENGINES[where]))


@pytest.mark.parametrize("where", SUITES)
def test_raised_by_the_suite(where: str) -> None:
    assert not raised_by_engine(error_of(SUITES[where]))


# ---- refusals ----
def test_a_refusal_that_is_allowed_is_kept() -> None:
    with may_refuse(True, "a write") as attempt:
        Toy().apply("negative", 1)
    assert isinstance(attempt.refusal, ZeroDivisionError)


def test_accepted() -> None:
    for allowed in (True, False):
        with may_refuse(allowed, "a write") as attempt:
            assert Toy().apply("add", 1, 2) == 30
        assert attempt.refusal is None


def test_a_refusal_that_is_not_allowed_is_a_failure() -> None:
    with pytest.raises(Failure) as caught, may_refuse(False, "a write"):
        Toy().apply("negative", 1)
    failure = caught.value
    assert (failure.kind, failure.what, failure.expected) == ("refused", "a write", "accepted")
    assert isinstance(failure.got, ZeroDivisionError) and failure.__cause__ is failure.got


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("where", SUITES)
def test_defects_of_the_suite_pass_through(where: str, allowed: bool) -> None:
    expected = error_of(SUITES[where])
    with pytest.raises(type(expected)) as caught, may_refuse(allowed, "a write"):
        SUITES[where]()
    assert not isinstance(caught.value, Failure) and str(caught.value) == str(expected)


@pytest.mark.parametrize("allowed", [True, False])
def test_judgements_pass_through(allowed: bool) -> None:
    with pytest.raises(Failure, match="expected 2, got 1"), may_refuse(allowed, "a write"):
        equal("a value", 1, 2)
    with pytest.raises(Reject), may_refuse(allowed, "a write"):
        assume(False)


def test_interrupts_pass_through() -> None:
    with pytest.raises(KeyboardInterrupt), may_refuse(True, "a write"):
        raise KeyboardInterrupt


def test_refuses() -> None:
    for call in ENGINES.values():
        refuses("a call that the engine refuses", call)
    with pytest.raises(TypeError, match="a defect of the suite"):
        refuses("a call that the suite spoils", suite_bug)
    with pytest.raises(Failure, match="accepted") as caught:
        refuses("a call that the engine accepts", lambda: Toy().apply("add", 1, 2))
    assert caught.value.kind == "wrong"
