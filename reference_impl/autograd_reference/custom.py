"""Applications of user-defined functions: the node, and the context in which users leave what they need."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from . import rules
from .accumulate import follow
from .constant import wrapped
from .graph import RELEASED, edge_of, levels
from .hooks import unwrapped
from .inplace import after_write, before_write, refuse_recording
from .modes import no_grad, state
from .node import Edge, Gradient, Gradients, Node, Packed, Saved, observe, observers, refuse_modified, save
from .storage import Storage
from .tensor import Tensor
from .views import alias

if TYPE_CHECKING:
    from .autograd.function import Function
    from .forward import Level

VIEW_WRITTEN = (
    "Output {} of {} is a view and is being modified inplace. This view was created inside a custom Function (or because an "
    "input was returned as-is) and the autograd logic to handle view+inplace would override the custom backward associated "
    "with the custom Function, leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning the "
    "output of the custom Function."
)


class FunctionCtx:
    """What `forward` leaves for `backward`, and tells the engine. Users may set further attributes, of any name."""

    def __init__(self, node: FunctionNode, arguments: tuple[Any, ...]) -> None:
        self.needs_input_grad = tuple(isinstance(x, Tensor) and x.requires_grad for x in arguments)
        self.materialize_grads = True
        self.to_save: tuple[Tensor | None, ...] = ()
        self.dirty_tensors: tuple[Tensor, ...] = ()
        self.non_differentiable: tuple[Tensor, ...] = ()
        self._node = weakref.ref(node)
        self._forward: tuple[Tensor | None, ...] | None = None  # what was saved for `jvp`
        self._is_restricted = False  # whether the pass that runs is one for named inputs

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `backward`, where a write in the meantime is noticed. TypeError for anything but tensors."""
        for position, each in enumerate(tensors):
            if each is not None and not isinstance(each, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {position} is of type {type(each).__name__}"
                )
        self.to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `jvp`, which has them in `saved_tensors`. Without this it has those saved for `backward`."""
        self._forward = tensors

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What was saved, as it was. RuntimeError: released by a pass, or overwritten since."""
        if self._forward is not None:
            return self._forward
        node = self._node()
        return () if node is None else node.saved_tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which arguments `forward` has written in place. Each must be returned."""
        self.dirty_tensors = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which outputs need no gradients. Integers and truth values never do."""
        self.non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether outputs that have got no gradient have zeros in `backward` (as they do), or None."""
        self.materialize_grads = value


class FunctionNode(Node):
    """One application of a `Function`. What users look for on it, they find on its context."""

    __slots__ = ("ctx", "devices", "input_devices", "origins", "positions", "recorded", "saved")
    function: type[Function]

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        self.ctx = FunctionCtx(self, arguments)
        self.recorded = state.enabled and any(self.ctx.needs_input_grad)
        self.positions = [k for k, x in enumerate(arguments) if isinstance(x, Tensor)]
        super().__init__([edge_of(arguments[k]) if self.recorded else None for k in self.positions], ())
        self.input_devices = [arguments[k].device for k in self.positions]
        self.devices: list[torch.device | None] = []
        self.saved: list[Saved] | None = []
        # Where saved tensors come from: the number of an output, or a tensor and the history it had.
        self.origins: list[int | tuple[Tensor | None, Edge | None]] = []

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{self.name()} object at {id(self):#x}>"

    def __getattr__(self, name: str) -> Any:
        if name in FunctionNode.__slots__ or name == "notes":
            raise AttributeError(name)
        return getattr(self.ctx, name)

    # The forward direction.

    def attach(self, outputs: Sequence[Any], arguments: tuple[Any, ...]) -> list[Any]:
        """Make this node the history of what `forward` returned."""
        ctx = self.ctx
        for x in ctx.dirty_tensors:
            if not among(x, outputs):
                raise RuntimeError(
                    "Some elements marked as dirty during the forward method were not returned as output. The inputs that "
                    "are modified inplace must all be outputs of the Function."
                )
            x._storage.version += 1
        tensors = [x if isinstance(x, Tensor) else None for x in outputs]
        self.outputs = tuple((torch.Size(), torch.float32) if x is None else (x.shape, x.dtype) for x in tensors)
        self.devices = [None if x is None else x.device for x in tensors]
        given = list(arguments)
        results = []
        for number, x in enumerate(outputs):
            results.append(self.output(number, x, given, len(outputs)) if isinstance(x, Tensor) else x)
            given.append(x)  # returned twice, it is two outputs
        if self.recorded:
            self.keep()
        return results

    def push(
        self, level: Level, arguments: tuple[Any, ...], tangents: list[Tensor | None], outputs: Sequence[Any]
    ) -> None:
        """Have the user's `jvp` push the arguments' tangents on. RuntimeError: what it returns does not fit the outputs."""
        ctx = self.ctx
        given = [
            Tensor(torch.zeros_like(x._data)) if t is None and isinstance(x, Tensor) and ctx.materialize_grads else t
            for x, t in zip(arguments, tangents, strict=True)
        ]
        ctx._forward = ctx.saved_tensors or ctx.to_save
        results = self.function.jvp(ctx, *given)
        results = results if isinstance(results, tuple) else (results,)
        if len(results) != len(outputs):
            raise RuntimeError(
                "Function's jvp returned an invalid number of forward gradients "
                f"(expected {len(outputs)} but got {len(results)})"
            )
        for x, tangent in zip(outputs, results, strict=True):
            if isinstance(x, Tensor) and tangent is not None:
                self.check_tangent(x, tangent, given)
                if x._view is None:  # or else its tangent is that of its base
                    level.give(x, tangent)
        level.noted[self] = [results[o] if isinstance(o, int) else level.tangent(o[0]) for o in self.origins]

    def check_tangent(self, x: Tensor, tangent: Any, given: Sequence[Tensor | None]) -> None:
        """RuntimeError: what `jvp` returned is no tangent of an output."""
        if not isinstance(tangent, Tensor):
            got = type(tangent).__name__
            raise RuntimeError(f"expected Variable or None (got {got}) from the jvp of {self.name()}")  # noqa: TRY004
        refuse_other_size(tangent, x)
        if among(x, self.ctx.dirty_tensors) and not among(tangent, given):
            raise RuntimeError(
                "An inplace custom Function is not returning the forward mode gradients as-is: jvp must modify the "
                "gradient inplace and return it."
            )
        if x._view is not None and not any(t is not None and t._storage is tangent._storage for t in given):
            raise RuntimeError(
                "A custom Function's forward is returning a view (or an input as-is) but the jvp is not returning a view."
            )

    def output(self, number: int, x: Tensor, given: list[Any], count: int) -> Tensor:
        """One output, with its history."""
        ctx = self.ctx
        is_dirty, is_given = among(x, ctx.dirty_tensors), among(x, given)
        if not self.recorded or among(x, ctx.non_differentiable) or not (x.is_floating_point() or x.is_complex()):
            if is_given and not is_dirty:
                return x.detach()
            return x.detach_() if x._edge is not None and x._view is None and not is_dirty else x
        if is_dirty:
            self.rebase(number, x, count)
            return x
        if is_given:
            with no_grad():
                x = alias(rules.RESHAPE, x, (x.shape,))
        if x._view is not None:
            x._view.restriction = VIEW_WRITTEN.format(number, self.function.__name__)
        x._edge = (self, number)
        return x

    def rebase(self, number: int, x: Tensor, count: int) -> None:
        """Make this node the history of an argument that `forward` has written."""
        refuse_recording(x, "has been used")
        if x._view is None:
            before, x._edge = x._edge, (self, number)
            follow(x, before)
            return
        if count > 1:
            raise RuntimeError(
                "If your Function modifies inplace an input that is a view of another Tensor, your Function cannot return "
                "more than one Tensor. Write to a clone(), or have one Function for each output."
            )
        written = Tensor(x._data, x._storage)
        written._edge = (self, number)
        after_write(before_write(rules.COPY, x, (written,), ()), x)

    def keep(self) -> None:
        """Save what `forward` asked for."""
        for x in self.ctx.to_save:
            edge = None if x is None else edge_of(x)
            self.origins.append(edge[1] if edge is not None and edge[0] is self else (x, edge))
        self.saved = [save(x) for x in self.ctx.to_save]
        self.ctx.to_save = ()
        if observers:
            observe(self)

    # The backward direction.

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What was saved, as it was."""
        if self.saved is None:
            raise RuntimeError(RELEASED)
        return tuple(map(self.unpack, range(len(self.saved)), self.saved, self.origins))

    def unpack(self, place: int, saved: Saved, origin: int | tuple[Tensor | None, Edge | None]) -> Tensor | None:
        """A saved tensor: itself if it is no output and has its history still, or else one like it."""
        data, storage, version = saved
        tensor, edge = (None, (self, origin)) if isinstance(origin, int) else origin
        if data is None:
            return None
        if isinstance(data, Packed):
            tensor, data, storage = None, data.unpack(), Storage()
        elif storage.version != version:
            refuse_modified(data, storage, version, edge)
        if tensor is None or edge_of(tensor) != edge:
            tensor = Tensor(data, storage)
            tensor._edge = edge
            if levels:
                levels[-1].restore(self, place, tensor)
        return tensor

    def release(self) -> None:
        """Let go of the saved tensors."""
        if self.saved:
            self.saved, self.origins = None, []

    def gradients(self, cotangents: Gradients, needed: set[Node] | None, create_graph: bool) -> Gradients:
        """Run the user's `backward`."""
        self.ctx._is_restricted = needed is not None
        given = [self.cotangent(number, each) for number, each in enumerate(cotangents[:-1])]
        results = self.checked(self.function._derivative()(self.ctx, *given))
        gradients = []
        for edge, result in zip(self.edges, results, strict=True):
            is_wanted = edge is not None and (needed is None or edge[0] in needed)
            gradients.append(unwrapped(result) if is_wanted and result is not None else None)
        # Whatever users return may be anybody's memory: listed as what has arrived, it counts as borrowed.
        cotangents[:] = [*gradients, False]  # type: ignore[index]
        return gradients

    def cotangent(self, number: int, arrived: Gradient | None) -> Tensor | None:
        """The gradient of an output, as the user gets it."""
        device = self.devices[number]
        if arrived is None and self.ctx.materialize_grads and device is not None:
            shape, dtype = self.outputs[number]
            return Tensor(torch.zeros(shape, dtype=dtype, device=device))
        return wrapped(arrived)  # type: ignore[no-any-return]

    def checked(self, results: Any) -> list[Tensor | None]:
        """What the user's `backward` returned, for the arguments that are tensors. RuntimeError where it does not fit."""
        results = results if isinstance(results, tuple) else (results,)
        expected = len(self.ctx.needs_input_grad)
        if len(results) < expected or any(each is not None for each in results[expected:]):
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {expected}, got {len(results)})"
            )
        for position, result in enumerate(results[:expected]):
            if result is not None:
                self.check_gradient(position, result)
        return [results[position] for position in self.positions]

    def check_gradient(self, position: int, gradient: Any) -> None:
        """RuntimeError: what `backward` returned is no gradient of the argument. By broadcasting it may be broader, and is then summed."""
        if position not in self.positions:
            raise RuntimeError(
                f"function {self.name()} returned a gradient different than None at position {position + 1}, but the "
                "corresponding forward input was not a Variable"
            )
        if not isinstance(gradient, Tensor):
            raise RuntimeError(f"expected Variable or None (got {type(gradient).__name__})")  # noqa: TRY004
        number = self.positions.index(position)
        if (edge := self.edges[number]) is None:
            return
        shape, device = edge[0].outputs[edge[1]][0], self.input_devices[number]
        invalid = f"Function {self.name()} returned an invalid gradient at index {position} - "
        pairs = zip(reversed(shape), reversed(gradient.shape), strict=False)
        if gradient.ndim < len(shape) or not all(length in (1, got) for length, got in pairs):
            raise RuntimeError(f"{invalid}got {list(gradient.shape)} but expected shape compatible with {list(shape)}")
        if gradient.device != device:
            raise RuntimeError(f"{invalid}expected device {device} but got {gradient.device}")


def among(x: Any, others: Sequence[Any]) -> bool:
    """Whether an object is one of several."""
    return any(x is each for each in others)


def refuse_other_size(tangent: Tensor, tensor: Tensor) -> None:
    """RuntimeError: a tangent that does not have the shape of its tensor."""
    if tensor.shape != tangent.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
            f"supported. Tensor is of size {list(tensor.shape)} while the given forward gradient is of size {list(tangent.shape)}."
        )
