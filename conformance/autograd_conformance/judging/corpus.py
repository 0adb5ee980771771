"""The corpus: counterexamples found before, a JSON file each in `<directory>/<engine>/<clause id>/`, replayed first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from autograd_conformance.judging import cases
from autograd_conformance.judging.cases import Case
from autograd_conformance.results import Counterexample

_KEYS = {"engine", "clause", "kind", "what", "case", "text"}


class CorpusError(ValueError):
    """A file in the corpus cannot be used; names it, and says why."""


@dataclass(frozen=True)
class Remembered:
    """A counterexample found before: its file, its kind and the decoded case."""

    path: Path
    kind: str
    case: Case


def load(directory: Path, engine: str, clause: str) -> list[Remembered]:
    """What is remembered of one clause, in the order of the files' names.  Raises CorpusError."""
    paths = sorted(_folder(directory, engine, clause).glob("*.json"))
    return [_remembered(path, engine, clause) for path in paths]


def save(directory: Path, engine: str, clause: str, found: Counterexample) -> Path:
    """The file, new or already there: the case is its name."""
    folder = _folder(directory, engine, clause)
    folder.mkdir(parents=True, exist_ok=True)
    case = json.dumps(found.case, sort_keys=True)
    path = folder / f"{hashlib.sha256(case.encode()).hexdigest()[:16]}.json"
    facts = {"engine": engine, "clause": clause, "kind": found.kind, "what": found.what}
    data = json.dumps({**facts, "case": found.case, "text": found.text}, indent=1, allow_nan=False)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(data + "\n", "utf-8")
    unfinished.replace(path)  # whole or not at all: another run may be reading
    return path


def _folder(directory: Path, engine: str, clause: str) -> Path:
    return directory / quote(engine, safe=" ") / clause


def _remembered(path: Path, engine: str, clause: str) -> Remembered:
    try:
        data = json.loads(path.read_text("utf-8"))
        _check(data, engine, clause)
        return Remembered(path, data["kind"], cases.decode(data["case"]))
    except Exception as error:  # whatever a damaged file leads to
        raise CorpusError(
            f"{path}: not a counterexample to {clause} on {engine}: {type(error).__name__}: {error}; "
            "remove the file, or restore it"
        ) from error


def _check(data: Mapping[str, Any], engine: str, clause: str) -> None:
    if not isinstance(data, dict) or set(data) != _KEYS:
        raise ValueError(f"expected an object with the keys {', '.join(sorted(_KEYS))}")
    if (data["engine"], data["clause"]) != (engine, clause):
        raise ValueError(f"the file says {data['clause']} on {data['engine']}")
