"""Smaller programs made from a program that fails, as data: steps dropped, roots dropped, results made inputs,
operands and operators replaced by plainer ones.

A candidate need not be legal; the clause that runs it rejects it then.  It is as exact as what was drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from autograd_conformance.judge import Reject
from autograd_conformance.operators import IN_PROGRAMS, VIEWS
from autograd_conformance.programs.exactness import exact_passes_of
from autograd_conformance.programs.legality import Illegal
from autograd_conformance.programs.oracle import Oracle
from autograd_conformance.programs.palette import MOST_PASSES
from autograd_conformance.programs.program import DETACH, Input, Program, Step
from autograd_conformance.programs.zones import Liveness

PLAIN = ("multiply", "add", "subtract")
PLAIN_WRITES = ("multiply_", "copy_", "add_", "setitem_")
PLAIN_VIEWS = ("reshape", "expand_dims")
"""Operators that stand for others of their kind, the plainest first."""
SUM = "sum"
"""Over all axes: its result fits where that of another shape does not."""
FILLS = ("fill_", "masked_fill_")
"""Writes that take no operand."""
WITHOUT_WRITING = {"multiply_": "multiply", "add_": "add"}
EVERYTHING_ALIASES = frozenset({*VIEWS, DETACH})
ALIASING = (EVERYTHING_ALIASES, frozenset(VIEWS), frozenset[str]())
"""Kinds of engines: a program that fails comes from one, and its candidates need not be legal on the others."""


def pruned(program: Program, aliasing: Collection[str] = EVERYTHING_ALIASES) -> Program:
    """Without the steps and inputs that reach no root, and without roots that require no gradient."""
    tensors = Oracle(aliasing).tensors(program)
    if not program.roots:  # every value counts
        return without_unused_inputs(program)
    roots = tuple(root for root in program.roots if tensors[root].history.requires)
    if not roots:
        raise Illegal("no root requires a gradient")
    live = Liveness(replace(program, roots=roots), tensors).steps
    numbered = enumerate(program.steps, len(program.inputs))
    dead = {number: step.operands[0] for number, step in numbered if number - len(program.inputs) not in live}
    if roots == program.roots and not dead:
        return without_unused_inputs(program)
    return pruned(_without(replace(program, roots=roots), dead), aliasing)


def simpler(program: Program) -> Iterator[Program]:
    """Candidates, the smallest first in each kind."""
    passes = {aliasing: _exact_passes(program, aliasing, 0) for aliasing in ALIASING}
    for candidate in candidates(program, _shapes(program)):
        smaller = _pruned_if_legal(candidate)
        if smaller is not None and smaller != program and _is_exact(smaller, passes):
            yield smaller


def _is_exact(smaller: Program, passes: Mapping[frozenset[str], float]) -> bool:
    """Whether on all kinds of engines its gradients add up exactly, over as many `passes` as before or any clause makes."""
    return all(_exact_passes(smaller, kind, MOST_PASSES) >= least for kind, least in passes.items())


def _exact_passes(program: Program, aliasing: Collection[str], if_illegal: float) -> float:
    try:
        return min(exact_passes_of(program, aliasing), MOST_PASSES)
    except Illegal:
        return if_illegal


def _pruned_if_legal(candidate: Program) -> Program | None:
    """For the first kind of engine that can judge it: what overlaps where all views alias may not where they copy."""
    for aliasing in ALIASING:
        with suppress(Reject, ValueError, IndexError):  # a step is not judged, or shapes no longer fit together
            return pruned(candidate, aliasing)
    return None


def candidates(program: Program, shapes: Sequence[tuple[int, ...] | None]) -> Iterator[Program]:
    """Whatever may be smaller or plainer, legal or not; `shapes` are those of all tensors, None for what is none."""
    yield program
    yield from _prefixes(program)
    if len(program.roots) > 1:
        for place in range(len(program.roots)):
            yield replace(program, roots=program.roots[:place] + program.roots[place + 1 :])
    yield from _opened(program)
    for place in reversed(range(len(program.steps))):
        yield from _bypassed(program, place)
    for place in reversed(range(len(program.steps))):
        yield from _cut(program, place, shapes)
    yield from _rewired(program, shapes)
    yield from _renamed(program, shapes)
    yield from _simpler_inputs(program)
    for place, step in enumerate(program.steps):
        if not step.recorded:
            yield _with_step(program, place, replace(step, recorded=True))
    if program.seed:
        yield replace(program, seed=0)


def _prefixes(program: Program) -> Iterator[Program]:
    """The first steps only, with the last of them as the root."""
    for count in range(len(program.steps)):
        root = len(program.inputs) + count - 1
        yield replace(program, steps=program.steps[:count], roots=(root,) if program.roots else ())


def _opened(program: Program) -> Iterator[Program]:
    """A root that nothing else uses dropped, its operands roots instead; an engine with one root rejects the program."""
    used = {number for step in program.steps for number in step.operands}
    for place, root in enumerate(program.roots):
        if root >= len(program.inputs) and root not in used and not program.steps[root - len(program.inputs)].writes:
            operands = program.steps[root - len(program.inputs)].operands
            roots = (*program.roots[:place], *operands, *program.roots[place + 1 :])
            yield replace(program, roots=tuple(dict.fromkeys(roots)))


def _bypassed(program: Program, place: int) -> Iterator[Program]:
    """One step dropped, its result replaced by one of its operands."""
    for operand in dict.fromkeys(program.steps[place].operands):
        yield _without(program, {len(program.inputs) + place: operand})


def _cut(program: Program, place: int, shapes: Sequence[tuple[int, ...] | None]) -> Iterator[Program]:
    """A result made an input, a leaf or else a constant, and so all that leads to it left out."""
    step, number = program.steps[place], len(program.inputs) + place
    shape = shapes[number]
    if shape is None or step.writes:
        return
    count = len(program.inputs)
    moved = {old: old + (old >= count) for old in range(count + len(program.steps))} | {number: count}
    for leaf in (True, False) if program.roots and step.operator != DETACH else (False,):
        yield _renumbered(program, (*program.inputs, Input(shape, requires_grad=leaf)), moved, drop=place)


def _rewired(program: Program, shapes: Sequence[tuple[int, ...] | None]) -> Iterator[Program]:
    """An operand replaced by the first tensor that has its shape, or a view by its base."""
    made = dict(enumerate(program.steps, len(program.inputs)))
    for place, step in enumerate(program.steps):
        for position, operand in enumerate(step.operands):
            base = operand
            while base in made and made[base].operator in VIEWS:
                base = made[base].operands[0]
            for other in {shapes.index(shapes[operand]), base} - {operand}:
                operands = (*step.operands[:position], other, *step.operands[position + 1 :])
                yield _with_step(program, place, replace(step, operands=operands))


def _shapes(program: Program) -> list[tuple[int, ...]]:
    """They do not depend on what aliases; where nothing does, all programs are legal that are legal anywhere."""
    return [tensor.value.shape for tensor in Oracle(()).tensors(program)]


def _renamed(program: Program, shapes: Sequence[tuple[int, ...] | None]) -> Iterator[Program]:
    """A step replaced by a plainer one that gives a tensor of its shape, so that a defect takes on fewer forms."""
    for place, step in enumerate(program.steps):
        shape = shapes[len(program.inputs) + place]
        if (step.operator in IN_PROGRAMS or step.operator == DETACH) and shape is not None:
            yield from _writes_renamed(program, place) if step.writes else _results_renamed(program, place, shapes)


def _writes_renamed(program: Program, place: int) -> Iterator[Program]:
    step = program.steps[place]
    if step.operator in FILLS:
        grown = _with_new_input(program, ())
        operands = (grown.steps[place].operands[0], len(program.inputs))
        yield _with_step(grown, place, replace(step, operator=PLAIN_WRITES[0], operands=operands, params={}))
    else:
        for operator in _plainer(step, PLAIN_WRITES):
            yield _with_step(program, place, replace(step, operator=operator, params={}))
    if step.operator in WITHOUT_WRITING:
        yield _with_step(program, place, replace(step, operator=WITHOUT_WRITING[step.operator]))


def _results_renamed(program: Program, place: int, shapes: Sequence[tuple[int, ...] | None]) -> Iterator[Program]:
    """A plain operator of the first operands, of one of them, or of a new input; the sum of one; or another view."""
    step, shape = program.steps[place], shapes[len(program.inputs) + place]
    if len(step.operands) == 2 and step.operator in PLAIN:
        for operator in _plainer(step, PLAIN):
            yield _with_step(program, place, replace(step, operator=operator))
        return
    assert shape is not None
    pairs = dict.fromkeys([(step.operands * 2)[:2], *((each, each) for each in step.operands)])
    sources = [(program, pair) for pair in pairs]
    sources.append((_with_new_input(program, shape), (len(program.inputs),) * 2))
    for operator in PLAIN[:2]:
        for source, pair in sources:
            yield _with_step(source, place, replace(step, operator=operator, operands=pair, params={}))
    if step.operator not in PLAIN_VIEWS:
        yield from _summed(program, place, shapes)
    if step.operator in (*VIEWS, SUM):
        views: dict[str, dict[str, Any]] = {"reshape": {"shape": shape}, "expand_dims": {"axis": 0}}
        for operator in _plainer(step, PLAIN_VIEWS):
            yield _with_step(program, place, replace(step, operator=operator, params=views[operator]))


def _summed(program: Program, place: int, shapes: Sequence[tuple[int, ...] | None]) -> Iterator[Program]:
    """A step replaced by the sum of one of its operands, or of what that was made of; an input becomes a scalar instead."""
    count, step = len(program.inputs), program.steps[place]
    before = [each for number in step.operands if number >= count for each in program.steps[number - count].operands]
    for operand in dict.fromkeys((*step.operands, *before)):
        if shape := shapes[operand]:
            params = {"axis": tuple(range(len(shape))), "keepdims": False}
            yield _with_step(program, place, replace(step, operator=SUM, operands=(operand,), params=params))
        if operand < count:
            scalar = _with_input(program, operand, replace(program.inputs[operand], shape=()))
            for operator in PLAIN[:2]:
                twice = replace(step, operator=operator, operands=(operand, operand), params={})
                yield _with_step(scalar, place, twice)


def may_become(operator: str, other: str) -> bool:
    """Whether a step with `operator` may be replaced by one with `other`, which is as plain at least."""
    if operator == other or operator not in (*IN_PROGRAMS, DETACH):
        return operator == other
    if operator != DETACH and IN_PROGRAMS[operator].kind == "write":
        return other in PLAIN_WRITES or other == WITHOUT_WRITING.get(operator)
    return other in (*PLAIN, SUM) or (operator in (*VIEWS, SUM) and other in PLAIN_VIEWS)


def _plainer(step: Step, relatives: tuple[str, ...]) -> tuple[str, ...]:
    return relatives[: relatives.index(step.operator)] if step.operator in relatives else relatives


def _with_new_input(program: Program, shape: tuple[int, ...]) -> Program:
    """With one more input, a leaf that nothing uses yet; what is no input has moved up by one."""
    count = len(program.inputs)
    moved = {old: old + (old >= count) for old in range(count + len(program.steps))}
    made = Input(shape, requires_grad=bool(program.roots))
    roots = tuple(moved[root] for root in program.roots)
    return replace(program, inputs=(*program.inputs, made), steps=_moved(program.steps, moved), roots=roots)


def _simpler_inputs(program: Program) -> Iterator[Program]:
    """Axes made shorter, everywhere at once; one input used for two; constants made leaves."""
    for length in sorted({length for each in program.inputs for length in each.shape}, reverse=True):
        if length > 1:
            yield replace(program, inputs=tuple(_shorter(each, length) for each in program.inputs))
    for number, each in enumerate(program.inputs):
        for other in range(number):
            if program.inputs[other].shape == each.shape:
                yield _with_inputs_merged(program, number, other)
        if not each.requires_grad and program.roots:
            yield _with_input(program, number, replace(each, requires_grad=True))
        if each.shape:
            yield _with_input(program, number, replace(each, shape=each.shape[1:]))


def _shorter(each: Input, length: int) -> Input:
    return replace(each, shape=tuple(length - 1 if n == length else n for n in each.shape))


def _with_input(program: Program, number: int, new: Input) -> Program:
    return replace(program, inputs=(*program.inputs[:number], new, *program.inputs[number + 1 :]))


def _with_step(program: Program, place: int, new: Step) -> Program:
    return replace(program, steps=(*program.steps[:place], new, *program.steps[place + 1 :]))


def _with_inputs_merged(program: Program, number: int, other: int) -> Program:
    steps = tuple(
        replace(step, operands=tuple(other if each == number else each for each in step.operands))
        for step in program.steps
    )
    return replace(program, steps=steps, roots=tuple(other if each == number else each for each in program.roots))


# ---- renumbering ----
def _without(program: Program, replacements: dict[int, int]) -> Program:
    """Steps dropped: a number stands for its replacement, the later ones move up."""
    count = len(program.inputs)
    moved: dict[int, int] = {}
    for number in range(count + len(program.steps)):
        gone = sum(dropped < number for dropped in replacements)
        moved[number] = moved[replacements[number]] if number in replacements else number - gone
    steps = [step for place, step in enumerate(program.steps) if count + place not in replacements]
    return replace(
        program, steps=_moved(steps, moved), roots=tuple(dict.fromkeys(moved[root] for root in program.roots))
    )


def without_unused_inputs(program: Program) -> Program:
    """Without the inputs that are no operands and no roots."""
    used = {number for step in program.steps for number in step.operands} | set(program.roots)
    unused = [number for number in range(len(program.inputs)) if number not in used]
    moved = {
        number: number - sum(dropped < number for dropped in unused)
        for number in range(len(program.inputs) + len(program.steps))
    }
    inputs = tuple(each for number, each in enumerate(program.inputs) if number not in unused)
    return replace(
        program, inputs=inputs, steps=_moved(program.steps, moved), roots=tuple(moved[root] for root in program.roots)
    )


def _renumbered(program: Program, inputs: tuple[Input, ...], moved: dict[int, int], drop: int) -> Program:
    """`drop` no longer a step but the last of `inputs`; numbers after it stay, as many inputs as steps have moved."""
    count = len(program.inputs)
    moved = {old: new - (old > count + drop) for old, new in moved.items()}
    steps = [step for place, step in enumerate(program.steps) if place != drop]
    return replace(
        program, inputs=inputs, steps=_moved(steps, moved), roots=tuple(moved[root] for root in program.roots)
    )


def _moved(steps: Sequence[Step], moved: dict[int, int]) -> tuple[Step, ...]:
    return tuple(replace(step, operands=tuple(moved[number] for number in step.operands)) for step in steps)
