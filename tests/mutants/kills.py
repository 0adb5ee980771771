"""`spec/KILLS.md`: the kill matrix as a document, written from what `matrix.py` has found.

python tests/mutants/kills.py spec/KILLS.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from statistics import median

ENOUGH = 0.95
"""Of the seeds, so many must find a fault."""

PREAMBLE = """\
# The kill matrix

<!-- Written by `tests/mutants/matrix.py`. Do not edit. -->

Each fault was planted in an engine, and its clause was judged on {seeds} at the default size. *Found* says on how many of them the clause
failed, *after* how many examples it did so (the median). *Also found by* are other clauses that failed on the first seed.

{mutants} in all; {found} found on at least {enough:.0%} of the seeds.
"""


@dataclass(frozen=True)
class Row:
    """What came of one mutant."""

    mutant: str
    fault: str
    clause: str
    escapes: str
    examples: list[int | None]
    """For each seed, after how many examples its clause has failed; None: it has not."""
    failed: list[str]
    """All clauses that fail on seed 0."""
    unexpected: list[str]
    """Those of them that have no business with the fault."""

    @property
    def kills(self) -> list[int]:
        return [each for each in self.examples if each is not None]

    @property
    def is_often_found(self) -> bool:
        return len(self.kills) >= ENOUGH * len(self.examples)

    @property
    def complaint(self) -> str:
        """How it breaks its word; empty: it keeps it."""
        if self.unexpected:
            return f"fails {', '.join(self.unexpected)}, which is not in its list"
        if self.is_often_found and self.escapes:
            return "escapes no longer: take the mark off"
        if not self.is_often_found and not self.escapes:
            return f"was found on {len(self.kills)} of {len(self.examples)} seeds"
        return ""


def read(path: Path) -> list[Row]:
    """The rows that `write` has written."""
    return [Row(**each) for each in json.loads(path.read_text("utf-8"))]


def write(rows: Sequence[Row], folder: Path) -> None:
    """`KILLS.json`, a line a mutant, and `KILLS.md`."""
    lines = ",\n".join(json.dumps(asdict(each)) for each in rows)
    (folder / "KILLS.json").write_text(f"[\n{lines}\n]\n", "utf-8")
    (folder / "KILLS.md").write_text(markdown(rows), "utf-8")


def markdown(rows: Sequence[Row]) -> str:
    """A table a clause, a line a mutant."""
    seeds = max((len(each.examples) for each in rows), default=0)
    found = sum(each.is_often_found for each in rows)
    preamble = PREAMBLE.format(
        seeds=_number(seeds, "seed"), mutants=_number(len(rows), "fault"), found=found, enough=ENOUGH
    )
    return "\n".join([preamble, *_tables(rows)]) + "\n"


def _tables(rows: Iterable[Row]) -> Iterator[str]:
    for clause, group in groupby(sorted(rows, key=lambda row: row.clause), lambda row: row.clause):
        yield f"## [`{clause}`](README.md#{clause})\n"
        yield "| fault | found | after | also found by |"
        yield "|---|---|---|---|"
        yield from map(_line, group)
        yield ""


def _line(row: Row) -> str:
    missed = [str(seed) for seed, each in enumerate(row.examples) if each is None]
    found = f"{len(row.kills)}/{len(row.examples)}" + (f", not on {', '.join(missed)}" if row.kills and missed else "")
    after = f"{median(row.kills):g}" if row.kills else ""
    others = ", ".join(f"`{each}`" for each in row.failed if each != row.clause)
    why = f" Seldom found: {row.escapes}." if row.escapes else ""
    return f"| `{row.mutant}`: {row.fault}{why} | {found} | {after} | {others} |"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def main(arguments: Sequence[str]) -> int:
    """Write `KILLS.md` anew from the `KILLS.json` named."""
    (path,) = map(Path, arguments)
    write(read(path), path.parent)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
