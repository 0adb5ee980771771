"""Derivatives that users define: `Function`.

class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x * x * g

y = Cube.apply(x)
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ..caller import warn
from ..custom import FunctionCtx, FunctionNode
from ..definition import Operator
from ..forward import heeded, heeding
from ..graph import edge_of, key_of, note
from ..modes import no_grad, state
from ..node import Edge
from ..tensor import Tensor

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


signature = functools.lru_cache(inspect.signature)


class Function:
    """Derive from this, and define `forward` and `backward` as static methods; call `apply`.

    `forward(ctx, *args)` computes; or `forward(*args)` does, and `setup_context(ctx, inputs, output)` saves. Nothing in them is
    recorded. `backward(ctx, *grad_outputs)`, also named `vjp`, returns a gradient, or None, for every argument.
    """

    _backward_cls: type[FunctionNode] = FunctionNode

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._backward_cls = type(f"{cls.__name__}Backward", (FunctionNode,), {"function": cls, "__slots__": ()})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you should invoke "
            "them on the class itself.",
            DeprecationWarning,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd function "
            "with static forward method, and call apply on the class itself."
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs: a tensor, or a tuple of tensors and other objects."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Save what `backward` needs."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Compute the gradients of the arguments from those of the outputs."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with backward "
            "mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """Compute the tangents of the outputs from those of the arguments."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`, and record it if an argument that is a tensor requires gradients."""
        separately = cls.setup_context is not Function.setup_context
        arguments = cls._arguments(args, kwargs, separately)
        node = cls._backward_cls(arguments)
        present = heeded()
        given = [[level.tangent(x) for x in arguments] for level in present]
        try:
            with no_grad(), heeding(()):  # what is done in here is no affair of forward mode
                if separately:
                    outputs = cls.forward(*arguments)
                    cls.setup_context(node.ctx, arguments, outputs)
                else:
                    outputs = cls.forward(node.ctx, *arguments)
            with heeding(()):
                results = node.attach(outputs if isinstance(outputs, tuple) else (outputs,), arguments)
            for depth, (level, tangents) in enumerate(zip(present, given, strict=True)):
                if any(tangent is not None for tangent in tangents):
                    with heeding(present[:depth]):
                        node.push(level, arguments, tangents, results)
        finally:
            node.ctx._forward = None
        return tuple(results) if isinstance(outputs, tuple) else results[0]

    @classmethod
    def _arguments(cls, args: tuple[Any, ...], kwargs: dict[str, Any], separately: bool) -> tuple[Any, ...]:
        if not kwargs and not separately:
            return args
        ctx = () if separately else (None,)
        bound = signature(cls.forward).bind(*ctx, *args, **kwargs)
        bound.apply_defaults()
        return bound.args[len(ctx) :]

    @classmethod
    def _derivative(cls) -> Callable[..., Any]:
        if cls.vjp is not Function.vjp and cls.backward is not Function.backward:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement one "
                "of them."
            )
        return cls.backward if cls.vjp is Function.vjp else cls.vjp


def refused_second(g: Any) -> None:
    """The rule of a derivative that was declared to have none of its own: RuntimeError."""
    raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


ONCE = Operator("error", lambda *operands: operands[0], "*operands", operands=refused_second)


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Declare that what a `backward` does is not to be differentiated: doing so is a RuntimeError."""

    @functools.wraps(backward)
    def wrapper(ctx: FunctionCtx, *cotangents: Tensor | None) -> Any:
        is_recorded = state.enabled
        with no_grad():
            results = backward(ctx, *cotangents)
        node = ctx._node()
        if not is_recorded or node is None:
            return results
        # The derivative may depend on all arguments and cotangents: whichever is asked for, the way leads through here.
        edges = [*node.edges, *[edge_of(each) for each in cotangents if each is not None]]
        each_result = results if isinstance(results, tuple) else (results,)
        return tuple(refusing(each, edges) if isinstance(each, Tensor) else each for each in each_result)

    return wrapper


def refusing(x: Tensor, edges: list[Edge | None]) -> Tensor:
    """The same value, with a history that cannot be differentiated."""
    note(ONCE, (), (), result := x.detach(), edges, key_of(edges))
    return result
