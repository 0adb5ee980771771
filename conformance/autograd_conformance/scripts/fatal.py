"""The script of a failure that ends its process, or never ends.

Who is dead cannot print.  So the clause is run twice, each time in a process of its own: the first run counts how often
control passes between clause and engine, and dies; the second stops where the first died, and prints what it did.
"""

from __future__ import annotations

import gc
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, TypeAlias

from autograd_conformance.clauses import Clause
from autograd_conformance.engine import Engine
from autograd_conformance.judge import show
from autograd_conformance.scripts.assembly import assembled, described_end
from autograd_conformance.scripts.clean_process import run_cleanly
from autograd_conformance.scripts.literals import Unprintable
from autograd_conformance.scripts.pruning import prune
from autograd_conformance.scripts.recording import Recorder
from autograd_conformance.scripts.rerun import NotReproduced, recorded, refuse_what_is_not_printed
from autograd_conformance.scripts.script import HOLDS, SAY_HOLDS, Lines, Printer

Stage: TypeAlias = Literal["engine", "clause", "freeing"]
"""Who had control; `freeing`: the clause had come to its end, and what it had made was being freed."""

STARTING_SECONDS = 300
"""The longest that a script may take beside the call that hangs: engines may compile when they are imported."""


@dataclass(frozen=True)
class End:
    """How a process ended."""

    cause: str
    status: int
    """Its exit status; negative: the signal."""
    seconds: float | None
    """The time limit that it hit; None: it died."""


@dataclass(frozen=True)
class Place:
    """Where a recorded run ended: control had passed so often, and then it was there."""

    number: int
    stage: Stage


class _Stop(BaseException):
    """Ends a run where another one ended its process.  No Exception: engines and clauses let it pass."""


def count_to_the_end(
    engine: Engine, clause: Clause, case: Mapping[str, Any], reached: Callable[[Place], object]
) -> None:
    """Run `clause` on `case`; `reached` is told each place before what comes there is done.  Returning is a surprise."""
    numbers = count(1)
    made = recorded(Recorder(engine, lambda to: reached(Place(next(numbers), to)), keeps_tensors=True), clause, case)
    reached(Place(next(numbers), "freeing"))
    del made
    gc.collect()


class FatalScript:
    """A script that ends as `end` says, made from a second run that stops at `place`.

    It imports only what the adapter's own calls need, NumPy and the standard library, and it prints "holds" at its end,
    where the engine is right.  Raises NotReproduced where the second run is not like the first.
    """

    def __init__(self, engine: Engine, clause: Clause, case: Mapping[str, Any], place: Place, end: End) -> None:
        refuse_what_is_not_printed(engine)
        if place.stage == "clause":
            raise NotReproduced("no call of the engine was under way when the process ended")
        self._engine, self._clause, self._place, self._end = engine, clause, place, end
        self._stop = _Stop()
        numbers = count(1)

        def handover(to: str) -> None:
            if next(numbers) == place.number:
                raise self._stop

        self._recorder = Recorder(engine, handover, keeps_tensors=True)
        try:
            recorded(self._recorder, clause, case)
        except _Stop:
            return
        if place.stage != "freeing":
            raise NotReproduced("run again, call by call, the clause did not come to the call that ended the process")

    def text(self) -> str:
        """The text, without the steps that do not matter; raises NotReproduced where it does not show the failure."""
        try:
            return self._text()
        except Unprintable as reason:
            raise NotReproduced(str(reason)) from reason

    def _text(self) -> str:
        steps = self._recorder.steps
        if not prune(steps, [], lambda: not self._problem()) and (problem := self._problem()):
            raise NotReproduced(f"its script does not show it: {problem}")
        return self._printed()

    def _printed(self) -> str:
        printer = Printer(self._engine, self._recorder.steps, [], [self._stop], farewell=lambda: [SAY_HOLDS])
        body = [self._watching(), *printer.lines(), *self._closing()]
        docstring = described_end(self._engine, self._clause, self._end.cause)
        return assembled(docstring, printer.prelude(), body, printer.numpy)

    def _watching(self) -> str:
        """So that a crash shows where it was, and a hang ends and does so, too."""
        seconds = self._end.seconds
        if seconds is None:
            return "faulthandler.enable()"
        return f"faulthandler.dump_traceback_later({seconds}, exit=True)"

    def _closing(self) -> Lines:
        freeing = ["globals().clear()  # frees all that was made"] if self._place.stage == "freeing" else []
        return [*freeing, SAY_HOLDS]

    def _problem(self) -> str:
        """Why the script, in a clean process, does not show the failure; empty where it does."""
        try:
            run = run_cleanly(self._printed(), STARTING_SECONDS + (self._end.seconds or 0))
        except subprocess.TimeoutExpired as expired:
            return f"it does not end within {expired.timeout} seconds"
        last = (run.stderr.strip().splitlines() or [""])[-1]
        if "Traceback (most recent call last)" in run.stderr:
            return f"it raises {show(last)}"
        if run.stdout.rstrip().endswith(HOLDS):
            return "it runs to its end"
        hangs = any(line.startswith("Timeout (") for line in run.stderr.splitlines())
        if hangs != (self._end.seconds is not None) or run.returncode != self._end.status:
            return f"it ends with status {run.returncode}, expected {self._end.status}: {show(last)}"
        return ""
