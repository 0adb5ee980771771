"""Writes while recording is off."""

from collections.abc import Sequence
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import NO_GRAD, SET_GRAD, TAPE, WRITE, Array, Engine, Tensor
from autograd_conformance.judge import Unsupported, equal
from autograd_conformance.programs.aimed import overwriting
from autograd_conformance.programs.aiming import EVERY_WAY, Aim
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_correct_or_loud,
    assert_gradients,
    assert_values,
    backward_pass,
    expected_of,
)
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.program import Program

HOW = {
    "copied": ("copy_",),
    "added": ("add_",),
    "multiplied and added": ("multiply_", "add_"),
    "assigned by entries": ("setitem_", "copy_"),
    "copied to indices": ("index_copy_", "copy_"),
}
"""How new values come in, and by what operators; the last two copy where there are no axes."""
WHERE = ("itself", "a view of it", "a detached alias")


def _updates(engine: Engine) -> st.SearchStrategy[list[tuple[str, str]]]:
    """For each round, how the leaves are given new values and through what."""
    how = [each for each, operators in HOW.items() if all(map(engine.has, operators))]
    where = [WHERE[0]]
    where += [WHERE[1]] if "reshape" in engine.aliasing else []
    where += [WHERE[2]] if "detach" in engine.aliasing else []
    if not how:
        raise Unsupported(f"one of the writes {', '.join(HOW)}")
    return st.lists(st.tuples(st.sampled_from(how), st.sampled_from(where)), min_size=1, max_size=3)


@clause(
    "mode.leaf-update",
    level=CORE,
    needs=(TAPE, NO_GRAD, WRITE),
    after="inplace.correct-or-loud",
    revision=2,
    choices=(ABSENT_ZEROS,),
    program=programs(),
    updates=_updates,
)
def test_leaf_update(engine: Engine, program: Program, updates: list[tuple[str, str]]) -> None:
    """A leaf that requires gradients may be written while recording is off: it has the new value, is a leaf that requires
    gradients still, keeps the gradient that it has stored, and what is computed from it afterwards has the gradients at
    the new value, however often.
    """
    leaves = program.leaves(engine)
    stored: Sequence[Array | None] = ()
    for turn, (how, where) in enumerate(updates, 1):
        new = replace(program, seed=program.seed + turn)
        _update(engine, new, leaves, how, where)
        if stored:
            assert_gradients(engine, new, leaves, stored)
        expected = expected_of(engine, new)
        if engine.has(SET_GRAD):
            for number in program.leaf_numbers:
                engine.set_grad(leaves[number], None)
        elif turn < len(updates):
            continue  # gradients of several rounds would add up
        roots = backward_pass(engine, new, leaves, expected)
        assert_values(engine, roots, expected)
        assert_gradients(engine, new, leaves, expected.gradients)
        stored = expected.gradients


def _update(engine: Engine, new: Program, leaves: Sequence[Tensor], how: str, where: str) -> None:
    """Gives the leaves the values that they have in `new`."""
    for number, (leaf, array) in enumerate(zip(leaves, new.arrays, strict=True)):
        with engine.no_grad():
            target = leaf if where == WHERE[0] else _alias(engine, leaf, array, where)
            _write(engine, how, target, engine.array(leaf), array)
        equal(f"the value of x{number}", engine.array(leaf), array)
        equal(f"whether x{number} is a leaf", engine.is_leaf(leaf), True)
        equal(f"whether x{number} requires gradients", engine.requires_grad(leaf), new.inputs[number].requires_grad)


def _alias(engine: Engine, leaf: Tensor, array: Array, where: str) -> Tensor:
    return engine.detach(leaf) if where == WHERE[2] else engine.apply("reshape", leaf, shape=array.shape)


def _write(engine: Engine, how: str, target: Tensor, old: Array, new: Array) -> None:
    if how == "added":
        engine.apply("add_", target, engine.tensor(new - old))
    elif how == "multiplied and added":
        engine.apply("multiply_", target, engine.tensor(np.zeros_like(new)))
        engine.apply("add_", target, engine.tensor(new))
    elif how == "copied to indices" and new.ndim:
        engine.apply(
            "index_copy_",
            target,
            engine.tensor(new[::-1].copy()),
            indices=tuple(reversed(range(len(new)))),
            axis=0,
        )
    elif how == "assigned by entries" and new.ndim:
        for place, entry in enumerate(new):
            engine.apply("setitem_", target, engine.tensor(np.asarray(entry)), key=(place,))
    else:
        engine.apply("copy_", target, engine.tensor(new))


@clause(
    "mode.nonleaf-update-keeps-history",
    level=FULL,
    needs=(TAPE, NO_GRAD, WRITE),
    after="inplace.correct-or-loud",
    choices=(ABSENT_ZEROS,),
    examples=200,
    program=overwriting(Aim(saved=False, ways=EVERY_WAY, recorded=(False,), most=3)),
)
def test_nonleaf_update_keeps_history(engine: Engine, program: Program) -> None:
    """A write to a result while recording is off changes its value and not its history: a pass from it has the gradients of
    the operations that were recorded, and what is computed from it afterwards uses the new value.
    """
    assert_correct_or_loud(engine, program)
