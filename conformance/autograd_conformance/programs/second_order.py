"""Derivatives of derivatives, by the oracle at inputs that have moved by an infinitesimal: the imaginary part follows it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograd_conformance.programs.exactness import exact_passes
from autograd_conformance.programs.oracle import Array, Bound, Dual, Expected, Oracle, pull_back
from autograd_conformance.programs.program import Program, Step

MOVED = 2.0**-100
"""Its square vanishes beside every integer that a program makes, and everything else is exact."""


class Moving(Oracle):
    """The oracle with inputs that move in given directions; one that is None stays."""

    def __init__(self, aliasing: Collection[str], directions: Sequence[Array | None]) -> None:
        super().__init__(aliasing)
        self.directions = directions

    def inputs(self, arrays: Sequence[Array], flags: Sequence[bool]) -> list[Dual]:
        duals = super().inputs(arrays, flags)
        for dual, direction in zip(duals, self.directions, strict=True):
            value: Any = dual.value + 1j * MOVED * (0 if direction is None else direction)
            tangent: Any = dual.tangent + 0j
            dual.value, dual.tangent = value, tangent
        return duals


def pull_back_twice(
    program: Program, aliasing: Collection[str], cotangents: Sequence[Array], directions: Sequence[Array | None]
) -> Expected:
    """The gradients of the sum over the inputs of direction times gradient."""
    tensors = Moving(aliasing, directions).run(program)
    roots = [tensors[root] for root in program.roots]
    moved = [replace(root, value=root.value.real, tangent=np.rint(root.tangent.imag / MOVED)) for root in roots]
    return pull_back(program, moved, cotangents)


def squared(program: Program) -> Program:
    """The squares of its roots instead of them."""
    first = len(program.inputs) + len(program.steps)
    squares = tuple(Step("multiply", (root, root)) for root in program.roots)
    roots = tuple(range(first, first + len(squares)))
    return replace(program, dtype="float64", steps=(*program.steps, *squares), roots=roots)


def is_exact_twice(program: Program, aliasing: Collection[str]) -> bool:
    """Whether in float64 nothing is rounded in two passes through its square: in float32 nothing is in one through it."""
    return all(exact_passes(each, "float32") >= 1 for each in Bound(aliasing).tensors(program))
