"""Gradient accumulation and the stored gradient.

A leaf keeps what it has received as its stored gradient, which is absent until a pass has reached the leaf.
"""

import hypothesis.strategies as st

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import TAPE, Engine
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_gradients,
    backward_pass,
    expected_of,
    multiplied,
)
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.program import Program

MOST_PASSES = 4


@clause(
    "accum.adds",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=MOST_PASSES),
    times=st.integers(2, MOST_PASSES),
)
def test_adds(engine: Engine, program: Program, times: int) -> None:
    """Each backward pass adds its gradient to what the leaf's stored gradient already holds."""
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    for count in range(1, times + 1):
        backward_pass(engine, program, leaves, expected)
        assert_gradients(engine, program, leaves, multiplied(count, expected.gradients))
