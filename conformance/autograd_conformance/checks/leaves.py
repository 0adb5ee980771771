"""The verbs that change what is wanted of one tensor: its flag, its history, its gradient."""

from __future__ import annotations

import numpy as np

from autograd_conformance.checks.expecting import cotangent, expect_bool, expect_gradient, filled, leaf, tripled
from autograd_conformance.checks.outcome import Report, broken, nonconforming
from autograd_conformance.engine import (
    DETACH_IN_PLACE,
    HOST_ARRAY,
    PICKLING,
    RETAIN_GRAD,
    SET_REQUIRES_GRAD,
    TAPE,
    Engine,
    Tensor,
)
from autograd_conformance.judge import show


def check_leaves(report: Report) -> None:
    """Those of them that the adapter has."""
    engine = report.engine
    if not engine.has(TAPE) or not {"multiply", "add"} & set(engine.operators):
        return
    checks = {
        SET_REQUIRES_GRAD: _check_set_requires_grad,
        DETACH_IN_PLACE: _check_detach_in_place,
        RETAIN_GRAD: _check_retain_grad,
        PICKLING: _check_pickled,
        HOST_ARRAY: _check_shared_array,
    }
    for need, check in checks.items():
        if engine.has(need):
            check(report)


def _pass_back(engine: Engine, root: Tensor) -> None:
    engine.backward([root], [engine.tensor(filled(engine, 5))] if engine.accepts_cotangent else None)


def _check_set_requires_grad(report: Report) -> None:
    engine = report.engine
    with report.on("set_requires_grad"):
        x = engine.tensor(filled(engine, 2))
        engine.set_requires_grad(x, True)
        expect_bool("requires_grad", engine.requires_grad(x), True)
        _pass_back(engine, tripled(engine, x))
        expect_gradient(engine, engine.grad(x), 3 * cotangent(engine))
        engine.set_requires_grad(x, False)
        expect_bool("requires_grad", engine.requires_grad(x), False)


def _check_detach_in_place(report: Report) -> None:
    engine = report.engine
    with report.on("detach_"):
        t = tripled(engine, leaf(engine))
        engine.detach_(t)
        expect_bool("requires_grad", engine.requires_grad(t), False)
        expect_bool("is_leaf", engine.is_leaf(t), True)


def _check_retain_grad(report: Report) -> None:
    engine = report.engine
    with report.on("retain_grad"):
        t = tripled(engine, leaf(engine))
        engine.retain_grad(t)
        _pass_back(engine, tripled(engine, t))
        expect_gradient(engine, engine.grad(t), 3 * cotangent(engine))


def _check_pickled(report: Report) -> None:
    engine = report.engine
    with report.on("pickled"):
        made = engine.pickled(leaf(engine))
        if made is None or not np.array_equal(engine.array(made), filled(engine, 2)):
            raise broken(f"the value changes: expected 2, got {show(made if made is None else engine.array(made))}")
        if engine.requires_grad(made) is not True:
            raise nonconforming("the flag is lost; if `pickled` and `requires_grad` are spelled right")


def _check_shared_array(report: Report) -> None:
    engine = report.engine
    with report.on("shared_array"):
        lent = engine.shared_array(engine.tensor(filled(engine, 2)))
        if not np.array_equal(engine.read_array(lent), filled(engine, 2)):
            raise broken(f"gives {lent!r}; expected a NumPy array of twos")
        engine.write_array(lent, filled(engine, 3))
