"""Programs in which something rare happens often: it does, and what the oracle says of them is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from test_generator import drawn_from, engine, tape

from autograd_conformance.adapters.torch import Torch
from autograd_conformance.engine import Engine
from autograd_conformance.judge import Unsupported
from autograd_conformance.operators import STEPS
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.oracle import Oracle, expect, gradient_at
from autograd_conformance.programs.program import Program
from autograd_conformance.programs.targeted import (
    arithmetic_programs,
    nested_roots,
    programs_without_elements,
    repeated_operands,
)
from autograd_conformance.programs.zones import behind, keeps_values

Strategy = Callable[[Engine], st.SearchStrategy[Program]]


def share(found: list[Program], holds: Callable[[Program], bool]) -> float:
    return sum(map(holds, found)) / len(found)


def repeats(program: Program, copies: int = 2) -> bool:
    return any(len(step.operands) >= copies and len(set(step.operands)) == 1 for step in program.steps)


def test_operands_are_repeated() -> None:
    found = drawn_from(repeated_operands()(tape(*STEPS)))
    assert share(found, repeats) > 0.9
    assert share(found, lambda program: repeats(program, 3)) > 0.1
    operators = {step.operator for each in found for step in each.steps if len(set(step.operands)) < len(step.operands)}
    assert operators >= {"add", "multiply", "subtract", "matmul", "concat", "stack"}


def test_roots_are_nested() -> None:
    found = drawn_from(nested_roots()(tape(*STEPS)))

    def depends(program: Program) -> bool:
        inside = {
            number
            for root in program.roots
            for place in behind(program, root)
            for number in program.steps[place].operands
        }
        return not inside.isdisjoint(program.roots)

    assert share(found, depends) > 0.6
    assert share(found, lambda program: len(set(program.roots)) < len(program.roots)) > 0.05
    assert share(found, lambda program: any(root < len(program.inputs) for root in program.roots)) > 0.2
    assert max(len(program.roots) for program in found) == 4


def test_tensors_without_elements() -> None:
    found = drawn_from(programs_without_elements(tape(*STEPS)))
    assert all(any(0 in each.shape for each in program.inputs) for program in found)
    assert share(found, lambda program: len(program.steps) > 2) > 0.6
    assert {step.operator for program in found for step in program.steps} >= {"multiply", "matmul", "sum", "concat"}


def test_sums_and_products() -> None:
    found = drawn_from(arithmetic_programs(tape(*STEPS)))
    assert {step.operator for program in found for step in program.steps} <= {"add", "multiply", "sum"}


@pytest.mark.parametrize(
    "strategy", [nested_roots(), repeated_operands(), programs_without_elements, arithmetic_programs]
)
def test_engines_that_lack_something(strategy: Strategy) -> None:
    with pytest.raises(Unsupported):
        strategy(engine("negative"))


def test_what_an_engine_does_not_accept() -> None:
    one_root = tape(*STEPS, accepts_cotangent=False, several_roots=False)
    with pytest.raises(Unsupported):
        nested_roots()(one_root)
    with pytest.raises(Unsupported):
        programs_without_elements(tape(*STEPS, max_ndim=0))
    with pytest.raises(Unsupported):
        programs_without_elements(tape(*STEPS, shapes=((2,),)))
    for program in drawn_from(programs_without_elements(one_root)):
        assert program.unit_cotangent and len(program.roots) == 1


def test_a_root_of_one_element() -> None:
    for program in drawn_from(programs(unit_cotangent=True)(tape(*STEPS))):
        [root] = expect(program, ()).values
        assert root.size == 1 and program.unit_cotangent


@pytest.mark.parametrize("strategy", [nested_roots(), repeated_operands(), programs_without_elements])
def test_torch_agrees(strategy: Strategy) -> None:
    torch_engine = Torch()
    for program in drawn_from(strategy(torch_engine), 100):
        expected = expect(program, torch_engine.aliasing)
        tensors = program.execute(torch_engine, program.leaves(torch_engine))
        for tensor in tensors:
            if tensor.requires_grad and not tensor.is_leaf:
                tensor.retain_grad()
        cotangents = [torch.tensor(each) for each in expected.cotangents]
        torch.autograd.backward([tensors[root] for root in program.roots], cotangents)
        _assert_gradients_everywhere(program, tensors, expected.cotangents)


def _assert_gradients_everywhere(program: Program, tensors: list[Any], cotangents: tuple[Any, ...]) -> None:
    """What `gradient_at` says of every tensor is what torch has retained there."""
    reached = {*program.roots}
    for root in program.roots:
        reached |= {number for place in behind(program, root) for number in program.steps[place].operands}
    for number in reached:
        if tensors[number].requires_grad:
            got = tensors[number].grad.numpy()
            np.testing.assert_array_equal(got, gradient_at(program, Torch.aliasing, number, cotangents), strict=True)


def test_derivatives_that_need_values() -> None:
    for program in drawn_from(programs()(tape(*STEPS))):
        tensors = Oracle(()).tensors(program)
        everything = set(range(len(program.steps)))
        products = [step for step in program.steps if step.operator in ("multiply", "matmul")]
        needing = [step for step in products if any(tensors[each].history.requires for each in step.operands)]
        assert keeps_values(program, tensors, everything) == bool(needing)
        assert not keeps_values(program, tensors, set())
