"""The oracle against a second opinion on random programs: writes, views, detached tensors, recording off."""

from __future__ import annotations

import interpreter
import numpy as np
from oracle_samples import sample_over_aliasings

from autograd_conformance.programs.oracle import expect
from autograd_conformance.programs.program import Program


def check(program: Program, aliasing: frozenset[str]) -> None:
    """Values and gradients are those of the interpreter."""
    expected = expect(program, aliasing)
    values = interpreter.run(program, program.arrays, aliasing)
    for number, value in zip(program.roots, expected.values, strict=True):
        np.testing.assert_array_equal(value, values[number].real, err_msg=str(program))
    for gradient, partials in zip(expected.gradients, interpreter.gradients(program, aliasing), strict=True):
        assert (gradient is None) == (partials is None)
        if gradient is not None:
            np.testing.assert_allclose(gradient, partials, rtol=1e-12, atol=1e-9, err_msg=str(program))


def test_random_programs() -> None:
    for program, aliasing in sample_over_aliasings(2000):
        check(program, aliasing)
