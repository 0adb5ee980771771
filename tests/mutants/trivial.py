"""Programs that nobody gets wrong: each operator once, on contiguous tensors of their own, in one pass."""

from __future__ import annotations

from typing import Any

from autograd_conformance.programs.program import DETACH, Input, Program, Step

_PARAMS: dict[str, dict[str, Any]] = {
    "add": {},
    "subtract": {},
    "negative": {},
    "multiply": {},
    "matmul": {},
    "sum": {"axis": (0,), "keepdims": False},
    "take": {"indices": (1, 0), "axis": 0},
    "concat": {"axis": 0},
    "stack": {"axis": 0},
    "reshape": {"shape": (4,)},
    "permute_dims": {"axes": (1, 0)},
    "clone": {},
    "expand_dims": {"axis": 0},
    "squeeze": {"axis": 0},
    "broadcast_to": {"shape": (2, 2)},
    "select": {"key": (0,)},
    "slice": {"key": (slice(0, 1, 1),)},
    "diagonal": {"offset": 0, "axis1": 0, "axis2": 1},
    "add_": {},
    "multiply_": {},
    "copy_": {},
    "setitem_": {"key": (0,)},
    DETACH: {},
}
_SHAPES = {"squeeze": (1, 2), "expand_dims": (2,), "stack": (2,)}
_TWO_OPERANDS = ("add", "subtract", "multiply", "matmul", "concat", "stack")
_SEED = 2


def trivial_programs() -> dict[str, Program]:
    """Operator, or what else is tried -> program."""
    made = {name: _program(name) for name in _PARAMS}
    return {**made, "recording off": _unrecorded()}


def _program(operator: str) -> Program:
    if operator.endswith("_"):
        return _writing(operator)
    if operator == DETACH:
        return _made(Step(DETACH, (0,)), Step("multiply", (1, 2)))
    return _made(
        Step(operator, (0, 1) if operator in _TWO_OPERANDS else (0,), _PARAMS[operator]), shape=_SHAPES.get(operator)
    )


def _writing(operator: str) -> Program:
    """Into a result, since a leaf may not be written."""
    operand = Input((2,)) if operator == "setitem_" else Input((2, 2))
    steps = Step("negative", (0,)), Step(operator, (2, 1), _PARAMS[operator])
    return Program("float32", (Input((2, 2)), operand), steps, (2,), _SEED)


def _unrecorded() -> Program:
    return _made(Step("negative", (0,), recorded=False), Step("multiply", (1, 2)))


def _made(*steps: Step, shape: tuple[int, ...] | None = None) -> Program:
    inputs = (Input(shape or (2, 2)), Input(shape or (2, 2)))
    return Program("float32", inputs, steps, (1 + len(steps),), _SEED)
