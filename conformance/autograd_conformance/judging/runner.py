"""Judges one clause on one engine, in this process.

Cases come in this order: the corpus, the counterexamples of the expectation, then what the clause's strategies generate.
Every case that fails is run again and made smaller, and two failures with one signature (`signature.py`) count once.

With an expectation, the verdict is `known` while a failure that is expected is seen, and `unexpected-pass` when there is
none; any other failure (`findings.py`) is a `fail`, so that a second defect is not hidden behind the first.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis.strategies import SearchStrategy

from autograd_conformance import judge as judgement
from autograd_conformance.clauses import Clause
from autograd_conformance.engine import Engine
from autograd_conformance.judge import Unsupported, raised_by_engine, show
from autograd_conformance.judging import cases, corpus
from autograd_conformance.judging.cases import Case
from autograd_conformance.judging.expectations import LETHAL
from autograd_conformance.judging.findings import Findings
from autograd_conformance.judging.generation import Enough, generate, smaller_like, strategies_of
from autograd_conformance.judging.settings import Settings
from autograd_conformance.judging.trial import CONTROL, SUITE_FAILED, BeforeExample, Finding, Trial, where
from autograd_conformance.judging.world import World, spoil, spoiled_by
from autograd_conformance.profiles import examples_of, seed_of
from autograd_conformance.results import Counterexample, Result, Verdict
from autograd_conformance.scripts.reproduction import script

__all__ = ["Settings", "judge"]

TRIES_OF_UNSTABLE = 10
"""How often an expected counterexample that fails only sometimes is replayed before it counts as passing."""
MOST_DRAWS_PER_EXAMPLE = 20
"""A clause that rejects more than this judges next to nothing, and what it accepts is hardly varied."""


def _ignore(case: object, number: int) -> None:
    pass


def judge(
    clause: Clause, engine: Engine, settings: Settings | None = None, before_example: BeforeExample = _ignore
) -> Result:
    """The verdict on `clause`.  Raises only what is meant for those who run us (`trial.CONTROL`)."""
    settings = settings or Settings()
    started, used = time.perf_counter(), engine.used.copy()
    judgement.notes.clear()
    result = _verdict(clause, engine, settings, before_example)
    result.seconds = time.perf_counter() - started
    result.operators = dict(engine.used - used)
    result.notes = {**result.notes, **judgement.notes}
    return result


def _verdict(clause: Clause, engine: Engine, settings: Settings, before_example: BeforeExample) -> Result:
    missing = clause.missing(engine)
    if missing:
        return Result.of(clause, "unsupported", f"{engine.name} has no {', '.join(missing)}")
    expectation = settings.expectation
    if expectation is not None and expectation.lethal and not settings.isolated:
        return Result.of(clause, "known", f"not run, since it may end this process; {expectation.summary}")
    if (spoiler := spoiled_by()) is not None:
        return Result.of(clause, "fail", f"not run: {spoiler}; judge this clause in a process of its own")
    with warnings.catch_warnings(action="ignore"), World(engine, clause.id) as world:
        session = _Session(clause, engine, settings, Trial(clause, engine, world, before_example))
        try:
            session.run()
        except Unsupported as reason:
            return Result.of(clause, "unsupported", str(reason))
        if world.spoiled:
            spoil(world.spoiled)
        return session.result()


class _Session:
    """One clause on one engine, from the first case to the verdict."""

    def __init__(self, clause: Clause, engine: Engine, settings: Settings, trial: Trial) -> None:
        self.clause, self.engine, self.settings, self.trial = clause, engine, settings, trial
        self.world, self.seed = trial.world, seed_of(clause.id, settings.profile, settings.seed)
        self.examples = 0
        self.findings = Findings(settings, trial, smaller_like(clause, engine, self.seed))
        self.defects: list[str] = []
        """What went wrong outside any case."""
        self.notes: dict[str, int] = {}

    # ---- cases ----
    def run(self) -> None:
        """Raises Unsupported where nothing can be drawn."""
        try:
            strategies = strategies_of(self.clause, self.engine)
            with suppress(Enough):
                self._replay_all()
                self._generate(strategies)
        except (Unsupported, *CONTROL):
            raise
        except Exception as error:  # noqa: BLE001  strategies are code of the clause's: whatever they raise
            blame = "the engine's facts" if raised_by_engine(error) else SUITE_FAILED
            self.defects.append(f"{blame}: {show(error)} ({where(error)})")

    def _replay_all(self) -> None:
        settings = self.settings
        if settings.corpus is not None:
            self._replay_corpus(settings.corpus)
        if settings.expectation is not None:
            for each in settings.expectation.counterexamples:
                if each.kind in LETHAL and not each.case:
                    continue  # the process was lost before the first example: there is nothing to replay
                tries = TRIES_OF_UNSTABLE if each.kind == "unstable" else 1
                self._replay(cases.decode(each.case), "the expectations file", tries)

    def _replay_corpus(self, directory: Path) -> None:
        try:
            remembered = corpus.load(directory, self.engine.name, self.clause.id)
        except corpus.CorpusError as error:
            self.defects.append(str(error))
            return
        for each in remembered:
            if each.kind in LETHAL and not self.settings.isolated:
                self.notes[f"not replayed, since it may end this process: {each.path}"] = 1
            else:
                self._replay(each.case, str(each.path))

    def _replay(self, case: Case, source: str, tries: int = 1) -> None:
        if set(case) != set(self.clause.arguments):
            self.defects.append(
                f"{source}: the case has the values {sorted(case)}, but {self.clause.id} (revision {self.clause.revision}) "
                f"draws {sorted(self.clause.arguments)}; remove the case"
            )
            return
        found = self.trial.run_or_skip(case)
        while found is None and tries > 1:
            found, tries = self.trial.run_or_skip(case), tries - 1
        self.examples += 1
        if found is not None:
            self.findings.consider(found)

    def _generate(self, strategies: Mapping[str, SearchStrategy[Any]]) -> None:
        count = examples_of(self.settings.profile, self.clause.examples)
        before = self.examples
        begun = generate(strategies, self.seed, count, self._use)
        accepted = self.examples - before
        if accepted == 0 or begun > MOST_DRAWS_PER_EXAMPLE * accepted:
            self.defects.append(f"too little was judged: of {begun} draws {accepted} were accepted, {count} are wanted")

    def _use(self, case: Case) -> None:
        found = self.trial.run(case)
        self.examples += 1
        if found is not None:
            self.findings.consider(found)

    # ---- verdict ----
    def result(self) -> Result:
        new = list(self.findings.new.values())
        shown = [self._shown(each) for each in new or self.findings.known.values()]
        if self.settings.corpus is not None:
            for each in shown[: len(new)]:
                corpus.save(self.settings.corpus, self.engine.name, self.clause.id, each)
        for choice in self.clause.undeclared(judgement.notes):
            self.defects.append(
                f"{SUITE_FAILED}: {self.clause.id} noted the choice {choice!r}; add it to its `choices`"
            )
        verdict, reason = self._verdict([f"{each.what}: expected {each.expected}, got {each.got}" for each in new])
        first, further = (shown[0], shown[1:]) if shown else (None, [])
        return Result.of(
            self.clause,
            verdict,
            reason,
            examples=self.examples,
            counterexample=first,
            further=further,
            notes=self.notes,
        )

    def _verdict(self, failures: list[str]) -> tuple[Verdict, str]:
        expectation = self.settings.expectation
        if failures or self.defects:
            return "fail", "; ".join([*failures[:1], *self.defects])
        if expectation is None:
            return "pass", ""
        if self.findings.known:
            return "known", expectation.summary
        return "unexpected-pass", f"no longer fails, remove the expectation: {expectation.summary}"

    def _shown(self, finding: Finding) -> Counterexample:
        return Counterexample(
            cases.encode(finding.case),
            finding.kind,
            finding.what,
            finding.expected,
            finding.got,
            cases.describe(finding.case),
            self._script(finding),
        )

    def _script(self, finding: Finding) -> str | None:
        if self.world.spoiled:
            return None
        try:
            return script(self.engine, self.clause, cases.copied(finding.case), finding.error)
        except CONTROL:
            raise
        except BaseException as error:  # noqa: BLE001  the verdict stands without a script
            self.notes[f"no script: {show(error)}"] = 1
            return None
