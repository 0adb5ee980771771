"""Templates: what they mean, and what is said of those that are none."""

from __future__ import annotations

import traceback
from typing import Any, ClassVar

import numpy as np
import pytest
from toy import Tape, Toy
from toy_child import Inherits, SpellsAnew

from autograd_conformance.engine import Engine
from autograd_conformance.spelling import template


def test_expressions_over_the_parameters() -> None:
    assert Toy().apply("add", 1, 2) == 30
    matrix = np.arange(6).reshape(2, 3)
    assert Toy().apply("permute_dims", matrix, axes=(1, 0)).shape == (3, 2)


def test_any_number_of_tensors() -> None:
    parts = [np.array([each]) for each in (1, 2, 3)]
    assert Toy().apply("concat", *parts, axis=0).tolist() == [1, 2, 3]


def test_statements() -> None:
    x = np.zeros(3)
    assert Toy().apply("add_", x, np.ones(3)) is None
    assert Toy().apply("setitem_", x, 5, key=(slice(0, 2),)) is None
    assert x.tolist() == [5, 5, 1]


def test_device_is_that_of_the_instance() -> None:
    assert [Toy().tensor(np.zeros(1))[1], Toy("cuda").tensor(np.zeros(1), requires_grad=True)[1:]] == [
        "cpu",
        ("cuda", True),
    ]


def test_verbs_keep_their_parameters_and_defaults() -> None:
    with pytest.raises(TypeError, match="positional"):
        Toy().tensor(np.zeros(1), True)
    assert Toy().tensor(np.zeros(1))[2] is False


def test_the_text_is_kept_for_printing_and_in_tracebacks() -> None:
    assert vars(Toy._compiled["add"])["template"] == "(x + y) * scale"
    assert vars(Toy.tensor)["template"].startswith("(array.copy()")
    with pytest.raises(ZeroDivisionError) as caught:
        Toy().apply("negative", 1)
    shown = "".join(traceback.format_exception(caught.value))
    assert "<spelling Toy.negative>" in shown and "explode(x)" in shown


def test_functions_do_not_see_the_engine() -> None:
    class Sums(Engine):
        operators: ClassVar[Any] = {"add": lambda *arguments: arguments}

    assert Sums().apply("add", 1, 2) == (1, 2)


def test_operators_really_applied_are_counted() -> None:
    engine = Toy()
    for _ in range(3):
        engine.apply("add", 1, 2)
    with pytest.raises(ZeroDivisionError):
        engine.apply("negative", 1)
    assert engine.used == {"add": 3, "negative": 1}
    assert Toy().used == {}


# ---- inheriting ----
def test_inherited_operators_keep_the_names_of_their_module() -> None:
    assert Inherits().apply("add", 1, 2) == 30
    assert SpellsAnew().apply("add", 3, 2) == 1000
    assert SpellsAnew().apply("permute_dims", np.zeros((1, 2)), axes=(1, 0)).shape == (2, 1)


def test_a_dropped_operator_is_gone() -> None:
    assert Inherits.has("add_") and not SpellsAnew.has("add_")
    with pytest.raises(KeyError, match="add_"):
        SpellsAnew().apply("add_", 1, 2)


def test_verbs_are_inherited() -> None:
    class Child(Tape):
        grad = template("'mine'")

    assert Child().grad(1) == "mine" and Child().detach(1) == 1 and Tape().grad(1) == (1, "grad")


# ---- mistakes ----
def make(**body: Any) -> type[Engine]:
    return type("Broken", (Engine,), {"__module__": __name__, **body})


def complaint(error: BaseException) -> str:
    """Before Python 3.12 an error in `__set_name__` comes wrapped."""
    return str(error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error)


@pytest.mark.parametrize("verb", ["grad", "tensor", "backward", "no_grad", "vjp", "set_grad"])
def test_a_verb_that_is_text(verb: str) -> None:
    with pytest.raises(TypeError, match=rf'Broken\.{verb}: write template\("\.\.\."\) around'):
        make(**{verb: "t.grad"})


def test_a_verb_that_the_contract_lacks() -> None:
    with pytest.raises((TypeError, RuntimeError)) as caught:
        make(gradient=template("t.grad"))
    assert complaint(caught.value) == "Broken.gradient = template(...): the contract has no verb 'gradient'"


def test_an_operator_that_the_contract_lacks() -> None:
    with pytest.raises(TypeError, match=r"Broken\.operators: unknown \['mul', 'sinh'\]; known are \['add', "):
        make(operators={"sinh": "x", "mul": "x * y", "add": "x + y"})


@pytest.mark.parametrize("spelling", [None, 3, ["x + y"]])
def test_an_operator_spelled_as_neither_text_nor_function(spelling: Any) -> None:
    with pytest.raises(TypeError, match=r"Broken\.operators\['add'\]: expected text or a function, got "):
        make(operators={"add": spelling})


@pytest.mark.parametrize("text", ["x +", "x y", "return x\nfoo("])
def test_an_operator_that_does_not_parse(text: str) -> None:
    with pytest.raises(SyntaxError) as caught:
        make(operators={"add": text})
    assert caught.value.filename == "<spelling Broken.add>"


def test_an_operator_spelled_as_nothing() -> None:
    with pytest.raises(TypeError, match=r"Broken\.add: expected one expression or statement over x, y, got ''"):
        make(operators={"add": ""})


def test_a_verb_that_does_not_parse() -> None:
    with pytest.raises((SyntaxError, RuntimeError)) as caught:
        make(grad=template("t."))
    error = caught.value if isinstance(caught.value, SyntaxError) else caught.value.__cause__
    assert isinstance(error, SyntaxError) and error.filename == "<spelling Broken.grad>"


def test_a_name_that_the_adapters_module_lacks() -> None:
    with pytest.raises(NameError, match="nowhere"):
        make(operators={"add": "nowhere(x, y)"})().apply("add", 1, 2)
