"""Cases as data: copies, JSON and back, smaller ones."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import Wide

from autograd_conformance.judging import cases
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.program import Input, Program, Step

PROGRAM = Program("float32", (Input((2,)),), (Step("negative", (0,)), Step("add", (1, 0))), (2,))
TEXTS = st.text(max_size=5)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | programs()(Wide())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)
CASES = st.dictionaries(TEXTS, VALUES, max_size=3)


def same(one: Any, other: Any) -> bool:
    """Equality that tells 1, 1.0 and True apart, and a list from a tuple; NaN equals NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return math.copysign(1, one) == math.copysign(1, other) and (
            one == other or (math.isnan(one) and math.isnan(other))
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


@given(CASES)
def test_a_case_comes_back_from_json_as_it_was(case: cases.Case) -> None:
    text = json.dumps(cases.encode(case), allow_nan=False)
    assert same(cases.decode(json.loads(text)), case)


@given(CASES)
def test_a_copy_is_equal(case: cases.Case) -> None:
    assert same(cases.copied(case), case)


def test_a_copy_is_independent() -> None:
    case: cases.Case = {"x": [1, ([2],)], "y": {"z": [3]}}
    copy = cases.copied(case)
    copy["x"][1][0].append(0)
    copy["y"]["z"].append(0)
    assert case == {"x": [1, ([2],)], "y": {"z": [3]}}


@pytest.mark.parametrize(
    "value", [np.float64(1), np.ones(1), {1}, 1j, b"", object(), {1: 2}, {"$tuple": []}, {"$program": 1}]
)
@pytest.mark.parametrize("use", [cases.copied, cases.encode])
def test_other_values_are_refused_with_the_rule(use: Any, value: Any) -> None:
    with pytest.raises(TypeError, match=r"a clause drew .*(draw one of these|keys are strings)"):
        use({"x": [value]})


def test_people_see_programs_as_code() -> None:
    text = cases.describe({"times": 2, "program": PROGRAM})
    assert text.startswith("times = 2\nprogram:\n    x0 = leaf(")
    assert "\n    t1 = negative(x0)\n    t2 = add(t1, x0)\n" in text


def test_programs_become_simpler_wherever_they_are() -> None:
    inner = [candidate.skeleton() for candidate in PROGRAM.simpler()]
    assert ("negative",) in inner
    assert [each["p"].skeleton() for each in cases.simpler({"p": PROGRAM, "n": 5})] == inner
    assert [each["p"][1][0].skeleton() for each in cases.simpler({"p": [5, (PROGRAM,)]})] == inner


def test_values_become_smaller_but_only_to_values_that_were_drawn() -> None:
    drawn = {"n": [7, 3, -2, 9, 3, True], "s": ["a"], "l": [[1, 1], [5], [math.nan]]}
    assert list(cases.smaller({"n": 5}, drawn)) == [{"n": -2}, {"n": 3}]
    assert list(cases.smaller({"n": -3}, drawn)) == [{"n": -2}, {"n": 3}]
    assert list(cases.smaller({"s": "long", "n": -2}, drawn)) == []
    assert list(cases.smaller({"l": [2, 2]}, drawn)) == [{"l": [5]}, {"l": [math.nan]}, {"l": [1, 1]}]
    assert list(cases.smaller({"n": 9.5, "b": True}, {"n": [9.0, 1], "b": [True, False]})) == [
        {"n": 9.0, "b": True},
        {"n": 9.5, "b": False},
    ]
