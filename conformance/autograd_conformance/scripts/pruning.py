"""Steps that do not matter for what a script shows, left out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

from autograd_conformance.scripts.naming import PASSES, calls, functions_of, operands, slots, uses
from autograd_conformance.scripts.recording import Block, Call, Slot, Step, Tried, hands_nothing_out

SECONDS = 5
"""How long to look for single steps that can go, where they cannot all go together."""


def until(steps: list[Step], last: Call) -> list[Step]:
    """The steps that began before `last`, and itself; in the blocks around it, too.

    A function that was decorated before is called after that: the step that it is found in need not be the last.
    """
    begun = [step for step in steps if step.moment <= last.moment]
    if begun and isinstance(begun[-1], Block):
        begun[-1] = Block(begun[-1].call, until(begun[-1].body, last), begun[-1].error)
    return begun


def prune(steps: list[Step], shown: list[Slot], still_fails: Callable[[], bool]) -> bool:
    """Take out of `steps`, in place, what does not matter for `shown`, as long as the script still fails in the same way.

    Whether the last answer of `still_fails`, which is dear, was for the steps that are left, and was yes.

    By the contract two sorts of steps do not matter: those that change nothing and whose results nobody uses, and those
    on tensors that have nothing to do, however remotely, with what is shown.  What was expected depends on all others.
    """
    whole = _snapshot(steps)
    for find in (_apart_or_dead, _dead):
        while places := find(steps, shown):
            _drop(places)
        if still_fails():
            return True
        _restore(whole)
    if still_fails():
        _prune_one_by_one(steps, shown, still_fails)
    return False


def _prune_one_by_one(steps: list[Step], shown: list[Slot], still_fails: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    for place in _dead(steps, shown):
        if time.monotonic() > end:
            return
        before = _snapshot(steps)
        _drop([place])
        if not still_fails():
            _restore(before)


Place = tuple[list[Step], Step]


def _dead(steps: list[Step], shown: list[Slot]) -> list[Place]:
    """Steps without effect whose results nobody uses, and the bodies that they stand in; the last first."""
    used = uses(steps)
    used.update(shown)
    unread = _last_unread_pass(steps)
    dead: list[Place] = []
    for body in _bodies(steps):
        for step in reversed(body):
            if step is unread or _is_idle(step, used):
                dead.append((body, step))
                used.subtract(uses([step]))  # so that a whole chain is found in one go
    return dead


def _apart_or_dead(steps: list[Step], shown: list[Slot]) -> list[Place]:
    """The same, and every call on tensors that are connected by no call with what is shown."""
    groups = _Groups(steps)
    last = list(calls(steps))[-1:] if not shown else []
    kept = {groups.of(slot) for slot in [*shown, *(slot for call in last for slot in _touched(call))]}
    apart: list[Place] = [
        (body, step)
        for body in _bodies(steps)
        for step in body
        if isinstance(step, Call) and step.error is None and _touched(step)
        if not kept & {groups.of(slot) for slot in _touched(step)}
    ]
    return apart or _dead(steps, shown)


class _Groups:
    """Slots that calls connect, directly or by others, are in one group."""

    def __init__(self, steps: list[Step]) -> None:
        self._leaders: dict[Slot, Slot] = {}
        for call in calls(steps):
            touched = _touched(call)
            for slot in touched[1:]:
                self._leaders[self.of(slot)] = self.of(touched[0])

    def of(self, slot: Slot) -> Slot:
        """The slot that stands for the group of `slot`."""
        leader = slot
        while leader in self._leaders and self._leaders[leader] is not leader:
            leader = self._leaders[leader]
        while slot is not leader:  # so that the next search is short
            self._leaders[slot], slot = leader, self._leaders[slot]
        return leader


def _touched(call: Call) -> list[Slot]:
    """The slots that a call takes and makes, those of the functions it was given included."""
    own = operands(call) + slots(call.result)
    functions = functions_of(call)
    inner = [slot for function in functions for each in calls(function.body) for slot in _touched(each)]
    return own + inner + [slot for function in functions for slot in function.parameters]


def _last_unread_pass(steps: list[Step]) -> Step | None:
    """The last step that changes stored gradients, if no gradient is read after it."""
    passes = [call for call in calls(steps) if call.kind == "verb" and call.name in (*PASSES, "set_grad", "grad")]
    last = passes[-1] if passes else None
    if last is None or last.name == "grad" or last.error is not None or _is_seen_in_a_gradient(steps, last):
        return None
    return last


def _is_seen_in_a_gradient(steps: list[Step], last: Call) -> bool:
    """Whether a gradient that was read or assigned before, or what was made of it, is used afterwards: it may have changed."""
    held: set[Slot] = set()
    for call in calls(steps):
        given = set(operands(call))
        if call.moment > last.moment and given & held:
            return True
        if call.kind == "verb" and call.name == "set_grad":
            held.update(slots(call.arguments[1:]))
        if given & held or (call.kind == "verb" and call.name == "grad"):
            held.update(slots(call.result))
    return False


def _is_idle(step: Step, used: Counter[Slot]) -> bool:
    if step.error is not None:
        return False
    if isinstance(step, Block):
        return not step.body
    has_effect = step.kind == "function" or hands_nothing_out(step)
    return not has_effect and not any(used[slot] for slot in slots(step.result))


def _bodies(steps: list[Step]) -> Iterator[list[Step]]:
    """`steps`, and those of all blocks and functions inside."""
    yield steps
    for step in steps:
        for function in functions_of(step.call if isinstance(step, Block) else step):
            yield from _bodies(function.body)
        if isinstance(step, Block) and not isinstance(step, Tried):
            yield from _bodies(step.body)


def _drop(places: list[Place]) -> None:
    dropped = {id(step) for _, step in places}
    for body in {id(body): body for body, _ in places}.values():
        body[:] = [step for step in body if id(step) not in dropped]


def _snapshot(steps: list[Step]) -> list[tuple[list[Step], list[Step]]]:
    return [(body, list(body)) for body in _bodies(steps)]


def _restore(snapshot: list[tuple[list[Step], list[Step]]]) -> None:
    for body, content in snapshot:
        body[:] = content
