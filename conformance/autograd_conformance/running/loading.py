"""From `--impl=...` to an engine, or to an error that says what was expected, what came, and what to do."""

from __future__ import annotations

import importlib
import traceback
from pathlib import Path
from types import ModuleType

import pytest

from autograd_conformance.engine import ALWAYS, GROUPS, TAPE, VJP, Engine

ADAPTERS = Path(__file__).parents[1] / "adapters"


def known_names() -> tuple[str, ...]:
    """The engines whose adapters come with the suite; nothing is imported to find them."""
    return tuple(sorted(path.stem for path in ADAPTERS.glob("*.py") if not path.stem.startswith("_")))


def check_spelling_of(impl: str) -> None:
    """Refuse what cannot be an engine, before any worker starts and without importing anything."""
    module, colon, name = impl.partition(":")
    dotted = all(part.isidentifier() for part in module.split("."))
    if colon and dotted and name.isidentifier():
        return
    if not colon and impl in known_names():
        return
    raise pytest.UsageError(
        f"--impl={impl}: expected one of {', '.join(known_names())}, or package.module:Class, an adapter of your own"
        + _hint_for_current_folder()
    )


def load_engine(impl: str, device: str | None) -> Engine:
    """An instance of the adapter named by `impl` on `device` (its first one, if None)."""
    check_spelling_of(impl)
    engine = _adapter_class(impl)
    _check_facts(impl, engine)
    if device is None:
        device = engine.devices[0]
    if device not in engine.devices:
        raise pytest.UsageError(f"--impl-device={device}: {engine.name} has {', '.join(engine.devices)}")
    try:
        return engine(device)
    except Exception as error:
        raise pytest.UsageError(f"--impl={impl}: making the adapter on {device!r} failed\n{_shown(error)}") from error


def _adapter_class(impl: str) -> type[Engine]:
    if ":" not in impl:
        return _only_engine_of(impl, _import(impl, f"autograd_conformance.adapters.{impl}"))
    path, _, name = impl.partition(":")
    module = _import(impl, path)
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, Engine)):
        offered = ", ".join(each.__name__ for each in _engines_in(module)) or "none"
        raise pytest.UsageError(
            f"--impl={impl}: expected a subclass of autograd_conformance.Engine, got {found!r}; "
            f"engines in {path}: {offered}"
        )
    return found


def _only_engine_of(impl: str, module: ModuleType) -> type[Engine]:
    engines = _engines_in(module)
    if len(engines) != 1:
        raise pytest.UsageError(f"--impl={impl}: expected one Engine in {module.__name__}, found {engines}")
    return engines[0]


def _engines_in(module: ModuleType) -> list[type[Engine]]:
    own = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__]
    return [each for each in own if issubclass(each, Engine)]


def _import(impl: str, path: str) -> ModuleType:
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        raise pytest.UsageError(f"--impl={impl}: {error}" + _hint_for_missing(impl, path, error.name or "")) from error
    except Exception as error:  # the author's own error, shown as it is
        raise pytest.UsageError(f"--impl={impl}: importing {path} failed\n{_shown(error)}") from error


def _hint_for_missing(impl: str, path: str, missing: str) -> str:
    if path == missing or path.startswith(missing + "."):
        return f"; expected a module {path} that can be imported" + _hint_for_current_folder()
    if ":" not in impl:
        return f"; install the engine with: pip install 'autograd-conformance[{impl}]'"
    return f"; {path} imports it, install it in this environment"


def _hint_for_current_folder() -> str:
    return (
        ".\nAn adapter in the current folder is found by `python -m pytest ...`, not by `pytest ...`."
        f"\nKnown names: {', '.join(known_names())}"
    )


def _check_facts(impl: str, engine: type[Engine]) -> None:
    for fact in ("name", "version"):
        value = getattr(engine, fact)
        if not (isinstance(value, str) and value.strip()):
            raise pytest.UsageError(
                f"--impl={impl}: {engine.__name__}.{fact}: expected text that is not empty, got {value!r}"
            )
    for fact in ("dtypes", "devices"):
        value = getattr(engine, fact)
        if not (isinstance(value, tuple) and value and all(isinstance(each, str) for each in value)):
            raise pytest.UsageError(
                f"--impl={impl}: {engine.__name__}.{fact}: expected a tuple of names, such as ('cpu',), got {value!r}"
            )
    for group in (ALWAYS, VJP):
        if not engine.has(group):
            raise pytest.UsageError(
                f"--impl={impl}: {engine.__name__} lacks {_lacking(engine, group)}: without it nothing can be judged"
            )


def _lacking(engine: type[Engine], group: str) -> str:
    of = TAPE if group == VJP else group
    verbs = ", ".join(f"`{verb}`" for verb in GROUPS[of].verbs if getattr(engine, verb) is getattr(Engine, verb))
    return f"`vjp`, or these verbs of a tape: {verbs}" if group == VJP else verbs


def _shown(error: BaseException) -> str:
    """The error as its author wants to see it: without the frames of the import machinery and of this module."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "importlib" not in frame.filename and frame.filename != __file__]
    lines = traceback.format_list(own) + traceback.format_exception_only(error)
    if error.__cause__:  # Python 3.11 wraps what `template` raises
        lines += ["because of ", *traceback.format_exception_only(error.__cause__)]
    return "".join(lines).rstrip()
