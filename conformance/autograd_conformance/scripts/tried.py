"""Where a failure is that nothing was refused: the calls one of which had to be, as a block of their own."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_conformance.judge import Accepted
from autograd_conformance.scripts.literals import Unprintable
from autograd_conformance.scripts.naming import functions_of, uses
from autograd_conformance.scripts.recording import Block, Call, Slot, Step, Tried


def mark_tried(steps: list[Step], accepted: Accepted) -> list[Slot]:
    """Put the steps that had to be refused into a `Tried`, in place; what they use."""
    for body in _left_by(steps, accepted):
        tried = [step for step in body if step.moment >= accepted.began]
        if tried:
            call = Call("verb", "refuses", (), {}, moment=accepted.began)
            body[len(body) - len(tried) :] = [Tried(call, tried, what=accepted.what)]
            return list(uses(tried))
    raise Unprintable(f"{accepted.what}: no call of the engine was made that could have been refused")


def _left_by(steps: list[Step], error: BaseException) -> Iterator[list[Step]]:
    """`steps`, and the bodies inside that `error` has left."""
    yield steps
    for step in steps:
        call = step.call if isinstance(step, Block) else step
        for function in functions_of(call):
            if function.error is error:
                yield from _left_by(function.body, error)
        if isinstance(step, Block) and step.error is error:
            yield from _left_by(step.body, error)
