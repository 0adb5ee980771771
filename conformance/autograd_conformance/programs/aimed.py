"""Strategies of programs that aim: see `aiming.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import hypothesis.strategies as st

from autograd_conformance.engine import NO_GRAD, Engine
from autograd_conformance.judge import Unsupported
from autograd_conformance.programs.aiming import Aim, Aiming
from autograd_conformance.programs.generate import Choices, require_programs
from autograd_conformance.programs.palette import Palette
from autograd_conformance.programs.program import Program


def overwriting(aim: Aim) -> Callable[[Engine], st.SearchStrategy[Program]]:
    """Programs with this aim, as far as the engine has what they need."""

    def strategy(engine: Engine) -> st.SearchStrategy[Program]:
        require_programs(engine)
        palette = Palette.of(engine, detach=True)
        writes = [name for name in aim.writes if engine.has(name)]
        if not writes:
            raise Unsupported(f"one of the operators {', '.join(aim.writes)}")
        if aim.own:
            palette = replace(palette, operators=palette.operators - {"clone"})
        recorded = tuple(recording for recording in aim.recorded if recording or engine.has(NO_GRAD))
        return _overwriting(replace(aim, writes=tuple(writes), recorded=recorded), palette)

    return strategy


@st.composite
def _overwriting(draw: st.DrawFn, aim: Aim, palette: Palette) -> Program:
    return Aiming(Choices(draw), palette, aim).aimed()


def is_made_for_a_write(program: Program, place: int, operator: str) -> bool:
    """Whether this step is such an operation, the next one writes its result in the same mode, and nothing else uses it."""
    made, step = len(program.inputs) + place, program.steps[place]
    uses = [other for other, each in enumerate(program.steps) if made in each.operands]
    if step.operator != operator or uses != [place + 1] or made in program.roots:
        return False
    write = program.steps[place + 1]
    return write.writes and write.operands[-1] == made and write.recorded == step.recorded
