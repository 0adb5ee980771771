"""Sessions: everything that the chapters on leaves, passes, accumulation and modes speak of, in any order."""

from typing import Any

import numpy as np

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import TAPE, Engine
from autograd_conformance.judge import assume, chosen, equal, may_refuse, note
from autograd_conformance.programs.comparing import ABSENT_ZEROS, assert_gradient, pass_back
from autograd_conformance.programs.program import Step
from autograd_conformance.programs.session import (
    ASSIGN,
    CLEAR,
    DROP,
    HOLD,
    RETAINING_PASS,
    SWITCH_OFF,
    SWITCH_ON,
    Event,
    Session,
    Turn,
)
from autograd_conformance.programs.session_drawing import sessions
from autograd_conformance.programs.session_model import Held, Model

FOLLOWS = "a gradient that is held changes with the stored one"


@clause(
    "backward.interleaved",
    level=CORE,
    needs=(TAPE,),
    after="accum.adds",
    choices=(ABSENT_ZEROS, FOLLOWS),
    examples=500,
    session=sessions,
)
def test_interleaved(engine: Engine, session: Session) -> None:
    """However building, writing, passing back, clearing, assigning and holding gradients, detaching, switching recording
    and dropping tensors alternate, values and stored gradients are at any time those of what has run, or a call is
    refused.

    Refused may be a call after a write that gave a ground to, and a pass through, or a step on, what an earlier pass went
    through without retaining the graph.  A gradient that was read or assigned, and is held, may change with the stored one
    until that is made absent; then it stays as it is.
    """
    assume(engine.several_roots or all(len(turn.numbers) == 1 for turn in session.turns if isinstance(turn, Event)))
    model = Model(session, engine.aliasing)
    sitting = Sitting(engine, session)
    for turn in session.turns:
        allowed = model.may_refuse
        with may_refuse(allowed, "a call that an engine has no ground to refuse") as attempt:
            sitting.take(turn, model)
            model.turn()
            if isinstance(turn, Event) and (turn.is_pass or turn.kind in (CLEAR, ASSIGN)):
                sitting.check_gradients(model)
        if attempt.refusal:
            note("zone: may refuse, refused")
            return
    with may_refuse(model.rules.ground_given, "reading what an engine has no ground to refuse"):
        sitting.check_gradients(model)
        sitting.check_values(model)


class Sitting:
    """The engine's side of a session: its tensors, and the gradients that are held."""

    def __init__(self, engine: Engine, session: Session) -> None:
        self.engine = engine
        self.tensors: dict[int, Any] = dict(enumerate(session.program.leaves(engine)))
        """By the number that each was made with; those that were dropped are not there."""
        self.held: list[Any] = []

    # ---- turns ----
    def take(self, turn: Turn, model: Model) -> None:
        """On the engine, what `model` is about to do."""
        tensors = [self.tensors[model.rules.names[number]] for number in turn.numbers]
        if isinstance(turn, Step):
            made = turn.run(self.engine, tensors)
            if not turn.writes:
                self.tensors[len(model.tensors)] = made
        else:
            self._happen(turn, tensors, model)

    def _happen(self, event: Event, tensors: list[Any], model: Model) -> None:
        engine = self.engine
        if event.is_pass:
            pass_back(
                engine, tensors, model.arrays(), engine.backward_retaining if event.kind == RETAINING_PASS else None
            )
        elif event.kind == CLEAR:
            engine.set_grad(tensors[0], None)
        elif event.kind == ASSIGN:
            self.held.append(engine.tensor(*model.arrays()))
            engine.set_grad(tensors[0], self.held[-1])
        elif event.kind == HOLD:
            self.held.append(engine.grad(tensors[0]))
        elif event.kind == DROP:
            del self.tensors[model.rules.names[event.numbers[0]]]
        elif event.kind in (SWITCH_OFF, SWITCH_ON):
            engine.set_grad_enabled(event.kind == SWITCH_ON)

    # ---- comparisons ----
    def check_gradients(self, model: Model) -> None:
        for leaf, expected in model.gradients.items():
            if leaf in self.tensors:
                assert_gradient(self.engine, f"the gradient of x{leaf}", self.engine.grad(self.tensors[leaf]), expected)
        for gradient, held in zip(self.held, model.held, strict=True):
            if gradient is not None:
                self._check_held(self.engine.array(gradient), held)

    def _check_held(self, got: Any, held: Held) -> None:
        if any(np.array_equal(got, value) for value in held.values[1:]):
            chosen(FOLLOWS)
        else:
            equal(f"the gradient of x{held.leaf} that is held", got, held.values[0])

    def check_values(self, model: Model) -> None:
        """Of all tensors that were not dropped."""
        for number, tensor in self.tensors.items():
            value = model.tensors[number].value.astype(model.program.dtype)
            equal(f"the value of {model.program.label(number)}", self.engine.array(tensor), value)
