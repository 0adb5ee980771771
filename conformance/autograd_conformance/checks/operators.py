"""Every spelled operator on one small input: does it compute what its name says?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd_conformance.checks.outcome import Report, broken
from autograd_conformance.engine import Array, Engine
from autograd_conformance.judge import show
from autograd_conformance.operators import APART, OPERATORS
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
_MASK = ((True, False, True), (False, False, True))

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
    "clone": (Example(((2, 3),)), Example(((),), ndim=0)),
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
    "view": (Example(((2, 3),), {"shape": (3, 2)}),),
    "as_strided": (Example(((2, 3),), {"shape": (2, 2), "strides": (1, 2), "offset": 1}),),
    "unbind": (Example(((2, 3),), {"axis": 1}),),
    "split": (Example(((2, 3),), {"size": 2, "axis": 1}),),
    "greater": (_ROW_INTO_MATRIX, _SCALARS),
    "argmax": (Example(((2, 3),), {"axis": 1}),),
    "where": (Example(((2, 3), (3,)), {"mask": _MASK}),),
    "fill_": (Example(((2, 3),), {"value": 7}), Example(((),), {"value": 7}, 0)),
    "masked_fill_": (Example(((2, 3),), {"mask": _MASK, "value": 7}),),
    "index_copy_": (Example(((2, 3), (2, 2)), {"indices": (2, 0), "axis": 1}),),
    "multiply_into_": (Example(((2, 3), (2, 3), (3,))), Example(((), (), ()), ndim=0)),
    "transpose_": (Example(((2, 3),), {"axis1": 0, "axis2": 1}),),
    "squeeze_": (Example(((3, 1),), {"axis": 1}),),
    "expand_dims_": (Example(((3,),), {"axis": 1}),),
}
"""Operator -> examples; the first that the engine has room for is taken."""


def _strided(x: Array, shape: Shape, strides: Shape, offset: int) -> Array:
    return np.lib.stride_tricks.as_strided(x.reshape(-1)[offset:], shape, [x.itemsize * each for each in strides])


COMPUTED: Mapping[str, Callable[..., Array | list[Array]]] = {
    "view": lambda x, shape: x.reshape(shape),
    "as_strided": _strided,
    "unbind": lambda x, axis: list(np.moveaxis(x, axis, 0)),
    "split": lambda x, size, axis: np.split(x, range(size, x.shape[axis], size), axis),
    "greater": lambda x, y: np.asarray(x > y),
    "argmax": lambda x, axis: np.asarray(np.argmax(x, axis)),
    "where": lambda x, y, mask: np.asarray(np.where(mask, x, y)),
    "multiply_into_": lambda x, y, z: y * z,
    "transpose_": lambda x, axis1, axis2: np.swapaxes(x, axis1, axis2),
    "squeeze_": lambda x, axis: np.squeeze(x, axis),
    "expand_dims_": lambda x, axis: np.expand_dims(x, axis),
}
"""What the operators compute that are no part of programs, and so unknown to the oracle."""


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
    expected = _expected(operator, example, arrays)
    if isinstance(expected, list):
        if len(made) != len(expected):
            raise broken(f"{OPERATORS[operator].meaning}: expected {len(expected)} tensors, got {len(made)}")
        for one, right in zip(made, expected, strict=True):
            _compare(operator, engine.array(one), right)
    else:
        _compare(operator, engine.array(tensors[0] if OPERATORS[operator].kind == "write" else made), expected)


def _compare(operator: str, got: Array, expected: Array) -> None:
    if got.shape != expected.shape or not np.array_equal(got, expected):
        raise broken(
            f"{OPERATORS[operator].meaning}: expected {show(expected)}, got {show(got)}; correct the spelling "
            "(if it is right, the engine is wrong)"
        )
    if got.dtype.kind != expected.dtype.kind or (got.dtype.kind == "f" and got.dtype != expected.dtype):
        raise broken(f"makes {got.dtype} of {expected.dtype}; expected the operands' dtype, or a boolean or an index")


def _numbers(shape: Shape, first: int, dtype: str) -> Any:
    return (np.arange(np.prod(shape, dtype=int)) % 5 + first).astype(dtype).reshape(shape)


def _expected(operator: str, example: Example, arrays: list[Any]) -> Array | list[Array]:
    if operator in APART:
        return COMPUTED[operator](*arrays, **example.params)
    oracle = Oracle(frozenset())
    duals = oracle.inputs(arrays, [False] * len(arrays))
    step = Step(operator, tuple(range(len(arrays))), example.params)
    return oracle.apply(step, duals).value.astype(arrays[0].dtype)
