"""Correct or loud, and not lazily loud: which programs an engine must accept, and which steps of a program matter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations
from math import prod

import numpy as np

from autograd_conformance.operators import IN_PROGRAMS
from autograd_conformance.programs.oracle import Array, Dual, Memory, written
from autograd_conformance.programs.program import DETACH, Program, Step

OVERWRITING = ("copy_", "setitem_", "fill_")
"""Writes after which nothing is left of what was there."""


def must_accept(program: Program, tensors: Sequence[Dual]) -> bool:
    """Whether an engine has no ground to refuse the program.  It has one where

    - a storage that a recorded value-dependent step used, as operand or as result, is written later;
    - a tensor made with recording off is written with recording on: engines may mark such tensors;
    - a view is written that was taken before its base came to require gradients; what an unrecorded view of a tensor
      that requires gradients is written to, may come to do so.
    """
    grounds = Grounds(tensors[number] for number in program.leaf_numbers)
    for number, step in enumerate(program.steps, len(program.inputs)):
        operands = [tensors[each] for each in step.operands]
        if grounds.are_given_by(step, program.target(number), operands[0]):
            return False
        grounds.follow(number, step, tensors[number], operands)
    return True


def behind(program: Program, root: int) -> set[int]:
    """The places of the steps that a root depends on, in a program that does not write."""
    found: set[int] = set()
    todo = [root]
    while todo:
        place = todo.pop() - len(program.inputs)
        if place >= 0 and place not in found:
            found.add(place)
            todo += program.steps[place].operands
    return found


def keeps_values(program: Program, tensors: Sequence[Dual], places: set[int]) -> bool:
    """Whether the derivative of one of these steps needs values, in a program that records all of them."""
    steps = [program.steps[place] for place in places if program.steps[place].operator in IN_PROGRAMS]
    return any(
        IN_PROGRAMS[step.operator].value_dependent and any(tensors[each].history.requires for each in step.operands)
        for step in steps
    )


def needs_what_was_overwritten(program: Program, tensors: Sequence[Dual]) -> bool:
    """Whether a pass cannot do without a value that is no longer there: one factor of a recorded product was written later,
    the other is a leaf, and the product reaches a root by nothing but sums.
    """
    writes = [(place, step) for place, step in enumerate(program.steps) if step.writes]
    regions = [(place, places(written(step, tensors[step.operands[0]]), derivatives=False)) for place, step in writes]
    changed = {tensors[step.operands[0]].memory for _, step in writes}
    reached = {root for root in program.roots if tensors[root].memory not in changed}
    for place, step in reversed(list(enumerate(program.steps))):
        if len(program.inputs) + place not in reached or not step.recorded:
            continue
        if step.operator in ("add", "sum"):
            reached |= {number for number in step.operands if tensors[number].memory not in changed}
        for factor, other in permutations(step.operands) if step.operator == "multiply" else ():
            needed = places(tensors[factor], derivatives=False)
            if other in program.leaf_numbers and any(late > place and needed & region for late, region in regions):
                return True
    return False


def value_dependent(step: Step) -> bool:
    """Whether the step is recorded and its derivative needs values."""
    return step.recorded and step.operator != DETACH and IN_PROGRAMS[step.operator].value_dependent


class Grounds:
    """Follows the steps of a program as it grows, and knows which write would give an engine a ground to refuse."""

    def __init__(self, leaves: Iterable[Dual]) -> None:
        self._used: dict[int, set[Memory]] = {}
        """Recorded value-dependent steps, by number -> the memories of operands and result."""
        self._unrecorded: set[Memory] = set()
        self._requiring = {id(leaf.history) for leaf in leaves}
        self._early_views: set[int] = set()

    def are_given_by(self, step: Step, name: int, target: Dual) -> bool:
        """Whether `step` writes where an engine may refuse that; `target` is its first operand, which is called `name`."""
        if not step.writes:
            return False
        if any(target.memory in memories for memories in self._used.values()):
            return True
        if not step.recorded:
            return False
        is_early_view = name in self._early_views and id(target.history) in self._requiring
        return is_early_view or target.memory in self._unrecorded

    def follow(self, number: int, step: Step, made: Dual, operands: Sequence[Dual]) -> None:
        """`step` was accepted and has `made` the tensor with this number."""
        source = operands[0]
        if made.memory is source.memory and not step.writes and id(source.history) not in self._requiring:
            self._early_views.add(number)
        passes_flag_on = step.recorded or (made.memory is source.memory and not step.writes)
        if passes_flag_on and step.operator != DETACH and any(id(x.history) in self._requiring for x in operands):
            self._requiring.add(id(made.history))
        if made.memory is not source.memory and not step.recorded:
            self._unrecorded.add(made.memory)
        if value_dependent(step):
            self._used[number] = {each.memory for each in (*operands, made)}

    def forget(self, numbers: Iterable[int]) -> None:
        """No derivative of these steps is needed any more."""
        for number in numbers:
            self._used.pop(number, None)


class Liveness:
    """Walks a program backwards from its roots.  `steps`: the places of those that reach a root.

    A step that reaches none is dead.  Writes are followed element by element; a function is taken to read all of its
    operands, so that now and then a write counts as alive of which later steps drop every element.  An element's value
    and its derivatives are apart: a detached alias shares the one and not the others, and so does a write with recording
    off.  `reads_around_write`: some live write has a live reading of the elements that it changes before it, in a result
    of its own, and so matters twice.
    """

    def __init__(self, program: Program, tensors: Sequence[Dual]) -> None:
        self._program, self._tensors = program, tensors
        self._handles = {program.target(root) for root in program.roots}
        self._alive = set[int]().union(*(places(tensors[root]) for root in program.roots))
        self._written: set[int] = set()
        self.steps: set[int] = set()
        self.reads_around_write = False
        for place in reversed(range(len(program.steps))):
            self._visit(place)

    def _visit(self, place: int) -> None:
        step, number = self._program.steps[place], len(self._program.inputs) + place
        operands = [self._tensors[each] for each in step.operands]
        if step.writes:
            self._visit_write(place, *operands)
        elif self._tensors[number].memory is operands[0].memory:
            if number in self._handles:
                self._keep(place, reads=())
        elif self._alive & places(self._tensors[number], derivatives=_differentiates(step)):
            self.reads_around_write |= any(self._written & places(x) for x in operands)
            self._keep(place, reads=operands)
        elif number in self._handles:  # a storage that is overwritten before it is read
            self._keep(place, reads=())

    def _visit_write(self, place: int, target: Dual, *others: Dual) -> None:
        step = self._program.steps[place]
        region = written(step, target)
        changed = places(region, derivatives=step.recorded)
        if not self._alive & changed:
            return
        self._written |= changed
        if step.operator in OVERWRITING:
            self._alive -= changed
            self._keep(place, reads=others)
        else:
            self._keep(place, reads=(region, *others))

    def _keep(self, place: int, reads: Sequence[Dual]) -> None:
        step = self._program.steps[place]
        self.steps.add(place)
        self._handles |= {self._program.target(number) for number in step.operands}
        self._alive = self._alive.union(*(places(x, derivatives=_differentiates(step)) for x in reads))


def _differentiates(step: Step) -> bool:
    return step.recorded and step.operator != DETACH


def places(x: Dual, *, derivatives: bool = True) -> set[int]:
    """Where the elements of `x` lie, and the first derivative of each: equal numbers are the same memory."""
    axes = x.value.ndim
    return _addresses(x.value, axes) | _addresses(x.tangent, axes) if derivatives else _addresses(x.value, axes)


def _addresses(array: Array, axes: int) -> set[int]:
    first = array.__array_interface__["data"][0]
    if array.flags.c_contiguous:  # as most are
        return set(range(first, first + array.nbytes, array.itemsize * prod(array.shape[axes:]) or 1))
    addresses = np.array(first)
    for length, stride in zip(array.shape[:axes], array.strides, strict=False):
        addresses = addresses[..., None] + np.arange(length) * stride
    return set(addresses.ravel().tolist())
