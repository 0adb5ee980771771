"""The table of engines is compared with reports, and says what to do when it is stale."""

from __future__ import annotations

from pathlib import Path

import engines_table
import pytest
from engines_table import main, rewritten, written

from autograd_conformance.running.options import ENGINE_NAMES

OLD = "| engine | op |\n"


@pytest.fixture
def readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A README of ours, for which any report says that the table is `OLD`."""
    path = tmp_path / "README.md"
    monkeypatch.chdir(tmp_path)
    Path("any.json").touch()
    path.write_text(f"above\n<!-- engines: begin; how -->\n{OLD}<!-- engines: end -->\nbelow\n")
    monkeypatch.setattr(engines_table, "README", path)
    monkeypatch.setattr(engines_table, "table", lambda _: OLD.rstrip())
    monkeypatch.setattr(engines_table, "read_complete", lambda path: path)
    return path


def test_what_the_reports_say_is_fine(readme: Path) -> None:
    assert main(["any.json"]) == 0


def test_a_stale_table_is_found_and_written_anew(readme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines_table, "table", lambda _: "| torch 2.0+cpu | 7/9 |")
    assert main(["any.json"]) == 1
    assert main(["--write", "any.json"]) == 0
    assert main(["any.json"]) == 0
    assert readme.read_text() == rewritten(readme.read_text(), "| torch 2.0 | 7/9 |\n")
    assert readme.read_text().startswith("above\n")
    assert readme.read_text().endswith("\nbelow\n")


def test_a_row_without_a_report_is_not_compared(readme: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme.write_text(readme.read_text().replace(OLD, OLD + "| slow | 1/2 |\n"))
    assert main(["any.json", "slow.json"]) == 0
    assert "slow.json: not there" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--write", "any.json", "slow.json"], ["slow.json"]])
def test_writing_needs_every_report_and_comparing_needs_one(readme: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)


def test_without_markers_nothing_is_written() -> None:
    with pytest.raises(ValueError, match="expected a table between the markers"):
        rewritten("no markers", OLD)


def test_the_readme_has_a_row_for_each_engine_that_the_suite_knows() -> None:
    """What the rows say is for `tox run -e table` to compare."""
    text = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    engines = [line.split()[1] for line in written(text).splitlines()[2:]]
    assert engines == list(ENGINE_NAMES)
