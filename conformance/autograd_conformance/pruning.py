"""Steps that do not matter for what a script shows, left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from autograd_conformance.naming import calls, functions_of, slots, uses
from autograd_conformance.recording import Block, Call, Slot, Step, hands_nothing_out

MOST_ATTEMPTS = 60


def until(steps: list[Step], last: Call) -> list[Step]:
    """The steps up to `last`; in the blocks around it, too."""
    place = next(place for place, step in enumerate(steps) if any(call is last for call in calls([step])))
    step = steps[place]
    if isinstance(step, Block) and step.call is not last:
        step = Block(step.call, until(step.body, last), step.error)
    return [*steps[:place], step]


def prune(steps: list[Step], used_later: list[Slot], still_fails: Callable[[], bool]) -> None:
    """Take out of `steps`, in place, what nothing uses, as long as the script still fails in the same way.

    Only what changes nothing by the contract is taken out: what was expected depends on everything else.
    """
    whole = _snapshot(steps)
    while dead := list(_dead(steps, used_later)):
        _drop(dead)
    if still_fails():
        return
    _restore(whole)
    for one in list(_dead(steps, used_later))[:MOST_ATTEMPTS]:
        before = _snapshot(steps)
        _drop([one])
        if not still_fails():
            _restore(before)


Place = tuple[list[Step], Step]


def _dead(steps: list[Step], used_later: list[Slot]) -> Iterator[Place]:
    """Steps without effect whose results nobody uses, and the bodies that they stand in; the last first."""
    used = uses(steps)
    used.update(used_later)
    unread = _last_unread_pass(steps)
    for body in _bodies(steps):
        yield from ((body, step) for step in reversed(body) if step is unread or _is_idle(step, used))


def _last_unread_pass(steps: list[Step]) -> Step | None:
    """The last step that changes stored gradients, if no gradient is read after it."""
    about_gradients = [
        call for call in calls(steps) if call.kind == "verb" and call.name in ("backward", "set_grad", "grad")
    ]
    last = about_gradients[-1] if about_gradients else None
    return last if last is not None and last.name != "grad" and last.error is None else None


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
        if isinstance(step, Block):
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
