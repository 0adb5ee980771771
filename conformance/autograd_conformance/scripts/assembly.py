"""The file that a reproduction script is: its docstring, imports, helpers, calls and last lines."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable
from itertools import pairwise

from autograd_conformance.clauses import Clause
from autograd_conformance.engine import Engine
from autograd_conformance.judge import Failure, show
from autograd_conformance.scripts.script import WIDTH, Lines

STANDARD = ("contextlib", "faulthandler")
"""Modules that printed steps may use."""


def assembled(docstring: str, prelude: tuple[Lines, Lines], body: Lines, numpy: str) -> str:
    """The whole text; `numpy` is the name that the lines use for NumPy."""
    borrowed, helpers = prelude
    used = {node.id for node in ast.walk(ast.parse("\n".join(body))) if isinstance(node, ast.Name)}
    imports = [f"import {module}" for module in STANDARD if module in used]
    if numpy in used:
        imports.append("import numpy" if numpy == "numpy" else f"import numpy as {numpy}")
    head = [*imports, *(line for line in borrowed if line not in imports), *helpers]
    gap = "\n\n\n" if head and "\n" in head[-1] else "\n\n"
    return f"{docstring}\n\n{_spaced(head)}{gap}" + "\n".join(body) + "\n"


def _spaced(parts: Lines) -> str:
    """Definitions stand apart from what is around them."""
    text = ""
    for before, part in pairwise(["", *parts]):
        text += ("\n\n\n" if "\n" in before + part else "\n") * bool(before) + part
    return text


def described(engine: Engine, clause: Clause, error: BaseException) -> str:
    """The docstring for a failure: the clause, the engine, what was expected and what came, how to run it."""
    return _docstring(engine, clause, _seen(error), _ending(error))


def described_end(engine: Engine, clause: Clause, cause: str) -> str:
    """The same for a run that ends its process, or never ends."""
    seen = ["expected: an end, and a process that goes on", f"got:      {cause}"]
    return _docstring(
        engine, clause, seen, "It ends so while the clause is broken, and prints that it holds once it does."
    )


def _docstring(engine: Engine, clause: Clause, seen: Iterable[str], ending: str) -> str:
    text = [
        *_filled([f"{clause.id} ({clause.level}): {clause.sentence}"]),
        "",
        f"{engine.name} {engine.version}, on {engine.device}",
        *_filled(seen, hanging=True),
        "",
        *_filled([f"To run it, {engine.name} and NumPy must be installed: python THIS_FILE.py", ending]),
    ]
    return '"""' + "\n".join(text).replace("\\", "\\\\").replace('"""', "'''") + '\n"""'


def _seen(error: BaseException) -> Iterable[str]:
    if isinstance(error, Failure):
        return [f"judged:   {error.what}", f"expected: {show(error.expected)}", f"got:      {show(error.got)}"]
    return ["expected: no exception", f"got:      {show(error)}"]


def _ending(error: BaseException) -> str:
    if isinstance(error, Failure) and error.kind == "wrong":
        return (
            "It fails while the clause is broken, and prints that it holds once it does, "
            "or ends with a refusal where the clause allows one."
        )
    return "It ends with that exception while the clause is broken, and with none once it holds."


def _filled(lines: Iterable[str], hanging: bool = False) -> Lines:
    indent = " " * 10 if hanging else ""
    return [part for line in lines for part in textwrap.wrap(line, WIDTH, subsequent_indent=indent)]
