"""Spellings: how an engine says an operator or a verb, as text that both runs and prints.

A spelling is a template such as `"x.permute(*axes)"`, one expression or statement over the parameters' names (and
`device`), or a function with its text.  Compiled, it is the implementation; printed, it is a line of a reproduction
script.  Names in it are those of the module that the adapter is written in.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Spelling: TypeAlias = "str | Callable[..., Any]"


class Template:
    """`template(text)`, until the class that holds it is made and the verb's parameters are known."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __set_name__(self, owner: type, name: str) -> None:
        inherited = next((vars(base)[name] for base in owner.__mro__[1:] if name in vars(base)), None)
        if inherited is None:
            raise TypeError(f"{owner.__name__}.{name} = template(...): the contract has no verb {name!r}")
        if not callable(inherited):
            raise TypeError(
                f"{owner.__name__}.{name} = template(...): expected a value, since {name!r} is a fact and not a verb: "
                f"write the value itself, as in {name} = {inherited!r}"
            )
        parameters = list(inspect.signature(inherited).parameters.values())[1:]
        plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
        setattr(owner, name, _compile(owner, name, self.text, str(inspect.Signature(plain)).strip("()")))


def template(text: str) -> Any:
    """The spelling of a verb, as one expression or statement over the verb's parameters."""
    return Template(text)


def compile_spelling(owner: type, name: str, parameters: Sequence[str], spelling: Spelling) -> Callable[..., Any]:
    """A function `(engine, *tensors, **params)` for an operator."""
    if isinstance(spelling, str):
        return _compile(owner, name, spelling, ", ".join(parameters))
    if not callable(spelling):
        raise TypeError(f"{owner.__name__}.operators[{name!r}]: expected text or a function, got {spelling!r}")
    return _without_engine(spelling, _where(owner, name))


def _where(owner: type, name: str) -> str:
    """The file name of a spelling's code, by which `judge.raised_by_engine` knows whose exception it is."""
    return f"<spelling {owner.__name__}.{name}>"


def _without_engine(function: Callable[..., Any], where: str) -> Callable[..., Any]:
    def spelled(engine: Any, *tensors: Any, **params: Any) -> Any:
        return function(*tensors, **params)

    spelled.__code__ = spelled.__code__.replace(co_filename=where)
    spelled.spelled = function  # type: ignore[attr-defined]
    return spelled


def _compile(owner: type, name: str, text: str, parameters: str) -> Callable[..., Any]:
    where = _where(owner, name)
    try:
        body = [ast.Return(ast.parse(text, where, "eval").body)]
    except SyntaxError:
        body = ast.parse(text, where).body  # type: ignore[assignment]  # a statement; a second SyntaxError is the author's
    if not body:
        raise TypeError(
            f"{owner.__name__}.{name}: expected one expression or statement over {parameters}, got {text!r}; "
            "write the engine's call, or leave it out if the engine has none"
        )
    source = f"def {name}(self, {parameters}):\n    pass"
    tree = ast.parse(source, where)
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body = [_DeviceOfEngine().visit(statement) for statement in body]
    ast.fix_missing_locations(tree)
    namespace: dict[str, Any] = {}
    exec(compile(tree, where, "exec"), vars(sys.modules[owner.__module__]), namespace)  # noqa: S102  the adapter's own code
    linecache.cache[where] = (len(text), None, [text + "\n"], where)
    spelled: Callable[..., Any] = namespace[name]
    spelled.template = text  # type: ignore[attr-defined]
    return spelled


class _DeviceOfEngine(ast.NodeTransformer):
    """`device` in a template means the device of the engine that runs it."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Attribute(ast.Name("self", ast.Load()), "device", ast.Load()) if node.id == "device" else node
