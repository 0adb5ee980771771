"""Second derivatives of programs with views and writes."""

import hypothesis.strategies as st

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import CREATE_GRAPH, SET_GRAD, TAPE, WRITE, Array, Engine, Tensor
from autograd_conformance.judge import Unsupported, assume, may_refuse
from autograd_conformance.programs.comparing import ABSENT_ZEROS, assert_gradients, expected_of, pass_back
from autograd_conformance.programs.oracle import Expected, Oracle
from autograd_conformance.programs.program import Program
from autograd_conformance.programs.scenes import scenes
from autograd_conformance.programs.second_order import is_exact_twice, pull_back_twice, squared
from autograd_conformance.programs.zones import must_accept


def _scenes(engine: Engine) -> st.SearchStrategy[Program]:
    if "float64" not in engine.dtypes or not engine.accepts_cotangent:
        raise Unsupported("passes with cotangents in float64, in which second derivatives are exact")
    return scenes(most=3)(engine)


@clause(
    "view.write-gradgradcheck",
    level=CORE,
    needs=(TAPE, WRITE, CREATE_GRAPH, SET_GRAD, "multiply"),
    after="view.write-gradcheck",
    choices=(ABSENT_ZEROS,),
    examples=150,
    program=_scenes,
)
def test_write_gradgradcheck(engine: Engine, program: Program) -> None:
    """A program of views and writes has, when the pass is recorded, the second derivatives of the same program without memory,
    in which each write makes new tensors.
    """
    assume(is_exact_twice(program, engine.aliasing))
    program = squared(program)
    expected = expected_of(engine, program)
    accept = must_accept(program, Oracle(engine.aliasing).run(program))
    leaves = program.leaves(engine)
    with may_refuse(not accept, "a program that an engine has no ground to refuse"):
        roots = program.run(engine, leaves)
        pass_back(engine, roots, expected.cotangents, engine.backward_creating_graph)
        assert_gradients(engine, program, leaves, expected.gradients)
        assert_second(engine, program, leaves, expected)


def assert_second(engine: Engine, program: Program, leaves: list[Tensor], expected: Expected) -> None:
    """A pass from the gradients that are stored, or from one of them, gives the gradients of the gradients."""
    first = {number: engine.grad(leaves[number]) for number in program.leaf_numbers}
    recorded = [number for number, grad in first.items() if grad is not None and engine.requires_grad(grad)]
    recorded = recorded if engine.several_roots else recorded[:1]
    assume(recorded)
    directions: list[Array | None] = [None] * len(leaves)
    drawn = program.cotangent_arrays([program.inputs[number].shape for number in program.leaf_numbers])
    for number, direction in zip(program.leaf_numbers, drawn, strict=True):
        engine.set_grad(leaves[number], None)
        if number in recorded or engine.several_roots:  # a gradient that is not recorded has no derivative
            directions[number] = direction
    twice = pull_back_twice(program, engine.aliasing, expected.cotangents, directions)
    moving = [each for number in recorded if (each := directions[number]) is not None]
    pass_back(engine, [first[number] for number in recorded], moving)
    assert_gradients(engine, program, leaves, twice.gradients)
