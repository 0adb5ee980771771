"""Programs that aim: a tensor is used, and then its memory is written by a way that is drawn, from the ways that a clause names.

Random programs seldom write where it matters.  Here every program has a tensor with memory of its own, a use of it, ways to
that memory (itself, views, detached aliases) and one write or more; what stands around them is as random as elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from autograd_conformance.judge import Reject
from autograd_conformance.operators import VIEWS, WRITES, WRITES_APART
from autograd_conformance.programs.drawing import Drawing
from autograd_conformance.programs.palette import Palette, Shape
from autograd_conformance.programs.program import DETACH, Input, Program, Step
from autograd_conformance.programs.proposals import PROPOSALS, broadcastable, broadcasts, key_of, keyed

ITSELF, VIEW, VIEW_OF_VIEW, ALIAS, DETACHED = "itself", "a view", "a view of a view", "another name", "a detached alias"
EVERY_WAY = (ITSELF, VIEW, VIEW_OF_VIEW, ALIAS, DETACHED)
"""How a write gets at the memory; *another name*: any tensor that shares it, such as the base."""
ALL_WRITES = (*WRITES, *WRITES_APART)
LINEAR = ("add", "subtract", "negative", "sum", "take", "concat", "stack", "clone")
"""Functions whose derivatives need no values."""


@dataclass(frozen=True)
class Aim:
    """What the programs of a clause have in common."""

    saved: bool = True
    """The tensor is used by an operator whose derivative needs its value; otherwise by one whose derivative does not."""
    needed: bool = False
    """The use is a product with a leaf, which reaches a root by sums alone: no pass can do without the value."""
    used: bool = True
    """It is used at all before it is written."""
    ways: tuple[str, ...] = EVERY_WAY
    recorded: tuple[bool, ...] = (True, False)
    """Whether recording is on for the writes."""
    writes: tuple[str, ...] = ALL_WRITES
    most: int = 1
    """So many writes, at most."""
    whole: bool = False
    """Each write overwrites the whole tensor."""
    constant: bool = False
    """The tensor is an input that requires no gradient."""
    own: bool = False
    """What is written is made of a copy of the tensor that is written, which nothing else uses."""
    product: bool = False
    """What is written is a product of the target's shape, which nothing else uses."""
    narrow: bool = False
    """What is written has fewer elements than the place that it is written to."""


