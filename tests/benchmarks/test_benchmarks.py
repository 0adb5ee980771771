"""The benchmarks compute what they say on every engine, and their gate and page tell what was measured. Nothing is timed here."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from readme_blocks import benchmarking

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import native
import page
import ratios
import test_workloads as timing
from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_conformance.engine import Engine
from autograd_conformance.running.loading import load_engine
from workloads import WORKLOADS, Workload


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
@pytest.mark.parametrize("name", ["reference", "torch", "autograd", "mygrad"])
def test_gradients_are_those_by_hand(name: str, workload: Workload) -> None:
    engine, size = load_engine(name, None), workload.sizes[0]
    arrays = timing.arrays_of(workload, size)
    if name == "autograd" and workload.name == "writes":
        with pytest.raises(native.Unsupported, match="add_"):
            native.run_of(workload, engine, size, arrays)
        return
    run = native.run_of(workload, engine, size, arrays)
    for lib in (importlib.import_module("numpy"), importlib.import_module("torch")):
        own = [each.copy() if lib is np else lib.from_numpy(each.copy()) for each in arrays]
        for _ in range(2):  # nothing is left behind by the first
            timing.compare(engine, run(), workload.floor(lib, size, *own)[1])


def test_a_wrong_gradient_is_not_timed() -> None:
    workload = WORKLOADS[0]
    arrays = timing.arrays_of(workload, 10)
    gradients = native.run_of(workload, Reference(), 10, arrays)()
    with pytest.raises(AssertionError):
        timing.compare(Reference(), gradients, workload.floor(np, 10, *arrays[::-1])[1])


def test_the_engines_own_calls_are_timed() -> None:
    assert native.run_of(WORKLOADS[0], Torch(), 1, timing.arrays_of(WORKLOADS[0], 1))

    class Unspelled(Engine):
        name = "unspelled"

    Unspelled.operators = {"multiply": lambda x, y: x * y}
    with pytest.raises(native.Unsupported, match="unspelled spells no"):
        native.forward_of(WORKLOADS[0], Unspelled(), 1)


TIMED = [
    {"workload": "chain", "size": 10, "engine": "floor", "min": 1.0},
    {"workload": "chain", "size": 10, "engine": "reference", "min": 3.0},
    {"workload": "chain", "size": 10, "engine": "torch", "min": 2.0},
    {"workload": "chain", "size": 99, "engine": "reference", "min": 1.0},
    {"workload": "peak memory", "size": 1, "engine": "torch", "min": 9.0, "bytes": 2**20},
]


@pytest.mark.parametrize(("limit", "broken"), [("torch:1.4", True), ("torch:1.5", False), ("mygrad:9", True)])
def test_gate(limit: str, broken: bool) -> None:
    """A run in which nothing could be compared does not pass."""
    found = [each for each in ratios.ratios_of(TIMED) if each.engine == "reference"]
    parsed = ratios.Limit.parse(limit)
    assert ratios.over(found, parsed) is broken
    assert ("above" in parsed.verdict(found) or "could not be checked" in parsed.verdict(found)) is broken


@pytest.mark.parametrize("limit", ["torch", "torch:", ":1", "torch:none", "torch:0", "torch:-1"])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    with pytest.raises(Exception, match="expected ENGINE:RATIO"):
        ratios.Limit.parse(limit)


def test_page(tmp_path: Path) -> None:
    run = {"benchmarks": [{"stats": {"min": each["min"]}, "extra_info": each} for each in TIMED]}
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert page.main([str(tmp_path / "run.json"), "--output", str(tmp_path / "page.html")]) == 0
    text = (tmp_path / "page.html").read_text()
    assert "<td>chain</td><td>10</td><td>3.00</td><td>2.00</td>" in text and "1 MiB" in text
    assert 'src="http' not in text  # it needs nothing from anywhere


@pytest.mark.parametrize("text", ["", "{}", '{"benchmarks": []}', '{"benchmarks": [{"stats": {}}]}'])
def test_a_file_of_another_kind_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(SystemExit, match=r"other\.json"):
        page.main([str(tmp_path / "other.json"), "--output", str(tmp_path / "page.html")])
    assert not (tmp_path / "page.html").exists()


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command of the README, on the smallest workload only, with files in `folder`."""
    words = shlex.split(re.sub(r"[a-z]+\.(json|html)", lambda name: str(folder / name[0]), command), comments=True)
    program = [sys.executable, *(["-m", "pytest", "-q", "-k", "operator-1-"] if words[0] == "pytest" else [])]
    # Where these tests themselves run in a worker, pytest-benchmark is not to take that for a worker of this run.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    return subprocess.run([*program, *words[1:]], cwd=ROOT, env=env, check=False, capture_output=True, text=True)


def test_the_readmes_commands(tmp_path: Path) -> None:
    single, gate, page_of_one = benchmarking()
    for command in (
        single,
        gate.replace(":1.5", ":1e9"),
        page_of_one,
    ):
        done = run(command, tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    engines = [
        each["extra_info"]["engine"] for each in json.loads((tmp_path / "reference.json").read_text())["benchmarks"]
    ]
    assert engines == ["floor", "reference"]
    assert (tmp_path / "page.html").exists()


def test_a_gate_that_is_not_met(tmp_path: Path) -> None:
    done = run("pytest benchmarks --impl=reference --impl-not-slower-than=torch:1e-9", tmp_path)
    assert done.returncode == 1 and "above the limit of 1e-09" in done.stdout, done.stdout + done.stderr
