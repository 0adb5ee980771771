"""Views and strides.

A view is another tensor on the memory of its base. Which operators give views differs between engines: an adapter lists them as
`aliasing`, and is held to its list.
"""

import hypothesis.strategies as st

from autograd_conformance.clauses import CORE, clause
from autograd_conformance.engine import VJP, WRITE, Engine
from autograd_conformance.programs.comparing import ABSENT_ZEROS, assert_all_values, assert_vjp, expected_of
from autograd_conformance.programs.generate import view_programs
from autograd_conformance.programs.layouts import EXPANDED, LAYOUTS, constant_along_first, dressed_programs
from autograd_conformance.programs.oracle import pull_back, roots_of
from autograd_conformance.programs.program import Program
from autograd_conformance.programs.scenes import copies
from autograd_conformance.programs.viewing import chains


@clause("view.aliasing", level=CORE, needs=(WRITE,), examples=1500, program=view_programs)
def test_aliasing(engine: Engine, program: Program) -> None:
    """A view shares memory with its base, so that a write through either is seen through the other; what is no view has
    memory of its own.
    """
    assert_all_values(engine, program)


@clause("view.copies", level=CORE, needs=(WRITE,), after="view.aliasing", program=copies)
def test_copies(engine: Engine, program: Program) -> None:
    """What is no view has memory of its own also where its elements are those of an operand: all entries taken in order, a
    single tensor joined, an axis of length one summed.
    """
    assert_all_values(engine, program)


@clause(
    "view.gradient-transposes",
    level=CORE,
    needs=(VJP,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=600,
    program=chains(most=4),
)
def test_gradient_transposes(engine: Engine, program: Program) -> None:
    """The gradient through a view puts each element of the incoming gradient back where the view took it from, zeros where
    it took nothing, and the sum where it took an element more than once; whatever the layout of what is viewed.
    """
    assert_vjp(engine, program, expected_of(engine, program))


@clause(
    "view.expand-backward-sums",
    level=CORE,
    needs=(VJP, "broadcast_to"),
    after="view.gradient-transposes",
    choices=(ABSENT_ZEROS,),
    examples=200,
    program=chains(most=3, kinds=("broadcast_to",)),
)
def test_expand_backward_sums(engine: Engine, program: Program) -> None:
    """The gradient of an expansion is summed over new axes and over those that were of length one, and has the shape of
    what was expanded.
    """
    assert_vjp(engine, program, expected_of(engine, program))


@clause(
    "view.chain",
    level=CORE,
    needs=(VJP,),
    after="view.gradient-transposes",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=chains(least=3, most=8, forks=True),
)
def test_chain(engine: Engine, program: Program) -> None:
    """Views of views have the values and the gradients of the composed map of indices; a tensor of which several views are
    taken gets the sum of their gradients.
    """
    assert_vjp(engine, program, expected_of(engine, program))


@clause(
    "view.layout-invariance",
    level=CORE,
    needs=(VJP,),
    after="op.exact-program",
    choices=(ABSENT_ZEROS,),
    examples=300,
    program=dressed_programs,
    layout=st.sampled_from(LAYOUTS),
)
def test_layout_invariance(engine: Engine, program: Program, layout: str) -> None:
    """Values and gradients do not depend on how operands and cotangents lie in memory: permuted, with gaps, behind an
    offset, or with one element in several places.
    """
    roots = roots_of(program, engine.aliasing)
    cotangents = program.cotangent_arrays([root.value.shape for root in roots])
    if layout == EXPANDED:
        cotangents = tuple(constant_along_first(each) for each in cotangents)
    assert_vjp(engine, program, pull_back(program, roots, cotangents), layout)
