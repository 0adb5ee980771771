"""Programs as data and as text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_conformance.programs.distribution import COMPLETE, draw_programs
from autograd_conformance.programs.generate import programs_of
from autograd_conformance.programs.palette import EXACT
from autograd_conformance.programs.program import DETACH, LARGEST, Input, Program, Step

PROGRAM = Program(
    "float32",
    (Input((2, 2)), Input((2,), False), Input(())),
    (
        Step("negative", (0,)),
        Step("setitem_", (3, 1), {"key": (slice(None), 0)}),
        Step("slice", (3,), {"key": (slice(None), slice(0, 2, 2))}),
        Step("multiply_", (5, 2), recorded=False),
        Step(DETACH, (5,)),
        Step("sum", (7,), {"axis": (0, 1), "keepdims": False}),
        Step("multiply", (8, 2)),
    ),
    (9, 6),
    seed=3,
)
TEXT = """\
x0 = leaf([[2, 1], [1, -1]])
x1 = constant([2, -1])
x2 = leaf(-2)
t3 = negative(x0)
setitem_(t3, x1, key=[:, 0])
t5 = slice(t3, key=[:, 0:2:2])
with no_grad: multiply_(t5, x2)
t7 = detach(t5)
t8 = sum(t7, axis=(0, 1), keepdims=False)
t9 = multiply(t8, x2)
backward from t9, t5; cotangents: small integers, seed 3; float32"""


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(programs_of(COMPLETE))
def test_json_there_and_back(program: Program) -> None:
    again = Program.from_json(json.loads(json.dumps(program.to_json())))
    assert again == program and str(again) == str(program)
    assert all(np.array_equal(one, other) for one, other in zip(again.arrays, program.arrays, strict=True))


def test_without_roots_there_and_back() -> None:
    program = Program(
        "float64", (Input((0, 2), False),), (Step("select", (0,), {"key": (slice(None), 1)}),), (), 0, True
    )
    assert Program.from_json(json.loads(json.dumps(program.to_json()))) == program


def test_as_text() -> None:
    drawn = [line.partition(" = ")[2] for line in str(PROGRAM).splitlines()[:3]]
    assert [line.partition("(")[0] for line in drawn] == ["leaf", "constant", "leaf"]
    assert str(PROGRAM).splitlines()[3:] == TEXT.splitlines()[3:]


def test_as_text_without_roots_and_with_unit_cotangents() -> None:
    assert "backward" not in str(Program("float64", (Input(()),), (), ()))
    assert str(Program("float64", (Input(()),), (), (0,), 5, True)).endswith("from x0; cotangents: ones; float64")


def test_every_step_is_shown() -> None:
    for program in draw_programs(50):
        lines = str(program).splitlines()
        assert len(lines) == len(program.inputs) + len(program.steps) + 1
        for step, line in zip(program.steps, lines[len(program.inputs) :], strict=False):
            assert f"{step.operator}({', '.join(map(program.label, step.operands))}" in line
            assert step.recorded != line.startswith("with no_grad: ")


def test_a_write_is_another_name_for_its_target() -> None:
    assert [PROGRAM.target(number) for number in range(10)] == [0, 1, 2, 3, 3, 5, 5, 7, 8, 9]
    assert [PROGRAM.label(number) for number in (2, 3, 4, 6, 9)] == ["x2", "t3", "t3", "t5", "t9"]
    twice = Program("float64", (Input(()),), (Step("add_", (0, 0)), Step("add_", (1, 0))), ())
    assert twice.target(2) == 0 and twice.label(2) == "x0"


def test_skeleton_and_leaf_numbers() -> None:
    assert PROGRAM.skeleton() == ("negative", "setitem_", "slice", "multiply_", DETACH, "sum", "multiply")
    assert PROGRAM.leaf_numbers == (0, 2)


@pytest.mark.parametrize("dtype", EXACT)
def test_values_are_small_integers_of_the_dtype(dtype: str) -> None:
    values, cotangents = [], []
    for seed in range(200):
        program = Program(dtype, (Input((3, 4)), Input(())), (), (0,), seed)
        values += [each for array in program.arrays for each in array.ravel().tolist()]
        cotangents += program.cotangent_arrays([(3,)])[0].tolist()
        assert [array.dtype for array in program.arrays] == [np.dtype(dtype)] * 2
        assert [array.shape for array in program.arrays] == [(3, 4), ()]
    assert set(values) == {*range(-LARGEST, LARGEST + 1)} and set(cotangents) == set(values) - {0}
    assert 0.01 < values.count(0) / len(values) < 0.06


def test_unit_cotangents() -> None:
    (ones,) = Program("float16", (), (), (), 9, True).cotangent_arrays([(2,)])
    assert ones.tolist() == [1, 1] and ones.dtype == np.float16


# ---- broken data ----
def changed(path: list[Any], value: Any) -> dict[str, Any]:
    """The program's JSON with one place changed."""
    data = PROGRAM.to_json()
    place: Any = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return data


