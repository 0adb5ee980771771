"""Anomaly mode: every node notes where the program recorded it, and a pass that meets NaN says where that was."""

from __future__ import annotations

import traceback
from typing import Any

from .caller import callers_frame, warn
from .node import EVERY_NODE, Gradients, Node, noted, observers, watched

UNKNOWN = "(unknown: the node was recorded before anomaly mode was switched on)\n"


def is_anomaly_enabled() -> bool:
    """Whether nodes note where they are recorded."""
    return EVERY_NODE in watched


def is_anomaly_check_nan_enabled() -> bool:
    """Whether a pass raises when a derivative is NaN."""
    return bool(watched.get(EVERY_NODE))


class set_detect_anomaly:
    """Switch anomaly mode on or off, at once and until changed, or to the end of a `with` block.

    While it is on, an error in a pass is preceded by a warning that shows the lines that recorded the node; and with
    `check_nan` a derivative that is NaN is a RuntimeError. Infinite ones are not.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.found = watched.get(EVERY_NODE)
        switch(check_nan if mode else None)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        switch(self.found)


class detect_anomaly(set_detect_anomaly):
    """A block in anomaly mode. It warns that it is slow."""

    def __init__(self, check_nan: bool = True) -> None:
        text = "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for debugging."
        warn(text)
        super().__init__(True, check_nan)


def switch(check_nan: bool | None) -> None:
    """Anomaly mode off, for None, or on."""
    watched.pop(EVERY_NODE, None)
    if note_place in observers:
        observers.remove(note_place)
    if check_nan is not None:
        watched[EVERY_NODE] = check_nan
        observers.append(note_place)


def note_place(node: Node) -> None:
    """Keep the lines of the program that are being run, without those of the engine."""
    noted(node).metadata["traceback_"] = traceback.format_stack(callers_frame()[0])


def run(node: Node, arrived: list[Any], needed: set[Node] | None, create_graph: bool) -> Gradients:
    """Run a node; what goes wrong is blamed on the line that recorded it."""
    try:
        gradients = node.gradients(arrived, needed, create_graph)
        for position, gradient in enumerate(gradients) if watched.get(EVERY_NODE) else ():
            if gradient is not None and gradient.isnan().any():
                raise RuntimeError(f"Function '{node.name()}' returned nan values in its {position}th output.")
    except Exception:
        lines = noted(node).metadata.get("traceback_", [UNKNOWN])
        text = f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n{''.join(lines)}"
        warn(text)
        raise
    return gradients
