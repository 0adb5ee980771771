"""Passes at their limits: modes, exceptions, missing rules, nothing to pass, threads, depth."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_reference as torch
from autograd_reference import rules
from autograd_reference.definition import Operator
from autograd_reference.graph import apply


def leaf(*shape: int) -> torch.Tensor:
    return torch.arange(1.0, 1.0 + int(np.prod(shape))).reshape(shape).detach().requires_grad_()


def test_mode_during_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def rule(g: Any) -> Any:
        seen.append(torch.is_grad_enabled())
        return -g

    x = leaf(2)
    monkeypatch.setitem(rules.NEG.rules, "x", rule)
    monkeypatch.setattr(rules.NEG, "plans", {})
    y = -x
    torch.autograd.grad(y.sum(), x, retain_graph=True)
    with torch.no_grad():
        torch.autograd.grad(y, x, torch.ones(2), create_graph=True)
        assert not torch.is_grad_enabled()
    assert seen == [False, True] and torch.is_grad_enabled()


def test_exception_in_a_rule_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(g: Any) -> Any:
        raise KeyError("planted")

    x = leaf(2)
    monkeypatch.setitem(rules.NEG.rules, "x", rule)
    monkeypatch.setattr(rules.NEG, "plans", {})
    y = (-x).sum()
    with pytest.raises(KeyError):
        y.backward()
    assert torch.is_grad_enabled() and x.grad is None


def test_missing_rule() -> None:
    half = Operator("half_a_product", lambda x, y: x * y, "x y", x=lambda g, y: g * y)
    with pytest.raises(NotImplementedError, match="half_a_product has no derivative with respect to its operand 1"):
        apply(half, (leaf(2), leaf(2)))


def test_empty_tensors() -> None:
    x, y = torch.zeros(0, 3, requires_grad=True), leaf(3)
    ((x * y).sum() + x.mean(0).sum() * 0).backward()
    assert x.grad.shape == (0, 3) and y.grad.tolist() == [0, 0, 0]


def test_threads_share_leaf_and_graph() -> None:
    x = leaf(1000)
    y = (x * x).sum()

    def work() -> None:
        for _ in range(50):
            y.backward(retain_graph=True)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x.grad.tolist() == (x.detach() * 400).tolist()


DEEP = """
import autograd_reference as torch
x = torch.ones(1, requires_grad=True)
y = torch.ones(1, requires_grad=True)
z = x
for _ in range(500_000):
    z = z + y
    z = z * y
z.backward()
del z
assert x.grad.item() == 1 and y.grad.item() > 500_000
"""


def test_deep_chain() -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(torch.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", DEEP], capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_root_that_is_a_leaf_and_is_not_named_does_not_accumulate() -> None:
    x, y = leaf(3), leaf(3)
    ones = torch.ones_like(x)
    torch.autograd.backward([x, y], [ones, ones], inputs=[x])
    assert x.grad.tolist() == [1, 1, 1] and y.grad is None
    assert [each.tolist() for each in torch.autograd.grad([x, y], [x], [ones, ones])] == [[1, 1, 1]]
    assert y.grad is None
