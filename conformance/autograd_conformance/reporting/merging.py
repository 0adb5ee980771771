"""`merge`: one report from several that judged parts of one run, such as chapters on several machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from autograd_conformance.reporting.report import Report, ReportError, assemble, parser, read_paths, write

SAME = ("suite", "spec", "engine", "impl", "profile", "seed", "isolated", "python", "platform")
"""What must be equal in the headers; only the time may differ."""


def merge(reports: Sequence[Report]) -> Report:
    """All clauses of all `reports`.  Raises ReportError for reports that do not belong together."""
    first, *rest = reports
    for other in rest:
        _refuse_unlike(first, other)
    clauses = [clause for report in reports for clause in report["clauses"]]
    twice = sorted(id for id, times in Counter(each["id"] for each in clauses).items() if times > 1)
    if twice:
        raise ReportError(f"judged in more than one report: {', '.join(twice)}; each clause may be in one only")
    started = min(report["header"]["started"] for report in reports)
    footer = {"complete": True, "collected": len(clauses), "reported": len(clauses), "deselected": _left_over(reports)}
    return assemble({**first["header"], "started": started}, clauses, footer)


def _refuse_unlike(first: Report, other: Report) -> None:
    for key in SAME:
        one, two = first["header"][key], other["header"][key]
        if one != two:
            raise ReportError(f"these reports do not belong together: {key} is {one!r} in one and {two!r} in another")


def _left_over(reports: Sequence[Report]) -> int:
    """What no report judged, as far as they know: each counts the others' clauses among those it deselected."""
    total = max(report["footer"]["collected"] + report["footer"]["deselected"] for report in reports)
    return int(max(0, total - sum(report["footer"]["collected"] for report in reports)))


def main(argv: Sequence[str]) -> int:
    arguments = parser("merge", "one report from several that judged different clauses in the same way")
    arguments.add_argument("reports", nargs="+", metavar="REPORT.json")
    arguments.add_argument("--output", "-o", type=Path, required=True, metavar="FILE.json")
    given = arguments.parse_args(argv)
    try:
        write(given.output, merge(read_paths(arguments, given.reports)))
    except ReportError as error:
        arguments.error(str(error))
    return 0
