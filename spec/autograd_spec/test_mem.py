"""Lifetime and memory.

A graph lives as long as something that a pass can start from, and keeps what its derivatives need; nothing else that was
computed is kept alive by it. Lifetimes are seen through weak references. What only a cycle of references keeps alive is freed
when cycles are collected; the strict clause forbids such cycles.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import hypothesis.strategies as st

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import CREATE_GRAPH, LIFETIME, NO_GRAD, RETAIN_GRAPH, TAPE, Engine
from autograd_conformance.judge import equal, may_refuse
from autograd_conformance.programs.comparing import ABSENT_ZEROS, Totals, assert_gradient, expected_of, pass_back
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.program import Program
from autograd_conformance.programs.targeted import arithmetic_programs

Reference = Callable[[], Any]


@contextmanager
def _no_collection() -> Iterator[None]:
    """Cycles are collected when the clause says so, and at no other time; what is there already is not looked through."""
    enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


def _assert_freed(engine: Engine, references: list[Reference], *, collect: bool = True) -> None:
    """None of the tensors is alive, at the latest when cycles are collected."""
    if collect and any(reference() is not None for reference in references):
        engine.collect()
    for reference in references:
        equal("whether a tensor that was let go of is still alive", reference() is not None, False)


def _references(engine: Engine, tensors: Sequence[Any], numbers: Sequence[int]) -> list[Reference]:
    return [engine.weak_reference(tensors[number]) for number in numbers]


def _apart(engine: Engine, program: Program) -> list[int]:
    """The numbers of the tensors that share no memory with a root: a view may keep alive what it is a view of."""
    duals = Oracle(engine.aliasing).tensors(program)
    roots = {duals[root].memory for root in program.roots}
    return [number for number, dual in enumerate(duals) if dual.memory not in roots]


PASSES = ("no pass", "a pass", "two graphs", "a retaining pass")


def _run_and_drop(engine: Engine, program: Program, passes: str) -> list[Reference]:
    """Weak references to all tensors of a program that was run, passed through, and let go of."""
    cotangents = expected_of(engine, program).cotangents
    leaves = program.leaves(engine)
    tensors = program.execute(engine, leaves)
    roots = [tensors[root] for root in program.roots]
    references = _references(engine, tensors, [*range(len(tensors))])
    if passes == "two graphs":
        pass_back(engine, program.run(engine, leaves), cotangents)
    if passes == "a retaining pass" and engine.has(RETAIN_GRAPH):
        pass_back(engine, roots, cotangents, engine.backward_retaining)
    elif passes != "no pass":
        pass_back(engine, roots, cotangents)
    for number in program.leaf_numbers:
        if (gradient := engine.grad(leaves[number])) is not None:
            references.append(engine.weak_reference(gradient))
    return references


@clause(
    "mem.dropped-is-freed",
    level=CORE,
    needs=(TAPE, LIFETIME),
    after="op.exact-program",
    program=programs(),
    passes=st.sampled_from(PASSES),
)
@_no_collection()
def test_dropped_is_freed(engine: Engine, program: Program, passes: str) -> None:
    """When a program lets go of its tensors, whether or not passes were made through its graph, all of them are freed, at the
    latest when cycles are collected.
    """
    _assert_freed(engine, _run_and_drop(engine, program, passes))


@clause(
    "mem.no-cycles",
    level=FULL,
    needs=(TAPE, LIFETIME),
    after="mem.dropped-is-freed",
    program=programs(),
    passes=st.sampled_from(PASSES),
)
@_no_collection()
def test_no_cycles(engine: Engine, program: Program, passes: str) -> None:
    """What a program lets go of is freed at once: tensors, graph and gradients do not refer to each other in cycles."""
    _assert_freed(engine, _run_and_drop(engine, program, passes), collect=False)


@clause(
    "mem.failed-pass-keeps-nothing",
    level=FULL,
    needs=(TAPE, LIFETIME),
    after="mem.dropped-is-freed",
    program=arithmetic_programs,
    times=st.integers(1, 2),
)
@_no_collection()
def test_failed_pass_keeps_nothing(engine: Engine, program: Program, times: int) -> None:
    """Also where a pass was refused, all tensors that the program has let go of are freed, at the latest when cycles are
    collected.
    """
    _assert_freed(engine, _refused_passes(engine, program, times))


def _refused_passes(engine: Engine, program: Program, times: int) -> list[Reference]:
    cotangents = expected_of(engine, program).cotangents
    tensors = program.execute(engine, program.leaves(engine))
    roots = [tensors[root] for root in program.roots]
    pass_back(engine, roots, cotangents)
    for _ in range(times):
        with may_refuse(True, "a second pass"):
            pass_back(engine, roots, cotangents)
    return _references(engine, tensors, [*range(len(tensors))])


@clause(
    "mem.saved-released-by-backward",
    level=FULL,
    needs=(TAPE, LIFETIME),
    after="mem.dropped-is-freed",
    program=programs(),
    retained=st.integers(0, 2),
)
@_no_collection()
def test_saved_released_by_backward(engine: Engine, program: Program, retained: int) -> None:
    """After a pass that does not retain the graph, results that the program has let go of are not alive, although its roots
    are.
    """
    cotangents = expected_of(engine, program).cotangents
    tensors = program.execute(engine, program.leaves(engine))
    roots = [tensors[root] for root in program.roots]
    results = [number for number in _apart(engine, program) if number >= len(program.inputs)]
    references = _references(engine, tensors, results)
    del tensors
    for _ in range(retained if engine.has(RETAIN_GRAPH) else 0):
        pass_back(engine, roots, cotangents, engine.backward_retaining)
    pass_back(engine, roots, cotangents)
    _assert_freed(engine, references)
    del roots


@clause(
    "mem.retain-keeps",
    level=CORE,
    needs=(TAPE, RETAIN_GRAPH),
    after="backward.retain-graph",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=4),
    times=st.integers(1, 4),
)
@_no_collection()
def test_retain_keeps(engine: Engine, program: Program, times: int) -> None:
    """What derivatives need lives as long as a root does: though the program has let go of all other results, and cycles are
    collected, every pass that retains the graph gives the right gradient.
    """
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    wanted = {number: leaves[number] for number in program.leaf_numbers}
    roots = program.run(engine, leaves)
    totals = Totals(engine, program, [wanted.get(number) for number in range(len(leaves))])
    del leaves
    engine.collect()
    for _ in range(times):
        pass_back(engine, roots, expected.cotangents, engine.backward_retaining)
        totals.add(expected.gradients)


@clause(
    "mem.create-graph-cycle",
    level=FULL,
    needs=(TAPE, CREATE_GRAPH, LIFETIME),
    after="mem.dropped-is-freed",
    program=programs(),
)
@_no_collection()
def test_create_graph_cycle(engine: Engine, program: Program) -> None:
    """Also after a pass that is itself recorded, all tensors that the program has let go of are freed, at the latest when
    cycles are collected.
    """
    _assert_freed(engine, _recorded_pass(engine, program))


def _recorded_pass(engine: Engine, program: Program) -> list[Reference]:
    tensors = program.execute(engine, program.leaves(engine))
    roots = [tensors[root] for root in program.roots]
    pass_back(engine, roots, expected_of(engine, program).cotangents, engine.backward_creating_graph)
    return _references(engine, tensors, [*range(len(tensors))])


@clause(
    "mem.detach-drops-history",
    level=CORE,
    needs=(TAPE, LIFETIME),
    after="mem.dropped-is-freed",
    program=programs(),
)
@_no_collection()
def test_detach_drops_history(engine: Engine, program: Program) -> None:
    """A detached result keeps alive nothing that its source was computed from."""
    tensors = program.execute(engine, program.leaves(engine))
    references = _references(engine, tensors, _apart(engine, program))
    detached = [engine.detach(tensors[root]) for root in program.roots]
    del tensors
    _assert_freed(engine, references)
    del detached


@clause(
    "mem.unrecorded-keeps-nothing",
    level=CORE,
    needs=(TAPE, NO_GRAD, LIFETIME),
    after="mem.dropped-is-freed",
    program=programs(),
)
@_no_collection()
def test_unrecorded_keeps_nothing(engine: Engine, program: Program) -> None:
    """Results that are computed while recording is off keep alive nothing that they were computed from."""
    with engine.no_grad():
        tensors = program.execute(engine, program.leaves(engine))
    roots = [tensors[root] for root in program.roots]
    references = _references(engine, tensors, _apart(engine, program))
    del tensors
    _assert_freed(engine, references)
    del roots


@clause(
    "mem.leaf-kept-by-graph",
    level=FULL,
    needs=(TAPE, LIFETIME),
    after="mem.dropped-is-freed",
    choices=(ABSENT_ZEROS,),
    program=programs(),
)
@_no_collection()
def test_leaf_kept_by_graph(engine: Engine, program: Program) -> None:
    """A graph keeps its leaves alive, so that a pass delivers their gradients to whoever can still reach them; a leaf keeps
    no graph alive that used it.
    """
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    tensors = program.execute(engine, leaves)
    roots = [tensors[root] for root in program.roots]
    kept = _references(engine, leaves, program.leaf_numbers)
    results = _references(engine, tensors, range(len(leaves), len(tensors)))
    del leaves, tensors
    engine.collect()
    pass_back(engine, roots, expected.cotangents)
    held = []
    for number, reference in zip(program.leaf_numbers, kept, strict=True):
        equal(f"whether x{number} is alive", (leaf := reference()) is not None, True)
        assert_gradient(engine, f"the gradient of x{number}", engine.grad(leaf), expected.gradients[number])
        held.append(leaf)
    del roots
    _assert_freed(engine, results)