class Aiming(Drawing):
    """A program in the making that has an aim."""

    def __init__(self, choose: Callable[[int], int], palette: Palette, aim: Aim) -> None:
        self.aim = aim
        super().__init__(choose, palette)

    def _inputs(self, differentiable: bool) -> list[Input]:
        inputs = super()._inputs(differentiable)
        return [*inputs, Input(self._related(inputs[0].shape), False)] if self.aim.constant else inputs

    def aimed(self) -> Program:
        """Some steps, the tensor, a use of it, the writes, some steps again.  Reject where no write fits."""
        self._steps(3)
        target = self._target()
        if self.aim.used:
            self._use(target)
        written = [self._write_somewhere(target) for _ in range(1 + self.choose(self.aim.most))]
        if not any(written):
            raise Reject
        if not self.aim.needed:
            self._steps(2)
        return self.close()

    def _steps(self, most: int) -> None:
        for _ in range(self.choose(most + 1)):
            self.step()

    # ---- the tensor ----
    def _target(self) -> int:
        """A tensor that may be written while recording is on: a result, or the last input where a constant is wanted."""
        if self.aim.constant:
            return len(self.inputs) - 1
        fit = [x for x in self.names if self._is_result(x)] if self.aim.saved else []
        if fit and self.choose(3):
            return self.recent(fit)
        operand = self.recent([x for x in self.names if self.tensors[x].history.requires and self._fits(0, x)])
        if not (self._combined("multiply", 0, operand) if self.aim.saved and self.choose(2) else self._linear(operand)):
            raise Reject
        made = len(self.tensors) - 1
        return self.viewed(made) if self.choose(4) == 0 else made

    def _is_result(self, number: int) -> bool:
        x = self.tensors[number]
        return x.history.requires and not x.history.leaf and not x.expanded and not x.memory.frozen

    def _use(self, target: int) -> None:
        if self.aim.needed:
            leaves = [x for x, each in enumerate(self.inputs) if each.requires_grad and self._fits(target, x)]
            if leaves and self._combined("multiply", target, self.recent(leaves)):
                return
        use = self._product if self.aim.saved else self._linear
        for _ in range(4):
            if use(target):
                return
        raise Reject

    def _product(self, target: int) -> bool:
        """The target as a factor of what requires gradients, of itself, or of what is multiplied in place."""
        kind = self.choose(7)
        partners = [y for y in self.names if self.tensors[y].history.requires and self._fits(target, y)]
        if kind < 2:
            return self._matrix_product(target)
        if kind == 3 and "multiply_" in self.palette_of_writes:
            places = [y for y in partners if self._is_result(y) and broadcasts(self.shape(target), self.shape(y))]
            places = [y for y in places if self.tensors[y].memory is not self.tensors[target].memory]
            return bool(places) and self.add(Step("multiply_", (self.recent(places), target)))
        if kind == 4 or not partners:
            return self._combined("multiply", target, target)
        other = self.recent(partners)
        return self._combined("multiply", *((target, other) if self.choose(2) else (other, target)))

    def _matrix_product(self, target: int) -> bool:
        """With another matrix where one fits, else with its own transpose."""
        if "matmul" not in self.palette.operators:
            return False
        step = self.proposed("matmul", [x for x in self.names if self.tensors[x].history.requires])
        if step is not None and target in step.operands:
            return self.add(step)
        *batch, row, column = range(len(self.shape(target))) if len(self.shape(target)) > 1 else (0, 0)
        if row == column or not self._combined("permute_dims", target, axes=(*batch, column, row)):
            return False
        factors = target, len(self.tensors) - 1
        return self._combined("matmul", *(factors if self.choose(2) else factors[::-1]))

    def _linear(self, target: int) -> bool:
        kinds = [kind for kind in ("multiply", *LINEAR) if kind in PROPOSALS]
        step = self.proposed(kinds[self.choose(len(kinds))], [target])
        if (
            step is None
            or step.operator == "multiply"
            or not self._combined(step.operator, *step.operands, **step.params)
        ):
            return self._combined(self.one_of(("add",)) or "multiply", target, target)
        return True

    # ---- ways to its memory ----
    def _way(self, target: int) -> int:
        way = self.aim.ways[self.choose(len(self.aim.ways))]
        if way == VIEW:
            return self.viewed(target)
        if way == VIEW_OF_VIEW:
            return self.viewed(self.viewed(target))
        if way == ALIAS:
            sharing = self._sharing(self.tensors[target])
            return sharing[self.choose(len(sharing))]
        if way == DETACHED and self.add(Step(DETACH, (target,))):
            alias = len(self.tensors) - 1
            return self.viewed(alias) if self.choose(2) else alias
        return target

    def viewed(self, number: int) -> int:
        """A view of this tensor where one fits, else the tensor itself."""
        kinds = [
            kind for kind in VIEWS if kind in self.palette.aliasing & self.palette.operators and kind != "broadcast_to"
        ]
        for _ in range(3 if kinds else 0):
            step = self.proposed(kinds[self.choose(len(kinds))], [number])
            if step is not None and self.add(step):
                return len(self.tensors) - 1
        return number

    def proposed(self, kind: str, among: Sequence[int]) -> Step | None:
        """What is proposed where there are no other tensors than these."""
        if not among:
            return None
        names, unread = self.names, self.unread
        self.names, self.unread = list(among), list(among)
        try:
            return PROPOSALS[kind][1](self)
        finally:
            self.names, self.unread = names, unread

    # ---- writes ----
    @property
    def palette_of_writes(self) -> tuple[str, ...]:
        return self.aim.writes

    def _write_somewhere(self, target: int) -> bool:
        recorded = self.aim.recorded[self.choose(len(self.aim.recorded))]
        for _ in range(4):
            step = self._writing(self._way(target), recorded)
            if step is not None and self.add(step):
                return True
        return False

    def _writing(self, target: int, recorded: bool) -> Step | None:
        step = Step(self.aim.writes[self.choose(len(self.aim.writes))], (target,), recorded=recorded)
        shape = self.shape(target)
        if step.operator == "fill_":
            return replace(step, params={"value": 1 + self.choose(3)})
        if step.operator == "masked_fill_":
            return replace(step, params={"mask": self._mask(shape), "value": 1 + self.choose(3)})
        if step.operator == "index_copy_":
            return self._index_copy(step, shape)
        if step.operator == "setitem_":
            if not shape:
                return None
            key = (slice(None),) if self.aim.whole else key_of(self, shape, integer=bool(self.choose(2)))
            return self._with_operand(replace(step, params={"key": key}), keyed(shape, key))
        return self._with_operand(step, shape)

    def _with_operand(self, step: Step, shape: Shape) -> Step | None:
        if self.aim.own:
            return self._with_made(step, Step("clone", step.operands))
        if self.aim.product:
            return self._with_product(step)
        memory = self.tensors[step.operands[0]].memory
        fit = [y for y in self.names if broadcasts(self.shape(y), shape) and self.tensors[y].memory is not memory]
        if self.aim.narrow:
            fit = [y for y in fit if self.tensors[y].value.size < prod(shape)] or [self._summed(0)]
        if self.aim.constant and self.choose(4):
            fit = [y for y in fit if self.tensors[y].history.requires]
        return replace(step, operands=(*step.operands, self.recent(fit))) if fit else None

    def _with_product(self, step: Step) -> Step | None:
        (target,) = step.operands
        others = [y for y in self.names if self.tensors[y].memory is not self.tensors[target].memory]
        like = [y for y in others if self.shape(y) == self.shape(target)]
        small = [y for y in others if broadcasts(self.shape(y), self.shape(target))]
        if not like:
            return None
        return self._with_made(step, Step("multiply", (self.recent(like), self.recent(small))))

    def _with_made(self, step: Step, making: Step) -> Step | None:
        """What is written is made for this write alone, and in the same mode."""
        if not self.add(replace(making, recorded=step.recorded)):
            return None
        made = self.names.pop()
        self.unread.remove(made)
        return replace(step, operands=(*step.operands, made))

    def _mask(self, shape: Shape) -> object:
        if not shape:
            return self.aim.whole or bool(self.choose(2))
        return tuple(self._mask(shape[1:]) for _ in range(shape[0]))

    def _index_copy(self, step: Step, shape: Shape) -> Step | None:
        """As many entries of another tensor as are written; none is written twice."""
        if not shape or "take" not in self.palette.operators:
            return None
        axis = self.choose(len(shape))
        entries = list(range(shape[axis]))
        count = shape[axis] if self.aim.whole else 1 + self.choose(shape[axis])
        indices = tuple(entries.pop(self.choose(len(entries))) for _ in range(count))
        source = self.recent([y for y in self.names if _agree(self.shape(y), shape, axis)])
        taken = tuple(self.choose(self.shape(source)[axis]) for _ in range(count))
        if not self.add(Step("take", (source,), {"indices": taken, "axis": axis})):
            return None
        operands = (*step.operands, len(self.tensors) - 1)
        return replace(step, operands=operands, params={"indices": indices, "axis": axis})

    def _fits(self, x: int, y: int) -> bool:
        return broadcastable(self.shape(x), self.shape(y))

    def _combined(self, operator: str, *operands: int, **params: Any) -> bool:
        return operator in self.palette.operators and self.add(Step(operator, operands, params))


def _agree(one: Shape, other: Shape, axis: int) -> bool:
    """Whether the shapes are the same but for this axis."""
    return len(one) == len(other) and one[:axis] == other[:axis] and one[axis + 1 :] == other[axis + 1 :]
