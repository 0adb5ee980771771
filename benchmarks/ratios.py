"""Ratios of times measured in one run: to the floor, and to another engine. Never seconds: they are the machine's."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean
from typing import Any

FLOOR = "floor"


@dataclass(frozen=True)
class Limit:
    """`--impl-not-slower-than=torch:1.0`."""

    engine: str
    ratio: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        engine, _, ratio = text.rpartition(":")
        try:
            limit = cls(engine, float(ratio))
        except ValueError:
            limit = cls("", 0)
        if not engine or not limit.ratio > 0:
            raise argparse.ArgumentTypeError(f"expected ENGINE:RATIO, such as torch:1.0, got {text!r}")
        return limit

    def verdict(self, ratios: Sequence[Ratio]) -> str:
        """What a reader of the log sees last."""
        mean = mean_against(ratios, self.engine)
        if mean is None:
            return f"nothing was timed on both, so {self.engine}:{self.ratio:g} could not be checked: that is a failure"
        word = "above" if mean > self.ratio else "within"
        return f"geometric mean of the times to those of {self.engine}: {mean:.2f}, {word} the limit of {self.ratio:g}"


@dataclass(frozen=True)
class Ratio:
    """One engine on one workload and size: its time over those of the floor and of the other engines in the run."""

    workload: str
    size: int
    engine: str
    seconds: float
    over: Mapping[str, float]

    def line(self, limit: Limit | None) -> str:
        """A line of the summary."""
        named = [FLOOR, *([limit.engine] if limit else [])]
        figures = "  ".join(f"{self.over[name]:6.2f}" if name in self.over else "     -" for name in named)
        return f"{self.workload:18} {self.size:9,} {self.engine:10} {self.seconds * 1e6:12,.1f} µs  {figures}"


def ratios_of(timed: Iterable[Mapping[str, Any]]) -> list[Ratio]:
    """From the shortest times of a run, each with `workload`, `size`, `engine` and `min`."""
    cells: dict[tuple[str, int], dict[str, float]] = {}
    for each in timed:
        if "bytes" in each:  # measured for its memory
            continue
        cells.setdefault((each["workload"], each["size"]), {})[each["engine"]] = each["min"]
    return [
        Ratio(
            workload, size, engine, seconds, {name: seconds / other for name, other in times.items() if name != engine}
        )
        for (workload, size), times in cells.items()
        for engine, seconds in times.items()
        if engine != FLOOR
    ]


def peaks_of(timed: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The peak of memory of each engine, in bytes."""
    return {each["engine"]: each["bytes"] for each in timed if "bytes" in each}


def mean_against(ratios: Iterable[Ratio], engine: str) -> float | None:
    """The geometric mean over all workloads and sizes on which both were timed."""
    figures = [each.over[engine] for each in ratios if engine in each.over]
    return geometric_mean(figures) if figures else None


def over(ratios: Sequence[Ratio], limit: Limit) -> bool:
    """Whether the limit is broken; also when nothing could be compared."""
    mean = mean_against(ratios, limit.engine)
    return mean is None or mean > limit.ratio
