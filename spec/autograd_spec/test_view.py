"""Views and strides.

A view is another tensor on the memory of its base. Which operators give views differs between engines: an adapter lists them as
`aliasing`, and is held to its list.
"""

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import WRITE, Engine
from autograd_conformance.judge import equal
from autograd_conformance.programs.generate import view_programs
from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.program import Program


@clause("view.aliasing", level=CORE, needs=(WRITE,), examples=1500, program=view_programs)
def test_aliasing(engine: Engine, program: Program) -> None:
    """A view shares memory with its base, so that a write through either is seen through the other; what is no view has
    memory of its own.
    """
    tensors = program.execute(engine, program.leaves(engine))
    expected = Oracle(engine.aliasing).tensors(program)
    for number, (tensor, dual) in enumerate(zip(tensors, expected, strict=True)):
        if program.target(number) == number:
            equal(f"the value of {program.label(number)}", engine.array(tensor), dual.value.astype(program.dtype))
