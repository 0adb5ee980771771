"""The README's table of engines: written from reports, and found stale when reports say something else.

python tests/readme/engines_table.py [--write] REPORT.json ...

A row whose report is not there is not compared: some engines are too slow to be judged for every change.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from autograd_conformance.reporting.report import read_complete
from autograd_conformance.reporting.table import table

README = Path(__file__).parents[2] / "README.md"
MARKERS = re.compile(r"(<!-- engines: begin[^\n]*-->\n)(.*?)(<!-- engines: end -->)", re.DOTALL)


def engines_table(reports: Sequence[Path]) -> str:
    """The table as the README has it: how an engine was built (2.0+cpu) is no part of its version."""
    return (
        re.sub(r"^(\| \S+ \S+?)\+\S+", r"\1", table([read_complete(path) for path in reports]), flags=re.MULTILINE)
        + "\n"
    )


def written(text: str) -> str:
    """The table that stands between the markers of `text`."""
    return _between_markers(text)[2]


def rewritten(text: str, new: str) -> str:
    """`text` with the table `new` between its markers."""
    return MARKERS.sub(lambda found: found[1] + new + found[3], text) if _between_markers(text) else text


def _between_markers(text: str) -> re.Match[str]:
    found = MARKERS.search(text)
    if found is None:
        raise ValueError("README.md: expected a table between the markers engines: begin and engines: end; found none")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """0: the table is what the reports say, or was written; 1: it is stale."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the table; otherwise it is only compared")
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT.json")
    given = parser.parse_args(argv)
    missing = [path for path in given.reports if not path.exists()]
    if missing and (given.write or len(missing) == len(given.reports)):
        parser.error(f"there is no {', '.join(map(str, missing))}; `tox run -e ENGINE` makes reports/ENGINE.json")
    text, new = README.read_text("utf-8"), engines_table([path for path in given.reports if path.exists()])
    if given.write:
        README.write_text(rewritten(text, new), "utf-8")
    elif not set(new.splitlines()) <= set(written(text).splitlines()):
        print(f"README.md: the table of engines is stale; `tox run -e table -- --write` writes this one:\n\n{new}")
        return 1
    for path in missing:
        print(f"{path}: not there, so the row of that engine was not compared")
    return 0


if __name__ == "__main__":
    sys.exit(main())
