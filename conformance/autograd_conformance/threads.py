"""Several functions at once, each in a thread of its own; copied into reproduction scripts as it is."""

import sys
import threading
from collections.abc import Callable

SWITCH_SECONDS = 1e-6
"""How long a thread runs before another may: short, so that they meet inside an operation of the engine."""


def in_threads(*functions: Callable[[], object]) -> None:
    """Run the functions at once and wait for all; raises the error of the first of them that raised."""
    start = threading.Barrier(len(functions))
    errors: dict[int, BaseException] = {}

    def run(number: int) -> None:
        start.wait()
        try:
            functions[number]()
        except BaseException as error:  # noqa: BLE001  it is raised again where all are waited for
            errors[number] = error

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(functions))]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    if errors:
        raise errors[min(errors)]
