"""Judges one clause on one engine, in this process.

Cases come in this order: the corpus, the counterexamples of the expectation, then what the clause's strategies generate.
Every case that fails is run again and made smaller, and two failures with one signature (`signature.py`) count once.

With an expectation, a failure with the signature of one of its counterexamples is the known one: the verdict is `known`
while any such failure is seen, and `unexpected-pass` when there is none.  Any other failure is a `fail`, so that a second
defect is not hidden behind the first.  Making cases smaller costs: after `PATIENCE` failures with one symptom that
brought nothing new, a later one that could become one of those already seen is taken for it, and is not made smaller.
"""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis.strategies import SearchStrategy

from autograd_conformance import cases, corpus
from autograd_conformance import judge as judgement
from autograd_conformance.cases import Case
from autograd_conformance.clauses import Clause
from autograd_conformance.engine import Engine
from autograd_conformance.expectations import LETHAL, Expectation, signature_of
from autograd_conformance.generation import Enough, generate
from autograd_conformance.judge import Unsupported, raised_by_engine, show
from autograd_conformance.profiles import PROFILES, seed_of
from autograd_conformance.program import Program
from autograd_conformance.reproduction import script
from autograd_conformance.results import Counterexample, Result, Verdict
from autograd_conformance.signature import Signature, Symptom, could_become
from autograd_conformance.trial import CONTROL, SUITE_FAILED, BeforeExample, Budget, Finding, Trial, where
from autograd_conformance.world import World, spoil, spoiled_by

PATIENCE = 10
"""So many failures in a row that show nothing new are enough."""
TRIES_OF_UNSTABLE = 10
"""How often an expected counterexample that fails only sometimes is replayed before it counts as passing."""

MOST_DRAWS_PER_EXAMPLE = 20
"""A clause that rejects more than this judges next to nothing, and what it accepts is hardly varied."""
VALUES = 200
"""How many values of a parameter are looked at to find a smaller one."""


