"""The specification is written from the clauses, says all that they say, and is found stale."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import document
import pytest
from document import CHAPTERS, DOCUMENT, MAIN_ENGINE, Chapter, Document, main
from every import every_clause
from planting import Mutant

from autograd_conformance.clauses import CORE, FULL, Clause, clause
from autograd_conformance.engine import TAPE, Engine
from autograd_conformance.judging.expectations import Expectation


def made(id: str, level: str = CORE, *, function: Callable[..., None] | None = None, **keywords: Any) -> Clause:
    def test_made(engine: Any) -> None:
        """It holds,
        on two lines.

        And this is a note.
        """

    made: Clause = vars(clause(id, level=level, **keywords)(function or test_made)).pop("clause")
    return made


FIRST = made("leaf.first", needs=(TAPE, "add"), choices=("it is absent",), revision=2)
SECOND = made("leaf.second", FULL, after="leaf.first")
KNOWN = Expectation("by-design", "it is meant so", (), "https://example.org/1")


def mutant(name: str, kills: str, escapes: str = "") -> Mutant:
    engine = type(name, (Engine,), {"__doc__": f"{name} is wrong.\n\nMore of it."})
    return Mutant(engine, kills, frozenset({kills}), "", escapes)


def small(**changes: Any) -> Document:
    chapter = Chapter("leaf", "Leaves.\n\nWhat they are.", (FIRST, SECOND))
    mutants = [mutant("Faulty", "leaf.first"), mutant("Hidden", "leaf.first", escapes="too rare")]
    return replace(Document((chapter,), mutants, {}), **changes)


def of(text: str, id: str) -> str:
    """The part of a document that belongs to one clause."""
    return re.split(r'\n<a id="', text.partition(f"### `{id}`")[2])[0]


def test_the_document_is_as_the_clauses_are() -> None:
    assert DOCUMENT.read_text("utf-8") == document.document().text(), "`tox run -e spec -- --write` writes it anew"


def test_every_clause_is_there_and_every_link_leads_somewhere() -> None:
    text = DOCUMENT.read_text("utf-8")
    anchors = {*re.findall(r'<a id="([^"]+)">', text), "capabilities", "correct-or-loud"}
    assert set(every_clause()) <= anchors
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 50
    assert [each for each in links if each.startswith("#") and each[1:] not in anchors] == []
    files = [each for each in links if not each.startswith(("#", "https://"))]
    assert [each for each in files if not (DOCUMENT.parent / each).exists()] == []


def test_every_chapter_has_an_introduction() -> None:
    assert [each.prefix for each in document.document().chapters if not each.introduction] == []


def test_what_is_said_of_a_clause() -> None:
    text = of(small().text(), "leaf.first")
    assert "> It holds, on two lines.\n\nAnd this is a note.\n" in text
    assert "- core · revision 2 · [test_made](autograd_spec/test_document.py)\n" in text
    assert "- needs [tape](#capability-tape), `add`\n" in text
    assert "- choice: it is absent\n" in text
    assert "stands on" not in text and "deviate" not in text
    assert "- full · [test_made]" in of(small().text(), "leaf.second")
    assert "- stands on [`leaf.first`](#leaf.first)\n" in of(small().text(), "leaf.second")


def test_faults_that_are_found_on_nearly_every_seed_prove_a_clause() -> None:
    text = of(small().text(), "leaf.first")
    assert "<summary>Proved by 1 planted fault</summary>\n\n- `Faulty`: Faulty is wrong.\n\n</details>" in text
    assert "Hidden" not in text
    assert "Proved" not in of(small().text(), "leaf.second")


def test_where_engines_deviate() -> None:
    text = small(expectations={MAIN_ENGINE: {"leaf.first": KNOWN}, "other": {"leaf.first": KNOWN}}).text()
    said = "- **PyTorch deviates** (by design): it is meant so ([example.org/1](https://example.org/1))\n"
    assert said in of(text, "leaf.first")
    assert "- other engines that deviate: [other](../expectations/other.toml) (by design)" in of(text, "leaf.first")
    assert "deviate" not in of(text, "leaf.second")


def test_contents_count_by_level() -> None:
    assert "| [Leaves](#leaf) | 2 | 1 | 1 | 0 |\n| all | 2 | 1 | 1 | 0 |" in small().text()
    assert (
        "## Leaves\n\nWhat they are.\n\n[`leaf.first`](#leaf.first) · [`leaf.second`](#leaf.second)" in small().text()
    )


def test_chapters_are_in_the_order_of_the_document() -> None:
    order = [each.prefix for each in document.document().chapters]
    assert order == [each for each in CHAPTERS if each in order]


def test_a_chapter_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match=r"chapters \['odd'\] have no place in the document: add them to CHAPTERS"):
        list(document.chapters([made("odd.one")]))


def test_a_stale_document_is_found_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(document, "ROOT", tmp_path)
    monkeypatch.setattr(document, "DOCUMENT", tmp_path / "README.md")
    monkeypatch.setattr(document, "document", small)
    assert main([]) == 1
    assert "README.md is stale; `tox run -e spec -- --write`" in capsys.readouterr().out
    assert main(["--write"]) == 0
    assert (tmp_path / "README.md").read_text() == small().text()
    assert main([]) == 0
    monkeypatch.setattr(document, "document", lambda: small(mutants=[]))
    assert main([]) == 1
