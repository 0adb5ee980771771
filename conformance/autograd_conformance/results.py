"""The verdict on one clause, as data: what workers send, reports hold and summaries print."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from autograd_conformance.clauses import Clause
from autograd_conformance.judge import Kind

Verdict = Literal["pass", "fail", "unsupported", "blocked", "crash", "timeout", "known", "unexpected-pass"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
BAD: frozenset[Verdict] = frozenset({"fail", "blocked", "crash", "timeout", "unexpected-pass"})
"""Verdicts that make a run red (`blocked` is a relabelled `fail`)."""
FAILING: frozenset[Verdict] = BAD - {"unexpected-pass"}
"""The clause does not hold, and nobody knew."""


@dataclass
class Counterexample:
    """One way in which a clause breaks: the smallest case found, what was judged, expected and got."""

    case: dict[str, Any]
    """Parameter -> drawn value, JSON-able: `cases.decode` gives the values back."""
    kind: Kind | Literal["crash", "timeout"]
    what: str
    expected: str
    got: str
    text: str
    """The case as a person reads it: programs as code."""
    script: str | None = None
    """A reproduction in the engine's own calls that imports only the engine and NumPy; None: it could not be made."""


@dataclass
class Result:
    """One clause, judged."""

    id: str
    revision: int
    level: str
    chapter: str
    sentence: str
    after: str | None
    verdict: Verdict
    reason: str = ""
    """Why, in one line: what is missing (unsupported), what an expectation says (known), which clause (blocked)."""
    seconds: float = 0.0
    examples: int = 0
    operators: dict[str, int] = field(default_factory=dict)
    """Operator -> how often it was really applied."""
    notes: dict[str, int] = field(default_factory=dict)
    """Observations beside the verdict: choices and zones, see `judge.note`."""
    counterexample: Counterexample | None = None
    further: list[Counterexample] = field(default_factory=list)
    """Failures of other kinds or programs in the same clause."""

    @classmethod
    def of(cls, clause: Clause, verdict: Verdict, reason: str = "", **rest: Any) -> Result:
        """A result with the clause's own facts filled in."""
        return cls(
            clause.id,
            clause.revision,
            clause.level,
            clause.chapter,
            clause.sentence,
            clause.after,
            verdict,
            reason,
            **rest,
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Result:
        first = data["counterexample"]
        return cls(
            **{
                **data,
                "counterexample": Counterexample(**first) if first else None,
                "further": [Counterexample(**each) for each in data["further"]],
            }
        )
