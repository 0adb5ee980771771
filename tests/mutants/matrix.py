"""The full kill matrix: every mutant on every clause at full size, and on its own clause on many seeds.

    python tests/mutants/matrix.py --output DIR [--seeds 20] [--only GLOB]

Writes `matrix.json` and `matrix.md` to DIR, and fails when a mutant does not keep to what is said of it.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), *(str(HERE.parents[1] / name) for name in ("spec", "conformance", "reference_impl"))]

from every import every_clause, every_mutant
from planting import Mutant, is_killed, judged

ENOUGH = 0.95
"""Of the seeds, so many must find a fault."""
DEPTH = 10_000
"""Of chains, for mutants that are not about depth: a longer one takes seconds, and there are hundreds to run."""


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


def row(mutant: Mutant, seeds: int) -> Row:
    """Judge one mutant."""
    clauses = every_clause()
    results = [judged(mutant, clauses[mutant.kills], seed=seed) for seed in range(seeds)]
    examples = [result.examples if is_killed(result) else None for result in results]
    others = [clause for id, clause in clauses.items() if id != mutant.kills]
    failed = [clause.id for clause in others if is_killed(judged(mutant, clause, depth=DEPTH))]
    unexpected = sorted(set(failed) - mutant.may_fail)
    own = [mutant.kills] if examples[0] is not None else []
    return Row(mutant.name, mutant.fault, mutant.kills, mutant.escapes, examples, sorted(own + failed), unexpected)


def markdown(rows: Iterable[Row]) -> str:
    """A line a mutant, a column a clause; in its own clause's column, the median number of examples."""
    clauses = sorted(every_clause())
    lines = ["| mutant | found | " + " | ".join(clauses) + " |", "|---" * (2 + len(clauses)) + "|"]
    for each in rows:
        cells = [_cell(each, clause) for clause in clauses]
        lines.append(f"| {each.mutant} | {len(each.kills)}/{len(each.examples)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(row: Row, clause: str) -> str:
    if clause == row.clause:
        return f"**{median(row.kills):g}**" if row.kills else "**-**"
    return "x" if clause in row.failed else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the two files go")
    parser.add_argument("--seeds", type=int, default=20, help="on how many seeds a mutant meets its clause")
    parser.add_argument("--only", default="*", metavar="GLOB", help="mutants whose name or clause matches")
    options = parser.parse_args()
    chosen = [each for each in every_mutant() if any(fnmatch.filter([each.name, each.kills], options.only))]
    if not chosen or options.seeds < 1:
        parser.error(f"--only {options.only} --seeds {options.seeds}: expected at least one mutant and one seed")
    rows = []
    for mutant in chosen:
        rows.append(row(mutant, options.seeds))
        print(f"{mutant.name}: {len(rows[-1].kills)}/{options.seeds} {rows[-1].complaint}", flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "matrix.json").write_text(json.dumps([asdict(each) for each in rows], indent=1))
    (options.output / "matrix.md").write_text(markdown(rows))
    return int(any(each.complaint for each in rows))


if __name__ == "__main__":
    sys.exit(main())
