"""How a clause is judged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autograd_conformance.judging.expectations import Expectation
from autograd_conformance.judging.trial import Budget
from autograd_conformance.profiles import PROFILES


@dataclass(frozen=True)
class Settings:
    """The verdict depends on these, the clause and the engine alone."""

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
    shrink_seconds: float = 30.0
    """The same in seconds of the processor's time: a limit that only slow engines meet."""

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
        return Budget(20 * self.shrink_runs, 10 * self.shrink_seconds)
