"""Which steps matter, against brute force: what a step makes is changed, and some root must change with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import interpreter
import numpy as np
import pytest
from oracle_samples import sample, sample_over_aliasings

from autograd_conformance.programs.distribution import COMPLETE
from autograd_conformance.programs.oracle import Oracle, expect
from autograd_conformance.programs.program import DETACH, Input, Program, Step
from autograd_conformance.programs.shrinking import pruned
from autograd_conformance.programs.zones import Liveness


def absolute(program: Program) -> Program:
    """The program without subtraction, so that nothing cancels."""
    steps = (replace(step, operator={"subtract": "add"}.get(step.operator, step.operator)) for step in program.steps)
    return replace(program, steps=tuple(steps))


def magnitudes(program: Program, aliasing: frozenset[str], changed: int | None = None) -> list[Any]:
    """The roots on positive numbers, with small imaginary parts throughout; what `changed` makes is twice as large."""
    inputs = [
        (np.abs(array) + 1) * (1 + interpreter.STEP * 1j * each.requires_grad)
        for array, each in zip(program.arrays, program.inputs, strict=True)
    ]

    def trace(number: int, value: Any) -> Any:
        value = -value if program.steps[number - len(inputs)].operator == "negative" else value
        return 2 * value if number == changed else value

    values = interpreter.run(absolute(program), inputs, aliasing, trace)
    return [values[root] for root in program.roots]


def matters(program: Program, aliasing: frozenset[str], place: int) -> bool:
    """Whether what the step makes or writes changes the value or a derivative of a root."""
    roots = magnitudes(program, aliasing)
    changed = magnitudes(program, aliasing, len(program.inputs) + place)
    return any(not np.array_equal(one, other) for one, other in zip(roots, changed, strict=True))


def is_needed(program: Program, place: int) -> bool:
    """Whether some root or step names what the step made: then it must be there, whatever its elements are."""
    number = len(program.inputs) + place
    later = program.steps[place + 1 :]
    named = {program.target(each) for step in later for each in step.operands} | {
        program.target(r) for r in program.roots
    }
    return not program.steps[place].writes and number in named


def test_every_step_of_a_drawn_program_matters() -> None:
    """But for a few: tensors that must be there to be written, and writes of which later steps drop every element."""
    judged, only_named, lost_writes = 0, 0, 0
    for program, aliasing in sample_over_aliasings(400):
        for place, step in enumerate(program.steps):
            judged += 1
            if step.operator in interpreter.MAPS or not matters(program, aliasing, place):
                assert step.writes or is_needed(program, place), f"step {place} is dead:\n{program}"
                only_named += step.operator not in interpreter.MAPS
                lost_writes += step.writes
    assert only_named < judged / 50 and lost_writes < judged / 500


def test_a_program_with_dead_steps_fails_that_test() -> None:
    """An addition that nobody reads is put at the end of programs: it is neither named nor does it matter."""
    for program in sample(20):
        dead = replace(program, steps=(*program.steps, Step("add", (0, 0))))
        place = len(program.steps)
        assert not matters(dead, COMPLETE.aliasing, place) and not is_needed(dead, place)
        assert place not in Liveness(dead, Oracle(COMPLETE.aliasing).run(dead)).steps


def with_fewer_roots(program: Program, number: int) -> Program:
    """Only one root, at random: much dies."""
    differentiable = [
        place
        for place, x in enumerate(Oracle(COMPLETE.aliasing).run(program))
        if x.history.requires and place >= len(program.inputs)
    ]
    return replace(program, roots=(differentiable[number % len(differentiable)],)) if differentiable else program


def test_dropping_dead_steps_changes_neither_values_nor_gradients() -> None:
    dropped = 0
    for number, whole in enumerate(sample(400)):
        program = with_fewer_roots(whole, number)
        smaller = pruned(program)
        dropped += len(program.steps) - len(smaller.steps)
        before, after = _roots(program), _roots(smaller)
        assert pruned(smaller) == smaller
        for one, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=f"{program}\nbecame\n{smaller}")
    assert dropped > 1000


def _roots(program: Program) -> list[Any]:
    """Roots on positive inputs that do not depend on the seed, and so not on how many inputs there are."""
    inputs = [np.full(each.shape, 2 + interpreter.STEP * 1j * each.requires_grad) for each in program.inputs]
    values = interpreter.run(program, inputs, COMPLETE.aliasing)
    return [values[root] for root in program.roots]


NEGATED_AND_SQUARED = (Step("negative", (0,)), Step("multiply_", (3, 1)), Step("multiply", (3, 3)))
KEPT = {
    "overwritten with recording off: the derivatives stay": (Step("copy_", (5, 2), recorded=False),),
    "overwritten through a detached alias: the derivatives stay": (Step(DETACH, (5,)), Step("copy_", (6, 2))),
}


@pytest.mark.parametrize("case", KEPT)
def test_derivatives_live_on_where_values_die(case: str) -> None:
    steps = (*NEGATED_AND_SQUARED, *KEPT[case])
    program = Program("float64", (Input((2,)),) * 3, steps, (5,))
    assert pruned(program) == program


def test_what_is_overwritten_is_dead() -> None:
    program = Program("float64", (Input((2,)),) * 3, (*NEGATED_AND_SQUARED, Step("copy_", (5, 2))), (5,))
    assert [step.operator for step in pruned(program).steps] == ["negative", "multiply", "copy_"]
    assert not expect(pruned(program), COMPLETE.aliasing).gradients[0].any()  # type: ignore[union-attr]


def test_reads_around_a_write() -> None:
    inputs: Sequence[Input] = (Input((2,)), Input((2,)))
    around = (Step("negative", (0,)), Step("negative", (2,)), Step("multiply_", (2, 1)), Step("add", (2, 3)))
    after = (Step("negative", (0,)), Step("multiply_", (2, 1)), Step("add", (2, 0)))
    for steps, expected in ((around, True), (after, False)):
        program = Program("float64", tuple(inputs), steps, (len(steps) + 1,))
        assert Liveness(program, Oracle(COMPLETE.aliasing).run(program)).reads_around_write is expected
