"""A clause: one normative sentence, one property, and what an engine must have to be judged by it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from autograd_conformance.engine import GROUPS, Engine
from autograd_conformance.judge import CHOICE
from autograd_conformance.operators import OPERATORS
from autograd_conformance.profiles import PROFILES

CORE, FULL, EXTENSION = LEVELS = ("core", "full", "extension")
"""core: any engine that has what the clause needs; full: engines that mean to be PyTorch-compatible; extension: extras."""

Test = TypeVar("Test", bound=Callable[..., None])


@dataclass(frozen=True)
class Clause:
    """What `@clause` attaches to a test, as `test.clause`."""

    id: str
    level: str
    needs: tuple[str, ...]
    after: str | None
    revision: int
    choices: tuple[str, ...]
    """What an engine may do where honest engines differ: noted by `judge.chosen`, and not judged."""
    examples: int
    """How many are drawn in the default profile; in the others more or less in proportion."""
    arguments: Mapping[str, Any] = field(repr=False)
    """Parameter -> a Hypothesis strategy, or a function from the engine to one."""
    function: Callable[..., None] = field(repr=False)

    @property
    def sentence(self) -> str:
        """The normative text: the first paragraph of the docstring, on one line."""
        return " ".join((inspect.getdoc(self.function) or "").split("\n\n")[0].split())

    @property
    def chapter(self) -> str:
        return self.id.partition(".")[0]

    def missing(self, engine: Engine) -> tuple[str, ...]:
        """What the clause needs and `engine` lacks; empty: the engine can be judged."""
        return tuple(need for need in self.needs if not engine.has(need))

    def undeclared(self, notes: Iterable[str]) -> list[str]:
        """The choices among `notes` that the clause does not declare."""
        taken = [each.removeprefix(CHOICE) for each in notes if each.startswith(CHOICE)]
        return [each for each in taken if each not in self.choices]


def clause(
    id: str,
    *,
    level: str,
    needs: tuple[str, ...] = (),
    after: str | None = None,
    revision: int = 1,
    choices: tuple[str, ...] = (),
    examples: int = PROFILES["default"].examples,
    **arguments: Any,
) -> Callable[[Test], Test]:
    """Make a test function `(engine, **arguments)` a clause; its docstring is the normative text.

    A keyword argument is a Hypothesis strategy, or a function that takes the engine and returns one: what can be
    drawn depends on the engine.  Drawn values must be JSON-able (numbers, strings, None, lists, tuples, `Program`).
    Ids are permanent: `chapter.what-it-says`, never reused; `revision` grows when the meaning changes.
    `choices` are clauses without a full stop, as the specification prints them ("a gradient of zeros is absent").
    """

    def attach(test: Test) -> Test:
        made = Clause(id, level, needs, after, revision, choices, examples, arguments, test)
        _check(made)
        test.clause = made  # type: ignore[attr-defined]
        return test

    return attach


def _check(made: Clause) -> None:
    if not re.fullmatch(r"[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*", made.id):
        raise ValueError(f"clause id {made.id!r}: expected chapter.what-it-says, in lower case")
    if made.level not in LEVELS:
        raise ValueError(f"{made.id}: level {made.level!r}, expected one of {LEVELS}")
    unknown = [need for need in made.needs if need not in GROUPS and need not in OPERATORS]
    if unknown:
        raise ValueError(f"{made.id}: needs {unknown}, which are neither capabilities nor operators")
    if not made.sentence.endswith("."):
        raise ValueError(f"{made.id}: its docstring must begin with the normative sentence")
    if isinstance(made.choices, str) or not all(made.choices):
        raise ValueError(f"{made.id}: choices {made.choices!r}, expected a tuple of texts that are not empty")
    expected = ["engine", *made.arguments]
    if list(inspect.signature(made.function).parameters) != expected:
        raise ValueError(f"{made.id}: expected the parameters {expected}")
