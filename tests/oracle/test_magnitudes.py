"""Numbers stay where every partial sum is exact: the bound is above the oracle, and drawn programs are below the limit."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import interpreter
import numpy as np
import pytest
from oracle_samples import sample, sample_over_aliasings
from test_liveness import absolute

from autograd_conformance.programs.distribution import COMPLETE
from autograd_conformance.programs.drawing import Drawing
from autograd_conformance.programs.oracle import Bound, Dual, Oracle
from autograd_conformance.programs.palette import EXACT, Palette
from autograd_conformance.programs.program import LARGEST, Program, Step

OFTEN_WRITING = replace(COMPLETE, often=("write",) * 12)
PASSES = 4


def columns(program: Program) -> Any:
    """Which of the bound's columns the oracle has: it differentiates by leaves only."""
    flags = [each.requires_grad for each in program.inputs]
    return np.repeat(flags, [array.size for array in program.arrays])


def assert_bounded(program: Program, aliasing: frozenset[str]) -> None:
    """Every element, and every derivative of it, is at most the bound's."""
    bounds = Bound(aliasing).tensors(program)
    for bound, dual in zip(bounds, Oracle(aliasing).tensors(program), strict=True):
        assert np.all(np.abs(dual.value) <= bound.value), program
        assert np.all(np.abs(dual.tangent) <= bound.tangent[..., columns(program)]), program


def test_bound_is_above_the_oracle() -> None:
    for program, aliasing in sample_over_aliasings(1500):
        assert_bounded(program, aliasing)


def subtracts(patch: pytest.MonkeyPatch) -> None:
    right = Bound.__init__

    def init(self: Bound, aliasing: frozenset[str]) -> None:
        right(self, aliasing)
        self.forward = Oracle(aliasing).forward

    patch.setattr(Bound, "__init__", init)


def smaller_inputs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("autograd_conformance.programs.oracle.LARGEST", LARGEST - 1)


def overwrites_derivatives(patch: pytest.MonkeyPatch) -> None:
    def write(self: Bound, region: Dual, tangent: Any, step: Any) -> None:
        region.tangent[...] = tangent

    patch.setattr(Bound, "write_tangent", write)


@pytest.mark.parametrize("fault", [subtracts, smaller_inputs, overwrites_derivatives])
def test_a_bound_that_is_none_is_found(fault: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch) -> None:
    programs = list(sample(300, OFTEN_WRITING))
    fault(monkeypatch)
    with pytest.raises(AssertionError):
        for program in programs:
            assert_bounded(program, COMPLETE.aliasing)


def largest_gradient(program: Program) -> float:
    """The largest gradient of the roots' sum, all cotangents the largest, that inputs of the drawn size can have."""
    tensors = Bound(COMPLETE.aliasing).tensors(program)
    roots = [tensors[root].tangent for root in program.roots]
    return float(sum(root.reshape(-1, root.shape[-1]).sum(0) for root in roots).max()) * LARGEST


def assert_exact(program: Program, passes: int) -> None:
    """By the bound: every sum of gradients, over passes and roots, and every value at the end can be represented."""
    assert largest_gradient(program) * passes <= EXACT[program.dtype], program
    assert max(x.value.max() for x in Bound(COMPLETE.aliasing).tensors(program)) <= EXACT[program.dtype], program


@pytest.mark.parametrize("dtype", EXACT)
def test_drawn_programs_are_exact(dtype: str) -> None:
    for passes in (1, PASSES):
        for program in sample(400, replace(OFTEN_WRITING, dtypes=(dtype,), passes=passes), start=1000 * passes):
            assert_exact(program, passes)


@pytest.mark.parametrize("dtype", EXACT)
def test_drawn_programs_are_exact_by_the_interpreter(dtype: str) -> None:
    """On absolute values, which no partial sum exceeds: everything made or written, and every derivative by a leaf."""
    for program in sample(60, replace(OFTEN_WRITING, dtypes=(dtype,))):
        made, gradients = _traced(program)
        assert max(made) <= EXACT[dtype] and max(gradients) <= EXACT[dtype], program
        assert max(gradients) <= largest_gradient(program), program


def _traced(program: Program) -> tuple[list[float], list[float]]:
    made: list[float] = [0.0]

    def trace(number: int, value: Any) -> Any:
        value = -value if program.steps[number - len(program.inputs)].operator == "negative" else value
        made.append(np.max(np.real(value)))
        return value

    gradients = [0.0]
    for number, each in enumerate(program.inputs):
        for place in np.ndindex(each.shape) if each.requires_grad else ():
            inputs = [np.array(np.abs(array), complex) for array in program.arrays]
            inputs[number][place] += interpreter.STEP * 1j
            values = interpreter.run(absolute(program), inputs, COMPLETE.aliasing, trace)
            roots = [values[root] for root in program.roots]
            cotangents = program.cotangent_arrays([root.shape for root in roots])
            pairs = zip(roots, cotangents, strict=True)
            gradients.append(sum((root.imag * np.abs(c)).sum() for root, c in pairs) / interpreter.STEP)
    return made, gradients


def assert_affordable_throughout(seed: int) -> None:
    """Whatever is added or turned away, each tensor could be a root, and one that shares memory with what is written."""
    drawing = Drawing(random.Random(seed).randrange, replace(OFTEN_WRITING, dtypes=("float16",)))
    affordable = Drawing._affordable
    for _ in range(12):
        drawing.step()
        assert all(affordable(drawing, x) for x in drawing.tensors), drawing.steps


def test_every_tensor_is_affordable_after_every_step() -> None:
    for seed in range(200):
        assert_affordable_throughout(seed)


def test_a_write_that_is_too_large_is_taken_back() -> None:
    palette = replace(COMPLETE, dtypes=("float16",), shapes=((2,),), recording_off=False)
    drawing = Drawing(lambda count: 0, palette)  # one input of two elements
    assert drawing.add(Step("negative", (0,))) and drawing.add(Step("select", (1,), {"key": (0,)}))
    while drawing.add(Step("multiply_", (2, drawing.combined("negative", drawing._summed(0))))):
        before = [(x.value.copy(), x.tangent.copy()) for x in drawing.tensors[:3]]
    assert len(drawing.steps) > 5
    for (value, tangent), x in zip(before, drawing.tensors, strict=False):
        np.testing.assert_array_equal(x.value, value)
        np.testing.assert_array_equal(x.tangent, tangent)


def only_the_region_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Drawing, "_sharing", lambda self, x: [self.tensors.index(x)])


def test_a_generator_that_looks_at_regions_only_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only_the_region_counts(monkeypatch)
    with pytest.raises(AssertionError):
        for seed in range(200):
            assert_affordable_throughout(seed)


def passes_forgotten(patch: pytest.MonkeyPatch) -> None:
    right = Drawing.__init__

    def init(self: Drawing, choose: Callable[[int], int], palette: Palette, **more: Any) -> None:
        right(self, choose, replace(palette, passes=1), **more)

    patch.setattr(Drawing, "__init__", init)


def cotangents_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("autograd_conformance.programs.exactness.LARGEST", 1)


@pytest.mark.parametrize("fault", [passes_forgotten, cotangents_forgotten])
def test_a_generator_of_too_large_numbers_is_found(
    fault: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    with pytest.raises(AssertionError):
        for program in sample(2000, replace(OFTEN_WRITING, dtypes=("float16",), passes=PASSES)):
            assert_exact(program, PASSES)
