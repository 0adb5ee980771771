"""Faults planted in the harness: each is caught by a check that an unharmed run passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from harness_support import Folder, check_accounted

pytest_plugins = "pytester"

Run = tuple[pytest.RunResult, dict[str, Any]]

CLAUSES = """
import os, time

@clause("some.crash", level=CORE, x=integers(0, 9))
def test_crash(engine, x):
    '''It ends the process.'''
    os._exit(0)

@clause("some.hang", level=CORE, examples=1, x=integers(0, 9))
def test_hang(engine, x):
    '''It takes longer than one example may.'''
    time.sleep(4)

@clause("some.wrong", level=CORE, x=integers(0, 9))
def test_wrong(engine, x):
    '''It is wrong.'''
    equal("a number", 1, 2)

@clause("some.child", level=CORE, after="some.wrong", x=integers(0, 9))
def test_child(engine, x):
    '''It is wrong as well.'''
    equal("a number", 1, 2)

@clause("some.lacks", level=CORE, needs=("tape",), x=integers(0, 9))
def test_lacks(engine, x):
    '''It needs a tape.'''

@clause("some.good", level=CORE, x=integers(0, 9))
def test_good(engine, x):
    '''It holds.'''
"""
ALL = {
    "some.crash": "crash",
    "some.hang": "timeout",
    "some.wrong": "fail",
    "some.child": "blocked",
    "some.lacks": "unsupported",
    "some.good": "pass",
}


def all_accounted(run: Run) -> None:
    check_accounted(run[1], ALL)


def red(run: Run) -> None:
    assert run[0].ret == pytest.ExitCode.TESTS_FAILED


def crash_has_its_case(run: Run) -> None:
    (crash,) = (each for each in run[1]["clauses"] if each["id"] == "some.crash")
    assert set(crash["counterexample"]["case"]) == {"x"}


def not_complete(run: Run) -> None:
    assert run[1]["footer"]["complete"] is False
    assert "INCOMPLETE" in str(run[0].stdout)


def not_green(run: Run) -> None:
    assert run[0].ret == pytest.ExitCode.NO_TESTS_COLLECTED


Check = Callable[[Run], None]
HOW: dict[Check, tuple[str, ...]] = {
    all_accounted: ("--impl-timeout=1",),
    red: ("--impl-clause=some.crash", "--impl-clause=some.good"),
    crash_has_its_case: ("--impl-clause=some.crash",),
    not_complete: ("-x", "-n0", "--impl-clause=some.wrong", "--impl-clause=some.good"),
    not_green: ("-n0", "--impl-clause=some.lacks"),
}
"""Check -> the run that it is made for."""

MUTANTS: dict[str, tuple[Check, str]] = {
    "a crash is a pass": (
        all_accounted,
        "old = isolation.lost\nisolation.lost = lambda *given: replace(old(*given), verdict='pass')",
    ),
    "a timeout is a crash": (all_accounted, "watch.LastWords.verdict = 'crash'"),
    "no time limit": (all_accounted, "watch.Watch._arm = lambda self, seconds: None"),
    "a worker is not replaced": (all_accounted, "isolation.ENDLESS = '0'"),
    "a lost clause is forgotten": (
        all_accounted,
        "isolation.show_result = lambda report, result: None\ngathering.Gathering._accept = accept_but_for_failures",
    ),
    "nothing is blocked": (all_accounted, "gathering.FAILING = frozenset()"),
    "whatever is judged is a pass": (
        all_accounted,
        "old = Judging._judge\nJudging._judge = lambda *given: replace(old(*given), verdict='pass')",
    ),
    "a lost process ends as it likes": (
        red,
        "isolation.show_result = show_as_passed\ngathering.Gathering.exit_status = lambda self, status: status",
    ),
    "no crumb after the clause has begun": (
        crash_has_its_case,
        "old = watch.Watch._leave\nwatch.Watch._leave = lambda self, id, n, case, state: old(self, id, n, None, state)",
    ),
    "always complete": (not_complete, "gathering.Gathering.complete = True"),
    "nothing is lost": (not_complete, "gathering.Gathering.lost = []"),
    "nothing judged is fine": (not_green, "gathering.Gathering.judged = 1"),
}
HEAD = """
from dataclasses import replace
from autograd_conformance.running import gathering
from autograd_conformance.running import isolation
from autograd_conformance.running import watch
from autograd_conformance.running.process import Judging

def show_as_passed(report, result, old=isolation.show_result):
    old(report, result)
    report.outcome = "passed"

def accept_but_for_failures(self, result, old=gathering.Gathering._accept):
    if result.verdict not in ("crash", "timeout") and 'in pytest' not in str(result.counterexample):
        old(self, result)

"""


def run_for(check: Check, folder: Folder, *options: str) -> Run:
    folder.clauses(CLAUSES)
    return folder.judge(*HOW[check], *options)


@pytest.mark.parametrize("check", HOW, ids=lambda check: check.__name__)
def test_an_unharmed_harness_passes(check: Check, folder: Folder) -> None:
    check(run_for(check, folder))


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_caught(mutant: str, folder: Folder) -> None:
    check, fault = MUTANTS[mutant]
    (folder.path / "mutant.py").write_text(HEAD + fault)
    run = run_for(check, folder, "-p", "mutant")
    with pytest.raises(AssertionError):
        check(run)
