"""What a worker leaves behind, as the controller reads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autograd_conformance.running.watch import LastWords, read_last_words

WORKER = """
import pathlib, sys, time
from autograd_conformance.running.watch import Watch
watch = Watch(pathlib.Path(sys.argv[1]), "gw0", 0.3)
with watch.importing():
    pass
with watch.clause("a.one") as before_example:
    {}
"""


def last_words(folder: Path, body: str) -> LastWords:
    """Those of a process that runs `body` while a clause is watched."""
    path = ":".join(sys.path)
    subprocess.run([sys.executable, "-c", WORKER.format(body), str(folder)], env={"PYTHONPATH": path}, check=False)
    return read_last_words(folder, "gw0")


def test_a_crash_in_an_example(tmp_path: Path) -> None:
    body = "before_example(lambda: {'long': 'x' * 9999}, 1); before_example(lambda: {'x': 2}, 2); import os; os.abort()"
    words = last_words(tmp_path, body)
    assert (words.clause, words.number, words.case, words.verdict) == ("a.one", 2, {"x": 2}, "crash")
    assert words.cause == "the process died: Aborted"


def test_an_end_without_a_trace(tmp_path: Path) -> None:
    words = last_words(tmp_path, "import os; os._exit(0)")
    assert (words.clause, words.number, words.case, words.verdict) == ("a.one", 0, None, "crash")
    assert "without a trace" in words.cause


def test_a_hang_that_holds_the_lock(tmp_path: Path) -> None:
    words = last_words(tmp_path, "before_example(lambda: {'x': 1}, 1); import re; re.match('(a+)+$', 'a' * 60 + 'b')")
    assert (words.clause, words.case, words.verdict) == ("a.one", {"x": 1}, "timeout")


def test_the_time_is_for_one_example_not_for_all(tmp_path: Path) -> None:
    words = last_words(tmp_path, "[(before_example(lambda: {'x': n}, n), time.sleep(0.1)) for n in range(1, 9)]")
    assert words == LastWords("a.one", 8, {"x": 8}, "", "ended"), "no trace of an end"


def test_an_end_after_the_clause(tmp_path: Path) -> None:
    words = last_words(tmp_path, "before_example(lambda: {'x': 1}, 1)\nimport os; os.abort()")
    assert (words.clause, words.state, words.cause) == ("a.one", "ended", "the process died: Aborted")


def test_a_worker_that_leaves_by_itself_says_so(tmp_path: Path) -> None:
    assert last_words(tmp_path, "pass\nwatch.spoiled()").state == "spoiled"


def test_a_worker_that_left_nothing(tmp_path: Path) -> None:
    assert read_last_words(tmp_path, "gw0").clause is None


def test_before_example_is_cheap(tmp_path: Path) -> None:
    body = (
        "begun = time.perf_counter(); [before_example(lambda: {'x': 1}, n) for n in range(1000)]; "
        "pathlib.Path(sys.argv[1], 'seconds').write_text(str(time.perf_counter() - begun))"
    )
    last_words(tmp_path, body)
    assert float((tmp_path / "seconds").read_text()) < 1.0, "1 ms an example would be far too much; it takes 0.05"


@pytest.mark.parametrize("trace", ["Timeout (0:00:30)!\nThread ...", "Fatal Python error: Segmentation fault\n"])
def test_a_timeout_is_told_from_a_crash_by_the_trace(trace: str) -> None:
    words = LastWords("a.one", 1, {}, trace)
    assert words.verdict == ("timeout" if trace.startswith("Timeout") else "crash")
