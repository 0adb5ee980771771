"""What a clause says of an engine: equal or not, accepted or refused; and what it notes beside its verdict."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, Literal

import numpy as np

Kind = Literal["wrong", "raised", "refused", "unstable"]


class Failure(AssertionError):
    """The engine does not do what the clause says: `what` was judged, what was `expected`, what was `got`."""

    def __init__(self, kind: Kind, what: str, expected: Any, got: Any) -> None:
        super().__init__(f"{what}: expected {show(expected)}, got {show(got)}")
        self.kind, self.what, self.expected, self.got = kind, what, expected, got


class Reject(Exception):
    """This example is none of the clause's business; draw another."""


class Unsupported(Exception):
    """Nothing can be drawn for this engine; says what is missing.  Raised by the strategies of a clause."""


def assume(condition: object) -> None:
    """Go on only with examples for which `condition` holds."""
    if not condition:
        raise Reject


def equal(what: str, got: Any, expected: Any) -> None:
    """Exact equality: arrays in shape, dtype and every element (NaN equals nothing); other values by `==` and type."""
    if isinstance(expected, np.ndarray):
        same = isinstance(got, np.ndarray) and got.dtype == expected.dtype and np.array_equal(got, expected)
    else:
        same = type(got) is type(expected) and got == expected
    if not same:
        raise Failure("wrong", what, expected, got)


class Attempt:
    """How a `may_refuse` block ended; `refusal` is the engine's exception, or None where it accepted."""

    refusal: Exception | None = None


@contextmanager
def may_refuse(allowed: bool, what: str) -> Iterator[Attempt]:
    """A block in which the engine may raise if `allowed`; where it may not, raising is the failure *refused*.

    An exception that does not come from the engine is a defect of the suite and passes through.
    """
    attempt = Attempt()
    try:
        yield attempt
    except Exception as error:
        if isinstance(error, Failure | Reject) or not raised_by_engine(error):
            raise
        if not allowed:
            raise Failure("refused", what, "accepted", error) from error
        attempt.refusal = error


moments = count()
"""A clock that goes on whenever something happens that a script may tell of."""


class Accepted(Failure):
    """The engine accepts what it has to refuse: all that was called from the moment `began` on."""

    def __init__(self, what: str, began: int) -> None:
        super().__init__("wrong", what, "refused", "accepted")
        self.began = began


def refuses(what: str, call: Callable[[], Any]) -> None:
    """The engine raises in `call`; where it does not, that is the failure *wrong*.

    A lazy engine may raise where a value is read, so `call` ends with `engine.array` where a value is made.
    """
    began = next(moments)
    with may_refuse(True, what) as attempt:
        call()
    if attempt.refusal is None:
        raise Accepted(what, began)


def raised_by_engine(error: BaseException) -> bool:
    """Whether `error` left the engine (or its adapter), and not the suite's own code, which the engine may have called."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        if frame.f_code.co_filename.startswith("<spelling "):
            return True
        if _is_adapter_method(frame.f_locals.get("self"), frame.f_code):
            return True
        if _is_suites(frame.f_globals.get("__name__", "")):
            return False
    return False


def _is_suites(module: str) -> bool:
    ours = module.startswith(("autograd_conformance.", "autograd_spec."))
    return ours and not module.startswith("autograd_conformance.adapters.")


def _is_adapter_method(owner: object, code: Any) -> bool:
    from autograd_conformance.engine import Engine

    if not isinstance(owner, Engine):
        return False
    if code.co_name == "write_array":  # what was lent is the engine's
        return True
    method = getattr(type(owner), code.co_name, None)
    return method is not None and method is not getattr(Engine, code.co_name, None)


def show(value: Any) -> str:
    """One line for a value; arrays with dtype and shape, exceptions with their type."""
    try:
        return _shown(value)
    except Exception as error:  # noqa: BLE001  an engine's own tensor or exception need not be printable
        return f"{type(value).__name__}: cannot be printed, {type(error).__name__}"


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        text = np.array2string(value, separator=", ", threshold=64).replace("\n", "")
        return f"{' '.join(text.split())} ({value.dtype}, shape {value.shape})"
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {' '.join(str(value).split())[:300]}"
    return repr(value)


# ---- notes: what a clause observed beside its verdict; the harness empties them before each clause ----
notes: Counter[str] = Counter()


def note(observation: str) -> None:
    """Count an observation, such as a zone (`zone: may refuse, refused`)."""
    notes[observation] += 1


CHOICE = "choice: "


def chosen(choice: str) -> None:
    """Count that the engine took `choice` where honest engines differ; the clause declares it among its `choices`."""
    note(CHOICE + choice)
