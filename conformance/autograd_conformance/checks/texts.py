"""The adapter's text: does it name what there is, take what it is given, and translate without hiding anything?"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from collections.abc import Iterator
from types import FunctionType

from autograd_conformance.checks.outcome import Outcome, Report, broken
from autograd_conformance.engine import VERBS, Engine
from autograd_conformance.operators import OPERATORS
from autograd_conformance.scripts.borrowed import Borrowed, free_names, without_annotations
from autograd_conformance.scripts.helpers import Helpers
from autograd_conformance.scripts.literals import Unprintable
from autograd_conformance.scripts.spelled import Spelled, definition_of, operator_spelling, verb_spelling

ONLY_TRANSLATES = "an adapter translates and does nothing else"
MACHINERY = (
    "apply",
    "has",
    "__init__",
    "__new__",
    "__getattr__",
    "__getattribute__",
    "__setattr__",
    "__init_subclass__",
)


def check_texts(report: Report) -> None:
    """Every spelling, one after the other."""
    with report.on("machinery"):
        _check_machinery(report.adapter)
    for spelled in spellings(report.adapter):
        with report.on(f"text of {spelled.name}"):
            _check_parameters(spelled)
            _check_names(spelled)
            _check_honesty(report, spelled)


def spellings(adapter: type[Engine]) -> Iterator[Spelled]:
    """All that the adapter spells."""
    for verb in dict.fromkeys(VERBS):
        if getattr(adapter, verb) is not getattr(Engine, verb):
            yield verb_spelling(adapter, verb)
    for operator in adapter.operators:
        yield operator_spelling(adapter, operator)


def repairs(engine: Engine) -> list[Outcome]:
    """Where the adapter does more than translate, so that a run would judge the adapter and not the engine."""
    report = Report(engine, type(engine))
    for spelled in spellings(report.adapter):
        with report.on(f"text of {spelled.name}"):
            _check_honesty(report, spelled)
    return [outcome for outcome in report.outcomes if ONLY_TRANSLATES in outcome.advice]


def _check_machinery(adapter: type[Engine]) -> None:
    """What no adapter has to write, and where one could slip something in between the suite and the engine."""
    for owner in adapter.__mro__[: adapter.__mro__.index(Engine)]:
        for name in MACHINERY:
            if name in vars(owner):
                raise broken(
                    f"{owner.__name__} has its own {name}; spell verbs and `operators`, and leave that to the suite"
                )


def _check_parameters(spelled: Spelled) -> None:
    """A function takes what the contract gives it; templates do so by construction."""
    if hasattr(spelled.function, "template") or not isinstance(spelled.function, FunctionType):
        return
    adapter = (None,) if spelled.is_method else ()
    positional, keywords = _given(spelled.name)
    try:
        inspect.signature(spelled.function).bind(*adapter, *positional, **dict.fromkeys(keywords))
    except TypeError as error:
        wanted = ", ".join((*positional, *(f"{name}=..." for name in keywords)))
        raise broken(f"is called as {spelled.name}({wanted}), and its parameters do not fit: {error}") from error


def _given(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the suite passes by position, and what by keyword."""
    if name in OPERATORS:
        return OPERATORS[name].tensors, OPERATORS[name].params
    parameters = list(inspect.signature(getattr(Engine, name)).parameters.values())[1:]
    keywords = tuple(each.name for each in parameters if each.kind is each.KEYWORD_ONLY)
    return tuple(each.name for each in parameters if each.name not in keywords), keywords


def _check_names(spelled: Spelled) -> None:
    function = inspect.unwrap(spelled.function)
    if not isinstance(function, FunctionType):
        return
    known = {*vars(builtins), *function.__globals__, *function.__code__.co_freevars, "device"}
    tree = without_annotations(definition_of(function))
    missing = sorted(free_names(tree) - known)
    if missing:
        parameters = ", ".join(list(inspect.signature(function).parameters)[spelled.is_method :])
        raise broken(
            f"`{spelled.text or ast.unparse(tree)}` speaks of {', '.join(missing)}, which is neither a parameter "
            f"({parameters}) nor a name in {function.__module__}; import it there, or correct it"
        )


def _check_honesty(report: Report, spelled: Spelled) -> None:
    for definition in _texts_behind(report, spelled):
        for node in ast.walk(definition):
            vice = _vice(node)
            if vice:
                raise broken(
                    f"`{ast.unparse(node).splitlines()[0]}` {vice}; {ONLY_TRANSLATES}: let the engine do it, or fail"
                )


def _texts_behind(report: Report, spelled: Spelled) -> Iterator[ast.stmt]:
    """The spelling itself, then all that it uses of the adapter's modules."""
    function = inspect.unwrap(spelled.function)
    if isinstance(function, FunctionType) and _is_own(report, function):
        yield definition_of(function)
    borrowed = Borrowed(report.adapter)
    helpers = Helpers(report.engine, borrowed)
    try:
        if spelled.text is None:
            helpers.called(spelled)
        else:
            known = {*spelled.parameters, "device"}
            borrowed.need(function.__module__, free_names(ast.parse(spelled.text)) - known)
    except Unprintable as reason:
        raise broken(f"cannot be printed in a script: {reason}") from reason
    yield from ast.parse("\n".join([*borrowed.lines(), *helpers.lines()])).body


def _is_own(report: Report, function: FunctionType) -> bool:
    return function.__module__ in {
        owner.__module__ for owner in report.adapter.__mro__ if owner.__module__ in sys.modules
    }


def _vice(node: ast.AST) -> str:
    """What is wrong with a piece of an adapter, if anything is."""
    if isinstance(node, ast.Try | ast.TryStar) and node.handlers:
        return "catches exceptions"
    if isinstance(node, ast.With) and any("suppress" in ast.unparse(item.context_expr) for item in node.items):
        return "swallows exceptions"
    if isinstance(node, ast.IfExp) and _replaces_none(node):
        return "puts something in the place of what the engine does not have"
    if isinstance(node, ast.While):
        return "loops until something succeeds"
    if isinstance(node, ast.Global | ast.Nonlocal):
        return "keeps state between calls"
    stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del)
    if stored and isinstance(node.value, ast.Name) and node.value.id == "self":  # type: ignore[attr-defined]
        return "keeps state on the adapter"
    return ""


def _replaces_none(node: ast.IfExp) -> bool:
    """`ones if t.grad is None else t.grad`; an argument of the suite may be None, and that is for the adapter to say."""
    test = node.test
    if (
        not isinstance(test, ast.Compare)
        or isinstance(test.left, ast.Name)
        or ast.unparse(test.comparators[0]) != "None"
    ):
        return False
    instead = node.body if isinstance(test.ops[0], ast.Is) else node.orelse
    return ast.unparse(instead) != "None"
