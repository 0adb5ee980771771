"""What a check found: all right, the adapter broken, the engine at fault, or something to know."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from autograd_conformance.engine import Engine
from autograd_conformance.judge import show
from autograd_conformance.scripts.borrowed import PROJECT

Status = Literal["ok", "BROKEN", "ENGINE", "note"]


@dataclass(frozen=True)
class Outcome:
    """One line of the check: what was looked at, and what to do where it is not all right."""

    status: Status
    subject: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.status:7} {self.subject}" + (f": {self.advice}" if self.advice else "")


class Found(Exception):
    """Ends a block of `Report.on` with something that is not all right."""

    def __init__(self, status: Status, advice: str) -> None:
        super().__init__(advice)
        self.status, self.advice = status, advice


def broken(advice: str) -> Found:
    """To raise: the adapter is at fault."""
    return Found("BROKEN", advice)


def nonconforming(advice: str) -> Found:
    """To raise: the adapter says what it should, and the engine does something else."""
    return Found("ENGINE", f"{advice}; the engine does not conform: go on with the run")


class Report:
    """The outcomes so far.  `engine` is what is called: the adapter under check, or a recorder of it."""

    def __init__(self, engine: Engine, adapter: type[Engine]) -> None:
        self.engine, self.adapter = engine, adapter
        self.outcomes: list[Outcome] = []
        self._own_modules = {owner.__module__ for owner in adapter.__mro__ if issubclass(owner, Engine)}

    @contextmanager
    def on(self, subject: str) -> Iterator[None]:
        """A block that looks at one thing; how it ends is an outcome."""
        try:
            yield
            self.outcomes.append(Outcome("ok", subject))
        except Found as found:
            self.outcomes.append(Outcome(found.status, subject, found.advice))
        except Exception as error:  # noqa: BLE001  whatever the engine raises is shown
            self.outcomes.append(self._of_exception(subject, error))

    def note(self, subject: str, text: str) -> None:
        """Something to know that is no fault."""
        self.outcomes.append(Outcome("note", subject, text))

    def _of_exception(self, subject: str, error: Exception) -> Outcome:
        """These types, raised in the adapter's own line, are misspelled calls; all else was the engine's decision."""
        misspelled = isinstance(error, AttributeError | NameError | TypeError | ImportError | NotImplementedError)
        line = traceback.extract_tb(error.__traceback__)[-1].line
        where = f" in `{line}`" if line else ""
        if misspelled and self._is_own_frame(error):
            return Outcome("BROKEN", subject, f"{show(error)}{where}; correct the spelling")
        found = nonconforming(f"raised {show(error)}{where}; if that call is what the engine's documentation says")
        return Outcome(found.status, subject, found.advice)

    def _is_own_frame(self, error: Exception) -> bool:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        module = frame.f_globals.get("__name__", "")
        return module in self._own_modules or module.partition(".")[0] == PROJECT
