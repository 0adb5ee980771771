"""Random programs with hooks, user-defined functions, checkpoints and packed values, on torch and on the reference side by side.

All numbers are small integers, so what happens must agree to the last bit: each hook's call with what it saw, in order, the
gradients of every pass, and whether something is raised. When within a pass a leaf is reached is an engine's own affair, so
each leaf has a log of its own; and what a pass that fails has done before is, too, so it is the last.
"""

import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch as real
import torch.utils.checkpoint

import autograd_reference as reference


class Program:
    """One random program. What it does depends on the seed alone; `log` says what happened."""

    def __init__(self, torch: Any, seed: int) -> None:
        self.torch = torch
        self.random = random.Random(seed)
        self.log: list[Any] = []
        self.leaves = [self.leaf() for _ in range(3)]
        self.tensors = list(self.leaves)
        self.leaf_logs: list[list[Any]] = [[] for _ in self.leaves]
        self.handles: list[Any] = []
        self.functions = user_functions(torch)

    def leaf(self) -> Any:
        values = [float(self.random.choice([-2, -1, 1, 2])) for _ in range(2)]
        return self.torch.tensor(values, dtype=real.float64, requires_grad=True)

    def pick(self) -> Any:
        return self.random.choice(self.tensors[-5:])

    def run(self) -> list[Any]:
        for _ in range(self.random.randint(4, 14)):
            step = self.random.choice(
                [self.operator] * 3 + [self.hook, self.hook, self.node_hook, self.remove, self.write]
            )
            self.guarded(step)
        for _ in range(self.random.randint(1, 3)):
            before = len(self.log)
            if not self.guarded(
                self.random.choice([self.backward, self.backward, self.backward_into, self.functional])
            ):
                return [*self.log[:before], "the pass failed"]
            self.log.append(("grads", [values(x.grad) for x in self.leaves]))
        return [*self.log, *self.leaf_logs]

    def guarded(self, step: Callable[[], None]) -> bool:
        try:
            step()
        except RuntimeError:
            self.log.append("raised")
            return False
        return True

    def log_of(self, x: Any) -> list[Any]:
        return self.leaf_logs[[x is leaf for leaf in self.leaves].index(True)] if x.is_leaf else self.log

    def operator(self) -> None:
        x, y = self.pick(), self.pick()
        two, scale = self.functions
        run, hooks = self.torch.utils.checkpoint.checkpoint, self.torch.autograd.graph.saved_tensors_hooks
        reentrant = self.random.random() < 0.5

        def packed() -> Any:
            with hooks(lambda x: x.clone(), lambda x: x):
                return x * y

        kinds: list[Callable[[], Any]] = [
            lambda: x + y,
            lambda: x - y,
            lambda: x * y,
            lambda: x * 2,
            lambda: x[1:].expand(2) + y,
            lambda: x.view(2, 1).sum(1),
            lambda: scale.apply(x, 3),
            lambda: self.random_part(two.apply(x, y)),
            lambda: run(lambda a, b: a * b + a, x, y, use_reentrant=reentrant),
            packed,
        ]
        self.tensors.append(self.random.choice(kinds)())

    def random_part(self, parts: Any) -> Any:
        return self.random.choice(parts)

    def watch(self, x: Any) -> Callable[[Any], Any]:
        log, name, kind = (
            self.log_of(x),
            len(self.handles),
            self.random.choice(["see", "see", "double", "add", "write"]),
        )

        def hook(g: Any) -> Any:
            log.append(("hook", name, values(g)))
            if g is None or kind == "see":
                return None
            return {"double": lambda: g * 2, "add": lambda: g + 1, "write": lambda: g.clone().mul_(3)}[kind]()

        return hook

    def hook(self) -> None:
        x = self.pick()
        if self.random.random() < 0.2 and x.is_leaf:
            log = self.log_of(x)
            self.handles.append(x.register_post_accumulate_grad_hook(lambda p: log.append(("post", values(p.grad)))))
        elif self.random.random() < 0.2 and not x.is_leaf:
            x.retain_grad()
        else:
            self.handles.append(x.register_hook(self.watch(x)))

    def node_hook(self) -> None:
        x = self.pick()
        if x.grad_fn is None:
            return
        factor = self.random.choice([1, 2])
        if self.random.random() < 0.5:
            before = lambda g: self.log.append(("before", [values(each) for each in g]))
            self.handles.append(x.grad_fn.register_prehook(before))
        else:
            after = lambda i, o: tuple(None if each is None else each * factor for each in i)
            self.handles.append(x.grad_fn.register_hook(after))

    def remove(self) -> None:
        if self.handles:
            self.random.choice(self.handles).remove()

    def write(self) -> None:
        x, y = self.pick(), self.pick()
        if (
            not x.is_leaf and x._base is None and not x.retains_grad
        ):  # torch fails an assertion of its own: "report a bug"
            x.mul_(y)

    def roots(self) -> list[Any]:
        return [self.tensors[-1], self.pick()]

    def ones(self, roots: list[Any]) -> list[Any]:
        return [self.torch.ones(2, dtype=real.float64) for _ in roots]

    def backward(self) -> None:
        roots = self.roots()
        retain = self.random.random() < 0.7
        self.torch.autograd.backward(roots, self.ones(roots), retain_graph=retain)

    def backward_into(self) -> None:
        roots, some = self.roots(), self.random.sample(self.leaves, 2)
        self.torch.autograd.backward(roots, self.ones(roots), retain_graph=True, inputs=some)

    def functional(self) -> None:
        roots, some = self.roots(), self.random.sample(self.leaves, 2)
        create = self.random.random() < 0.5
        grads = self.torch.autograd.grad(roots, some, self.ones(roots), True, create, allow_unused=True)
        self.log.append(("grad", [values(g) for g in grads]))
        for g in grads:
            if g is not None and g.requires_grad:
                second = self.torch.autograd.grad(g.sum(), some, allow_unused=True, retain_graph=True)
                self.log.append(("second", [values(each) for each in second]))


def values(g: Any) -> Any:
    return None if g is None else g.tolist()


def user_functions(torch: Any) -> Any:
    class Two(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            ctx.save_for_backward(x, y)
            return x * y, x + y

        @staticmethod
        def backward(ctx: Any, g: Any, h: Any) -> Any:
            x, y = ctx.saved_tensors
            return g * y + h, g * x + h

    class Scale(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any, n: int) -> Any:
            ctx.n = n
            return x * n

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.n, None

    return Two, Scale


@pytest.mark.parametrize("block", range(4))
def test_the_same_happens(block: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(100 * block, 100 * block + 100):
            expected = Program(real, seed).run()
            assert Program(reference, seed).run() == expected, seed
