"""Clauses run in spawned workers: an engine that crashes or hangs costs one verdict, not the run.

pytest-xdist starts the workers, hands clauses to them and replaces those that die.  What is added here: a worker even
when nobody asked for one, a folder where workers leave what they must say before they die, and a verdict for the clause
that a worker died in.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autograd_conformance.judging import cases, corpus
from autograd_conformance.judging.expectations import LETHAL, after_loss
from autograd_conformance.results import Counterexample, Result
from autograd_conformance.running.collecting import result_of, show_handed_back, show_result
from autograd_conformance.running.gathering import Gathering
from autograd_conformance.running.losses import Losses
from autograd_conformance.running.sitting import Sitting
from autograd_conformance.running.watch import LastWords, read_last_words
from autograd_conformance.running.wording import full_text

ENDLESS = "1000000"
"""Restarts that xdist grants: each clause may cost a worker, and workers that never judge anything end the run here."""

DISTRIBUTIONS = ("load", "worksteal")
MOST_TRIES_TO_BEGIN = 3
"""A clause whose workers are gone before it begins, time and again, has no better verdict than that."""


def choose_isolation(config: pytest.Config) -> bool:
    """Whether clauses run in workers; where nobody chose, ask xdist for one."""
    option = config.option
    if not config.pluginmanager.hasplugin("xdist") or option.collectonly or option.usepdb:
        return False
    if option.numprocesses == 0:
        return False
    if option.dist == "no":
        option.numprocesses, option.dist, option.tx = 1, "load", ["popen"]
    if option.dist not in DISTRIBUTIONS:
        raise pytest.UsageError(
            f"--dist={option.dist}: expected --dist=load or --dist=worksteal; the others judge a clause several times, or "
            "cannot hand it to another worker when one is lost"
        )
    if option.maxworkerrestart is None:
        option.maxworkerrestart = ENDLESS
    return True


class Controller:
    """The plugin of the process that starts the workers; it imports no engine."""

    def __init__(self, config: pytest.Config, gathering: Gathering, folder: Path) -> None:
        self._config, self._gathering, self._folder = config, gathering, folder
        self._losses = Losses(folder, config.getoption("impl"), config.getoption("impl_timeout"))
        self._handed_back: Counter[str] = Counter()
        """Node id -> how often a worker that was to judge it was gone before it had begun."""

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self._session = session

    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["autograd_conformance"] = {"folder": str(self._folder), "seed": self._gathering.seed}

    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        sitting = Sitting.read(self._folder, node.gateway.id)
        assert sitting is not None  # written before the worker tells xdist that it has collected
        self._gathering.expect(sitting)

    @pytest.hookimpl(tryfirst=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """A worker that died before it had collected would be replaced for ever: it is the engine's import that dies."""
        if not error:
            return
        words = read_last_words(self._folder, node.gateway.id)
        if Sitting.read(self._folder, node.gateway.id) is not None:
            if words.clause is not None and words.state == "ended":
                self._blame(words, node)
            return
        impl = self._config.getoption("impl")
        raise pytest.UsageError(
            f"--impl={impl}: the process died while the engine was imported or the clauses were collected: "
            f"{words.cause}\n{words.trace or error}"
        )

    def _blame(self, words: LastWords, node: Any) -> None:
        """The process died between two clauses: the verdict of the one that had just ended is no longer what it was."""
        assert self._gathering.sitting is not None
        blanks = self._gathering.sitting.clauses
        (nodeid,) = (each for each, blank in blanks.items() if blank.id == words.clause)
        path = nodeid.partition("::")[0]
        report = pytest.TestReport(nodeid, (path, None, path), {}, "failed", None, "call")
        report.node = node  # type: ignore[attr-defined]
        self._make_verdict(report, blanks[nodeid], words)
        self._config.hook.pytest_runtest_logreport(report=report)

    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport, sched: Any) -> None:
        """Make the report of a lost clause a verdict with its program; one that had not begun goes to another worker."""
        words = read_last_words(self._folder, report.node.gateway.id)
        assert self._gathering.sitting is not None  # clauses are handed out after a worker has collected
        blank = self._gathering.sitting.clauses[crashitem]
        if words.clause != blank.id and self._handed_back[crashitem] < MOST_TRIES_TO_BEGIN:
            self._handed_back[crashitem] += 1
            sched.mark_test_pending(crashitem)
            show_handed_back(report)
        elif words.clause != blank.id or words.state == "judging":
            self._make_verdict(report, blank, words)
        else:  # it has just been blamed
            show_handed_back(report)

    def _make_verdict(self, report: pytest.TestReport, blank: Result, words: LastWords) -> None:
        result = after_loss(lost(blank, words), self._gathering.expectations.get(blank.id))
        if words.clause == blank.id and words.state == "judging" and words.case is not None:
            assert self._gathering.sitting is not None
            result = self._losses.examined(result, self._gathering.sitting)
            self._remember(result, self._gathering.sitting.engine.name)
        report.when = "call"
        report.location = (*report.location[:2], f"clause {blank.id}")
        report.longrepr = full_text(result)
        show_result(report, result)
        if result.verdict == "known":
            report.outcome = "skipped"
            report.longrepr = (report.location[0], 0, result.reason)

    def _remember(self, result: Result, engine: str) -> None:
        """Keep a case that ended its process as workers keep all others, unless it was expected."""
        directory = self._config.getoption("impl_corpus")
        if directory is not None and result.verdict in LETHAL and result.counterexample is not None:
            corpus.save(directory, engine, result.id, result.counterexample)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """xdist does not count a lost clause for `-x` and `--maxfail`; pytest's session does, so it is asked."""
        lost = hasattr(report, "conformance") and result_of(report).verdict in LETHAL
        if lost and self._session.shouldfail:
            raise self._session.Failed(self._session.shouldfail)

    def pytest_unconfigure(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)  # a worker that is being killed may still write


def lost(blank: Result, words: LastWords) -> Result:
    """The verdict on a clause whose worker died, with the case that it was at."""
    begun = words.clause == blank.id
    case = words.case or {} if begun and words.state == "judging" else {}
    example = Counterexample(
        case=case,
        kind=words.verdict,
        what="the process lives on",
        expected="an end, and a process that goes on",
        got=words.cause,
        text=cases.describe(cases.decode(case)),
    )
    if words.state == "judging":
        when = f"in example {words.number}" if begun else "before its first example, by what ran earlier in the process"
    else:
        when = "after its last example, and before anything else was judged in the process"
    return replace(blank, verdict=words.verdict, reason=when, examples=words.number, counterexample=example)
