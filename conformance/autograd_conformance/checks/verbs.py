"""Each spelled verb with the arguments that the contract gives it, on programs of one operator."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from autograd_conformance.checks.expecting import cotangent, expect_bool, expect_gradient, filled, leaf, tripled
from autograd_conformance.checks.outcome import Report, broken, nonconforming
from autograd_conformance.engine import (
    ENABLE_GRAD,
    GRAD_DECORATOR,
    GRAD_SWITCH,
    GRAD_VALUE,
    NO_GRAD,
    SET_GRAD,
    TAPE,
    VJP,
)
from autograd_conformance.judge import show


def check_verbs(report: Report) -> None:
    """All capabilities that the adapter has."""
    if not {"multiply", "add"} & set(report.engine.operators):
        report.note("verbs", "not looked at: neither multiply nor add is spelled")
        return
    checks = {
        VJP: _check_vjp,
        TAPE: _check_tape,
        SET_GRAD: _check_set_grad,
        NO_GRAD: _check_no_grad,
        ENABLE_GRAD: _check_enable_grad,
        GRAD_DECORATOR: _check_decorator,
        GRAD_SWITCH: _check_switch,
        GRAD_VALUE: _check_mode_by_value,
    }
    for need, check in checks.items():
        if report.engine.has(need):
            check(report)


def check_results(report: Report) -> None:
    """What modes give can be entered or called: else a clause that does so would fail, and not the engine's call."""
    for need, verb in ((NO_GRAD, "no_grad"), (ENABLE_GRAD, "enable_grad")):
        if report.engine.has(need):
            with report.on(verb), _block(report, verb):
                pass
    if report.engine.has(GRAD_DECORATOR):
        with report.on("no_grad_function"):
            _decorated(report, lambda: None)


def _check_vjp(report: Report) -> None:
    engine = report.engine
    with report.on("vjp"):
        outputs, gradients = engine.vjp(
            lambda x: [tripled(engine, x)], [leaf(engine)], [engine.tensor(filled(engine, cotangent(engine)))]
        )
        if len(outputs) != 1 or len(gradients) != 1:
            raise broken(f"of one output and one primal it gives {len(outputs)} outputs and {len(gradients)} gradients")
        if not np.array_equal(engine.array(outputs[0]), filled(engine, 6)):
            raise broken(f"its output is {show(engine.array(outputs[0]))}; expected what the function gives, 6")
        expect_gradient(engine, gradients[0], 3 * cotangent(engine))


def _check_tape(report: Report) -> None:
    engine = report.engine
    with report.on("backward without cotangents"):
        x = leaf(engine)
        if filled(engine, 0).size == 1:
            engine.backward([tripled(engine, x)])
            expect_gradient(engine, engine.grad(x), 3)
    if engine.accepts_cotangent:
        with report.on("backward with a cotangent"):
            x = leaf(engine)
            engine.backward([tripled(engine, x)], [engine.tensor(filled(engine, 5))])
            expect_gradient(engine, engine.grad(x), 15)
    if engine.accepts_cotangent and engine.several_roots:
        with report.on("backward from two roots"):
            x = leaf(engine)
            roots = [tripled(engine, x), tripled(engine, x)]
            engine.backward(roots, [engine.tensor(filled(engine, 5)), engine.tensor(filled(engine, 1))])
            expect_gradient(engine, engine.grad(x), 18)
    _check_questions(report)


def _check_set_grad(report: Report) -> None:
    engine = report.engine
    with report.on("set_grad"):
        x = leaf(engine)
        engine.set_grad(x, engine.tensor(filled(engine, 7)))
        expect_gradient(engine, engine.grad(x), 7)
        engine.set_grad(x, None)
        if engine.grad(x) is not None:
            raise nonconforming("a gradient set to None is still there; if `set_grad` and `grad` are spelled right")


def _check_questions(report: Report) -> None:
    engine = report.engine
    with report.on("requires_grad"):
        expect_bool("requires_grad", engine.requires_grad(leaf(engine)), True)
        expect_bool("requires_grad", engine.requires_grad(tripled(engine, leaf(engine))), True)
        expect_bool("requires_grad", engine.requires_grad(engine.tensor(filled(engine, 2))), False)
    with report.on("is_leaf"):
        expect_bool("is_leaf", engine.is_leaf(leaf(engine)), True)
        expect_bool("is_leaf", engine.is_leaf(tripled(engine, leaf(engine))), False)
    with report.on("detach"):
        detached = engine.detach(tripled(engine, leaf(engine)))
        if not np.array_equal(engine.array(detached), filled(engine, 6)):
            raise broken(f"the value changes: expected 6, got {show(engine.array(detached))}")


# ---- modes ----
def _expect_recording(report: Report, expected: bool, where: str) -> None:
    engine = report.engine
    if engine.has(TAPE) and engine.is_leaf(tripled(engine, leaf(engine))) is expected:
        raise nonconforming(f"{where} recording is {'off' if expected else 'on'}; if the mode is spelled right")


def _check_no_grad(report: Report) -> None:
    with report.on("no_grad"):
        with _block(report, "no_grad"):
            _expect_recording(report, False, "inside")
        _expect_recording(report, True, "after leaving it")


def _check_enable_grad(report: Report) -> None:
    with report.on("enable_grad"):
        around = _block(report, "no_grad" if report.engine.has(NO_GRAD) else "enable_grad")
        with around, _block(report, "enable_grad"):
            _expect_recording(report, True, "inside")


def _block(report: Report, verb: str) -> Any:
    made = getattr(report.engine, verb)()
    if not (hasattr(made, "__enter__") and hasattr(made, "__exit__")):
        raise broken(f"gives {made!r}; expected something that `with` can enter and leave")
    return made


def _decorated(report: Report, function: Callable[..., Any]) -> Callable[..., Any]:
    made = report.engine.no_grad_function(function)
    if not callable(made):
        raise broken(f"gives {made!r}; expected a function")
    return made


def _check_decorator(report: Report) -> None:
    engine = report.engine
    with report.on("no_grad_function"):
        decorated = _decorated(report, lambda x: tripled(engine, x))
        made = decorated(leaf(engine))
        if made is None or not np.array_equal(engine.array(made), filled(engine, 6)):
            raise broken("the decorated function does not give what the function gives")
        if engine.has(TAPE) and engine.is_leaf(made) is not True:
            raise nonconforming("what the decorated function made is a recorded result")
        _expect_recording(report, True, "after the call")


def _check_switch(report: Report) -> None:
    with report.on("set_grad_enabled"):
        try:
            report.engine.set_grad_enabled(False)
            _expect_recording(report, False, "after switching it off")
        finally:
            report.engine.set_grad_enabled(True)
        _expect_recording(report, True, "after switching it on again")


def _check_mode_by_value(report: Report) -> None:
    engine = report.engine
    for enabled in (False, True):
        with report.on(f"grad_mode({enabled})"):
            block = engine.grad_mode(enabled)
            if not (hasattr(block, "__enter__") and hasattr(block, "__exit__")):
                raise broken(f"gives {block!r}; expected something that `with` can enter and leave")
            with block:
                _expect_recording(report, enabled, "inside")
            _expect_recording(report, True, "after leaving it")
        with report.on(f"grad_mode_function(function, {enabled})"):
            decorated = engine.grad_mode_function(partial(_expect_recording, report, enabled, "inside"), enabled)
            _expect_recording(report, True, "after decorating")
            decorated()
            _expect_recording(report, True, "after the call")
