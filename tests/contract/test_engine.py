"""What an engine has, and the verbs that it need not spell."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import toy
from toy import Functional, Tape, Toy

from autograd_conformance.engine import (
    ALWAYS,
    GROUPS,
    TAPE,
    THREADS,
    VERBS,
    VJP,
    WRITE,
    Engine,
)
from autograd_conformance.spelling import template


def capabilities(engine: type[Engine]) -> set[str]:
    return {group for group in GROUPS if engine.has(group)}


def test_capabilities() -> None:
    assert capabilities(Engine) == set()
    assert capabilities(Toy) == {ALWAYS, WRITE}
    assert capabilities(Tape) == {ALWAYS, WRITE, TAPE, VJP, THREADS}
    assert capabilities(Functional) == {VJP, THREADS}


@pytest.mark.parametrize("verb", GROUPS[TAPE].verbs)
def test_a_group_needs_every_verb(verb: str) -> None:
    without: type[Engine] = type("Without", (Tape,), {verb: getattr(Engine, verb)})
    assert not without.has(TAPE) and not without.has(VJP)


@pytest.mark.parametrize("group", [name for name, group in GROUPS.items() if len(group.verbs) == 1 and name != VJP])
def test_groups_of_one_verb(group: str) -> None:
    (verb,) = GROUPS[group].verbs
    assert capabilities(type("With", (Engine,), {verb: template("None")})) == {group}


def test_operators_are_capabilities_too() -> None:
    assert Toy.has("add") and Toy.has("add_") and not Toy.has("matmul") and not Toy.has("no such thing")
    assert not Functional.has(WRITE)


def test_every_verb_not_spelled_says_so() -> None:
    for verb in VERBS:
        if verb != VJP:
            parameters = inspect.signature(getattr(Engine(), verb)).parameters.values()
            with pytest.raises(NotImplementedError, match=verb):
                getattr(Engine(), verb)(*[1 for each in parameters if each.kind is not each.KEYWORD_ONLY])


def test_every_group_has_a_promise() -> None:
    assert all(group.promise and not group.promise.endswith(".") for group in GROUPS.values())


def test_vjp_by_way_of_a_tape(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(toy, "calls", calls)
    assert Tape().vjp(lambda x, y: [x + y, x - y], [5, 3], ["c", "d"]) == ([8, 2], [(5, "grad"), (3, "grad")])
    assert calls == [("backward", [8, 2], ["c", "d"])]


def test_vjp_of_a_tape_that_accepts_no_cotangents(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(toy, "calls", calls)
    type("Plain", (Tape,), {"accepts_cotangent": False})().vjp(lambda x: [x], [5], ["c"])
    assert calls == [("backward", [5], None)]
