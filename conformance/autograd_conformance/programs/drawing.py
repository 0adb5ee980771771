"""A program in the making: steps are proposed, kept where they are legal and their numbers exact, and joined to roots.

Every step reaches a root, operands are often recent and often used again, values are mostly non-zero, writes multiply or
assign more than they add, and magnitudes stay where every partial sum is exact in the program's dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from autograd_conformance.operators import IN_PROGRAMS, WRITES
from autograd_conformance.programs.exactness import exact_passes
from autograd_conformance.programs.legality import Illegal
from autograd_conformance.programs.oracle import Bound, Dual, Memory
from autograd_conformance.programs.palette import Palette, Shape
from autograd_conformance.programs.program import DETACH, Input, Program, Step
from autograd_conformance.programs.proposals import PROPOSALS, broadcastable
from autograd_conformance.programs.shrinking import pruned


def draw_program(choose: Callable[[int], int], palette: Palette) -> Program:
    """One program; `choose(n)` gives a number from 0 to n - 1."""
    drawing = Drawing(choose, palette)
    for _ in range(5 + choose(9)):
        drawing.step()
    return drawing.close()


class Drawing:
    """A program in the making, run on magnitudes as it grows."""

    def __init__(self, choose: Callable[[int], int], palette: Palette, *, differentiable: bool = True) -> None:
        self.choose, self.palette = choose, palette
        self.dtype = palette.dtypes[choose(len(palette.dtypes))]
        self.inputs = self._inputs(differentiable)
        self.steps: list[Step] = []
        self.oracle = Bound(palette.aliasing)
        arrays = [np.empty(each.shape) for each in self.inputs]
        self.tensors: list[Dual] = self.oracle.inputs(arrays, [each.requires_grad for each in self.inputs])
        self.names = list(range(len(self.inputs)))  # numbers of tensors; a write step makes no new one
        self.unread = list(self.names)
        self.kinds = [*_kinds(palette.operators), *palette.often]

    # ---- inputs ----
    def _inputs(self, differentiable: bool) -> list[Input]:
        """One to three inputs that broadcast with each other as a rule; the first wants a gradient, most others do."""
        shape = self._shape()
        inputs = [Input(shape, differentiable)]
        for _ in range(self.choose(3) if differentiable else 2):
            inputs.append(Input(self._related(shape), differentiable and self.choose(4) > 0))
        return inputs

    def _shape(self) -> Shape:
        if self.palette.shapes is not None:
            return self.palette.shapes[self.choose(len(self.palette.shapes))]
        ndim = min((0, 1, 1, 2, 2, 2, 3, 3, 3)[self.choose(9)], self.palette.max_ndim)
        lengths = (1, 2, 3, 3, 4) if ndim < 3 else (1, 2, 2, 3, 3)
        if self.choose(3) == 0:  # what goes along the wrong axis is not noticed unless it fits there
            return (lengths[self.choose(5)],) * ndim
        return tuple(lengths[self.choose(5)] for _ in range(ndim))

    def _related(self, shape: Shape) -> Shape:
        """Another input's shape: as a rule one that broadcasts to the first."""
        if self.palette.shapes is not None or self.choose(6) == 0:
            return self._shape()
        kept = shape[self.choose(len(shape) + 1) :] if self.choose(2) else shape
        return tuple(1 if self.choose(5) == 0 else length for length in kept)

    # ---- steps ----
    def step(self) -> None:
        """Some step; where proposals do not fit, another is drawn, a few times."""
        for _ in range(6):
            kind = self.kinds[self.choose(len(self.kinds))]
            proposed = PROPOSALS[kind][1](self)
            if proposed is not None and self.add(self._maybe_unrecorded(proposed)):
                return

    def _maybe_unrecorded(self, step: Step) -> Step:
        if not self.palette.recording_off or step.operator == DETACH or self.choose(10):
            return step
        return replace(step, recorded=False)

    def add(self, step: Step) -> bool:
        """Append a step, unless it is not judged or its numbers grow too large; whether it was appended."""
        operands = [self.tensors[number] for number in step.operands]
        take_back = _way_back(operands[0]) if step.writes else None
        try:
            result = self.oracle.apply(step, operands)
        except Illegal:
            return False
        changed = [self.tensors[x] for x in self._sharing(result)] if take_back else [result]
        if not all(map(self._affordable, changed)):
            if take_back:
                take_back()
            return False
        self._append(step, result)
        return True

    def _append(self, step: Step, result: Dual) -> None:
        self.steps.append(step)
        self.tensors.append(result)
        for number in step.operands[1:] if step.writes else step.operands:
            if number in self.unread:
                self.unread.remove(number)
        if step.writes:
            self._must_be_read(result)
        else:
            self.names.append(len(self.tensors) - 1)
            self.unread.append(len(self.tensors) - 1)

    def _must_be_read(self, target: Dual) -> None:
        """A write matters when some tensor that shares the memory is read later."""
        aliases = self._sharing(target)
        alias = aliases[self.choose(len(aliases))]
        if alias not in self.unread:
            self.unread.append(alias)

    def _sharing(self, x: Dual) -> list[int]:
        return [number for number in self.names if np.may_share_memory(self.tensors[number].value, x.value)]

    def _affordable(self, x: Dual) -> bool:
        """Whether the sum of all elements, and so any of them, may be a root among others."""
        return exact_passes(x, self.dtype) >= self.palette.passes

    # ---- what proposals ask ----
    def shape(self, number: int) -> Shape:
        return self.tensors[number].value.shape

    def one_of(self, operators: Sequence[str]) -> str | None:
        known = [operator for operator in operators if operator in self.palette.operators]
        return known[self.choose(len(known))] if known else None

    def pick(self) -> int:
        """A tensor that nothing reads yet, two times out of three, else any."""
        return self.recent(self.unread if self.unread and self.choose(3) else self.names)

    def recent(self, numbers: Sequence[int]) -> int:
        """One of `numbers`, a late one more often."""
        count = len(numbers)
        return numbers[max(self.choose(count), self.choose(count))]

    def writable(self, number: int) -> bool:
        x = self.tensors[number]
        return not x.memory.frozen and (not x.history.leaf or self.palette.recording_off)

    def was_read(self, number: int) -> bool:
        """Whether another memory was made from this tensor's."""
        memory = self.tensors[number].memory
        return any(memory in read and memory is not made for read, made, _ in self._uses())

    def was_saved(self, number: int) -> bool:
        """Whether a derivative may need what is, or was, in this tensor's memory."""
        memory = self.tensors[number].memory
        return any(needs_values and memory in read for read, _, needs_values in self._uses())

    def _uses(self) -> Iterator[tuple[list[Memory], Memory, bool]]:
        """For each step: the memories of its operands, that of its result, and whether it is recorded and value-dependent."""
        for place, step in enumerate(self.steps):
            needs_values = step.recorded and step.operator != DETACH and IN_PROGRAMS[step.operator].value_dependent
            read = [self.tensors[operand].memory for operand in step.operands]
            yield read, self.tensors[len(self.inputs) + place].memory, needs_values

    # ---- roots ----
    def close(self) -> Program:
        """All that nothing reads becomes a root or is joined to one; what then reaches no root is left out."""
        roots = [number for number in self.unread if self.tensors[number].history.requires]
        rest = [number for number in self.unread if number not in roots]
        if not roots:  # nothing differentiable is unread
            roots = [next(number for number in reversed(self.names) if self.tensors[number].history.requires)]
        rest += roots[self.palette.roots :]
        roots = roots[: self.palette.roots]
        for number in rest:
            roots[-1] = self._joined(roots[-1], number)
        try:
            return self.finished(roots)
        except Illegal:  # all that required gradients was overwritten: what is left is worked into the first input
            return self.finished([self._joined(0, roots[0])])

    def finished(self, roots: list[int]) -> Program:
        if not self.palette.accepts_cotangent:
            roots = [self._summed(roots[0])]
        return pruned(self.program(tuple(roots)), self.palette.aliasing)

    def program(self, roots: tuple[int, ...]) -> Program:
        unit = not self.palette.accepts_cotangent
        return Program(self.dtype, tuple(self.inputs), tuple(self.steps), roots, self.choose(2**16), unit)

    def _joined(self, root: int, number: int) -> int:
        """`root` plus the sum of `number`, which may be of any shape; `root` itself where that does not go.

        What requires no gradient counts as a factor of the first input, so that it matters to a gradient.
        """
        scalar = self._summed(number)
        if not self.tensors[number].history.requires:
            scalar = self.combined("multiply", scalar, self._summed(0))
        return self.combined("add", root, scalar)

    def combined(self, operator: str, *operands: int) -> int:
        """A step, by another operator where this one is missing; the first operand itself where that does not go."""
        name = self.one_of((operator,)) or (self.one_of(("add", "multiply")) if len(operands) == 2 else None)
        fits = broadcastable(self.shape(operands[0]), self.shape(operands[-1]))
        if name and fits and self.add(Step(name, operands)):
            return len(self.tensors) - 1
        return operands[0]

    def _summed(self, number: int) -> int:
        axes = tuple(range(len(self.shape(number))))
        if (
            axes
            and "sum" in self.palette.operators
            and self.add(Step("sum", (number,), {"axis": axes, "keepdims": False}))
        ):
            return len(self.tensors) - 1
        return number


def _way_back(target: Dual) -> Callable[[], None]:
    value, tangent, requires = target.value.copy(), target.tangent.copy(), target.history.requires

    def take_back() -> None:
        target.value[...], target.tangent[...], target.history.requires = value, tangent, requires

    return take_back


@cache
def _kinds(operators: frozenset[str]) -> list[str]:
    """The proposals that this set of operators allows, each as often as its weight says."""
    present = {*operators, "multiply"}  # which stands for all elementwise operators, if there are any
    if not operators.isdisjoint(WRITES):
        present.add("write")
    return [kind for kind, (weight, _) in PROPOSALS.items() if kind in present for _ in range(weight)]
