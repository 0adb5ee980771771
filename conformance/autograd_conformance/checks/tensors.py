"""Tensors from arrays and arrays from tensors: nothing is changed, nothing is shared."""

from __future__ import annotations

import numpy as np

from autograd_conformance.checks.outcome import Report, broken, nonconforming
from autograd_conformance.engine import Array
from autograd_conformance.judge import show

SHAPES = ((), (1,), (2, 3), (0,))


def check_tensors(report: Report) -> None:
    """Round trips in every dtype, and copies on the way in and on the way out."""
    engine = report.engine
    shapes = engine.shapes or [shape for shape in SHAPES if len(shape) <= engine.max_ndim]
    for dtype in engine.dtypes:
        for shape in shapes:
            with report.on(f"round trip of {dtype}, shape {shape}"):
                _round_trip(report, np.arange(1, 1 + np.prod(shape, dtype=int), dtype=dtype).reshape(shape))
    with report.on("copied in"):
        _copied_in(report, np.ones(shapes[0], engine.dtypes[0]))
    with report.on("copied out"):
        _copied_out(report, np.ones(shapes[0], engine.dtypes[0]))


def _round_trip(report: Report, given: Array) -> None:
    for flag in (False, True):
        try:
            back = report.engine.array(report.engine.tensor(given.copy(), requires_grad=flag))
        except Exception as error:
            if given.size == 0:
                raise nonconforming(f"an empty tensor cannot be made: {show(error)}") from error
            raise
        if not isinstance(back, np.ndarray):
            raise broken(f"`array` gives a {type(back).__name__}; expected a NumPy array")
        if back.dtype != given.dtype:
            raise broken(f"comes back as {back.dtype}; pass the dtype on, or leave {given.dtype} out of `dtypes`")
        if back.shape != given.shape:
            raise broken(f"comes back with shape {back.shape}; keep the shape, or lower `max_ndim`")
        if not np.array_equal(back, given):
            raise broken(f"expected {show(given)}, got {show(back)}; `tensor` or `array` changes values")


def _copied_in(report: Report, given: Array) -> None:
    tensor = report.engine.tensor(given)
    if not given.flags.writeable:
        raise broken("the caller's array is locked afterwards; give the engine a copy: `tensor` copies")
    given[...] = 7
    if np.any(report.engine.array(tensor) == 7):
        raise broken("a later change of the caller's array shows in the tensor; `tensor` copies")


def _copied_out(report: Report, given: Array) -> None:
    tensor = report.engine.tensor(given)
    out = report.engine.array(tensor)
    if not out.flags.writeable:
        raise broken("the array is read-only; `array` gives a copy that the caller may change")
    out[...] = 7
    if np.any(report.engine.array(tensor) == 7):
        raise broken("a change of the array that was handed out shows in the tensor; `array` copies")
