"""Several backward passes through one graph, and passes in other modes."""

from collections.abc import Callable
from functools import partial

import hypothesis.strategies as st

from autograd_conformance.clauses import CORE, FULL, clause
from autograd_conformance.engine import (
    CREATE_GRAPH,
    GRAD_DECORATOR,
    GRAD_SWITCH,
    NO_GRAD,
    RETAIN_GRAPH,
    SET_GRAD,
    TAPE,
    Engine,
)
from autograd_conformance.judge import assume, equal, may_refuse, refuses
from autograd_conformance.programs.comparing import (
    ABSENT_ZEROS,
    Totals,
    expected_of,
    pass_back,
)
from autograd_conformance.programs.generate import programs
from autograd_conformance.programs.oracle import Oracle, pull_back
from autograd_conformance.programs.program import Program
from autograd_conformance.programs.zones import behind, keeps_values

ORDERS = st.lists(st.integers(0, 5), min_size=2, max_size=5)
"""Of the roots of a program that was run twice, by number, which one is passed from next."""


class Run:
    """A program run twice on the same leaves, and passes from one of its roots at a time."""

    def __init__(self, engine: Engine, program: Program) -> None:
        self.engine, self.program = engine, program
        self.leaves = program.leaves(engine)
        self.roots = [root for _ in range(2) for root in program.run(engine, self.leaves)]
        self.totals = Totals(engine, program, self.leaves)
        self._duals = [tensor for tensor in Oracle(engine.aliasing).run(program)]
        self._cotangents = expected_of(engine, program).cotangents

    def root(self, choice: int) -> int:
        """The root that `choice` means."""
        return choice % len(self.roots)

    def pass_from(self, root: int, backward: Callable[..., None]) -> None:
        """One pass, after which the gradients are what they must be."""
        place = root % len(self.program.roots)
        dual, cotangent = self._duals[self.program.roots[place]], self._cotangents[place]
        pass_back(self.engine, [self.roots[root]], [cotangent], backward)
        self.totals.add(pull_back(self.program, [dual], [cotangent]).gradients)

    def any_pass_from(self, root: int) -> None:
        """One pass, after which the gradients may be what they like; they are read, since a lazy engine makes them then."""
        pass_back(self.engine, [self.roots[root]], [self._cotangents[root % len(self.program.roots)]])
        for number in self.program.leaf_numbers:
            if (gradient := self.engine.grad(self.leaves[number])) is not None:
                self.engine.array(gradient)

    def behind(self, root: int) -> set[tuple[int, int]]:
        """The steps that a root depends on, each with the number of the run."""
        run, place = divmod(root, len(self.program.roots))
        return {(run, step) for step in behind(self.program, self.program.roots[place])}

    def keeps_values(self, steps: set[tuple[int, int]]) -> bool:
        return keeps_values(self.program, self._duals, {place for _, place in steps})


@clause(
    "backward.second-pass",
    level=CORE,
    needs=(TAPE,),
    after="accum.adds",
    choices=(ABSENT_ZEROS,),
    examples=150,
    program=programs(passes=5),
    order=ORDERS,
)
def test_second_pass(engine: Engine, program: Program, order: list[int]) -> None:
    """A pass through operations that an earlier pass has gone through is refused, or adds its gradient like any other; a
    pass through none of them is not refused, whatever leaves the graphs share.
    """
    run = Run(engine, program)
    passed: set[tuple[int, int]] = set()
    for root in map(run.root, order):
        steps = run.behind(root)
        with may_refuse(bool(steps & passed), "a pass through operations that no pass has gone through") as attempt:
            run.pass_from(root, engine.backward)
        passed |= steps
        if attempt.refusal is not None:
            if not engine.has(SET_GRAD):  # leaves may have received a part
                return
            run.totals.forget()


@clause(
    "backward.second-pass-error",
    level=FULL,
    needs=(TAPE,),
    after="backward.second-pass",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=5, often="multiply"),
    order=ORDERS,
    retained=st.integers(0, 2),
)
def test_second_pass_error(engine: Engine, program: Program, order: list[int], retained: int) -> None:
    """After a pass that does not retain the graph, however many that did came before it, a further pass through the same
    operations is an error, from the same root or from another, if the derivative of one of them needs values.
    """
    run = Run(engine, program)
    root = run.root(order[0])
    for _ in range(retained if engine.has(RETAIN_GRAPH) else 0):
        run.pass_from(root, engine.backward_retaining)
    run.pass_from(root, engine.backward)
    released = run.behind(root)
    others = [
        other for other in map(run.root, [*order[1:], order[0]]) if run.keeps_values(run.behind(other) & released)
    ]
    assume(others)
    for other in others:
        refuses("a pass through operations that were released", partial(run.any_pass_from, other))


@clause(
    "backward.retain-graph",
    level=CORE,
    needs=(TAPE, RETAIN_GRAPH),
    after="backward.second-pass",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=5),
    order=ORDERS,
)
def test_retain_graph(engine: Engine, program: Program, order: list[int]) -> None:
    """A pass that retains the graph leaves it as it was: every further pass, from the same root or another, adds its
    gradient, also the last one, which need not retain.
    """
    run = Run(engine, program)
    for root in map(run.root, order):
        run.pass_from(root, engine.backward_retaining)
    run.pass_from(run.root(order[0]), engine.backward)


@clause(
    "backward.create-graph-retains",
    level=CORE,
    needs=(TAPE, CREATE_GRAPH),
    after="accum.adds",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=5),
    order=ORDERS,
)
def test_create_graph_retains(engine: Engine, program: Program, order: list[int]) -> None:
    """A pass that is itself recorded gives the same gradient as one that is not, and retains the graph."""
    run = Run(engine, program)
    for root in map(run.root, order):
        run.pass_from(root, engine.backward_creating_graph)
    run.pass_from(run.root(order[0]), engine.backward)
    if engine.has(SET_GRAD):  # a gradient with a history keeps its leaf alive, which keeps the gradient alive
        run.totals.forget()


def _switches(engine: Engine) -> st.SearchStrategy[str]:
    kinds = {NO_GRAD: "a block", GRAD_DECORATOR: "a decorator", GRAD_SWITCH: "a call"}
    return st.sampled_from([kind for group, kind in kinds.items() if engine.has(group)])


@clause(
    "backward.inside-no-grad",
    level=CORE,
    needs=(TAPE, NO_GRAD),
    after="accum.adds",
    choices=(ABSENT_ZEROS,),
    program=programs(passes=3),
    switch=_switches,
    times=st.integers(1, 3),
)
def test_inside_no_grad(engine: Engine, program: Program, switch: str, times: int) -> None:
    """A pass may be made while recording is off, and does the same; recording then is off as before."""
    expected = expected_of(engine, program)
    leaves = program.leaves(engine)
    totals = Totals(engine, program, leaves)
    graphs = [program.run(engine, leaves) for _ in range(times)]

    def passes() -> None:
        for roots in graphs:
            pass_back(engine, roots, expected.cotangents)
            totals.add(expected.gradients)
            made = engine.apply("add" if "add" in engine.operators else "multiply", roots[0], roots[0])
            equal("whether a result is a leaf after a pass with recording off", engine.is_leaf(made), True)

    if switch == "a block":
        with engine.no_grad():
            passes()
    elif switch == "a decorator":
        engine.no_grad_function(passes)()
    else:
        engine.set_grad_enabled(False)
        passes()
        engine.set_grad_enabled(True)
