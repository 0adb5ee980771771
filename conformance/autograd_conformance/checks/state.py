"""Does the adapter keep anything between calls?  It may not: what it remembers, the engine does not have to."""

from __future__ import annotations

import sys
from types import FunctionType
from typing import Any

from autograd_conformance.checks.outcome import Report, broken
from autograd_conformance.checks.texts import ONLY_TRANSLATES
from autograd_conformance.engine import Engine

Snapshot = dict[tuple[str, str], Any]


def snapshot(engine: Engine, adapter: type[Engine]) -> Snapshot:
    """What the instance, the classes and the modules of an adapter hold; containers one level deep."""
    classes = [owner for owner in adapter.__mro__ if issubclass(owner, Engine) and owner is not Engine]
    holders: list[tuple[str, dict[str, Any]]] = [("the adapter", vars(engine))]
    holders += [(f"class {owner.__name__}", dict(vars(owner))) for owner in classes]
    holders += [(f"module {name}", vars(sys.modules[name])) for name in {owner.__module__ for owner in classes}]
    return {
        (holder, name): (id(value), _content(value))
        for holder, values in holders
        for name, value in values.items()
        if name not in ("used", "__builtins__", "__warningregistry__")
    }


def _content(value: Any) -> Any:
    if isinstance(value, dict):
        return [(id(key), id(each)) for key, each in value.items()]
    if isinstance(value, list | tuple | set):
        return [id(each) for each in value]
    if isinstance(value, FunctionType):
        defaults = (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        return [_content(each) for each in (value.__dict__, *defaults, *cells) if each is not value]
    return len(value) if hasattr(type(value), "__len__") and not isinstance(value, type) else None


def check_state(report: Report, before: Snapshot, after: Snapshot) -> None:
    """Nothing has changed since `before`, before all calls."""
    with report.on("state"):
        changed = sorted({key for key in {*before, *after} if before.get(key) != after.get(key)})
        if changed:
            names = ", ".join(f"{name} of {holder}" for holder, name in changed)
            raise broken(f"calls change {names}; {ONLY_TRANSLATES}: it keeps nothing between calls")
