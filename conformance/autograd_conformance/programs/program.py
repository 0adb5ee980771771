"""A program: tensors in, operators, roots and cotangents, all of it data.

It prints as code, round-trips through JSON, runs on any engine, and gives smaller programs of itself (`shrinking.py`).
Tensors are numbered: first the inputs, then a number for each step; a write step's number is another name for its target.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from autograd_conformance.judge import assume
from autograd_conformance.operators import IN_PROGRAMS
from autograd_conformance.programs.wellformed import require_well_formed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from autograd_conformance.engine import Array, Engine, Tensor

Apply: TypeAlias = "Callable[[Engine, Step, Sequence[Tensor]], Tensor]"
DETACH = "detach"
"""The one step that is a verb and no operator."""


@dataclass(frozen=True)
class Input:
    """A tensor that the program is given; with `requires_grad`, a leaf whose gradient is wanted."""

    shape: tuple[int, ...]
    requires_grad: bool = True


@dataclass(frozen=True)
class Step:
    """One operator applied to tensors by number; `recorded=False`: inside a block with recording off."""

    operator: str
    operands: tuple[int, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    recorded: bool = True

    @property
    def numbers(self) -> tuple[int, ...]:
        return self.operands

    @property
    def writes(self) -> bool:
        return self.operator != DETACH and IN_PROGRAMS[self.operator].kind == "write"

    def run(self, engine: Engine, operands: Sequence[Tensor], apply: Apply | None = None) -> Tensor:
        """What `engine` makes of the operands; of no meaning where the step writes.  `apply`: as in `Program.run`."""
        apply = apply or apply_step
        if self.recorded:
            return apply(engine, self, operands)
        with engine.no_grad():
            return apply(engine, self, operands)


@dataclass(frozen=True)
class Program:
    """Inputs, steps in order, and the roots of the backward pass; `seed` gives all values and cotangents."""

    dtype: str
    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    roots: tuple[int, ...]
    seed: int = 0
    unit_cotangent: bool = False
    """The cotangent of a one-element root is one: for engines that accept no other."""

    # ---- values ----
    @cached_property
    def arrays(self) -> tuple[Array, ...]:
        """The inputs' values: small integers, one in thirty-two a zero."""
        draw = random.Random(self.seed)
        return tuple(_small_integers(draw, each.shape, self.dtype, zeros=True) for each in self.inputs)

    def cotangent_arrays(self, shapes: Sequence[tuple[int, ...]]) -> tuple[Array, ...]:
        """A cotangent for each root, given the roots' shapes: small integers, none of them zero."""
        if self.unit_cotangent:
            return tuple(np.ones(shape, self.dtype) for shape in shapes)
        draw = random.Random(~self.seed)
        return tuple(_small_integers(draw, shape, self.dtype, zeros=False) for shape in shapes)

    # ---- running ----
    def leaves(self, engine: Engine) -> list[Tensor]:
        """New tensors for the inputs."""
        return [
            engine.tensor(array, requires_grad=each.requires_grad)
            for array, each in zip(self.arrays, self.inputs, strict=True)
        ]

    def run(self, engine: Engine, leaves: Sequence[Tensor], apply: Apply | None = None) -> list[Tensor]:
        """All steps on `engine`; the roots.  Rejects several roots on an engine that starts at one."""
        assume(engine.several_roots or len(self.roots) == 1)
        tensors = self.execute(engine, leaves, apply)
        return [tensors[number] for number in self.roots]

    def execute(self, engine: Engine, leaves: Sequence[Tensor], apply: Apply | None = None) -> list[Tensor]:
        """All steps on `engine`; every tensor by number.  `apply`: what to do for a step, where not just that."""
        tensors = list(leaves)
        for step in self.steps:
            operands = [tensors[number] for number in step.operands]
            result = step.run(engine, operands, apply)
            tensors.append(operands[0] if step.writes else result)
        return tensors

    @property
    def leaf_numbers(self) -> tuple[int, ...]:
        """The inputs whose gradients are wanted."""
        return tuple(number for number, each in enumerate(self.inputs) if each.requires_grad)

    # ---- as text and JSON ----
    def skeleton(self) -> tuple[str, ...]:
        """The operators in order: what two programs that show the same defect have in common."""
        return tuple(step.operator for step in self.steps)

    def simpler(self) -> Iterator[Program]:
        """Smaller programs, the most promising first."""
        from autograd_conformance.programs.shrinking import simpler

        return simpler(self)

    def __str__(self) -> str:
        lines = self.input_lines()
        lines += [self.step_line(len(self.inputs) + place, step) for place, step in enumerate(self.steps)]
        if not self.roots:
            return "\n".join(lines)
        roots = ", ".join(self.label(number) for number in self.roots)
        return "\n".join([*lines, f"backward from {roots}; {self.values_line()}"])

    def input_lines(self) -> list[str]:
        """What is given, a line an input."""
        return [
            f"x{number} = {'leaf' if each.requires_grad else 'constant'}({_compact(array)})"
            for number, (each, array) in enumerate(zip(self.inputs, self.arrays, strict=True))
        ]

    def values_line(self) -> str:
        """Where cotangents come from, and the dtype."""
        return f"cotangents: {'ones' if self.unit_cotangent else f'small integers, seed {self.seed}'}; {self.dtype}"

    def step_line(self, number: int, step: Step) -> str:
        """One step as code; `number` is that of its result."""
        arguments = [self.label(operand) for operand in step.operands]
        arguments += [f"{name}={_literal(name, value)}" for name, value in step.params.items()]
        call = f"{step.operator}({', '.join(arguments)})"
        line = call if step.writes else f"{self.label(number)} = {call}"
        return line if step.recorded else f"with no_grad: {line}"

    def label(self, number: int) -> str:
        """`x0` for an input, `t5` for a result; a write step's number is the label of its target."""
        number = self.target(number)
        return f"x{number}" if number < len(self.inputs) else f"t{number}"

    def target(self, number: int) -> int:
        """The number itself, or, where it stands for a write step, the number of the tensor written to."""
        inputs = len(self.inputs)
        while number >= inputs and self.steps[number - inputs].writes:
            number = self.steps[number - inputs].operands[0]
        return number

    def to_json(self) -> dict[str, Any]:
        return {
            "dtype": self.dtype,
            "inputs": [[list(each.shape), each.requires_grad] for each in self.inputs],
            "steps": [_step_to_json(step) for step in self.steps],
            "roots": list(self.roots),
            "seed": self.seed,
            "unit_cotangent": self.unit_cotangent,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Program:
        """Raises ValueError for what `to_json` cannot have written."""
        try:
            program = cls._from_json(data)
        except KeyError as error:
            raise ValueError(f"a program, or a step of one, lacks {error}") from error
        except (TypeError, AttributeError) as error:
            raise ValueError(f"not the JSON of a program: {error}") from error
        require_well_formed(program)
        return program

    @classmethod
    def _from_json(cls, data: Mapping[str, Any]) -> Program:
        return cls(
            data["dtype"],
            tuple(Input(tuple(shape), bool(flag)) for shape, flag in data["inputs"]),
            tuple(_step_from_json(each) for each in data["steps"]),
            tuple(data["roots"]),
            int(data["seed"]),
            bool(data.get("unit_cotangent", False)),
        )


def apply_step(engine: Engine, step: Step, operands: Sequence[Tensor]) -> Tensor:
    """One step on `engine`; what a write returns is of no meaning."""
    if step.operator == DETACH:
        return engine.detach(operands[0])
    return engine.apply(step.operator, *operands, **step.params)


LARGEST = 3
"""No drawn value or cotangent is larger."""
_NON_ZERO = (1, 2, 3, -1, -2, -3)


def _small_integers(draw: random.Random, shape: tuple[int, ...], dtype: str, *, zeros: bool) -> Array:
    size = 1
    for length in shape:
        size *= length
    values = [0 if zeros and draw.random() < 1 / 32 else draw.choice(_NON_ZERO) for _ in range(size)]
    return np.array(values, dtype).reshape(shape)


def _compact(array: Array) -> str:
    return np.array2string(array, separator=", ", formatter={"all": lambda value: f"{value:g}"}).replace("\n", "")


def _literal(name: str, value: Any) -> str:
    if name != "key":
        return repr(value)
    parts = [each if isinstance(each, int) else _slice_text(each) for each in value]
    return f"[{', '.join(str(part) for part in parts)}]"


def _slice_text(each: slice) -> str:
    return ":".join("" if bound is None else str(bound) for bound in (each.start, each.stop)) + (
        "" if each.step in (None, 1) else f":{each.step}"
    )


def _step_to_json(step: Step) -> dict[str, Any]:
    params = dict(step.params)
    if "key" in params:
        params["key"] = [
            each if isinstance(each, int) else [each.start, each.stop, each.step] for each in params["key"]
        ]
    data: dict[str, Any] = {"operator": step.operator, "operands": list(step.operands), "params": params}
    return data if step.recorded else {**data, "recorded": False}


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _step_from_json(data: Mapping[str, Any]) -> Step:
    operator = data["operator"]
    if operator != DETACH and operator not in IN_PROGRAMS:
        raise ValueError(f"unknown operator {operator!r}")
    params = {name: _as_tuples(value) for name, value in data["params"].items()}
    if "key" in params:
        params["key"] = tuple(each if isinstance(each, int) else slice(*each) for each in params["key"])
    return Step(operator, tuple(data["operands"]), params, data.get("recorded", True))
