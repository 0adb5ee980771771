"""What a script borrows from the modules that an adapter is written in: imports, constants, helper functions.

A name is printed by the top-level statement that binds it, in the order of the source.  Settings made at the top level
(`jax.config.update(...)`, `os.environ[...] = ...`) come along, since the engine was judged under them.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from autograd_conformance.engine import Engine
from autograd_conformance.scripts.literals import Unprintable

PROJECT = __name__.partition(".")[0]


class Borrowed:
    """The statements that scripts need of some modules; `need` asks for a name, `lines` prints them."""

    def __init__(self, adapter: type[Engine]) -> None:
        classes = [owner for owner in reversed(adapter.__mro__) if issubclass(owner, Engine) and owner is not Engine]
        self._modules: dict[str, ModuleType] = {owner.__module__: sys.modules[owner.__module__] for owner in classes}
        self._statements = {name: _top_level(module) for name, module in self._modules.items()}
        self._needed: set[tuple[str, str]] = set()
        self._plain_imports: set[str] = set()
        for name in list(self._modules):
            self._need_settings(name)

    def globals(self) -> dict[str, list[Any]]:
        """Every name that the modules know, and what it means in each."""
        names = {name for module in self._modules.values() for name in vars(module)}
        return {name: [vars(each)[name] for each in self._modules.values() if name in vars(each)] for name in names}

    def copies(self, module: str | None) -> bool:
        """Whether text of this module is copied into scripts; anything else is imported by them."""
        return module in self._modules or (module or "").partition(".")[0] == PROJECT

    def need(self, module: str, names: Iterable[str]) -> None:
        """`names` are used by text of `module`."""
        for name in names:
            if (module, name) not in self._needed:
                self._refuse_two_meanings(module, name)
                self._needed.add((module, name))
                self._need_one(module, name)

    def _refuse_two_meanings(self, module: str, name: str) -> None:
        value = vars(sys.modules[module]).get(name)
        for other, same_name in self._needed:
            if same_name == name and vars(sys.modules[other]).get(name) is not value:
                raise Unprintable(f"{name!r} means one thing in {module} and another in {other}: rename one of them")

    def _need_one(self, module: str, name: str) -> None:
        statement = next((each for each in self._of(module) if name in _binds(each)), None)
        value = vars(self._modules[module]).get(name, _MISSING)
        if isinstance(value, type) and issubclass(value, Engine):
            raise Unprintable(f"{module} uses the adapter class {name}, which a script cannot have")
        if isinstance(statement, ast.ImportFrom) and self.copies(_absolute(statement, module)):
            self._need_elsewhere(_absolute(statement, module), statement, name)
        elif statement is not None:
            self.need(module, free_names(without_annotations(statement)) - set(_binds(statement)))
        elif isinstance(value, ModuleType):
            self._plain_imports.add(_import(value.__name__, name))
        elif value is not _MISSING or not hasattr(builtins, name):
            raise Unprintable(f"{module}: no top-level statement binds {name!r}")

    def _need_elsewhere(self, module: str, statement: ast.ImportFrom, name: str) -> None:
        original = next(alias.name for alias in statement.names if (alias.asname or alias.name) == name)
        if original != name:
            raise Unprintable(f"{name!r} is {original!r} of {module}: import it under its own name")
        self._modules[module] = sys.modules[module]
        self.need(module, [name])

    def _of(self, module: str) -> list[ast.stmt]:
        if module not in self._statements:
            self._modules[module] = sys.modules[module]
            self._statements[module] = _top_level(sys.modules[module])
        return self._statements[module]

    def _need_settings(self, module: str) -> None:
        for statement in self._of(module):
            if self._is_setting(module, statement):
                self.need(module, free_names(statement))

    def _is_setting(self, module: str, statement: ast.stmt) -> bool:
        called = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
        stored = isinstance(statement, ast.Assign) and not _binds(statement)
        return (called or stored) and not self._speaks_of_project(module, statement)

    def _speaks_of_project(self, module: str, statement: ast.stmt) -> bool:
        values = [vars(self._modules[module]).get(name) for name in free_names(statement)]
        homes = [getattr(value, "__module__", getattr(value, "__name__", "")) or "" for value in values]
        return any(self.copies(home) for home in homes)

    def lines(self) -> list[str]:
        """The text of everything that was needed, a statement an entry."""
        copied = [text for name in reversed(self._modules) for text in self._lines_of(name)]
        return sorted(self._plain_imports) + list(dict.fromkeys(copied))

    def _lines_of(self, module: str) -> Iterable[str]:
        needed = {name for home, name in self._needed if home == module}
        for statement in self._of(module):
            if isinstance(statement, ast.Import | ast.ImportFrom):
                yield from self._imports(module, statement, needed)
            elif self._is_setting(module, statement) or needed & set(_binds(statement)):
                yield ast.unparse(without_annotations(statement))

    def _imports(self, module: str, statement: ast.Import | ast.ImportFrom, needed: set[str]) -> Iterable[str]:
        for alias in statement.names:
            if (alias.asname or alias.name.partition(".")[0]) not in needed:
                continue
            if isinstance(statement, ast.Import):
                yield ast.unparse(ast.Import([alias]))
            elif not self.copies(_absolute(statement, module)):
                yield ast.unparse(ast.ImportFrom(_absolute(statement, module), [alias], 0))


_MISSING = object()


def _top_level(module: ModuleType) -> list[ast.stmt]:
    try:
        return ast.parse(inspect.getsource(module)).body
    except (OSError, TypeError):  # an interactive session has no file; its imports are found by their values
        return []


def _binds(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        return [node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and _stored(node)]
    return []


def _stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _absolute(statement: ast.ImportFrom, module: str) -> str:
    if not statement.level:
        return statement.module or ""
    package = (sys.modules[module].__package__ or "").split(".")
    parents = package[: len(package) - statement.level + 1]
    return ".".join(parents + ([statement.module] if statement.module else []))


def _import(module: str, name: str) -> str:
    return f"import {module}" if module == name else f"import {module} as {name}"


def free_names(tree: ast.AST) -> set[str]:
    """Names that `tree` uses and does not bind itself."""
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if _stored(node)} | {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    named = ast.FunctionDef | ast.ClassDef | ast.ExceptHandler
    inner = {n.name for n in ast.walk(tree) if isinstance(n, named) and n.name}
    imported = {
        name for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) for name in _binds(node)
    }
    return {node.id for node in names} - bound - inner - imported


def without_annotations(tree: Any) -> Any:
    """`tree` with its type annotations and docstrings left out: a script must not need what they name."""
    return ast.fix_missing_locations(_Plain().visit(ast.parse(ast.unparse(tree)))).body[0]


class _Plain(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.returns = None
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(node.arg)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt | None:
        return ast.Assign([node.target], node.value) if node.value else None
