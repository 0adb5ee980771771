"""Which steps are judged at all: those on which mathematics, and not an engine's taste, says what must come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from autograd_conformance.judge import Reject
from autograd_conformance.programs.program import Step

if TYPE_CHECKING:
    from autograd_conformance.programs.oracle import Dual


class Illegal(Reject):
    """A program that no clause on random programs may contain; such steps have clauses of their own."""


def require_legal(step: Step, operands: Sequence[Dual]) -> None:
    """Raises `Illegal` for a write that engines may refuse, or treat differently, whatever came before."""
    if not step.writes:
        return
    target, *others = operands
    if step.recorded and target.history.leaf:
        raise Illegal("a recorded write to a leaf that requires gradients, or to a view of one")
    if target.memory.frozen or not target.recorded:
        raise Illegal(
            "a write to memory of which a view was taken with recording off, or of which only some engines copy"
        )
    if target.expanded:
        raise Illegal("a write to an expanded tensor, or to a view of one")
    if any(np.may_share_memory(target.value, operand.value) for operand in others):
        raise Illegal("a write whose operand overlaps its target")
