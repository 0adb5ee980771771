"""A clause run once more, for its script: recorded, in a fresh world, and nothing of it is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from autograd_conformance import judge
from autograd_conformance.clauses import Clause
from autograd_conformance.engine import Engine
from autograd_conformance.judging.world import World
from autograd_conformance.scripts.recording import Alteration, Recorder

FILE = "<reproduction>"


class NotReproduced(Exception):
    """No script can be made of a failure; says why."""


def refuse_what_is_not_printed(engine: Engine) -> None:
    """Raises NotReproduced where the adapter does what no script shows."""
    if type(engine).apply is not Engine.apply:
        raise NotReproduced(f"{type(engine).__name__} has its own `apply`, and what that does is in no script")


def recorded(
    recorder: Recorder, clause: Clause, case: Mapping[str, Any], altered: Alteration | None = None
) -> tuple[Recorder, BaseException | None]:
    """`clause` run on `case` through `recorder`, and the error that it ended with; what it counts and notes is forgotten."""
    engine = recorder.engine
    counters = (engine.used, judge.notes)
    before = [counter.copy() for counter in counters]
    world = World(recorder, clause.id)
    recorder.forget(altered)

    def run() -> None:
        clause.function(recorder, **case)
        world.check()

    error = in_a_fresh_world(engine, run)
    for counter, content in zip(counters, before, strict=True):
        counter.clear()
        counter.update(content)
    return recorder, error


def in_a_fresh_world(engine: Engine, run: Callable[[], object]) -> BaseException | None:
    """The error that `run` ends with, or None."""
    with World(engine, FILE) as world:
        world.enter()
        try:
            run()
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever the engine raises
            return error
        finally:
            world.leave()
    return None
