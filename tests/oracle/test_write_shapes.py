"""What is written is broadcast to its target, never the other way round: making a program smaller must not find that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.program import Input, Program, Step

TARGETS: dict[str, dict[str, Any]] = {"add_": {}, "multiply_": {}, "copy_": {}, "setitem_": {"key": [0]}}
"""Write operator -> parameters with which the written part of its target has no axis."""


@pytest.mark.parametrize("operator", TARGETS)
def test_an_operand_of_more_axes_does_not_fit(operator: str) -> None:
    shape = (2,) if operator == "setitem_" else ()
    step = Step(operator, (0, 1), TARGETS[operator])
    inputs = (Input(shape, requires_grad=False), Input((1,)))
    with pytest.raises(ValueError, match="broadcast"):
        Oracle(frozenset()).tensors(Program("float64", inputs, (step,), (0,)))


def test_an_operand_of_fewer_axes_does() -> None:
    inputs = (Input((2, 1), requires_grad=False), Input(()))
    tensors = Oracle(frozenset()).tensors(Program("float64", inputs, (Step("copy_", (0, 1)),), (0,)))
    np.testing.assert_array_equal(tensors[0].value, np.broadcast_to(tensors[1].value, (2, 1)))
