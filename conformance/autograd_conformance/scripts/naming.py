"""Names for what a recorded run handed out: x0, x1 for inputs, c0 for cotangents, g0 for gradients, t2 for results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from autograd_conformance.scripts.recording import Block, Call, Function, RecordedFunction, Slot, Step

PASSES = ("backward", "backward_retaining", "backward_into", "backward_creating_graph")
COTANGENTS = {**dict.fromkeys(PASSES, 1), "vjp": 2, "gradients": 2}
"""Verb -> the place of the cotangents among its arguments."""


class Names:
    """Gives every slot its name when it is first asked for; `taken` are names that mean something else."""

    def __init__(self, steps: list[Step], taken: set[str]) -> None:
        self._taken = taken
        self._names: dict[Slot, str] = {}
        self._counts: Counter[str] = Counter()
        self._prefixes = {slot: prefix for call in calls(steps) for slot, prefix in _prefixes(call)}
        for call in calls(steps):
            self._prefixes |= dict.fromkeys(slots(cotangents_of(call)), "c")

    def of(self, slot: Slot) -> str:
        """The name of `slot`."""
        if slot not in self._names:
            self._names[slot] = self.fresh(self._prefixes.get(slot, "p"))
        return self._names[slot]

    def same(self, slot: Slot, other: Slot) -> None:
        """`slot` goes by the name of `other`."""
        self._names[slot] = self.of(other)

    def give(self, slot: Slot, name: str) -> None:
        """`slot` goes by `name`."""
        self._names[slot] = name

    def fresh(self, prefix: str) -> str:
        """A name that nothing else has; inputs and results are numbered together."""
        counted = "t" if prefix == "x" else prefix
        name = f"{prefix}{self._counts[counted]}"
        self._counts[counted] += 1
        return self.fresh(prefix) if name in self._taken else name


def calls(steps: list[Step]) -> Iterator[Call]:
    """Every call in `steps`, blocks and functions entered, in order."""
    for step in steps:
        call = step.call if isinstance(step, Block) else step
        yield call
        for function in functions_of(call):
            yield from calls(function.body)
        if isinstance(step, Block):
            yield from calls(step.body)


def functions_of(call: Call) -> list[Function]:
    """What is known of the clause's functions that `call` was given: their first runs."""
    given = [*call.arguments, *call.keywords.values()]
    return [first_run(value) for value in given if isinstance(value, RecordedFunction)]


def first_run(function: RecordedFunction) -> Function:
    """The run of a function that is printed: one, since every run of it is the same program."""
    return function.calls[0] if function.calls else Function()


def slots(value: Any) -> list[Slot]:
    """The slots in `value`."""
    if isinstance(value, Slot):
        return [value]
    if isinstance(value, dict):
        return slots(list(value.values()))
    return [slot for one in value for slot in slots(one)] if isinstance(value, list | tuple) else []


def operands(call: Call) -> list[Slot]:
    """The slots that a call is given, those that its functions return included; those used inside them are not."""
    given = slots(call.arguments) + slots(call.keywords) + slots(call.name)
    return given + [slot for function in functions_of(call) for slot in slots(function.returns)]


def uses(steps: list[Step]) -> Counter[Slot]:
    """How often each slot is used in `steps`, inside of blocks and functions, too."""
    return Counter(slot for call in calls(steps) for slot in operands(call))


def cotangents_of(call: Call) -> Any:
    """The cotangents that `call` was given, or None."""
    place = COTANGENTS.get(call.name, 0) if call.kind == "verb" else 0
    given = call.arguments[place] if place and len(call.arguments) > place else None
    return call.keywords.get("cotangents", given)


def _prefixes(call: Call) -> Iterator[tuple[Slot, str]]:
    if call.kind == "verb" and call.name == "vjp":
        outputs, gradients = call.result if isinstance(call.result, tuple) and len(call.result) == 2 else ((), ())
        yield from ((slot, "t") for slot in slots(outputs))
        yield from ((slot, "g") for slot in slots(gradients))
        return
    known = (
        {"tensor": "x", "grad": "g", "gradients": "g", "array": "a", "no_grad_function": "f", "weak_reference": "r"}
        if call.kind == "verb"
        else {}
    )
    yield from ((slot, known.get(call.name, "t")) for slot in slots(call.result))
