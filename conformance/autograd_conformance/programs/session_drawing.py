"""Random sessions: graphs built and passed through in turns, with all that may happen in between."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.engine import GRAD_SWITCH, RETAIN_GRAPH, SET_GRAD, Engine
from autograd_conformance.judge import Unsupported
from autograd_conformance.operators import STEPS, WRITES
from autograd_conformance.programs.drawing import Drawing
from autograd_conformance.programs.palette import Palette, Shape
from autograd_conformance.programs.program import DETACH, Step
from autograd_conformance.programs.proposals import PROPOSALS
from autograd_conformance.programs.session import (
    ASSIGN,
    CLEAR,
    DROP,
    HOLD,
    PASS,
    RETAINING_PASS,
    SWITCH_OFF,
    SWITCH_ON,
    Event,
    Session,
    Turn,
)
from autograd_conformance.programs.session_rules import Rules

MOST_PASSES = 5
SEEDS = st.integers(0, 2**32 - 1)
"""A session takes some three hundred choices: each drawn by Hypothesis, they would cost more than all else."""


@dataclass(frozen=True)
class Events:
    """Those that an engine has."""

    retaining: bool
    set_grad: bool
    switch: bool

    @classmethod
    def of(cls, engine: Engine) -> Events:
        return cls(engine.has(RETAIN_GRAPH), engine.has(SET_GRAD), engine.has(GRAD_SWITCH))


def sessions(engine: Engine) -> st.SearchStrategy[Session]:
    """Random sessions that the engine can run."""
    if engine.operators.keys().isdisjoint({"add", "multiply"}):
        raise Unsupported("sessions need the operator add or multiply")
    if not engine.accepts_cotangent and engine.max_ndim and "sum" not in engine.operators:
        raise Unsupported("sessions with one-element roots need the operator sum")
    palette = Palette.of(engine, writes=True, detach=True, recording_off=True, often="", passes=MOST_PASSES)
    events = Events.of(engine)
    return SEEDS.map(lambda seed: draw_session(random.Random(seed).randrange, palette, events))


def draw_session(choose: Callable[[int], int], palette: Palette, events: Events) -> Session:
    """One session; `choose(n)` gives a number from 0 to n - 1."""
    drawing = SessionDrawing(choose, palette, events)
    for _ in range(2 + choose(MOST_PASSES - 1)):
        drawing.round()
    return drawing.session()


class SessionDrawing:
    """A session in the making: the drawing of its program, and the events between the steps."""

    def __init__(self, choose: Callable[[int], int], palette: Palette, events: Events) -> None:
        self.choose, self.palette, self.events = choose, palette, events
        self.drawing = Drawing(choose, palette)
        self.rules = Rules(self.drawing.tensors)
        self.turns: list[Turn] = []
        self.latest: list[tuple[int, Step]] = []
        """The steps of this round, each with the number of its result."""
        self.roots: list[tuple[int, ...]] = []
        """Those of all passes so far."""
        self.dropped: set[int] = set()

    def session(self) -> Session:
        inputs, turns = tuple(self.drawing.inputs), tuple(self.turns)
        unit = not self.palette.accepts_cotangent
        return Session(self.drawing.dtype, inputs, turns, self.choose(2**16), unit)

    # ---- one round: some steps, a pass, and what comes after it ----
    def round(self) -> None:
        before, self.latest = self.latest, []
        if self.choose(5) < 2:
            self._repeat(before)
        for _ in range((0 if self.latest else 3) + self.choose(4)):
            if self.events.switch and self.choose(12) == 0:
                self._aside()
            else:
                self._step()
            if self.choose(6) == 0:
                self._drop_something()
        self._pass()
        for happens in (self._gradient, self._gradient, self._update, self._update, self._pass_again):
            if self.choose(5) < 2:
                happens()

    # ---- steps ----
    def _step(self, *, switched_off: bool = False) -> None:
        """Some step, as a rule one that an engine must accept."""
        drawing = self.drawing
        for _ in range(6):
            kind = drawing.kinds[self.choose(len(drawing.kinds))]
            proposed = PROPOSALS[kind][1](drawing)
            if proposed is None:
                continue
            in_block = self.palette.recording_off and proposed.operator != DETACH and self.choose(10) == 0
            if self._add(replace(proposed, recorded=not in_block), switched_off=switched_off):
                return

    def _repeat(self, steps: list[tuple[int, Step]]) -> None:
        """The steps of the round before, as in training: the same graph on new values."""
        again: dict[int, int] = {}
        for number, step in steps:
            operands = tuple(again.get(operand, operand) for operand in step.operands)
            known = all(operand in self.drawing.names for operand in operands)
            if known and self._add(replace(step, operands=operands)) and not step.writes:
                again[number] = len(self.rules.tensors) - 1

    def _aside(self) -> None:
        """Some steps with recording switched off by a call."""
        self.turns.append(Event(SWITCH_OFF))
        for _ in range(1 + self.choose(2)):
            self._step(switched_off=True)
        self.turns.append(Event(SWITCH_ON))

    def _update(self) -> None:
        """A write to a leaf with recording off, as between two rounds of training."""
        operator = self.drawing.one_of([name for name in WRITES if "key" not in STEPS[name].params])
        leaf = self._leaf()
        if operator is None or leaf is None or not self.palette.recording_off:
            return
        shape, memory = self.drawing.shape(leaf), self.rules.tensors[leaf].memory
        others = [y for y in self.drawing.names if self.rules.tensors[y].memory is not memory]
        fitting = [y for y in others if fits(self.drawing.shape(y), shape)]
        if fitting:
            self._add(Step(operator, (leaf, self.drawing.recent(fitting)), recorded=False), seldom=3)

    def _add(self, step: Step, *, switched_off: bool = False, seldom: int = 8) -> bool:
        """Append a step, unless it is not judged; of those that may be refused, one out of `seldom`."""
        taken = replace(step, recorded=False) if switched_off else step
        if (self.rules.may_refuse(taken) and self.choose(seldom)) or not self.drawing.add(taken):
            return False
        self.latest.append((len(self.rules.tensors) - 1, taken))
        self.rules.follow_step(taken)
        self.turns.append(step)
        return True

    # ---- passes ----
    def _pass(self) -> None:
        """From results that nothing has read yet, where there are such."""
        drawing = self.drawing
        able = [number for number in drawing.names if self.rules.tensors[number].history.requires]
        results = [number for number in able if number in drawing.unread and number >= len(drawing.inputs)]
        if able:
            first = drawing.recent(results or able)
            others = [number for number in results if number != first and self.choose(2)]
            self._pass_from((first, *others)[: self.palette.roots])

    def _pass_again(self) -> None:
        """From the roots of an earlier pass."""
        known = [roots for roots in self.roots if self.dropped.isdisjoint(roots)]
        if known:
            self._pass_from(known[self.choose(len(known))])

    def _pass_from(self, roots: tuple[int, ...]) -> None:
        if not self.palette.accepts_cotangent:
            roots = (self._summed(roots[0]),)
            if self.rules.tensors[roots[0]].value.size != 1:  # the sum would be too large
                return
        is_spent = self.rules.is_spent(roots)
        if len(self.roots) == MOST_PASSES or (is_spent and self.choose(2)):
            return
        retaining = self.events.retaining and self.choose(3) == 0
        event = Event(RETAINING_PASS if retaining else PASS, roots)
        self.rules.follow_pass(event)
        self.turns.append(event)
        self.roots.append(roots)
        self.drawing.unread = [number for number in self.drawing.unread if number not in roots]
        self._forget_what_is_spent()

    def _summed(self, number: int) -> int:
        axes = tuple(range(len(self.drawing.shape(number))))
        if axes and self._add(Step("sum", (number,), {"axis": axes, "keepdims": False})):
            return len(self.rules.tensors) - 1
        return number

    def _forget_what_is_spent(self) -> None:
        """As a rule the next graph begins at the leaves."""
        for number in self.drawing.names[:]:
            if self.rules.is_spent([number]) and self.choose(12):
                self._forget(number)
                if self.choose(2):
                    self._drop(number)

    # ---- other events ----
    def _gradient(self) -> None:
        leaf = self._leaf()
        if leaf is not None:
            kinds = (CLEAR, CLEAR, ASSIGN, HOLD, HOLD) if self.events.set_grad else (HOLD,)
            self.turns.append(Event(kinds[self.choose(len(kinds))], (leaf,)))

    def _leaf(self) -> int | None:
        """A leaf whose gradient can be read."""
        inputs = range(len(self.drawing.inputs))
        known = [number for number in inputs if self.rules.tensors[number].history.leaf and number not in self.dropped]
        return known[self.choose(len(known))] if known else None

    def _drop_something(self) -> None:
        """A result that something has read."""
        inputs, unread = len(self.drawing.inputs), self.drawing.unread
        read = [number for number in self.drawing.names if number >= inputs and number not in unread]
        if read:
            number = read[self.choose(len(read))]
            self._forget(number)
            self._drop(number)

    def _forget(self, number: int) -> None:
        """No later step reads this tensor."""
        self.drawing.names.remove(number)
        if number in self.drawing.unread:
            self.drawing.unread.remove(number)

    def _drop(self, number: int) -> None:
        self.dropped.add(number)
        self.turns.append(Event(DROP, (number,)))


def fits(small: Shape, large: Shape) -> bool:
    """Whether a tensor of shape `small` can be written into one of shape `large`."""
    try:
        return np.broadcast_shapes(small, large) == large
    except ValueError:
        return False
