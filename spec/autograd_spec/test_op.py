"""Derivatives of basic operations."""

from collections.abc import Sequence
from typing import Any

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import VJP, Engine
from autograd_conformance.programs.comparing import ABSENT_ZEROS, assert_gradient, assert_values, expected_of
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.program import Program


@clause("op.exact-program", level=CORE, needs=(VJP,), choices=(ABSENT_ZEROS,), program=programs())
def test_exact_program(engine: Engine, program: Program) -> None:
    """The vector-Jacobian product of a program is the product of its cotangents and the derivative of what it computes.

    Integers and operators closed under them: every engine agrees to the last bit, whatever its order of summation.
    """
    expected = expected_of(engine, program)
    tensors = program.leaves(engine)

    def function(*primals: Any) -> Sequence[Any]:
        given = dict(zip(program.leaf_numbers, primals, strict=True))
        return program.run(engine, [given.get(number, tensor) for number, tensor in enumerate(tensors)])

    primals = [tensors[number] for number in program.leaf_numbers]
    cotangents = [engine.tensor(cotangent) for cotangent in expected.cotangents]
    outputs, gradients = engine.vjp(function, primals, cotangents)
    assert_values(engine, outputs, expected)
    for number, gradient in zip(program.leaf_numbers, gradients, strict=True):
        assert_gradient(engine, f"the gradient of x{number}", gradient, expected.gradients[number])
