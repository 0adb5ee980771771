"""The report's schema, and the commands on reports."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from autograd_conformance.__main__ import COMMANDS, main
from autograd_conformance.reporting import report as reports
from autograd_conformance.reporting.comparison import compare
from autograd_conformance.reporting.merging import merge
from autograd_conformance.reporting.table import table
from autograd_conformance.results import VERDICTS, Counterexample, Result

HEADER = {
    "suite": "1",
    "spec": "1",
    "engine": {"name": "toy", "version": "1", "url": "", "device": "cpu", "dtypes": ["float32"], "operators": ["add"]},
    "impl": "toy:Toy",
    "profile": "default",
    "seed": 0,
    "isolated": True,
    "python": "3.11",
    "platform": "here",
    "started": "2000-01-01T00:00:00+00:00",
}


def result(id: str, verdict: Any) -> dict[str, Any]:
    example = (
        Counterexample({}, "wrong", "the sum", "1", "2", "x = 1") if verdict not in ("pass", "unsupported") else None
    )
    fields = (id, 1, "core", id.partition(".")[0], "It holds.", None, verdict)
    return Result(*fields, counterexample=example).to_json()


def report(complete: bool = True, engine: dict[str, Any] | None = None, **clauses: str) -> dict[str, Any]:
    """`chapter_word="verdict"` for the clause chapter.word."""
    results = [result(id.replace("_", "."), verdict) for id, verdict in clauses.items()]
    footer = {"complete": complete, "collected": len(results), "reported": len(results), "deselected": 0}
    return reports.assemble({**HEADER, "engine": {**HEADER["engine"], **(engine or {})}}, results, footer)  # type: ignore[dict-item]


def saved(folder: Path, name: str, content: dict[str, Any]) -> str:
    (folder / name).write_text(json.dumps(content))
    return str(folder / name)


# ---- schema -----------------------------------------------------------------------------------------------------------
def test_a_report_keeps_to_the_schema() -> None:
    reports.check(report(a_one="pass", a_two="fail"), "here")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), 2),
        (("header", "seed"), "0"),
        (("header", "engine"), None),
        (("header", "more"), 1),
        (("clauses", 0, "verdict"), "good"),
        (("clauses", 0, "counterexample"), None),
        (("clauses", 0, "id"), "No Id"),
        (("clauses", 0, "examples"), -1),
        (("counts", "pass"), 1),
        (("footer", "complete"), "yes"),
        (("footer", "reported"), 2),
        (("footer", "collected"), 2),
    ],
)
def test_what_is_wrong_in_a_report_is_found(path: tuple[Any, ...], value: object) -> None:
    wrong: Any = copy.deepcopy(report(a_one="fail"))
    place = wrong
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(reports.ReportError, match="here: "):
        reports.check(wrong, "here")


def test_a_report_that_was_cut_or_doubled_is_none() -> None:
    cut, doubled = report(a_one="pass", a_two="pass"), report(a_one="pass")
    del cut["clauses"][0]
    cut["counts"]["pass"] = 1
    with pytest.raises(reports.ReportError, match=r"footer\.reported is 2, but there are 1 clauses"):
        reports.check(cut, "here")
    cut["footer"]["reported"] = 1
    with pytest.raises(reports.ReportError, match="it says that it is complete, but of 2 clauses collected it has 1"):
        reports.check(cut, "here")
    doubled["clauses"] *= 2
    doubled["counts"]["pass"] = doubled["footer"]["collected"] = doubled["footer"]["reported"] = 2
    with pytest.raises(reports.ReportError, match=r"more than one verdict on a\.one"):
        reports.check(doubled, "here")


def test_the_schema_knows_exactly_our_verdicts_and_fields() -> None:
    definitions = reports.schema()["$defs"]
    assert definitions["verdict"]["enum"] == list(VERDICTS)
    assert definitions["clause"]["required"] == list(result("a.one", "pass"))
    assert definitions["counterexample"]["required"] == list(vars(Counterexample({}, "wrong", "", "", "", "")))


def test_writing_leaves_the_old_report_when_the_new_one_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    reports.write(path, report(a_one="pass"))
    with pytest.raises(reports.ReportError):
        reports.write(path, {"format": 1})
    assert reports.read(path) == report(a_one="pass") | {"footer": reports.read(path)["footer"]}
    assert list(tmp_path.iterdir()) == [path]


# ---- compare ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        ("pass", "fail", True),
        ("pass", "crash", True),
        ("pass", "known", True),
        ("pass", "unsupported", True),
        ("known", "fail", True),
        ("unsupported", "timeout", True),
        ("fail", "pass", False),
        ("fail", "blocked", False),
        ("known", "unexpected-pass", False),
        ("fail", "unsupported", False),
    ],
)
def test_what_counts_as_worse(before: str, after: str, worse: bool) -> None:
    (change,) = compare(report(a_one=before), report(a_one=after))
    assert (change.before, change.after, change.worse) == (before, after, worse)


def test_clauses_that_come_and_go() -> None:
    old, new = report(a_gone="pass", a_same="fail"), report(a_same="fail", a_new="unsupported", a_broken="fail")
    assert [(change.id, change.worse) for change in compare(old, new)] == [
        ("a.broken", True),
        ("a.gone", True),
        ("a.new", False),
    ]


def test_compare_as_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = saved(tmp_path, "a.json", report(a_one="pass")), saved(tmp_path, "b.json", report(a_one="fail"))
    assert main(["compare", good, good]) == 0
    assert main(["compare", bad, good]) == 0
    assert main(["compare", good, bad]) == 1
    assert "- a.one: pass -> fail\n1 changed, 1 worse\n" in capsys.readouterr().out


# ---- merge ------------------------------------------------------------------------------------------------------------
def test_merge_puts_parts_together() -> None:
    merged = merge([report(b_one="pass"), report(a_one="fail")])
    reports.check(merged, "merged")
    assert [each["id"] for each in merged["clauses"]] == ["a.one", "b.one"]
    assert merged["counts"]["pass"] == merged["counts"]["fail"] == 1


@pytest.mark.parametrize("key", ["suite", "spec", "profile", "seed", "python"])
def test_merge_refuses_what_was_made_differently(key: str) -> None:
    other = report(b_one="pass")
    other["header"][key] = "other"
    with pytest.raises(reports.ReportError, match=f"do not belong together: {key} is"):
        merge([report(a_one="pass"), other])


def test_merge_refuses_another_engine_and_clauses_judged_twice() -> None:
    with pytest.raises(reports.ReportError, match="engine is"):
        merge([report(a_one="pass"), report(engine={"version": "2"}, b_one="pass")])
    with pytest.raises(reports.ReportError, match=r"judged in more than one report: a\.one"):
        merge([report(a_one="pass"), report(a_one="pass")])


def test_merge_as_a_command(tmp_path: Path) -> None:
    parts = [saved(tmp_path, "a.json", report(a_one="pass")), saved(tmp_path, "b.json", report(b_one="pass"))]
    assert main(["merge", *parts, "-o", str(tmp_path / "all.json")]) == 0
    assert len(reports.read(tmp_path / "all.json")["clauses"]) == 2


# ---- table ------------------------------------------------------------------------------------------------------------
def test_table_counts_what_holds_of_what_was_judged() -> None:
    first = report(a_one="pass", a_two="known", b_one="unsupported")
    second = report(engine={"name": "other"}, a_one="pass", a_two="unexpected-pass", b_one="crash")
    assert table([first, second]).splitlines() == [
        "| engine | a | b | all | unsupported |",
        "| --- | --- | --- | --- | --- |",
        "| toy 1 | 1/2 | - | 1/2 | 1 |",
        "| other 1 | 2/2 | 0/1 | 2/3 | 0 |",
    ]


def test_a_table_names_what_was_judged_in_part() -> None:
    part = report(a_one="pass")
    part["footer"]["deselected"] = 9
    assert "| toy 1, 1 of 10 clauses | 1/1 |" in table([part])


def test_a_table_names_another_profile_than_the_default_one() -> None:
    quick = report(engine={"name": "slow"}, a_one="pass")
    quick["header"]["profile"] = "smoke"
    assert [row.split(" | ")[0] for row in table([report(a_one="pass"), quick]).splitlines()[2:]] == [
        "| toy 1",
        "| slow 1, profile smoke",
    ]


def test_a_table_of_different_specifications_is_refused() -> None:
    other = report(a_one="pass")
    other["header"]["spec"] = "2"
    with pytest.raises(reports.ReportError, match="one table needs one spec; these reports have 1, 2"):
        table([report(a_one="pass"), other])


# ---- all commands -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("command", [["compare"], ["merge", "-o", "all.json"], ["table"]], ids=lambda each: each[0])
def test_a_run_that_did_not_finish_is_refused(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = saved(tmp_path, "a.json", report(a_one="pass"))
    broken = saved(tmp_path, "b.json", report(complete=False, b_one="pass"))
    with pytest.raises(SystemExit) as left:
        main([*command, good, broken])
    assert left.value.code == 2
    assert "b.json: the run did not finish" in capsys.readouterr().err


def test_a_file_that_is_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(SystemExit):
        main(["table", str(tmp_path / "x.json")])
    assert "cannot be read as JSON" in capsys.readouterr().err


def test_schema_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == reports.schema()


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit) as left:
            main([command, "--help"])
        assert left.value.code == 0
    assert main.__doc__
