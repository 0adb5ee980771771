"""Values, templates and repetitions as text; and a recorder that nobody notices."""

from __future__ import annotations

import ast
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from faulty_torch import Picky
from hypothesis import given
from hypothesis.extra import numpy as hnp
from script_support import Test, a_clause, calls_of, script_of

from autograd_conformance.adapters.torch import Torch
from autograd_conformance.engine import VJP, Engine
from autograd_conformance.judge import equal, raised_by_engine
from autograd_conformance.scripts.inlining import inlined
from autograd_conformance.scripts.judged import same
from autograd_conformance.scripts.literals import Unprintable, literal
from autograd_conformance.scripts.recording import Recorder

TWO = np.array(2, np.float32)
KEYS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.floats(), st.just(slice(1, None, 2)))


@given(st.recursive(KEYS, lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple)))
def test_literals_are_what_they_stand_for(value: Any) -> None:
    made = eval(ast.unparse(literal(value)), {"np": np})
    assert repr(made) == repr(value)


@given(
    hnp.arrays(
        st.sampled_from(["float16", "float32", "float64", "int64", "bool"]), hnp.array_shapes(min_dims=0, min_side=0)
    )
)
def test_arrays_are_what_they_stand_for(array: Any) -> None:
    made = eval(ast.unparse(literal(array)), {"np": np})
    assert same(made, array)


def test_what_has_no_literal_is_refused() -> None:
    with pytest.raises(Unprintable, match="expected a number"):
        literal(object())


@pytest.mark.parametrize(
    ("template", "arguments", "text"),
    [
        ("x.permute(*axes)", {"x": "t1", "axes": (1, 0)}, "t1.permute(1, 0)"),
        ("x[key]", {"x": "t1", "key": (slice(None), slice(1, 5, 2))}, "t1[:, 1:5:2]"),
        ("x[(*key, ...)]", {"x": "t1", "key": (0,)}, "t1[0, ...]"),
        ("x[key] = y", {"x": "t1", "key": (0,), "y": "t2"}, "t1[0,] = t2"),
        ("x += y", {"x": "t1", "y": "t2"}, "t1 += t2"),
        ("cat(xs, axis)", {"xs": [1, 2], "axis": 0}, "cat([1, 2], 0)"),
        ("outputs[0].backward(None if c is None else c[0])", {"outputs": [1], "c": None}, "1 .backward(None)"),
        ("f(xs) if len(xs) == 1 else g(xs)", {"xs": [1, 2]}, "g([1, 2])"),
        ("f(xs) if len(xs) == n else g(xs)", {"xs": [1], "n": 1}, "f([1])"),
        ("leaf(array, constant=not flag)", {"array": 1, "flag": True}, "leaf(1, constant=False)"),
        ("None if t.grad is None else t.grad", {"t": "x0"}, "None if x0.grad is None else x0.grad"),
    ],
)
def test_inlining(template: str, arguments: dict[str, Any], text: str) -> None:
    given_ = {name: ast.Name(v) if isinstance(v, str) else literal(v) for name, v in arguments.items()}
    made = inlined(template, given_)
    assert "\n".join(map(ast.unparse, [made] if isinstance(made, ast.expr) else made)) == text


def test_template_that_binds_a_parameter_is_refused() -> None:
    with pytest.raises(Unprintable, match="binds"):
        inlined("[x for x in xs]", {"x": ast.Name("t1")})


def _chain(engine: Engine) -> None:
    x = t = engine.tensor(TWO, requires_grad=True)
    for _ in range(5000):
        t = engine.apply("negative", engine.apply("add", t, x))
    equal("the value", engine.array(t), np.array(3, np.float32))


def test_repetitions_are_loops() -> None:
    text = script_of(Torch(), a_clause(_chain))
    assert "for _ in range(4999):\n    t1 = t2 + x0\n    t2 = -t1\n" in text
    assert len(calls_of(text)) < 12


def test_decorated_and_nested_functions_are_definitions() -> None:
    def clause(engine: Engine) -> None:
        x = engine.tensor(TWO, requires_grad=True)
        made = engine.no_grad_function(lambda y: engine.apply("add", y, x))(x)
        equal("whether it requires gradients", engine.requires_grad(made), True)

    text = script_of(Torch(), a_clause(clause))
    assert "def f0(p0):\n    t1 = p0 + x0\n    return t1\nf1 = torch.no_grad()(f0)\nt2 = f1(x0)\n" in text


def test_a_block_that_is_entered_again_has_a_name() -> None:
    def clause(engine: Engine) -> None:
        x = engine.tensor(TWO, requires_grad=True)
        block = engine.enable_grad()
        with block, block:
            made = engine.apply("add", x, x)
        equal("whether it requires gradients", engine.requires_grad(made), False)

    text = script_of(Torch(), a_clause(clause))
    assert "with (block0 := torch.enable_grad()):\n    with block0:\n        t1 = x0 + x0\n" in text


def test_recorder_has_what_the_engine_has() -> None:
    recorder = Recorder(Torch())
    assert isinstance(recorder, Engine)
    for fact in ("name", "version", "operators", "aliasing", "dtypes", "max_ndim", "device"):
        assert getattr(recorder, fact) == getattr(Torch(), fact)
    assert recorder.has(VJP) and recorder.has("add") and not recorder.has("no such operator")
    recorder.apply("add", recorder.tensor(TWO), recorder.tensor(TWO))
    assert recorder.used == {"add": 1}


def _raises_in_engine(engine: Engine) -> None:
    engine.apply("permute_dims", engine.tensor(np.ones((2, 3), np.float32)), axes=(1, 0))


def _raises_in_suite(engine: Engine) -> None:
    with engine.no_grad():
        engine.vjp(lambda x: {"x": x}["y"], [engine.tensor(TWO)], [])


@pytest.mark.parametrize(("test", "engines_own"), [(_raises_in_engine, True), (_raises_in_suite, False)])
def test_recorder_does_not_change_who_raised(test: Test, engines_own: bool) -> None:
    for engine in (Picky(), Recorder(Picky())):
        with pytest.raises((RuntimeError, KeyError)) as error:
            test(engine)
        assert raised_by_engine(error.value) is engines_own


def test_recorder_keeps_apart_what_the_engine_returns_twice() -> None:
    """`detach` that gives the tensor itself must still be printed where it was called."""

    class Lazy(Torch):
        def detach(self, t: Any) -> Any:
            return t

    def clause(engine: Engine) -> None:
        x = engine.tensor(TWO, requires_grad=True)
        equal("whether it requires gradients", engine.requires_grad(engine.detach(x)), False)

    assert "t1 = detach(x0)\ngot = t1.requires_grad" in script_of(Lazy(), a_clause(clause))
