"""Backward passes into named tensors."""

from functools import partial
from typing import Any

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import NAMED_INPUTS, SET_GRAD, TAPE, Array, Engine
from autograd_conformance.judge import equal, may_refuse, refuses
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_gradient,
    expected_of,
    pass_back,
)
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.oracle import Oracle, gradient_at
from autograd_conformance.programs.program import Program
from autograd_conformance.programs.zones import behind

SUBSETS = st.lists(st.integers(0, 5), min_size=1, max_size=3)
"""Which of the tensors that can be named are, by number."""


class Named:
    """A program on leaves that may have gradients stored already, and passes into some of its tensors."""

    def __init__(self, engine: Engine, program: Program) -> None:
        self.engine, self.program = engine, program
        self.expected = expected_of(engine, program)
        self.leaves = program.leaves(engine)
        self.stored: list[Array | None] = [None] * len(self.leaves)
        steps = set[int]().union(*(behind(program, root) for root in program.roots))
        self.reached = {*program.roots, *(operand for place in steps for operand in program.steps[place].operands)}
        """The numbers of the tensors that a root depends on, or is."""

    def run(self) -> list[Any]:
        """Every tensor of the program, by number."""
        return self.program.execute(self.engine, self.leaves)

    def store(self, amount: int) -> None:
        """Every leaf has a gradient of so much in each element, or, for zero, none."""
        for number in self.program.leaf_numbers:
            gradient = np.full_like(self.program.arrays[number], amount) if amount else None
            self.stored[number] = gradient
            self.engine.set_grad(self.leaves[number], None if gradient is None else self.engine.tensor(gradient))

    def pass_into(self, tensors: list[Any], inputs: list[Any]) -> None:
        """A pass from the program's roots into `inputs`."""
        roots = [tensors[root] for root in self.program.roots]
        into = partial(_into, self.engine, inputs)
        pass_back(self.engine, roots, self.expected.cotangents, into)

    def check(self, named: set[int]) -> None:
        """Leaves with these numbers have their gradient added to what was stored; the others have what was stored."""
        for number in self.program.leaf_numbers:
            stored, gradient = self.stored[number], self.expected.gradients[number]
            got = self.engine.grad(self.leaves[number])
            what = f"the gradient of x{number}"
            if number in named and gradient is not None:
                assert_gradient(self.engine, what, got, gradient if stored is None else np.asarray(stored + gradient))
            elif stored is None:
                equal(f"whether x{number}, which was not named, has a gradient", got is not None, False)
            else:
                assert_gradient(self.engine, what, got, stored)


def _into(engine: Engine, inputs: list[Any], outputs: list[Any], cotangents: list[Any] | None) -> None:
    engine.backward_into(outputs, cotangents, inputs)


@clause(
    "backward.inputs-restrict",
    level=CORE,
    needs=(TAPE, NAMED_INPUTS),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=250,
    program=programs(),
    subsets=st.lists(SUBSETS, min_size=1, max_size=3),
    amount=st.integers(0, 2),
)
def test_inputs_restrict(engine: Engine, program: Program, subsets: list[list[int]], amount: int) -> None:
    """A pass with named inputs adds to each of them its whole gradient, and leaves what is stored on other leaves as it is."""
    run = Named(engine, program)
    leaves = [number for number in program.leaf_numbers if number in run.reached]
    for subset in subsets if engine.has(SET_GRAD) else subsets[:1]:
        if engine.has(SET_GRAD):
            run.store(amount)
        named = {leaves[choice % len(leaves)] for choice in subset}
        run.pass_into(run.run(), [run.leaves[number] for number in named])
        run.check(named)


@clause(
    "backward.inputs-nonleaf",
    level=FULL,
    needs=(TAPE, NAMED_INPUTS),
    after="backward.inputs-restrict",
    revision=2,
    choices=(ABSENT_ZEROS,),
    program=programs(),
    subset=SUBSETS,
    amount=st.integers(0, 2),
    again=st.integers(0, 2),
)
def test_inputs_nonleaf(engine: Engine, program: Program, subset: list[int], amount: int, again: int) -> None:
    """A result that is named as an input receives the gradient that flows into it, which each further pass into it adds to
    unless it is refused; leaves that are not named stay as they are.

    The further passes start at the result itself, whose own step the first one may have freed.
    """
    run = Named(engine, program)
    if engine.has(SET_GRAD):
        run.store(amount)
    duals = Oracle(engine.aliasing).tensors(program)
    numbers = [number for number in sorted(run.reached) if duals[number].history.requires]
    named = {numbers[choice % len(numbers)] for choice in subset}
    tensors = run.run()
    run.pass_into(tensors, [tensors[number] for number in sorted(named)])
    for number in named - {*program.leaf_numbers}:
        expected = gradient_at(program, engine.aliasing, number, run.expected.cotangents)
        assert_gradient(engine, f"the gradient of t{number}", engine.grad(tensors[number]), expected)
        for turn in range(1, 1 + again * engine.accepts_cotangent):
            cotangent = np.full_like(expected, turn)
            expected = np.asarray(expected + cotangent)
            with may_refuse(True, "a further pass into a result") as attempt:
                engine.backward_into([tensors[number]], [engine.tensor(cotangent)], [tensors[number]])
                assert_gradient(engine, f"the gradient of t{number}", engine.grad(tensors[number]), expected)
            if attempt.refusal:
                break
    run.check(named)


@clause(
    "backward.inputs-errors",
    level=FULL,
    needs=(TAPE, NAMED_INPUTS),
    after="backward.inputs-restrict",
    choices=(ABSENT_ZEROS,),
    program=programs(),
    subset=SUBSETS,
    amount=st.integers(0, 2),
)
def test_inputs_errors(engine: Engine, program: Program, subset: list[int], amount: int) -> None:
    """To name no input is an error; an input that no root depends on stays as it is, and one that is named twice receives its
    gradient once.
    """
    run = Named(engine, program)
    refuses("a pass into no input", lambda: run.pass_into(run.run(), []))
    run.check(set())
    if engine.has(SET_GRAD):
        run.store(amount)
    leaves = [number for number in program.leaf_numbers if number in run.reached]
    named = [leaves[choice % len(leaves)] for choice in subset]
    apart = engine.tensor(program.arrays[0], requires_grad=True)
    run.pass_into(run.run(), [apart, *(run.leaves[number] for number in [*named, named[0]])])
    run.check({*named})
    equal("whether a leaf that no root depends on has a gradient", engine.grad(apart) is not None, False)
