"""A clause that ends its process has a small case, and a script that ends a clean process in the same way."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from typing import Any

import pytest
from harness_support import HERE, Folder, check_accounted

from autograd_conformance.reporting import report as reports
from autograd_conformance.scripts.clean_process import run_cleanly

pytest_plugins = "pytester"

PROGRAM = ("--pyargs", "autograd_spec", "--impl-clause=op.exact-program")
CLAUSES = """
import os
import numpy as np

@clause("lost.freed", level=CORE, x=integers(3, 9), y=integers(0, 3))
def test_freed(engine, x, y):
    '''What it makes is freed.'''
    two, made = engine.tensor(np.full((2,), x, "float32")), None
    engine.apply("add", two, two)
    if x > 4:
        engine.apply("subtract", two, two)

@clause("lost.outside", level=CORE, x=integers(3, 9))
def test_outside(engine, x):
    '''It ends the process itself.'''
    engine.apply("negative", engine.tensor(np.full((2,), x, "float32")))
    os._exit(3)

@clause("lost.later", level=CORE, x=integers(3, 9))
def test_later(engine, x):
    '''It is not the case that ends the process.'''
    engine.apply("negative", engine.tensor(np.full((2,), x, "float32")))
"""


def judge(folder: Folder, adapter: str, *arguments: str, **options: Any) -> dict[str, Any]:
    """The only clause in the report."""
    for name in ("lethal_engine.py", "lethal_adapters.py"):
        shutil.copy(HERE / name, folder.path)
    path = folder.path / "report.json"
    folder.pytest(f"--impl=lethal_adapters:{adapter}", f"--impl-report={path}", *arguments, **options)
    report = json.loads(path.read_text())
    reports.check(report, "report.json")
    assert report["footer"]["complete"] is True
    (found,) = report["clauses"]
    return dict(found)


def operators_in(found: dict[str, Any]) -> list[str]:
    return [step["operator"] for step in found["counterexample"]["case"]["program"]["$program"]["steps"]]


def run(folder: Folder, script: str, mended: bool = False) -> subprocess.CompletedProcess[str]:
    text = (HERE / "lethal_engine.py").read_text()
    (folder.path / "lethal_engine.py").write_text(text.replace("MENDED = False", f"MENDED = {mended}"))
    return run_cleanly(script, path=[str(folder.path)])


def check_script(folder: Folder, found: dict[str, Any], status: int) -> str:
    """It ends as the clause did, it has no step to spare, and holds on the mended engine."""
    script: str = found["counterexample"]["script"]
    assert "autograd_conformance" not in script and "autograd_spec" not in script
    ended = run(folder, script)
    assert (ended.returncode, ended.stdout) == (status, ""), ended.stderr
    mended = run(folder, script, mended=True)
    assert (mended.returncode, mended.stdout) == (0, "holds\n"), mended.stderr
    return script


@pytest.mark.parametrize("how", [(), ("-n2",)], ids=" ".join)
def test_a_crash_in_an_operator(folder: Folder, how: tuple[str, ...]) -> None:
    found = judge(folder, "Crashing", *PROGRAM, *how)
    assert found["verdict"] == "crash"
    assert operators_in(found) == ["multiply"]
    script = check_script(folder, found, -signal.SIGSEGV)
    assert "got:      the process died: Segmentation fault" in script
    assert script.count("lethal_engine.crashing_product(") == 1
    assert (folder.path / ".autograd-conformance" / "autograd" / "op.exact-program.py").read_text() == script


def test_an_expected_crash_has_its_script_too(folder: Folder) -> None:
    known = folder.path / "known.toml"
    first = judge(folder, "Crashing", *PROGRAM, f"--impl-expect-write={known}")
    again = judge(folder, "Crashing", *PROGRAM, f"--impl-expect={known}")
    assert again["verdict"] == "known"
    assert again["counterexample"] == first["counterexample"]


def test_a_hang_inside_a_vjp(folder: Folder) -> None:
    found = judge(folder, "Hanging", *PROGRAM, "--impl-timeout=1", timeout=240)
    assert found["verdict"] == "timeout"
    assert "add" in operators_in(found)  # how small the case gets depends on how many hangs the time allows for
    script = check_script(folder, found, 1)
    assert "lethal_engine.hanging_sum(" in script
    assert "faulthandler.dump_traceback_later(1.0, exit=True)" in script
    assert "in pull_back" in run(folder, script).stderr, "it shows where it hangs"


def test_an_end_without_a_word(folder: Folder) -> None:
    found = judge(folder, "Leaving", *PROGRAM)
    assert found["verdict"] == "crash"
    assert operators_in(found) == ["negative"]
    check_script(folder, found, 0)


def test_a_crash_when_something_is_freed(folder: Folder) -> None:
    folder.clauses(CLAUSES)
    found = judge(folder, "FreedBadly", "--impl-clause=lost.freed")
    assert found["counterexample"]["case"] == {"x": 5, "y": 0}, "values are made smaller, too"
    assert found["counterexample"]["text"] == "x = 5\ny = 0"
    script = check_script(folder, found, -signal.SIGABRT)
    assert "hanging_sum" not in script and "x0 + x0" not in script, "a dead step"


@pytest.mark.parametrize(
    ("adapter", "clause", "why"),
    [
        ("Autograd", "lost.outside", "no call of the engine was under way when the process ended"),
        ("CrashingLater", "lost.later", "run again in a process of its own, the case does not end it"),
    ],
)
def test_where_there_is_no_script_the_report_says_why(folder: Folder, adapter: str, clause: str, why: str) -> None:
    folder.clauses(CLAUSES)
    found = judge(folder, adapter, f"--impl-clause={clause}")
    assert found["verdict"] == "crash"
    assert found["counterexample"]["script"] is None
    assert [note for note in found["notes"] if why in note]
    assert found["counterexample"]["case"]["x"] >= 3


DYING = """
import os

@clause("dying.at-seven", level=CORE, x=integers(0, 9), y=integers(0, 9))
def test_at_seven(engine, x, y):
    '''It ends the process, if seldom.'''
    if x == 7:
        os._exit(3)

@clause("dying.good", level=CORE, x=integers(0, 9))
def test_good(engine, x):
    '''It holds.'''
"""


def test_a_lost_case_is_remembered_and_replayed_first(folder: Folder) -> None:
    folder.clauses(DYING)
    corpus = folder.path / "corpus"
    examples = []
    for options in ((), ("--hypothesis-seed=5", "-n2")):
        _, report = folder.judge(f"--impl-corpus={corpus}", *options)
        check_accounted(report, {"dying.at-seven": "crash", "dying.good": "pass"})
        (lost,) = (each for each in report["clauses"] if each["verdict"] == "crash")
        assert lost["counterexample"]["case"] == {"x": 7, "y": 0}
        examples.append(lost["examples"])
    assert examples[0] > 1 and examples[1] == 1
    (kept,) = corpus.rglob("*.json")
    assert json.loads(kept.read_text())["case"] == {"x": 7, "y": 0}


def test_a_known_lost_case_is_not_remembered(folder: Folder) -> None:
    folder.clauses(DYING)
    corpus, known = folder.path / "corpus", folder.path / "known.toml"
    folder.judge(f"--impl-expect-write={known}")
    _, report = folder.judge(f"--impl-expect={known}", f"--impl-corpus={corpus}")
    check_accounted(report, {"dying.at-seven": "known", "dying.good": "pass"})
    assert not list(corpus.rglob("*.json"))
