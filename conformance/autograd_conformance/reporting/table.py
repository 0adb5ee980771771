"""`table`: engines by chapters, as Markdown, from reports."""

from __future__ import annotations

from collections.abc import Sequence

from autograd_conformance.reporting.report import Report, ReportError, parser, read_paths


def table(reports: Sequence[Report]) -> str:
    """A row for each report.  A cell says how many clauses hold of those judged; unsupported ones are none of these.

    An engine that was judged by a part of the clauses, or in another profile than the default one, is named as such.

    Raises ReportError for reports that were made by different clauses.
    """
    _refuse_unlike(reports)
    chapters = sorted({clause["chapter"] for report in reports for clause in report["clauses"]})
    rows = [["engine", *chapters, "all", "unsupported"], ["---"] * (len(chapters) + 3)]
    rows += [_row(report, chapters) for report in reports]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(report: Report, chapters: Sequence[str]) -> list[str]:
    engine = report["header"]["engine"]
    of = {
        chapter: [each["verdict"] for each in report["clauses"] if each["chapter"] == chapter] for chapter in chapters
    }
    every = [each["verdict"] for each in report["clauses"]]
    name = f"{engine['name']} {engine['version']}" + ("" if engine["device"] == "cpu" else f" ({engine['device']})")
    if (profile := report["header"]["profile"]) != "default":
        name += f", profile {profile}"
    if left_out := report["footer"]["deselected"]:
        name += f", {len(every)} of {len(every) + left_out} clauses"
    return [name, *(_cell(of[chapter]) for chapter in chapters), _cell(every), str(every.count("unsupported"))]


def _cell(verdicts: Sequence[str]) -> str:
    """`7/9`: nine were judged, seven hold.  What is known to fail does fail, so it does not hold."""
    judged = [verdict for verdict in verdicts if verdict != "unsupported"]
    holding = [verdict for verdict in judged if verdict in ("pass", "unexpected-pass")]
    return f"{len(holding)}/{len(judged)}" if judged else "-"


def _refuse_unlike(reports: Sequence[Report]) -> None:
    found = sorted({report["header"]["spec"] for report in reports})
    if len(found) > 1:
        raise ReportError(f"one table needs one spec; these reports have {', '.join(found)}")


def main(argv: Sequence[str]) -> int:
    arguments = parser("table", "a Markdown table, engines by chapters: clauses that hold / clauses judged")
    arguments.add_argument("reports", nargs="+", metavar="REPORT.json")
    try:
        print(table(read_paths(arguments, arguments.parse_args(argv).reports)))
    except ReportError as error:
        arguments.error(str(error))
    return 0
