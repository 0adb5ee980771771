"""Expectations: the failures of an engine that are known, with the counterexamples that show them, as a TOML file.

    engine = "mygrad"

    [clause."accum.adds"]
    kind = "by-design"
    reason = "a leaf's gradient is cleared when the leaf is used again"
    link = "https://..."                                # optional

    [[clause."accum.adds".counterexamples]]
    kind = "wrong"
    what = "gradient of leaf 0"
    expected = "2"
    got = "1"
    case = '{"times": 2}'                               # JSON, as in a report
    text = "times = 2"                                  # the case for people; optional, and read by nobody else

Which failures of a clause count as the known one is said in `signature.py`, what becomes of the others in `findings.py`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import tomli_w

from autograd_conformance.judge import Kind
from autograd_conformance.judging import cases
from autograd_conformance.judging.signature import Signature, signature
from autograd_conformance.results import Counterexample, Result

ExpectationKind = Literal["by-design", "bug", "not-implemented"]
KINDS: tuple[str, ...] = get_args(ExpectationKind)
LETHAL = ("crash", "timeout")
"""Kinds of counterexamples that take their process with them."""
UNEXPLAINED = "TODO: say why"

_FAILURE_KINDS = (*get_args(Kind), *LETHAL)
_REQUIRED = ("kind", "what", "expected", "got", "case")


class ExpectationsError(ValueError):
    """The file cannot be used; says where, what was expected and what came."""


@dataclass(frozen=True)
class Expectation:
    """One clause that is known to fail, and why."""

    kind: ExpectationKind
    reason: str
    counterexamples: tuple[Counterexample, ...]
    link: str | None = None

    @property
    def lethal(self) -> bool:
        """Whether a counterexample would end the process that replays it."""
        return any(each.kind in LETHAL for each in self.counterexamples)

    @property
    def summary(self) -> str:
        return f"{self.kind}: {self.reason}" + (f" ({self.link})" if self.link else "")


def load(path: Path, engine: str, clauses: Collection[str]) -> dict[str, Expectation]:
    """Clause id -> what is expected of `engine`; `clauses` are the ids that exist.  Raises ExpectationsError."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ExpectationsError(f"{path}: cannot be read as TOML: {error}") from error
    _check_keys(data, f"{path}", required=("engine",), optional=("clause",))
    if data["engine"] != engine:
        raise ExpectationsError(
            f"{path}: these are expectations for engine {data['engine']!r}, but {engine!r} is judged; use its own file"
        )
    entries = _table(data.get("clause", {}), f"{path}: clause")
    unknown = sorted(set(entries) - set(clauses))
    if unknown:
        raise ExpectationsError(f"{path}: no such clause: {', '.join(unknown)}; remove the entry or correct its id")
    return {id: _expectation(entry, f'{path}: clause."{id}"') for id, entry in entries.items()}


def _expectation(entry: Any, where: str) -> Expectation:
    _check_keys(_table(entry, where), where, required=("kind", "reason", "counterexamples"), optional=("link",))
    _check_texts(entry, where, ("kind", "reason", *(["link"] if "link" in entry else [])))
    if entry["kind"] not in KINDS:
        raise ExpectationsError(f"{where}: kind {entry['kind']!r}, expected one of {', '.join(KINDS)}")
    found = entry["counterexamples"]
    if not isinstance(found, list) or not found:
        raise ExpectationsError(f"{where}: expected at least one counterexample, [[...counterexamples]], got {found!r}")
    counterexamples = tuple(_counterexample(each, f"{where}.counterexamples[{n}]") for n, each in enumerate(found))
    return Expectation(entry["kind"], entry["reason"], counterexamples, entry.get("link"))


