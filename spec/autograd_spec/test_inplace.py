"""In-place operations and version counters."""

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import TAPE, WRITE, Engine
from autograd_conformance.judge import may_refuse, note
from autograd_conformance.programs.comparing import ABSENT_ZEROS, assert_gradients, assert_values, backward_pass
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.oracle import Oracle, expect
from autograd_conformance.programs.program import Program
from autograd_conformance.programs.zones import must_accept


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
    tensors = Oracle(engine.aliasing).run(program)
    accept = must_accept(program, tensors)
    expected = expect(program, engine.aliasing)
    leaves = program.leaves(engine)
    zone = "must accept" if accept else "may refuse"
    with may_refuse(not accept, "a program that an engine has no ground to refuse") as attempt:
        roots = backward_pass(engine, program, leaves, expected)
        assert_values(engine, roots, expected)
        assert_gradients(engine, program, leaves, expected.gradients)
    note(f"zone: {zone}, {'refused' if attempt.refusal else 'accepted'}")
