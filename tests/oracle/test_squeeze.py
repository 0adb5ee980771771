"""An axis that is squeezed exists and has length 1: making a program smaller must not find another one."""

from __future__ import annotations

import pytest

from autograd_conformance.programs.oracle import Bound, Oracle
from autograd_conformance.programs.program import Input, Program, Step


@pytest.mark.parametrize("kind", [Oracle, Bound])
@pytest.mark.parametrize(("shape", "axis"), [((), 0), ((2,), 0), ((1,), 1), ((1, 2), 1)])
def test_what_is_no_axis_of_length_one_is_not_squeezed(kind: type[Oracle], shape: tuple[int, ...], axis: int) -> None:
    program = Program("float64", (Input(shape),), (Step("squeeze", (0,), {"axis": axis}),), (1,))
    oracle = kind(frozenset())
    with pytest.raises((ValueError, IndexError)):
        oracle.apply(program.steps[0], oracle.inputs(program.arrays, [True]))


def test_an_axis_of_length_one_is() -> None:
    program = Program("float64", (Input((2, 1)),), (Step("squeeze", (0,), {"axis": 1}),), (1,))
    squeezed = Oracle(frozenset()).tensors(program)[1]
    assert squeezed.value.shape == (2,) and squeezed.tangent.shape == (2, 2)
