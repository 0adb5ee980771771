"""`compare`: what changed between two reports, and whether anything got worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autograd_conformance.reporting.report import Report, ReportError, parser, read_paths
from autograd_conformance.results import FAILING, Verdict


@dataclass(frozen=True)
class Change:
    """One clause whose verdict, or whose meaning, is not the same in both reports; None: not in that report."""

    id: str
    before: Verdict | None
    after: Verdict | None
    remark: str = ""

    @property
    def worse(self) -> bool:
        """A new clause may not arrive broken, and one that is no longer judged may not hide that it broke."""
        if self.before is None:
            return self.after in FAILING
        return self.after is None or _rank(self.after) > _rank(self.before)

    @property
    def better(self) -> bool:
        return None not in (self.before, self.after) and _rank(self.after) < _rank(self.before)

    def __str__(self) -> str:
        sign = "-" if self.worse else "+" if self.better else " "
        text = f"{sign} {self.id}: {self.before or 'absent'} -> {self.after or 'absent'}"
        return text + (f" ({self.remark})" if self.remark else "")


def compare(before: Report, after: Report) -> list[Change]:
    """Sorted by id.  Raises ReportError if the two cannot be compared."""
    _refuse_unlike(before, after)
    old, new = _by_id(before), _by_id(after)
    changes = [_change(id, old.get(id), new.get(id)) for id in sorted(old.keys() | new.keys())]
    return [change for change in changes if change.before != change.after or change.remark]


def _change(id: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> Change:
    remark = (
        f"revision {old['revision']} -> {new['revision']}" if old and new and old["revision"] != new["revision"] else ""
    )
    return Change(id, old["verdict"] if old else None, new["verdict"] if new else None, remark)


def _rank(verdict: Verdict | None) -> int:
    """It holds, it is not claimed to, it fails."""
    if verdict in FAILING:
        return 2
    return 1 if verdict in ("known", "unsupported") else 0


def _refuse_unlike(before: Report, after: Report) -> None:
    for what in ("name", "device"):
        old, new = before["header"]["engine"][what], after["header"]["engine"][what]
        if old != new:
            raise ReportError(f"these reports judge different things: engine {what} {old!r} and {new!r}")


def _by_id(report: Report) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in report["clauses"]}


def main(argv: Sequence[str]) -> int:
    arguments = parser("compare", "what changed from report A to report B; exit status 1 if something got worse")
    arguments.add_argument("reports", nargs=2, metavar="REPORT.json", help="the older one first")
    before, after = read_paths(arguments, arguments.parse_args(argv).reports)
    try:
        changes = compare(before, after)
    except ReportError as error:
        arguments.error(str(error))
    for change in changes:
        print(change)
    worse = sum(change.worse for change in changes)
    print(f"{len(changes)} changed, {worse} worse")
    return 1 if worse else 0