def _counterexample(entry: Any, where: str) -> Counterexample:
    _check_keys(_table(entry, where), where, required=_REQUIRED, optional=("text",))
    _check_texts(entry, where, _REQUIRED)
    if entry["kind"] not in _FAILURE_KINDS:
        raise ExpectationsError(f"{where}: kind {entry['kind']!r}, expected one of {', '.join(_FAILURE_KINDS)}")
    try:
        case = json.loads(entry["case"])
        cases.decode(case)
    except Exception as error:  # whatever a case that was edited by hand leads to
        raise ExpectationsError(f"{where}: case cannot be read: {type(error).__name__}: {error}") from error
    return Counterexample(**{**entry, "case": case, "text": entry.get("text", "")})


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ExpectationsError(f"{where}: expected a table, got {value!r}")
    return value


def _check_keys(entry: Mapping[str, Any], where: str, required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    missing = [key for key in required if key not in entry]
    unknown = sorted(set(entry) - {*required, *optional})
    if missing or unknown:
        problem = f"missing {', '.join(missing)}" if missing else f"unknown {', '.join(unknown)}"
        raise ExpectationsError(
            f"{where}: {problem}; keys are {', '.join(required)} and, if wanted, {', '.join(optional)}"
        )


def _check_texts(entry: Mapping[str, Any], where: str, keys: Iterable[str]) -> None:
    for key in keys:
        if not isinstance(entry[key], str) or not (entry[key].strip() or key in ("expected", "got")):
            raise ExpectationsError(f"{where}: {key} must be a text that is not empty, got {entry[key]!r}")


# ---- use ----
def signature_of(counterexample: Counterexample) -> Signature:
    """The signature of a counterexample whose case is encoded."""
    return signature(counterexample, cases.decode(counterexample.case))


def after_loss(result: Result, expectation: Expectation | None) -> Result:
    """The verdict on a clause whose process was lost: `result` says `crash` or `timeout`, and has the case it ran.

    A lost process cannot make its case smaller, so there is nothing to compare but the kind: where a counterexample of
    that kind is expected, the loss is the known one.
    """
    if expectation is None or all(each.kind != result.verdict for each in expectation.counterexamples):
        return result
    return replace(result, verdict="known", reason=expectation.summary)


# ---- writing ----
def write(path: Path, engine: str, results: Iterable[Result], old: Mapping[str, Expectation]) -> None:
    """Expectations under which `results` would have been as expected.

    What still fails keeps its kind, reason and link; what is judged and fails no more is dropped; what was not judged
    stays; new entries are bugs until somebody says why.
    """
    entries = dict(old)
    for result in results:
        entry = _updated(result, old.get(result.id))
        entries.pop(result.id, None)
        if entry is not None:
            entries[result.id] = entry
    data = {"engine": engine, "clause": {id: _written(entries[id]) for id in sorted(entries)}}
    path.write_text(tomli_w.dumps(data, multiline_strings=True), "utf-8", errors="replace")


def _updated(result: Result, old: Expectation | None) -> Expectation | None:
    if result.verdict not in ("fail", "blocked", "crash", "timeout", "known"):
        return None
    shown = [each for each in (result.counterexample, *result.further) if each is not None]
    if result.verdict == "known":  # then these are the ones that still fail; a lost process has only its last case
        kept = [each for each in old.counterexamples if each.kind in LETHAL] if old else []
    else:
        kept = list(old.counterexamples) if old else []
    found = tuple({signature_of(each): each for each in (*shown, *kept)}.values())
    if not found:
        return old
    return replace(old, counterexamples=found) if old else Expectation("bug", UNEXPLAINED, found)


def _written(entry: Expectation) -> dict[str, Any]:
    head = {"kind": entry.kind, "reason": entry.reason} | ({"link": entry.link} if entry.link else {})
    return head | {"counterexamples": [_written_counterexample(each) for each in entry.counterexamples]}


def _written_counterexample(each: Counterexample) -> dict[str, Any]:
    texts = {"kind": each.kind, "what": each.what, "expected": each.expected, "got": each.got}
    return {**texts, "case": json.dumps(each.case, sort_keys=True), **({"text": each.text} if each.text else {})}
