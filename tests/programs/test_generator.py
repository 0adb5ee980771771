"""Whatever an engine lacks, programs for it are legal, are made of what it has, and are the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograd_conformance.engine import Engine
from autograd_conformance.judge import Unsupported
from autograd_conformance.operators import STEPS, VIEWS, WRITES
from autograd_conformance.programs.distribution import COMPLETE, draw_programs
from autograd_conformance.programs.drawing import draw_program
from autograd_conformance.programs.generate import COPIES, diamonds, programs, view_programs
from autograd_conformance.programs.oracle import Dual, Oracle, expect
from autograd_conformance.programs.palette import EXACT, Palette
from autograd_conformance.programs.program import DETACH, Program
from autograd_conformance.programs.proposals import LARGEST_SIZE
from autograd_conformance.programs.shrinking import pruned

POOL = ((), (1,), (3,), (2, 3), (1, 2), (3, 1, 2), (2, 1, 2, 2))


@st.composite
def palettes(draw: st.DrawFn) -> Palette:
    """For engines with anything missing that an engine may lack."""
    base = draw(st.sampled_from([{"add"}, {"multiply"}, {"add", "multiply"}]))
    max_ndim = draw(st.integers(0, 4))
    accepts = draw(st.booleans())
    known = sorted({*STEPS, DETACH})
    more = draw(st.one_of(st.just(set[str]()), st.just({*known}), st.sets(st.sampled_from(known))))
    pool = st.lists(st.sampled_from([shape for shape in POOL if len(shape) <= max_ndim]), min_size=1).map(tuple)
    return Palette(
        frozenset(base | more | (set() if accepts or not max_ndim else {"sum"})),
        draw(st.frozensets(st.sampled_from(sorted(COMPLETE.aliasing)))),
        tuple(draw(st.lists(st.sampled_from(sorted(EXACT)), min_size=1))),
        max_ndim,
        draw(st.none() | pool),
        draw(st.booleans()),
        ("write",) * draw(st.sampled_from([0, 12])),
        accepts,
        draw(st.integers(1, 3)) if accepts else 1,
        draw(st.integers(1, 4)),
    )


def assert_made_of(palette: Palette, program: Program) -> list[Dual]:
    """What every program keeps to, roots or no roots; its tensors."""
    assert {step.operator for step in program.steps} <= palette.operators
    assert program.dtype in palette.dtypes
    assert palette.recording_off or all(step.recorded for step in program.steps)
    tensors = Oracle(palette.aliasing).tensors(program)
    assert all(x.value.ndim <= palette.max_ndim and 0 < x.value.size <= LARGEST_SIZE for x in tensors)
    assert palette.shapes is None or {each.shape for each in program.inputs} <= {*palette.shapes}
    return tensors


def assert_fits(palette: Palette, program: Program) -> None:
    """A program with roots."""
    tensors = assert_made_of(palette, program)
    assert 1 <= len(program.roots) <= palette.roots
    if not palette.accepts_cotangent:
        assert program.unit_cotangent and tensors[program.roots[0]].value.size == 1
    expect(program, palette.aliasing)  # legal, roots require gradients
    assert pruned(program, palette.aliasing) == program
    assert Program.from_json(program.to_json()) == program


@settings(max_examples=600, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(palettes(), st.integers(0, 2**32))
def test_programs_fit_any_palette(palette: Palette, seed: int) -> None:
    assert_fits(palette, draw_program(random.Random(seed).randrange, palette))


def test_drawn_by_hypothesis_they_fit_as_well(drawn: list[Program]) -> None:
    for program in drawn[::10]:
        assert_fits(COMPLETE, program)


def test_same_seed_same_programs() -> None:
    assert draw_programs(30, start=7) == draw_programs(30, start=7)
    assert draw_programs(30, start=7) != draw_programs(30, start=8)


# ---- what the clauses ask for ----
def engine(*operators: str, **facts: Any) -> Engine:
    """An engine that can do nothing, but says that it can."""
    silent: type[Engine] = type("Silent", (Engine,), {"operators": dict.fromkeys(operators, "None"), **facts})
    return silent()


def tape(*operators: str, **facts: Any) -> Engine:
    verbs = ("backward", "grad", "requires_grad", "is_leaf", "detach", "no_grad")
    return engine(*operators, **dict.fromkeys(verbs, lambda self: None), **facts)


def drawn_from(strategy: st.SearchStrategy[Program], count: int = 60) -> list[Program]:
    found: list[Program] = []

    @settings(max_examples=count, deadline=None, database=None, derandomize=True)
    @given(strategy)
    def keep(program: Program) -> None:
        found.append(program)

    keep()
    return found


def test_writes_detached_tensors_and_modes_only_when_asked_for() -> None:
    everything = tape(*STEPS, aliasing=COMPLETE.aliasing)

    def asked(**wishes: bool) -> set[str]:
        steps = [step for program in drawn_from(programs(**wishes)(everything)) for step in program.steps]  # type: ignore[arg-type]
        found = {"writes" for step in steps if step.writes} | {"detach" for step in steps if step.operator == DETACH}
        return found | {"recording_off" for step in steps if not step.recorded}

    assert asked() == set()
    assert asked(writes=True) == {"writes"}
    assert asked(detach=True) == {"detach"}
    assert asked(writes=True, detach=True, recording_off=True) == {"writes", "detach", "recording_off"}


def test_an_engine_without_a_tape_gets_no_detached_tensors_and_no_modes() -> None:
    found = drawn_from(programs(detach=True, recording_off=True)(engine(*STEPS)))
    assert all(step.recorded and step.operator != DETACH for program in found for step in program.steps)


def test_one_root_for_an_engine_that_takes_no_more() -> None:
    assert {len(program.roots) for program in drawn_from(programs()(tape(*STEPS, several_roots=False)))} == {1}
    assert {len(program.roots) for program in drawn_from(programs()(tape(*STEPS)))} == {1, 2, 3}


def test_often() -> None:
    share = [
        sum(step.operator == DETACH for program in found for step in program.steps)
        for found in (drawn_from(programs(detach=True, often=often)(tape(*STEPS))) for often in ("", DETACH))
    ]
    assert share[1] > 2 * share[0]


UNSUPPORTED: dict[str, tuple[Callable[[Engine], Any], Engine]] = {
    "add or multiply": (programs(), engine("matmul", "sum")),
    "a pass with a cotangent": (programs(cotangents=True), engine("add", "sum", accepts_cotangent=False)),
    "several roots": (programs(several_roots=True), engine("add", several_roots=False)),
    "the operator sum": (programs(), engine("add", accepts_cotangent=False)),
    "one of the dtypes float16, float32, float64": (programs(), engine("add", dtypes=("bfloat16",))),
    "no operator of kind view": (view_programs, engine("add", "add_")),
    "need the operator add": (diamonds, engine("multiply")),
}


@pytest.mark.parametrize("reason", UNSUPPORTED)
def test_what_an_engine_lacks_is_named(reason: str) -> None:
    strategy, lacking = UNSUPPORTED[reason]
    with pytest.raises(Unsupported, match=reason):
        strategy(lacking)


def test_scalars_need_no_sum() -> None:
    scalars = engine("add", accepts_cotangent=False, max_ndim=0)
    assert all(program.unit_cotangent for program in drawn_from(programs()(scalars)))


def test_view_programs_are_views_copies_and_writes_on_constants() -> None:
    operators = frozenset({*VIEWS, *WRITES, *COPIES, DETACH})
    palette = replace(COMPLETE, operators=operators, dtypes=("float32",), recording_off=False)
    found = drawn_from(view_programs(tape(*STEPS, aliasing=COMPLETE.aliasing)))
    for program in found:
        assert_made_of(palette, program)
        assert program.roots == () and program.leaf_numbers == ()
    assert sum(bool(program.steps) for program in found) > 0.95 * len(found)
    assert sum(any(step.writes for step in program.steps) for program in found) > len(found) / 2


def test_diamonds_double_the_number_of_paths() -> None:
    found = drawn_from(diamonds(engine("add", "multiply", "negative", "subtract")))
    for program in found:
        assert_made_of(COMPLETE, program)
        expect(program, ())
    longest = max(found, key=lambda program: len(program.steps))
    assert len(longest.steps) > 10
    assert all({step.operator for step in program.steps} <= {"add"} for program in drawn_from(diamonds(engine("add"))))
