"""The failures of one clause: which are new, which are expected, and when enough is seen.

With an expectation, a failure with the signature (`signature.py`) of one of its counterexamples is the known one, and any
other is new.  Making cases smaller costs: after `PATIENCE` failures with one symptom that brought nothing new, a later
one that could become one of those already seen is taken for it, and is not made smaller; so is one that would
still become smaller when its share of what may be spent is used up.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from autograd_conformance.judging.expectations import signature_of
from autograd_conformance.judging.generation import Enough
from autograd_conformance.judging.settings import Settings
from autograd_conformance.judging.signature import Signature, Symptom, could_become
from autograd_conformance.judging.trial import Candidates, Finding, Trial

PATIENCE = 10
"""So many failures in a row that show nothing new are enough."""


class Findings:
    """What has been found so far; `new` and `known` are in the order in which they were found."""

    def __init__(self, settings: Settings, trial: Trial, candidates: Candidates) -> None:
        self.settings, self.trial, self.candidates = settings, trial, candidates
        expectation = settings.expectation
        self.expected = {signature_of(each) for each in expectation.counterexamples} if expectation else set()
        self.new: dict[Signature, Finding] = {}
        self.known: dict[Signature, Finding] = {}
        self.seen: set[Symptom] = set()
        self.barren = 0
        """Failures since the last new one."""
        self.barren_by_symptom: Counter[Symptom] = Counter()
        self.budget = settings.whole_budget
        """What is left for making all failures smaller."""
        self.cut_short = False
        """Whether the last failure could have become smaller still, had there been more to spend on it."""

    def consider(self, finding: Finding) -> None:
        """Raises Enough when no more need be seen."""
        symptom = finding.symptom
        if not self._is_counted(finding.signature, finding) and not self._is_more_of_the_same(finding):
            settled = self._settled(finding)
            taken = self.cut_short and self._could_be_seen_before(settled, renamed=True)
            if not self._is_counted(settled.signature, settled) and not taken:
                self.new[settled.signature] = settled
                self.barren = self.barren_by_symptom[symptom] = -1
        self.seen.add(symptom)
        self.barren += 1
        self.barren_by_symptom[symptom] += 1
        if self.trial.world.spoiled or (not self.settings.exhaustive and self._seen_enough()):
            raise Enough

    def _is_counted(self, signature: Signature, finding: Finding) -> bool:
        """Whether this failure is an expected one, or has been found before."""
        if signature in self.expected:
            self.known.setdefault(signature, finding)
        return signature in self.expected or signature in self.new

    def _is_more_of_the_same(self, finding: Finding) -> bool:
        """Whether to take it for a failure seen before, without making it smaller."""
        if self.budget.spent:
            return finding.symptom in self.seen
        if self.barren_by_symptom[finding.symptom] < PATIENCE:
            return False
        return self._could_be_seen_before(finding)

    def _could_be_seen_before(self, finding: Finding, *, renamed: bool = False) -> bool:
        return any(could_become(finding.signature, each, renamed=renamed) for each in (*self.expected, *self.new))

    def _seen_enough(self) -> bool:
        fruitless = self.barren >= PATIENCE or self.budget.spent
        return len(self.new) >= self.settings.counterexamples or (fruitless and self.settings.expectation is None)

    def _settled(self, finding: Finding) -> Finding:
        """Run again, and made smaller."""
        if self.trial.world.spoiled:
            return finding
        if (confirmed := self.trial.confirmed(finding)).kind == "unstable":
            return confirmed
        part = self.budget.part(self.settings.one_budget)
        left = replace(part)
        smallest = self.trial.shrunk(finding, self.candidates, left)
        self.cut_short = left.spent
        self.budget.runs -= part.runs - left.runs
        self.budget.seconds -= part.seconds - left.seconds
        return finding if smallest is finding else self.trial.confirmed(smallest)
