"""What a backward pass goes through: the operations that ran, some of their outputs, tensors without elements."""

from dataclasses import replace
from typing import Any

import hypothesis.strategies as st

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import TAPE, Engine
from autograd_conformance.judge import Unsupported
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_gradients,
    assert_values,
    backward_pass,
    expected_of,
    multiplied,
    pass_back,
)
from autograd_conformance.programs.oracle import expect
from autograd_conformance.programs.program import Input, Program, Step
from autograd_conformance.programs.targeted import programs_without_elements

Branches = tuple[tuple[str, int], ...]
"""For each remainder of a value, the operator that is taken and the number of the leaf that it takes."""


def _shapes(engine: Engine) -> st.SearchStrategy[tuple[int, ...]]:
    if not engine.accepts_cotangent or not engine.max_ndim:
        return st.just(())
    return st.sampled_from(engine.shapes or ((), (1,), (3,), (2, 2)))


@clause(
    "backward.control-flow",
    level=CORE,
    needs=(TAPE, "add", "multiply"),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=300,
    shape=_shapes,
    table=st.lists(
        st.tuples(*[st.tuples(st.sampled_from(("add", "multiply")), st.integers(0, 1))] * 3), min_size=2, max_size=6
    ),
    seeds=st.lists(st.integers(0, 2**16), min_size=2, max_size=4),
)
def test_control_flow(engine: Engine, shape: tuple[int, ...], table: list[Branches], seeds: list[int]) -> None:
    """What is differentiated are the operations that ran: where branches and loops depend on values, those of the path
    taken, each time anew.
    """
    for seed in seeds:
        inputs = Program(engine.dtypes[0], (Input(shape), Input(shape)), (), (1,), seed, not engine.accepts_cotangent)
        leaves = inputs.leaves(engine)
        steps, root = _taken(engine, leaves, table)
        program = replace(inputs, steps=steps, roots=(1 + len(steps),))
        expected = expected_of(engine, program)
        assert_values(engine, [root], expected)
        pass_back(engine, [root], expected.cotangents)
        assert_gradients(engine, program, leaves, expected.gradients)


def _taken(engine: Engine, leaves: list[Any], table: list[Branches]) -> tuple[tuple[Step, ...], Any]:
    """The steps that ran, and the last result; a value that is divisible by five ends the loop."""
    steps: list[Step] = []
    last = leaves[1]
    for branches in table:
        value = int(engine.array(last).sum())
        if value % 5 == 0:
            break
        operator, leaf = branches[value % len(branches)]
        steps.append(Step(operator, (1 + len(steps), leaf)))
        last = engine.apply(operator, last, leaves[leaf])
    return tuple(steps), last


@clause(
    "backward.empty-tensors",
    level=CORE,
    needs=(TAPE,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    program=programs_without_elements,
)
def test_empty_tensors(engine: Engine, program: Program) -> None:
    """Programs over tensors without elements have gradients of the leaves' shapes: without elements where the leaf has none,
    zeros where a leaf's elements reach no element of a root.
    """
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    roots = backward_pass(engine, program, leaves, expected)
    assert_values(engine, roots, expected)
    assert_gradients(engine, program, leaves, expected.gradients)


Split = tuple[str, tuple[int, ...], int, int]
"""The operator, the shape that it takes apart, along which axis, and the length of a part."""


def _splits(engine: Engine) -> st.SearchStrategy[Split]:
    known = [name for name in ("unbind", "split") if name in engine.operators]
    if not known or not engine.max_ndim:
        raise Unsupported("one of the operators unbind, split")
    lengths = st.lists(st.integers(1, 4), min_size=1, max_size=min(3, engine.max_ndim)).map(tuple)
    shapes = lengths if engine.shapes is None else st.sampled_from([shape for shape in engine.shapes if shape])
    return shapes.flatmap(
        lambda shape: st.tuples(
            st.sampled_from(known), st.just(shape), st.integers(0, len(shape) - 1), st.integers(1, 3)
        )
    )


@clause(
    "backward.partial-outputs",
    level=CORE,
    needs=(TAPE, "multiply", "add", "sum"),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=200,
    split=_splits,
    used=st.lists(st.integers(0, 3), min_size=1, max_size=3),
    seed=st.integers(0, 2**16),
    times=st.integers(1, 3),
)
def test_partial_outputs(engine: Engine, split: Split, used: list[int], seed: int, times: int) -> None:
    """Of an operation with several outputs, those that no root depends on contribute nothing to the gradient, and the
    others, used once or more often, what they contribute alone.
    """
    operator, shape, axis, size = split
    size = 1 if operator == "unbind" else size
    count = -(-shape[axis] // size)
    parts = [number % count for number in used]
    program = _on_parts(engine, split, [_part(operator, axis, size, part) for part in parts], seed)
    expected = expect(program, engine.aliasing)
    after_parts = replace(
        program, inputs=program.inputs + (Input(()),) * (1 + len(parts)), steps=program.steps[1 + len(parts) :]
    )
    leaves = program.leaves(engine)
    for number in range(1, times + 1):
        product = engine.apply("multiply", leaves[0], leaves[0])
        made = engine.apply(
            operator, product, **({"axis": axis} if operator == "unbind" else {"size": size, "axis": axis})
        )
        roots = after_parts.run(engine, [*leaves, product, *(made[part] for part in parts)])
        assert_values(engine, roots, expected)
        pass_back(engine, roots, expected.cotangents)
        assert_gradients(engine, program, leaves, multiplied(number, expected.gradients))


def _part(operator: str, axis: int, size: int, part: int) -> Step:
    """One output, as a step of a program."""
    before = [slice(None)] * axis
    if operator == "unbind":
        return Step("select", (1,), {"key": (*before, part)})
    return Step("slice", (1,), {"key": (*before, slice(part * size, (part + 1) * size, 1))})


def _on_parts(engine: Engine, split: Split, parts: list[Step], seed: int) -> Program:
    """Parts of a product, squared, and added up."""
    steps = [Step("multiply", (0, 0)), *parts]
    axes = tuple(range(len(split[1]) - (split[0] == "unbind")))
    sums = []
    for place in range(len(parts)):
        steps.append(Step("multiply", (2 + place, 2 + place)))
        steps.append(Step("sum", (len(steps),), {"axis": axes, "keepdims": False}))
        sums.append(len(steps))
    total = sums[0]
    for each in sums[1:]:
        steps.append(Step("add", (total, each)))
        total = len(steps)
    return Program(engine.dtypes[0], (Input(split[1]),), tuple(steps), (total,), seed, not engine.accepts_cotangent)
