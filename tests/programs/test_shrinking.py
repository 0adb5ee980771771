"""Smaller programs: all different, legal, smaller by a measure, and small in the end."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice

import pytest

from autograd_conformance.operators import VIEWS
from autograd_conformance.programs import shrinking
from autograd_conformance.programs.distribution import COMPLETE
from autograd_conformance.programs.drawing import draw_program
from autograd_conformance.programs.exactness import exact_passes_of
from autograd_conformance.programs.legality import Illegal
from autograd_conformance.programs.oracle import Oracle, expect
from autograd_conformance.programs.palette import Palette
from autograd_conformance.programs.program import DETACH, Input, Program, Step
from autograd_conformance.programs.shrinking import PLAIN, PLAIN_WRITES, pruned, simpler


def drawn(count: int, start: int = 0, palette: Palette = COMPLETE) -> list[Program]:
    return [draw_program(random.Random(start + number).randrange, palette) for number in range(count)]


def size(program: Program) -> tuple[int, ...]:
    """Every candidate is smaller in this order, so that shrinking ends."""
    plainness = {operator: rank for relatives in (PLAIN, PLAIN_WRITES) for rank, operator in enumerate(relatives)}
    plainness |= {"reshape": 3, "expand_dims": 4, "sum": 5}  # which views become, and other results
    return (
        len(program.steps),
        len(program.roots),
        sum(step.writes for step in program.steps),
        sum(not step.recorded for step in program.steps),
        sum(plainness.get(step.operator, 6) for step in program.steps),
        len(program.inputs),
        sum(array.size + array.ndim for array in program.arrays),
        sum(not each.requires_grad for each in program.inputs),
        sum(number for step in program.steps for number in step.operands),
        sum(math.prod(shape) + len(shape) for shape in shrinking._shapes(program)),
        program.seed,
    )


def legal(programs: Iterable[Program]) -> Iterator[Program]:
    """Those that an engine can judge on which everything aliases; the clause rejects the others."""
    for program in programs:
        with suppress(Illegal):
            Oracle(COMPLETE.aliasing).run(program)
            yield program


def test_candidates_are_smaller_and_legal_and_data() -> None:
    for program in drawn(40):
        candidates = list(legal(simpler(program)))
        assert len(candidates) > 5
        before = size(program)
        for candidate in candidates:
            assert size(candidate) < before, f"{program}\ngave\n{candidate}"
            assert pruned(candidate) == candidate
            assert Program.from_json(json.loads(json.dumps(candidate.to_json()))) == candidate
            expect(candidate, COMPLETE.aliasing)


@pytest.mark.parametrize("aliasing", [frozenset(), frozenset({"reshape", "select"})], ids=["none", "some"])
def test_programs_of_engines_where_views_copy_have_candidates_too(aliasing: frozenset[str]) -> None:
    """Some of them are not legal where everything aliases."""
    for program in drawn(60, palette=replace(COMPLETE, aliasing=aliasing)):
        before = size(program)
        assert all(size(candidate) < before for candidate in simpler(program))


def shrunk(program: Program, fails: Callable[[Program], bool]) -> Program:
    """What is left when no candidate fails any more; fewer rounds than steps, inputs and elements."""
    for _ in range(300):
        smaller = next(filter(fails, legal(simpler(program))), None)
        if smaller is None:
            return program
        program = smaller
    raise AssertionError(f"no end:\n{program}")


def multiplies_a_selection_in_place(program: Program) -> bool:
    made = {number: step for number, step in enumerate(program.steps, len(program.inputs))}
    return any(
        step.operator == "multiply_"
        and program.target(step.operands[0]) in made
        and made[program.target(step.operands[0])].operator == "select"
        for step in program.steps
    )


def uses_a_tensor_twice(program: Program) -> bool:
    return any(len(set(step.operands)) < len(step.operands) for step in program.steps)


def takes_twice(program: Program) -> bool:
    takes = (step.params["indices"] for step in program.steps if step.operator == "take")
    return any(len(set(indices)) < len(indices) for indices in takes)


def writes_unrecorded(program: Program) -> bool:
    return any(step.writes and not step.recorded for step in program.steps)


def has_three_roots(program: Program) -> bool:
    return len(program.roots) == 3


def detaches(program: Program) -> bool:
    return any(step.operator == DETACH for step in program.steps)


def gradient_is_large(program: Program) -> bool:
    return any(
        each is not None and abs(each).max(initial=0) > 100 for each in expect(program, COMPLETE.aliasing).gradients
    )


@pytest.mark.parametrize(
    ("fails", "steps"),
    [
        (multiplies_a_selection_in_place, 4),  # something to write to, views of it, the write
        (uses_a_tensor_twice, 1),
        (takes_twice, 1),
        (writes_unrecorded, 1),  # into a leaf
        (has_three_roots, 2),
        (detaches, 2),  # a root must require a gradient
        (gradient_is_large, 5),
    ],
)
def test_what_is_left_is_small(fails: Callable[[Program], bool], steps: int) -> None:
    failing = list(islice(filter(fails, drawn(1000, start=5000)), 6))
    assert len(failing) == 6
    for program in failing:
        small = shrunk(program, fails)
        assert fails(small) and len(small.steps) <= steps, small
        assert pruned(small) == small
        assert small.seed == 0 or fails is gradient_is_large


def writes_to_a_view_of_a_result(program: Program) -> bool:
    made = {number: step for number, step in enumerate(program.steps, len(program.inputs))}
    targets = [made.get(step.operands[0]) for step in program.steps if step.writes]
    return any(each.operator in VIEWS and each.operands[0] in made for each in targets if each is not None)


def computes_with_a_result(program: Program) -> bool:
    """One that was computed itself: neither may be a write."""
    computed = {number for number, step in enumerate(program.steps, len(program.inputs)) if not step.writes}
    return any(
        number in computed and not computed.isdisjoint(step.operands)
        for number, step in enumerate(program.steps, len(program.inputs))
    )


@pytest.mark.parametrize(
    ("fails", "form"),
    [
        (writes_to_a_view_of_a_result, ("multiply", "reshape", "multiply_")),
        (computes_with_a_result, ("multiply", "multiply")),
    ],
)
def test_what_goes_wrong_after_any_operator_takes_on_one_form(
    fails: Callable[[Program], bool], form: tuple[str, ...]
) -> None:
    failing = list(islice(filter(fails, drawn(1000, start=5000)), 12))
    assert len(failing) == 12
    assert {shrunk(program, fails).skeleton() for program in failing} == {form}


# ---- by example ----
def test_empty_roots_are_judged_like_others() -> None:
    steps = (Step("slice", (0,), {"key": (slice(2, 3),)}), Step("multiply", (1, 1)))
    expected = expect(Program("float32", (Input((2,)),), steps, (2,)), COMPLETE.aliasing)
    assert expected.values[0].shape == (0,)
    assert expected.gradients[0] is not None and expected.gradients[0].tolist() == [0, 0]


def test_dead_steps_inputs_and_roots_go() -> None:
    steps = (Step("add", (1, 1)), Step("negative", (0,)), Step("multiply", (4, 2)), Step(DETACH, (4,)))
    program = Program("float64", (Input((2,)),) * 3, steps, (4, 6, 4))
    assert pruned(program) == Program("float64", (Input((2,)),), (Step("negative", (0,)),), (1,))


def test_a_root_that_names_a_dead_write_stays_the_tensor_written_to() -> None:
    steps = (Step("negative", (0,)), Step("multiply_", (2, 1)), Step("copy_", (2, 1)))
    program = Program("float64", (Input((2,)),) * 2, steps, (3,))
    assert pruned(program) == replace(program, steps=(steps[0], steps[2]), roots=(2,))


def test_a_program_without_a_differentiable_root_is_illegal() -> None:
    with pytest.raises(Illegal, match="no root requires a gradient"):
        pruned(Program("float64", (Input((2,), False),), (Step("negative", (0,)),), (1,)))


def test_without_roots_every_value_counts() -> None:
    program = Program("float64", (Input((2,), False),) * 2, (Step("negative", (1,)), Step("negative", (2,))), ())
    assert pruned(program) == replace(
        program, inputs=program.inputs[:1], steps=(Step("negative", (0,)), Step("negative", (1,)))
    )
    assert all(not candidate.roots for candidate in simpler(program))


def test_a_result_becomes_an_input() -> None:
    steps = (Step("matmul", (0, 1)), Step("multiply", (2, 2)))
    program = Program("float64", (Input((2, 3)), Input((3, 1))), steps, (3,), 0)
    assert Program("float64", (Input((2, 1)),), (Step("multiply", (0, 0)),), (1,), 0) in list(simpler(program))


def test_a_result_that_is_written_to_becomes_a_constant() -> None:
    """A leaf may not be written to."""
    steps = (Step("negative", (0,)), Step("copy_", (2, 1)))
    program = Program("float64", (Input((2,)), Input((2,))), steps, (2,), 0)
    assert Program("float64", (Input((2,)), Input((2,), False)), (Step("copy_", (1, 0)),), (1,), 0) in [
        *simpler(program)
    ]


def test_a_result_becomes_a_sum_that_fits_in_its_place() -> None:
    """A product of `x0` does not."""
    steps = (Step("reshape", (0,), {"shape": (2, 2)}), Step("select", (1,), {"key": (0, 1)}), Step("multiply", (0, 2)))
    program = Program("float64", (Input((4,)),), steps, (3,), 0)
    small = replace(
        program, steps=(Step("sum", (0,), {"axis": (0,), "keepdims": False}), Step("multiply", (0, 1))), roots=(2,)
    )
    assert small in list(simpler(program))


def test_an_input_becomes_a_scalar_where_its_sum_is_all_that_fits() -> None:
    steps = (Step("sum", (0,), {"axis": (0,), "keepdims": False}), Step("copy_", (1, 2)))
    program = Program("float64", (Input((2,)), Input((), False)), steps, (1,), 0)
    small = replace(program, inputs=(Input(()), Input((), False)), steps=(Step("add", (0, 0)), Step("copy_", (1, 2))))
    assert small in list(simpler(program))


def test_pruned_on_engines_where_views_copy() -> None:
    steps = (Step("negative", (0,)), Step("select", (2,), {"key": (0,)}), Step("copy_", (3, 1)))
    program = Program("float64", (Input((2,)), Input(())), steps, (2,))
    assert pruned(program) == program
    assert pruned(program, ()) == Program("float64", (Input((2,)),), (Step("negative", (0,)),), (1,))
    Oracle(()).run(pruned(program, ()))


# ---- exactness ----
def assert_as_exact(program: Program, passes: int) -> None:
    """However far it is made smaller: its gradients add up exactly over as many passes as those of `program`."""
    assert exact_passes_of(program, COMPLETE.aliasing) >= passes
    choose = random.Random(1).randrange
    while smaller := list(legal(simpler(program))):
        assert all(exact_passes_of(each, COMPLETE.aliasing) >= passes for each in smaller), program
        program = smaller[choose(min(len(smaller), 40))]


def doublings(count: int, dtype: str) -> Program:
    """`x + x`, and so on: of the sums, each may become a product."""
    return Program(dtype, (Input((2,)),), tuple(Step("add", (n, n)) for n in range(count)), (count,))


def many_exact_programs() -> Iterator[tuple[Program, int]]:
    """With a number of passes over which each is exact."""
    yield doublings(12, "float32"), 4
    yield doublings(4, "float16"), 1
    for passes in (1, 4):
        palette = replace(COMPLETE, dtypes=("float16", "float32"), passes=passes, often=("multiply",) * 12)
        yield from ((program, passes) for program in drawn(10, 100, palette))


def test_candidates_are_as_exact_as_what_was_drawn() -> None:
    for program, passes in many_exact_programs():
        assert_as_exact(program, passes)


def test_candidates_that_are_less_exact_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinking, "_is_exact", lambda smaller, passes: True)
    with pytest.raises(AssertionError):
        for program, passes in many_exact_programs():
            assert_as_exact(program, passes)


def test_a_failure_is_not_made_smaller_into_one_of_rounding() -> None:
    """The sums become products where these are exact, and stay sums where they are not."""
    program = doublings(12, "float32")
    renamed = [each for each in simpler(program) if len(each.steps) == 12]
    assert {each.skeleton().index("multiply") for each in renamed if "multiply" in each.skeleton()} == {0, 1, 2}
