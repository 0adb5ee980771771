"""A failure as a script in the engine's own calls, which shows it in a clean process.

The clause is run once more through a recorder; what it did is cut down to what matters and printed; the script is run,
and is only handed out if it fails in the way that it claims.
"""

from __future__ import annotations

import ast
import contextlib
import io
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import CodeType
from typing import Any

import numpy as np

from autograd_conformance import judge
from autograd_conformance.clauses import Clause
from autograd_conformance.engine import Engine
from autograd_conformance.judge import Accepted, Failure
from autograd_conformance.scripts.assembly import assembled, described
from autograd_conformance.scripts.closing import GOT, closing, is_named_got, shown
from autograd_conformance.scripts.judged import Judged, find, same
from autograd_conformance.scripts.literals import Unprintable
from autograd_conformance.scripts.naming import calls
from autograd_conformance.scripts.pruning import prune, until
from autograd_conformance.scripts.recording import Alteration, Recorder
from autograd_conformance.scripts.rerun import (
    FILE,
    NotReproduced,
    in_a_fresh_world,
    recorded,
    refuse_what_is_not_printed,
)
from autograd_conformance.scripts.script import SAY_HOLDS, Lines, Manner, Printer
from autograd_conformance.scripts.tried import mark_tried

SPARE_FRAMES = 10


def script(engine: Engine, clause: Clause, case: Mapping[str, Any], failure: BaseException) -> str:
    """The text of a script that fails as `clause` did on `case`; raises `NotReproduced` where there is none.

    It imports only what the adapter's own calls need, NumPy and the standard library, and it ends with status 0 where
    the engine is right.
    """
    refuse_what_is_not_printed(engine)
    try:
        return _Reproduction(engine, clause, case, failure).text()
    except Unprintable as reason:
        raise NotReproduced(str(reason)) from reason


@dataclass(frozen=True)
class Attempt:
    """A script that was run: its text, and why it does not show the failure (empty where it does)."""

    text: str
    problem: str


class _Reproduction:
    """One failure on its way to a script."""

    def __init__(self, engine: Engine, clause: Clause, case: Mapping[str, Any], failure: BaseException) -> None:
        self._engine, self._clause, self._case = engine, clause, case
        self._recorder, error = self._run(None)
        if self._recorder.beyond:
            raise NotReproduced(self._recorder.beyond)
        if error is None or not _alike(error, failure):
            seen = "held" if error is None else judge.show(error)
            raise NotReproduced(f"run again, call by call, the clause did not fail in the same way: {seen}")
        self._error: BaseException = error
        self._judged = self._find_judged(error)
        self._uncaught = [error, error.__cause__, getattr(error, "got", None)]
        self._steps = until(self._recorder.steps, self._judged.call) if self._judged else self._recorder.steps
        self._used_later = [self._judged.slot] if self._judged else []
        self._kept = mark_tried(self._steps, error) if isinstance(error, Accepted) else self._used_later

    def _run(self, altered: Alteration | None) -> tuple[Recorder, BaseException | None]:
        return recorded(Recorder(self._engine), self._clause, self._case, altered)

    def _find_judged(self, error: BaseException) -> Judged | None:
        if isinstance(error, Accepted):
            return None
        if isinstance(error, Failure) and error.kind == "wrong":
            judged = find(self._recorder, error, self._run)
            if judged is None:
                raise NotReproduced(
                    f"{error.what}: the clause computed it, and no single result of the engine is at fault"
                )
            return shown(judged, error.expected, self._clause, self._recorder)
        if not any(call.error is not None for call in calls(self._recorder.steps)):
            raise NotReproduced(f"no call of the engine raised {judge.show(error)}")
        return None

    def text(self) -> str:
        problems = []
        for manner in self._manners():
            self._manner = manner
            is_pruned = not self._is_of_life and prune(self._steps, self._kept, lambda: not self._try().problem)
            if is_pruned or not self._try().problem:
                return self._tried.text
            problems.append(self._tried.problem)
        raise NotReproduced(f"its script does not show it: {problems[0]}")

    @property
    def _is_of_life(self) -> bool:
        """Whether something had to be alive: whatever the clause made may be what was to keep it so."""
        deaths = any(call.name == "weak_reference" for call in calls(self._steps))
        return deaths and self._expected is True

    def _manners(self) -> Iterator[Manner]:
        """The plainest first."""
        yield Manner()
        if self._expected_error is RecursionError:  # the clause stood on a few frames more
            yield Manner(stretch=2)
        yield Manner(lifetimes=True)

    def _try(self) -> Attempt:
        text, last_part = self._printed()
        self._tried = Attempt(text, self._problem(text, last_part))
        return self._tried

    def _printed(self) -> tuple[str, int]:
        """The text, and the line where its last part begins: the one that is to fail."""

        def ending() -> Lines:
            return self._ending(printer)

        printer = Printer(self._engine, self._steps, self._used_later, self._uncaught, self._manner, ending)
        if self._judged and is_named_got(self._judged, self._expected):
            printer.names.give(self._judged.slot, GOT)
        body = printer.lines()
        last = [] if printer.has_said_farewell else ending()
        docstring = described(self._engine, self._clause, self._error)
        text = assembled(docstring, printer.prelude(), body + last, printer.numpy)
        return text, ast.parse(text).body[-max(1, len(last))].lineno

    def _ending(self, printer: Printer) -> Lines:
        """What shows the failure when the calls are made, unless one of them does."""
        if self._judged:
            return [*closing(printer, self._judged, self._expected), SAY_HOLDS]
        return [SAY_HOLDS] if isinstance(self._error, Accepted) else []

    @property
    def _expected(self) -> Any:
        return getattr(self._error, "expected", None)

    def _problem(self, text: str, last_part: int) -> str:
        """Why the script does not show the failure; empty where it does."""
        namespace: dict[str, Any] = {"__name__": "__main__"}
        code = compile(text, FILE, "exec")
        with contextlib.redirect_stdout(io.StringIO()):
            error = in_a_fresh_world(self._engine, partial(_executed, code, namespace))
        if error is None:
            return "it runs to its end"
        lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code is code]
        anywhere = self._expected_error is RecursionError  # it may strike in any turn of a loop
        if type(error) is not self._expected_error or not (anywhere or lines[0] >= last_part):
            return f"it stops in line {lines[0]} with {judge.show(error)}"
        if self._judged and isinstance(self._expected, np.ndarray | bool) and self._got is not None:
            return "" if same(namespace[GOT], self._got) else f"it gets {judge.show(namespace[GOT])}"
        return ""

    @property
    def _got(self) -> Any:
        return getattr(self._error, "got", None)

    @property
    def _expected_error(self) -> type[BaseException]:
        if self._judged or isinstance(self._error, Accepted):
            return AssertionError
        return type(self._got if isinstance(self._got, BaseException) else self._error)


def _executed(code: CodeType, namespace: dict[str, Any]) -> None:
    """With more frames to spare than in a process of its own: what exhausts the stack here does so there."""
    sys.setrecursionlimit(sys.getrecursionlimit() + SPARE_FRAMES)
    exec(code, namespace)  # noqa: S102  our own text


def _alike(one: BaseException, other: BaseException) -> bool:
    """Whether two runs failed in the same way."""
    if isinstance(one, Failure) and isinstance(other, Failure):
        return (one.kind, one.what) == (other.kind, other.what) and (one.kind != "wrong" or same(one.got, other.got))
    return type(one) is type(other)
