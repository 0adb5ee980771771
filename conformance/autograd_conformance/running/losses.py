"""What is found out about a case that ended its process: a smaller one that does, and a script.

The process is gone, so each question is put to a fresh one, under the same time limit, and answered by how that one ends
(`lost_case.py`).  Looking for smaller cases costs a process for each that is found, and the whole limit if it hangs: there
is a budget for that, for one case and for the run, and for a hang it is no more than a handful of limits.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from autograd_conformance.judging import cases
from autograd_conformance.results import Counterexample, Result
from autograd_conformance.running.jobs import Job, Task, place_of
from autograd_conformance.running.sitting import Sitting
from autograd_conformance.running.watch import IMPORT_SECONDS, LastWords, read_last_words
from autograd_conformance.scripts.fatal import End

SECONDS_FOR_ONE = 60.0
SECONDS_FOR_ALL = 300.0
"""For making cases smaller, in one run."""
LIMITS_FOR_A_HANG = 5
_START = (
    "import json, sys; job = sys.argv[1]; sys.path[:] = json.load(open(job))['path']; "
    "from autograd_conformance.running.lost_case import main; main(job)"
)


@dataclass(frozen=True)
class Outcome:
    """How a process ended that was to do a job."""

    job: Job
    status: int
    answer: dict[str, Any] | None
    """None: it died before it had one."""
    words: LastWords


class Losses:
    """Finds out about the cases that ended processes of a run."""

    def __init__(self, folder: Path, impl: str, seconds: float) -> None:
        self._folder, self._impl, self._seconds = folder, impl, seconds
        self._jobs = 0
        self._left = SECONDS_FOR_ALL

    def examined(self, result: Result, sitting: Sitting) -> Result:
        """`result`, a crash or a timeout in an example, with a smaller case (where it is news) and a script."""
        example = result.counterexample
        assert example is not None
        smallest = example.case if result.verdict == "known" else self._smallest(result, example, sitting)
        script, problem = self._script(result, replace(example, case=smallest), sitting)
        if script is None and smallest != example.case:  # what several cases did together, one may not do
            smallest = example.case
            script, problem = self._script(result, example, sitting)
        text = cases.describe(cases.decode(smallest))
        notes = result.notes if script else {**result.notes, f"no script: {problem}": 1}
        return replace(result, notes=notes, counterexample=replace(example, case=smallest, text=text, script=script))

    # ---- a smaller case ----
    def _smallest(self, result: Result, example: Counterexample, sitting: Sitting) -> dict[str, Any]:
        case, budget, worst = example.case, min(SECONDS_FOR_ONE, self._left), 0.0
        if example.kind == "timeout":
            budget, worst = min(budget, LIMITS_FOR_A_HANG * self._seconds), self._seconds
        end = time.monotonic() + budget
        while (left := end - time.monotonic()) > worst:
            outcome = self._outcome("smaller", result, case, sitting, budget=left - worst)
            if not _ends_alike(outcome, example) or outcome.words.case is None:
                break
            case = outcome.words.case
        self._left -= budget - max(0.0, end - time.monotonic())
        return case

    # ---- a script ----
    def _script(self, result: Result, example: Counterexample, sitting: Sitting) -> tuple[str | None, str]:
        """The script, or None and why there is none."""
        counted = self._outcome("count", result, example.case, sitting)
        place = place_of(counted.job)
        if counted.answer is not None:
            return None, counted.answer["problem"]
        if place is None or not _ends_alike(counted, example):
            return None, f"run again in a process of its own, the case ends it in another way: {counted.words.cause}"
        end = End(example.got, counted.status, self._seconds if example.kind == "timeout" else None)
        printed = self._outcome("script", result, example.case, sitting, place=asdict(place), end=asdict(end))
        if printed.answer is None:
            return None, f"it ended a third process before it could be printed: {printed.words.cause}"
        return printed.answer.get("script"), printed.answer.get("problem", "")

    # ---- processes ----
    def _outcome(self, task: Task, result: Result, case: dict[str, Any], sitting: Sitting, **more: Any) -> Outcome:
        self._jobs += 1
        module, device = sitting.modules[result.id], sitting.engine.device
        where = (str(self._folder), f"lost{self._jobs}", sitting.path)
        job = Job(task, *where, self._impl, device, result.id, module, case, self._seconds, **more)
        status = _ended([sys.executable, "-c", _START, str(job.save())], 2 * IMPORT_SECONDS + 10 * self._seconds)
        answer = job.file("answer")
        found = json.loads(answer.read_text()) if answer.exists() else None
        return Outcome(job, status, found, read_last_words(self._folder, job.name))


def _ended(command: list[str], seconds: float) -> int:
    """The exit status of a process that may not take longer."""
    try:
        null = subprocess.DEVNULL
        return subprocess.run(command, stdin=null, stdout=null, stderr=null, timeout=seconds, check=False).returncode
    except subprocess.TimeoutExpired:
        return 1


def _ends_alike(outcome: Outcome, example: Counterexample) -> bool:
    words = outcome.words
    return outcome.answer is None and (words.verdict, words.cause) == (example.kind, example.got)
