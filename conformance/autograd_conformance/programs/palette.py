"""What a program for one engine may be made of."""

from __future__ import annotations

from dataclasses import dataclass

from autograd_conformance.engine import NO_GRAD, TAPE, Engine
from autograd_conformance.judge import Unsupported
from autograd_conformance.operators import STEPS
from autograd_conformance.programs.program import DETACH

Shape = tuple[int, ...]
EXACT = {"float16": 2**11, "float32": 2**24, "float64": 2**53}
"""Up to here every integer has a value of its own in the dtype."""
MOST_ROOTS = 3
MOST_PASSES = 16
"""So many gradients of one program are added up at most, by any clause."""
OFTEN = 12


@dataclass(frozen=True)
class Palette:
    """What a program for one engine may be made of."""

    operators: frozenset[str]
    aliasing: frozenset[str]
    dtypes: tuple[str, ...]
    max_ndim: int
    shapes: tuple[Shape, ...] | None
    recording_off: bool
    often: tuple[str, ...]
    """Proposals to make more often than their weight says."""
    accepts_cotangent: bool
    roots: int
    passes: int
    """How many gradients of the program are added up; the sum stays exact."""

    @classmethod
    def of(
        cls,
        engine: Engine,
        *,
        writes: bool = False,
        detach: bool = False,
        recording_off: bool = False,
        often: str | tuple[str, ...] = (),
        passes: int = 1,
    ) -> Palette:
        dtypes = tuple(dtype for dtype in engine.dtypes if dtype in EXACT)
        if not dtypes:
            raise Unsupported(f"programs need one of the dtypes {', '.join(EXACT)}")
        if passes > MOST_PASSES:
            raise ValueError(f"passes={passes}: what is shrunk stays exact over {MOST_PASSES} at most, see MOST_PASSES")
        operators = {name for name in STEPS if name in engine.operators and (writes or STEPS[name].kind != "write")}
        return cls(
            frozenset(operators | {DETACH} if detach and engine.has(TAPE) else operators),
            engine.aliasing,
            dtypes,
            engine.max_ndim,
            engine.shapes,
            recording_off and engine.has(NO_GRAD),
            ((often,) if often and isinstance(often, str) else tuple(often)) * OFTEN,
            engine.accepts_cotangent,
            MOST_ROOTS if engine.several_roots and engine.accepts_cotangent else 1,
            passes,
        )
