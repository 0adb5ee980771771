"""A clause is declared whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from toy import Tape, Toy

from autograd_conformance.clauses import CORE, LEVELS, Clause, clause
from autograd_conformance.engine import GROUPS, NO_GRAD, TAPE
from autograd_conformance.operators import OPERATORS

NUMBERS = st.integers()


def holds(engine: Any, n: int) -> None:
    """It holds,
    on two lines.

    And this is a comment.
    """


def silent(engine: Any, n: int) -> None: ...


def unpunctuated(engine: Any, n: int) -> None:
    """It holds"""


def other_names(engine: Any, m: int) -> None:
    """It holds."""


def without_engine(n: int) -> None:
    """It holds."""


def declared(function: Callable[..., None] = holds, id: str = "made.up", level: str = CORE, **more: Any) -> Clause:
    made: Clause = vars(clause(id, level=level, **{"n": NUMBERS, **more})(function)).pop("clause")
    return made


def test_what_a_clause_says() -> None:
    made = declared(needs=(TAPE, "matmul"), after="made.before", revision=3, examples=7)
    assert (made.id, made.chapter, made.sentence) == ("made.up", "made", "It holds, on two lines.")
    assert (made.level, made.needs, made.after, made.revision, made.examples) == (
        CORE,
        (TAPE, "matmul"),
        "made.before",
        3,
        7,
    )
    assert made.arguments == {"n": NUMBERS} and made.function is holds


def test_the_test_stays_the_function_that_it_was() -> None:
    def function(engine: Any) -> None:
        """It holds."""

    assert clause("made.up", level=CORE)(function) is function


def test_choices_that_a_clause_does_not_declare() -> None:
    made = declared(choices=("either", "or"))
    assert made.undeclared(["choice: or", "zone: here", "choice: neither"]) == ["neither"]
    assert declared().undeclared(["choice: or", "zone: here"]) == ["or"]


def test_what_an_engine_lacks() -> None:
    made = declared(needs=(TAPE, "matmul", NO_GRAD, "add"))
    assert made.missing(Toy()) == (TAPE, "matmul", NO_GRAD)
    assert made.missing(Tape()) == ("matmul", NO_GRAD)
    assert declared(needs=("add",)).missing(Toy()) == ()


@pytest.mark.parametrize("level", LEVELS)
def test_levels(level: str) -> None:
    assert declared(level=level).level == level


def test_all_capabilities_and_operators_may_be_needed() -> None:
    assert declared(needs=(*GROUPS, *OPERATORS)).needs


@pytest.mark.parametrize("id", ["made.up", "op.exact-program", "a.b2-c"])
def test_ids(id: str) -> None:
    assert declared(id=id).id == id


@pytest.mark.parametrize(
    "id", ["", "made", "made.", ".up", "Made.up", "made.Up", "made.up.more", "made.-up", "made up.x", "made.u_p"]
)
def test_ids_that_are_none(id: str) -> None:
    with pytest.raises(ValueError, match=r"expected chapter\.what-it-says, in lower case"):
        declared(id=id)


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "level": ({"level": "most"}, "made.up: level 'most', expected one of"),
    "needs": ({"needs": (TAPE, "sinh")}, r"made.up: needs \['sinh'\], which are neither capabilities nor operators"),
    "no docstring": ({"function": silent}, "must begin with the normative sentence"),
    "no full stop": ({"function": unpunctuated}, "must begin with the normative sentence"),
    "other parameters": ({"function": other_names}, r"expected the parameters \['engine', 'n'\]"),
    "no engine": ({"function": without_engine}, r"expected the parameters \['engine', 'n'\]"),
    "one choice for many": ({"choices": ("one")}, "choices 'one', expected a tuple of texts that are not empty"),
    "an empty choice": ({"choices": ("",)}, "expected a tuple of texts that are not empty"),
    "another argument": ({"m": NUMBERS}, r"expected the parameters \['engine', 'n', 'm'\]"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named(mistake: str) -> None:
    keywords, complaint = MISTAKES[mistake]
    with pytest.raises(ValueError, match=complaint):
        declared(**keywords)


def test_needs_that_are_one_word() -> None:
    """A forgotten comma makes text of the tuple; its letters are no capabilities."""
    with pytest.raises(ValueError, match="neither capabilities nor operators"):
        declared(needs=("tape"))
