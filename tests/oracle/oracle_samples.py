"""Programs drawn without Hypothesis: cheap, and the same every time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from autograd_conformance.programs.distribution import COMPLETE
from autograd_conformance.programs.drawing import draw_program
from autograd_conformance.programs.palette import Palette
from autograd_conformance.programs.program import DETACH, Program

ALIASINGS: tuple[frozenset[str], ...] = (
    COMPLETE.aliasing,
    frozenset({"reshape", "select", "diagonal"}),
    COMPLETE.aliasing - {DETACH},
    frozenset(),
)
"""Engines differ in what aliases."""


def sample(count: int, palette: Palette = COMPLETE, start: int = 0) -> Iterator[Program]:
    """Programs of one palette."""
    for number in range(start, start + count):
        yield draw_program(random.Random(number).randrange, palette)


def sample_over_aliasings(count: int) -> Iterator[tuple[Program, frozenset[str]]]:
    """Programs for one kind of engine after the other; half of them for an engine where everything aliases."""
    for number in range(count):
        aliasing = ALIASINGS[number // 2 % len(ALIASINGS)] if number % 2 else ALIASINGS[0]
        yield next(sample(1, replace(COMPLETE, aliasing=aliasing), number)), aliasing
