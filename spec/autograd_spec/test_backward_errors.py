"""Calls of a backward pass that are errors."""

from collections.abc import Callable, Sequence
from typing import Any

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import NO_GRAD, TAPE, Array, Engine
from autograd_conformance.judge import Unsupported, assume, may_refuse, refuses
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    Totals,
    assert_gradients,
    backward_pass,
    expected_of,
    pass_back,
)
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.oracle import pull_back, roots_of
from autograd_conformance.programs.program import Program


def _pass(engine: Engine, leaves: Sequence[Any], roots: Sequence[Any], cotangents: Sequence[Any] | None) -> None:
    """A pass, and a look at every gradient: a lazy engine may raise there."""
    engine.backward(roots, cotangents)
    for gradient in map(engine.grad, leaves):
        if gradient is not None:
            engine.array(gradient)


@clause(
    "backward.nonscalar-needs-gradient",
    level=FULL,
    needs=(TAPE,),
    after="backward.implicit-one",
    program=programs(cotangents=True),
    emptied=st.booleans(),
)
def test_nonscalar_needs_gradient(engine: Engine, program: Program, emptied: bool) -> None:
    """A pass without a cotangent from a root whose number of elements is not one, zero included, is an error."""
    leaves = program.leaves(engine)
    roots = program.run(engine, leaves)[:1]
    shape = engine.array(roots[0]).shape
    if emptied and shape and "slice" in engine.operators and engine.shapes is None:
        roots = [engine.apply("slice", roots[0], key=(slice(0, 0, 1),))]
    assume(engine.array(roots[0]).size != 1)
    refuses(
        "a pass without a cotangent from a root of several elements, or none",
        lambda: _pass(engine, leaves, roots, None),
    )


WRONG_SHAPES: dict[str, Callable[[tuple[int, ...]], tuple[int, ...]]] = {
    "one more axis in front": lambda shape: (1, *shape),
    "one more axis at the end": lambda shape: (*shape, 1),
    "no axes": lambda shape: (),
    "one axis": lambda shape: (int(np.prod(shape)),),
    "every axis of length 1": lambda shape: (1,) * len(shape),
    "the first axis of length 1": lambda shape: (1, *shape[1:]),
    "without the first axis": lambda shape: shape[1:],
    "axes in reverse order": lambda shape: shape[::-1],
    "one entry more": lambda shape: (*shape[:-1], shape[-1] + 1) if shape else (2,),
}


@clause(
    "backward.gradient-shape",
    level=FULL,
    needs=(TAPE,),
    after="backward.vjp-linear",
    program=programs(cotangents=True),
    place=st.integers(0, 2),
    wrong=st.sampled_from(sorted(WRONG_SHAPES)),
)
def test_gradient_shape(engine: Engine, program: Program, place: int, wrong: str) -> None:
    """A cotangent has exactly the shape of its root; any other, also one that broadcasts to it, is an error."""
    leaves = program.leaves(engine)
    roots = program.run(engine, leaves)
    given = list(expected_of(engine, program).cotangents)
    place %= len(roots)
    shape = WRONG_SHAPES[wrong](given[place].shape)
    assume(shape != given[place].shape and len(shape) <= engine.max_ndim)
    given[place] = np.ones(shape, program.dtype)
    cotangents = [engine.tensor(each) for each in given]
    refuses(
        "a pass with a cotangent of another shape than the root's", lambda: _pass(engine, leaves, roots, cotangents)
    )


def _sources(engine: Engine) -> st.SearchStrategy[str]:
    kinds = ["a constant", "a detached result", "a result of constants"]
    return st.sampled_from(kinds + ["a result made with recording off"] * engine.has(NO_GRAD))


@clause(
    "backward.root-without-grad-error",
    level=FULL,
    needs=(TAPE,),
    after="op.exact-program",
    program=programs(),
    source=_sources,
    beside=st.booleans(),
)
def test_root_without_grad_error(engine: Engine, program: Program, source: str, beside: bool) -> None:
    """A pass from a root that requires no gradient is an error, also beside roots that do."""
    leaves = program.leaves(engine)
    roots = program.run(engine, leaves)
    given = expected_of(engine, program).cotangents
    beside = beside and engine.several_roots and engine.accepts_cotangent
    bad = _without_grad(engine, program, leaves, roots, source)
    roots, given = ([*roots, bad[0]], (*given, given[0])) if beside else (bad[:1], given[:1])
    cotangents = [engine.tensor(each) for each in given] if engine.accepts_cotangent else None
    refuses("a pass from a root that requires no gradient", lambda: _pass(engine, leaves, roots, cotangents))


def _without_grad(engine: Engine, program: Program, leaves: list[Any], roots: list[Any], source: str) -> list[Any]:
    """The same roots, but none of them requires gradients."""
    if source == "a constant":
        return [engine.tensor(engine.array(root)) for root in roots]
    if source == "a detached result":
        return [engine.detach(root) for root in roots]
    if source == "a result of constants":
        return program.run(engine, [engine.tensor(array) for array in program.arrays])
    with engine.no_grad():
        made = program.execute(engine, leaves)
    inside = [number for number in program.roots if number >= len(leaves)]
    assume(inside)
    return [made[number] for number in program.roots if number >= len(leaves)]


