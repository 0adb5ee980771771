"""Tensors and leaves.

A leaf is a tensor that no recorded operation has made: it was built from data, or detached. A leaf may require gradients, and
then so does what is computed from it while recording is on. A backward pass delivers gradients to such leaves.
"""

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import TAPE, Engine
from autograd_conformance.judge import assume, equal
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_gradients,
    assert_values,
    backward_pass,
    expected_of,
)
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.program import DETACH, Program


@clause(
    "leaf.detach-cuts",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=500,
    program=programs(detach=True, often=DETACH),
)
def test_detach_cuts(engine: Engine, program: Program) -> None:
    """Detaching yields a leaf with the same values that needs no gradient and carries none back to its source."""
    assume(DETACH in program.skeleton())
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    roots = backward_pass(engine, program, leaves, expected)
    assert_gradients(engine, program, leaves, expected.gradients)
    detached = [engine.detach(root) for root in roots]
    assert_values(engine, detached, expected)
    for each in detached:
        equal("whether a detached tensor requires gradients", engine.requires_grad(each), False)
        equal("whether a detached tensor is a leaf", engine.is_leaf(each), True)
