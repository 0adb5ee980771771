"""A session: what is done with an engine in one sitting, all of it data.  Steps of a program, and events between them.

Like a program it prints as code, round-trips through JSON and gives smaller sessions of itself (`session_shrinking.py`).
Tensors are numbered as in a program: first the inputs, then a number for each step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

from autograd_conformance.engine import Array
from autograd_conformance.programs.program import Input, Program, Step

PASS = "pass"
RETAINING_PASS = "retaining pass"
CLEAR = "clear"
ASSIGN = "assign"
HOLD = "hold"
DROP = "drop"
SWITCH_OFF = "switch off"
SWITCH_ON = "switch on"

TEXTS: Mapping[str, str] = {
    PASS: "backward from {}",
    RETAINING_PASS: "backward from {}, retaining the graph",
    CLEAR: "make the gradient of {} absent",
    ASSIGN: "assign a new gradient to {}",
    HOLD: "hold on to the gradient of {}",
    DROP: "drop {}",
    SWITCH_OFF: "switch recording off",
    SWITCH_ON: "switch recording on",
}
"""What may happen between steps, and how it prints."""


@dataclass(frozen=True)
class Event:
    """What makes no tensor: `kind` is one of `TEXTS`, `numbers` are those of the roots of a pass, or that of the tensor concerned."""

    kind: str
    numbers: tuple[int, ...] = ()

    @property
    def is_pass(self) -> bool:
        return self.kind in (PASS, RETAINING_PASS)


Turn: TypeAlias = Step | Event


@dataclass(frozen=True)
class Session:
    """Inputs, and steps and events in order; `seed` gives all values.

    A step whose flag `recorded` is off runs inside a block with recording off, whatever the switch says.
    """

    dtype: str
    inputs: tuple[Input, ...]
    turns: tuple[Turn, ...]
    seed: int = 0
    unit_cotangent: bool = False
    """Cotangents are one: for engines that accept no other."""

    @cached_property
    def program(self) -> Program:
        """All steps, each recorded where neither a block nor the switch has turned that off; no roots."""
        steps, recording = [], True
        for turn in self.turns:
            if isinstance(turn, Step):
                steps.append(replace(turn, recorded=turn.recorded and recording))
            elif turn.kind in (SWITCH_ON, SWITCH_OFF):
                recording = turn.kind == SWITCH_ON
        return Program(self.dtype, self.inputs, tuple(steps), (), self.seed, self.unit_cotangent)

    def arrays(self, place: int, shapes: Sequence[tuple[int, ...]]) -> tuple[Array, ...]:
        """The cotangents, or the gradient to assign, of the event at this place among the turns."""
        return replace(self.program, seed=self.seed + place + 1).cotangent_arrays(shapes)

    # ---- as text and JSON ----
    def skeleton(self) -> tuple[str, ...]:
        """Operators and events in order."""
        return tuple(turn.operator if isinstance(turn, Step) else turn.kind for turn in self.turns)

    def simpler(self) -> Iterator[Session]:
        """Smaller sessions, the most promising first."""
        from autograd_conformance.programs.session_shrinking import simpler

        return simpler(self)

    def __str__(self) -> str:
        return "\n".join([*self.program.input_lines(), *self._turn_lines(), self.program.values_line()])

    def _turn_lines(self) -> Iterator[str]:
        number = len(self.inputs)
        for turn in self.turns:
            if isinstance(turn, Step):
                yield self.program.step_line(number, turn)
                number += 1
            else:
                yield TEXTS[turn.kind].format(", ".join(map(self.program.label, turn.numbers)))

    def to_json(self) -> dict[str, Any]:
        program = replace(self.program, steps=tuple(turn for turn in self.turns if isinstance(turn, Step))).to_json()
        steps = iter(program.pop("steps"))
        turns = [
            next(steps) if isinstance(turn, Step) else {"event": turn.kind, "tensors": list(turn.numbers)}
            for turn in self.turns
        ]
        return {**{name: program[name] for name in ("dtype", "inputs", "seed", "unit_cotangent")}, "turns": turns}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Session:
        """Raises ValueError for what `to_json` cannot have written."""
        try:
            turns = list(data["turns"])
            events = [Event(each["event"], tuple(each["tensors"])) for each in turns if "event" in each]
            program = Program.from_json({**data, "steps": [each for each in turns if "event" not in each], "roots": []})
        except KeyError as error:
            raise ValueError(f"a session, or an event of one, lacks {error}") from error
        except TypeError as error:
            raise ValueError(f"not the JSON of a session: {error}") from error
        rest: tuple[Iterator[Turn], Iterator[Turn]] = iter(program.steps), iter(events)
        made = tuple(next(rest["event" in each]) for each in turns)
        session = cls(program.dtype, program.inputs, made, program.seed, program.unit_cotangent)
        _require_well_formed(session)
        return session


def _require_well_formed(session: Session) -> None:
    """Raises ValueError where an event is none, or names a tensor that is not made before it."""
    made = len(session.inputs)
    for place, turn in enumerate(session.turns):
        if isinstance(turn, Step):
            made += 1
            continue
        if turn.kind not in TEXTS:
            raise ValueError(f"turn {place}: event {turn.kind!r}, expected one of {', '.join(TEXTS)}")
        if not all(type(number) is int and 0 <= number < made for number in turn.numbers):
            raise ValueError(f"turn {place} ({turn.kind}): tensors {turn.numbers} are not made before it")
        if len(turn.numbers) != TEXTS[turn.kind].count("{}") and not (turn.is_pass and turn.numbers):
            raise ValueError(f"turn {place} ({turn.kind}): tensors {turn.numbers}, which are too few or too many")