def lacking(key: str) -> dict[str, Any]:
    data = PROGRAM.to_json()
    del data[key]
    return data


BROKEN: dict[str, tuple[Callable[[], Any], str]] = {
    "no JSON object": (lambda: [1, 2], "not the JSON of a program"),
    "no steps": (lambda: lacking("steps"), "lacks 'steps'"),
    "no dtype": (lambda: lacking("dtype"), "lacks 'dtype'"),
    "no operands": (lambda: changed(["steps", 0], {"operator": "negative", "params": {}}), "lacks 'operands'"),
    "unknown dtype": (lambda: changed(["dtype"], "float31"), "dtype 'float31': expected"),
    "a dtype that is no text": (lambda: changed(["dtype"], None), "dtype None: expected"),
    "an integer dtype": (lambda: changed(["dtype"], "int32"), "dtype 'int32': expected a floating-point"),
    "a shape that is a number": (lambda: changed(["inputs", 0, 0], 2), "not the JSON of a program"),
    "a negative length": (lambda: changed(["inputs", 0, 0], [2, -1]), r"input 0: shape \(2, -1\)"),
    "an unknown operator": (lambda: changed(["steps", 0, "operator"], "sinh"), "unknown operator 'sinh'"),
    "an operand not made yet": (lambda: changed(["steps", 2, "operands"], [5]), r"step 2 \(slice\): operands \(5,\)"),
    "a negative operand": (lambda: changed(["steps", 2, "operands"], [-1]), r"step 2 \(slice\): operands \(-1,\)"),
    "an operand that is text": (lambda: changed(["steps", 2, "operands"], ["x"]), r"step 2 \(slice\): operands"),
    "too many operands": (lambda: changed(["steps", 0, "operands"], [0, 0]), r"step 0 \(negative\): 2 operands"),
    "too few operands": (
        lambda: changed(["steps", 6, "operands"], [0]),
        r"step 6 \(multiply\): 1 operands, expected x, y",
    ),
    "no operands of concat": (
        lambda: changed(["steps", 0], {"operator": "concat", "operands": [], "params": {"axis": 0}}),
        r"step 0 \(concat\): 0 operands",
    ),
    "a missing parameter": (
        lambda: changed(["steps", 5, "params"], {"axis": [0]}),
        r"step 5 \(sum\): parameters \['axis'\]",
    ),
    "an unknown parameter": (lambda: changed(["steps", 4, "params"], {"key": [0]}), r"step 4 \(detach\): parameters"),
    "an axis from the end": (
        lambda: changed(["steps", 5, "params", "axis"], [-1]),
        r"step 5 \(sum\): axis \(-1,\), expected axes from 0 on",
    ),
    "a root that is not there": (
        lambda: changed(["roots"], [10]),
        r"roots \(10,\): expected numbers of tensors, below 10",
    ),
    "a seed that is text": (lambda: changed(["seed"], "x"), "invalid literal"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_data_is_refused(case: str) -> None:
    data, complaint = BROKEN[case]
    with pytest.raises(ValueError, match=complaint):
        Program.from_json(data())


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_anything_else_is_refused(data: Any) -> None:
    with pytest.raises(ValueError):
        Program.from_json(data)
