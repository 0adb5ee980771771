"""Smaller sessions made from a session that fails, by what makes programs smaller: to that, an event is one more step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from autograd_conformance.judge import Reject
from autograd_conformance.programs.exactness import exact_passes_of
from autograd_conformance.programs.program import Program, Step
from autograd_conformance.programs.session import DROP, PASS, RETAINING_PASS, TEXTS, Event, Session, Turn
from autograd_conformance.programs.session_drawing import MOST_PASSES
from autograd_conformance.programs.session_model import Model
from autograd_conformance.programs.shrinking import ALIASING, candidates, without_unused_inputs


def simpler(session: Session) -> Iterator[Session]:
    """Candidates, the smallest first in each kind; each is legal on some kind of engine."""
    for candidate in _candidates(session):
        smaller = _as_session(without_unused_inputs(replace(candidate, roots=())))
        if smaller != session and _is_legal(smaller):
            yield smaller


def _candidates(session: Session) -> Iterator[Program]:
    program = _as_program(session)
    first, *others = candidates(program, _shapes(session))
    yield first
    yield from _without_many(program)
    for place in reversed(range(len(program.steps))):
        yield from _without_event(program, place)
    yield from others


def _without_many(program: Program) -> Iterator[Program]:
    """Half of the turns at a time left out, then all events of a kind, then all that nothing refers to; no pass retains."""
    places = range(len(program.steps))
    if RETAINING_PASS in program.skeleton():
        plain = (replace(each, operator=PASS) if each.operator == RETAINING_PASS else each for each in program.steps)
        yield replace(program, steps=tuple(plain))
    yield from (_left_out(program, set(places[:count])) for count in (len(places) // 2, len(places) // 4) if count)
    for kind in TEXTS:
        if some := {place for place in places if program.steps[place].operator == kind}:
            yield _left_out(program, some)
    yield _without_results(program, {number for step in program.steps for number in step.operands})
    yield _without_results(program, set().union(*(step.operands for step in program.steps if step.operator != DROP)))


def _without_results(program: Program, needed: set[int]) -> Program:
    """Without the results that are not `needed`, and without events that drop them."""
    results = {
        place
        for place, step in enumerate(program.steps, len(program.inputs))
        if step.operator not in TEXTS and not step.writes and place not in needed
    }
    numbered = enumerate(program.steps, len(program.inputs))
    drops = {number for number, step in numbered if step.operator == DROP and step.operands[0] in results}
    return _left_out(program, {number - len(program.inputs) for number in results | drops})


def _without_event(program: Program, place: int) -> Iterator[Program]:
    """An event left out, or one of the roots of a pass, or that it retains the graph."""
    step = program.steps[place]
    if step.operator not in TEXTS:
        return
    yield _left_out(program, {place})
    others: list[Step] = [replace(step, operator=PASS)] if step.operator == RETAINING_PASS else []
    if len(step.operands) > 1:
        parts = (step.operands[:each] + step.operands[each + 1 :] for each in range(len(step.operands)))
        others += [replace(step, operands=roots) for roots in parts]
    for other in others:
        yield replace(program, steps=(*program.steps[:place], other, *program.steps[place + 1 :]))


def _left_out(program: Program, places: set[int]) -> Program:
    """Without these steps; what refers to one of them, refers to its first operand instead."""
    count = len(program.inputs)
    moved = {number: number for number in range(count)}
    steps: list[Step] = []
    for place, step in enumerate(program.steps):
        if place not in places:
            moved[count + place] = count + len(steps)
            steps.append(replace(step, operands=tuple(moved[number] for number in step.operands)))
        elif step.operands:
            moved[count + place] = moved[step.operands[0]]
    return replace(program, steps=tuple(steps))


def _is_legal(session: Session) -> bool:
    for aliasing in ALIASING:
        with suppress(Reject, ValueError, IndexError):  # a turn is not judged, or shapes no longer fit together
            if exact_passes_of(session.program, aliasing) >= MOST_PASSES:
                model = Model(session, aliasing)
                for _ in session.turns:
                    model.turn()
                return True
    return False


# ---- events as steps ----
def _as_program(session: Session) -> Program:
    """Tensors are numbered by turns, events included, which no one refers to.  A root, so that leaves stay leaves."""
    numbers = list(range(len(session.inputs)))
    steps = []
    for place, turn in enumerate(session.turns, len(session.inputs)):
        if isinstance(turn, Step):
            numbers.append(place)
            steps.append(replace(turn, operands=tuple(numbers[each] for each in turn.operands)))
        else:
            steps.append(Step(turn.kind, tuple(numbers[each] for each in turn.numbers)))
    return replace(session.program, steps=tuple(steps), roots=(0,))


def _as_session(program: Program) -> Session:
    """The other way round."""
    moved = {number: number for number in range(len(program.inputs))}
    turns: list[Turn] = []
    for number, step in enumerate(program.steps, len(program.inputs)):
        numbers = tuple(moved[each] for each in step.operands)
        if step.operator in TEXTS:
            turns.append(Event(step.operator, numbers))
        else:
            moved[number] = len(moved)
            turns.append(replace(step, operands=numbers))
    return Session(program.dtype, program.inputs, tuple(turns), program.seed, program.unit_cotangent)


def _shapes(session: Session) -> list[tuple[int, ...] | None]:
    model = Model(session, ())
    shapes: list[tuple[int, ...] | None] = [each.shape for each in session.inputs]
    for turn in session.turns:
        model.turn()
        shapes.append(model.tensors[-1].value.shape if isinstance(turn, Step) else None)
    return shapes
