"""What a fresh process does with a case that ended another one: make it smaller, see where it ends, print its script.

`losses.py` starts such a process for each task, and expects most of them to die.  What they find is told as workers tell
it (`watch.py`); those that live write an answer.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeAlias

from autograd_conformance.clauses import Clause
from autograd_conformance.engine import Engine
from autograd_conformance.judge import show
from autograd_conformance.judging import cases
from autograd_conformance.judging.generation import smaller_like
from autograd_conformance.judging.trial import Trial
from autograd_conformance.judging.world import World
from autograd_conformance.profiles import seed_of
from autograd_conformance.running.jobs import Job, Task, note_place
from autograd_conformance.running.loading import load_engine
from autograd_conformance.running.watch import Watch
from autograd_conformance.scripts.fatal import End, FatalScript, Place, count_to_the_end

Answer: TypeAlias = dict[str, Any]


def main(job_file: str) -> None:
    """Do the job; there is an answer if, and only if, the process came so far."""
    job = Job(**json.loads(Path(job_file).read_text()))
    try:
        answer = _done(job)
    except Exception as error:  # noqa: BLE001  the verdict stands without an answer
        answer = {"problem": show(error)}
    unfinished = job.file("part")
    unfinished.write_text(json.dumps(answer))
    unfinished.replace(job.file("answer"))
    os._exit(0)  # at once: an engine may hang while Python tidies up


def _done(job: Job) -> Answer:
    watch = Watch(Path(job.folder), job.name, job.seconds)
    with watch.importing():
        engine = load_engine(job.impl, job.device)
        clause = _clause(job)
    tasks: Mapping[Task, Callable[[Job, Engine, Clause, Watch], Answer]] = {
        "smaller": _smaller,
        "count": _count,
        "script": _script,
    }
    with warnings.catch_warnings(action="ignore"):
        return tasks[job.task](job, engine, clause, watch)


def _smaller(job: Job, engine: Engine, clause: Clause, watch: Watch) -> Answer:
    """Try smaller cases, until one ends the process: the crumb says which."""
    end = time.monotonic() + job.budget
    with watch.clause(clause.id) as before_example, World(engine, clause.id) as world:
        trial = Trial(clause, engine, world, before_example)
        candidates = smaller_like(clause, engine, seed_of(clause.id, "default", 0))
        for candidate in candidates(cases.decode(job.case)):
            if world.spoiled or time.monotonic() > end:
                break
            trial.run_or_skip(candidate)
    return {}


def _count(job: Job, engine: Engine, clause: Clause, watch: Watch) -> Answer:
    """Run the case, and note each place; the last note says where it ended."""
    with watch.clause(clause.id) as before_example, job.file("place").open("wb", buffering=0) as notes:
        before_example(lambda: job.case, 1)
        count_to_the_end(engine, clause, cases.decode(job.case), partial(note_place, notes))
    return {"problem": "run again in a process of its own, the case does not end it"}


def _script(job: Job, engine: Engine, clause: Clause, watch: Watch) -> Answer:
    assert job.place is not None and job.end is not None
    with watch.clause(clause.id) as before_example:
        before_example(lambda: job.case, 1)
        made = FatalScript(engine, clause, cases.decode(job.case), Place(**job.place), End(**job.end))
    return {"script": made.text()}


def _clause(job: Job) -> Clause:
    functions = [each for each in vars(_module(*job.module)).values() if isinstance(each, FunctionType)]
    (found,) = (each for each in map(_clause_of, functions) if each and each.id == job.clause)
    return found


def _clause_of(function: FunctionType) -> Clause | None:
    found = vars(function).get("clause")
    return found if isinstance(found, Clause) else None


def _module(name: str, file: str) -> ModuleType:
    """By its name, as pytest imports it, or from its file where pytest made the name up."""
    if importlib.util.find_spec(name.partition(".")[0]) is not None:
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
