"""When two failures of a clause are one and the same.

The rule, here and nowhere else.  A failure has a *symptom*: its kind, what was judged (digits left out, since numbers of
tensors and steps change while a case is made smaller), and the type of the exception if the engine raised.  Its
*signature* is the symptom and the skeleton of its smallest case: the operators of its programs in order, and of other
values the type.  Two failures with one signature are shown once, and a failure with the signature of an expected
counterexample is that known failure.  An unstable failure cannot be made smaller: its symptom is all its signature.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from autograd_conformance.judging.cases import PROGRAMS, Case
from autograd_conformance.programs import shrinking

Symptom: TypeAlias = tuple[str, str, str]
Signature: TypeAlias = tuple[Symptom, tuple[tuple[str, ...], ...]]


class Described(Protocol):
    """A failure, as far as its symptom goes."""

    @property
    def kind(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def got(self) -> str: ...


def symptom(failure: Described) -> Symptom:
    """The kind, what was judged without its digits, and the exception's type if the engine raised."""
    exception = failure.got.partition(":")[0] if failure.kind in ("raised", "refused") else ""
    return failure.kind, re.sub(r"\d+", "", failure.what), exception


def signature(failure: Described, case: Case) -> Signature:
    """The symptom, and the skeleton of the decoded `case`."""
    skeleton = () if failure.kind == "unstable" else tuple(_skeleton(case[name]) for name in sorted(case))
    return symptom(failure), skeleton


def could_become(larger: Signature, smaller: Signature, *, renamed: bool = False) -> bool:
    """Whether a case with signature `larger` may turn out as `smaller` when it is made smaller: steps are left out.

    `renamed`: and replaced by plainer ones, which nearly anything may become.
    """
    may_become = shrinking.may_become if renamed else operator.eq
    return larger[0] == smaller[0] and all(
        _is_part(part, whole, may_become) for part, whole in zip(smaller[1], larger[1], strict=False)
    )


def _is_part(some: tuple[str, ...], all_: tuple[str, ...], may_become: Callable[[str, str], bool]) -> bool:
    rest = iter(all_)
    return all(any(may_become(one, each) for one in rest) for each in some)


def _skeleton(value: Any) -> tuple[str, ...]:
    if isinstance(value, PROGRAMS):
        return (type(value).__name__.lower(), *value.skeleton())
    return (type(value).__name__,)
