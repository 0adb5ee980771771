"""Whatever an engine raises or leaves running, a run that did not judge everything is never green."""

from __future__ import annotations

import pytest
from harness_support import Folder, check_accounted, verdicts

pytest_plugins = "pytester"

ENDS = {
    "an interrupt": "raise KeyboardInterrupt",
    "an exit of pytest that claims success": "__import__('pytest').exit('done', 0)",
    "a skip": "__import__('pytest').skip('not today')",
    "an expected failure": "__import__('pytest').xfail('not today')",
    "a debugger that is left": "raise __import__('bdb').BdbQuit",
}
CLAUSES = """
@clause("ends.first", level=CORE, x=integers(0, 9))
def test_first(engine, x):
    '''It holds.'''

@clause("ends.second", level=CORE, x=integers(0, 9))
def test_second(engine, x):
    '''The engine raises what is meant for those who run us.'''
    ENDS
"""
THREAD = """
import threading, time

@clause("thread.left", level=CORE, x=integers(0, 9))
def test_left(engine, x):
    '''It leaves a thread running that never ends.'''
    threading.Thread(target=time.sleep, args=(9999,)).start()
"""


@pytest.mark.parametrize("end", ENDS)
def test_in_a_worker_what_is_meant_for_pytest_is_a_failure(folder: Folder, end: str) -> None:
    folder.clauses(CLAUSES.replace("ENDS", ENDS[end]))
    run, report = folder.judge()
    check_accounted(report, {"ends.first": "pass", "ends.second": "fail"})
    assert set(report["clauses"][1]["counterexample"]["case"]) == {"x"}
    assert run.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("end", ENDS)
def test_in_one_process_it_is_obeyed_and_the_run_is_not_complete(folder: Folder, end: str) -> None:
    folder.clauses(CLAUSES.replace("ENDS", ENDS[end]))
    run, report = folder.judge("-n0")
    assert run.ret not in (0, pytest.ExitCode.INTERNAL_ERROR)
    assert report["footer"]["complete"] is False or verdicts(report)["ends.second"] == "fail"
    assert verdicts(report).get("ends.second") != "pass"


def test_a_thread_that_is_left_running_does_not_hold_up_the_run(folder: Folder) -> None:
    folder.clauses(THREAD)
    _, report = folder.judge(timeout=60)
    check_accounted(report, {"thread.left": "pass"})
