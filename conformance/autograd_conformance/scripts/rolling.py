"""Long repetitions as loops: a chain of 100,000 operations is three lines, not 100,000."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_conformance.scripts.naming import functions_of, operands, slots, uses
from autograd_conformance.scripts.recording import Call, Slot, Step

LONGEST_PERIOD = 4
FEWEST = 8
"""So many turns make a loop."""


@dataclass
class Loop:
    """`steps`, to be run `times`; each pair in `same` is one name: the variable that the turns pass on."""

    steps: list[Step]
    times: int
    same: list[tuple[Slot, Slot]]


class Roller:
    """Finds loops in `steps`; `used_later` are the slots that are used when all steps are done."""

    def __init__(self, steps: list[Step], used_later: set[Slot]) -> None:
        self._steps = steps
        self._results = [slots(step.result) if isinstance(step, Call) else [] for step in steps]
        self._places = {slot: place for place, results in enumerate(self._results) for slot in results}
        self._last_use = {slot: place for place, step in enumerate(steps) for slot in _used(step)}
        self._last_use |= dict.fromkeys(used_later, len(steps))

    def rolled(self) -> list[Step | Loop]:
        """The steps, with what repeats as loops.  The first turn stays outside: it starts from other names."""
        made: list[Step | Loop] = []
        place = 0
        while place < len(self._steps):
            loop, period = self._loop_after(place)
            made += self._steps[place : place + period]
            made += [loop] if loop else []
            place += period + (loop.times * period if loop else 0)
        return made

    def _loop_after(self, first: int) -> tuple[Loop | None, int]:
        for period in range(1, LONGEST_PERIOD + 1):
            times = (self._end(first, period) - first) // period - 1
            start, end = first + period, first + period * (times + 1)
            if times >= FEWEST and self._is_closed(first, end - period, end):
                same = [pair for place in range(start, end) for pair in self._pairs(place, period)]
                return Loop(self._steps[start : start + period], times, same), period
        return None, 1

    def _end(self, first: int, period: int) -> int:
        """The first place after `first` where the repetition is over."""
        place = first + period
        while place < len(self._steps) and self._repeats(first, place, period):
            place += 1
        return place

    def _repeats(self, first: int, place: int, period: int) -> bool:
        step, before = self._steps[place], self._steps[place - period]
        if not isinstance(step, Call) or not isinstance(before, Call) or functions_of(step):
            return False
        if (step.kind, step.name) != (before.kind, before.name):
            return False
        inside = [self._places[slot] for slot in operands(step) if self._places.get(slot, -1) >= first]
        if any(place - origin > period for origin in inside):
            return False
        return place < first + 2 * period or self._alike(step, before, period)

    def _alike(self, one: Any, other: Any, period: int) -> bool:
        """Whether the two print alike once the turns share their names."""
        if isinstance(one, Call) and isinstance(other, Call):
            same_call = (one.kind, one.name, one.error) == (other.kind, other.name, other.error)
            return same_call and self._alike([*one.arguments, one.keywords], [*other.arguments, other.keywords], period)
        if isinstance(one, Slot) and isinstance(other, Slot):
            return one is other or self._places.get(one, -1) - self._places.get(other, -1) == period
        if isinstance(one, dict) and isinstance(other, dict):
            return self._alike([*one.items()], [*other.items()], period)
        if isinstance(one, list | tuple) and type(one) is type(other):
            return len(one) == len(other) and all(self._alike(*pair, period) for pair in zip(one, other, strict=True))
        return type(one) is type(other) and bool(np.array_equal(one, other))

    def _is_closed(self, first: int, last_turn: int, end: int) -> bool:
        """Whether nobody outside uses what the turns before the last made."""
        inner = [slot for place in range(first, last_turn) for slot in self._results[place]]
        return all(self._last_use.get(slot, 0) < end for slot in inner)

    def _pairs(self, place: int, period: int) -> list[tuple[Slot, Slot]]:
        return list(zip(self._results[place], self._results[place - period], strict=True))


def _used(step: Step) -> list[Slot]:
    return operands(step) if isinstance(step, Call) and not functions_of(step) else list(uses([step]))
