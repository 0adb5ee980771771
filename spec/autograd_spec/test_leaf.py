"""Tensors and leaves.

A leaf is a tensor that no recorded operation has made: it was built from data, or detached. A leaf may require gradients, and
then so does what is computed from it while recording is on. A backward pass delivers gradients to such leaves.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import hypothesis.strategies as st

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import NO_GRAD, TAPE, Engine, Tensor
from autograd_conformance.judge import Unsupported, assume, equal
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    Totals,
    assert_no_gradient,
    expected_of,
    pass_back,
    watching,
)
from autograd_conformance.programs.generate import numbered, programs, shapes
from autograd_conformance.programs.oracle import Dual, Oracle
from autograd_conformance.programs.palette import Shape
from autograd_conformance.programs.program import DETACH, Program


# ---- tensors built from data ----
def _at_every_turn(engine: Engine, program: Program, look: Callable[[], None]) -> None:
    """What is built from data is the same at first, after recording, while recording is off, and after a pass."""
    expected = expected_of(engine, program)
    look()
    roots = program.run(engine, program.leaves(engine))
    look()
    if engine.has(NO_GRAD):
        with engine.no_grad():
            look()
    pass_back(engine, roots, expected.cotangents)
    look()


@clause(
    "leaf.default-flags",
    level=CORE,
    needs=(TAPE,),
    choices=(ABSENT_ZEROS,),
    shape=shapes,
    program=programs(recording_off=True),
)
def test_default_flags(engine: Engine, shape: Shape, program: Program) -> None:
    """A tensor built from data is a leaf that does not require gradients and has none, unless it is asked to.

    At any time: also while recording is off, and after other tensors have been recorded and differentiated.
    """
    made: list[Tensor] = []

    def look() -> None:
        made.append(engine.tensor(numbered(shape, program.dtype)))
        for t in made:
            equal("whether a tensor built from data requires gradients", engine.requires_grad(t), False)
            equal("whether a tensor built from data is a leaf", engine.is_leaf(t), True)
            assert_no_gradient(engine, "the gradient of a tensor that wants none", t)

    _at_every_turn(engine, program, look)


@clause(
    "leaf.flag-on-create",
    level=CORE,
    needs=(TAPE,),
    choices=(ABSENT_ZEROS,),
    shape=shapes,
    program=programs(recording_off=True),
)
def test_flag_on_create(engine: Engine, shape: Shape, program: Program) -> None:
    """A tensor built with the wish for a gradient is a leaf that requires gradients, and it has none until a backward pass
    reaches it.
    """
    made: list[Tensor] = []

    def look() -> None:
        made.append(engine.tensor(numbered(shape, program.dtype), requires_grad=True))
        for t in made:
            equal("whether a tensor built to require gradients does", engine.requires_grad(t), True)
            equal("whether a tensor built to require gradients is a leaf", engine.is_leaf(t), True)
            assert_no_gradient(engine, "the gradient of a leaf that no pass has reached", t)

    _at_every_turn(engine, program, look)


# ---- results ----
def _executed(engine: Engine, program: Program, wanted: int) -> tuple[Program, list[Tensor], list[Dual]]:
    """The program with the inputs flagged whose bit is set in `wanted`, its tensors, and what the oracle says of them."""
    inputs = [replace(each, requires_grad=bool(wanted >> place & 1)) for place, each in enumerate(program.inputs)]
    program = replace(program, inputs=tuple(inputs))
    return program, program.execute(engine, program.leaves(engine)), Oracle(engine.aliasing).tensors(program)


@clause(
    "leaf.propagation",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    program=programs(detach=True),
    wanted=st.integers(0, 7),
)
def test_propagation(engine: Engine, program: Program, wanted: int) -> None:
    """The result of an operation requires gradients, while recording is on, exactly when at least one operand does."""
    program, tensors, duals = _executed(engine, program, wanted)
    _assert_flags(engine, program, tensors, duals, "")
    roots = [duals[root] for root in program.roots]
    if all(root.history.requires for root in roots):
        cotangents = program.cotangent_arrays([root.value.shape for root in roots])
        pass_back(engine, [tensors[root] for root in program.roots], cotangents)
        _assert_flags(engine, program, tensors, duals, ", after a pass")


def _assert_flags(
    engine: Engine, program: Program, tensors: Sequence[Tensor], duals: Sequence[Dual], when: str
) -> None:
    for number, (tensor, dual) in enumerate(zip(tensors, duals, strict=True)):
        what = f"whether {program.label(number)} requires gradients{when}"
        equal(what, engine.requires_grad(tensor), dual.history.requires)


@clause(
    "leaf.nonleaf-definition",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    program=programs(detach=True),
    wanted=st.integers(0, 7),
)
def test_nonleaf_definition(engine: Engine, program: Program, wanted: int) -> None:
    """What a recorded operation made of a tensor that requires gradients is no leaf; what was built from data or detached
    is one.
    """
    program, tensors, duals = _executed(engine, program, wanted)
    for number, (tensor, dual) in enumerate(zip(tensors, duals, strict=True)):
        made = program.steps[number - len(program.inputs)].operator if number >= len(program.inputs) else ""
        if dual.history.requires or made in ("", DETACH):
            expected = made in ("", DETACH)
            equal(f"whether {program.label(number)} is a leaf", engine.is_leaf(tensor), expected)


@clause(
    "leaf.constant-result",
    level=FULL,
    needs=(TAPE,),
    after="leaf.propagation",
    program=programs(detach=True),
    wanted=st.integers(0, 7),
)
def test_constant_result(engine: Engine, program: Program, wanted: int) -> None:
    """A result that requires no gradients is a leaf."""
    program, tensors, duals = _executed(engine, program, wanted)
    assume(not all(dual.history.requires for dual in duals[len(program.inputs) :]))
    for number, (tensor, dual) in enumerate(zip(tensors, duals, strict=True)):
        if not dual.history.requires:
            equal(f"whether {program.label(number)} is a leaf", engine.is_leaf(tensor), True)


DISCRETE = ("greater", "argmax")


def _discrete_operators(engine: Engine) -> st.SearchStrategy[str]:
    known = [name for name in DISCRETE if name in engine.operators]
    if not known:
        raise Unsupported(f"one of the operators {', '.join(DISCRETE)}")
    return st.sampled_from(known)


@clause(
    "leaf.discrete-outputs",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=2),
    operator=_discrete_operators,
    count=st.integers(1, 2),
)
def test_discrete_outputs(engine: Engine, program: Program, operator: str, count: int) -> None:
    """Boolean and integer results require no gradients, whatever their operands require, and leave the operands' gradients
    as they are.
    """
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)

    def look(number: int, tensor: Tensor) -> None:
        axes = engine.array(tensor).ndim
        if operator == "argmax" and not axes:
            return
        operands, params = ([tensor], {"axis": number % axes}) if operator == "argmax" else ([tensor, tensor], {})
        made = engine.apply(operator, *operands, **params)
        equal(f"whether {operator} of {program.label(number)} requires gradients", engine.requires_grad(made), False)

    for number, leaf in enumerate(leaves):
        look(number, leaf)
    totals = Totals(engine, program, leaves)
    for _ in range(count):
        tensors = program.execute(engine, leaves, watching(program, look))
        pass_back(engine, [tensors[root] for root in program.roots], expected.cotangents)
        totals.add(expected.gradients)
