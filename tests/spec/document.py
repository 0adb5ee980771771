"""`spec/README.md`: the specification as a document, written from the clauses, and found stale when they say something else.

    python tests/spec/document.py [--write]

It stands here and not in the package, because the faults that prove a clause able to fail are tests of ours.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / name) for name in ("tests/mutants", "spec", "conformance", "reference_impl")]

from every import every_clause, every_mutant
from planting import Mutant

from autograd_conformance.clauses import LEVELS, Clause
from autograd_conformance.engine import GROUPS
from autograd_conformance.judging.expectations import Expectation, load
from autograd_conformance.programs.zones import must_accept

DOCUMENT = ROOT / "spec/README.md"
EXPECTATIONS = ROOT / "expectations"
CHAPTERS = ("leaf", "backward", "accum", "mode", "view", "inplace", "bcast", "thread", "mem", "op")
"""In the order in which a reader needs them."""
MAIN_ENGINE = "torch"
"""What it does where it deviates is said in full; the specification's vocabulary is its."""

PREAMBLE = """\
# The specification

<!-- Written by `tox run -e spec -- --write` from the clauses in autograd_spec/. Do not edit. -->

What an engine that computes gradients must do, clause by clause. Each clause is one sentence that says what must hold, with no word about
how. It is also a test, which tries the sentence on random programs whose gradients are known exactly. How to run it on an engine is said
in the [README](../README.md).

**To cite a clause**, use its id, as in `view.aliasing`. Ids are permanent; each is the anchor of its clause on this page. A clause whose
meaning changes gets a higher revision.

**Levels.** `core` is for any engine that has what the clause needs, `full` for engines that mean to be PyTorch-compatible, `extension` for
extras.

**Needs.** What an engine must have to be judged by the clause: operators, and the capabilities [below](#capabilities). An engine without
them is *unsupported*, which is no failure. Some clauses also need an engine that accepts cotangents or starts at several roots.

**Stands on.** When a clause fails, and the one that it stands on fails as well, look there first.

**Choices.** Where honest engines differ and mathematics does not decide, a clause notes what the engine does, in the words given, and does
not judge it.

**Correct or loud.** An engine may refuse, by raising an exception, where a clause says so. It may never return a wrong number. Which
programs it may refuse is said [below](#correct-or-loud).

**Proved by.** A clause that cannot fail says nothing. For each there are engines with one fault planted, which it finds on at least 19 of
20 seeds. [KILLS.md](KILLS.md) has the figures.

Deviations are as observed with the versions in [constraints.txt](../constraints.txt).
"""


@dataclass(frozen=True)
class Chapter:
    """Clauses with a common prefix; `docstring` is that of the module that has the chapter's name."""

    prefix: str
    docstring: str
    clauses: tuple[Clause, ...]

    @property
    def title(self) -> str:
        return " ".join(self.docstring.split("\n\n")[0].split()).rstrip(".")

    @property
    def introduction(self) -> str:
        return self.docstring.partition("\n\n")[2]


