"""A script of a process that ended is tried before it is handed out, and says no more than what matters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from script_support import a_clause

from autograd_conformance.adapters.autograd import Autograd
from autograd_conformance.engine import Engine
from autograd_conformance.scripts.fatal import End, FatalScript, Place, count_to_the_end
from autograd_conformance.scripts.rerun import NotReproduced

CRASH = End("the process died: Segmentation fault", -11, None)
HANG = End("no end within the time for one example (--impl-timeout)", 1, 5.0)


def _sums(engine: Engine) -> None:
    two = engine.tensor(np.array(2, np.float32))
    engine.apply("add", engine.apply("negative", two), two)


SUMS: Any = vars(a_clause(_sums)).pop("clause")  # or pytest would collect it


def places(engine: Engine) -> list[Place]:
    found: list[Place] = []
    count_to_the_end(engine, SUMS, {}, found.append)
    return found


def test_every_handover_is_a_place_and_the_last_is_freeing() -> None:
    assert [place.number for place in places(Autograd())] == list(range(1, len(places(Autograd())) + 1))
    assert [place.stage for place in places(Autograd())] == ["engine", "clause"] * 3 + ["freeing"]


@pytest.mark.parametrize("end", [CRASH, HANG], ids=["crash", "hang"])
@pytest.mark.parametrize("place", [Place(5, "engine"), Place(7, "freeing")], ids=lambda place: place.stage)
def test_a_script_that_does_not_show_it_is_not_handed_out(end: End, place: Place) -> None:
    with pytest.raises(NotReproduced, match="its script does not show it: it runs to its end"):
        FatalScript(Autograd(), SUMS, {}, place, end).text()


class Raising(Autograd):
    operators = {**Autograd.operators, "add": "x.nonesuch"}  # noqa: RUF012  the contract's own spelling


def test_an_exception_is_no_crash() -> None:
    status_of_an_exception = End("the process ended without a trace", 1, None)
    with pytest.raises(NotReproduced, match=r"it raises .*AttributeError"):
        FatalScript(Raising(), SUMS, {}, Place(5, "engine"), status_of_an_exception).text()


class Crashing(Autograd):
    operators = {**Autograd.operators, "add": "__import__('ctypes').string_at(0)"}  # noqa: RUF012  the same


def test_another_end_is_not_that_end() -> None:
    for end in (End("the process died: Aborted", -6, None), HANG):
        with pytest.raises(NotReproduced, match=f"it ends with status -11, expected {end.status}"):
            FatalScript(Crashing(), SUMS, {}, Place(5, "engine"), end).text()


def test_steps_that_the_last_call_does_not_need_are_left_out() -> None:
    text = FatalScript(Crashing(), SUMS, {}, Place(5, "engine"), CRASH).text()
    assert "string_at(0)" in text and "string_at(0)" in text.splitlines()[-2]
    assert "-x0" in text, "its operand is needed"


def test_a_place_that_is_not_reached_or_not_in_a_call() -> None:
    with pytest.raises(NotReproduced, match="did not come to the call"):
        FatalScript(Autograd(), SUMS, {}, Place(99, "engine"), CRASH)
    with pytest.raises(NotReproduced, match="no call of the engine was under way"):
        FatalScript(Autograd(), SUMS, {}, Place(2, "clause"), CRASH)
