"""The expectations file: what it may say, and what is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import HOLDS, NEGATES, Wide, all_found, expecting

from autograd_conformance.judging.expectations import Expectation, ExpectationsError, load, write
from autograd_conformance.judging.runner import judge
from autograd_conformance.results import Counterexample, Result, Verdict

GOOD = """
engine = "wide"

[clause."accum.adds"]
kind = "by-design"
reason = "cleared on use"
link = "https://example.org/1"

[[clause."accum.adds".counterexamples]]
kind = "raised"
what = "raises nothing"
expected = "no exception"
got = "ValueError: no"
case = '{"times": 2, "x": {"$float": "nan"}}'
"""


def read(
    tmp_path: Path, text: str, engine: str = "wide", clauses: tuple[str, ...] = ("accum.adds",)
) -> dict[str, Expectation]:
    path = tmp_path / "e.toml"
    path.write_text(text, "utf-8")
    return load(path, engine, clauses)


def test_a_file_is_read(tmp_path: Path) -> None:
    [entry] = read(tmp_path, GOOD).values()
    assert (entry.kind, entry.link) == ("by-design", "https://example.org/1")
    assert entry.summary == "by-design: cleared on use (https://example.org/1)"
    [found] = entry.counterexamples
    assert (found.kind, found.got, found.case["times"]) == ("raised", "ValueError: no", 2)
    assert read(tmp_path, 'engine = "wide"') == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('engine = "wide"', "", "missing engine"),
        ('engine = "wide"', 'engine = "other"', "these are expectations for engine 'other', but 'wide' is judged"),
        ('engine = "wide"', 'engine = "wide"\nnote = "x"', "unknown note"),
        ('engine = "wide"', "engine = ", "cannot be read as TOML"),
        ("accum.adds", "accum.subtracts", "no such clause: accum.subtracts"),
        (
            'kind = "by-design"',
            'kind = "by-chance"',
            "kind 'by-chance', expected one of by-design, bug, not-implemented",
        ),
        ('reason = "cleared on use"\n', "", "missing reason"),
        ('reason = "cleared on use"\n', 'reason = " "\n', "reason must be a text that is not empty"),
        ('link = "https://example.org/1"', "link = 1", "link must be a text"),
        ('link = "https://example.org/1"', 'lnk = "x"', "unknown lnk"),
        ('kind = "raised"', 'kind = "odd"', "counterexamples.0.: kind 'odd', expected one of wrong, raised, refused"),
        ('what = "raises nothing"\n', "", "counterexamples.0.: missing what"),
        ('\'{"times": 2,', '\'{"times" 2,', "case cannot be read: JSONDecodeError"),
        (
            '{"$float": "nan"}',
            '{"$program": {}}',
            "case cannot be read: ValueError: a program, or a step of one, lacks",
        ),
        ('{"$float": "nan"}', '{"$float": "x"}', "case cannot be read: ValueError"),
        (GOOD[GOOD.index("[[clause") :], "", "missing counterexamples"),
        (GOOD[GOOD.index("[[clause") :], "counterexamples = []", "expected at least one counterexample"),
        (GOOD[GOOD.index("[[clause") :], "counterexamples = [1]", "expected a table, got 1"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ExpectationsError, match=message) as error:
        read(tmp_path, GOOD.replace(old, new))
    assert "e.toml" in str(error.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ExpectationsError, match=r"none\.toml: cannot be read"):
        load(tmp_path / "none.toml", "wide", [])


# ---- writing ----
FAILING = judge(NEGATES, Wide())
OLD = Expectation("by-design", "on purpose", (Counterexample({"n": 1}, "wrong", "old", "1", "2", "n = 1"),), "a link")


def written(tmp_path: Path, results: list[Result], old: dict[str, Expectation]) -> dict[str, Expectation]:
    path = tmp_path / "e.toml"
    write(path, "wide", results, old)
    return load(path, "wide", ("made.up", "made.other"))


def test_a_new_failure_is_a_bug_until_somebody_says_why(tmp_path: Path) -> None:
    entry = written(tmp_path, [FAILING], {})["made.up"]
    assert (entry.kind, entry.reason, entry.link) == ("bug", "TODO: say why", None)
    assert [each.case for each in entry.counterexamples] == [each.case for each in all_found(FAILING)]
    assert "    t1 = negative(x0)\n" in (tmp_path / "e.toml").read_text("utf-8"), "people see the program"


def test_what_still_fails_keeps_its_reason_and_link(tmp_path: Path) -> None:
    known = Result.of(NEGATES, "known", counterexample=FAILING.counterexample)
    entry = written(tmp_path, [known], {"made.up": OLD})["made.up"]
    assert (entry.kind, entry.reason, entry.link) == ("by-design", "on purpose", "a link")
    assert [each.what for each in entry.counterexamples] == ["gradient of leaf 1"], "the old one no longer fails"


def test_a_new_failure_beside_a_known_one_joins_it(tmp_path: Path) -> None:
    entry = written(tmp_path, [FAILING], {"made.up": OLD})["made.up"]
    assert (entry.kind, [each.what for each in entry.counterexamples]) == ("by-design", ["gradient of leaf 1", "old"])


@pytest.mark.parametrize("verdict", ["pass", "unexpected-pass", "unsupported"])
def test_what_fails_no_more_is_dropped(tmp_path: Path, verdict: Verdict) -> None:
    assert written(tmp_path, [Result.of(HOLDS, verdict)], {"made.up": OLD}) == {}


def test_what_was_not_judged_stays(tmp_path: Path) -> None:
    assert written(tmp_path, [FAILING], {"made.other": OLD})["made.other"] == OLD


def test_a_crash_is_written_and_stays_known(tmp_path: Path) -> None:
    found = Counterexample({"n": 1}, "crash", "lives", "", "signal 11", "n = 1")
    old = written(tmp_path, [Result.of(HOLDS, "crash", counterexample=found)], {})
    assert old["made.up"].lethal and not expecting(FAILING).lethal
    assert written(tmp_path, [Result.of(HOLDS, "known", counterexample=found)], old) == old
    assert written(tmp_path, [Result.of(HOLDS, "known")], old) == old, "not run, where the process may not be lost"


def test_a_failure_without_a_case_is_not_written(tmp_path: Path) -> None:
    assert written(tmp_path, [Result.of(HOLDS, "fail", "too little was judged")], {}) == {}


def test_texts_that_toml_has_no_word_for_are_written(tmp_path: Path) -> None:
    found = Counterexample({"s": "\ud800\0"}, "wrong", 'a "b" \\ \0', "\ud800", "\r\n", 'x = """')
    [entry] = written(tmp_path, [Result.of(HOLDS, "fail", counterexample=found)], {})["made.up"].counterexamples
    assert (entry.case, entry.what, entry.expected) == (found.case, found.what, "?")
