"""A script has no step that its failure does not need, and never claims what it does not show."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from faulty_torch import LeakyDetach, StaysOff, WrongProduct
from script_support import a_clause, calls_of, script_of

from autograd_conformance.adapters.torch import Torch
from autograd_conformance.engine import Engine
from autograd_conformance.judge import Failure, equal
from autograd_conformance.scripts import reproduction
from autograd_conformance.scripts.reproduction import NotReproduced, script

TWO = np.array(2, np.float32)


def _idle(engine: Engine) -> None:
    x = engine.tensor(TWO, requires_grad=True)
    engine.apply("add", x, engine.tensor(TWO))
    with engine.no_grad():
        engine.requires_grad(x)
    y = engine.apply("multiply", engine.detach(x), x)
    engine.array(y)
    engine.backward([y], [engine.tensor(TWO)])
    equal("the gradient", engine.array(engine.grad(x)), np.array(4, np.float32))
    engine.array(x)


def _unread_pass(engine: Engine) -> None:
    x = engine.tensor(TWO, requires_grad=True)
    engine.backward([engine.apply("multiply", x, x)], [engine.tensor(TWO)])
    equal("whether it requires gradients", engine.requires_grad(engine.detach(x)), False)


def _other_tensors(engine: Engine) -> None:
    for expected in (4, 6, 4):
        x, y = engine.tensor(TWO, requires_grad=True), engine.tensor(TWO + expected - 4, requires_grad=True)
        engine.backward([engine.apply("multiply", y, x)], [engine.tensor(TWO)])
        gradient = engine.array(engine.grad(x))
    equal("the gradient", gradient, TWO + 2)


def _without(lines: list[str], place: int) -> str:
    return "\n".join(line for number, line in enumerate(lines) if number != place)


def _fails_alike(text: str, whole: str) -> bool:
    """Whether `text` ends as `whole` does."""
    return _ending(text) == _ending(whole)


def _ending(text: str) -> str:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(text, "<script>", "exec"), {})  # noqa: S102  our own text
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    return ""


def _needless(text: str) -> list[str]:
    """The lines without which the script fails in the same way."""
    lines = text.splitlines()
    return [
        line
        for place, line in enumerate(lines)
        if line in calls_of(text)[:-1] and _fails_alike(_without(lines, place), text)
    ]


@pytest.mark.parametrize(
    ("clause", "engine"), [(_idle, WrongProduct()), (_unread_pass, LeakyDetach()), (_other_tensors, WrongProduct())]
)
def test_every_step_matters(clause: Callable[[Engine], None], engine: Engine) -> None:
    assert _needless(script_of(engine, a_clause(clause))) == []


def test_dead_steps_are_seen_by_the_test_above(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduction, "prune", lambda *_: False)
    assert len(_needless(script_of(WrongProduct(), a_clause(_idle)))) >= 2


def test_an_idle_step_that_the_failure_hangs_on_stays() -> None:
    def clause(engine: Engine) -> None:
        x = engine.tensor(TWO, requires_grad=True)
        with contextlib.suppress(ArithmeticError), engine.no_grad():
            raise ArithmeticError
        equal("whether it requires gradients", engine.requires_grad(engine.apply("add", x, x)), True)

    assert "raise ArithmeticError" in script_of(StaysOff(), a_clause(clause))


def test_the_judged_value_is_known_by_its_cause() -> None:
    """The judged False is the first answer; the later one has the same value and is not judged."""

    def clause(engine: Engine) -> None:
        x, constant = engine.tensor(TWO, requires_grad=True), engine.tensor(TWO)
        required = engine.requires_grad(engine.detach(x)), engine.requires_grad(constant)
        equal("whether a detached tensor requires gradients", required[0], True)

    text = script_of(Torch(), a_clause(clause))
    assert "x0.detach()" in text and calls_of(text)[-4].endswith("t1.requires_grad")


def test_presence_of_a_gradient_is_shown_as_such() -> None:
    def clause(engine: Engine) -> None:
        x = engine.tensor(TWO, requires_grad=True)
        equal("whether there is a gradient", engine.grad(x) is not None, True)

    assert "got = g0 is not None" in script_of(Torch(), a_clause(clause))


def test_no_script_for_a_value_that_the_clause_computed() -> None:
    def clause(engine: Engine) -> None:
        x = engine.tensor(TWO)
        equal("a sum", engine.array(x) + engine.array(x), np.array(5, np.float32))

    with pytest.raises(NotReproduced, match="computed"):
        script_of(Torch(), a_clause(clause))


def test_no_script_for_what_does_not_fail_again() -> None:
    runs = iter([3.0, 4.0])

    def clause(engine: Engine) -> None:
        value = np.array(next(runs), np.float32)
        equal("a value", engine.array(engine.tensor(value)), TWO)

    with pytest.raises(NotReproduced, match="not fail in the same way"):
        script_of(Torch(), a_clause(clause))


def test_no_script_for_an_error_of_the_suite() -> None:
    def clause(engine: Engine) -> None:
        engine.tensor(TWO)
        raise LookupError("a defect of the clause")

    with pytest.raises(NotReproduced, match="no call of the engine raised"):
        script_of(Torch(), a_clause(clause))


def test_no_script_of_an_adapter_that_stands_between() -> None:
    class Between(Torch):
        def apply(self, operator: str, *tensors: Any, **params: Any) -> Any:
            return super().apply("add", *tensors, **params)

    def clause(engine: Engine) -> None:
        x = engine.tensor(TWO)
        equal("a product", engine.array(engine.apply("multiply", x, engine.apply("add", x, x))), TWO)

    with pytest.raises(NotReproduced, match="its own `apply`"):
        script_of(Between(), a_clause(clause))


def test_a_script_that_holds_is_not_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judgement is taken back: what is printed then cannot fail."""

    def clause(engine: Engine) -> None:
        equal("a value", engine.array(engine.tensor(TWO)), np.array(3, np.float32))

    made = a_clause(clause)
    failure = Failure("wrong", "a value", np.array(3, np.float32), TWO)
    monkeypatch.setattr(reproduction, "closing", lambda *_: ["expected = got"])
    with pytest.raises(NotReproduced, match="runs to its end"):
        script(Torch(), made.clause, {}, failure)  # type: ignore[attr-defined]
