"""Results are gathered and reconciled with what was collected: every clause is accounted for, exactly once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property

import pytest

from autograd_conformance.judging.expectations import Expectation, write
from autograd_conformance.reporting import report
from autograd_conformance.results import BAD, FAILING, Counterexample, Result
from autograd_conformance.running import terminal
from autograd_conformance.running.collecting import result_of
from autograd_conformance.running.script_files import keep_scripts
from autograd_conformance.running.sitting import Sitting, expectations_for


class Gathering:
    """The plugin of the process that the user started; it ends with the report and the summary."""

    def __init__(self, config: pytest.Config, seed: int, isolated: bool) -> None:
        self.config, self.seed, self.isolated = config, seed, isolated
        self.started = datetime.now(UTC)
        self.sitting: Sitting | None = None
        self.expectations: Mapping[str, Expectation] = {}
        self.raw: dict[str, Result] = {}
        """Clause id -> its own verdict, which decides the exit code."""
        self.uncollected = 0
        """Modules that could not be collected: nobody knows how many clauses they hold."""
        self.scripts: dict[str, str] = {}
        """Clause id -> where its reproduction script is."""

    # ---- what is to be judged, and what came of it ----
    def expect(self, sitting: Sitting) -> None:
        """Called by each process that has collected; all have collected the same, or xdist ends the run.

        Where the expectations cannot be used there is no sitting: nothing is judged, and no file is written.
        """
        self.expectations = expectations_for(self.config, sitting.engine.name, sitting.existing)
        self.sitting = sitting

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.uncollected += report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if hasattr(report, "conformance"):
            self._accept(result_of(report))
        elif report.failed and self.sitting and report.nodeid in self.sitting.clauses:
            self._accept(_failed_outside(self.sitting.clauses[report.nodeid], report))

    def _accept(self, result: Result) -> None:
        """A second result is that of a process which died after the clause had ended: the worse one stands."""
        if result.id not in self.raw or result.verdict in BAD:
            self.raw[result.id] = result

    @cached_property
    def results(self) -> list[Result]:
        """Sorted by id; a clause that fails where its parent fails as well is `blocked`."""
        return [self._relabelled(self.raw[id]) for id in sorted(self.raw)]

    def _relabelled(self, result: Result) -> Result:
        parent = self.raw.get(result.after or "")
        if result.verdict != "fail" or parent is None or parent.verdict not in FAILING:
            return result
        return replace(result, verdict="blocked", reason=f"it stands on {parent.id}, which fails ({parent.verdict})")

    @property
    def lost(self) -> list[str]:
        """Ids that were collected and have no result."""
        collected = self.sitting.clauses.values() if self.sitting else ()
        return sorted({each.id for each in collected} - set(self.raw))

    @property
    def complete(self) -> bool:
        return self.sitting is not None and not self.lost and not self.uncollected

    @property
    def judged(self) -> int:
        return sum(result.verdict != "unsupported" for result in self.raw.values())

    @property
    def sound(self) -> bool:
        """Whether expectations may be written: what was not judged would be taken for what fails no more."""
        return self.complete and self.judged > 0

    # ---- begin and end ----
    def pytest_report_header(self) -> str:
        option = self.config.getoption
        where = "in workers" if self.isolated else "in this process"
        return f"conformance: {option('impl')}, profile {option('impl_profile')}, seed {self.seed}, {where}"

    def pytest_sessionstart(self) -> None:
        """What must be said before a run that may be killed: to the user, and in a report that says so."""
        out = self.config.pluginmanager.get_plugin("terminalreporter")
        if out is not None and not self.isolated:
            terminal.write_warning(out)
        path = self.config.getoption("impl_report")
        if path is not None:
            report.write(path, report.unfinished(self))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        session.exitstatus = self.exit_status(session.exitstatus)
        if self.sitting is None:
            return
        self.scripts = keep_scripts(self.config, self.sitting.engine.name, self.results)
        self._write_files()

    def exit_status(self, status: int) -> int:
        """Never green unless every clause was judged and none is bad."""
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return status
        if any(result.verdict in BAD for result in self.raw.values()):
            return pytest.ExitCode.TESTS_FAILED
        if not self.complete:
            return pytest.ExitCode.INTERRUPTED
        return pytest.ExitCode.OK if self.judged else pytest.ExitCode.NO_TESTS_COLLECTED

    def _write_files(self) -> None:
        path, expected = self.config.getoption("impl_report"), self.config.getoption("impl_expect_write")
        if path is not None:
            report.write(path, report.finished(self))
        if expected is not None and self.sitting is not None and self.sound:
            write(expected, self.sitting.engine.name, self.raw.values(), self.expectations)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> object:
        """Before pytest's own sections: counts come first."""
        style = self.config.option.tbstyle
        if self.sitting is not None:
            terminal.write_summary(terminalreporter, self)
            only_clauses = all(hasattr(each, "conformance") for each in terminalreporter.stats.get("failed", ()))
            self.config.option.tbstyle = "no" if only_clauses else style  # they have just been shown
        try:
            return (yield)
        finally:
            self.config.option.tbstyle = style


def _failed_outside(blank: Result, report: pytest.TestReport) -> Result:
    """pytest failed around a clause, or the suite itself did: that is no pass, whatever else was said."""
    example = Counterexample(
        case={},
        kind="raised",
        what=f"the {report.when} of the clause in pytest; the suite itself failed, please report it",
        expected="nothing raised",
        got=report.longreprtext,
        text="",
    )
    return replace(blank, verdict="fail", counterexample=example)
