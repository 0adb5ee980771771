"""The kill matrix as a document."""

from __future__ import annotations

from pathlib import Path

import kills
from kills import Row, markdown

SPEC = Path(__file__).parents[2] / "spec"

FOUND = Row("Faulty", "It is wrong.", "leaf.b", "", [3, 1, 8], ["leaf.a", "leaf.b"], [])
MISSED = Row("Hidden", "It is hidden.", "leaf.a", "too rare", [None, 5, None], [], [])
NEVER = Row("Never", "Nobody sees it.", "leaf.a", "too rare", [None, None, None], [], [])


def test_a_line_a_mutant_under_its_clause() -> None:
    tables = markdown([FOUND, MISSED, NEVER]).partition("\n## ")[2]
    assert tables.startswith("[`leaf.a`](README.md#leaf.a)\n")
    assert "| `Hidden`: It is hidden. Seldom found: too rare. | 1/3, not on 0, 2 | 5 |  |\n" in tables
    assert "| `Never`: Nobody sees it. Seldom found: too rare. | 0/3 |  |  |\n" in tables
    assert "## [`leaf.b`](README.md#leaf.b)\n\n" in tables
    assert "| `Faulty`: It is wrong. | 3/3 | 3 | `leaf.a` |\n" in tables


def test_what_it_says_of_all() -> None:
    assert "judged on 3 seeds" in markdown([FOUND, MISSED])
    assert "2 faults in all; 1 found on at least 95% of the seeds" in markdown([FOUND, MISSED])


def test_what_is_written_can_be_read_and_is_written_the_same_again(tmp_path: Path) -> None:
    kills.write([FOUND, MISSED], tmp_path)
    assert kills.read(tmp_path / "KILLS.json") == [FOUND, MISSED]
    (tmp_path / "KILLS.md").unlink()
    assert kills.main([str(tmp_path / "KILLS.json")]) == 0
    assert (tmp_path / "KILLS.md").read_text() == markdown([FOUND, MISSED])


def test_the_document_shows_the_figures_that_are_kept() -> None:
    assert (SPEC / "KILLS.md").read_text("utf-8") == markdown(kills.read(SPEC / "KILLS.json"))
