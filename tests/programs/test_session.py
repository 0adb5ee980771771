"""Sessions: as data, what an engine may refuse in them, what must come out, how they are drawn and made smaller."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.judge import Reject
from autograd_conformance.judging import cases
from autograd_conformance.programs.palette import Palette
from autograd_conformance.programs.program import DETACH, Input, Step
from autograd_conformance.programs.session import (
    ASSIGN,
    CLEAR,
    DROP,
    HOLD,
    PASS,
    RETAINING_PASS,
    SWITCH_OFF,
    SWITCH_ON,
    TEXTS,
    Event,
    Session,
    Turn,
)
from autograd_conformance.programs.session_drawing import MOST_PASSES, Events, draw_session
from autograd_conformance.programs.session_model import Model

PALETTE = Palette.of(Reference(), writes=True, detach=True, recording_off=True, often="", passes=MOST_PASSES)
DRAWN = [
    draw_session(random.Random(seed).randrange, PALETTE, Events(retaining=True, set_grad=True, switch=True))
    for seed in range(300)
]
SQUARE = Step("multiply", (0, 0))


def session(*turns: Turn, inputs: tuple[Input, ...] = (Input(()),)) -> Session:
    return Session("float64", inputs, turns)


def model(made: Session) -> Model:
    """After all turns, on an engine where all views alias."""
    after = Model(made, PALETTE.aliasing)
    for _ in made.turns:
        after.turn()
    return after


def may_refuse(*turns: Turn, inputs: tuple[Input, ...] = (Input(()), Input(()))) -> bool:
    """The last of the turns."""
    made = session(*turns, inputs=inputs)
    before = Model(made, PALETTE.aliasing)
    for _ in turns[:-1]:
        before.turn()
    return before.may_refuse


# ---- as data ----
def test_what_is_written_is_read_again() -> None:
    for each in DRAWN[:50]:
        assert Session.from_json(each.to_json()) == each
        assert cases.decode(cases.encode({"session": each})) == {"session": each}


ALL_EVENTS = session(
    SQUARE,
    Event(HOLD, (0,)),
    Event(RETAINING_PASS, (1,)),
    Event(CLEAR, (0,)),
    Event(PASS, (1, 0)),
    Event(ASSIGN, (0,)),
    Event(SWITCH_OFF),
    Step("add", (0, 1), recorded=False),
    Event(DROP, (1,)),
    Event(SWITCH_ON),
)


def test_it_prints_as_code() -> None:
    assert str(ALL_EVENTS).splitlines() == [
        "x0 = leaf(-1)",
        "t1 = multiply(x0, x0)",
        "hold on to the gradient of x0",
        "backward from t1, retaining the graph",
        "make the gradient of x0 absent",
        "backward from t1, x0",
        "assign a new gradient to x0",
        "switch recording off",
        "with no_grad: t2 = add(x0, t1)",
        "drop t1",
        "switch recording on",
        "cotangents: small integers, seed 0; float64",
    ]
    assert {turn.kind for turn in ALL_EVENTS.turns if isinstance(turn, Event)} == set(TEXTS)


def test_a_step_is_recorded_where_neither_block_nor_switch_is_in_the_way() -> None:
    made = session(SQUARE, Event(SWITCH_OFF), SQUARE, Event(SWITCH_ON), SQUARE, replace(SQUARE, recorded=False))
    assert [step.recorded for step in made.program.steps] == [True, False, True, False]


@pytest.mark.parametrize(
    ("turn", "complaint"),
    [
        ({"event": "nap", "tensors": []}, "event 'nap', expected one of pass, retaining pass"),
        ({"event": "drop", "tensors": [7]}, r"tensors \(7,\) are not made before it"),
        ({"event": "drop", "tensors": [0, 0]}, "too few or too many"),
        ({"event": "pass", "tensors": []}, "too few or too many"),
        ({"event": "drop"}, "lacks 'tensors'"),
        ({"operator": "negative", "operands": [3], "params": {}}, "operands"),
    ],
)
def test_what_is_no_session_is_refused(turn: object, complaint: str) -> None:
    data = {**session().to_json(), "turns": [turn]}
    with pytest.raises(ValueError, match=complaint):
        Session.from_json(data)


# ---- what may be refused ----
def test_a_second_pass_may_be_refused_unless_the_first_one_retained_the_graph() -> None:
    assert may_refuse(SQUARE, Event(PASS, (2,)), Event(PASS, (2,)))
    assert not may_refuse(SQUARE, Event(RETAINING_PASS, (2,)), Event(PASS, (2,)))
    assert not may_refuse(SQUARE, SQUARE, Event(PASS, (2,)), Event(PASS, (3,)))
    assert not may_refuse(Event(PASS, (0,)), Event(PASS, (0,)))


def test_a_pass_through_a_part_that_was_freed_may_be_refused() -> None:
    steps = (SQUARE, Step("negative", (2,)), Step("negative", (2,)))
    assert may_refuse(*steps, Event(PASS, (3,)), Event(PASS, (4,)))


def test_a_step_on_what_was_freed_may_be_refused_and_one_on_its_leaf_may_not() -> None:
    assert may_refuse(SQUARE, Event(PASS, (2,)), Step("negative", (2,)))
    assert not may_refuse(SQUARE, Event(PASS, (2,)), Step("negative", (0,)))
    assert not may_refuse(SQUARE, Event(PASS, (2,)), Step(DETACH, (2,)))
    assert not may_refuse(SQUARE, Event(PASS, (2,)), Step("negative", (2,), recorded=False))


def test_views_of_a_leaf_do_not_make_it_a_part_of_what_was_freed() -> None:
    view = Step("reshape", (0,), {"shape": (1,)})
    assert not may_refuse(view, Event(PASS, (2,)), Step("negative", (0,)))
    assert may_refuse(view, Event(PASS, (2,)), Event(PASS, (2,)))


def test_a_leaf_may_be_updated_once_all_that_needs_its_value_was_passed_through() -> None:
    update = Step("add_", (0, 1), recorded=False)
    assert may_refuse(SQUARE, update)
    assert not may_refuse(SQUARE, Event(PASS, (2,)), update)
    assert may_refuse(SQUARE, Event(RETAINING_PASS, (2,)), update)
    assert may_refuse(SQUARE, SQUARE, Event(PASS, (2,)), update)
    detached_on_the_way = (SQUARE, Step(DETACH, (2,)), Step("multiply", (3, 1)))
    assert may_refuse(*detached_on_the_way, Event(PASS, (4,)), update)


def test_after_a_ground_was_given_everything_may_be_refused() -> None:
    update = Step("add_", (0, 1), recorded=False)
    assert may_refuse(SQUARE, update, Event(HOLD, (1,)))


# ---- what must come out ----
def test_gradients_add_up_over_graphs_until_they_are_replaced() -> None:
    made = session(SQUARE, Event(PASS, (1,)), Step("add_", (0, 0), recorded=False))
    with pytest.raises(Reject):  # the operand overlaps the target
        model(made)
    update = Step("add_", (0, 1), recorded=False)
    made = session(SQUARE, Event(PASS, (1,)), update, Step("multiply", (0, 0)), Event(PASS, (3,)))
    x, (first,), (second,) = made.program.arrays[0], made.arrays(1, [()]), made.arrays(4, [()])
    assert model(made).gradients[0] == 2 * x * first + 2 * (x + x * x) * second
    cleared = replace(made, turns=(*made.turns[:4], Event(CLEAR, (0,)), Event(PASS, (3,))))
    assert model(cleared).gradients[0] == 2 * (x + x * x) * made.arrays(5, [()])[0]
    assigned = replace(made, turns=(*made.turns, Event(ASSIGN, (0,))))
    assert model(assigned).gradients[0] == made.arrays(5, [()])[0]


def test_a_gradient_that_is_held_may_change_with_the_stored_one_until_that_is_absent() -> None:
    passed = Event(PASS, (0,))
    made = session(passed, Event(HOLD, (0,)), passed, Event(CLEAR, (0,)), passed)
    first, second = (made.arrays(place, [()])[0] for place in (0, 2))
    (held,) = model(made).held
    np.testing.assert_array_equal(held.values, [first, first + second])
    assigned = session(passed, Event(HOLD, (0,)), Event(ASSIGN, (0,)))
    np.testing.assert_array_equal(model(assigned).held[0].values, [first, assigned.arrays(2, [()])[0]])


@pytest.mark.parametrize(
    "turns",
    [
        (SQUARE, Event(DROP, (1,)), Event(PASS, (1,))),
        (SQUARE, Event(CLEAR, (1,))),
        (Step(DETACH, (0,)), Event(PASS, (1,))),
        (Event(SWITCH_OFF), Event(PASS, (0,))),
    ],
)
def test_what_is_not_judged(turns: tuple[Turn, ...]) -> None:
    with pytest.raises(Reject):
        model(session(*turns))


def test_an_engine_without_cotangents_starts_at_one_element() -> None:
    made = replace(session(Event(PASS, (0,)), inputs=(Input((2,)),)), unit_cotangent=True)
    with pytest.raises(Reject):
        model(made)


# ---- drawing ----
def test_every_session_that_is_drawn_is_legal() -> None:
    for each in DRAWN:
        model(each)


def test_what_is_drawn() -> None:
    kinds = Counter(kind for each in DRAWN for kind in set(each.skeleton()))
    passes = [sum(turn.is_pass for turn in each.turns if isinstance(turn, Event)) for each in DRAWN]
    assert {each for each in TEXTS if kinds[each] < len(DRAWN) / 5} == set()
    assert max(passes) <= MOST_PASSES and sum(passes) > 3 * len(DRAWN)
    refusable = sum(_grounds(each) for each in DRAWN)
    assert len(DRAWN) / 10 < refusable < len(DRAWN) / 2


def _grounds(each: Session) -> bool:
    """Whether some turn may be refused."""
    after = Model(each, PALETTE.aliasing)
    found = False
    for _ in each.turns:
        found |= after.may_refuse
        after.turn()
    return found


def test_events_that_an_engine_lacks_are_not_drawn() -> None:
    few = Events(retaining=False, set_grad=False, switch=False)
    drawn = [draw_session(random.Random(seed).randrange, PALETTE, few) for seed in range(50)]
    assert {kind for each in drawn for kind in each.skeleton()} & set(TEXTS) == {PASS, HOLD, DROP}


def test_an_engine_without_cotangents_is_given_one_element_roots() -> None:
    palette = replace(PALETTE, accepts_cotangent=False, roots=1)
    for seed in range(50):
        drawn = draw_session(random.Random(seed).randrange, palette, Events(retaining=True, set_grad=True, switch=True))
        assert drawn.unit_cotangent
        model(drawn)


# ---- shrinking ----
def shrunk(made: Session, fails: object) -> Session:
    """The first smaller one that fails, again and again."""
    while (smaller := next((each for each in made.simpler() if fails(each)), None)) is not None:  # type: ignore[operator]
        made = smaller
    return made


@pytest.mark.parametrize("kinds", [(CLEAR, PASS), (HOLD, RETAINING_PASS), ("multiply_", PASS), (DROP, PASS)])
def test_a_session_shrinks_to_the_turns_that_matter(kinds: tuple[str, ...]) -> None:
    """Here: those that come in this order.  A write may need a tensor, or a switch, to be legal."""

    def fails(each: Session) -> bool:
        rest = iter(each.skeleton())
        return all(kind in rest for kind in kinds)

    found = [shrunk(each, fails) for each in list(filter(fails, DRAWN))[:3]]
    assert len(found) == 3
    assert [each for each in found if len(each.turns) > len(kinds) + 2] == []


def test_smaller_sessions_are_legal_and_others() -> None:
    for each in DRAWN[:3]:
        for smaller in each.simpler():
            assert smaller != each
            Session.from_json(smaller.to_json())
