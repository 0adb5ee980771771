"""What the tests of the harness share: a folder to judge in, and what must hold of every run."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autograd_conformance.reporting import report as reports

HERE = Path(__file__).parent
PACKAGES = [HERE.parents[1] / name for name in ("spec", "conformance", "reference_impl")]
LEAKS = ("PYTEST_", "COV_", "CI", "BUILD_NUMBER")
"""How variables begin that would change what is run; where CI or BUILD_NUMBER is set, pytest shortens no line."""
ENGINE = "--impl=synthetic_engine:Synthetic"


@dataclass
class Folder:
    """An empty folder in which `pytest` finds the suite, and the synthetic engine."""

    pytester: pytest.Pytester

    @classmethod
    def prepare(cls, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Folder:
        for variable in [name for name in os.environ if name.startswith(LEAKS)]:
            monkeypatch.delenv(variable)
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # for the time it takes
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, [pytester.path, *PACKAGES])))
        shutil.copy(HERE / "synthetic_engine.py", pytester.path)
        return cls(pytester)

    @property
    def path(self) -> Path:
        return self.pytester.path

    def clauses(self, text: str, name: str = "test_clauses.py") -> None:
        """A module of clauses; `clause`, strategies, judgements and levels are imported."""
        head = (
            "from autograd_conformance.clauses import CORE, FULL, EXTENSION, clause\n"
            "from autograd_conformance.judge import Failure, chosen, equal\n"
            "from hypothesis.strategies import integers\n"
        )
        (self.path / name).write_text(head + text)

    def copy_clauses(self, name: str) -> None:
        """A module of clauses that lies here, under a name that pytest collects there, but not here."""
        shutil.copy(HERE / name, self.path / f"test_{name}")

    def pytest(self, *arguments: str, timeout: float = 120) -> pytest.RunResult:
        """`pytest` with the plugin loaded, as its entry point would."""
        plugins = ("-p", "xdist", "-p", "hypothesispytest", "-p", "autograd_conformance.plugin")
        return self.pytester.runpytest_subprocess(*plugins, *arguments, timeout=timeout)

    def judge(self, *arguments: str, timeout: float = 120) -> tuple[pytest.RunResult, dict[str, Any]]:
        """Judge the synthetic engine; the run, and its report, which keeps to the schema."""
        path = self.path / "report.json"
        run = self.pytest(ENGINE, f"--impl-report={path}", *arguments, timeout=timeout)
        report = json.loads(path.read_text())
        reports.check(report, "report.json")
        return run, report


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {each["id"]: each["verdict"] for each in report["clauses"]}


def check_accounted(report: dict[str, Any], expected: dict[str, str]) -> None:
    """Every clause has its verdict, once; the report says that it is complete; counts agree."""
    ids = [each["id"] for each in report["clauses"]]
    assert ids == sorted(set(ids))
    assert verdicts(report) == expected
    assert report["footer"]["complete"] is True
    assert report["footer"]["collected"] == report["footer"]["reported"] == len(expected)
    assert sum(report["counts"].values()) == len(expected)
