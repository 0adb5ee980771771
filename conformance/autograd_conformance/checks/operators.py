"""Every spelled operator on one small input: does it compute what its name says?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd_conformance.checks.outcome import Report, broken
from autograd_conformance.engine import Engine
from autograd_conformance.judge import show
from autograd_conformance.operators import OPERATORS
from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.program import Step

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Example:
    """Shapes of the operands and parameters; `ndim` is the largest number of axes in it, the result's included."""

    shapes: tuple[Shape, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    ndim: int = 2


_EVERY_SECOND = (slice(None), slice(0, 3, 2))
_SCALARS = Example(((), ()), ndim=0)
_MATRICES = Example(((2, 3), (2, 3)))
_ROW_INTO_MATRIX = Example(((2, 3), (3,)))

EXAMPLES: Mapping[str, tuple[Example, ...]] = {
    "add": (_ROW_INTO_MATRIX, _MATRICES, _SCALARS),
    "subtract": (_ROW_INTO_MATRIX, _MATRICES, _SCALARS),
    "negative": (Example(((2, 3),)), Example(((),), ndim=0)),
    "multiply": (_ROW_INTO_MATRIX, _MATRICES, _SCALARS),
    "matmul": (Example(((2, 3), (3, 2))),),
    "sum": (Example(((2, 3),), {"axis": (1,), "keepdims": True}), Example(((),), {"axis": (), "keepdims": False}, 0)),
    "take": (Example(((2, 3),), {"indices": (2, 0, 2), "axis": 1}),),
    "concat": (Example(((2, 3), (2, 1)), {"axis": 1}),),
    "stack": (Example(((3,), (3,)), {"axis": 1}),),
    "reshape": (Example(((2, 3),), {"shape": (3, 2)}),),
    "permute_dims": (Example(((2, 3),), {"axes": (1, 0)}),),
    "expand_dims": (Example(((3,),), {"axis": 1}),),
    "squeeze": (Example(((3, 1),), {"axis": 1}),),
    "broadcast_to": (Example(((3,),), {"shape": (2, 3)}),),
    "select": (Example(((2, 3),), {"key": (slice(None), 1)}),),
    "slice": (Example(((2, 3),), {"key": _EVERY_SECOND}),),
    "diagonal": (Example(((2, 3),), {"offset": 1, "axis1": 0, "axis2": 1}),),
    "add_": (_ROW_INTO_MATRIX, _MATRICES, _SCALARS),
    "multiply_": (_ROW_INTO_MATRIX, _MATRICES, _SCALARS),
    "copy_": (_ROW_INTO_MATRIX, _MATRICES, _SCALARS),
    "setitem_": (Example(((2, 3), (2, 2)), {"key": _EVERY_SECOND}),),
}
"""Operator -> examples; the first that the engine has room for is taken."""


def check_operators(report: Report) -> None:
    """Each spelled operator."""
    for operator in report.engine.operators:
        example = _fitting(report.engine, operator)
        if example is None:
            report.note(operator, "not looked at: no example fits the engine's `max_ndim` and `shapes`")
            continue
        with report.on(operator):
            _check(report.engine, operator, example)


def _fitting(engine: Engine, operator: str) -> Example | None:
    for example in EXAMPLES[operator]:
        allowed = engine.shapes is None or all(shape in engine.shapes for shape in example.shapes)
        if allowed and example.ndim <= engine.max_ndim:
            return example
    return None


def _check(engine: Engine, operator: str, example: Example) -> None:
    arrays = [_numbers(shape, first, engine.dtypes[0]) for first, shape in enumerate(example.shapes, 2)]
    tensors = [engine.tensor(array) for array in arrays]
    made = engine.apply(operator, *tensors, **example.params)
    got = engine.array(tensors[0] if OPERATORS[operator].kind == "write" else made)
    expected = _expected(operator, example, arrays)
    if got.shape != expected.shape or not np.array_equal(got, expected):
        raise broken(
            f"{OPERATORS[operator].meaning}: expected {show(expected)}, got {show(got)}; correct the spelling "
            "(if it is right, the engine is wrong)"
        )
    if got.dtype != expected.dtype:
        raise broken(f"makes {got.dtype} of {expected.dtype}; keep the dtype of the operands")


def _numbers(shape: Shape, first: int, dtype: str) -> Any:
    return (np.arange(np.prod(shape, dtype=int)) % 5 + first).astype(dtype).reshape(shape)


def _expected(operator: str, example: Example, arrays: list[Any]) -> Any:
    oracle = Oracle(frozenset())
    duals = oracle.inputs(arrays, [False] * len(arrays))
    step = Step(operator, tuple(range(len(arrays))), example.params)
    return oracle.apply(step, duals).value.astype(arrays[0].dtype)
