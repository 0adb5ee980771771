"""Verdicts as pytest's outcomes, and pytest's own options."""

from __future__ import annotations

import json
import sys
from xml.etree import ElementTree

import pytest
from harness_support import ENGINE, Folder, check_accounted, verdicts

pytest_plugins = "pytester"

FIVE = """
@clause("five.holds", level=CORE, choices=("the left one",), x=integers(0, 9))
def test_holds(engine, x):
    '''It holds.'''
    chosen("the left one")
    print("printed by a clause")

@clause("five.fails", level=CORE, x=integers(0, 9))
def test_fails(engine, x):
    '''It fails.'''
    equal("the sum", x + 1, x)

@clause("five.child", level=FULL, after="five.fails", x=integers(0, 9))
def test_child(engine, x):
    '''It stands on what fails.'''
    equal("the product", x + 2, x)

@clause("five.lacks", level=CORE, needs=("tape",), x=integers(0, 9))
def test_lacks(engine, x):
    '''It needs a tape.'''

@clause("five.other", level=EXTENSION, after="five.fails", x=integers(0, 9))
def test_other(engine, x):
    '''It holds as well.'''
"""
VERDICTS = {
    "five.holds": "pass",
    "five.fails": "fail",
    "five.child": "blocked",
    "five.lacks": "unsupported",
    "five.other": "pass",
}
CRASHING = """
import os

@clause("lethal.first", level=CORE, x=integers(0, 9))
def test_first(engine, x):
    '''It ends the process.'''
    os._exit(0)

@clause("lethal.second", level=CORE, x=integers(0, 9))
def test_second(engine, x):
    '''It does not.'''

@clause("lethal.third", level=CORE, x=integers(0, 9))
def test_third(engine, x):
    '''Nor does it.'''
"""


@pytest.mark.parametrize("how", [(), ("-n0",), ("-p", "no:xdist"), ("-n2", "--dist=worksteal")], ids=" ".join)
def test_verdicts_are_the_same_in_workers_and_in_process(folder: Folder, how: tuple[str, ...]) -> None:
    folder.clauses(FIVE)
    run, report = folder.judge(*how)
    check_accounted(report, VERDICTS)
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["5 clauses: 2 pass, 1 fail, 1 unsupported, 1 blocked; on synthetic 1.0, cpu, *seed 0"])
    assert run.parseoutcomes() == {"failed": 2, "passed": 2, "unsupported": 1}


def test_the_summary_says_what_fails_and_how(folder: Folder) -> None:
    folder.clauses(FIVE)
    run = folder.pytest(ENGINE, "-n0")
    run.stdout.fnmatch_lines(
        [
            "FAIL five.fails (core)",
            "  It fails.",
            "  the sum (wrong)",
            "    expected  0",
            "    got       1",
            "    x = 0",
            "BLOCKED five.child (full)",
            "  blocked: it stands on five.fails, which fails (fail)",
            "  synthetic has no tape: five.lacks",
            "  choice: the left one: *",
            "  never drawn: add",
        ]
    )
    run.stdout.no_fnmatch_line("*= FAILURES =*")


def test_q_is_short(folder: Folder) -> None:
    folder.clauses(FIVE)
    run = folder.pytest(ENGINE, "-q", "-n0")
    run.stdout.fnmatch_lines(["5 clauses: *", "FAIL five.fails: the sum: expected 0, got 1*"])
    assert len(run.outlines) < 15


def test_v_names_each_clause_and_its_verdict(folder: Folder) -> None:
    folder.clauses(FIVE)
    run = folder.pytest(ENGINE, "-v", "-n0")
    run.stdout.fnmatch_lines(["*::five.holds PASS*", "*::five.fails FAIL*", "*::five.lacks UNSUPPORTED*"])


@pytest.mark.parametrize(
    ("option", "judged"),
    [
        (("-k", "holds or five.lacks"), {"five.holds", "five.lacks"}),
        (("-k", "test_fails"), {"five.fails"}),
        (("--impl-clause=five.h*", "--impl-clause=*.other"), {"five.holds", "five.other"}),
        (("--impl-level=full", "--impl-level=extension"), {"five.child", "five.other"}),
        (("--deselect=test_clauses.py::five.fails",), set(VERDICTS) - {"five.fails"}),
        (("test_clauses.py::five.holds",), {"five.holds"}),
    ],
)
def test_selection(folder: Folder, option: tuple[str, ...], judged: set[str]) -> None:
    folder.clauses(FIVE)
    _, report = folder.judge("-n0", *option)
    assert set(verdicts(report)) == judged
    assert report["footer"]["complete"] is True


