"""`--impl-check`: is the adapter sound?  Tells an adapter that is broken from an engine that does not conform.

The first thing to run with a new adapter: it takes seconds, draws nothing at random, and every line that is not `ok`
says what to do.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

from autograd_conformance.checks.facts import check_facts
from autograd_conformance.checks.leaves import check_leaves
from autograd_conformance.checks.memory import check_memory
from autograd_conformance.checks.operators import check_operators
from autograd_conformance.checks.outcome import Outcome, Report
from autograd_conformance.checks.passes import check_passes
from autograd_conformance.checks.printing import check_printing
from autograd_conformance.checks.state import check_state, snapshot
from autograd_conformance.checks.tensors import check_tensors
from autograd_conformance.checks.texts import check_texts, repairs
from autograd_conformance.checks.verbs import check_results, check_verbs
from autograd_conformance.engine import Engine
from autograd_conformance.scripts.recording import Recorder


def run_check(engine: Engine, write: Callable[[str], object] = print) -> int:
    """Writes what was looked at, a line each; the exit status: 0 for a sound adapter, 1 for a broken one."""
    outcomes = check(engine)
    write(f"{engine.name or type(engine).__name__} {engine.version}, on {engine.device}")
    for outcome in outcomes:
        write(str(outcome))
    write(_summary(outcomes))
    return int(bool(_broken(outcomes)))


def check(engine: Engine) -> list[Outcome]:
    """All outcomes; behaviour is only looked at where the facts are right, since it depends on them."""
    report = Report(engine, type(engine))
    check_facts(report)
    check_texts(report)
    if not _broken(report.outcomes):
        with warnings.catch_warnings(action="ignore"):
            _check_behaviour(engine, report)
    return report.outcomes


def broken_before_a_run(engine: Engine) -> list[Outcome]:
    """Faults of the adapter for which a run would blame the engine or the suite; cheap to find."""
    report = Report(engine, type(engine))
    check_facts(report)
    report.outcomes += repairs(engine)
    if not _broken(report.outcomes):
        with warnings.catch_warnings(action="ignore"):
            check_results(report)
    return _broken(report.outcomes)


def _broken(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.status == "BROKEN"]


def _check_behaviour(engine: Engine, report: Report) -> None:
    before = snapshot(engine, type(engine))
    recorder = Recorder(engine)
    watched = Report(recorder, type(engine))
    for look in (check_tensors, check_operators, check_verbs, check_leaves, check_memory, check_passes):
        look(watched)
    report.outcomes += watched.outcomes
    check_state(report, before, snapshot(engine, type(engine)))
    check_printing(report, recorder)


def _summary(outcomes: list[Outcome]) -> str:
    if broken := _broken(outcomes):
        return (
            f"The adapter is broken in {len(broken)} places: mend it, from the top down, before you judge the engine."
        )
    if any(outcome.status == "ENGINE" for outcome in outcomes):
        return "The adapter is sound; the engine does not conform in the places marked ENGINE. Go on with the run."
    return "The adapter is sound. Go on with the run."
