"""Clauses as pytest items: which are run, and how a verdict becomes an outcome of pytest's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

import pytest

from autograd_conformance.clauses import Clause
from autograd_conformance.results import BAD, Result, Verdict
from autograd_conformance.running.wording import full_text

JUDGE = pytest.StashKey[Callable[[Clause], Result]]()
"""What judges a clause in this process."""

REPLAY = pytest.StashKey[Callable[[Clause, Result], None]]()
"""Runs the case of a failed clause again and lets what it raises pass, for a debugger."""

LETTERS: dict[Verdict, str] = {
    "pass": ".",
    "fail": "F",
    "unsupported": "u",
    "crash": "C",
    "timeout": "T",
    "known": "k",
    "unexpected-pass": "P",
}


class ClauseFailed(Exception):
    """A clause does not hold; `result` says how."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.id)
        self.result = result


class ClauseItem(pytest.Item):
    """One clause.  Its name is the clause's id, the same in the repository and in an installed wheel."""

    def __init__(self, *, clause: Clause, **rest: Any) -> None:
        super().__init__(**rest)
        self.clause = clause
        self.result: Result | None = None
        self.extra_keyword_matches.update((clause.level, clause.function.__name__))

    @property
    def module_name(self) -> str:
        """That of the module which was collected; the clause's function may come from another."""
        module = self.getparent(pytest.Module)
        return module.obj.__name__ if module else self.clause.function.__module__

    def runtest(self) -> None:
        self.result = self.config.stash[JUDGE](self.clause)
        if self.result.verdict in BAD:
            if self.config.getoption("usepdb", False):
                self.config.stash[REPLAY](self.clause, self.result)
            raise ClauseFailed(self.result)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Not the bare id in the third place: pytest would print its dot as `::`."""
        return self.path, self.clause.function.__code__.co_firstlineno - 1, f"clause {self.clause.id}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *rest: Any, **more: Any) -> Any:
        if self.result is not None:
            return full_text(self.result)
        return super().repr_failure(excinfo, *rest, **more)


# ---- from verdict to outcome ------------------------------------------------------------------------------------------
def attach_result(item: pytest.Item, report: pytest.TestReport) -> None:
    """Send the result with the report of a clause, and give the report the outcome that the verdict has in pytest."""
    if not isinstance(item, ClauseItem) or report.when != "call" or item.result is None:
        return
    show_result(report, item.result)
    if item.result.verdict in ("unsupported", "known"):
        report.outcome = "skipped"
        path, line, _ = item.reportinfo()
        report.longrepr = (str(path), (line or 0) + 1, item.result.reason)


def show_result(report: pytest.TestReport, result: Result) -> None:
    """As text, since xdist sends plain values only."""
    report.conformance = json.dumps(result.to_json())  # type: ignore[attr-defined]
    if result.verdict == "known":
        report.wasxfail = result.reason


def show_handed_back(report: pytest.TestReport) -> None:
    """Of a clause that had not begun when its worker was gone: no outcome, it goes to another worker."""
    report.outcome = "skipped"
    report.handed_back = True  # type: ignore[attr-defined]


def result_of(report: pytest.TestReport) -> Result:
    return Result.from_json(json.loads(report.conformance))


def status_of(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Category, letter and word; all that is bad is `failed`, so that pytest's own last line is red.

    None for a report of something else than a clause.
    """
    if hasattr(report, "handed_back"):
        return "", "", ""
    if not hasattr(report, "conformance"):
        return None
    verdict = result_of(report).verdict
    category = "failed" if verdict in BAD else "passed" if verdict == "pass" else verdict
    return category, LETTERS[verdict], verdict.upper()


# ---- selection --------------------------------------------------------------------------------------------------------
def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Check the clauses among `items` and deselect those that were not asked for."""
    clauses = [item for item in items if isinstance(item, ClauseItem)]
    with usage_errors_reach_the_controller(config):
        _refuse_duplicates(clauses)
        if clauses and config.getoption("impl") is None and not config.getoption("collectonly"):
            raise pytest.UsageError(
                "clauses were collected, but there is no engine to judge: add --impl=reference, or "
                "--impl=package.module:Class for an adapter of your own"
            )
        _refuse_globs_without_match(config, clauses)
    dropped = [item for item in clauses if not _wanted(config, item.clause)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]


@contextmanager
def usage_errors_reach_the_controller(config: pytest.Config) -> Iterator[None]:
    """A worker of xdist cannot end the run; it hands the message over and leaves (see `plugin.pytest_testnodedown`)."""
    try:
        yield
    except pytest.UsageError as error:
        if not hasattr(config, "workeroutput"):
            raise
        config.workeroutput["autograd_conformance_usage_error"] = str(error)
        pytest.exit(str(error))


def _refuse_duplicates(items: Sequence[ClauseItem]) -> None:
    where: dict[str, list[str]] = {}
    for item in items:
        where.setdefault(item.clause.id, []).append(str(item.path))
    for id, paths in where.items():
        if len(paths) > 1:
            raise pytest.UsageError(f"clause id {id!r} is used {len(paths)} times; ids are unique: {', '.join(paths)}")


def _refuse_globs_without_match(config: pytest.Config, items: Sequence[ClauseItem]) -> None:
    for glob in config.getoption("impl_clause") or ():
        if not any(fnmatchcase(item.clause.id, glob) for item in items):
            chapters = ", ".join(sorted(Counter(item.clause.chapter for item in items))) or "none"
            raise pytest.UsageError(f"--impl-clause={glob}: no clause matches; chapters collected: {chapters}")


def _wanted(config: pytest.Config, clause: Clause) -> bool:
    globs, levels = config.getoption("impl_clause"), config.getoption("impl_level")
    by_id = globs is None or any(fnmatchcase(clause.id, glob) for glob in globs)
    return by_id and (levels is None or clause.level in levels)
