"""Programs that come from a file may have been edited: what is no program is refused before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd_conformance.operators import IN_PROGRAMS

if TYPE_CHECKING:
    from autograd_conformance.programs.program import Program, Step


def require_well_formed(program: Program) -> None:
    """Raises ValueError that says what is wrong, with the number of the step."""
    _require_dtype(program.dtype)
    for place, each in enumerate(program.inputs):
        if not all(_is_number(length) for length in each.shape):
            raise ValueError(f"input {place}: shape {each.shape}, expected lengths from 0 on")
    for place, step in enumerate(program.steps):
        for complaint in _complaints(step, len(program.inputs) + place):
            raise ValueError(f"step {place} ({step.operator}): {complaint}")
    count = len(program.inputs) + len(program.steps)
    if not all(_is_number(root) and root < count for root in program.roots):
        raise ValueError(f"roots {program.roots}: expected numbers of tensors, below {count}")


def _require_dtype(dtype: object) -> None:
    try:
        known = isinstance(dtype, str) and np.dtype(dtype).kind == "f"
    except TypeError:
        known = False
    if not known:
        raise ValueError(f"dtype {dtype!r}: expected a floating-point dtype that NumPy knows, such as 'float32'")


def _complaints(step: Step, made_before: int) -> Iterator[str]:
    operator = IN_PROGRAMS.get(step.operator)
    tensors, params = (operator.tensors, operator.params) if operator else (("x",), ())  # the latter: detach
    if not all(_is_number(number) and number < made_before for number in step.operands):
        yield f"operands {step.operands} are not made before it"
    if not step.operands or (not tensors[0].startswith("*") and len(step.operands) != len(tensors)):
        yield f"{len(step.operands)} operands, expected {', '.join(tensors)}"
    if set(step.params) != set(params):
        yield f"parameters {sorted(step.params)}, expected {sorted(params)}"
    for name in ("axis", "axes", "axis1", "axis2"):  # derivatives have one more axis at the end: no counting from there
        axes = step.params.get(name, ())
        if not all(map(_is_number, axes if isinstance(axes, tuple) else (axes,))):
            yield f"{name} {axes!r}, expected axes from 0 on"


def _is_number(value: Any) -> bool:
    return type(value) is int and value >= 0
