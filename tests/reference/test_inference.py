"""Inference mode, on the reference and on torch: what holds of one holds of the other."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

import autograd_reference

ENGINES = {"reference": autograd_reference, "torch": torch}


@pytest.fixture(params=ENGINES)
def lib(request: pytest.FixtureRequest) -> Any:
    return ENGINES[request.param]


def inferred(lib: Any) -> Any:
    with lib.inference_mode():
        return lib.ones(3)


def test_marks(lib: Any) -> None:
    x = lib.ones(3, requires_grad=True)
    with lib.inference_mode():
        y = x * 2
        assert y.is_inference() and not y.requires_grad
        y.add_(1)
    with pytest.raises(RuntimeError):
        _ = y._version
    assert not x.is_inference()


REFUSED: dict[str, Callable[[Any, Any], object]] = {
    "written": lambda lib, t: t.add_(1),
    "made to require gradients": lambda lib, t: t.requires_grad_(),
    "saved": lambda lib, t: lib.ones(3, requires_grad=True) * t,
}


@pytest.mark.parametrize("what", REFUSED)
def test_outside_it_cannot_be(lib: Any, what: str) -> None:
    """And nothing has changed (torch writes, and then refuses); a clone can."""
    t = inferred(lib)
    with pytest.raises(RuntimeError):
        REFUSED[what](lib, t)
    assert not t.requires_grad and (lib is torch or t.tolist() == [1, 1, 1])
    REFUSED[what](lib, t.clone())


def test_it_takes_part_where_it_is_not_saved(lib: Any) -> None:
    x = lib.ones(3, requires_grad=True)
    (x + inferred(lib)).sum().backward()
    assert x.grad.tolist() == [1, 1, 1]


def test_views(lib: Any) -> None:
    base, t = lib.ones(4), inferred(lib)
    with lib.inference_mode():
        assert not base[:2].is_inference()
    assert t[:2].is_inference() and not (t * 2).is_inference()


def test_a_write_to_an_unmarked_tensor_counts(lib: Any) -> None:
    y = lib.ones(3, requires_grad=True) * 2
    z = y * y
    with lib.inference_mode():
        y.add_(1)
    assert y._version == 1
    with pytest.raises(RuntimeError):
        z.sum().backward()


def test_modes_inside(lib: Any) -> None:
    x = lib.ones(3, requires_grad=True)
    with lib.inference_mode():
        with lib.enable_grad():
            assert lib.is_grad_enabled() and not (x * 2).requires_grad
        assert not lib.is_grad_enabled() and lib.is_inference_mode_enabled()
        with lib.inference_mode(False):
            assert lib.is_grad_enabled() and (x * 2).requires_grad
        lib.set_grad_enabled(True)
        assert lib.is_grad_enabled() and not (x * 2).requires_grad
    assert lib.is_grad_enabled() and not lib.is_inference_mode_enabled() and (x * 2).requires_grad


def test_restored_after_an_exception(lib: Any) -> None:
    with pytest.raises(KeyError), lib.no_grad(), lib.inference_mode():
        raise KeyError
    assert lib.is_grad_enabled() and not lib.is_inference_mode_enabled()


def test_decorators(lib: Any) -> None:
    @lib.inference_mode()
    def called() -> bool:
        return bool(lib.ones(1).is_inference())

    @lib.inference_mode
    def bare() -> bool:
        return bool(lib.ones(1).is_inference())

    @lib.inference_mode()
    def generated() -> Any:
        yield lib.ones(1).is_inference()

    assert called() and bare() and not lib.is_inference_mode_enabled()
    for inside in generated():
        assert inside and not lib.is_inference_mode_enabled()
