"""What a worker leaves behind when it dies: a breadcrumb for each example, and a trace of the end.

A crash gives no time to say anything, so everything is said before: the clause and the case are written to a file that
the controller reads.  A hang may hold the interpreter's lock, so no Python code can end it: `faulthandler` does, from a
thread of its own, and leaves a traceback that tells a timeout from a crash.
"""

from __future__ import annotations

import faulthandler
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

Case: TypeAlias = dict[str, Any]
BeforeExample: TypeAlias = Callable[[Callable[[], Case], int], None]
State: TypeAlias = Literal["judging", "ended", "spoiled"]
IMPORT_SECONDS = 600.0
"""An engine may compile when it is imported; one that takes longer than this hangs."""


@dataclass(frozen=True)
class LastWords:
    """How a worker ended: in which clause, on which case, and what it left as a trace."""

    clause: str | None
    """The last one that began; None: there was none yet."""
    number: int
    """Which example, counted from 1; 0: before the first."""
    case: Case | None
    trace: str
    state: State = "judging"
    """Whether it was in that clause, or had ended it, or left by itself since nothing can be judged in it any more."""

    @property
    def verdict(self) -> Literal["crash", "timeout"]:
        return "timeout" if self.trace.startswith("Timeout (") else "crash"

    @property
    def cause(self) -> str:
        """One line: the signal, or that there is no trace at all."""
        fatal = [line for line in self.trace.splitlines() if line.startswith("Fatal Python error: ")]
        if self.verdict == "timeout":
            return "no end within the time for one example (--impl-timeout)"
        if fatal:
            return "the process died: " + fatal[0].removeprefix("Fatal Python error: ")
        return "the process ended without a trace (os._exit, killed, or out of memory)"


class Watch:
    """The worker's side; one for each worker process, its files in the controller's folder."""

    def __init__(self, folder: Path, worker: str, seconds: float) -> None:
        self._seconds = seconds
        self._last: tuple[str | None, int, Case | None] = None, 0, None
        self._crumb = _crumb_file(folder, worker).open("wb", buffering=0)
        self._trace = _trace_file(folder, worker).open("w", buffering=1)
        self._leave(None, 0, None, "judging")

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Watch the import of the engine, and from here on note what a fatal signal ended."""
        faulthandler.enable(self._trace)  # not before: pytest's own plugin has sent such traces to stderr until now
        self._arm(IMPORT_SECONDS)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()

    @contextmanager
    def clause(self, id: str) -> Iterator[BeforeExample]:
        """Watch one clause; what is yielded is to be called before each example."""

        def before_example(encoded: Callable[[], Case], number: int) -> None:
            self._last = id, number, encoded()
            self._leave(*self._last, "judging")
            self._arm(self._seconds)

        self._last = id, 0, None
        self._leave(*self._last, "judging")
        self._arm(self._seconds)
        try:
            yield before_example
        finally:
            faulthandler.cancel_dump_traceback_later()
            self._leave(*self._last, "ended")  # what the process dies of before the next clause, this one has set up

    @property
    def case(self) -> Case | None:
        """The last one that began, encoded."""
        return self._last[2]

    def spoiled(self) -> None:
        """Say that the process is about to leave by itself, so that what is left is judged in a fresh one."""
        self._leave(*self._last, "spoiled")

    def _leave(self, id: str | None, number: int, case: Case | None, state: State) -> None:
        words = json.dumps([id, number, case, state]).encode()
        self._crumb.seek(0)
        self._crumb.write(b"%d\n%b" % (len(words), words))  # one call: a crash cannot fall inside it

    def _arm(self, seconds: float) -> None:
        faulthandler.dump_traceback_later(seconds, exit=True, file=self._trace)


def read_last_words(folder: Path, worker: str) -> LastWords:
    """What `worker` left; of a worker that died before it could write anything, only that."""
    trace = _trace_file(folder, worker)
    crumb = _crumb_file(folder, worker)
    if not trace.exists() or not crumb.exists():
        return LastWords(None, 0, None, "")
    length, _, words = crumb.read_bytes().partition(b"\n")
    clause, number, case, state = json.loads(words[: int(length)])
    return LastWords(clause, number, case, trace.read_text(errors="replace"), state)


def _crumb_file(folder: Path, worker: str) -> Path:
    return folder / f"{worker}.crumb"


def _trace_file(folder: Path, worker: str) -> Path:
    return folder / f"{worker}.trace"
