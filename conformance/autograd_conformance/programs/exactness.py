"""Whether numbers stay so small that no engine has to round, in whatever order it adds them up."""

from __future__ import annotations

from collections.abc import Collection

from autograd_conformance.programs.oracle import Bound, Dual
from autograd_conformance.programs.palette import EXACT, MOST_ROOTS
from autograd_conformance.programs.program import LARGEST, Program


def exact_passes(magnitudes: Dual, dtype: str) -> float:
    """Over how many passes the sum of all elements, and the sum of their gradients, can be represented."""
    limit = EXACT[dtype] / (MOST_ROOTS + 1)
    if magnitudes.value.sum() > limit:
        return 0
    gradients = float(magnitudes.tangent.sum(tuple(range(magnitudes.value.ndim))).max(initial=0))
    return limit // (gradients * LARGEST) if gradients else limit


def exact_passes_of(program: Program, aliasing: Collection[str]) -> float:
    """The same for a whole program, after each of its steps; raises `Illegal` for what is not judged."""
    oracle = Bound(aliasing)
    tensors = oracle.inputs(program.arrays, [each.requires_grad for each in program.inputs])
    fewest = min((exact_passes(each, program.dtype) for each in tensors), default=float("inf"))
    for step in program.steps:
        tensors.append(oracle.apply(step, [tensors[number] for number in step.operands]))
        changed = tensors if step.writes else tensors[-1:]
        fewest = min(fewest, *(exact_passes(each, program.dtype) for each in changed))
    return fewest
