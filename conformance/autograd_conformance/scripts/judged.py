"""Which recorded value a failure is about, found out and not guessed.

An array is known by its identity.  Anything else is the latest call whose result, were it different, would have changed
what was judged or let the clause go on: it is run again with that one result altered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from autograd_conformance.judge import Failure
from autograd_conformance.scripts.recording import Alteration, Call, Recorder, Slot

Rerun: TypeAlias = "Callable[[Alteration], tuple[Recorder, BaseException | None]]"
"""Runs the clause again with one result altered."""

MOST_RERUNS = 20


@dataclass(frozen=True)
class Judged:
    """The judged value: that of `slot`, or whether it is there at all."""

    call: Call
    slot: Slot
    form: Literal["value", "is None", "is not None", "or zeros"] = "value"
    """`or zeros`: the array of a gradient that may be absent where it is zero."""


def find(recorder: Recorder, failure: Failure, rerun: Rerun) -> Judged | None:
    """What `failure` judged, or None where the clause computed it from several results."""
    for call, slot in recorder.results:
        if isinstance(failure.got, np.ndarray) and slot.value is failure.got:
            return Judged(call, slot)
    candidates = [
        (number, Judged(call, slot, form))
        for number, (call, slot) in reversed(list(enumerate(recorder.results)))
        for form in _forms(call, slot, failure.got)
    ]
    for number, judged in candidates[:MOST_RERUNS]:
        again, error = rerun(Alteration(number, _other(recorder, judged, failure)))
        if _makes_a_difference(len(again.results) - len(recorder.results), failure, error):
            return judged
    return None


def _makes_a_difference(further: int, failure: Failure, error: BaseException | None) -> bool:
    """Whether the clause went further (by so many results), or judged another value at the same place."""
    if further or not isinstance(error, Failure):
        return further > 0 or error is None
    return error.what == failure.what and not same(error.got, failure.got)


def _forms(call: Call, slot: Slot, got: Any) -> list[Literal["value", "is None", "is not None"]]:
    """The expressions over a result that have the judged value."""
    if same(slot.value, got):
        return ["value"]
    if _may_be_nothing(call) and isinstance(got, bool):
        return ["is None" if (slot.value is None) == got else "is not None"]
    return []


def _may_be_nothing(call: Call) -> bool:
    """Whether a clause asks of the result whether it is there: a gradient, or what a weak reference refers to."""
    return call.kind == "function" or call.name == "grad"


def _other(recorder: Recorder, judged: Judged, failure: Failure) -> Any:
    """A value of the same sort, but another."""
    value = judged.slot.value
    if isinstance(value, bool):
        return not value
    if isinstance(value, np.ndarray):
        return ~value if value.dtype == bool else value + 1
    if value is None:
        like = failure.expected if isinstance(failure.expected, np.ndarray) else np.ones(())
        return recorder.engine.tensor(like + 1)
    if isinstance(value, tuple):
        return tuple(each + 1 for each in value) or (1,)
    return None if _may_be_nothing(judged.call) else value + 1


def is_gradient(recorder: Recorder, slot: Any) -> bool:
    """Whether `slot` is what the engine gave as a stored gradient."""
    return any(found is slot and call.name == "grad" for call, found in recorder.results)


def same(one: Any, other: Any) -> bool:
    """Equality of type and value; of dtype, shape and elements for arrays."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        kind = (one.dtype, one.shape) == (other.dtype, other.shape)
        return kind and bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))
    return type(one) is type(other) and not isinstance(one, np.ndarray) and bool(one == other)
