"""The last lines of a script: what was got, what was expected, and the assertion that they are the same."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

import numpy as np

from autograd_conformance.clauses import Clause
from autograd_conformance.programs.comparing import ABSENT_ZEROS
from autograd_conformance.scripts.judged import Judged, is_gradient
from autograd_conformance.scripts.recording import Call, Recorder
from autograd_conformance.scripts.script import Lines, Printer, wrapped

GOT = "got"


def shown(judged: Judged, expected: Any, clause: Clause, recorder: Recorder) -> Judged:
    """What the script shows: where no gradient was expected, or none might have come, the gradient and not its array."""
    if judged.call.name != "array" or not is_gradient(recorder, judged.call.arguments[0]):
        return judged
    if expected is None:
        return replace(judged, slot=judged.call.arguments[0])
    if ABSENT_ZEROS in clause.choices and isinstance(expected, np.ndarray) and not expected.any():
        return replace(judged, slot=judged.call.arguments[0], form="or zeros")
    return judged


def is_named_got(judged: Judged, expected: Any) -> bool:
    """Whether the judged value itself goes by the name of `got`, or the last lines make `got` of it."""
    return judged.form == "value" and (judged.slot.value is not None or not isinstance(expected, np.ndarray))


def closing(printer: Printer, judged: Judged, expected: Any) -> Lines:
    """Lines that raise AssertionError unless the judged value is what was expected."""
    lines: Lines = []
    name = printer.names.of(judged.slot)
    if not is_named_got(judged, expected):
        value = f"{name} {judged.form}"
        if judged.form in ("value", "or zeros"):
            value = ast.unparse(printer.expression(Call("verb", "array", (judged.slot,), {})))
        if judged.form == "value":  # an array is expected, and there is not even a gradient
            lines.append(f"assert {name} is not None, 'expected a gradient, got None'")
        if judged.form == "or zeros":
            value = f"{ast.unparse(printer.value(expected))} if {name} is None else {value}"
        lines.append(f"{GOT} = {value}")
    lines += wrapped(f"expected = {ast.unparse(printer.value(expected))}")
    return [*lines, _comparison(printer, expected)]


def _comparison(printer: Printer, expected: Any) -> str:
    if isinstance(expected, np.ndarray):
        return f"{printer.numpy}.testing.assert_array_equal({GOT}, expected, strict=True)"
    operator = "is" if expected is None or isinstance(expected, bool) else "=="
    return f'assert {GOT} {operator} expected, f"expected {{expected!r}}, got {{{GOT}!r}}"'
