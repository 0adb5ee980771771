"""What an engine must accept: by example, with the reason, and by a slow second reading of the rule."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from autograd_conformance.programs.distribution import COMPLETE
from autograd_conformance.programs.drawing import draw_program
from autograd_conformance.programs.oracle import Dual, Oracle
from autograd_conformance.programs.program import DETACH, Input, Program, Step
from autograd_conformance.programs.zones import must_accept

NEGATE = Step("negative", (0,))
ROW = {"key": (0,)}
VALUE_DEPENDENT = {"multiply", "matmul", "multiply_"}


def off(operator: str, *operands: int) -> Step:
    return Step(operator, operands, {}, recorded=False)


MUST: dict[str, Sequence[Step]] = {
    "nothing is written": [Step("multiply", (0, 1)), Step("multiply", (3, 3))],
    "a sum saves nothing": [NEGATE, Step("add", (3, 1)), Step("add_", (3, 1)), Step("add", (3, 4))],
    "the product is made after the write": [NEGATE, Step("add_", (3, 1)), Step("multiply", (3, 3))],
    "one multiplication in place, of what nobody used": [NEGATE, Step("multiply_", (3, 1))],
    "another storage is written": [NEGATE, Step("multiply", (0, 1)), Step("copy_", (3, 1)), Step("add", (3, 4))],
    "a copy of a factor is written": [
        Step("multiply", (0, 1)),
        Step("take", (0,), {"indices": (0, 1), "axis": 0}),
        Step("add_", (4, 1)),
        Step("add", (3, 4)),
    ],
    "the product is not recorded": [NEGATE, off("multiply", 3, 1), Step("add_", (3, 1)), Step("add", (3, 4))],
    "a view of what requires gradients is written": [NEGATE, Step("select", (3,), ROW), Step("add_", (4, 1))],
    "a constant becomes differentiable by a write": [Step("add_", (2, 1))],
    "a detached tensor that nobody used is written": [Step(DETACH, (0,)), Step("copy_", (3, 1))],
    "an unrecorded tensor is written with recording off": [off("negative", 0), off("add_", 3, 1), Step("add", (3, 1))],
    "a leaf is written with recording off": [off("add_", 0, 1), Step("add", (0, 1))],
}
MAY: dict[str, Sequence[Step]] = {
    "an operand of a product is written later": [
        NEGATE,
        Step("multiply", (3, 1)),
        Step("add_", (3, 1)),
        Step("add", (3, 4)),
    ],
    "the other operand is": [NEGATE, Step("multiply", (1, 3)), Step("add_", (3, 1)), Step("add", (3, 4))],
    "the result of a product is": [Step("multiply", (0, 1)), Step("add_", (3, 1))],
    "the product's operand is written through a view": [
        NEGATE,
        Step("select", (3,), ROW),
        Step("multiply", (3, 1)),
        Step("copy_", (4, 1)),
        Step("add", (3, 5)),
    ],
    "the product used a view, the base is written": [
        NEGATE,
        Step("select", (3,), ROW),
        Step("multiply", (4, 1)),
        Step("copy_", (3, 1)),
        Step("add", (3, 5)),
    ],
    "the operand is written with recording off": [
        NEGATE,
        Step("multiply", (3, 1)),
        off("add_", 3, 1),
        Step("add", (3, 4)),
    ],
    "the operand is written through a detached alias": [
        NEGATE,
        Step("multiply", (3, 1)),
        Step(DETACH, (3,)),
        Step("copy_", (5, 1)),
        Step("add", (3, 4)),
    ],
    "multiplied in place twice": [NEGATE, Step("multiply_", (3, 1)), Step("multiply_", (3, 1))],
    "the factor of a multiplication in place is written": [
        NEGATE,
        NEGATE,
        Step("multiply_", (3, 4)),
        Step("add_", (4, 1)),
        Step("add", (3, 4)),
    ],
    "a product of constants, one of them written": [
        Step("multiply", (2, 2)),
        Step("add_", (2, 1)),
        Step("add", (2, 3)),
    ],
    "an unrecorded tensor is written with recording on": [off("negative", 0), Step("add_", (3, 1))],
    "an operand of matmul is written": [
        NEGATE,
        Step("expand_dims", (3,), {"axis": 0}),
        Step("expand_dims", (3,), {"axis": 1}),
        Step("matmul", (4, 5)),
        Step("add_", (3, 1)),
        Step("add", (3, 6)),
    ],
    "a view of a constant is written after the constant came to require gradients": [
        Step("select", (2,), ROW),
        Step("add_", (2, 1)),
        Step("add_", (3, 1)),
    ],
    "the same, where it came to do so by an unrecorded view of a result": [
        Step("select", (2,), ROW),
        NEGATE,
        Step("select", (4,), ROW, recorded=False),
        Step("copy_", (2, 5)),
        Step("copy_", (3, 5)),
        Step("add", (4, 3)),
    ],
}


def program(steps: Sequence[Step]) -> Program:
    """Two leaves, x1 a scalar that broadcasts to everything, and a constant."""
    return Program("float64", (Input((2,)), Input(()), Input((2,), False)), tuple(steps), (2 + len(steps),))


def judged(example: Program) -> bool:
    return must_accept(example, Oracle(COMPLETE.aliasing).run(example))


@pytest.mark.parametrize("reason", MUST)
def test_must_accept(reason: str) -> None:
    assert judged(program(MUST[reason]))


@pytest.mark.parametrize("reason", MAY)
def test_may_refuse(reason: str) -> None:
    assert not judged(program(MAY[reason]))


def test_where_views_copy_their_base_may_be_written() -> None:
    example = program(MAY["the product used a view, the base is written"])
    assert must_accept(example, Oracle(()).run(example))


# ---- the same rule, read slowly: every pair of steps, every state by running the program up to there ----
class Reading:
    """One program, and what it looked like before each step."""

    def __init__(self, example: Program) -> None:
        self.program, self.first = example, len(example.inputs)
        oracle = Oracle(COMPLETE.aliasing)
        prefixes = [replace(example, steps=example.steps[:count]) for count in range(len(example.steps) + 1)]
        self.before: list[list[Dual]] = [oracle.tensors(prefix) for prefix in prefixes]
        self.after = self.before[-1]

    def accepted(self) -> bool:
        steps = self.program.steps
        writes = [place for place, step in enumerate(steps) if step.writes]
        return not any(self._was_used(place) or self._is_marked(place) or self._is_early(place) for place in writes)

    def _shares(self, one: int, other: int) -> bool:
        return self.after[one].memory is self.after[other].memory

    def _was_used(self, write: int) -> bool:
        uses = [
            number
            for place, step in enumerate(self.program.steps[:write])
            if step.recorded and step.operator in VALUE_DEPENDENT
            for number in (*step.operands, self.first + place)
        ]
        return any(self._shares(number, self.first + write) for number in uses)

    def _is_marked(self, write: int) -> bool:
        made_unrecorded = [
            self.first + place
            for place, step in enumerate(self.program.steps[:write])
            if not step.recorded and not self._shares(self.first + place, step.operands[0])
        ]
        recorded = self.program.steps[write].recorded
        return recorded and any(self._shares(number, self.first + write) for number in made_unrecorded)

    def _is_early(self, write: int) -> bool:
        target = self.program.target(self.first + write)
        place = target - self.first
        if place < 0 or not self.program.steps[write].recorded:
            return False
        base = self.program.steps[place].operands[0]
        requires_now = self.before[write][target].history.requires
        return self._shares(target, base) and requires_now and not self.before[place][base].history.requires


def test_random_programs_by_the_slow_reading() -> None:
    accepted = 0
    for seed in range(600):
        example = draw_program(random.Random(seed).randrange, COMPLETE)
        assert judged(example) == Reading(example).accepted(), example
        accepted += judged(example)
    assert 100 < accepted < 500
