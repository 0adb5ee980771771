"""A crash or a hang costs one verdict, in whatever order and company the clause runs."""

from __future__ import annotations

from typing import Any

import pytest
from harness_support import Folder, check_accounted
from many_clauses import CRASHES, FAILS, HANGS

pytest_plugins = "pytester"

KIND_OF = dict.fromkeys(CRASHES, "crash") | dict.fromkeys(HANGS, "timeout") | dict.fromkeys(FAILS, "fail")
SIGNALS = {40: "Segmentation fault", 77: "Aborted", 78: "Segmentation fault"}
EXPECTED = {f"many.c{number:03}": KIND_OF.get(number, "pass") for number in range(120)}


def judge_many(folder: Folder, *arguments: str) -> dict[str, Any]:
    folder.copy_clauses("many_clauses.py")
    run, report = folder.judge("--impl-timeout=3", "-q", *arguments, timeout=180)
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    return report


def by_id(report: dict[str, Any]) -> dict[str, Any]:
    return {each["id"]: each for each in report["clauses"]}


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["serial", "two workers"])
def test_every_clause_of_many_has_its_own_verdict(folder: Folder, workers: tuple[str, ...]) -> None:
    report = judge_many(folder, *workers)
    check_accounted(report, EXPECTED)
    for number in (*CRASHES, *HANGS):
        lost = by_id(report)[f"many.c{number:03}"]
        assert lost["counterexample"]["case"].keys() == {"x"}, "the crumb names the case"
        assert lost["counterexample"]["text"].startswith("x = ")
        assert lost["examples"] == 1
    for number in CRASHES:
        assert by_id(report)[f"many.c{number:03}"]["counterexample"]["case"] == {"x": 0}, "made smaller"
    for number, signal in SIGNALS.items():
        assert by_id(report)[f"many.c{number:03}"]["counterexample"]["got"] == f"the process died: {signal}"


def test_a_subset_has_the_same_verdicts(folder: Folder) -> None:
    chosen = [id for id in EXPECTED if id[-3:-1] in ("00", "07", "11")]
    globs = [f"--impl-clause={id}" for id in chosen]
    check_accounted(judge_many(folder, *globs), {id: EXPECTED[id] for id in chosen})
