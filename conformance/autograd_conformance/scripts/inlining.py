"""A template with its arguments put in: `x.permute(*axes)` becomes `t3.permute(1, 0)`."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from autograd_conformance.scripts.literals import Unprintable


def inlined(template: str, arguments: Mapping[str, ast.expr]) -> list[ast.stmt] | ast.expr:
    """The statements, or the one expression, that `template` becomes with `arguments` (parameter -> expression).

    A template that gives a parameter a second meaning of its own cannot be put in place and raises `Unprintable`.
    """
    tree = _parsed(template)
    shadowed = _bound_names(tree) & set(arguments)
    if shadowed:
        raise Unprintable(f"the template {template!r} binds {sorted(shadowed)} anew; use other names inside it")
    Substitution(arguments).visit(tree)
    return ast.fix_missing_locations(tree).body


def _parsed(template: str) -> ast.Expression | ast.Module:
    """The syntax tree of a template: one expression, or statements."""
    try:
        return ast.parse(template, mode="eval")
    except SyntaxError:
        return ast.parse(template)


def _bound_names(tree: ast.AST) -> set[str]:
    """Names that the template itself binds; `x += y` binds none: where an engine writes so, `x` stays what it is."""
    updated = {id(node.target) for node in ast.walk(tree) if isinstance(node, ast.AugAssign)}
    nodes = [node for node in ast.walk(tree) if id(node) not in updated]
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return stored | {node.arg for node in nodes if isinstance(node, ast.arg)}


class Substitution(ast.NodeTransformer):
    """Puts arguments in, and writes what comes out as a person would: no `*(1, 0)`, no `[t3][0]`, no `len([t3]) == 1`, no `not True`."""

    def __init__(self, arguments: Mapping[str, ast.expr]) -> None:
        self.arguments = arguments

    def visit_Name(self, node: ast.Name) -> ast.expr:
        argument = self.arguments.get(node.id, node)
        return ast.Name(argument.id, node.ctx) if isinstance(argument, ast.Name) else argument

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        node.args = _unpacked(node.args)
        if isinstance(node.func, ast.Name) and node.func.id == "len" and isinstance(node.args[0], ast.List | ast.Tuple):
            return ast.Constant(len(node.args[0].elts))
        return node

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        self.generic_visit(node)
        node.elts = _unpacked(node.elts)
        return node

    def visit_List(self, node: ast.List) -> ast.expr:
        self.generic_visit(node)
        node.elts = _unpacked(node.elts)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        index = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if isinstance(node.value, ast.List | ast.Tuple) and isinstance(index, int) and index < len(node.value.elts):
            return node.value.elts[index]
        node.slice = _as_key(node.slice)
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and isinstance(node.operand, ast.Constant):
            return ast.Constant(not node.operand.value)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        known = isinstance(node.left, ast.Constant | ast.List | ast.Tuple)
        if known and isinstance(node.ops[0], ast.Is | ast.IsNot) and _is_none(node.comparators[0]):
            return ast.Constant(_is_none(node.left) == isinstance(node.ops[0], ast.Is))
        if isinstance(node.ops[0], ast.Eq) and isinstance(node.left, ast.Constant):
            (other,) = node.comparators
            return ast.Constant(node.left.value == other.value) if isinstance(other, ast.Constant) else node
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.test, ast.Constant):
            return node.body if node.test.value else node.orelse
        return node


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _unpacked(elements: list[ast.expr]) -> list[ast.expr]:
    unpacked: list[ast.expr] = []
    for element in elements:
        known = isinstance(element, ast.Starred) and isinstance(element.value, ast.Tuple | ast.List)
        unpacked += element.value.elts if known else [element]  # type: ignore[attr-defined]
    return unpacked


def _as_key(node: Any) -> Any:
    """`slice(1, 5, 2)` inside square brackets is `1:5:2`."""
    if isinstance(node, ast.Tuple) and node.elts:
        return ast.Tuple([_as_key(element) for element in node.elts], ast.Load())
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "slice":
        return ast.Slice(*(None if _is_none(bound) else bound for bound in node.args))
    return node