def test_a_child_without_its_parent_is_not_blocked(folder: Folder) -> None:
    folder.clauses(FIVE)
    _, report = folder.judge("-n0", "--impl-clause=five.child")
    assert verdicts(report) == {"five.child": "fail"}


def test_lf_runs_what_failed(folder: Folder) -> None:
    folder.clauses(FIVE)
    folder.pytest(ENGINE)
    _, report = folder.judge("--lf")
    assert set(verdicts(report)) == {"five.fails", "five.child"}


def test_collect_only_judges_nothing_and_needs_no_engine(folder: Folder) -> None:
    folder.clauses(FIVE)
    run = folder.pytest("--collect-only", "-q")
    assert run.ret == 0
    run.stdout.fnmatch_lines(["test_clauses.py::five.holds", "5 tests collected*"])
    assert folder.pytest("--collect-only", ENGINE).ret == 0


def test_junit_has_every_clause(folder: Folder) -> None:
    folder.clauses(CRASHING)
    folder.pytest(ENGINE, "--junitxml=junit.xml", "--durations=3")
    cases = list(ElementTree.parse(folder.path / "junit.xml").iter("testcase"))
    assert sorted(case.get("name", "") for case in cases) == ["lethal.first", "lethal.second", "lethal.third"]
    assert [case.get("name") for case in cases if case.find("failure") is not None] == ["lethal.first"]


@pytest.mark.parametrize("how", ["-n0", "-n1"])
def test_x_stops_and_the_report_is_not_complete(folder: Folder, how: str) -> None:
    folder.clauses(FIVE)
    run, report = folder.judge("-x", how)
    assert run.ret != 0
    assert report["footer"]["complete"] is False
    run.stdout.fnmatch_lines(["INCOMPLETE: * collected and not judged: *"])


def test_x_stops_at_a_crash(folder: Folder) -> None:
    folder.clauses(CRASHING)
    run, report = folder.judge("-x")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    assert verdicts(report) == {"lethal.first": "crash"}
    assert report["footer"]["complete"] is False


@pytest.mark.parametrize("options", [(), ("-q",), ("-qq", "--no-header")], ids=" ".join)
def test_a_crash_in_process_is_no_pass(folder: Folder, options: tuple[str, ...]) -> None:
    """The exit status is the engine's then, but what is on disk says that the run did not finish."""
    folder.clauses(CRASHING)
    run, report = folder.judge("-n0", *options)
    assert report["footer"]["complete"] is False
    assert report["clauses"] == []
    run.stdout.no_fnmatch_line("*passed*")
    run.stdout.fnmatch_lines(
        ["*run in this process*whatever exit status*without a last line of counts nothing was judged*"]
    )
    told = folder.pytester.run(sys.executable, "-m", "autograd_conformance", "compare", *["report.json"] * 2)
    assert told.ret == 2
    told.stderr.fnmatch_lines(["*report.json: the run did not finish, *run again, and not with -n 0 *"])


def test_an_old_report_does_not_outlive_a_run_that_could_not_start(folder: Folder) -> None:
    folder.clauses(FIVE)
    folder.judge("--impl-clause=five.holds")
    path = folder.path / "report.json"
    folder.pytest(ENGINE, f"--impl-report={path}", "--collect-only")
    assert path.exists(), "what runs nothing has nothing to say"
    assert folder.pytest("--impl=nonesuch", f"--impl-report={path}").ret == pytest.ExitCode.USAGE_ERROR
    assert not path.exists()


def debug(folder: Folder, impl: str, commands: bytes) -> pytest.RunResult:
    """A run with --pdb, and what is typed there."""
    typed = f"import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:], input={commands!r}).returncode)"
    plugin = ("-p", "autograd_conformance.plugin")
    return folder.pytester.run(sys.executable, "-c", typed, sys.executable, "-m", "pytest", *plugin, impl, "--pdb")


