"""One case of a clause, tried on an engine: does it fail, does it fail again, and does a smaller one?"""

from __future__ import annotations

import bdb
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import pytest
from hypothesis.errors import UnsatisfiedAssumption

from autograd_conformance.clauses import Clause
from autograd_conformance.engine import Engine
from autograd_conformance.judge import Failure, Kind, Reject, raised_by_engine, show
from autograd_conformance.judging import cases
from autograd_conformance.judging.cases import Case
from autograd_conformance.judging.signature import Signature, Symptom, signature, symptom
from autograd_conformance.judging.world import World

BeforeExample: TypeAlias = Callable[[Callable[[], dict[str, Any]], int], None]
"""Called before each run, with a function that gives the encoded case, and the number of the run from 1."""

Candidates: TypeAlias = Callable[[Case], Iterable[Case]]
"""Smaller cases to try, made from one that fails."""

CONTROL = (
    KeyboardInterrupt,
    GeneratorExit,
    bdb.BdbQuit,
    pytest.exit.Exception,
    pytest.fail.Exception,
    pytest.skip.Exception,
)
"""Exceptions that are meant for those who run us, and say nothing of the engine."""

SUITE_FAILED = "the suite itself failed, please report it"


@dataclass(frozen=True)
class Finding:
    """A case that fails, and how."""

    case: Case
    kind: Kind
    what: str
    expected: str
    got: str
    error: BaseException

    @property
    def symptom(self) -> Symptom:
        return symptom(self)

    @property
    def signature(self) -> Signature:
        return signature(self, self.case)


@dataclass
class Budget:
    """How much may still be spent on making cases smaller; `seconds` only matter where an engine is very slow.

    They are the processor's, so that verdicts are the same on a busy machine.
    """

    runs: int
    seconds: float

    @property
    def spent(self) -> bool:
        return self.runs <= 0 or self.seconds <= 0

    def part(self, other: Budget) -> Budget:
        """What may be spent of both."""
        return Budget(min(self.runs, other.runs), min(self.seconds, other.seconds))


class Trial:
    """Runs a clause on an engine, one case at a time, each in the same `world`."""

    def __init__(self, clause: Clause, engine: Engine, world: World, before_example: BeforeExample) -> None:
        self.clause, self.engine, self.world, self.before_example = clause, engine, world, before_example
        self.runs = 0

    def run(self, case: Case) -> Finding | None:
        """How the clause fails on `case`, or None.  Raises Reject where the case is none of its business."""
        arguments = cases.copied(case)
        self.runs += 1
        self.before_example(partial(cases.encode, case), self.runs)
        try:
            self.world.enter()
            self.clause.function(self.engine, **arguments)
            self.world.check()
        except CONTROL:
            raise
        except (Reject, UnsatisfiedAssumption) as rejection:
            raise Reject from rejection
        except BaseException as error:  # noqa: BLE001  SystemExit, and what extension modules derive from BaseException
            return _finding(case, error)
        finally:
            self.world.leave()
        return None

    def run_or_skip(self, case: Case) -> Finding | None:
        """Like `run`, where a rejected case is as good as one that passes."""
        try:
            return self.run(case)
        except Reject:
            return None

    def confirmed(self, finding: Finding) -> Finding:
        """The finding itself if its case fails again in the same way, otherwise an unstable one."""
        again = self.run_or_skip(finding.case)
        if again is not None and again.symptom == finding.symptom:
            return finding
        second = f"{again.what}: {again.got}" if again else "it holds"
        return replace(finding, kind="unstable", got=f"{finding.got}; run again: {second}")

    def shrunk(self, finding: Finding, candidates: Candidates, budget: Budget) -> Finding:
        """The smallest case found that fails with the same symptom; `budget` is what is left of it afterwards."""
        tried: set[str] = set()
        smaller: Finding | None = finding
        while smaller is not None:
            finding, smaller = smaller, self._first_smaller(smaller, candidates, budget, tried)
        return finding

    def _first_smaller(
        self, finding: Finding, candidates: Candidates, budget: Budget, tried: set[str]
    ) -> Finding | None:
        started = time.process_time()
        for candidate in candidates(finding.case):
            budget.seconds, started = budget.seconds + started - time.process_time(), time.process_time()
            if budget.spent:
                return None
            if (text := cases.text_of(candidate)) in tried:
                continue
            tried.add(text)
            budget.runs -= 1
            found = self.run_or_skip(candidate)
            if found is not None and found.symptom == finding.symptom:
                return found
        return None


def _finding(case: Case, error: BaseException) -> Finding:
    if isinstance(error, Failure):
        return Finding(case, error.kind, error.what, show(error.expected), show(error.got), error)
    if raised_by_engine(error):
        return Finding(case, "raised", "raises nothing", "no exception", show(error), error)
    return Finding(case, "raised", SUITE_FAILED, "a judgement", f"{show(error)} ({where(error)})", error)


def where(error: BaseException) -> str:
    """The last line of the traceback, on one line."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else "nowhere"
