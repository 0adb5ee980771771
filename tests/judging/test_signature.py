"""When two failures are one and the same."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from autograd_conformance.judging.cases import encode
from autograd_conformance.judging.expectations import signature_of
from autograd_conformance.judging.signature import Signature, could_become
from autograd_conformance.operators import STEPS
from autograd_conformance.programs.program import Input, Program, Step
from autograd_conformance.results import Counterexample


def program(*operators: str, shape: tuple[int, ...] = ()) -> Program:
    made = [(STEPS[name], {"axis": (), "keepdims": False} if name == "sum" else {}) for name in operators]
    steps = tuple(Step(each.name, (place,) * len(each.tensors), params) for place, (each, params) in enumerate(made))
    return Program("float32", (Input(shape),), steps, (len(steps),))


def signed(
    case: dict[str, Any],
    kind: Literal["wrong", "raised", "refused", "unstable"] = "wrong",
    what: str = "gradient of leaf 0",
    got: str = "1",
) -> Signature:
    return signature_of(Counterexample(encode(case), kind, what, "expected", got, ""))


ONE = {"p": program("add", "sum"), "n": 1}


@pytest.mark.parametrize(
    "same",
    [
        signed({"p": program("add", "sum", shape=(2, 3)), "n": 1}),
        signed({"p": program("add", "sum"), "n": 700}),
        signed(ONE, what="gradient of leaf 12"),
        signed(ONE, got="ValueError: no"),
    ],
)
def test_sizes_numbers_and_values_do_not_tell_failures_apart(same: Signature) -> None:
    assert signed(ONE) == same


@pytest.mark.parametrize(
    "other",
    [
        signed({"p": program("sum", "add"), "n": 1}),
        signed({"p": program("add"), "n": 1}),
        signed({"p": program("add", "sum"), "n": None}),
        signed(ONE, kind="raised"),
        signed(ONE, what="value of root 0"),
    ],
)
def test_operators_types_kinds_and_what_was_judged_do(other: Signature) -> None:
    assert signed(ONE) != other


@pytest.mark.parametrize("kind", ["raised", "refused"])
def test_exceptions_are_told_apart_by_type_alone(kind: Any) -> None:
    assert signed(ONE, kind, got="ValueError: 1") == signed(ONE, kind, got="ValueError: 2")
    assert signed(ONE, kind, got="ValueError: 1") != signed(ONE, kind, got="TypeError: 1")


def test_an_unstable_failure_is_told_by_its_symptom() -> None:
    assert signed(ONE, "unstable") == signed({"p": program("add"), "n": 2}, "unstable")
    assert signed(ONE, "unstable") != signed(ONE, "unstable", what="value")


def test_a_case_can_become_one_with_fewer_steps_in_the_same_order() -> None:
    whole = signed({"p": program("add", "sum", "negative")})
    assert could_become(whole, whole)
    assert could_become(whole, signed({"p": program("add", "negative")}))
    assert not could_become(whole, signed({"p": program("negative", "add")}))
    assert not could_become(whole, signed({"p": program("multiply")}))
    assert not could_become(whole, signed({"p": program("add")}, what="value"))
    assert not could_become(signed({"p": program("add")}), whole)


def test_where_operators_may_be_renamed_it_can_become_more() -> None:
    def could(larger: tuple[str, ...], smaller: tuple[str, ...]) -> bool:
        return could_become(signed({"p": program(*larger)}), signed({"p": program(*smaller)}), renamed=True)

    assert could(("add", "sum", "negative"), ("multiply", "negative"))
    assert could(("clone", "negative"), ("sum", "negative"))
    assert could(("clone", "copy_"), ("multiply", "multiply_"))
    assert not could(("clone", "copy_"), ("multiply", "sum"))
    assert could(("clone", "multiply_"), ("multiply", "multiply"))
    assert not could(("add", "negative"), ("negative", "multiply"))
    assert not could(("multiply",), ("negative",))
    assert not could(("multiply", "clone"), ("multiply", "multiply_"))
    assert not could_become(signed({"n": 1}), signed({"n": None}), renamed=True)
