"""What an engine may refuse in a session, by what was written and which graphs were passed through before.

It may refuse whatever comes after a write that gave it a ground (`zones.py`), and a pass through, or a recorded step on,
what an earlier pass went through without retaining the graph.  All else it must accept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autograd_conformance.programs.oracle import Dual, Memory
from autograd_conformance.programs.program import DETACH, Step
from autograd_conformance.programs.session import RETAINING_PASS, Event, Turn
from autograd_conformance.programs.zones import Grounds


class Rules:
    """Follows a session turn by turn; `tensors` grows with it, and is kept by whoever runs the oracle."""

    def __init__(self, tensors: Sequence[Dual]) -> None:
        self.tensors = tensors
        self.first = len(tensors)
        self.steps: list[Step] = []
        self.names = list(range(len(tensors)))
        """Number -> the number that the tensor was made with: that of a write step stands for its target."""
        self.spent: set[int] = set()
        """Numbers of the recorded steps that a pass went through without retaining the graph."""
        self.ground_given = False
        self._grounds = Grounds(each for each in tensors if each.history.leaf)
        self._written: dict[int, list[int]] = {}
        """Tensor that was written with recording on, by the id of the history that its views share -> all steps on it."""
        self._tangled: set[Memory] = set()
        """Memories of which it is not certain which steps a pass goes through: written, or with unrecorded views."""

    # ---- what may be refused ----
    def may_refuse(self, turn: Turn) -> bool:
        """Whether an engine may raise at this turn; steps are marked as unrecorded where the switch is off."""
        if self.ground_given:
            return True
        if isinstance(turn, Event):
            return turn.is_pass and self.is_spent(turn.numbers)
        if self.gives_ground(turn):
            return True
        return turn.recorded and turn.operator != DETACH and self.is_spent(turn.operands)

    def gives_ground(self, step: Step) -> bool:
        target = step.operands[0]
        return self._grounds.are_given_by(step, self.names[target], self.tensors[target])

    def is_spent(self, numbers: Iterable[int]) -> bool:
        """Whether a pass from these tensors meets a graph that an earlier one may have freed."""
        return bool(self.spent) and not self.spent.isdisjoint(self.reached(numbers)[0])

    def reached(self, numbers: Iterable[int]) -> tuple[set[int], set[Memory]]:
        """The recorded steps that a pass from these tensors may go through, and the memories on its way.

        Rather too many than too few: a tensor that was written is taken together with all its recorded views.
        """
        steps, memories, families = set[int](), set[Memory](), set[int]()
        to_visit = [number for number in numbers if self.tensors[number].history.requires]
        while to_visit:
            number = to_visit.pop()
            family = id(self.tensors[number].history)
            to_visit += self._written.get(family, []) if family not in families else []
            families.add(family)
            memories.add(self.tensors[number].memory)
            if number >= self.first and number not in steps:
                step = self.steps[number - self.first]
                if step.recorded and step.operator != DETACH:
                    steps.add(number)
                    to_visit += step.operands
        return steps, memories

    # ---- what has happened ----
    def follow_step(self, step: Step) -> None:
        """`step` was taken, and its result is the last of the tensors."""
        operands = [self.tensors[number] for number in step.operands]
        number, made = self.first + len(self.steps), self.tensors[-1]
        self.ground_given |= self.gives_ground(step)
        self._grounds.follow(number, step, made, operands)
        self.steps.append(step)
        self.names.append(self.names[step.operands[0]] if step.writes else number)
        if made.memory is operands[0].memory and (step.operator == DETACH or step.recorded == step.writes):
            self._tangled.add(made.memory)
        family = id(made.history)
        if step.writes and step.recorded and family not in self._written:
            earlier = range(self.first, number)
            self._written[family] = [each for each in earlier if self.tensors[each].history is made.history]
        if family in self._written:
            self._written[family].append(number)

    def follow_pass(self, event: Event) -> None:
        """A pass was accepted.  Where it is certain what it went through, nothing there is needed any more."""
        if event.kind == RETAINING_PASS:
            return
        steps, memories = self.reached(event.numbers)
        self.spent |= steps
        if self._tangled.isdisjoint(memories):
            self._grounds.forget(steps)
