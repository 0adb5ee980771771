"""Derivatives of basic operations.

Each operator computes what the Python array API standard says, where it has the operator, and what PyTorch does otherwise.
"""

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import VJP, Engine
from autograd_conformance.programs.comparing import ABSENT_ZEROS, assert_vjp, expected_of
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.program import Program


@clause("op.exact-program", level=CORE, needs=(VJP,), choices=(ABSENT_ZEROS,), examples=1000, program=programs())
def test_exact_program(engine: Engine, program: Program) -> None:
    """The vector-Jacobian product of a program is the product of its cotangents and the derivative of what it computes.

    Integers and operators closed under them: every engine agrees to the last bit, whatever its order of summation.
    """
    assert_vjp(engine, program, expected_of(engine, program))
