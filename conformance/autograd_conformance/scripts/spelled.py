"""How an adapter spells one verb or operator, looked at from the printing side."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from autograd_conformance.engine import Engine
from autograd_conformance.scripts.literals import Unprintable


@dataclass(frozen=True)
class Spelled:
    """One spelling: text to be put in place, or a function to be called."""

    name: str
    function: Callable[..., Any]
    text: str | None
    """A template, or the body of a lambda; None: a function."""
    is_method: bool
    """Its first parameter is the adapter."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters, the adapter left out."""
        return tuple(inspect.signature(self.function).parameters)[int(self.is_method) :]

    def bound(self, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> dict[str, Any]:
        """Parameter -> argument, defaults included."""
        adapter = (None,) if self.is_method else ()
        given = inspect.signature(self.function).bind(*adapter, *arguments, **keywords)
        given.apply_defaults()
        return dict(list(given.arguments.items())[len(adapter) :])


def verb_spelling(adapter: type[Engine], verb: str) -> Spelled:
    """The spelling of a verb."""
    return _spelled(verb, inspect.getattr_static(adapter, verb), is_method=True)


def operator_spelling(adapter: type[Engine], operator: str) -> Spelled:
    """The spelling of an operator."""
    compiled: Any = adapter._compiled[operator]
    if hasattr(compiled, "spelled"):
        return _spelled(operator, compiled.spelled, is_method=False)
    return _spelled(operator, compiled, is_method=True)


def _spelled(name: str, function: Any, is_method: bool) -> Spelled:
    if isinstance(function, staticmethod):
        function, is_method = function.__func__, False
    text = getattr(function, "template", None)
    if text is None and getattr(function, "__name__", "") == "<lambda>" and not function.__closure__:
        text = _lambda_text(function, is_method)
    return Spelled(name, function, text, is_method)


def _lambda_text(function: FunctionType, is_method: bool) -> str | None:
    """The body of a lambda, unless it needs its adapter."""
    body = definition_of(function).body[0]
    assert isinstance(body, ast.Return) and body.value is not None
    own = function.__code__.co_varnames[0] if is_method else None
    if any(isinstance(node, ast.Name) and node.id == own for node in ast.walk(body)):
        return None
    return ast.unparse(body.value)


def definition_of(function: FunctionType) -> ast.FunctionDef:
    """The definition of a function, as its source or its template has it; a lambda becomes a `def`."""
    template = getattr(function, "template", None)
    if template is not None:
        return _definition(function.__name__, str(inspect.signature(function)), _statements(template))
    try:
        if function.__name__ == "<lambda>":
            found = _lambda(function)
            return _definition("spelled", f"({ast.unparse(found.args)})", [ast.Return(found.body)])
        [definition] = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    except OSError as error:
        raise Unprintable(
            f"{function.__qualname__}: its source is not there ({error}); keep the adapter in a file"
        ) from error
    if not isinstance(definition, ast.FunctionDef):
        raise Unprintable(f"{function.__qualname__}: expected a plain function, got {type(definition).__name__}")
    return definition


def _definition(name: str, parameters: str, body: list[ast.stmt]) -> ast.FunctionDef:
    [definition] = ast.parse(f"def {name}{parameters}: pass").body
    assert isinstance(definition, ast.FunctionDef)
    definition.body = body
    return definition


def _statements(template: str) -> list[ast.stmt]:
    try:
        return [ast.Return(ast.parse(template, mode="eval").body)]
    except SyntaxError:
        return ast.parse(template).body


def _lambda(function: FunctionType) -> ast.Lambda:
    """The smallest lambda of the source whose body has all the code of `function` in it."""
    lines, _ = inspect.findsource(function)
    found = [node for node in ast.walk(ast.parse("".join(lines))) if isinstance(node, ast.Lambda)]
    places = [place for place in function.__code__.co_positions() if None not in place and place[2] != place[3]]
    around = [node for node in found if all(_contains(node.body, place) for place in places)]
    if not around:
        raise Unprintable(f"the lambda in line {function.__code__.co_firstlineno} was not found in its source")
    return min(around, key=lambda node: len(ast.unparse(node)))


def _contains(node: ast.expr, place: tuple[Any, ...]) -> bool:
    line, end_line, column, end_column = place
    starts = (node.lineno, node.col_offset) <= (line, column)
    return starts and (end_line, end_column) <= (node.end_lineno or 0, node.end_col_offset or 0)
