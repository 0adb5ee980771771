"""Expectations, corpus and scripts as the user meets them; what the files say is tested where they are made."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from harness_support import ENGINE, Folder, verdicts

pytest_plugins = "pytester"

CLAUSES = """
import os, time

@clause("known.crash", level=CORE, x=integers(0, 9))
def test_crash(engine, x):
    '''It ends the process.'''
    os._exit(0)

@clause("known.hang", level=CORE, x=integers(0, 9))
def test_hang(engine, x):
    '''It never ends.'''
    time.sleep(99)

@clause("known.sum", level=CORE, x=integers(0, 9), y=integers(0, 0))
def test_sum(engine, x, y):
    '''It is wrong.'''
    t = engine.tensor(__import__("numpy").array([1.0], "float32"))
    equal("the sum", engine.array(engine.apply("add", t, t)), engine.array(t))

@clause("known.good", level=CORE, x=integers(0, 9))
def test_good(engine, x):
    '''It is right.'''
"""


def test_what_was_written_is_expected_the_next_time(folder: Folder) -> None:
    folder.clauses(CLAUSES)
    written, options = folder.path / "known.toml", ("--impl-timeout=1",)
    first, report = folder.judge(f"--impl-expect-write={written}", *options)
    assert first.ret == pytest.ExitCode.TESTS_FAILED
    assert verdicts(report) == {
        "known.crash": "crash",
        "known.hang": "timeout",
        "known.sum": "fail",
        "known.good": "pass",
    }
    assert set(tomllib.loads(written.read_text())["clause"]) == {"known.crash", "known.hang", "known.sum"}

    second, report = folder.judge(f"--impl-expect={written}", *options)
    assert verdicts(report) == dict.fromkeys(("known.crash", "known.hang", "known.sum"), "known") | {
        "known.good": "pass"
    }
    assert second.ret == 0
    assert second.parseoutcomes() == {"passed": 1, "known": 3}
    second.stdout.fnmatch_lines(["4 clauses: 1 pass, 3 known;*", "  known.crash: bug: TODO: say why"])


def _written(folder: Folder) -> Path:
    """Expectations that were written for the wrong sum."""
    folder.clauses(CLAUSES)
    path = folder.path / "known.toml"
    folder.pytest(ENGINE, "-n0", "--impl-clause=known.sum", f"--impl-expect-write={path}")
    assert "known.sum" in path.read_text()
    return path


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("[", "known.toml: cannot be read as TOML"),
        ('[clause."known.gone"]\n', "known.toml: no such clause: known.gone"),
    ],
)
def test_what_cannot_be_read_is_not_written_over(folder: Folder, workers: str, damage: str, message: str) -> None:
    path = _written(folder)
    path.write_text(before := path.read_text() + damage)
    run = folder.pytest(
        ENGINE, workers, "--impl-clause=known.sum", f"--impl-expect={path}", f"--impl-expect-write={path}"
    )
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    assert message in f"{run.stdout}{run.stderr}"
    assert path.read_text() == before


MORE = """
@clause("known.first", level=CORE, x=integers(0, 9))
def test_first(engine, x):
    '''It is wrong, too, and comes first.'''
    equal("a number", x, -1)

@clause("known.other", level=CORE, needs=("matmul",))
def test_other(engine):
    '''It needs what the engine lacks.'''
"""


@pytest.mark.parametrize(
    ("selected", "status"),
    [
        (("--impl-clause=known.other",), pytest.ExitCode.NO_TESTS_COLLECTED),
        (("--impl-clause=none.such",), pytest.ExitCode.USAGE_ERROR),
        (("--impl-clause=known.first", "--impl-clause=known.sum", "--maxfail=1"), pytest.ExitCode.TESTS_FAILED),
        (("--impl-clause=known.good", "test_clauses.py", "broken.py"), pytest.ExitCode.INTERRUPTED),
    ],
    ids=["unsupported", "nothing selected", "ended early", "a module that cannot be read"],
)
def test_a_run_that_is_not_whole_writes_nothing(
    folder: Folder, selected: tuple[str, ...], status: pytest.ExitCode
) -> None:
    path = _written(folder)
    before = path.read_text()
    folder.clauses(MORE, "test_a.py")
    folder.clauses("raise RuntimeError", "broken.py")  # collected only where it is named
    run = folder.pytest(ENGINE, "-n0", f"--impl-expect-write={path}", *selected)
    assert run.ret == status
    assert path.read_text() == before
    run.stdout.fnmatch_lines(["NOT WRITTEN: *known.toml stays as it is;*"])


def test_a_script_is_kept_and_removed_when_the_clause_holds(folder: Folder) -> None:
    folder.clauses(CLAUSES)
    run = folder.pytest(ENGINE, "-n0", "--impl-clause=known.sum")
    script = folder.path / ".autograd-conformance" / "synthetic" / "known.sum.py"
    run.stdout.fnmatch_lines(["  reproduce with: python .autograd-conformance/synthetic/known.sum.py"])
    assert script.is_file()
    folder.clauses(CLAUSES.replace("engine.array(t))", "2 * engine.array(t))"))
    folder.pytest(ENGINE, "-n0", "--impl-clause=known.sum")
    assert not script.exists()


def test_scripts_go_where_they_are_wanted(folder: Folder) -> None:
    folder.clauses(CLAUSES)
    folder.pytest(ENGINE, "-n0", "--impl-clause=known.sum", "--impl-scripts=wanted")
    assert (folder.path / "wanted" / "known.sum.py").is_file()


def test_the_corpus_is_kept(folder: Folder) -> None:
    folder.clauses(CLAUSES)
    folder.pytest(ENGINE, "-n0", "--impl-clause=known.sum", "--impl-corpus=corpus")
    assert len(list(folder.path.glob("corpus/synthetic/known.sum/*.json"))) == 1
