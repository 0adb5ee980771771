"""Saved values in users' hands: packed when they are saved, unpacked when a derivative needs them.

with saved_tensors_hooks(lambda x: x.half(), lambda x: x.float()):
    y = x * x
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from .graph import RELEASED, Recorded
from .modes import no_grad
from .naming import itself
from .node import UNWRITTEN, Packed, Saved, observers
from .tensor import Tensor

Pack = Callable[[Tensor], Any]
Unpack = Callable[[Any], Tensor]


class Scopes(threading.local):
    """The hooks that this thread is in, the innermost last; and why it may not enter any, if it may not."""

    forbidden: str | None = None

    def __init__(self) -> None:
        self.hooks: list[tuple[Pack, Unpack]] = []


scopes = Scopes()


class saved_tensors_hooks:
    """A block in which tensors that are saved for a derivative are given to `pack_hook`, and what it returns is kept.

    `unpack_hook` makes a tensor of that again, each time it is needed. Of nested blocks the innermost counts.
    RuntimeError: `pack_hook` wrote its argument; the block is entered where that is disabled. TypeError: `unpack_hook`
    returned no tensor.
    """

    def __init__(self, pack_hook: Pack, unpack_hook: Unpack) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        if scopes.forbidden is not None:
            raise RuntimeError(scopes.forbidden)
        scopes.hooks.append((self.pack_hook, self.unpack_hook))
        observers.append(pack)

    def __exit__(self, *error: object) -> None:
        observers.remove(pack)
        scopes.hooks.pop()


def pack(node: Any) -> None:
    """Pack what a node has saved and has not packed yet."""
    if scopes.hooks and node.saved:
        for place, (data, *_) in enumerate(node.saved):
            if isinstance(data, torch.Tensor):
                node.saved[place] = packed(*scopes.hooks[-1], node, place)


def packed(pack_hook: Pack, unpack_hook: Unpack, node: Any, place: int) -> Saved:
    """A saved value in its packed form, whose version is never the right one: so whoever needs it unpacks it."""
    _, storage, before = node.saved[place]
    with no_grad():
        kept = pack_hook(original(node, place))
    if storage.version != before:
        raise RuntimeError(
            "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook cannot be "
            "modified by in-place operations as this can lead to unexpected side-effects. Pack a clone()."
        )
    return Packed(kept, unpack_hook, storage), UNWRITTEN, -1


def original(node: Any, place: int) -> Tensor:
    """What a node has saved, with its history."""
    saved = node.saved[place]
    is_recorded = isinstance(node, Recorded)
    x: Tensor = (
        itself(node.with_history(place, *saved[:2])) if is_recorded else node.unpack(place, saved, node.origins[place])
    )
    return x


class SavedTensor:
    """One value that a node has saved, as `_raw_saved_self` and the like."""

    def __init__(self, node: Any, place: int) -> None:
        self.node = node
        self.place = place

    def register_hooks(self, pack_hook: Pack, unpack_hook: Unpack) -> None:
        """Pack the value now, and unpack it each time it is needed. RuntimeError: it is packed already, or released."""
        if not self.node.saved:
            raise RuntimeError(f"Calling register_hooks on a saved tensor after it has been freed. {RELEASED}")
        if not isinstance(self.node.saved[self.place][0], torch.Tensor):
            raise RuntimeError("Calling register_hooks on a saved tensor whose hooks have already been set.")  # noqa: TRY004
        self.node.saved[self.place] = packed(pack_hook, unpack_hook, self.node, self.place)


class save_on_cpu(saved_tensors_hooks):
    """A block in which saved tensors are kept in the memory of the CPU, in pages that are not swapped if `pin_memory`."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        def pack_hook(x: Tensor) -> tuple[torch.device, torch.Tensor]:
            copy = torch.empty_like(x._data, device="cpu", pin_memory=pin_memory and x.device.type == device_type)
            return x.device, copy.copy_(x._data)

        super().__init__(pack_hook, lambda kept: Tensor(kept[1].to(kept[0])))


def allow_mutation_on_saved_tensors() -> saved_tensors_hooks:
    """A block in which tensors may be written after they were saved: derivatives use the values of the time.

    They are copied when they are saved, whether they are written later or not.
    """
    return saved_tensors_hooks(lambda x: x.clone(), lambda x: x)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """A block in which entering `saved_tensors_hooks` is a RuntimeError with this message. So is being in it already."""
    if scopes.hooks:
        raise RuntimeError(error_message)
    previous, scopes.forbidden = scopes.forbidden, error_message
    try:
        yield
    finally:
        scopes.forbidden = previous
