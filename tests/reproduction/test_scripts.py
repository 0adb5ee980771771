"""Failures of every kind become scripts that fail in a clean process, and hold once the fault is gone."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from faulty_autograd import Reluctant
from faulty_torch import (
    CutSum,
    Doubling,
    FirstRootOnly,
    LeakyDetach,
    NoGradient,
    Picky,
    StaysOff,
    UnseenWrite,
    WrongProduct,
)
from scalars import ForgetfulScalars
from script_support import Test, error_of, script_of

from autograd_conformance.adapters.mygrad import MyGrad
from autograd_conformance.engine import Engine
from autograd_conformance.programs.program import Input, Program, Step
from autograd_conformance.scripts.clean_process import run_cleanly
from autograd_spec import (
    test_accum,
    test_backward_deep,
    test_backward_roots,
    test_inplace,
    test_leaf_cut,
    test_mode,
    test_op,
)


def _program(
    *steps: Step, inputs: int = 2, roots: tuple[int, ...] | None = None, shape: tuple[int, ...] = (2,)
) -> Program:
    last = inputs + len(steps) - 1
    return Program("float32", (Input(shape),) * inputs, steps, roots or (last,), seed=3)


PRODUCT = _program(Step("multiply", (0, 1)))
SUM = _program(Step("sum", (0,), {"axis": (0,), "keepdims": False}), Step("multiply", (1, 0)), inputs=1)
DETACHED = _program(Step("detach", (0,)), Step("multiply", (1, 0)), inputs=1)
TRANSPOSED = _program(Step("permute_dims", (0,), {"axes": (1, 0)}), inputs=1, shape=(2, 3))
TWO_ROOTS = _program(Step("add", (0, 0)), Step("negative", (0,)), inputs=1, roots=(1, 2))
OVERWRITTEN = _program(Step("negative", (0,)), Step("multiply_", (1, 0)), inputs=1)
LEFT = (("no_grad", "error", ()),)

WRONG = "DESIRED"
"""What NumPy says of arrays that differ."""

FAILURES: dict[str, tuple[Engine, Test, dict[str, Any], str, tuple[str, str] | None]] = {
    "function": (
        WrongProduct(),
        test_accum.test_adds,
        {"program": PRODUCT, "times": 2},
        WRONG,
        ("FACTOR = 2.0", "FACTOR = 1.0"),
    ),
    "lambda": (CutSum(), test_op.test_exact_program, {"program": SUM}, WRONG, ("x0.detach().sum", "x0.sum")),
    "template": (
        LeakyDetach(),
        test_leaf_cut.test_detach_cuts,
        {"program": DETACHED},
        WRONG,
        ("x0.view_as(x0)", "x0.detach()"),
    ),
    "no gradient": (
        NoGradient(),
        test_op.test_exact_program,
        {"program": PRODUCT},
        "expected a gradient, got None",
        ("None if x0.ndim else x0.grad", "x0.grad"),
    ),
    "raised": (Picky(), test_op.test_exact_program, {"program": TRANSPOSED}, "RuntimeError", (".view(-1)", "")),
    "raised in a function of the clause": (
        Reluctant(),
        test_op.test_exact_program,
        {"program": PRODUCT},
        "ValueError",
        ("reluctant_product(p0, p1)", "p0 * p1"),
    ),
    "refused": (Picky(), test_inplace.test_correct_or_loud, {"program": TRANSPOSED}, "RuntimeError", (".view(-1)", "")),
    "method": (
        FirstRootOnly(),
        test_backward_roots.test_multiple_roots,
        {"program": TWO_ROOTS, "repeated": False},
        WRONG,
        ("[:1]", ""),
    ),
    "method on that of its parent": (
        Doubling(),
        test_accum.test_adds,
        {"program": PRODUCT, "times": 2},
        WRONG,
        ("outputs + outputs, cotangents + cotangents", "outputs, cotangents"),
    ),
    "flag, block left by an exception": (
        StaysOff(),
        test_mode.test_restores,
        {"scopes": LEFT},
        "expected False, got True",
        ("    yield\n", "    try:\n        yield\n    finally:\n        set_grad_enabled(True)\n"),
    ),
    "write": (
        UnseenWrite(),
        test_inplace.test_correct_or_loud,
        {"program": OVERWRITTEN},
        WRONG,
        None,
    ),
    "scalars": (
        ForgetfulScalars(),
        test_backward_deep.test_deep_chain,
        {"link": "add", "depth": 700},
        WRONG,
        ("x0 if x0 is x0 else ", ""),
    ),
    "another tape": (MyGrad(), test_accum.test_adds, {"program": PRODUCT, "times": 2}, WRONG, None),
}


@pytest.mark.parametrize("name", FAILURES)
def test_script_fails_and_its_repair_does_not(name: str) -> None:
    engine, clause, case, message, repair = FAILURES[name]
    text = script_of(engine, clause, **case)
    assert "autograd_conformance" not in text and "autograd_spec" not in text
    assert message in error_of(text)
    if repair:
        assert repair[0] in text
        assert error_of(text.replace(*repair)) == ""


@pytest.mark.parametrize("name", ["function", "raised", "scalars", "another tape"])
def test_script_fails_in_a_clean_process(name: str) -> None:
    engine, clause, case, message, _ = FAILURES[name]
    run = run_cleanly(script_of(engine, clause, **case), path=())
    assert run.returncode == 1, run.stdout
    assert message in run.stderr


def test_repaired_script_ends_well() -> None:
    engine, clause, case, _, repair = FAILURES["scalars"]
    assert repair is not None
    run = run_cleanly(script_of(engine, clause, **case).replace(*repair), path=())
    assert (run.returncode, run.stdout, run.stderr) == (0, "holds\n", "")


def test_docstring_says_what_it_is_about() -> None:
    engine, clause, case, _, _ = FAILURES["template"]
    docstring = ast.get_docstring(ast.parse(script_of(engine, clause, **case))) or ""
    for part in ("leaf.detach-cuts (core)", engine.version, "the gradient of x0", "expected: [", "got:      ["):
        assert part in docstring
