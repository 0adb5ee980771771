"""Each spelled verb with the arguments that the contract gives it, on programs of one operator."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

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
    Engine,
    Tensor,
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


def _tripled(engine: Engine, x: Tensor) -> Tensor:
    if "multiply" in engine.operators:
        return engine.apply("multiply", x, engine.tensor(_filled(engine, 3)))
    return engine.apply("add", engine.apply("add", x, x), x)


def _filled(engine: Engine, value: float) -> Any:
    return np.full((engine.shapes or [()])[0], value, engine.dtypes[0])


def _leaf(engine: Engine) -> Tensor:
    return engine.tensor(_filled(engine, 2), requires_grad=True)


def _cotangent(engine: Engine) -> int:
    return 5 if engine.accepts_cotangent else 1


def _expect_gradient(engine: Engine, gradient: Tensor | None, value: float) -> None:
    """The gradient is there, an array of the right sort, and its value is right."""
    if gradient is None:
        raise broken(
            "there is no gradient; does `tensor` honour requires_grad, and `grad` look where the engine keeps it?"
        )
    got, expected = engine.array(gradient), _filled(engine, value)
    if got.shape != expected.shape or got.dtype != expected.dtype:
        raise broken(f"expected the gradient {show(expected)}, got {show(got)}; keep shape and dtype of the leaf")
    if not np.array_equal(got, expected):
        raise nonconforming(
            f"expected the gradient {show(expected)}, got {show(got)}; if `backward` and `grad` are right"
        )


def _expect_bool(verb: str, value: Any, expected: bool) -> None:
    if type(value) is not bool:
        raise broken(f"`{verb}` gives {value!r}; expected True or False")
    if value is not expected:
        raise nonconforming(f"`{verb}` gives {value}, expected {expected}; if it is spelled right")


def _check_vjp(report: Report) -> None:
    engine = report.engine
    with report.on("vjp"):
        outputs, gradients = engine.vjp(
            lambda x: [_tripled(engine, x)], [_leaf(engine)], [engine.tensor(_filled(engine, _cotangent(engine)))]
        )
        if len(outputs) != 1 or len(gradients) != 1:
            raise broken(f"of one output and one primal it gives {len(outputs)} outputs and {len(gradients)} gradients")
        if not np.array_equal(engine.array(outputs[0]), _filled(engine, 6)):
            raise broken(f"its output is {show(engine.array(outputs[0]))}; expected what the function gives, 6")
        _expect_gradient(engine, gradients[0], 3 * _cotangent(engine))


def _check_tape(report: Report) -> None:
    engine = report.engine
    with report.on("backward without cotangents"):
        x = _leaf(engine)
        if _filled(engine, 0).size == 1:
            engine.backward([_tripled(engine, x)])
            _expect_gradient(engine, engine.grad(x), 3)
    if engine.accepts_cotangent:
        with report.on("backward with a cotangent"):
            x = _leaf(engine)
            engine.backward([_tripled(engine, x)], [engine.tensor(_filled(engine, 5))])
            _expect_gradient(engine, engine.grad(x), 15)
    if engine.accepts_cotangent and engine.several_roots:
        with report.on("backward from two roots"):
            x = _leaf(engine)
            roots = [_tripled(engine, x), _tripled(engine, x)]
            engine.backward(roots, [engine.tensor(_filled(engine, 5)), engine.tensor(_filled(engine, 1))])
            _expect_gradient(engine, engine.grad(x), 18)
    _check_questions(report)


def _check_set_grad(report: Report) -> None:
    engine = report.engine
    with report.on("set_grad"):
        x = _leaf(engine)
        engine.set_grad(x, engine.tensor(_filled(engine, 7)))
        _expect_gradient(engine, engine.grad(x), 7)
        engine.set_grad(x, None)
        if engine.grad(x) is not None:
            raise nonconforming("a gradient set to None is still there; if `set_grad` and `grad` are spelled right")


def _check_questions(report: Report) -> None:
    engine = report.engine
    with report.on("requires_grad"):
        _expect_bool("requires_grad", engine.requires_grad(_leaf(engine)), True)
        _expect_bool("requires_grad", engine.requires_grad(_tripled(engine, _leaf(engine))), True)
        _expect_bool("requires_grad", engine.requires_grad(engine.tensor(_filled(engine, 2))), False)
    with report.on("is_leaf"):
        _expect_bool("is_leaf", engine.is_leaf(_leaf(engine)), True)
        _expect_bool("is_leaf", engine.is_leaf(_tripled(engine, _leaf(engine))), False)
    with report.on("detach"):
        detached = engine.detach(_tripled(engine, _leaf(engine)))
        if not np.array_equal(engine.array(detached), _filled(engine, 6)):
            raise broken(f"the value changes: expected 6, got {show(engine.array(detached))}")


# ---- modes ----
def _expect_recording(report: Report, expected: bool, where: str) -> None:
    engine = report.engine
    if engine.has(TAPE) and engine.is_leaf(_tripled(engine, _leaf(engine))) is expected:
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
        decorated = _decorated(report, lambda x: _tripled(engine, x))
        made = decorated(_leaf(engine))
        if made is None or not np.array_equal(engine.array(made), _filled(engine, 6)):
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
