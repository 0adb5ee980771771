"""What a clause does to its process costs its own verdict and nobody else's, also when it shows after the clause."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness_support import Folder, check_accounted, verdicts

from autograd_conformance.reporting import report as reports

pytest_plugins = "pytester"

ENGINE = """
import contextlib

recording = True
no_grad = contextlib.nullcontext

class Tensor:
    def __init__(self, value, wants):
        self.value, self.wants = value, wants

def add(x, y):
    return Tensor(x.value + y.value, recording and (x.wants or y.wants))
"""
ADAPTER = """
import numpy as np
import one_way
from autograd_conformance import Engine, template

class OneWay(Engine):
    '''Recording can be switched off for a block, and cannot be switched on.'''
    name, version = "one-way", "1"
    operators = {"add": "one_way.add(x, y)"}
    tensor = template("one_way.Tensor(np.array(array), requires_grad)")
    array = template("np.array(t.value)")
    requires_grad = template("t.wants")
    no_grad = template("one_way.no_grad()")
    is_leaf = backward = grad = detach = template("None")
"""
SPOILING = """
import one_way

@clause("spoil.before", level=CORE, x=integers(0, 9))
def test_before(engine, x):
    '''It holds.'''

@clause("spoil.spoiler", level=CORE, x=integers(0, 9))
def test_spoiler(engine, x):
    '''It leaves recording off, and the engine has no call to switch it on.'''
    one_way.recording = False

@clause("spoil.next", level=CORE, x=integers(0, 9))
def test_next(engine, x):
    '''It holds where recording is on.'''
    equal("recording", one_way.recording, True)

@clause("spoil.last", level=CORE, x=integers(0, 9))
def test_last(engine, x):
    '''It holds where recording is on.'''
    equal("recording", one_way.recording, True)
"""
SPOILED = {"spoil.before": "pass", "spoil.spoiler": "fail", "spoil.next": "pass", "spoil.last": "pass"}
DYING = """
import os, threading, time

@clause("between.first", level=CORE, x=integers(0, 9))
def test_first(engine, x):
    '''It holds.'''

@clause("between.dying", level=CORE, examples=1, x=integers(0, 9))
def test_dying(engine, x):
    '''It holds, and what it has set up ends the process afterwards.'''
    import conftest
    conftest.dying = DYING

@clause("between.next", level=CORE, x=integers(0, 9))
def test_next(engine, x):
    '''It holds.'''

@clause("between.last", level=CORE, x=integers(0, 9))
def test_last(engine, x):
    '''It holds.'''
"""
DIES_AFTER = """
import os
dying = False

def pytest_runtest_logfinish(nodeid):
    if dying:
        os._exit(0)
"""
"""Where the clause has ended, its result is sent, and the next has not begun."""
NEVER_BEGINS = """
import os

def pytest_runtest_logstart(nodeid):
    if "PYTEST_XDIST_WORKER" in os.environ:
        os._exit(0)
"""


def judge_spoiling(folder: Folder, *arguments: str) -> tuple[pytest.RunResult, dict[str, Any]]:
    (folder.path / "one_way.py").write_text(ENGINE)
    (folder.path / "adapter.py").write_text(ADAPTER)
    folder.clauses(SPOILING)
    path = folder.path / "report.json"
    run = folder.pytest("--impl=adapter:OneWay", f"--impl-report={path}", *arguments)
    report = json.loads(path.read_text())
    reports.check(report, "report.json")
    return run, report


@pytest.mark.parametrize("how", [(), ("-n2",), ("-n2", "--dist=worksteal")], ids=" ".join)
def test_a_spoiled_process_costs_the_spoilers_verdict_only(folder: Folder, how: tuple[str, ...]) -> None:
    run, report = judge_spoiling(folder, *how)
    check_accounted(report, SPOILED)
    assert run.parseoutcomes() == {"failed": 1, "passed": 3}


def test_in_one_process_the_run_ends_with_the_spoiler(folder: Folder) -> None:
    """What was not judged is no failure of the engine's, and no pass."""
    run, report = judge_spoiling(folder, "-n0")
    assert verdicts(report) == {"spoil.before": "pass", "spoil.spoiler": "fail"}
    assert report["footer"]["complete"] is False
    assert run.ret == pytest.ExitCode.INTERRUPTED
    run.stdout.fnmatch_lines(["INCOMPLETE: 2 *spoil.last, spoil.next", "*nothing more can be judged*; leave out -n 0*"])


@pytest.mark.parametrize("how", [(), ("-n2",)], ids=" ".join)
@pytest.mark.parametrize("last", [False, True], ids=["others follow", "the last clause"])
def test_a_death_between_two_clauses_is_the_fault_of_the_first(
    folder: Folder, how: tuple[str, ...], last: bool
) -> None:
    (folder.path / "conftest.py").write_text(DIES_AFTER)
    folder.clauses(DYING.replace("DYING", "True"))
    chosen = ("first", "dying") if last else ("first", "dying", "next", "last")
    run, report = folder.judge(*how, *(f"--impl-clause=between.{each}" for each in chosen))
    check_accounted(report, {f"between.{each}": "crash" if each == "dying" else "pass" for each in chosen})
    (dying,) = (each for each in report["clauses"] if each["verdict"] == "crash")
    assert dying["reason"] == "after its last example, and before anything else was judged in the process"
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    assert run.parseoutcomes()["failed"] == 1


def test_a_harness_that_blames_nobody_is_caught(folder: Folder) -> None:
    (folder.path / "conftest.py").write_text(DIES_AFTER)
    (folder.path / "mutant.py").write_text(
        "from autograd_conformance.running import isolation\nisolation.Controller._blame = lambda *given: None\n"
    )
    folder.clauses(DYING.replace("DYING", "True"))
    _, report = folder.judge("-p", "mutant")
    assert set(verdicts(report).values()) == {"pass"}, "the tests above tell it from the harness as it is"


def test_a_harness_that_goes_on_in_a_spoiled_process_is_caught(folder: Folder) -> None:
    (folder.path / "mutant.py").write_text(
        "from autograd_conformance.running import process\nprocess.spoiled_by = lambda: None\n"
    )
    _, report = judge_spoiling(folder, "-p", "mutant")
    assert verdicts(report) != SPOILED


def test_without_the_fault_all_hold(folder: Folder) -> None:
    (folder.path / "conftest.py").write_text(DIES_AFTER)
    folder.clauses(DYING.replace("DYING", "False"))
    assert folder.judge()[0].ret == 0


def test_workers_that_never_begin_are_not_replaced_for_ever(folder: Folder) -> None:
    (folder.path / "conftest.py").write_text(NEVER_BEGINS)
    folder.clauses(DYING.replace("DYING", "False"))
    run, report = folder.judge("--impl-clause=between.first")
    check_accounted(report, {"between.first": "crash"})
    assert run.ret == pytest.ExitCode.TESTS_FAILED
