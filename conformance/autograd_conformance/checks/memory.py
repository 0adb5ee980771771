"""The verbs that tell where the elements of tensors lie, and what they are views of."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_conformance.checks.outcome import Report, broken, nonconforming
from autograd_conformance.engine import STRIDES, VIEW_BASE, Engine, Tensor


def check_memory(report: Report) -> None:
    """Those of them that the adapter has."""
    if report.engine.has(STRIDES) and report.engine.shapes is None:
        _check_strides(report)
    if report.engine.has(VIEW_BASE) and "slice" in report.engine.aliasing and report.engine.shapes is None:
        _check_is_view_of(report)


def _check_strides(report: Report) -> None:
    engine = report.engine
    base, view = _base_and_view(engine)
    apart = int(view is not base and "slice" in engine.aliasing)
    with report.on("strides"):
        for t in (base, view):
            found: Any = engine.strides(t)
            if type(found) is not tuple or not all(type(each) is int for each in found):
                raise broken(f"gives {found!r}; expected a tuple of whole numbers, one for each axis")
            if any(each > 6 for each in found):
                raise broken(f"gives {found} for a tensor of 6 elements; count elements and not bytes")
    with report.on("offset"):
        distance: Any = engine.offset(view)
        if type(distance) is not int:
            raise broken(f"gives {distance!r}; expected a whole number of elements")
        if distance - engine.offset(base) != apart:
            raise nonconforming(
                f"a view lies {distance - engine.offset(base)} elements behind its base, expected {apart}; if it is spelled right"
            )


def _check_is_view_of(report: Report) -> None:
    engine = report.engine
    base, view = _base_and_view(engine)
    with report.on("is_view_of"):
        for t, other, expected in ((view, base, True), (base, view, False)):
            found: Any = engine.is_view_of(t, other)
            if type(found) is not bool:
                raise broken(f"gives {found!r}; expected True or False")
            if found is not expected:
                raise nonconforming(
                    f"of a slice and its base it gives {found}, expected {expected}; if it is spelled right"
                )


def _base_and_view(engine: Engine) -> tuple[Tensor, Tensor]:
    """A tensor, and a slice of it that begins at the second element, or the tensor itself where there are no slices."""
    shape = (2, 3)[2 - min(engine.max_ndim, 2) :]
    base = engine.tensor(np.ones(shape, engine.dtypes[0]))
    if "slice" not in engine.operators or not shape:
        return base, base
    key = (*[slice(None)] * (len(shape) - 1), slice(1, shape[-1], 1))
    return base, engine.apply("slice", base, key=key)
