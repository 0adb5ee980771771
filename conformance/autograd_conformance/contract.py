"""The contract as a page to read: `python -m autograd_conformance contract`."""

from __future__ import annotations

import argparse
import ast
import inspect
from collections.abc import Iterator, Sequence
from itertools import pairwise

from autograd_conformance.engine import GROUPS, Engine
from autograd_conformance.operators import OPERATORS

INTRODUCTION = """\
An adapter is a subclass of autograd_conformance.Engine.  It states facts as class attributes, spells verbs as
template("...") or as methods, and operators in the mapping `operators`: name -> template text or function.
A template is one expression or statement of the engine's own language over the names given here, and `device`.
Spell what the engine has; what is left out is unsupported, never failed.
"""


def lines() -> Iterator[str]:
    """The page, line by line, made from the contract itself."""
    yield INTRODUCTION
    yield "FACTS"
    for name, meaning in _facts():
        yield f"  {name} = {vars(Engine)[name]!r}"
        yield f"      {meaning}"
    yield "\nVERBS, by capability: an engine has one when all its verbs are spelled"
    for name, group in GROUPS.items():
        yield f"\n  {name}: {group.promise}"
        for verb in group.verbs:
            yield f"    {verb}{_parameters(verb)}"
            yield f"        {_summary(verb)}"
    yield "\nOPERATORS: every clause on programs needs add or multiply; the more there are, the more is judged"
    for operator in OPERATORS.values():
        yield f"  {operator.name + '(' + ', '.join(operator.parameters) + ')':44} {operator.kind:9} {operator.meaning}"


def _facts() -> Iterator[tuple[str, str]]:
    """The class attributes that have a docstring below them."""
    (engine,) = ast.parse(inspect.getsource(Engine)).body
    assert isinstance(engine, ast.ClassDef)
    for fact, below in pairwise(engine.body):
        if isinstance(fact, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            yield ast.unparse(fact.target), str(below.value.value)


def _parameters(verb: str) -> str:
    parameters = list(inspect.signature(getattr(Engine, verb)).parameters.values())[1:]
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    return str(inspect.Signature(plain))


def _summary(verb: str) -> str:
    return (inspect.getdoc(getattr(Engine, verb)) or "").split("\n\n")[0].replace("\n", " ")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the page."""
    argparse.ArgumentParser(prog="python -m autograd_conformance contract", description=__doc__).parse_args(argv)
    print("\n".join(lines()))
    return 0
