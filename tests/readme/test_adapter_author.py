"""The author of an adapter, who has the README, the wheel and an empty folder, gets what the README shows."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess

import pytest
from readme_blocks import blocks, judging
from stranger import Stranger

SMOKE = {"PYTEST_ADDOPTS": "--impl-profile=smoke"}
CHECK, JUDGE, WRITE_EXPECTATIONS, EXPECT = range(4)
"""The README's commands that judge, in order; after them come those on reports."""
CHECKED, JUDGED = blocks("text")[:2]
"""What comes out of the first two."""
SECONDS = 10
"""From the command to the verdict, as CPU time: other load on the machine is not our fault."""


def shown(block: str) -> list[str]:
    """The lines of an output, without what is left out and what differs from run to run."""
    return [masked(line) for line in block.splitlines() if line not in ("...", "")]


def masked(line: str) -> str:
    return re.sub(r"profile \w+|\d+", "#", line)


def missing(block: str, output: str) -> list[str]:
    """Lines of `block` that do not come, in this order, in `output`."""
    lines = iter(masked(line) for line in output.splitlines())
    return [line for line in shown(block) if line not in lines]


def test_the_check_gives_the_output_that_is_shown(stranger: Stranger) -> None:
    told = stranger.must(judging()[CHECK])
    assert missing(CHECKED, told) == []
    assert "BROKEN" not in told


@pytest.fixture(scope="module")
def judged(stranger: Stranger) -> tuple[subprocess.CompletedProcess[str], float]:
    """The README's run of an adapter, and the CPU time that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = stranger.run(judging()[JUDGE], **SMOKE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_judging_gives_the_output_that_is_shown(judged: tuple[subprocess.CompletedProcess[str], float]) -> None:
    done, seconds = judged
    assert done.returncode == 1, done.stdout
    assert missing(JUDGED, done.stdout) == []
    assert seconds < SECONDS


def test_a_line_that_does_not_come_is_missed() -> None:
    assert missing("7 pass\n...\nend", "1 pass\nmore\nend") == []
    assert missing("end\npass", "pass\nend") == ["pass"]


@pytest.mark.usefixtures("judged")
def test_the_script_that_it_names_shows_the_failure(stranger: Stranger) -> None:
    script = re.search(r"reproduce with: python (\S+)", JUDGED)
    assert script
    assert "RecursionError" in stranger.run(f".venv/bin/python {script[1]}").stdout


def test_expectations_and_reports(stranger: Stranger) -> None:
    """All the other commands, in order; the reports that they compare and merge are made on the way."""
    assert stranger.run(judging()[WRITE_EXPECTATIONS], **SMOKE).returncode == 1
    stranger.must(judging()[EXPECT], **SMOKE)
    shutil.copy(stranger.folder / "new.json", stranger.folder / "old.json")
    for number, chapter in enumerate(("accum", "op"), start=1):
        stranger.must(f"{judging()[EXPECT]} --impl-clause='{chapter}.*' --impl-report=part{number}.json", **SMOKE)
    outputs = [stranger.must(command) for command in judging()[EXPECT + 1 :]]
    assert [output.splitlines()[0][:9] for output in outputs if output] == ["0 changed", "| engine ", "{"]


def test_plain_pytest_says_what_to_type(stranger: Stranger) -> None:
    command = judging()[JUDGE].replace("python -m pytest", "pytest")
    done = stranger.run(command)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "`python -m pytest ...`, not by `pytest ...`" in done.stdout