@dataclass(frozen=True)
class Settings:
    """How a clause is judged.  The verdict depends on these, the clause and the engine alone."""

    profile: str = "default"
    seed: int = 0
    corpus: Path | None = None
    """Where counterexamples are kept; None: nothing is replayed or saved."""
    expectation: Expectation | None = None
    counterexamples: int = 3
    """Stop when so many different failures are found."""
    exhaustive: bool = False
    """Never stop early, and report every failure: to write expectations."""
    isolated: bool = True
    """Whether this process may be lost: only then are counterexamples replayed that crash or hang."""
    shrink_runs: int = 300
    """The most runs spent on making one case smaller."""
    shrink_seconds: float = 10.0
    """The same in seconds: a limit that only slow engines meet."""

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise ValueError(f"profile {self.profile!r}, expected one of {', '.join(PROFILES)}")

    @property
    def one_budget(self) -> Budget:
        """For one case."""
        return Budget(self.shrink_runs, self.shrink_seconds)

    @property
    def whole_budget(self) -> Budget:
        """For all cases of a clause; what is written as expected must cover what a later run makes smaller."""
        times = 20 if self.exhaustive else 5
        return Budget(times * self.shrink_runs, times * self.shrink_seconds / 2)


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
        self.found: dict[Signature, Finding] = {}
        self.known: dict[Signature, Finding] = {}
        self.defects: list[str] = []
        """What went wrong outside any case."""
        self.expected: set[Signature] = set()
        self.notes: dict[str, int] = {}
        self.seen: set[Symptom] = set()
        self.barren = 0
        """Failures since the last new one."""
        self.barren_by_symptom: Counter[Symptom] = Counter()
        self.budget = settings.whole_budget
        """What is left for making all failures smaller."""

    # ---- cases ----
    def run(self) -> None:
        """Raises Unsupported where nothing can be drawn."""
        try:
            strategies = self._strategies()
            with suppress(Enough):
                self._replay_all()
                self._generate(strategies)
            self._make_values_smaller(strategies)
        except (Unsupported, *CONTROL):
            raise
        except Exception as error:  # noqa: BLE001  strategies are code of the clause's: whatever they raise
            blame = "the engine's facts" if raised_by_engine(error) else SUITE_FAILED
            self.defects.append(f"{blame}: {show(error)} ({where(error)})")

    def _strategies(self) -> dict[str, SearchStrategy[Any]]:
        given = self.clause.arguments
        return {name: each if isinstance(each, SearchStrategy) else each(self.engine) for name, each in given.items()}

    def _replay_all(self) -> None:
        settings = self.settings
        if settings.corpus is not None:
            self._replay_corpus(settings.corpus)
        if settings.expectation is not None:
            self.expected = {signature_of(each) for each in settings.expectation.counterexamples}
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
        for path, case in remembered:
            self._replay(case, str(path))

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
            self._consider(found)

    def _generate(self, strategies: Mapping[str, SearchStrategy[Any]]) -> None:
        profile = PROFILES[self.settings.profile].examples
        count = min(profile, self.clause.examples or profile)
        before = self.examples
        begun = generate(strategies, self.seed, count, self._use)
        accepted = self.examples - before
        if accepted == 0 or begun > MOST_DRAWS_PER_EXAMPLE * accepted:
            self.defects.append(f"too little was judged: of {begun} draws {accepted} were accepted, {count} are wanted")

    def _use(self, case: Case) -> None:
        found = self.trial.run(case)
        self.examples += 1
        if found is not None:
            self._consider(found)

    # ---- failures ----
    def _consider(self, finding: Finding) -> None:
        """Raises Enough when no more need be seen."""
        symptom = finding.symptom
        if not self._is_counted(finding.signature, finding) and not self._is_more_of_the_same(finding):
            settled = self._settled(finding)
            if not self._is_counted(settled.signature, settled):
                self.found[settled.signature] = settled
                self.barren = self.barren_by_symptom[symptom] = -1
        self.seen.add(symptom)
        self.barren += 1
        self.barren_by_symptom[symptom] += 1
        if self.world.spoiled or (not self.settings.exhaustive and self._seen_enough()):
            raise Enough

    def _is_counted(self, signature: Signature, finding: Finding) -> bool:
        """Whether this failure is an expected one, or has been found before."""
        if signature in self.expected:
            self.known.setdefault(signature, finding)
        return signature in self.expected or signature in self.found

    def _is_more_of_the_same(self, finding: Finding) -> bool:
        """Whether to take it for a failure seen before, without making it smaller."""
        if self.budget.spent:
            return finding.symptom in self.seen
        if self.barren_by_symptom[finding.symptom] < PATIENCE:
            return False
        return any(could_become(finding.signature, each) for each in (*self.expected, *self.found))

    def _seen_enough(self) -> bool:
        fruitless = self.barren >= PATIENCE or self.budget.spent
        return len(self.found) >= self.settings.counterexamples or (fruitless and self.settings.expectation is None)

    def _settled(self, finding: Finding) -> Finding:
        """Run again, and made smaller."""
        if self.world.spoiled:
            return finding
        if (confirmed := self.trial.confirmed(finding)).kind == "unstable":
            return confirmed
        part = self.budget.part(self.settings.one_budget)
        left = replace(part)
        smallest = self.trial.shrunk(finding, cases.simpler, left)
        self.budget.runs -= part.runs - left.runs
        self.budget.seconds -= part.seconds - left.seconds
        return finding if smallest is finding else self.trial.confirmed(smallest)

    def _make_values_smaller(self, strategies: Mapping[str, SearchStrategy[Any]]) -> None:
        """Last, and only in what is shown, since the signature stays."""
        for signature, finding in self.found.items():
            if finding.kind == "unstable" or self.world.spoiled:
                continue
            values = {name for name, each in finding.case.items() if not isinstance(each, Program | str)}
            drawn = self._drawn({name: strategies[name] for name in sorted(values)})
            candidates = partial(cases.smaller, drawn=drawn)
            smallest = self.trial.shrunk(finding, candidates, self.settings.one_budget)
            if smallest is not finding:
                self.found[signature] = self.trial.confirmed(smallest)

    def _drawn(self, strategies: Mapping[str, SearchStrategy[Any]]) -> dict[str, list[Any]]:
        """Parameter -> values that the clause can draw for it."""
        drawn: dict[str, list[Any]] = {name: [] for name in strategies}

        def keep(case: Case) -> None:
            for name, value in case.items():
                drawn[name].append(value)

        if strategies:
            generate(strategies, self.seed, VALUES, keep)
        return drawn

    # ---- verdict ----
    def result(self) -> Result:
        new = list(self.found.values())
        shown = [self._shown(each) for each in new or self.known.values()]
        if self.settings.corpus is not None:
            for each in shown[: len(new)]:
                corpus.save(self.settings.corpus, self.engine.name, self.clause.id, each)
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
        if self.known:
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
