"""Verdicts under an expectation: what is known stays known, and hides nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from made import (
    HOLDS,
    NEGATES,
    NEGATES_OR_SUBTRACTS_TWICE,
    NUMBERS,
    Wide,
    all_found,
    expecting,
    made,
    skeletons,
    wrong,
)
from tiny_tape import TinyTape

from autograd_conformance.judge import equal
from autograd_conformance.judging.expectations import Expectation, after_loss, load, write
from autograd_conformance.judging.runner import Settings, judge
from autograd_conformance.results import Counterexample, Result


def crash(case: dict[str, Any]) -> Expectation:
    return Expectation("bug", "it dies", (Counterexample(case, "crash", "lives", "life", "death", ""),))


def test_a_known_failure_is_known() -> None:
    result = judge(NEGATES, Wide(), Settings(expectation=expecting(judge(NEGATES, Wide()))))
    assert (result.verdict, result.reason) == ("known", "bug: it is known")
    assert skeletons(result) == {("negative",)}
    assert result.examples == 101, "generation goes on, after the replay"


@pytest.mark.parametrize("seed", range(5))
def test_a_failure_that_there_is_nothing_left_to_make_smaller_is_taken_for_the_known_one(seed: int) -> None:
    known = expecting(judge(NEGATES, Wide()))
    assert judge(NEGATES, Wide(), Settings(shrink_runs=1, seed=seed)).verdict == "fail"
    result = judge(NEGATES, Wide(), Settings(expectation=known, shrink_runs=1, seed=seed))
    assert result.verdict == "known"


def test_a_failure_cut_short_that_cannot_become_the_known_one_is_new() -> None:
    known = expecting(judge(NEGATES, Wide()))
    result = judge(NEGATES_OR_SUBTRACTS_TWICE, Wide(), Settings(expectation=known, shrink_runs=1))
    assert result.verdict == "fail"
    assert not any("negative" in skeleton for skeleton in skeletons(result)), "these could become the known one"


@pytest.mark.parametrize("seed", range(5))
def test_a_second_defect_is_not_hidden_behind_the_first(seed: int) -> None:
    known = expecting(judge(NEGATES, Wide()))
    result = judge(NEGATES_OR_SUBTRACTS_TWICE, Wide(), Settings(expectation=known, seed=seed))
    assert result.verdict == "fail"
    assert any("negative" not in skeleton and skeleton.count("subtract") == 2 for skeleton in skeletons(result))
    assert ("negative",) not in skeletons(result), "that one is known"


def test_another_failure_of_the_named_case_is_no_known_one() -> None:
    def other(engine: Any, n: int) -> None:
        equal("other", n > 500, False)

    def first(engine: Any, n: int) -> None:
        equal("first", n > 500, False)

    known = expecting(judge(made(first, n=NUMBERS), TinyTape()))
    result = judge(made(other, n=NUMBERS), TinyTape(), Settings(expectation=known))
    assert result.verdict == "fail" and [each.what for each in all_found(result)] == ["other"]


def test_what_no_longer_fails_is_an_unexpected_pass() -> None:
    def fixed(engine: Any, program: Any) -> None: ...

    known = expecting(judge(NEGATES, Wide()))
    result = judge(made(fixed, program=NEGATES.arguments["program"]), Wide(), Settings(expectation=known))
    assert (result.verdict, result.counterexample) == ("unexpected-pass", None)
    assert "remove the expectation" in result.reason and "it is known" in result.reason


def test_it_stays_known_while_one_of_its_counterexamples_fails() -> None:
    known = expecting(judge(NEGATES, Wide()))
    gone = replace(known.counterexamples[0], what="gone", case={"program": known.counterexamples[0].case["program"]})
    both = replace(known, counterexamples=(gone, *known.counterexamples))
    result = judge(NEGATES, Wide(), Settings(expectation=both))
    assert result.verdict == "known" and len(all_found(result)) == 1


def test_a_known_unstable_failure_is_replayed_until_it_fails() -> None:
    runs = []

    def sometimes(engine: Any, n: int) -> None:
        runs.append(n)
        if len(runs) % 3 == 0:
            raise wrong("sometimes")

    found = Counterexample({"n": 1}, "unstable", "sometimes", "1", "2", "")
    settings = Settings(expectation=Expectation("bug", "it is known", (found,)))
    assert judge(made(sometimes, n=st.just(1)), TinyTape(), settings).verdict == "known"


def test_a_case_of_an_earlier_form_of_the_clause_is_said_to_be_stale() -> None:
    known = expecting(judge(NEGATES, Wide()))
    result = judge(HOLDS, TinyTape(), Settings(expectation=known))
    assert result.verdict == "fail"
    assert (
        "the expectations file: the case has the values ['program'], but made.up (revision 1) draws ['n']"
        in result.reason
    )


# ---- crashes ----
def test_a_crash_is_replayed_first_where_the_process_may_be_lost() -> None:
    ran = []

    def dies(engine: Any, n: int) -> None:
        ran.append(n)

    clause = made(dies, n=NUMBERS)
    result = judge(clause, TinyTape(), Settings(expectation=crash({"n": 77})))
    assert ran[0] == 77 and result.verdict == "unexpected-pass"
    ran.clear()
    result = judge(clause, TinyTape(), Settings(expectation=crash({"n": 77}), isolated=False))
    assert ran == [] and result.verdict == "known" and "not run" in result.reason


def test_a_crash_before_the_first_example_has_nothing_to_replay() -> None:
    assert judge(HOLDS, TinyTape(), Settings(expectation=crash({}))).verdict == "unexpected-pass"


def test_a_lost_process_is_known_where_that_is_expected() -> None:
    lost = Result.of(HOLDS, "crash", "signal 11")
    assert after_loss(lost, None) is lost
    assert (after_loss(lost, crash({})).verdict, after_loss(lost, crash({})).reason) == ("known", "bug: it dies")
    assert after_loss(Result.of(HOLDS, "timeout"), crash({})).verdict == "timeout"
    assert after_loss(lost, expecting(judge(NEGATES, Wide()))) is lost


# ---- together with the file ----
@pytest.mark.parametrize("clause", [NEGATES, NEGATES_OR_SUBTRACTS_TWICE], ids=["one defect", "two defects"])
def test_what_is_written_is_expected_by_the_next_run(tmp_path: Path, clause: Any) -> None:
    path = tmp_path / "wide.toml"
    write(path, "wide", [judge(clause, Wide(), Settings(exhaustive=True))], {})
    written = load(path, "wide", [clause.id])
    result = judge(clause, Wide(), Settings(expectation=written[clause.id]))
    assert (result.verdict, result.reason) == ("known", "bug: TODO: say why")
