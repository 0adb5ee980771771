"""Spellings that are functions: printed once, as a helper that does not know of adapters."""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from collections.abc import Callable
from functools import partial
from types import FunctionType, ModuleType
from typing import Any, TypeAlias

from autograd_conformance.engine import Engine
from autograd_conformance.scripts.borrowed import Borrowed, free_names, without_annotations
from autograd_conformance.scripts.inlining import Substitution
from autograd_conformance.scripts.literals import Unprintable, literal
from autograd_conformance.scripts.spelled import Spelled, definition_of, operator_spelling, verb_spelling

Meaning: TypeAlias = Callable[[str], ast.expr]
"""What a script says for an attribute of the adapter."""


class Helpers:
    """The helper functions of one script; `called` gives what to call, `lines` the definitions."""

    def __init__(self, engine: Engine, borrowed: Borrowed) -> None:
        self._engine, self._adapter, self._borrowed = engine, type(engine), borrowed
        self._names: dict[Any, str] = {}
        self._texts: list[str] = []

    def lines(self) -> list[str]:
        """The definitions, those that others use first."""
        return self._texts

    def called(self, spelled: Spelled) -> ast.expr:
        """What a script calls for this spelling."""
        function = spelled.function
        if not isinstance(function, FunctionType) or not self._borrowed.copies(function.__module__):
            return self._reference(function)
        if not spelled.is_method and function.__globals__.get(function.__name__) is function:
            self._borrowed.need(function.__module__, [function.__name__])
            return ast.Name(function.__name__, ast.Load())
        if function not in self._names:
            self._names[function] = self._free_name(function, spelled.name)
            definition = self._definition(function, spelled.is_method)
            definition.name = self._names[function]
            self._texts.append(ast.unparse(without_annotations(definition)))
        return ast.Name(self._names[function], ast.Load())

    def _free_name(self, function: FunctionType, spelled_as: str) -> str:
        name = function.__name__ if function.__name__.isidentifier() else spelled_as
        taken = set(self._names.values()) | set(vars(builtins)) | set(function.__globals__)
        while name in taken:
            name += "_"
        return name

    def _definition(self, function: FunctionType, is_method: bool) -> ast.FunctionDef:
        definition = definition_of(function)
        definition.decorator_list = [each for each in definition.decorator_list if ast.unparse(each) != "staticmethod"]
        if is_method:
            own_name = definition.args.args.pop(0).arg
            parents_verb = partial(self._parents_verb, function)
            _Standalone(own_name, self._attribute, self._operator, parents_verb).visit(definition)
            if own_name in free_names(definition):
                raise Unprintable(f"{function.__qualname__} passes {own_name!r} on; a script has no adapter to pass")
        values = inspect.getclosurevars(inspect.unwrap(function)).nonlocals
        outside = {name: self._value(value, name) for name, value in values.items() if name != "__class__"}
        if hasattr(function, "template"):
            outside["device"] = ast.Constant(self._engine.device)
        Substitution(outside).visit(definition)
        own = set(self._names.values())
        self._borrowed.need(function.__module__, free_names(without_annotations(definition)) - own)
        return definition

    def _value(self, value: Any, name: str) -> ast.expr:
        return self.called(Spelled(name, value, None, is_method=False)) if callable(value) else literal(value)

    def _operator(self, name: str) -> ast.expr:
        """What `self.apply(name, ...)` calls in a script."""
        return self.called(operator_spelling(self._adapter, name))

    def _attribute(self, name: str) -> ast.expr:
        """What `self.name` means in a script."""
        if callable(getattr(self._engine, name)):
            return self.called(verb_spelling(self._adapter, name))
        return literal(getattr(self._engine, name))

    def _parents_verb(self, method: FunctionType, name: str) -> ast.expr:
        """What `super().name` means in `method`."""
        line = self._adapter.__mro__
        place = line.index(inspect.getclosurevars(inspect.unwrap(method)).nonlocals["__class__"])
        parent = next(each for each in line[place + 1 :] if name in vars(each))
        return self.called(verb_spelling(parent, name))

    def _reference(self, function: Any) -> ast.expr:
        """A function that is not the adapter's own, by the name under which the adapter's module reaches it."""
        module = sys.modules[self._adapter.__module__]
        name = getattr(function, "__name__", "")
        for alias, value in vars(module).items():
            direct = value is function
            if direct or (isinstance(value, ModuleType) and name and getattr(value, name, None) is function):
                self._borrowed.need(module.__name__, [alias])
                found = ast.Name(alias, ast.Load())
                return found if direct else ast.Attribute(found, name, ast.Load())
        raise Unprintable(f"{module.__name__} has no name for {function!r}: import it there, or its module")


class _Standalone(ast.NodeTransformer):
    """A method without its adapter: `self.device` is its value, `self.array(t)` a call of the helper `array`."""

    def __init__(self, own_name: str, attribute: Meaning, operator: Meaning, parents_verb: Meaning) -> None:
        self._own_name, self._attribute_of, self._operator_of = own_name, attribute, operator
        self._parents_verb = parents_verb

    def visit_Call(self, node: ast.Call) -> ast.expr:
        operator = node.args[0] if node.args and self._is_own(node.func, "apply") else None
        if isinstance(operator, ast.Constant):
            node.func = self._operator_of(str(operator.value))
            del node.args[0]
        self.generic_visit(node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if ast.unparse(node.value) == "super()":
            return self._parents_verb(node.attr)
        return self._attribute_of(node.attr) if self._is_own(node, node.attr) else node

    def _is_own(self, node: ast.expr, attribute: str) -> bool:
        if not isinstance(node, ast.Attribute) or node.attr != attribute:
            return False
        return isinstance(node.value, ast.Name) and node.value.id == self._own_name
