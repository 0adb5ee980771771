"""What must hold in a session, without a graph: the oracle's values and derivatives, carried along turn by turn."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from autograd_conformance.engine import Array
from autograd_conformance.programs.legality import Illegal
from autograd_conformance.programs.oracle import Oracle, pull_back
from autograd_conformance.programs.program import Step
from autograd_conformance.programs.session import ASSIGN, CLEAR, DROP, HOLD, SWITCH_OFF, SWITCH_ON, Event, Session
from autograd_conformance.programs.session_rules import Rules


@dataclass
class Held:
    """A gradient that was read, or assigned, and is held: it may follow the stored one until that is made absent."""

    leaf: int
    values: list[Array]
    """What it may be: the gradient when it was read, and what has become of that since."""
    follows: bool = True


class Model:
    """The state of a session after some of its turns; `turn` takes the next one."""

    def __init__(self, session: Session, aliasing: Collection[str]) -> None:
        self.session, self.program = session, session.program
        self.oracle = Oracle(aliasing)
        self.tensors = self.oracle.inputs(self.program.arrays, [each.requires_grad for each in session.inputs])
        self.rules = Rules(self.tensors)
        self.gradients = {number: np.zeros_like(self.program.arrays[number]) for number in self.program.leaf_numbers}
        """Leaf -> what is stored on it; zeros stand for an absent gradient as well."""
        self.held: list[Held] = []
        self.dropped: set[int] = set()
        self.recording = True
        self.place = 0

    @property
    def may_refuse(self) -> bool:
        """Whether an engine may raise at the next turn."""
        turn = self.session.turns[self.place]
        return self.rules.may_refuse(self._step if isinstance(turn, Step) else turn)

    @property
    def _step(self) -> Step:
        """The next step, as it is recorded."""
        return self.program.steps[len(self.rules.steps)]

    def alive(self, number: int) -> bool:
        return self.rules.names[number] not in self.dropped

    # ---- the next turn ----
    def turn(self) -> None:
        """Raises `Illegal` for what no session may contain."""
        turn = self.session.turns[self.place]
        if not all(map(self.alive, turn.numbers)):
            raise Illegal("a tensor that was dropped")
        if isinstance(turn, Step):
            self.tensors.append(self.oracle.apply(self._step, [self.tensors[number] for number in turn.numbers]))
            self.rules.follow_step(self._step)
        else:
            self._event(turn)
        self.place += 1

    def _event(self, event: Event) -> None:
        if event.is_pass:
            self._pass(event)
        elif event.kind in (CLEAR, ASSIGN, HOLD):
            self._gradient(event.kind, *event.numbers)
        elif event.kind == DROP:
            self.dropped.add(self.rules.names[event.numbers[0]])
        elif event.kind in (SWITCH_OFF, SWITCH_ON):
            self.recording = event.kind == SWITCH_ON

    def _pass(self, event: Event) -> None:
        roots = [self.tensors[number] for number in event.numbers]
        if not self.recording or not all(root.history.requires for root in roots):
            raise Illegal("a pass with recording off, or from a root that requires no gradient")
        if self.session.unit_cotangent and any(root.value.size != 1 for root in roots):
            raise Illegal("a pass from a root of several elements, which an engine takes no cotangent for")
        gradients = pull_back(self.program, roots, self.arrays()).gradients
        for leaf in self.gradients:
            self._store(leaf, np.asarray(self.gradients[leaf] + gradients[leaf]))
        self.rules.follow_pass(event)

    def arrays(self) -> tuple[Array, ...]:
        """The cotangents of the next turn, or the gradient that it assigns."""
        turn = self.session.turns[self.place]
        assert isinstance(turn, Event)
        return self.session.arrays(self.place, [self.tensors[number].value.shape for number in turn.numbers])

    def _store(self, leaf: int, gradient: Array) -> None:
        self.gradients[leaf] = gradient
        for each in self.held:
            if each.leaf == leaf and each.follows:
                each.values.append(gradient)

    def _gradient(self, kind: str, leaf: int) -> None:
        if leaf not in self.gradients:
            raise Illegal("the gradient of a tensor that is no leaf")
        if kind == CLEAR:
            self.gradients[leaf] = np.zeros_like(self.gradients[leaf])
            for each in self.held:
                each.follows &= each.leaf != leaf
            return
        if kind == ASSIGN:  # some engines copy it into the gradient that is there
            self._store(leaf, *self.arrays())
        self.held.append(Held(leaf, [self.gradients[leaf]]))
