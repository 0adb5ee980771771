"""Python expressions for the values that a clause makes: numbers, keys, arrays, and containers of them."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Unprintable(Exception):
    """Something that a clause or an adapter does has no text to print."""


def parse(text: str) -> ast.expr:
    """The expression that `text` spells."""
    return ast.parse(text, mode="eval").body


def literal(value: Any, numpy_name: str = "np") -> ast.expr:
    """The expression for `value`; expressions in it stand for themselves.  NumPy goes by the name of `numpy_name`."""
    if isinstance(value, ast.expr):
        return value
    if isinstance(value, np.ndarray):
        return _array(value, numpy_name)
    if isinstance(value, np.generic):
        return parse(f"{numpy_name}.{_dtype_name(value.dtype)}({value.item()!r})")
    if isinstance(value, list | tuple):
        made = [literal(one, numpy_name) for one in value]
        return ast.List(made, ast.Load()) if isinstance(value, list) else ast.Tuple(made, ast.Load())
    if isinstance(value, dict):
        keys: list[ast.expr | None] = [literal(key, numpy_name) for key in value]
        return ast.Dict(keys, [literal(one, numpy_name) for one in value.values()])
    return _plain(value, numpy_name)


def _plain(value: Any, numpy_name: str) -> ast.expr:
    if isinstance(value, slice):
        return parse(f"slice({value.start!r}, {value.stop!r}, {value.step!r})")
    if isinstance(value, float) and not np.isfinite(value):
        return parse(f"{'-' if value < 0 else ''}{numpy_name}.{'nan' if np.isnan(value) else 'inf'}")
    if value is None or value is ... or isinstance(value, bool | int | float | complex | str):
        return parse(repr(value) if value is not ... else "...")
    raise Unprintable(f"expected a number, key, array or container of them, or a tensor of the engine; got {value!r}")


def _array(array: NDArray[Any], numpy_name: str) -> ast.expr:
    dtype = parse(f"{numpy_name}.{_dtype_name(array.dtype)}")
    if array.size == 0:
        return _constructor(f"{numpy_name}.zeros", literal(array.shape), dtype)
    first = array.flat[0]
    if array.size > 8 and bool(np.all(array == first)):
        return _constructor(f"{numpy_name}.full", literal(array.shape), literal(_shortest(first), numpy_name), dtype)
    return _constructor(f"{numpy_name}.array", literal(_nested(array), numpy_name), dtype)


def _constructor(function: str, *given_and_dtype: ast.expr) -> ast.expr:
    *given, dtype = given_and_dtype
    return ast.Call(parse(function), given, [ast.keyword("dtype", dtype)])


def _dtype_name(dtype: np.dtype[Any]) -> str:
    return "bool_" if dtype == bool else dtype.name


def _nested(array: NDArray[Any]) -> Any:
    return [_nested(row) for row in array] if array.ndim else _shortest(array[()])


def _shortest(number: Any) -> Any:
    """A Python number that NumPy turns back into `number`, with as few digits as that takes."""
    if isinstance(number, np.floating) and np.isfinite(number):
        short = float(str(number))
        return short if number.dtype.type(short) == number else float(number)
    return number.item()
