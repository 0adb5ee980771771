"""What a run is about, as the process that judges tells it to the process that gathers; neither needs the other's work."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from autograd_conformance.engine import Engine
from autograd_conformance.judging.expectations import Expectation, ExpectationsError, load
from autograd_conformance.results import Result


@dataclass(frozen=True)
class EngineFacts:
    """The engine as reports name it."""

    name: str
    version: str
    url: str
    device: str
    dtypes: list[str]
    operators: list[str]

    @classmethod
    def of(cls, engine: Engine) -> EngineFacts:
        facts = engine.name, engine.version, engine.url, engine.device
        return cls(*facts, list(engine.dtypes), sorted(engine.operators))


@dataclass(frozen=True)
class Sitting:
    """What a process is about to judge: said before the first clause, for those who must account for every one."""

    engine: EngineFacts
    clauses: dict[str, Result]
    """Node id -> a result yet to be judged; never a good one, whatever happens to it."""
    existing: list[str]
    """Ids of all clauses that are known to exist, selected or not."""
    deselected: int
    modules: dict[str, tuple[str, str]]
    """Clause id -> name and file of the module that it was collected from."""
    path: list[str]
    """Where the process finds modules: to judge a clause again, another must find the same."""

    def write(self, folder: Path, worker: str) -> None:
        (folder / f"{worker}.sitting").write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: Path, worker: str) -> Sitting | None:
        """None: the worker has not come so far."""
        path = folder / f"{worker}.sitting"
        if not path.exists():
            return None
        data = json.loads(path.read_text())
        clauses = {node: Result.from_json(blank) for node, blank in data["clauses"].items()}
        modules = {id: (name, file) for id, (name, file) in data["modules"].items()}
        return cls(**{**data, "engine": EngineFacts(**data["engine"]), "clauses": clauses, "modules": modules})


def expectations_for(config: pytest.Config, engine: str, existing: Collection[str]) -> Mapping[str, Expectation]:
    """What `--impl-expect` says of `engine`; nothing, without it."""
    path = config.getoption("impl_expect")
    if path is None:
        return {}
    try:
        return load(path, engine, existing)
    except ExpectationsError as error:
        raise pytest.UsageError(f"--impl-expect: {error}") from error
