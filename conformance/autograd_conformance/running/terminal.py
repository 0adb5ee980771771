"""The summary: counts first, then what does not hold and how to see it, then what was not judged or only noted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from textwrap import indent
from typing import TYPE_CHECKING

import pytest

from autograd_conformance.operators import OPERATORS
from autograd_conformance.results import BAD, VERDICTS, Result
from autograd_conformance.running.wording import full_text, one_line

if TYPE_CHECKING:
    from autograd_conformance.running.gathering import Gathering


UNPROTECTED = (
    "conformance: clauses run in this process, for debugging. A crash or a hang of the engine ends it, with whatever exit status, "
    "0 included: without a last line of counts nothing was judged. Leave out -n 0 and --pdb for a verdict."
)


def write_warning(out: pytest.TerminalReporter) -> None:
    """Also under `-q`, and at once: nothing is written any more when an engine ends the process."""
    out.write_line(UNPROTECTED, yellow=True)
    out.flush()


def write_summary(out: pytest.TerminalReporter, gathering: Gathering) -> None:
    """`-q` leaves one line a clause; what is wrong with the run itself is always said."""
    brief = out.config.option.verbose < 0
    out.section("conformance") if not brief else out.ensure_newline()
    out.line(counts_line(gathering), bold=True)
    for problem in problems(gathering):
        out.line(problem, red=True, bold=True)
    causes_first = sorted(gathering.results, key=lambda each: each.verdict == "blocked")
    for result in causes_first:
        if result.verdict in BAD:
            (_write_briefly if brief else _write_fully)(out, result, gathering.scripts.get(result.id))
    if not brief:
        _write_rest(out, gathering)


def counts_line(gathering: Gathering) -> str:
    """Such as `12 clauses: 7 pass, 2 fail, 3 unsupported; on torch 2.13.0, cpu, profile default, seed 0`."""
    assert gathering.sitting is not None
    engine, found = gathering.sitting.engine, Counter(result.verdict for result in gathering.results)
    verdicts = ", ".join(f"{found[verdict]} {verdict}" for verdict in VERDICTS if found[verdict]) or "none judged"
    total = len(gathering.sitting.clauses)
    profile = gathering.config.getoption("impl_profile")
    where = f"{engine.name} {engine.version}, {engine.device}, profile {profile}, seed {gathering.seed}"
    return f"{total} clause{'s' * (total != 1)}: {verdicts}; on {where}"


def problems(gathering: Gathering) -> list[str]:
    """Why this run may not be taken for a judgement of the engine."""
    found = []
    if gathering.uncollected:
        found.append(f"INCOMPLETE: {gathering.uncollected} could not be collected; their clauses are not counted above")
    if gathering.lost:
        found.append(f"INCOMPLETE: {len(gathering.lost)} collected and not judged: {', '.join(gathering.lost)}")
    if not gathering.judged:
        found.append("NOTHING WAS JUDGED: no clause was selected that this engine supports")
    kept = gathering.config.getoption("impl_expect_write")
    if kept is not None and not gathering.sound:
        found.append(f"NOT WRITTEN: {kept} stays as it is; only a complete run that judges something may write it")
    return found


def _write_briefly(out: pytest.TerminalReporter, result: Result, script: str | None) -> None:
    out.write_line(f"{result.verdict.upper()} {result.id}: {one_line(result)}" + (f" [{script}]" if script else ""))


def _write_fully(out: pytest.TerminalReporter, result: Result, script: str | None) -> None:
    out.line("")
    out.line(f"{result.verdict.upper()} {result.id} ({result.level})", red=True, bold=True)
    out.line(indent(full_text(result), "  "))
    if script:
        out.line(f"  reproduce with: python {script}")


def _write_rest(out: pytest.TerminalReporter, gathering: Gathering) -> None:
    results = gathering.results
    sections = {
        "known": [f"{each.id}: {each.reason}" for each in results if each.verdict == "known"],
        "unsupported": _grouped((each.reason, each.id) for each in results if each.verdict == "unsupported"),
        "noted": [f"{note}: {count}" for note, count in sorted(_total(each.notes for each in results).items())],
        "operators": _operator_lines(gathering),
    }
    for title, lines in sections.items():
        if lines:
            out.line("")
            out.line(title, bold=True)
            out.line(indent("\n".join(lines), "  "))


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[str]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for reason, id in pairs:
        groups[reason].append(id)
    return [f"{reason}: {', '.join(ids)}" for reason, ids in sorted(groups.items())]


def _total(counts: Iterable[dict[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total


def _operator_lines(gathering: Gathering) -> list[str]:
    """An adapter that offers one operator must not look complete, nor one whose operators were never used."""
    assert gathering.sitting is not None
    offered = set(gathering.sitting.engine.operators)
    drawn = set(_total(each.operators for each in gathering.results))
    lines = [f"{len(drawn)} drawn, {len(offered)} spelled by the adapter, {len(OPERATORS)} known to the suite"]
    if offered - drawn:
        lines.append(f"never drawn: {', '.join(sorted(offered - drawn))}")
    if set(OPERATORS) - offered:
        lines.append(f"not spelled: {', '.join(sorted(set(OPERATORS) - offered))}")
    return lines
