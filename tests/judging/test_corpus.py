"""The corpus: saved when found, replayed first, loud when damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from made import HOLDS, NEGATES, NUMBERS, Wide, expecting, made, wrong
from tiny_tape import TinyTape

from autograd_conformance.judging import corpus
from autograd_conformance.judging.runner import Settings, judge
from autograd_conformance.results import Counterexample


def files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def test_what_is_found_is_saved_once_and_replayed_first(tmp_path: Path) -> None:
    result = judge(NEGATES, Wide(), Settings(corpus=tmp_path))
    [path] = files(tmp_path)
    assert path.parent == tmp_path / "tiny" / "made.up" and path.suffix == ".json"
    assert result.counterexample is not None
    ran: list[Any] = []
    judge(NEGATES, Wide(), Settings(corpus=tmp_path, seed=7), lambda case, number: ran.append(case()))
    assert ran[0] == result.counterexample.case
    assert files(tmp_path) == [path]


def test_a_replayed_case_that_fails_is_a_failure_like_others(tmp_path: Path) -> None:
    def rare(engine: Any, n: int) -> None:
        if n == -5:  # never drawn
            raise wrong("rare")

    clause = made(rare, n=NUMBERS)
    assert judge(clause, TinyTape(), Settings(corpus=tmp_path)).verdict == "pass"
    corpus.save(tmp_path, "tiny", clause.id, Counterexample({"n": -5}, "wrong", "rare", "1", "2", ""))
    result = judge(clause, TinyTape(), Settings(corpus=tmp_path))
    assert result.verdict == "fail" and result.counterexample is not None and result.counterexample.case == {"n": -5}


def test_a_replayed_case_may_be_a_known_one(tmp_path: Path) -> None:
    known = expecting(judge(NEGATES, Wide(), Settings(corpus=tmp_path)))
    assert judge(NEGATES, Wide(), Settings(corpus=tmp_path, expectation=known)).verdict == "known"


def test_a_case_that_ends_its_process_is_replayed_only_where_that_may_be_lost(tmp_path: Path) -> None:
    path = corpus.save(tmp_path, "tiny", HOLDS.id, Counterexample({"n": -5}, "crash", "lives", "life", "death", ""))
    ran: list[Any] = []
    judge(HOLDS, TinyTape(), Settings(corpus=tmp_path), lambda case, number: ran.append(case()))
    assert ran[0] == {"n": -5}
    ran.clear()
    alone = Settings(corpus=tmp_path, isolated=False)
    result = judge(HOLDS, TinyTape(), alone, lambda case, number: ran.append(case()))
    assert {"n": -5} not in ran and len(ran) == 100
    assert result.notes == {f"not replayed, since it may end this process: {path}": 1}


def test_nothing_is_saved_without_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    judge(NEGATES, Wide())
    assert files(tmp_path) == []


def test_engines_and_clauses_keep_to_their_folders(tmp_path: Path) -> None:
    found = Counterexample({"n": 1}, "wrong", "w", "1", "2", "")
    corpus.save(tmp_path, "../odd/engine", "made.up", found)
    [path] = files(tmp_path)
    assert path.is_relative_to(tmp_path)
    assert [each.case for each in corpus.load(tmp_path, "../odd/engine", "made.up")] == [{"n": 1}]
    assert corpus.load(tmp_path, "odd", "made.up") == corpus.load(tmp_path, "../odd/engine", "made.other") == []


def good(**changed: Any) -> str:
    facts = {"engine": "tiny", "clause": "made.up", "kind": "wrong", "what": "w", "case": {"n": 1}, "text": ""}
    return json.dumps({**facts, **changed})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "expected an object with the keys"),
        (good(more=1), "expected an object with the keys"),
        (good(engine="other"), "the file says made.up on other"),
        (good(clause="made.other"), "the file says made.other on tiny"),
        (good(case={"n": {"$program": {}}}), "lacks 'dtype'"),
        (good(case={"m": 1}), "the case has the values ['m'], but made.up (revision 1) draws ['n']"),
    ],
)
def test_a_damaged_file_is_a_failure_that_names_it(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "tiny" / "made.up" / "x.json"
    path.parent.mkdir(parents=True)
    path.write_text(content, "utf-8")

    def function(engine: Any, n: int) -> None: ...

    result = judge(made(function, n=NUMBERS), TinyTape(), Settings(corpus=tmp_path))
    assert result.verdict == "fail" and result.examples == 100
    assert str(path) in result.reason and message in result.reason and "remove" in result.reason
