"""Clauses made for a test, and what is often asked of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from tiny_tape import TinyTape, add

from autograd_conformance.clauses import Clause, clause
from autograd_conformance.judge import Failure
from autograd_conformance.judging.expectations import Expectation
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.program import Program
from autograd_conformance.results import Counterexample, Result

NUMBERS = st.integers(0, 1000)


def made(function: Callable[..., None], id: str = "made.up", **keywords: Any) -> Clause:
    """The clause of a test function that needs no docstring of its own."""
    function.__doc__ = "It holds."
    made: Clause = vars(clause(id, level="core", **keywords)(function)).pop("clause")  # or pytest would collect it
    return made


def holds(engine: Any, n: int) -> None:
    pass


HOLDS = made(holds, n=NUMBERS)


def wrong(what: str) -> Failure:
    return Failure("wrong", what, 1, 2)


class Wide(TinyTape):
    """More operators to draw programs from; only their names matter here."""

    operators = dict.fromkeys(["add", "subtract", "negative", "multiply"], add)


def negates(engine: Any, program: Program) -> None:
    """One defect: any `negative`."""
    if "negative" in program.skeleton():
        raise wrong(f"gradient of leaf {len(program.inputs)}")


def negates_or_subtracts_twice(engine: Any, program: Program) -> None:
    """The same defect, and a second with the same symptom."""
    negates(engine, program)
    if program.skeleton().count("subtract") > 1:
        raise wrong(f"gradient of leaf {len(program.inputs)}")


NEGATES = made(negates, program=programs())
NEGATES_OR_SUBTRACTS_TWICE = made(negates_or_subtracts_twice, program=programs())


def skeletons(result: Result) -> set[tuple[str, ...]]:
    """The operators of the programs in all counterexamples."""
    return {Program.from_json(each.case["program"]["$program"]).skeleton() for each in all_found(result)}


def all_found(result: Result) -> list[Counterexample]:
    return [each for each in (result.counterexample, *result.further) if each is not None]


def expecting(result: Result) -> Expectation:
    """That what was found is known."""
    return Expectation("bug", "it is known", tuple(all_found(result)))
