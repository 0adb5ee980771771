"""What a process is told that looks at a case which ended another one, and what it leaves if it ends as well."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias

from autograd_conformance.scripts.fatal import Place

Task: TypeAlias = Literal["smaller", "count", "script"]


@dataclass(frozen=True)
class Job:
    """What one process is to do; JSON-able."""

    task: Task
    folder: str
    name: str
    """Its files in `folder` begin with this."""
    path: list[str]
    """Where to find modules."""
    impl: str
    device: str
    clause: str
    module: tuple[str, str]
    """Name and file."""
    case: dict[str, Any]
    """Encoded."""
    seconds: float
    """The longest that one run of the case may take."""
    budget: float = 0.0
    """How long to look for smaller cases."""
    place: dict[str, Any] | None = None
    end: dict[str, Any] | None = None
    """For the script: what was found out about where and how the process ends."""

    def file(self, kind: str) -> Path:
        return Path(self.folder, f"{self.name}.{kind}")

    def save(self) -> Path:
        self.file("job").write_text(json.dumps(asdict(self)))
        return self.file("job")


def note_place(notes: IO[bytes], place: Place) -> None:
    """Before it is reached: one call, so that a crash cannot fall inside it."""
    notes.seek(0)
    notes.write(b"%-32d%-32b" % (place.number, place.stage.encode()))


def place_of(job: Job) -> Place | None:
    """The last place that the process of a `count` noted; None: it did not come so far."""
    if not job.file("place").exists() or not (number := job.file("place").read_bytes()[:32].strip()):
        return None
    stage: Any = job.file("place").read_bytes()[32:].strip().decode()
    return Place(int(number), stage)
