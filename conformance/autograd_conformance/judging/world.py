"""What an example may change for those after it, and how that is put back."""

from __future__ import annotations

import os
import random
import sys
import warnings
from contextlib import AbstractContextManager
from typing import Any, Self

import numpy as np

from autograd_conformance.engine import ENABLE_GRAD, GRAD_DECORATOR, GRAD_SWITCH, NO_GRAD, TAPE, Engine
from autograd_conformance.judge import Failure

_spoilers: list[str] = []

_held: list[AbstractContextManager[Any]] = []
"""Blocks with recording on that are never left: for engines that have no other way to switch it on again."""

_PROBES = {"negative": 1, "add": 2, "multiply": 2, "subtract": 2}
"""Operators, one of which every engine is likely to have -> how many operands."""

_MODES = (NO_GRAD, ENABLE_GRAD, GRAD_DECORATOR, GRAD_SWITCH)


def spoil(reason: str) -> None:
    """Say that this process was left in a state that cannot be put right, so that nothing more can be judged in it."""
    _spoilers.append(reason)


def spoiled_by() -> str | None:
    """The first such reason, or None."""
    return _spoilers[0] if _spoilers else None


class World:
    """The state that an engine, NumPy and Python keep between examples: `enter` before each, `leave` after it."""

    def __init__(self, engine: Engine, clause: str) -> None:
        self.engine, self.clause = engine, clause
        self.spoiled: str | None = None
        """Why nothing more can be judged in this process."""
        self.attributes = dict(vars(engine))
        self.floating_point = np.geterr()
        self.folder = os.getcwd()
        self.frames = sys.getrecursionlimit()
        self.switches = engine.has(GRAD_SWITCH)
        operators = [name for name in _PROBES if engine.has(name)]
        self.probe = operators[0] if operators and engine.has(TAPE) else None
        self.can_tell = self._can_tell_whether_recording_is_on()

    def __enter__(self) -> Self:
        self.random_states = random.getstate(), np.random.get_state()
        return self

    def __exit__(self, *error: object) -> None:
        random.setstate(self.random_states[0])
        np.random.set_state(self.random_states[1])
        self._restore()

    # ---- one example ----
    def enter(self) -> None:
        """The same start for every example; about the same number of frames is left, however deep the caller is."""
        self._limit = sys.getrecursionlimit()
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.simplefilter("ignore")  # what an engine warns of is no failure, whatever filters the user has set
        random.seed(0)
        np.random.seed(0)
        sys.setrecursionlimit(_depth() + self.frames)
        self._switch_recording_on()

    def leave(self) -> None:
        """What the example has changed, put back; the caller's own limit and filters again."""
        self._restore()
        self._warnings.__exit__(None, None, None)
        sys.setrecursionlimit(self._limit)

    def check(self) -> None:
        """Raises Failure if the example has left recording off."""
        if self.can_tell and not self._records() and not self._records():  # twice: an operator may be at fault instead
            self._switch_recording_on()
            if not self._records():
                self.spoiled = f"{self.clause} left recording off, and {self.engine.name} has no call to switch it on"
            raise Failure("wrong", "left recording off", True, False)

    def _restore(self) -> None:
        attributes = vars(self.engine)
        attributes.clear()
        attributes.update(self.attributes)
        np.seterr(**self.floating_point)
        os.chdir(self.folder)

    # ---- recording ----
    def _switch_recording_on(self) -> None:
        if self.switches:
            self.engine.set_grad_enabled(True)
        elif self.probe is not None and self.engine.has(ENABLE_GRAD) and not self._records():
            _held.append(self.engine.enable_grad())
            _held[-1].__enter__()

    def _can_tell_whether_recording_is_on(self) -> bool:
        if self.probe is None or not any(map(self.engine.has, _MODES)):
            return False
        try:
            self._switch_recording_on()
            return self._records() and self._records()
        except Exception:  # noqa: BLE001  the engine is broken in a way that a clause is going to show
            return False

    def _records(self) -> bool:
        """Whether an operator's result on a leaf takes part in differentiation; not counted as a use of it."""
        assert self.probe is not None
        engine, used, operator = self.engine, self.engine.used, self.probe
        engine.used = type(used)()
        try:
            leaf = engine.tensor(np.ones((), engine.dtypes[0]), requires_grad=True)
            return engine.requires_grad(engine.apply(operator, *[leaf] * _PROBES[operator]))
        finally:
            engine.used = used


def _depth() -> int:
    """How many frames the stack has."""
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth
