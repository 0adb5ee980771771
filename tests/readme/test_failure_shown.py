"""The failure of MyGrad that the README shows, and its script, are those that judging MyGrad gives today."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from readme_blocks import blocks
from stranger import ROOT

pytest.importorskip("mygrad")


def test_it_is_what_comes_out(tmp_path: Path) -> None:
    judge = ("-m", "pytest", "-p", "no:cacheprovider", "--impl=mygrad", "--impl-clause=accum.adds")
    command = (sys.executable, *judge, f"--impl-scripts={tmp_path}")
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout
    failure, script = blocks("text")[2], blocks("python")[1]
    assert _without_path(failure) in _without_path(done.stdout)
    assert (tmp_path / "accum.adds.py").read_text().endswith(f'"""\n\n{script}')


def test_its_script_fails_for_the_reason_shown() -> None:
    done = subprocess.run((sys.executable, "-c", blocks("python")[1]), check=False, capture_output=True, text=True)
    assert "AssertionError" in done.stderr
    assert "ACTUAL: array(2.)" in done.stderr


def _without_path(text: str) -> str:
    return re.sub(r"reproduce with: python \S+", "reproduce with: python", text)
