"""PyTorch agrees with the oracle, bit for bit, and accepts what no engine has ground to refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from oracle_samples import sample

from autograd_conformance.adapters.torch import Torch
from autograd_conformance.operators import WRITES
from autograd_conformance.programs.comparing import assert_gradients, assert_values, backward_pass
from autograd_conformance.programs.distribution import COMPLETE
from autograd_conformance.programs.oracle import Oracle, expect
from autograd_conformance.programs.palette import EXACT
from autograd_conformance.programs.program import Program
from autograd_conformance.programs.zones import must_accept

ENGINE = Torch()
WITHOUT_WRITES = replace(COMPLETE, operators=COMPLETE.operators - {*WRITES})


def judge(program: Program) -> None:
    expected = expect(program, ENGINE.aliasing)
    leaves = program.leaves(ENGINE)
    assert_values(ENGINE, backward_pass(ENGINE, program, leaves, expected), expected)
    assert_gradients(ENGINE, program, leaves, expected.gradients)


def test_must_accept_is_accepted_and_may_refuse_is_right_or_refused() -> None:
    refused = 0
    for program in sample(2000):
        try:
            judge(program)
        except RuntimeError as error:
            assert not must_accept(program, Oracle(ENGINE.aliasing).run(program)), f"{error}\n{program}"
            refused += 1
    assert 100 < refused < 1000


@pytest.mark.parametrize("dtype", EXACT)
def test_every_dtype_is_exact(dtype: str) -> None:
    for program in sample(300, replace(WITHOUT_WRITES, dtypes=(dtype,))):
        judge(program)


def test_oracle_and_torch_know_alike_what_requires_gradients() -> None:
    """Recording stays on: a view that PyTorch takes with recording off says that it requires what its base requires."""
    for program in sample(700, replace(WITHOUT_WRITES, recording_off=False)):
        duals = Oracle(ENGINE.aliasing).run(program)
        for dual, tensor in zip(duals, program.execute(ENGINE, program.leaves(ENGINE)), strict=True):
            assert tensor.requires_grad == dual.history.requires, program


def test_layouts_that_the_oracle_says_are_known_are_those_of_torch() -> None:
    known = 0
    for program in sample(700, WITHOUT_WRITES):
        duals = Oracle(ENGINE.aliasing).run(program)
        for dual, tensor in zip(duals, program.execute(ENGINE, program.leaves(ENGINE)), strict=True):
            if dual.layout_known:
                assert _strides(tensor) == _element_strides(dual.value), program
                known += 1
    assert known > 1000


def _strides(tensor: torch.Tensor) -> list[int]:
    return [stride for stride, length in zip(tensor.stride(), tensor.shape, strict=True) if length > 1]


def _element_strides(value: np.ndarray) -> Sequence[int]:
    return [stride // 8 for stride, length in zip(value.strides, value.shape, strict=True) if length > 1]