@clause(
    "backward.roots-gradients-lengths",
    level=FULL,
    needs=(TAPE,),
    after="backward.multiple-roots",
    choices=(ABSENT_ZEROS,),
    program=programs(several_roots=True),
    more=st.sampled_from((-2, -1, 1, 2)),
)
def test_roots_gradients_lengths(engine: Engine, program: Program, more: int) -> None:
    """Roots and cotangents come in equal numbers, and another number is an error; None among the cotangents stands for the
    cotangent of one of a root with one element.
    """
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    roots = program.run(engine, leaves)
    given = expected.cotangents[: max(0, len(roots) + more)] + expected.cotangents[:1] * max(0, more)
    assume(len(roots) > 1)
    wrong = [engine.tensor(each) for each in given]
    refuses("a pass with another number of cotangents than of roots", lambda: _pass(engine, leaves, roots, wrong))
    leaves = program.leaves(engine)
    roots = program.run(engine, leaves)
    ones = [np.ones_like(each) if each.size == 1 else each for each in expected.cotangents]
    engine.backward(roots, [None if each.size == 1 else engine.tensor(each) for each in ones])
    gradients = pull_back(program, roots_of(program, engine.aliasing), ones).gradients
    assert_gradients(engine, program, leaves, gradients)


@clause(
    "backward.gradient-types",
    level=FULL,
    needs=(TAPE,),
    after="backward.vjp-linear",
    program=programs(cotangents=True),
    wrong=st.sampled_from(("a number", "a list", "a text", "an array")),
)
def test_gradient_types(engine: Engine, program: Program, wrong: str) -> None:
    """A cotangent that is neither a tensor nor None is an error."""
    leaves = program.leaves(engine)
    roots = program.run(engine, leaves)
    first, *others = expected_of(engine, program).cotangents
    values = {"a number": 1.0, "a list": first.tolist(), "a text": "1", "an array": first}
    cotangents = [values[wrong], *(engine.tensor(each) for each in others)]
    refuses(f"a pass with {wrong} for a cotangent", lambda: _pass(engine, leaves, roots, cotangents))


def _two_dtypes(engine: Engine) -> st.SearchStrategy[Program]:
    if not {"float32", "float64"} <= {*engine.dtypes}:
        raise Unsupported("the dtypes float32 and float64")
    return programs(cotangents=True)(engine)


@clause(
    "backward.gradient-dtype-cast",
    level=FULL,
    needs=(TAPE,),
    after="backward.vjp-linear",
    choices=(ABSENT_ZEROS,),
    program=_two_dtypes,
)
def test_gradient_dtype_cast(engine: Engine, program: Program) -> None:
    """A cotangent of another floating dtype is converted to that of its root, and gradients have the dtype of their leaves."""
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    roots = program.run(engine, leaves)
    other = "float32" if program.dtype == "float64" else "float64"
    engine.backward(roots, [engine.tensor(each.astype(other)) for each in expected.cotangents])
    assert_gradients(engine, program, leaves, expected.gradients)


WRONG_CALLS = ("another shape", "no cotangents", "a cotangent too few", "a constant root")


@clause(
    "backward.failed-validation-is-atomic",
    level=CORE,
    needs=(TAPE,),
    after="accum.adds",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=2),
    wrong=st.lists(st.sampled_from(WRONG_CALLS), min_size=1, max_size=3),
    stored=st.booleans(),
)
def test_failed_validation_is_atomic(engine: Engine, program: Program, wrong: list[str], stored: bool) -> None:
    """A pass that is refused for its arguments leaves the graph, and the gradients that are stored, as they were."""
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    totals = Totals(engine, program, leaves)
    if stored and len(leaves) == 1:
        backward_pass(engine, program, leaves, expected)
        totals.add(expected.gradients)
    roots = program.run(engine, leaves)
    for kind in wrong:
        call = _wrong_call(engine, roots, expected.cotangents, kind)
        with may_refuse(True, "a pass with wrong arguments") as attempt:
            engine.backward(*call)
        if attempt.refusal is None:  # an engine may make sense of them
            return
        totals.check()
    pass_back(engine, roots, expected.cotangents)
    totals.add(expected.gradients)


def _wrong_call(
    engine: Engine, roots: list[Any], cotangents: Sequence[Array], kind: str
) -> tuple[list[Any], list[Any] | None]:
    """Roots and cotangents of which one thing is wrong, if there is something that can be."""
    constant = engine.tensor(engine.array(roots[0]))
    if not engine.accepts_cotangent:
        return [constant], None
    given = [engine.tensor(each) for each in cotangents]
    if kind == "another shape":
        return roots, [*given[:-1], engine.tensor(np.ones((cotangents[-1].size + 1,), cotangents[-1].dtype))]
    if kind == "no cotangents" and any(each.size != 1 for each in cotangents):
        return roots, None
    if kind == "a cotangent too few":
        return roots, given[:-1]
    return ([*roots, constant], [*given, given[0]]) if engine.several_roots else ([constant], given[:1])
