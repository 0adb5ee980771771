"""Programs of which parts run while recording is off, one part after the other and not a step at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TypeAlias

import numpy as np

from autograd_conformance.engine import Engine, Tensor
from autograd_conformance.judge import assume, chosen, equal
from autograd_conformance.operators import VIEWS
from autograd_conformance.programs.comparing import assert_gradients, assert_values, pass_back
from autograd_conformance.programs.oracle import Dual, Oracle, pull_back
from autograd_conformance.programs.program import DETACH, Program, Step, apply_step

Part: TypeAlias = Callable[[bool, Sequence[Callable[[], None]]], None]
"""Runs consecutive steps in the mode that is told, by whatever way a clause is about."""

FLAGGED_RESULTS = "what is computed while recording is off says that it requires gradients, as a leaf of its own"
FLAGGED_VIEWS = "a view taken while recording is off says that it requires gradients"


def partly_recorded(program: Program, mask: int) -> Program:
    """The program with recording off for some steps, by the bits of `mask`: a bit for every two steps."""
    steps = [replace(step, recorded=bool(mask >> place // 2 & 1)) for place, step in enumerate(program.steps)]
    return replace(program, steps=tuple(steps))


def assert_recorded_in_parts(engine: Engine, program: Program, part: Part, *, unflagged: bool = False) -> None:
    """What was computed while recording was off has its value and no history; the rest has its gradients.

    `unflagged`: but for views, it also says that it requires no gradients; otherwise that is a choice.
    """
    assume(any(not step.recorded for step in program.steps))
    duals = Oracle(engine.aliasing).tensors(program)
    leaves = program.leaves(engine)
    tensors = list(leaves)
    for recorded, group in groupby(program.steps, lambda step: step.recorded):
        part(recorded, [partial(_run, engine, step, tensors) for step in group])
    for number in range(len(program.inputs), len(tensors)):
        _assert_history(engine, program, number, tensors[number], duals[number])
        if not program.steps[number - len(program.inputs)].recorded:
            _assert_flag(engine, program, number, tensors[number], unflagged)
    roots = [root for root in program.roots if duals[root].history.requires]
    if roots and (engine.several_roots or len(roots) == 1):
        program = replace(program, roots=tuple(roots))
        cotangents = program.cotangent_arrays([duals[root].value.shape for root in roots])
        expected = pull_back(program, [duals[root] for root in roots], cotangents)
        pass_back(engine, [tensors[root] for root in roots], cotangents)
        assert_values(engine, [tensors[root] for root in roots], expected)
        assert_gradients(engine, program, leaves, expected.gradients)


def _run(engine: Engine, step: Step, tensors: list[Tensor]) -> None:
    tensors.append(apply_step(engine, step, [tensors[number] for number in step.operands]))


def _assert_history(engine: Engine, program: Program, number: int, tensor: Tensor, dual: Dual) -> None:
    step, label = program.steps[number - len(program.inputs)], program.label(number)
    equal(f"the value of {label}", engine.array(tensor), np.asarray(dual.value, program.dtype))
    if step.recorded or step.operator == DETACH:
        return
    equal(f"whether {label} is a leaf", engine.is_leaf(tensor), True)


def _assert_flag(engine: Engine, program: Program, number: int, tensor: Tensor, unflagged: bool) -> None:
    is_view = program.steps[number - len(program.inputs)].operator in VIEWS
    if unflagged and not is_view:
        equal(f"whether {program.label(number)} requires gradients", engine.requires_grad(tensor), False)
    elif engine.requires_grad(tensor):
        chosen(FLAGGED_VIEWS if is_view else FLAGGED_RESULTS)
