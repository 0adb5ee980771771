"""In-place operations and version counters.

A write changes memory, and so every tensor that lies in it. A derivative may need the values that were there before. An engine may
count versions, copy or lock memory; it may not take the new values for the old ones.
"""

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import TAPE, WRITE, Engine
from autograd_conformance.programs.comparing import ABSENT_ZEROS, assert_correct_or_loud
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.program import Program


@clause(
    "inplace.correct-or-loud",
    level=CORE,
    needs=(TAPE, WRITE),
    after="view.aliasing",
    choices=(ABSENT_ZEROS,),
    examples=1000,
    program=programs(writes=True, detach=True, recording_off=True),
)
def test_correct_or_loud(engine: Engine, program: Program) -> None:
    """A program that writes, also through views, has the values and gradients of the program as it ran, or is refused;
    it is not refused where nothing that a derivative may need is overwritten.
    """
    assert_correct_or_loud(engine, program)
