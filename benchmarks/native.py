"""A workload in an engine's own calls: operators and verbs are replaced by their spellings, so nothing of the suite is timed."""

from __future__ import annotations

import ast
import copy
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd_conformance.engine import TAPE, VJP, Engine
from autograd_conformance.operators import OPERATORS
from workloads import ALONG, CUBE, Workload


class Unsupported(Exception):
    """The engine lacks what the workload needs; says what."""


def run_of(workload: Workload, engine: Engine, n: int, arrays: Sequence[Any]) -> Callable[[], Sequence[Any]]:
    """A function that runs the workload once, forward and backward, and gives the gradients; nothing is left behind."""
    missing = [need for need in (VJP, *workload.needs) if not engine.has(need)]
    if missing:
        raise Unsupported(f"{engine.name} has no {', '.join(missing)}")
    wanted = [number not in workload.constants for number in range(len(arrays))]
    operands = [engine.tensor(array, requires_grad=want) for array, want in zip(arrays, wanted, strict=True)]
    leaves = [operand for operand, want in zip(operands, wanted, strict=True) if want]
    forward = forward_of(workload, engine, n)
    if engine.has(TAPE):
        return lambda: taped(engine, forward, operands, leaves)
    cotangent = engine.tensor(np.ones((), arrays[0].dtype))
    return lambda: engine.vjp(lambda *xs: [forward(*xs)], operands, [cotangent])[1]


def taped(engine: Engine, forward: Callable[..., Any], operands: Sequence[Any], leaves: Sequence[Any]) -> Sequence[Any]:
    """One pass, by an engine with leaves, which are cleared afterwards if the engine can do that."""
    engine.backward([forward(*operands)])
    gradients = [engine.grad(leaf) for leaf in leaves]
    if engine.has("set grad"):
        for leaf in leaves:
            engine.set_grad(leaf, None)
    return gradients


def hessian_vector_product(engine: Engine, arrays: Sequence[Any]) -> Callable[[], Sequence[Any]]:
    """The derivative of the gradient of sum(x * x * x * w) by x, along v."""
    if not (engine.has("create graph") and engine.has("set grad")):
        raise Unsupported(f"{engine.name} cannot record a backward pass, or not clear a gradient")
    x, w, v = (engine.tensor(array, requires_grad=number == 0) for number, array in enumerate(arrays))
    cube = forward_of(CUBE, engine, 0)
    along = forward_of(ALONG, engine, 0)

    def run() -> Sequence[Any]:
        engine.backward_creating_graph([cube(x, w)])
        gradient = engine.grad(x)
        engine.set_grad(x, None)
        engine.backward([along(gradient, v)])
        result = engine.grad(x)
        engine.set_grad(x, None)
        return [result]

    return run


def forward_of(workload: Workload, engine: Engine, n: int) -> Callable[..., Any]:
    """The body as a function of the operands."""
    names = ", ".join(f"x{number}" for number in range(len(workload.shapes(n))))
    tree = ast.parse(f"def forward({names}, *, n={n}):\n    pass")
    (function,) = tree.body
    assert isinstance(function, ast.FunctionDef)
    function.body = [Spelled(workload, engine).visit(each) for each in ast.parse(workload.body).body]
    function.body.append(ast.Return(ast.Name("y", ast.Load())))
    namespace: dict[str, Any] = {}
    code = compile(ast.fix_missing_locations(tree), f"<{workload.name} on {engine.name}>", "exec")
    exec(code, {**vars(sys.modules[type(engine).__module__]), "device": engine.device}, namespace)  # noqa: S102  the adapter's own code
    forward: Callable[..., Any] = namespace["forward"]
    return forward


class Spelled(ast.NodeTransformer):
    """Replaces calls of the suite's operators by the engine's spelling of them."""

    def __init__(self, workload: Workload, engine: Engine) -> None:
        self.engine = engine
        self.spellings: dict[str, tuple[tuple[str, ...], Any]] = {
            name: (OPERATORS[name].parameters, text) for name, text in engine.operators.items()
        }
        for signature, texts in workload.own.items():
            name, _, parameters = signature.rstrip(")").partition("(")
            self.spellings[name] = (tuple(parameters.split(", ")), texts.get(engine.name))

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """A write is a statement, and may be spelled as one."""
        assert isinstance(node.value, ast.Call)
        return self.replaced(node.value, "exec")

    def visit_Call(self, node: ast.Call) -> ast.AST:
        return self.replaced(node, "eval")

    def replaced(self, node: ast.Call, mode: str) -> ast.AST:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        if (name in ("range", "slice") and name not in self.spellings) or (name == "slice" and not node.keywords):
            return node
        parameters, text = self.spellings.get(name, ((), None))
        if not isinstance(text, str):
            raise Unsupported(f"{self.engine.name} spells no {name}, or by a function")
        given = dict(zip(parameters, node.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
        arguments = {key: self.visit(value) for key, value in given.items()}
        (statement,) = ast.parse(text).body
        spelled: ast.AST = Filled(arguments).visit(statement)
        return spelled if mode == "exec" else spelled.value  # type: ignore[attr-defined]


class Filled(ast.NodeTransformer):
    """Puts arguments in the place of the parameters of a spelling."""

    def __init__(self, arguments: Mapping[str, ast.expr]) -> None:
        self.arguments = arguments

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self.arguments:
            return node
        found = copy.deepcopy(self.arguments[node.id])
        if hasattr(found, "ctx"):
            found.ctx = node.ctx  # what was read as an argument may be assigned to by a spelling such as `x += y`
        return found
