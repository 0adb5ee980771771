"""Recording on and off."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

import autograd_reference as torch


@pytest.fixture(autouse=True)
def recording() -> Iterator[None]:
    torch.set_grad_enabled(True)
    yield
    enabled = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    assert enabled


def test_blocks() -> None:
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        y = x * 2
        assert torch.ones(1, requires_grad=True).requires_grad
        with torch.enable_grad():
            assert (x * 2).requires_grad
        assert not torch.is_grad_enabled()
    assert not y.requires_grad and y.is_leaf


def test_restores_after_exceptions_and_nesting() -> None:
    with pytest.raises(KeyError), torch.no_grad(), torch.enable_grad(), torch.no_grad():
        raise KeyError
    assert torch.is_grad_enabled()


def test_plain_call() -> None:
    torch.set_grad_enabled(False)
    assert not torch.is_grad_enabled()
    with torch.set_grad_enabled(True):
        assert torch.is_grad_enabled()
    assert not torch.is_grad_enabled()
    torch.set_grad_enabled(True)


def test_one_object_entered_twice() -> None:
    for make in (torch.no_grad, lambda: torch.set_grad_enabled(False)):
        scope = make()
        with scope:
            with scope:
                assert not torch.is_grad_enabled()
            assert not torch.is_grad_enabled()
        assert torch.is_grad_enabled()
        with scope:
            assert not torch.is_grad_enabled()
        assert torch.is_grad_enabled()


def test_decorated_functions() -> None:
    @torch.no_grad()
    def recursive(depth: int) -> list[bool]:
        inner = recursive(depth - 1) if depth else []
        return [*inner, torch.is_grad_enabled()]

    @torch.no_grad
    def raising() -> None:
        raise KeyError

    @torch.set_grad_enabled(False)
    def switched() -> bool:
        return torch.is_grad_enabled()

    assert torch.is_grad_enabled() and recursive(2) == [False] * 3 and recursive.__name__ == "recursive"
    with pytest.raises(KeyError):
        raising()
    assert not switched() and not switched()


def test_decorated_generator() -> None:
    seen: list[tuple[bool, Any]] = []

    @torch.no_grad()
    def generate() -> Iterator[int]:
        try:
            while True:
                try:
                    what = yield len(seen)
                    seen.append((torch.is_grad_enabled(), what))
                except KeyError:
                    seen.append((torch.is_grad_enabled(), "thrown"))
        finally:
            seen.append((torch.is_grad_enabled(), "closed"))

    generator = generate()
    assert next(generator) == 0 and torch.is_grad_enabled()
    assert generator.send("sent") == 1 and torch.is_grad_enabled()
    assert generator.throw(KeyError()) == 2 and torch.is_grad_enabled()
    generator.close()
    assert [what for _, what in seen] == ["sent", "thrown", "closed"]
    assert not any(mode for mode, _ in seen)

    @torch.no_grad()
    def finishing() -> Iterator[int]:
        yield 1
        return 7

    def delegating() -> Iterator[int]:
        seen.append((True, (yield from finishing())))

    assert list(delegating()) == [1] and seen[-1] == (True, 7)


def test_decorated_coroutine() -> None:
    seen: list[bool] = []

    class Pause:
        def __await__(self) -> Iterator[None]:
            yield

    @torch.no_grad()
    async def compute(start: int) -> int:
        try:
            seen.append(torch.is_grad_enabled())
            await Pause()
        except KeyError:
            seen.append(torch.is_grad_enabled())
            await Pause()
        finally:
            seen.append(torch.is_grad_enabled())
        return start + 1

    async def awaiting() -> int:
        made: int = await compute(1)
        return made + 1

    coroutine = awaiting()
    coroutine.send(None)
    assert torch.is_grad_enabled()
    coroutine.throw(KeyError())
    assert torch.is_grad_enabled()
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    assert end.value.value == 3 and seen == [False] * 3 and torch.is_grad_enabled()


def test_scope_in_a_suspended_generator() -> None:
    def generate() -> Iterator[int]:
        with torch.no_grad():
            yield 1

    generator = generate()
    with torch.enable_grad():
        next(generator)
    list(generator)
    torch.set_grad_enabled(True)


def test_mode_belongs_to_the_thread() -> None:
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: (seen.append(torch.is_grad_enabled()), torch.set_grad_enabled(True)))
        thread.start()
        thread.join()
        assert seen == [True] and not torch.is_grad_enabled()


def test_backward_inside_no_grad() -> None:
    x = torch.ones(2, requires_grad=True)
    y = (x * 3).sum()
    with torch.no_grad():
        y.backward()
    assert x.grad.tolist() == [3, 3]
