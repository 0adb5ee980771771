"""Mutants that share between threads what belongs to one."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from planting import mutant

from autograd_conformance.adapters.reference import Reference
from autograd_reference import accumulate as accumulation
from autograd_reference import backward as walking
from autograd_reference.graph import Recorded
from autograd_reference.tensor import Tensor

THREADS = ("thread.*", "mode.*")


def share_between_passes(patch: pytest.MonkeyPatch, attribute: str, shared: Any) -> None:
    """All passes have this one list or dictionary; a pass that is refused leaves it empty.

    At every operation other threads may run, as in any engine whose kernels let them.
    """
    create, run, visit = walking.Pass.__init__, walking.Pass.run, walking.Pass.visit

    def share(walk: walking.Pass, *arguments: Any, **keywords: Any) -> None:
        create(walk, *arguments, **keywords)
        setattr(walk, attribute, shared)

    def run_and_clear(walk: walking.Pass) -> None:
        try:
            run(walk)
        except BaseException:
            shared.clear()
            raise

    def visit_in_turn(walk: walking.Pass, *arguments: Any) -> None:
        time.sleep(0)
        visit(walk, *arguments)

    patch.setattr(walking.Pass, "__init__", share)
    patch.setattr(walking.Pass, "run", run_and_clear)
    patch.setattr(walking.Pass, "visit", visit_in_turn)


@mutant(kills="thread.independent-graphs", may_fail=THREADS)
class PassesShareWhatIsToDo(Reference):
    """All passes of the process take their next operation from one list."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        share_between_passes(patch, "heap", [])


@mutant(kills="thread.independent-graphs", may_fail=THREADS)
class OnePassAtATime(Reference):
    """A pass that begins while another is being made does nothing."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        busy = threading.Lock()
        run = walking.Pass.run

        def run_if_free(walk: walking.Pass) -> None:
            if busy.acquire(blocking=False):
                try:
                    run(walk)
                finally:
                    busy.release()

        patch.setattr(walking.Pass, "run", run_if_free)


@mutant(kills="thread.shared-leaf", may_fail=(*THREADS, "accum.*"))
class UpdatesAreLost(Reference):
    """A sum is stored as read, added to and written back, without a lock."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def accumulate(tensor: Tensor, gradient: Any, exclusive: bool) -> None:
            stored = tensor._grad
            if stored is None or isinstance(gradient, Tensor):
                accumulation.accumulate(tensor, gradient, exclusive)
                return
            total = Tensor(stored._data + gradient)
            time.sleep(0)  # as in any engine whose kernels let other threads run
            total._storage.version = stored._version + 1
            tensor._grad = total

        patch.setattr(walking, "accumulate", accumulate)


@mutant(kills="thread.shared-leaf", may_fail=THREADS)
class FirstGradientsOverwriteEachOther(Reference):
    """Whether a leaf has a gradient is looked up before the lock is taken."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        def accumulate(tensor: Tensor, gradient: Any, exclusive: bool) -> None:
            if tensor._grad is None and not isinstance(gradient, Tensor):
                made = Tensor(accumulation.own(gradient, tensor._data, exclusive))
                time.sleep(0)
                tensor._grad = made
            else:
                accumulation.accumulate(tensor, gradient, exclusive)

        patch.setattr(walking, "accumulate", accumulate)


@mutant(kills="thread.retained-graph", may_fail=THREADS)
class ArrivalsAreKeptOnTheGraph(Reference):
    """What has arrived at an operation is kept with it, and not with the pass."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        share_between_passes(patch, "arrived", {})


@mutant(kills="thread.retained-graph", may_fail=THREADS)
class SavedValuesAreTakenOut(Reference):
    """While an operation is differentiated, its saved values are taken out of the graph."""

    @staticmethod
    def plant(patch: pytest.MonkeyPatch) -> None:
        frame = Recorded.frame

        def take_out(node: Recorded) -> list[Any]:
            values = frame(node)
            saved, node.saved = node.saved, None
            time.sleep(0)
            node.saved = saved
            return values

        patch.setattr(Recorded, "frame", take_out)


@mutant(kills="thread.exceptions")
class ErrorsStayInThreads(Reference):
    """An error of a pass that is not made in the main thread is lost."""

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        try:
            super().backward(outputs, cotangents)
        except RuntimeError:
            if threading.current_thread() is threading.main_thread():
                raise


@mutant(kills="thread.exceptions", may_fail=("thread.*",))
class ErrorsReachAnotherThread(Reference):
    """An error of a pass outside of the main thread is raised by the next pass of some other thread."""

    pending: list[tuple[Any, BaseException]] = []  # noqa: RUF012  of the process, which is the fault

    def backward(self, outputs: Any, cotangents: Any = None) -> None:
        this = threading.current_thread()
        if self.pending and self.pending[0][0] is not this:
            raise self.pending.pop()[1]
        try:
            super().backward(outputs, cotangents)
        except RuntimeError as error:
            if this is threading.main_thread():
                raise
            self.pending[:] = [(this, error)]
