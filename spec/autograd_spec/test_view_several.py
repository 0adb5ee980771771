"""Views that come several at a time."""

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import TAPE, VJP, WRITE, Engine
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    assert_right_or_refused,
    assert_vjp,
    expected_of,
)
from autograd_conformance.programs.parts import InParts, parts
from autograd_conformance.programs.program import Program


@clause(
    "view.multi-output-gradient",
    level=CORE,
    needs=(VJP,),
    after="view.gradient-transposes",
    choices=(ABSENT_ZEROS,),
    examples=200,
    program=parts(writes=False),
)
def test_multi_output_gradient(engine: Engine, program: Program) -> None:
    """Of views that come several at a time, each passes its gradient back to where it was taken from; those that nothing uses
    pass zeros.
    """
    assert_vjp(engine, program, expected_of(engine, program), apply=InParts(engine, program))


@clause(
    "view.multi-output-write",
    level=CORE,
    needs=(TAPE, WRITE),
    after="view.write-view-changes-base-history",
    choices=(ABSENT_ZEROS,),
    examples=200,
    program=parts(writes=True),
)
def test_multi_output_write(engine: Engine, program: Program) -> None:
    """A write to one of several views that were taken at a time, or to a view of one, is refused, or becomes part of the history
    of their base and of the other views.
    """
    assert_right_or_refused(engine, program, False, InParts(engine, program))
