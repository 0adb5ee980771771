"""Threads.

Threads that work at the same time get what they would get one after the other. What they may share without a lock of their own
are leaves, into which their passes accumulate, and graphs that are retained.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import RETAIN_GRAPH, TAPE, THREADS, VJP, Engine
from autograd_conformance.judge import may_refuse, refuses
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_gradients,
    assert_vjp,
    backward_pass,
    expected_of,
    multiplied,
    pass_back,
)
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.oracle import Expected
from autograd_conformance.programs.program import Program

MOST_THREADS = 4
ROUNDS = 3
"""How often each thread does its work: so often that two of them meet."""


def _repeated(work: Callable[..., object], *arguments: Any) -> Callable[[], None]:
    def run() -> None:
        for _ in range(ROUNDS):
            work(*arguments)

    return run


@clause(
    "thread.independent-graphs",
    level=CORE,
    needs=(VJP, THREADS),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=60,
    program=programs(),
    program_beside=programs(),
    threads=st.integers(2, MOST_THREADS),
)
def test_independent_graphs(engine: Engine, program: Program, program_beside: Program, threads: int) -> None:
    """Threads that work on tensors of their own get the values and gradients that each would get alone."""
    several = [replace(each, seed=each.seed + seed) for seed in range(2) for each in (program, program_beside)]
    expected = [expected_of(engine, each) for each in several]
    work = [_repeated(assert_vjp, engine, *each) for each in zip(several, expected, strict=True)]
    engine.in_threads(*work[:threads])


def _of_one_leaf(engine: Engine, program: Program) -> tuple[Program, Expected]:
    """The program with its first input as the only leaf.

    Whether two leaves store their gradients in one memory is what `accum.adds` is about.
    """
    first, *others = program.inputs
    alone = replace(program, inputs=(first, *(replace(each, requires_grad=False) for each in others)))
    return alone, expected_of(engine, alone)


@clause(
    "thread.shared-leaf",
    level=FULL,
    needs=(TAPE, THREADS),
    after="accum.adds",
    choices=(ABSENT_ZEROS,),
    examples=60,
    program=programs(passes=ROUNDS * MOST_THREADS),
    threads=st.integers(2, MOST_THREADS),
)
def test_shared_leaf(engine: Engine, program: Program, threads: int) -> None:
    """Passes that are made into one leaf by several threads at once all add their gradients; none is lost."""
    program, expected = _of_one_leaf(engine, program)
    leaves = program.leaves(engine)
    work = _repeated(backward_pass, engine, program, leaves, expected)
    engine.in_threads(*[work] * threads)
    assert_gradients(engine, program, leaves, multiplied(ROUNDS * threads, expected.gradients))


@clause(
    "thread.retained-graph",
    level=FULL,
    needs=(TAPE, RETAIN_GRAPH, THREADS),
    after="backward.retain-graph",
    choices=(ABSENT_ZEROS,),
    examples=200,
    program=programs(passes=ROUNDS * MOST_THREADS),
    threads=st.integers(2, MOST_THREADS),
)
def test_retained_graph(engine: Engine, program: Program, threads: int) -> None:
    """Several threads may pass through one graph at the same time, if all of them retain it; each pass adds its gradient."""
    program, expected = _of_one_leaf(engine, program)
    leaves = program.leaves(engine)
    roots = program.run(engine, leaves)
    work = _repeated(pass_back, engine, roots, expected.cotangents, engine.backward_retaining)
    engine.in_threads(*[work] * threads)
    assert_gradients(engine, program, leaves, multiplied(ROUNDS * threads, expected.gradients))


@clause(
    "thread.exceptions",
    level=FULL,
    needs=(TAPE, THREADS),
    after="thread.independent-graphs",
    choices=(ABSENT_ZEROS,),
    examples=60,
    program=programs(),
    place=st.integers(0, MOST_THREADS - 1),
)
def test_exceptions(engine: Engine, program: Program, place: int) -> None:
    """A pass that is refused raises in the thread that started it, and in no other."""
    expected = expected_of(engine, program)

    def from_constant() -> None:
        engine.backward([engine.tensor(program.arrays[0])], _one_cotangent(engine, program))

    def from_program() -> None:
        leaves = program.leaves(engine)
        backward_pass(engine, program, leaves, expected)
        assert_gradients(engine, program, leaves, expected.gradients)

    with may_refuse(True, "a pass from a constant") as attempt:
        from_constant()
    if attempt.refusal is None:  # an engine may make sense of it, in any thread
        return
    work = [_repeated(from_program)] * MOST_THREADS
    work[place] = _repeated(refuses, "a pass from a constant, in a thread", from_constant)
    engine.in_threads(*work)


def _one_cotangent(engine: Engine, program: Program) -> list[Any] | None:
    return [engine.tensor(program.arrays[0])] if engine.accepts_cotangent else None
