"""Installed, the plugin is loaded by every pytest there is; nobody may notice."""

from __future__ import annotations

import subprocess
import sys

import pytest
from harness_support import Folder

pytest_plugins = "pytester"

CONFTEST = """
import pytest

def pytest_addoption(parser):
    parser.addoption("--device", default="cpu")
    parser.addoption("--profile", default="none")
    parser.addoption("--timeout-of-ours", default="none")

@pytest.fixture
def engine():
    return "a car's"

@pytest.fixture
def device(request):
    return request.config.getoption("--device")
"""
TESTS = """
import unittest
from unittest import mock

import pytest

clause = mock.MagicMock()
anything = mock.call

class Touchy:
    def __getattr__(self, name):
        raise RuntimeError(name)

touchy = Touchy()

def test_engine(engine, device):
    assert (engine, device) == ("a car's", "cuda")

def test_with_a_clause():
    pass
test_with_a_clause.clause = "of a contract"

class TestOld(unittest.TestCase):
    def test_old(self):
        self.assertTrue(True)

@pytest.mark.skip
def test_skipped():
    pass

@pytest.mark.xfail(strict=True)
def test_xfail():
    assert False
"""
LIGHT = """
import sys, autograd_conformance.plugin
print([name for name in ("numpy", "hypothesis", "jsonschema", "xdist") if name in sys.modules])
"""


@pytest.mark.parametrize("how", [("-n2",), ("-p", "no:xdist"), ()], ids=" ".join)
def test_another_project_is_left_alone(folder: Folder, how: tuple[str, ...]) -> None:
    (folder.path / "conftest.py").write_text(CONFTEST)
    (folder.path / "test_theirs.py").write_text(TESTS)
    run = folder.pytest("--device=cuda", *how)
    run.assert_outcomes(passed=3, skipped=1, xfailed=1)
    assert run.ret == 0
    told = [line for line in run.outlines + run.errlines if not line.startswith("plugins: ")]  # pytest's own list
    assert "conformance" not in "".join(told)
    assert not (folder.path / ".autograd-conformance").exists()


def test_its_import_is_light(folder: Folder) -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_options_begin_with_impl_and_there_are_no_fixtures(folder: Folder) -> None:
    assert "autograd_conformance" not in str(folder.pytest("--fixtures").stdout)
    help_text = str(folder.pytest("--help").stdout)
    section = help_text.partition("judge a gradient engine by")[2].partition("\n\n")[0].splitlines()
    options = [line.split()[0] for line in section if line.startswith("  -")]
    assert len(options) == 12
    assert all(option.startswith("--impl") for option in options)
