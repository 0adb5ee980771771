"""The JSON report: made, checked against its schema, written so that half of it is never seen, and read."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import jsonschema

from autograd_conformance import __version__
from autograd_conformance.results import VERDICTS

if TYPE_CHECKING:
    from autograd_conformance.running.gathering import Gathering

FORMAT = 1
Report: TypeAlias = dict[str, Any]


class ReportError(ValueError):
    """A file that is no report, or reports that may not be used together."""


def unfinished(gathering: Gathering) -> Report:
    """What is on disk while clauses run."""
    return assemble(_header(gathering), [], {"complete": False, "collected": 0, "reported": 0, "deselected": 0})


def finished(gathering: Gathering) -> Report:
    """What stays; `complete` only if every clause that was collected is in it."""
    assert gathering.sitting is not None
    footer = {
        "complete": gathering.complete,
        "collected": len(gathering.sitting.clauses),
        "reported": len(gathering.results),
        "deselected": gathering.sitting.deselected,
    }
    return assemble(_header(gathering), [each.to_json() for each in gathering.results], footer)


def assemble(header: Mapping[str, Any], clauses: list[dict[str, Any]], footer: Mapping[str, Any]) -> Report:
    """A report from its parts: clauses sorted by id, and counted."""
    found = Counter(each["verdict"] for each in clauses)
    return {
        "format": FORMAT,
        "header": dict(header),
        "counts": {verdict: found[verdict] for verdict in VERDICTS},
        "clauses": sorted(clauses, key=lambda each: str(each["id"])),
        "footer": {**footer, "finished": _now()},
    }


def _header(gathering: Gathering) -> dict[str, Any]:
    option, sitting = gathering.config.getoption, gathering.sitting
    return {
        "suite": __version__,
        "spec": _spec_version(),
        "engine": asdict(sitting.engine) if sitting else None,
        "impl": option("impl"),
        "profile": option("impl_profile"),
        "seed": gathering.seed,
        "isolated": gathering.isolated,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "started": gathering.started.isoformat(timespec="seconds"),
    }


def _spec_version() -> str:
    """The clauses come with the suite, unless they are somebody's own."""
    spec = sys.modules.get("autograd_spec") or import_module("autograd_spec")
    return str(getattr(spec, "__version__", __version__))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


# ---- files ------------------------------------------------------------------------------------------------------------
@cache
def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a report."""
    text = files("autograd_conformance.reporting").joinpath("report.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def check(report: Report, where: str) -> None:
    """Raises ReportError, which names the first place that is not as the schema says."""
    validator = jsonschema.Draft202012Validator(schema())
    error = jsonschema.exceptions.best_match(validator.iter_errors(report))
    if error is not None:
        raise ReportError(f"{where}: {error.json_path}: {error.message}")
    found = Counter(each["verdict"] for each in report["clauses"])
    if any(report["counts"][verdict] != found[verdict] for verdict in VERDICTS):
        raise ReportError(f"{where}: counts {report['counts']} do not agree with the clauses: {dict(found)}")
    _check_accounts(report, where)


def _check_accounts(report: Report, where: str) -> None:
    """A report that was cut, or put together by hand, is none."""
    footer, ids = report["footer"], [each["id"] for each in report["clauses"]]
    if twice := sorted(id for id, times in Counter(ids).items() if times > 1):
        raise ReportError(f"{where}: more than one verdict on {', '.join(twice)}; expected one for each clause")
    if footer["reported"] != len(ids):
        raise ReportError(f"{where}: footer.reported is {footer['reported']}, but there are {len(ids)} clauses")
    if footer["complete"] and footer["collected"] != len(ids):
        raise ReportError(
            f"{where}: it says that it is complete, but of {footer['collected']} clauses collected it has {len(ids)}"
        )


def write(path: Path, report: Report) -> None:
    """Checked first; then in one step, so that a reader sees the old file or the new one."""
    check(report, str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n", "utf-8")
    os.replace(beside, path)


def read(path: Path) -> Report:
    """A report that keeps to the schema; raises ReportError."""
    try:
        report = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ReportError(f"{path}: cannot be read as JSON: {error}") from error
    check(report, str(path))
    checked: Report = report
    return checked


def read_complete(path: Path) -> Report:
    """The same, of a run that accounted for every clause: no other says anything about an engine."""
    report = read(path)
    if not report["footer"]["complete"]:
        collected, reported = report["footer"]["collected"], report["footer"]["reported"]
        raise ReportError(
            f"{path}: the run did not finish, it says nothing of the engine: {reported} verdicts, {collected} clauses "
            "collected; expected a report with footer.complete = true: run again, and not with -n 0 if the engine crashes"
        )
    return report


# ---- for the commands that take reports ---------------------------------------------------------------------------------
def parser(command: str, purpose: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"python -m autograd_conformance {command}", description=purpose)


def read_paths(arguments: argparse.ArgumentParser, paths: Sequence[str]) -> list[Report]:
    """The complete reports at `paths`; what is wrong with one ends the command with exit status 2."""
    try:
        return [read_complete(Path(path)) for path in paths]
    except ReportError as error:
        arguments.error(str(error))
