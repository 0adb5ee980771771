"""Derivatives of basic operations.

Each operator computes what the Python array API standard says, where it has the operator, and what PyTorch does otherwise.
"""

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import VJP, Engine
from autograd_conformance.programs.broadcasting import pairs
from autograd_conformance.programs.comparing import ABSENT_ZEROS, assert_vjp, expected_of
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.joining import joins
from autograd_conformance.programs.program import Program
from autograd_conformance.programs.viewing import chains


@clause("op.exact-program", level=CORE, needs=(VJP,), choices=(ABSENT_ZEROS,), examples=1000, program=programs())
def test_exact_program(engine: Engine, program: Program) -> None:
    """The vector-Jacobian product of a program is the product of its cotangents and the derivative of what it computes.

    Integers and operators closed under them: every engine agrees to the last bit, whatever its order of summation.
    """
    assert_vjp(engine, program, expected_of(engine, program))


@clause(
    "op.binary-table",
    level=CORE,
    needs=(VJP,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=pairs(shared=True),
)
def test_binary_table(engine: Engine, program: Program) -> None:
    """Sums, differences and products have the derivatives of calculus in both operands, and the sum of both where the operands
    are one tensor, or views of one.
    """
    assert_vjp(engine, program, expected_of(engine, program))


@clause(
    "op.reductions",
    level=CORE,
    needs=(VJP, "sum"),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=chains(most=3, kinds=("sum",)),
)
def test_reductions(engine: Engine, program: Program) -> None:
    """A sum over any axes, kept or not, passes its gradient to every element that it has summed."""
    assert_vjp(engine, program, expected_of(engine, program))


@clause(
    "op.joining",
    level=CORE,
    needs=(VJP,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=joins,
)
def test_joining(engine: Engine, program: Program) -> None:
    """Of tensors that are joined, each gets its part of the gradient, and one that is joined more than once the sum of its parts."""
    assert_vjp(engine, program, expected_of(engine, program))
