"""What is judged and what is not: each kind of step that has clauses of its own is turned away, its neighbours are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from closed_forms import EVERYTHING

from autograd_conformance.programs.legality import Illegal
from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.program import DETACH, Input, Program, Step

COPY = Step("negative", (0,))
"""Number 2: may be written."""
ROW = {"key": (0,)}
SWAP = {"axes": (1, 0)}
FLAT = {"shape": (4,)}
GROWN = {"shape": (2, 2, 2)}


EMPTY: Mapping[str, Any] = {}


def off(operator: str, operands: tuple[int, ...], params: Mapping[str, Any] = EMPTY) -> Step:
    return Step(operator, operands, params, recorded=False)


def program(*steps: Step, constant: bool = False) -> Program:
    """Two matrices, x0 a leaf unless it is to be a constant; the last step is the root."""
    inputs = (Input((2, 2), not constant), Input((2, 2)))
    return Program("float64", inputs, steps, (len(steps) + 1,))


ILLEGAL: dict[str, tuple[str, Sequence[Step]]] = {
    "a leaf": ("leaf", [Step("add_", (0, 1))]),
    "a view of a leaf": ("leaf", [Step("permute_dims", (0,), SWAP), Step("add_", (2, 1))]),
    "the base of an unrecorded view": ("recording off", [COPY, off("select", (2,), ROW), Step("add_", (2, 1))]),
    "an unrecorded view": ("recording off", [COPY, off("permute_dims", (2,), SWAP), Step("add_", (3, 1))]),
    "an unrecorded view, unrecorded": ("recording off", [COPY, off("permute_dims", (2,), SWAP), off("add_", (3, 1))]),
    "an expanded tensor": ("expanded", [COPY, Step("broadcast_to", (2,), GROWN), Step("add_", (3, 1))]),
    "a view of an expanded tensor": (
        "expanded",
        [COPY, Step("broadcast_to", (2,), GROWN), Step("select", (3,), ROW), Step("add_", (4, 1))],
    ),
    "itself with itself": ("overlaps", [COPY, Step("multiply_", (2, 2))]),
    "itself with a view of itself": ("overlaps", [COPY, Step("permute_dims", (2,), SWAP), Step("multiply_", (2, 3))]),
    "itself with its detached alias": ("overlaps", [COPY, Step(DETACH, (2,)), Step("multiply_", (2, 3))]),
    "what a product was reshaped from": (
        "only some engines copy",
        [Step("matmul", (0, 1)), Step("reshape", (2,), FLAT), Step("multiply_", (2, 1))],
    ),
    "what a transposed product was reshaped to": (
        "only some engines copy",
        [
            Step("matmul", (0, 1)),
            Step("permute_dims", (2,), SWAP),
            Step("reshape", (3,), FLAT),
            Step("take", (4,), {"indices": (0,), "axis": 0}),
            Step("multiply_", (4, 5)),
        ],
    ),
}
LEGAL: dict[str, Sequence[Step]] = {
    "a result": [COPY, Step("add_", (2, 1))],
    "a leaf, unrecorded": [off("add_", (0, 1)), Step("multiply", (0, 1))],
    "a detached leaf": [Step(DETACH, (0,)), Step("add_", (2, 1))],
    "the other half of what the operand views": [
        COPY,
        Step("select", (2,), {"key": (0,)}),
        Step("select", (2,), {"key": (1,)}),
        Step("multiply_", (3, 4)),
    ],
    "the base of an expanded tensor": [COPY, Step("broadcast_to", (2,), GROWN), Step("add_", (2, 1))],
    "an unrecorded result": [off("negative", (0,)), Step("add_", (2, 1))],
    "what a sum of row-major matrices was reshaped from": [
        Step("add", (0, 1)),
        Step("reshape", (2,), FLAT),
        Step("multiply_", (2, 1)),
    ],
    "a copy by reshape of known layout": [
        COPY,
        Step("permute_dims", (2,), SWAP),
        Step("reshape", (3,), FLAT),
        Step("take", (4,), {"indices": (0,), "axis": 0}),
        Step("multiply_", (4, 5)),
    ],
}


@pytest.mark.parametrize("case", ILLEGAL)
def test_writes_that_are_not_judged(case: str) -> None:
    reason, steps = ILLEGAL[case]
    with pytest.raises(Illegal, match=reason):
        Oracle(EVERYTHING).run(program(*steps))


@pytest.mark.parametrize("case", LEGAL)
def test_writes_that_are_judged(case: str) -> None:
    Oracle(EVERYTHING).run(program(*LEGAL[case]))


def test_a_constant_may_be_written() -> None:
    Oracle(EVERYTHING).run(program(Step("add_", (0, 1)), constant=True))


def test_where_nothing_aliases_a_view_of_a_leaf_may_be_written() -> None:
    Oracle(()).run(program(*ILLEGAL["a view of a leaf"][1]))


@pytest.mark.parametrize("steps", [[Step(DETACH, (0,))], [off("negative", (0,))], [off("multiply", (0, 1))]])
def test_a_root_must_require_a_gradient(steps: Sequence[Step]) -> None:
    with pytest.raises(Illegal, match="root that requires no gradient"):
        Oracle(EVERYTHING).run(program(*steps))


def test_a_recorded_write_makes_its_target_and_the_base_require_gradients() -> None:
    steps = (Step("negative", (0,)), Step("select", (2,), ROW), Step("copy_", (3, 1)))
    inputs = (Input((2, 2), False), Input((2,)))
    tensors = Oracle(EVERYTHING).tensors(Program("float64", inputs, steps, (2,)))
    assert [tensor.history.requires for tensor in tensors] == [False, True, True, True, True]
