"""Scripts where the engine accepts what it has to refuse, where a function of the clause finds the failure, and where it
matters what the clause still holds."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from script_support import Test, a_clause, error_of, script_of

from autograd_conformance.adapters.torch import Torch
from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import Engine
from autograd_conformance.judge import Failure, equal, refuses
from autograd_conformance.programs.comparing import ABSENT_ZEROS, assert_gradient
from autograd_conformance.scripts.judged import _makes_a_difference
from autograd_conformance.scripts.reproduction import NotReproduced
from autograd_conformance.spelling import template

TWO = np.array(2, np.float32)
Around = Callable[[Engine, Callable[[], None]], None]


class Lenient(Torch):
    """A pass from a constant does nothing."""

    backward = template("outputs[0].backward(cotangents[0]) if outputs[0].requires_grad else None")


REPAIR = (" if c0.requires_grad else None", "")


def in_a_block(engine: Engine, function: Callable[[], None]) -> None:
    with engine.no_grad():
        function()


AROUND: dict[str, Around] = {
    "alone": lambda engine, function: function(),
    "in a block": in_a_block,
    "in a decorated function": lambda engine, function: engine.no_grad_function(function)(),
    "in a thread": lambda engine, function: engine.in_threads(lambda: None, function),
}


def _from_a_constant(around: Around) -> Test:
    """A sum that nobody needs, then a pass that has to be refused, and what is read after it."""

    def test(engine: Engine) -> None:
        leaf, constant = engine.tensor(TWO, requires_grad=True), engine.tensor(TWO)
        engine.apply("add", leaf, leaf)

        def pass_from_constant() -> None:
            engine.backward([constant], [constant])
            engine.is_leaf(constant)

        around(engine, partial(refuses, "a pass from a constant", pass_from_constant))

    return a_clause(test)


@pytest.mark.parametrize("where", AROUND)
def test_what_is_accepted_is_tried(where: str) -> None:
    text = script_of(Lenient(), _from_a_constant(AROUND[where]))
    assert "accepted; expected a refusal: a pass from a constant" in error_of(text)
    assert "x0 + x0" not in text, "a dead step"
    assert text.count('print("holds")') == 1
    assert "is_leaf" in text, "a lazy engine may raise there"
    assert REPAIR[0] in text
    assert error_of(text.replace(*REPAIR)) == ""


def test_a_refusal_of_nothing_has_no_script() -> None:
    def test(engine: Engine) -> None:
        engine.tensor(TWO)
        refuses("nothing", lambda: None)

    with pytest.raises(NotReproduced, match="no call of the engine was made that could have been refused"):
        script_of(Torch(), a_clause(test))


# ---- a failure inside a function of the clause ----
class Undecorated(Torch):
    """A decorated function is the function itself."""

    no_grad_function = template("function")


@pytest.mark.parametrize("where", ["in a decorated function", "in a thread"])
def test_what_is_judged_in_a_function_is_shown_there(where: str) -> None:
    def test(engine: Engine) -> None:
        leaf = engine.tensor(TWO, requires_grad=True)

        def judged() -> None:
            made = engine.apply("multiply", leaf, leaf)
            equal("whether it is a leaf", engine.is_leaf(made), True)
            engine.array(leaf)

        AROUND[where](engine, judged)

    text = script_of(Undecorated(), a_clause(test))
    assert "expected True, got False" in error_of(text)
    assert error_of(text.replace("x0 * x0", "(x0 * x0).detach()")) == ""


# ---- what the clause holds ----
products: Any = weakref.WeakSet()


def product(x: Any, y: Any) -> Any:
    made = x * y
    products.add(made)
    return made


class Jealous(Torch):
    """While a product is alive, nothing else requires gradients."""

    operators = {**Torch.operators, "multiply": product}  # noqa: RUF012
    requires_grad = template("t.requires_grad and not products")


def test_where_it_matters_what_is_alive_the_script_holds_it() -> None:
    def test(engine: Engine) -> None:
        leaf = engine.tensor(TWO, requires_grad=True)
        held = [engine.apply("multiply", leaf, leaf)]
        equal("whether it requires gradients", engine.requires_grad(leaf), True)
        held.clear()

    text = script_of(Jealous(), a_clause(test))
    assert "t1 = product(x0, x0)" in text
    assert "expected True, got False" in error_of(text)
    assert error_of(text.replace(" and (not products)", "")) == ""


class Copies(Torch):
    """Who reads a gradient gets a copy."""

    grad = template("t.grad.clone()")


def test_a_pass_into_a_gradient_that_is_held_stays() -> None:
    def test(engine: Engine) -> None:
        leaf = engine.tensor(TWO, requires_grad=True)
        engine.backward([leaf], [engine.tensor(TWO)])
        held = engine.grad(leaf)
        engine.backward([leaf], [engine.tensor(TWO)])
        equal("the gradient that was held", engine.array(held), np.array(4, np.float32))

    text = script_of(Copies(), a_clause(test))
    assert "Arrays are not equal" in error_of(text)
    assert error_of(text.replace(".clone()", "")) == ""


class Reaches(Torch):
    """A gradient is never absent."""

    grad = template("t.grad if t.grad is not None else t + 2")


def test_a_gradient_of_zeros_may_be_absent_in_the_script_too() -> None:
    def test(engine: Engine) -> None:
        """The engine does what it should."""
        leaf = engine.tensor(TWO, requires_grad=True)
        assert_gradient(engine, "the gradient", engine.grad(leaf), np.zeros((), np.float32))

    clause("made.for-this-test-too", level=CORE, choices=(ABSENT_ZEROS,))(test)
    text = script_of(Reaches(), test)
    assert "Arrays are not equal" in error_of(text)
    assert error_of(text.replace("x0.grad if x0.grad is not None else x0 + 2", "x0.grad")) == ""


# ---- what a failure is about ----
def test_an_earlier_failure_is_another() -> None:
    """A result that, altered, makes another judgement fail is not what this one was about."""
    failure = Failure("wrong", "the gradient", 1, 2)
    assert _makes_a_difference(0, failure, Failure("wrong", "the gradient", 1, 3))
    assert not _makes_a_difference(0, failure, Failure("wrong", "the value", 1, 3))
