"""What a mutant is: an engine with one fault, the clause that must find it, and what else it may fail."""

from __future__ import annotations

import fnmatch
import inspect
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch

from autograd_conformance.adapters._pytorch_names import SPELLINGS
from autograd_conformance.clauses import Clause
from autograd_conformance.engine import TAPE, VJP, Engine
from autograd_conformance.judging import runner, world
from autograd_conformance.judging.runner import Settings, judge
from autograd_conformance.judging.trial import SUITE_FAILED
from autograd_conformance.results import Result
from autograd_reference.definition import Operator
from autograd_reference.modes import state

AnyEngine = TypeVar("AnyEngine", bound=type[Engine])

PASSES = ("every clause with a backward pass",)
PROGRAMS = (*PASSES, "every clause on random programs")
BUNDLES: Mapping[str, Callable[[Clause], bool]] = {
    PASSES[0]: lambda clause: not {TAPE, VJP}.isdisjoint(clause.needs),
    PROGRAMS[1]: lambda clause: any(name.startswith("program") for name in clause.arguments),
}
"""What `may_fail` may say instead of naming many clauses; it may also say `chapter.*`."""


@dataclass(frozen=True)
class Mutant:
    """A subclass of a real engine's adapter; the first paragraph of its docstring says what is wrong with it."""

    engine: type[Engine]
    kills: str
    """The id of the clause that finds the fault."""
    may_fail: tuple[str, ...]
    """Ids, patterns of ids and bundles: other clauses that may find it, beside those that stand on these."""
    blatant: str
    """Why even a trivial program shows the fault; empty: none does."""
    escapes: str
    """Why the clause finds the fault on fewer than 19 of 20 seeds at the default size; empty: it does not."""

    @property
    def name(self) -> str:
        return self.engine.__name__

    @property
    def fault(self) -> str:
        return " ".join((inspect.getdoc(self.engine) or "").split("\n\n")[0].split())

    def may_fail_on(self, clause: Clause, clauses: Mapping[str, Clause]) -> bool:
        """Whether `clause`, or one that it stands on, has business with the fault, or fails without it."""
        names = (self.kills, *self.may_fail, *expected_to_fail(self.engine.name))
        return any(covers(name, each) for each in foundations(clause, clauses) for name in names)


@cache
def expected_to_fail(engine: str) -> tuple[str, ...]:
    """The clauses that the unharmed engine is known to fail."""
    file = Path(__file__).parents[2] / f"expectations/{engine}.toml"
    return tuple(tomllib.loads(file.read_text("utf-8"))["clause"]) if file.exists() else ()


def covers(name: str, clause: Clause) -> bool:
    """Whether `name`, as in `may_fail`, means `clause`."""
    return BUNDLES[name](clause) if name in BUNDLES else fnmatch.fnmatchcase(clause.id, name)


def foundations(clause: Clause, clauses: Mapping[str, Clause]) -> Iterator[Clause]:
    """The clause itself, the one that it stands on, and so on."""
    yield clause
    if clause.after is not None:
        yield from foundations(clauses[clause.after], clauses)


MUTANTS: list[Mutant] = []


def mutant(
    *, kills: str, may_fail: tuple[str, ...] = (), blatant: str = "", escapes: str = ""
) -> Callable[[AnyEngine], AnyEngine]:
    """Register a faulty engine.  A fault inside the engine is planted by its static method `plant(patch)`."""

    def register(engine: AnyEngine) -> AnyEngine:
        MUTANTS.append(Mutant(engine, kills, may_fail, blatant, escapes))
        return engine

    return register


@contextmanager
def planted(mutant: Mutant) -> Iterator[Engine]:
    """The engine with its fault in place; afterwards all is as before, whatever the mutant has left behind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, "_spoilers", [])
        patch.setattr(world, "_held", [])
        getattr(mutant.engine, "plant", lambda patch: None)(patch)
        try:
            yield mutant.engine()
        finally:
            torch.set_grad_enabled(True)
            state.enabled = True
            state.entered.clear()


def judged(
    mutant: Mutant, clause: Clause, *, seed: int = 0, profile: str = "default", depth: int | None = None
) -> Result:
    """The verdict on `clause` at its first failure, which is not made smaller; chains have `depth` nodes at most."""
    with planted(mutant) as engine, pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "script", lambda *case: "")  # nobody reads it, and it takes longer than the verdict
        if depth is not None:
            patch.setattr(mutant.engine, "max_nodes", depth)
        return judge(clause, engine, Settings(profile, seed, counterexamples=1, shrink_runs=0))


def is_killed(result: Result) -> bool:
    """Whether the clause failed because of the engine, and not because the suite stumbled."""
    assert SUITE_FAILED not in result.reason, result.reason
    assert result.verdict in ("pass", "fail"), f"{result.verdict}: {result.reason}"
    return result.counterexample is not None


def respelled(**spellings: Any) -> dict[str, Any]:
    """The operators of the two engines that mutants are made of, some of them spelled anew."""
    return {**SPELLINGS, **spellings}


def replace_rule(patch: pytest.MonkeyPatch, operator: Operator, operand: str, rule: Callable[..., Any]) -> None:
    """Give an operator of the reference engine another derivative; what it had planned is planned again."""
    patch.setitem(operator.rules, operand, rule)
    patch.setattr(operator, "plans", {})
