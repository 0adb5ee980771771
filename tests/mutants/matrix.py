"""The kill matrix: every mutant on its own clause on many seeds, and on all the others.

    python tests/mutants/matrix.py --output DIR [--seeds 20] [--only GLOB] [--others smoke] [--processes 1]

Writes `KILLS.json` and `KILLS.md` to DIR (the specification's are in `spec`), and fails when a mutant does not keep to what
is said of it.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), *(str(HERE.parents[1] / name) for name in ("spec", "conformance", "reference_impl"))]

import torch
from every import every_clause, every_mutant
from kills import Row, write
from planting import is_killed, judged

from autograd_conformance.profiles import PROFILES

DEPTH = 2_000
"""Of chains, for mutants that are not about depth: a longer one takes seconds, and there are hundreds to run."""
OTHERS = ("none", *PROFILES)


def row(name: str, seeds: int, profile: str) -> Row:
    """Judge one mutant: its own clause in the default profile, the others in `profile`."""
    torch.set_num_threads(1)
    (mutant,) = (each for each in every_mutant() if each.name == name)
    clauses = every_clause()
    results = [judged(mutant, clauses[mutant.kills], seed=seed) for seed in range(seeds)]
    examples = [result.examples if is_killed(result) else None for result in results]
    others = [clause for id, clause in clauses.items() if id != mutant.kills]
    met = [] if profile == "none" else others
    failed = [clause.id for clause in met if is_killed(judged(mutant, clause, profile=profile, depth=DEPTH))]
    unexpected = sorted(id for id in failed if not mutant.may_fail_on(clauses[id], clauses))
    own = [mutant.kills] if examples[0] is not None else []
    return Row(mutant.name, mutant.fault, mutant.kills, mutant.escapes, examples, sorted(own + failed), unexpected)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the two files go")
    parser.add_argument("--seeds", type=int, default=20, help="on how many seeds a mutant meets its clause")
    parser.add_argument("--only", default="*", metavar="GLOB", help="mutants whose name or clause matches")
    parser.add_argument("--others", choices=OTHERS, default="smoke", help="profile in which it meets the other clauses")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="so many mutants at once")
    options = parser.parse_args()
    chosen = [each for each in every_mutant() if any(fnmatch.filter([each.name, each.kills], options.only))]
    if not chosen or options.seeds < 1:
        parser.error(f"--only {options.only} --seeds {options.seeds}: expected at least one mutant and one seed")
    rows = []
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        names = [each.name for each in chosen]
        for made in pool.map(row, names, repeat(options.seeds), repeat(options.others)):
            rows.append(made)
            print(f"{made.mutant}: {len(made.kills)}/{options.seeds} {made.complaint}", flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    write(rows, options.output)
    return int(any(each.complaint for each in rows))


if __name__ == "__main__":
    sys.exit(main())
