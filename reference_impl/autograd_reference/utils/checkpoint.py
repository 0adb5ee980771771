"""Checkpointing: a region of the program saves nothing but its arguments, and is run again when a pass needs its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any

import torch

from ..autograd import Function, backward
from ..caller import warn
from ..missing import missing_from
from ..modes import enable_grad
from ..node import Saved, save, unchanged
from ..saved import saved_tensors_hooks
from ..tensor import Tensor

__getattr__ = missing_from(globals())
Block = AbstractContextManager[Any]
Blocks = Callable[[], Block]


class CheckpointError(RuntimeError):
    """A region saved something else when it was run again."""


class Stop(Exception):
    """A region that is run again has saved all that is needed."""


early_stops: list[bool] = []


@contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """A block in which it is said, for all `checkpoint`, whether regions that are run again stop as early as they can."""
    early_stops.append(enable)
    try:
        yield
    finally:
        early_stops.pop()


def noop_context_fn() -> tuple[Block, Block]:
    """Nothing around the region, the first time and the second."""
    return nullcontext(), nullcontext()


def randomness(args: Sequence[Any], preserve: bool) -> Blocks:
    """Makes blocks in which the random generators are in the states that they are in now."""
    state = torch.get_rng_state()
    devices = {x.device for x in args if isinstance(x, Tensor) and x.device.type == "cuda"}
    states = {device: torch.cuda.get_rng_state(device) for device in devices}

    @contextmanager
    def again() -> Iterator[None]:
        with torch.random.fork_rng(devices=list(states)):
            torch.set_rng_state(state)
            for device, its_state in states.items():
                torch.cuda.set_rng_state(its_state, device)
            yield

    return again if preserve else nullcontext


@dataclass
class Region:
    """A region that is run again. It saves numbers, by which what it saves the second time is found."""

    function: Callable[[], Any]
    args: list[Saved]
    random: Blocks
    context: Block
    checks: bool
    stops: bool
    expected: list[tuple[Any, ...]] = field(default_factory=list)
    values: dict[int, Saved] = field(default_factory=dict)

    def pack(self, x: Tensor) -> int:
        """Note what was saved, and forget it."""
        self.expected.append(metadata(x._data))
        return len(self.expected) - 1

    def unpack(self, number: int) -> Tensor:
        """The value of that number, each time it is computed for one use only."""
        if number not in self.values:
            self.values = dict(enumerate(self.compute()))
        return Tensor(unchanged(*self.values.pop(number)))

    def compute(self) -> list[Saved]:
        """Run the region again. CheckpointError: it saves something else. RuntimeError: an argument was overwritten."""
        for each in self.args:
            unchanged(*each)
        found: list[Saved] = []

        def keep(x: Tensor) -> Tensor:
            found.append(save(x))
            if self.stops and len(found) == len(self.expected):
                raise Stop
            return x

        with (
            suppress(Stop), enable_grad(), self.random(), self.context, saved_tensors_hooks(keep, lambda x: x)
        ):  # fmt: skip
            self.function()
        if len(found) != len(self.expected):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {len(self.expected)}\nNumber of tensors saved "
                f"during recomputation: {len(found)}."
            )
        for position, (before, (data, *_)) in enumerate(zip(self.expected, found, strict=True)):
            if self.checks and before != metadata(data):
                raise CheckpointError(
                    "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than during "
                    f"the forward pass.\ntensor at position {position}:\nsaved metadata: {before}\nrecomputed metadata: "
                    f"{metadata(data)}"
                )
        return found


def metadata(data: torch.Tensor) -> tuple[Any, ...]:
    """What must be the same both times."""
    return tuple(data.shape), data.dtype, data.device


class CheckpointFunction(Function):
    """The region as one node, whose derivative is a pass within the pass."""

    @staticmethod
    def forward(ctx: Any, function: Callable[..., Any], preserve: bool, *args: Any) -> Any:
        """Run the region, unrecorded."""
        if not any(ctx.needs_input_grad):
            warn("None of the inputs have requires_grad=True. Gradients will be None")
        ctx.function = function
        ctx.randomness = randomness(args, preserve)
        ctx.others = [None if isinstance(x, Tensor) else x for x in args]
        ctx.save_for_backward(*[x if isinstance(x, Tensor) else None for x in args])
        return function(*args)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> Any:
        """Run the region again, recorded, and pass back through it."""
        if ctx._is_restricted:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` parameter "
                "to .backward(). To resolve this error, you can either set use_reentrant=False, or call .backward() without passing the `inputs` argument."
            )
        args = [
            other if x is None else x.detach().requires_grad_(x.requires_grad)
            for x, other in zip(ctx.saved_tensors, ctx.others, strict=True)
        ]
        with ctx.randomness(), enable_grad():
            outputs = ctx.function(*args)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        pairs = zip(outputs, cotangents, strict=True)
        roots = [(y, g) for y, g in pairs if isinstance(y, Tensor) and y.requires_grad]
        if not roots:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward([y for y, _ in roots], [g for _, g in roots])
        return None, None, *[x.grad if isinstance(x, Tensor) else None for x in args]


def checkpoint(
    function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None, preserve_rng_state: bool = True,
    context_fn: Callable[[], tuple[Block, Block]] = noop_context_fn, determinism_check: str = "default", debug: bool = False,
    early_stop: bool = True, **kwargs: Any,
) -> Any:  # fmt: skip
    """`function(*args, **kwargs)`, which saves only its arguments, and is run again in each pass that needs its values.

    With `use_reentrant` the region is one node, of which only arguments that are tensors get gradients, and only in a
    `backward` without `inputs`. Random numbers are the same the second time if `preserve_rng_state`. `context_fn` gives a
    block for the first run and one for the second. CheckpointError in a pass: see `Region`. ValueError: options that do not
    go together. NotImplementedError: `debug`. With `early_stop` the second run ends when all is there that is needed.
    """
    if use_reentrant is None:
        warn("torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly.")
    if debug:
        raise NotImplementedError("checkpoint: debug=True is not implemented")
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of ['default', 'none'], but got {determinism_check}")
    if use_reentrant or use_reentrant is None:
        if kwargs:
            raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}. They need use_reentrant=False.")
        if context_fn is not noop_context_fn:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return CheckpointFunction.apply(function, preserve_rng_state, *args)
    first, second = context_fn()
    run, saved = (
        partial(function, *args, **kwargs),
        [save(x) for x in (*args, *kwargs.values()) if isinstance(x, Tensor)],
    )
    stops = early_stops[-1] if early_stops else early_stop
    region = Region(run, saved, randomness(args, preserve_rng_state), second, determinism_check == "default", stops)
    with saved_tensors_hooks(region.pack, region.unpack), first:
        return run()


def checkpoint_sequential(
    functions: Sequence[Callable[..., Any]], segments: int, input: Any, use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
) -> Any:  # fmt: skip
    """Functions one after the other, in segments of which each but the last is a checkpoint."""
    options: dict[str, Any] = {"use_reentrant": use_reentrant, "preserve_rng_state": preserve_rng_state}

    one_by_one = partial(reduce, lambda value, function: function(value))
    length = len(functions) // segments
    last = length * (segments - 1)
    for start in range(0, last, length):
        input = checkpoint(partial(one_by_one, functions[start : start + length]), input, **options)
    return one_by_one(functions[last:], input)
