"""Scripts of clauses on lifetimes and on threads, and what the recording keeps alive."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from script_support import a_clause, error_of, script_of

from autograd_conformance.adapters.reference import Reference
from autograd_conformance.adapters.torch import Torch
from autograd_conformance.engine import Engine
from autograd_conformance.judge import equal
from autograd_conformance.programs.program import Input, Program, Step
from autograd_conformance.scripts.clean_process import run_cleanly
from autograd_conformance.scripts.recording import GONE, Recorder
from autograd_conformance.scripts.rerun import NotReproduced
from autograd_conformance.threads import in_threads
from autograd_spec import test_mem, test_thread

PRODUCT = Program(
    "float32", (Input((2,)), Input((2,))), (Step("multiply", (0, 1)), Step("negative", (2,))), (3,), seed=3
)
ONE = np.array(1.0, np.float32)


class KeepsLeaves(Torch):
    """Keeps every leaf."""

    tensor = lambda self, array, *, requires_grad=False: _kept(torch.tensor(array, requires_grad=requires_grad))


_leaves: list[Any] = []


def _kept(leaf: Any) -> Any:
    _leaves.append(leaf)
    return leaf


class LosesInThreads(Torch):
    """Outside of the main thread a pass does nothing."""

    backward = lambda self, outputs, cotangents=None: _backward(outputs, cotangents)


def _backward(outputs: Any, cotangents: Any) -> None:
    if threading.current_thread() is threading.main_thread():
        torch.autograd.backward(outputs, cotangents)


def test_a_leak_has_a_script_that_deletes_what_the_clause_let_go_of() -> None:
    text = script_of(KeepsLeaves(), test_mem.test_dropped_is_freed, program=PRODUCT, passes="a pass")
    assert "weakref.ref(" in text and "del " in text and "gc.collect()" in text
    run = run_cleanly(text)
    assert run.returncode == 1 and "expected False, got True" in run.stderr
    assert run_cleanly(text.replace("_leaves.append(leaf)", "pass")).stdout == "holds\n"


def test_threads_are_printed() -> None:
    text = script_of(LosesInThreads(), test_thread.test_shared_leaf, program=PRODUCT, threads=2)
    assert "threading.Thread(" in text and "in_threads(f0, f1)" in text
    run = run_cleanly(text)
    assert run.returncode == 1 and "expected a gradient, got None" in run.stderr
    right = text.replace("threading.current_thread() is threading.main_thread()", "True")
    assert run_cleanly(right).stdout == "holds\n"


def test_what_may_keep_something_alive_stays() -> None:
    def test(engine: Engine) -> None:
        leaf = engine.tensor(ONE, requires_grad=True)
        held = [engine.apply("multiply", leaf, leaf)]
        reference = engine.weak_reference(leaf)
        del leaf
        equal("whether the leaf is alive", reference() is not None, True)
        held.clear()

    text = script_of(Copying(), a_clause(test))
    assert "expected True, got False" in error_of(text)
    assert error_of(text.replace("x0.detach() * x0.detach()", "x0 * x0")) == ""


class Copying(Torch):
    """A product that knows nothing of its operands."""

    operators = {**Torch.operators, "multiply": "x.detach() * y.detach()"}  # noqa: RUF012


def test_threads_of_the_clauses_own_have_no_script() -> None:
    """It would do one after the other, in one thread, what they did: and fail on engines that are right."""

    def test(engine: Engine) -> None:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(engine.set_grad_enabled, False).result()
            made = thread.submit(engine.apply, "add", *[engine.tensor(ONE, requires_grad=True)] * 2).result()
        equal("whether it requires gradients", engine.requires_grad(made), True)

    with pytest.raises(NotReproduced, match="threads of its own"):
        script_of(Torch(), a_clause(test))


def generates(engine: Engine) -> Any:
    def body() -> Any:
        yield 1

    return engine.no_grad_function(body)().send


def calls_itself(engine: Engine) -> Any:
    def body(again: Any) -> None:
        if rest.pop():
            again(again)

    rest = [False, True]
    decorated = engine.no_grad_function(lambda x: body(lambda _: decorated(x)))
    return decorated


@pytest.mark.parametrize(("use", "why"), [(generates, "a generator function"), (calls_itself, "calls itself")])
def test_what_no_script_can_tell_is_said(use: Any, why: str) -> None:
    def test(engine: Engine) -> None:
        leaf = engine.tensor(ONE, requires_grad=True)
        with contextlib.suppress(AttributeError, TypeError):  # of a recording, which hands out no generator
            use(engine)(leaf)
        equal("whether it requires gradients", engine.requires_grad(leaf), False)

    with pytest.raises(NotReproduced, match=why):
        script_of(Torch(), a_clause(test))


@pytest.mark.parametrize("engine", [Torch, Reference])
def test_the_recording_keeps_no_tensor_alive(engine: type[Engine]) -> None:
    recorder = Recorder(engine())
    leaf = recorder.tensor(ONE, requires_grad=True)
    reference = recorder.weak_reference(leaf)
    assert reference() is not None
    del leaf
    gc.collect()
    assert reference() is None
    [(call, slot), *_] = recorder.results
    assert call.name == "tensor" and slot.value is GONE and slot.died is not None


def test_a_recording_that_keeps_tensors_frees_them_when_it_goes() -> None:
    recorder = Recorder(Torch(), keeps_tensors=True)
    reference = weakref.ref(recorder.tensor(ONE).value)
    assert reference() is not None
    del recorder
    gc.collect()
    assert reference() is None


# ---- several functions at once ----
def test_functions_run_at_once_and_each_in_a_thread() -> None:
    together = threading.Barrier(3, timeout=10)
    seen: set[threading.Thread] = set()

    def meet() -> None:
        together.wait()
        seen.add(threading.current_thread())

    interval = sys.getswitchinterval()
    in_threads(meet, meet, meet)
    assert len(seen) == 3 and threading.main_thread() not in seen
    assert sys.getswitchinterval() == interval


def test_the_first_function_that_raises_is_heard_when_all_are_done() -> None:
    done: list[str] = []

    def fail(kind: type[Exception]) -> None:
        raise kind

    with pytest.raises(KeyError):
        in_threads(lambda: done.append("one"), lambda: fail(KeyError), lambda: fail(ValueError))
    assert done == ["one"]


def test_each_thread_has_its_own_part_of_the_recording() -> None:
    recorder = Recorder(Torch())
    leaf = recorder.tensor(ONE, requires_grad=True)

    def work() -> None:
        for _ in range(50):
            recorder.apply("add", leaf, leaf)

    recorder.in_threads(work, work)
    last = recorder.steps[-1]
    assert len(recorder.steps) == 2
    assert [len(each.calls[0].body) for each in last.arguments] == [50, 50]  # type: ignore[union-attr]
    assert recorder.used == recorder.engine.used == {"add": 100}