@dataclass(frozen=True)
class Document:
    """All that is printed."""

    chapters: tuple[Chapter, ...]
    mutants: Sequence[Mutant]
    expectations: Mapping[str, Mapping[str, Expectation]]
    """Engine -> clause id -> what is known of it."""

    # ---- the whole ----
    def text(self) -> str:
        """Markdown, with one newline at the end."""
        paragraphs = [PREAMBLE.rstrip(), *self._contents(), *self._capabilities(), *_correct_or_loud()]
        for chapter in self.chapters:
            paragraphs += self._chapter(chapter)
        return "\n\n".join(paragraphs) + "\n"

    def _contents(self) -> Iterator[str]:
        yield "## Contents"
        rows = [f"| chapter | clauses | {' | '.join(LEVELS)} |", "|---" * (2 + len(LEVELS)) + "|"]
        for each in self.chapters:
            rows.append(f"| [{each.title}](#{each.prefix}) | {_counts(each.clauses)} |")
        everything = [clause for chapter in self.chapters for clause in chapter.clauses]
        yield "\n".join([*rows, f"| all | {_counts(everything)} |"])

    def _capabilities(self) -> Iterator[str]:
        """Those that some clause needs."""
        yield "## Capabilities"
        yield "An engine has a capability when its adapter spells all verbs of the group."
        needed = {need for chapter in self.chapters for clause in chapter.clauses for need in clause.needs}
        rows = ["| capability | an engine with it |", "|---|---|"]
        rows += [
            f"| {_anchor(_anchor_of_capability(name))}{name} | {group.promise} |"
            for name, group in GROUPS.items()
            if name in needed
        ]
        yield "\n".join(rows)

    # ---- a chapter ----
    def _chapter(self, chapter: Chapter) -> Iterator[str]:
        yield f"{_anchor(chapter.prefix)}\n\n## {chapter.title}"
        if chapter.introduction:
            yield chapter.introduction
        yield " · ".join(_link(clause.id) for clause in chapter.clauses)
        for clause in chapter.clauses:
            yield from self._clause(clause)

    def _clause(self, clause: Clause) -> Iterator[str]:
        yield f"{_anchor(clause.id)}\n\n### `{clause.id}`"
        yield f"> {clause.sentence}"
        if note := _note(clause):
            yield note
        yield "\n".join(self._facts(clause))
        faults = [each for each in self.mutants if each.kills == clause.id and not each.escapes]
        if faults:
            yield f"<details><summary>Proved by {len(faults)} planted fault{'s' * (len(faults) > 1)}</summary>"
            yield "\n".join(f"- `{each.name}`: {each.fault}" for each in faults)
            yield "</details>"

    def _facts(self, clause: Clause) -> Iterator[str]:
        revision = f" · revision {clause.revision}" if clause.revision > 1 else ""
        module = f"{clause.function.__module__.rpartition('.')[2]}.py"
        yield f"- {clause.level}{revision} · [{clause.function.__name__}](autograd_spec/{module})"
        if clause.needs:
            yield f"- needs {', '.join(map(_need, clause.needs))}"
        if clause.after:
            yield f"- stands on {_link(clause.after)}"
        for choice in clause.choices:
            yield f"- choice: {choice}"
        yield from self._deviations(clause)

    def _deviations(self, clause: Clause) -> Iterator[str]:
        known = {engine: entries[clause.id] for engine, entries in self.expectations.items() if clause.id in entries}
        if found := known.pop(MAIN_ENGINE, None):
            link = f" ([{found.link.partition('://')[2]}]({found.link}))" if found.link else ""
            yield f"- **PyTorch deviates** ({_plain(found.kind)}): {found.reason}{link}"
        if known:
            others = [
                f"[{engine}](../expectations/{engine}.toml) ({_plain(each.kind)})" for engine, each in known.items()
            ]
            yield f"- other engines that deviate: {', '.join(others)}"


def _correct_or_loud() -> Iterator[str]:
    """The rule as the function has it that decides."""
    yield "## Correct or loud"
    _, _, grounds = (inspect.getdoc(must_accept) or "").partition("\n\n")
    yield f"An engine must accept a program with writes unless it has a ground to refuse it. It has one where\n\n{grounds}"


# ---- words ----
def _counts(clauses: Sequence[Clause]) -> str:
    levels = [sum(clause.level == level for clause in clauses) for level in LEVELS]
    return " | ".join(map(str, (len(clauses), *levels)))


def _anchor(name: str) -> str:
    return f'<a id="{name}"></a>'


def _link(id: str) -> str:
    return f"[`{id}`](#{id})"


def _need(need: str) -> str:
    return f"[{need}](#{_anchor_of_capability(need)})" if need in GROUPS else f"`{need}`"


def _anchor_of_capability(name: str) -> str:
    return f"capability-{name.replace(' ', '-')}"


def _plain(kind: str) -> str:
    return kind.replace("-", " ")


def _note(clause: Clause) -> str:
    """What the docstring says after the normative sentence."""
    return (inspect.getdoc(clause.function) or "").partition("\n\n")[2]


# ---- where it all comes from ----
def document() -> Document:
    """As the clauses, the mutants and the expectations stand."""
    clauses = every_clause()
    expectations = {path.stem: load(path, path.stem, clauses) for path in sorted(EXPECTATIONS.glob("*.toml"))}
    return Document(tuple(chapters(clauses.values())), every_mutant(), expectations)


def chapters(clauses: Iterable[Clause]) -> Iterator[Chapter]:
    """Those of `CHAPTERS` that have clauses; in each, first the clauses of the module that has its name."""
    every = list(clauses)
    unknown = sorted({clause.chapter for clause in every} - {*CHAPTERS})
    if unknown:
        raise ValueError(
            f"chapters {unknown} have no place in the document: add them to CHAPTERS in {Path(__file__).name}"
        )
    for prefix in CHAPTERS:
        own = [clause for clause in every if clause.chapter == prefix]
        if own:
            module = f"autograd_spec.test_{prefix}"
            own.sort(key=lambda clause: clause.function.__module__ != module)
            yield Chapter(prefix, inspect.getdoc(import_module(module)) or "", tuple(own))


def main(argv: Sequence[str] | None = None) -> int:
    """0: the document is as the clauses are, or was written; 1: it is stale."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the document; otherwise it is only compared")
    given = parser.parse_args(argv)
    new = document().text()
    if given.write:
        DOCUMENT.write_text(new, "utf-8")
    elif not DOCUMENT.exists() or DOCUMENT.read_text("utf-8") != new:
        print(f"{DOCUMENT.relative_to(ROOT)} is stale; `tox run -e spec -- --write` writes it anew")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