def test_pdb_stays_in_this_process_and_stops_where_the_clause_fails(folder: Folder) -> None:
    folder.clauses(FIVE)
    run = debug(folder, ENGINE, b"up\np f'case {x}'\nc\nq\n")
    run.stdout.fnmatch_lines(["*in this process*", "*the sum (wrong)", "*PDB post_mortem*", "*'case 0'"])


def test_pdb_stops_where_the_engine_raises(folder: Folder) -> None:
    (folder.path / "raising.py").write_text(
        "from synthetic_engine import Synthetic\n"
        "def add(x, y):\n"
        "    place = 'in the ' + 'engine'\n"
        "    raise ValueError('no sums today')\n"
        "class E(Synthetic): operators = {'add': add}\n"
    )
    folder.clauses(
        "@clause('raises.sum', level=CORE, x=integers(0, 9))\n"
        "def test_sum(engine, x):\n"
        "    '''It can be added.'''\n"
        "    engine.apply('add', engine.tensor(x), engine.tensor(x))\n"
    )
    run = debug(folder, "--impl=raising:E", b"p place\nq\n")
    run.stdout.fnmatch_lines(["*PDB post_mortem*", "*'in the engine'"])


@pytest.mark.parametrize("how", ["-n0", "-n1"])
def test_a_run_that_judges_nothing_is_an_error(folder: Folder, how: str) -> None:
    folder.clauses(FIVE)
    run, _ = folder.judge(how, "--impl-clause=five.lacks")
    assert run.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    run.stdout.fnmatch_lines(["NOTHING WAS JUDGED*"])
    assert folder.pytest(ENGINE, how, "-k", "nonesuch").ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize("how", ["-n0", "-n1"])
def test_a_module_that_cannot_be_collected_makes_the_report_incomplete(folder: Folder, how: str) -> None:
    folder.clauses(FIVE)
    folder.clauses("import nonesuch", "test_broken.py")
    run, report = folder.judge(how, "--continue-on-collection-errors", "--impl-clause=five.holds")
    assert run.ret != 0
    assert report["footer"]["complete"] is False
    run.stdout.fnmatch_lines(["INCOMPLETE: 1 *"])


def test_all_green_is_exit_status_0(folder: Folder) -> None:
    folder.clauses(FIVE)
    run, report = folder.judge("--impl-clause=five.holds", "--impl-clause=five.lacks")
    assert run.ret == 0
    assert report["header"]["engine"]["name"] == "synthetic"
    assert report["footer"]["deselected"] == 3


def test_clauses_and_other_tests_may_run_together(folder: Folder) -> None:
    folder.clauses(FIVE)
    (folder.path / "test_other.py").write_text("def test_other():\n    assert 1 == 2\n")
    run = folder.pytest(ENGINE)
    run.stdout.fnmatch_lines(["*= FAILURES =*", "*assert 1 == 2*"])
    assert run.parseoutcomes() == {"failed": 3, "passed": 2, "unsupported": 1}


@pytest.mark.parametrize(
    ("options", "seeds_differ", "seed"),
    [((), False, 0), (("--hypothesis-seed=7",), False, 7), (("--impl-profile=deep",), True, None)],
)
def test_seeds(folder: Folder, options: tuple[str, ...], seeds_differ: bool, seed: int | None) -> None:
    folder.clauses(FIVE)
    headers = [folder.judge("--impl-clause=five.lacks", *options)[1]["header"] for _ in range(2)]
    assert (headers[0]["seed"] != headers[1]["seed"]) is seeds_differ
    assert seed in (None, headers[0]["seed"])


def test_the_report_is_written_before_the_first_clause(folder: Folder) -> None:
    folder.clauses(
        "import pathlib, shutil\n"
        "@clause('early.report', level=CORE, x=integers(0, 0))\n"
        "def test(engine, x):\n"
        "    '''It copies the report.'''\n"
        f"    shutil.copy({str(folder.path / 'report.json')!r}, {str(folder.path / 'early.json')!r})\n"
    )
    folder.judge()
    early = json.loads((folder.path / "early.json").read_text())
    assert early["footer"]["complete"] is False
    assert early["clauses"] == []
