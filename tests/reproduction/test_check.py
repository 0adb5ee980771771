"""`--impl-check` finds every sort of broken adapter, and does not blame an adapter for its engine."""

from __future__ import annotations

import broken_adapters
import pytest
from scalars import Scalars

from autograd_conformance.adapters.autograd import Autograd
from autograd_conformance.adapters.mygrad import MyGrad
from autograd_conformance.adapters.torch import Torch
from autograd_conformance.checks.check import check, run_check
from autograd_conformance.engine import Engine
from autograd_conformance.spelling import template

BROKEN = {
    "Nameless": ("name", "not empty"),
    "UnknownDtype": ("dtypes", "float33"),
    "AliasingWhatIsNot": ("aliasing", "not spelled"),
    "AliasingAnOperatorThatIsNoView": ("aliasing", "can be no view"),
    "MissingName": ("text of detach", "speaks of Valeu"),
    "WrongParameters": ("text of sum", "sum(x, axis=..., keepdims=...)"),
    "Catches": ("text of backward", "catches exceptions"),
    "CatchesInAHelper": ("text of add", "catches exceptions"),
    "Retries": ("text of backward", "loops"),
    "Remembers": ("text of backward", "keeps state"),
    "RemembersInAModule": ("state", "TAPE of module broken_adapters"),
    "RemembersInADefault": ("state", "tensor of class RemembersInADefault"),
    "Interferes": ("machinery", "its own apply"),
    "Repairs": ("text of grad", "in the place of what the engine does not have"),
    "ChangesDtype": ("round trip of float64, shape ()", "comes back as float32"),
    "ChangesShape": ("round trip of float64, shape ()", "comes back with shape (1,)"),
    "Shares": ("copied in", "`tensor` copies"),
    "WrongOperator": ("subtract", "x - y, broadcast: expected"),
    "MisspelledCall": ("negative", "`x.negated()`; correct the spelling"),
    "GradientNowhere": ("backward without cotangents", "there is no gradient"),
    "NotABlock": ("no_grad", "`with` can enter"),
    "SpeaksOfItself": ("text of backward", "passes 'self' on"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_adapter_is_told_what_to_do(name: str) -> None:
    subject, advice = BROKEN[name]
    engine: Engine = getattr(broken_adapters, name)()
    lines: list[str] = []
    assert run_check(engine, lines.append) == 1
    [line] = [line for line in lines if line.startswith(f"BROKEN  {subject}:")]
    assert advice in line


@pytest.mark.parametrize("name", ["EngineWrong", "EngineRaises"])
def test_engine_at_fault_is_not_the_adapter(name: str) -> None:
    lines: list[str] = []
    assert run_check(getattr(broken_adapters, name)(), lines.append) == 0
    at_fault = [line for line in lines if line.startswith("ENGINE")]
    assert any("backward without cotangents" in line and "go on with the run" in line for line in at_fault)


@pytest.mark.parametrize("adapter", [Torch, MyGrad, Autograd])
def test_sound_adapter(adapter: type[Engine]) -> None:
    outcomes = check(adapter())
    assert [str(outcome) for outcome in outcomes if outcome.status != "ok"] == []
    assert {"state", "reproduction script", "vjp", "multiply"} <= {outcome.subject for outcome in outcomes}


def test_half_a_capability_is_mentioned() -> None:
    class Half(Engine):
        name, version, url = "half", "1", "https://example.org"
        operators = {"add": "x + y"}  # noqa: RUF012  the contract's own spelling
        tensor = template("array.copy()")
        array = template("t.copy()")
        grad = template("t.grad")
        detach = template("t.copy()")

    notes = [str(outcome) for outcome in check(Half()) if outcome.status == "note"]
    assert any(
        "tape: grad, detach: spelled but not counted, without backward, requires_grad, is_leaf" in n for n in notes
    )


def test_engine_without_a_flag_is_no_broken_adapter() -> None:
    """micrograd has no tensors that require no gradient: the adapter says so, and it is the engine's affair."""
    outcomes = check(Scalars())
    assert [outcome.subject for outcome in outcomes if outcome.status == "ENGINE"] == ["requires_grad"]
    assert not any(outcome.status == "BROKEN" for outcome in outcomes)
