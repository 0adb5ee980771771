"""A case: the values drawn for the parameters of a clause, as data.

It is copied, written as JSON and read back, shown to people, and made simpler.  Values are numbers, strings, booleans,
None, lists, tuples, dicts with strings for keys, programs, and sessions, of which holds what is said of programs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from autograd_conformance.programs.program import Program
from autograd_conformance.programs.session import Session

Case: TypeAlias = dict[str, Any]
"""Parameter -> value."""

_PLAIN = (bool, int, str, type(None))
PROGRAMS = (Program, Session)
_TUPLE, _FLOAT = "$tuple", "$float"
_PROGRAMS: Mapping[str, type[Program | Session]] = {"$program": Program, "$session": Session}
_TAGS = (_TUPLE, _FLOAT, *_PROGRAMS)
"""A dict with one of these as its only key stands for what JSON has no word for."""


def copied(case: Case) -> Case:
    """An independent copy, so that a clause that changes its arguments does not change what is reported.

    Raises TypeError for a value that a clause may not draw.
    """
    return {name: _copied(value) for name, value in case.items()}


def encode(case: Case) -> dict[str, Any]:
    """The case as JSON-able data.  Raises TypeError for a value that a clause may not draw."""
    return {name: _encoded(value) for name, value in case.items()}


def decode(data: Mapping[str, Any]) -> Case:
    """What `encode` was given.  Raises ValueError, KeyError or TypeError for what `encode` cannot have written."""
    return {name: _decoded(value) for name, value in data.items()}


def text_of(case: Case) -> str:
    """The case as JSON on one line, the same for equal cases."""
    return json.dumps(encode(case), sort_keys=True, allow_nan=False)


def describe(case: Case) -> str:
    """The case for people: a line a parameter, programs as code."""
    return "\n".join(_described(name, value) for name, value in case.items())


def _described(name: str, value: Any) -> str:
    if isinstance(value, PROGRAMS):
        return "\n    ".join([f"{name}:", *str(value).splitlines()])
    return f"{name} = {value!r}"


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN or kind is float or kind in PROGRAMS:
        return value
    if kind is list or kind is tuple:
        return kind(map(_copied, value))
    if kind is dict:
        return {_key(name): _copied(each) for name, each in value.items()}
    raise _refused(value)


def _encoded(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is float:
        return value if math.isfinite(value) else {_FLOAT: _name_of(value)}
    for tag, of_programs in _PROGRAMS.items():
        if kind is of_programs:
            return {tag: value.to_json()}
    if kind is list or kind is tuple:
        encoded = [_encoded(each) for each in value]
        return encoded if kind is list else {_TUPLE: encoded}
    if kind is dict:
        return {_key(name): _encoded(each) for name, each in value.items()}
    raise _refused(value)


def _name_of(value: float) -> str:
    sign = "-" if math.copysign(1, value) < 0 else ""
    return sign + ("nan" if math.isnan(value) else "inf")


def _key(name: Any) -> str:
    if type(name) is str and name not in _TAGS:
        return name
    raise TypeError(f"a clause drew a dict with the key {name!r}; keys are strings, {', '.join(_TAGS)} apart")


def _refused(value: Any) -> TypeError:
    return TypeError(
        f"a clause drew {value!r} of type {type(value).__name__}; it may draw numbers (Python's own), strings, booleans, "
        "None, lists, tuples, dicts, programs and sessions: draw one of these and make the rest from it in the clause"
    )


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (tag, inner), *_ = value.items()
        if tag == _TUPLE:
            return tuple(_decoded(each) for each in inner)
        if tag == _FLOAT:
            return float(inner)
        if tag in _PROGRAMS:
            return _PROGRAMS[tag].from_json(inner)
    return {_key(name): _decoded(each) for name, each in value.items()}


# ---- simpler cases ----
def simpler(case: Case) -> Iterator[Case]:
    """Cases with one program made simpler, the most promising first."""
    for name, value in case.items():
        for candidate in _programs_simplified(value):
            yield {**case, name: candidate}


def smaller(case: Case, drawn: Mapping[str, Sequence[Any]]) -> Iterator[Case]:
    """Cases with one value that is no program made smaller, the smallest first; strings stay.

    The value is replaced by one of its type that was `drawn` for the same parameter.  One made up here might be one that
    the clause never draws: a case that fails only because it is none of the clause's business.
    """
    for name, value in case.items():
        if not isinstance(value, (str, *PROGRAMS)):
            yield from ({**case, name: each} for each in _smaller(value, drawn.get(name, ())))


def _programs_simplified(value: Any) -> Iterator[Any]:
    if isinstance(value, PROGRAMS):
        yield from value.simpler()
    elif isinstance(value, list | tuple):
        for place, each in enumerate(value):
            for candidate in _programs_simplified(each):
                yield type(value)((*value[:place], candidate, *value[place + 1 :]))


def _smaller(value: Any, drawn: Iterable[Any]) -> list[Any]:
    sizes = {_size(each): each for each in drawn if type(each) is type(value)}
    return [sizes[size] for size in sorted(sizes) if size < _size(value)]


def _size(value: Any) -> tuple[int, int, int, int, str]:
    """How many scalars, how many of them infinite or NaN, how far from zero, and the text to tell others apart."""
    scalars = list(_scalars(value))
    numbers = [each for each in scalars if isinstance(each, int | float)]
    finite = [each for each in numbers if isinstance(each, int) or math.isfinite(each)]
    text = text_of({"": value})
    return len(scalars), len(numbers) - len(finite), sum(math.ceil(abs(each)) for each in finite), len(text), text


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, PROGRAMS):
        yield from value.skeleton()
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _scalars(each)
    elif isinstance(value, dict):
        yield from _scalars(list(value.values()))
    else:
        yield value
