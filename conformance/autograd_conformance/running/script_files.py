"""Reproduction scripts as files, where a person finds them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from autograd_conformance.results import Result

DEFAULT_FOLDER = ".autograd-conformance"


def keep_scripts(config: pytest.Config, engine: str, results: Iterable[Result]) -> dict[str, str]:
    """Write the script of each failing clause, remove those of clauses that were judged and have none.

    Returns clause id -> path, as short as it can be said from the current folder.
    """
    given: Path | None = config.getoption("impl_scripts")
    folder = given or config.rootpath / DEFAULT_FOLDER / re.sub(r"[^\w.-]+", "_", engine)
    kept = {}
    for result in results:
        path = folder / f"{result.id}.py"
        script = result.counterexample.script if result.counterexample else None
        if script is None:
            path.unlink(missing_ok=True)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(script, "utf-8")
            kept[result.id] = _short(path, config.invocation_params.dir)
    return kept


def _short(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
