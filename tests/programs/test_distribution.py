"""The generator draws what the design demands, and each weak generator is found by the figure that it should be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest

from autograd_conformance.operators import STEPS, WRITES
from autograd_conformance.programs import distribution as measuring
from autograd_conformance.programs.distribution import COMPLETE, Distribution, draw_programs, measure
from autograd_conformance.programs.drawing import Drawing
from autograd_conformance.programs.palette import Palette
from autograd_conformance.programs.program import DETACH, Input, Program, Step
from autograd_conformance.programs.proposals import PROPOSALS


def _writes_that_add(figures: Distribution) -> float:
    return figures.operators["add_"] / max(sum(figures.operators[name] for name in WRITES), 1)


def _rarest(figures: Distribution) -> float:
    return min(figures.operators[name] for name in (*STEPS, DETACH)) / figures.operators.total()


DEMANDS: Mapping[str, Callable[[Distribution], bool]] = {
    "median live steps": lambda figures: figures.median_live_steps >= 6,
    "non-zero gradients": lambda figures: figures.non_zero_gradient >= 0.95,
    "fan-out": lambda figures: figures.fan_out >= 0.6,
    "read around write": lambda figures: figures.read_around_write >= 0.5,
    "must accept": lambda figures: 0.2 <= figures.must_accept <= 0.8,
    "writes": lambda figures: figures.with_writes >= 0.5,
    "writes through aliases": lambda figures: figures.writes_through_aliases >= 0.3,
    "writes that add": lambda figures: _writes_that_add(figures) <= 0.3,
    "every operator": lambda figures: _rarest(figures) >= 0.005,
}


def shortfalls(figures: Distribution) -> set[str]:
    return {name for name, holds in DEMANDS.items() if not holds(figures)}


@pytest.mark.parametrize("demand", DEMANDS)
def test_ten_thousand_programs(demand: str, distribution: Distribution) -> None:
    assert DEMANDS[demand](distribution), str(distribution)


def test_programs_are_seldom_drawn_twice(drawn: list[Program]) -> None:
    assert len({str(program.to_json()) for program in drawn}) > 0.9 * len(drawn)


# ---- weak generators ----
@dataclass(frozen=True)
class Weak:
    """A way to draw badly, and the figures that must fall short."""

    plant: Callable[[pytest.MonkeyPatch], object]
    found_by: str
    palette: Palette = COMPLETE


def never_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Drawing, "pick", lambda self: self.recent(self.unread))
    patch.setitem(PROPOSALS, "multiply", (8, _two_unread))


def _two_unread(drawing: Drawing) -> Step | None:
    x, *others = drawing.unread
    same = [y for y in others if drawing.shape(y) == drawing.shape(x)]
    return Step("multiply", (x, same[0])) if same else None


def zeros(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        "autograd_conformance.programs.program._small_integers",
        lambda draw, shape, dtype, zeros: np.zeros(shape, dtype),
    )


def short(patch: pytest.MonkeyPatch) -> None:
    right = Drawing.step
    patch.setattr(Drawing, "step", lambda self: None if self.steps else right(self))


def before_any_read(patch: pytest.MonkeyPatch) -> None:
    right = Drawing.writable
    patch.setattr(Drawing, "writable", lambda self, number: right(self, number) and not self.was_read(number))


def of_bases_only(patch: pytest.MonkeyPatch) -> None:
    right = Drawing.writable

    def alone(self: Drawing, number: int) -> bool:
        memory = self.tensors[number].memory
        return right(self, number) and sum(self.tensors[x].memory is memory for x in self.names) == 1

    patch.setattr(Drawing, "writable", alone)
    patch.setattr(Drawing, "add", _without_views_of_written(Drawing.add))


def _without_views_of_written(right: Callable[[Drawing, Step], bool]) -> Callable[[Drawing, Step], bool]:
    def add(self: Drawing, step: Step) -> bool:
        written = {id(self.tensors[each.operands[0]].memory) for each in self.steps if each.writes}
        return id(self.tensors[step.operands[0]].memory) not in written or step.writes or right(self, step)

    return add


def rarely(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(PROPOSALS, "write", (1, lambda drawing: None))


def nothing(patch: pytest.MonkeyPatch) -> None:
    pass


WEAK: Mapping[str, Weak] = {
    "operands are never used again": Weak(
        never_again, "fan-out", replace(COMPLETE, operators=frozenset({"multiply", "add", "negative", "sum", "take"}))
    ),
    "all values are zero": Weak(zeros, "non-zero gradients"),
    "one step": Weak(short, "median live steps"),
    "only what nobody has read is written": Weak(before_any_read, "read around write"),
    "writes only add": Weak(
        nothing, "writes that add", replace(COMPLETE, operators=COMPLETE.operators - {*WRITES} | {"add_"})
    ),
    "no writes": Weak(rarely, "writes"),
    "no view is written": Weak(
        nothing, "writes through aliases", replace(COMPLETE, operators=COMPLETE.operators - COMPLETE.aliasing)
    ),
    "no diagonals": Weak(nothing, "every operator", replace(COMPLETE, operators=COMPLETE.operators - {"diagonal"})),
    "every engine may refuse": Weak(
        lambda patch: patch.setattr(measuring, "must_accept", lambda program, tensors: False), "must accept"
    ),
}


@pytest.mark.parametrize("name", WEAK)
def test_a_weak_generator_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    weak = WEAK[name]
    weak.plant(monkeypatch)
    assert weak.found_by in shortfalls(measure(draw_programs(300, weak.palette)))


def test_three_hundred_programs_of_the_generator_fall_short_of_nothing() -> None:
    assert shortfalls(measure(draw_programs(300))) <= {"every operator"}  # too few to tell


# ---- the measure itself ----
def program(*steps: Step, roots: tuple[int, ...], inputs: int = 2) -> Program:
    return Program("float64", (Input((2,)),) * inputs, steps, roots, 1)


def test_figures_by_hand() -> None:
    copy = Step("negative", (0,))
    plain = program(Step("add", (0, 1)), roots=(2,))
    twice = program(Step("multiply", (0, 0)), Step("add", (2, 1)), roots=(3,))
    writing = program(copy, Step("multiply", (2, 2)), Step("multiply_", (2, 1)), Step("add", (2, 3)), roots=(5,))
    through = program(copy, Step("slice", (2,), {"key": (slice(0, 1),)}), Step("add_", (3, 1)), roots=(2,))
    through = replace(through, inputs=(Input((2,)), Input((1,))))
    figures = measure([plain, twice, writing, through])
    assert (figures.programs, figures.median_live_steps, figures.mean_live_steps) == (4, 2.5, 2.5)
    assert (figures.non_zero_gradient, figures.fan_out) == (1.0, 0.5)
    assert (figures.with_writes, figures.read_around_write, figures.writes_through_aliases) == (0.5, 0.5, 0.5)
    assert figures.must_accept == 0.5
    assert figures.operators == {"add": 3, "multiply": 2, "negative": 2, "multiply_": 1, "slice": 1, "add_": 1}


def test_printed_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert measuring.main(["--examples", "20", "--seed", "3"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("20 programs\nmedian_live_steps")
    assert re.search(r"^  multiply +0\.\d{3}$", printed, re.MULTILINE)
