"""The adapter's data: does it say what it must, in the form that it must?"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_conformance.checks.outcome import Report, broken
from autograd_conformance.engine import ALWAYS, GROUPS, VJP, Engine
from autograd_conformance.operators import OPERATORS

TEXTS = ("name", "version")
FLAGS = ("accepts_cotangent", "several_roots")


def check_facts(report: Report) -> None:
    """Every fact, and which capabilities the adapter has."""
    adapter = report.adapter
    for fact in TEXTS:
        with report.on(fact):
            _expect(
                isinstance(getattr(adapter, fact), str) and getattr(adapter, fact),
                adapter,
                fact,
                "a text that is not empty",
            )
    with report.on("url"):
        _expect(isinstance(adapter.url, str), adapter, "url", "a text")
        if not adapter.url:
            report.note("url", "not said; readers of a report find the engine by it")
    for fact in FLAGS:
        with report.on(fact):
            _expect(isinstance(getattr(adapter, fact), bool), adapter, fact, "True or False")
    with report.on("dtypes"):
        _check_dtypes(adapter)
    with report.on("devices"):
        _expect(_all_texts(adapter.devices), adapter, "devices", 'a tuple of names such as ("cpu",)')
        if report.engine.device not in adapter.devices:
            raise broken(f"this engine is on {report.engine.device!r}, which is none of {adapter.devices}")
    _check_limits(report)
    with report.on("aliasing"):
        _check_aliasing(adapter)
    _check_groups(report)


def _expect(condition: object, adapter: type[Engine], fact: str, expected: str) -> None:
    if not condition:
        raise broken(f"expected {expected}, got {getattr(adapter, fact)!r}")


def _all_texts(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(each, str) and each for each in value)


def _check_dtypes(adapter: type[Engine]) -> None:
    _expect(_all_texts(adapter.dtypes), adapter, "dtypes", 'a tuple of names such as ("float32",)')
    for name in adapter.dtypes:
        try:
            kind = np.dtype(name).kind
        except TypeError as error:
            raise broken(f"NumPy knows no dtype {name!r}; name those that arrays of the suite can have") from error
        if kind not in "fc":
            raise broken(f"{name!r} is no floating-point dtype, and gradients need one; leave it out")


def _check_limits(report: Report) -> None:
    adapter = report.adapter
    with report.on("max_ndim"):
        _expect(type(adapter.max_ndim) is int and adapter.max_ndim >= 0, adapter, "max_ndim", "a number from 0 on")
    with report.on("max_nodes"):
        number = adapter.max_nodes
        _expect(
            number is None or (type(number) is int and number > 0), adapter, "max_nodes", "a positive number, or None"
        )
    with report.on("shapes"):
        shapes = adapter.shapes
        good = shapes is None or (isinstance(shapes, tuple) and bool(shapes) and all(map(_is_shape, shapes)))
        _expect(good, adapter, "shapes", "a tuple of shapes such as ((), (2, 3)), or None")


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, tuple) and all(type(length) is int and length >= 0 for length in shape)


def _check_aliasing(adapter: type[Engine]) -> None:
    views = (*(name for name, operator in OPERATORS.items() if operator.kind == "view"), "detach")
    for name in adapter.aliasing:
        if name not in views:
            raise broken(f"{name!r} can be no view; those that can are {', '.join(views)}")
        spelled = name in adapter.operators or (name == "detach" and _is_spelled(adapter, "detach"))
        if not spelled:
            raise broken(f"{name!r} is not spelled; spell it, or leave it out of `aliasing`")


def _is_spelled(adapter: type[Engine], verb: str) -> bool:
    return getattr(adapter, verb) is not getattr(Engine, verb)


def _check_groups(report: Report) -> None:
    for name in (ALWAYS, VJP):
        with report.on(f"capability: {name}"):
            if not report.adapter.has(name):
                raise broken("spell `tensor` and `array`" if name == ALWAYS else "spell `vjp`, or all verbs of a tape")
    for name, group in GROUPS.items():
        spelled = [verb for verb in group.verbs if _is_spelled(report.adapter, verb)]
        lacking = [verb for verb in group.verbs if verb not in spelled]
        if name not in (ALWAYS, VJP) and spelled and lacking:
            report.note(name, f"{', '.join(spelled)}: spelled but not counted, without {', '.join(lacking)}")
    with report.on("operators"):
        if not report.adapter.operators:
            raise broken("none is spelled, so nothing can be judged; begin with add and multiply")
