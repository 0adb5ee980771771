"""The contract: what a gradient engine must offer to be judged.

An adapter is a subclass of `Engine`.  It states facts as data (`name`, `operators`, `aliasing`, ...) and spells the
verbs below in the engine's own language, each as a `template("...")` or as a method.  It **has** a capability when it
spells every verb of that group; what it does not spell is reported as *unsupported*, never as a pass.

An adapter translates and does nothing else: it copies arrays on the way in and on the way out, and it never repairs,
retries, zeroes, catches or emulates.  When the engine raises, let it raise.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from autograd_conformance.operators import OPERATORS, WRITES
from autograd_conformance.spelling import Spelling, compile_spelling
from autograd_conformance.threads import in_threads

Array = NDArray[Any]
HostArray = Any
"""An array over memory of the engine's: the suite reads and writes it by verbs, so that scripts do, too."""
Tensor = Any
"""A value of the engine's own; the suite never looks inside."""


class Engine:
    """A gradient engine as the suite sees it.  One instance judges; `device` is where its tensors live."""

    # ---- facts, as data ---------------------------------------------------------------------------------------------
    name: ClassVar[str] = ""
    """As reports call the engine."""
    version: ClassVar[str] = ""
    """The installed version, asked of the engine and not written down."""
    url: ClassVar[str] = ""
    """Where a reader finds the engine."""
    operators: ClassVar[Mapping[str, Spelling]] = {}
    """Operator -> its spelling.  Names and parameters are those of `operators.py`; write operators end in `_`."""
    aliasing: ClassVar[frozenset[str]] = frozenset()
    """Operators of kind *view*, and `detach`, whose result shares memory with the operand."""
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    """NumPy's names of the floating dtypes to judge in."""
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    """What `--impl-device` may name; templates know the chosen one as `device`."""
    max_ndim: ClassVar[int] = 4
    """No tensor with more axes is made; 0: scalars only."""
    max_nodes: ClassVar[int | None] = None
    """The longest chain that the engine claims to support; None: as long as memory lasts."""
    accepts_cotangent: ClassVar[bool] = True
    """False: a pass can only start at a one-element root, with a cotangent of one."""
    several_roots: ClassVar[bool] = True
    """False: one backward pass starts at one root."""
    shapes: ClassVar[tuple[tuple[int, ...], ...] | None] = None
    """The only input shapes to draw, for an engine that compiles per shape; None: any."""
    threads: ClassVar[bool] = True
    """False: the engine claims to work in one thread only."""

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.used: Counter[str] = (
            Counter()
        )  # operators really applied: an adapter that offers one must not look complete

    # ---- always -----------------------------------------------------------------------------------------------------
    def tensor(self, array: Array, *, requires_grad: bool = False) -> Tensor:
        """A new tensor with a copy of `array` (its shape and dtype); with `requires_grad`, a leaf that wants a gradient.

        An engine without leaves (JAX, HIPS autograd) ignores the flag.
        """
        raise NotImplementedError("tensor")

    def array(self, t: Tensor) -> Array:
        """An independent NumPy copy of the value of `t`; a lazy engine computes here, and may raise here."""
        raise NotImplementedError("array")

    def apply(self, operator: str, *tensors: Tensor, **params: Any) -> Tensor:
        """`operator` of `tensors`.  A write operator changes its first tensor and what is returned is ignored;
        `unbind` and `split` give a sequence of tensors.
        """
        self.used.update((operator,))  # in one step, so that threads lose no count
        return self._compiled[operator](self, *tensors, **params)

    def vjp(
        self, function: Callable[..., Sequence[Tensor]], primals: Sequence[Tensor], cotangents: Sequence[Tensor]
    ) -> tuple[Sequence[Tensor], Sequence[Tensor | None]]:
        """`(function(*primals), gradients)`: the product of `cotangents` and the Jacobian, a gradient for each primal.

        Engines with a tape inherit this; the others spell it.  A gradient may be None where nothing depends on it.
        """
        outputs = function(*primals)
        self.backward(outputs, cotangents if self.accepts_cotangent else None)
        return outputs, [self.grad(primal) for primal in primals]

    # ---- tape: imperative backward passes ---------------------------------------------------------------------------
    def backward(self, outputs: Sequence[Tensor], cotangents: Sequence[Tensor] | None = None) -> None:
        """One backward pass from all `outputs`; None for the cotangents, or for one: the default for a one-element root."""
        raise NotImplementedError("backward")

    def grad(self, t: Tensor) -> Tensor | None:
        """The gradient stored on `t`, or None where it is absent."""
        raise NotImplementedError("grad")

    def requires_grad(self, t: Tensor) -> bool:
        """Does `t` take part in differentiation?"""
        raise NotImplementedError("requires_grad")

    def is_leaf(self, t: Tensor) -> bool:
        """Is `t` no result of a recorded operation?"""
        raise NotImplementedError("is_leaf")

    def detach(self, t: Tensor) -> Tensor:
        """The value of `t` as a leaf that carries no gradient back."""
        raise NotImplementedError("detach")

    # ---- assigned gradients -----------------------------------------------------------------------------------------
    def set_grad(self, t: Tensor, g: Tensor | None) -> None:
        """Store `g` as the gradient of `t`; None makes it absent."""
        raise NotImplementedError("set_grad")

    # ---- flags of leaves --------------------------------------------------------------------------------------------
    def set_requires_grad(self, t: Tensor, flag: bool) -> None:
        """From here on `t` takes part in differentiation, or does not."""
        raise NotImplementedError("set_requires_grad")

    def detach_(self, t: Tensor) -> None:
        """Make `t` itself a leaf that carries no gradient back."""
        raise NotImplementedError("detach_")

    # ---- other passes -----------------------------------------------------------------------------------------------
    def backward_retaining(self, outputs: Sequence[Tensor], cotangents: Sequence[Tensor] | None = None) -> None:
        """Like `backward`; afterwards the graph can be passed through again."""
        raise NotImplementedError("backward_retaining")

    def backward_into(
        self, outputs: Sequence[Tensor], cotangents: Sequence[Tensor] | None, inputs: Sequence[Tensor]
    ) -> None:
        """Like `backward`; only `inputs`, which need not be leaves, accumulate."""
        raise NotImplementedError("backward_into")

    def backward_creating_graph(self, outputs: Sequence[Tensor], cotangents: Sequence[Tensor] | None = None) -> None:
        """Like `backward`; the pass is recorded, so that the gradients can be differentiated again."""
        raise NotImplementedError("backward_creating_graph")

    def gradients(
        self, outputs: Sequence[Tensor], inputs: Sequence[Tensor], cotangents: Sequence[Tensor] | None = None
    ) -> Sequence[Tensor | None]:
        """The gradients with respect to `inputs` as values; None where nothing depends on an input."""
        raise NotImplementedError("gradients")

    def retain_grad(self, t: Tensor) -> None:
        """Let the result `t` keep the gradient that flows into it; `grad` then reads it."""
        raise NotImplementedError("retain_grad")

    # ---- memory -----------------------------------------------------------------------------------------------------
    def strides(self, t: Tensor) -> tuple[int, ...]:
        """For each axis, how many elements of memory lie from one entry to the next."""
        raise NotImplementedError("strides")

    def offset(self, t: Tensor) -> int:
        """How many elements of memory lie before the first one of `t`."""
        raise NotImplementedError("offset")

    def is_view_of(self, t: Tensor, base: Tensor) -> bool:
        """Does `t` name `base` as the tensor that it is a view of?"""
        raise NotImplementedError("is_view_of")

    def version_of(self, t: Tensor) -> int:
        """How often the memory of `t` has been written."""
        raise NotImplementedError("version_of")

    def shared_array(self, t: Tensor) -> HostArray:
        """A NumPy array over the memory of `t`, which can be written."""
        raise NotImplementedError("shared_array")

    def weak_reference(self, t: Tensor) -> Callable[[], Any]:
        """What gives `t` as long as it is alive, and then None; it does not keep it alive."""
        raise NotImplementedError("weak_reference")

    def pickled(self, t: Tensor) -> Tensor:
        """`t`, written to bytes and read from them."""
        raise NotImplementedError("pickled")

    # ---- grad modes: recording switched off and on ------------------------------------------------------------------
    def no_grad(self) -> AbstractContextManager[Any]:
        """A new block in which nothing is recorded."""
        raise NotImplementedError("no_grad")

    def enable_grad(self) -> AbstractContextManager[Any]:
        """A new block in which recording is on again."""
        raise NotImplementedError("enable_grad")

    def no_grad_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, decorated so that nothing is recorded while it runs."""
        raise NotImplementedError("no_grad_function")

    def set_grad_enabled(self, enabled: bool) -> None:
        """Switch recording on or off from here on, by a plain call."""
        raise NotImplementedError("set_grad_enabled")

    # ---- provided, nothing to spell -----------------------------------------------------------------------------------
    def in_threads(self, *functions: Callable[[], object]) -> None:
        """Run the functions at once, each in a thread of its own; raises the error of the first that raised."""
        in_threads(*functions)

    def read_array(self, array: HostArray) -> Array:
        """An independent copy of what is in an array that the engine lent."""
        return np.array(array)

    def write_array(self, array: HostArray, value: Array) -> None:
        """Write to an array that the engine lent."""
        array[...] = value

    def collect(self) -> None:
        """Free what only a cycle of references keeps alive."""
        gc.collect()

    def grad_mode(self, enabled: bool) -> AbstractContextManager[Any]:
        """A new block in which recording is on or off."""
        raise NotImplementedError("grad_mode")

    def grad_mode_function(self, function: Callable[..., Any], enabled: bool) -> Callable[..., Any]:
        """`function`, decorated so that recording is on or off while it runs."""
        raise NotImplementedError("grad_mode_function")

    # ---- machinery, nothing to spell --------------------------------------------------------------------------------
    _compiled: ClassVar[Mapping[str, Callable[..., Any]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for verb in VERBS:
            if isinstance(cls.__dict__.get(verb), str):
                raise TypeError(f'{cls.__name__}.{verb}: write template("...") around the spelling of a verb')
        if not isinstance(cls.operators, Mapping):
            raise TypeError(f"{cls.__name__}.operators: expected a mapping, name -> spelling, got {cls.operators!r}")
        unknown = sorted(set(cls.operators) - set(OPERATORS))
        if unknown:
            raise TypeError(f"{cls.__name__}.operators: unknown {unknown}; known are {sorted(OPERATORS)}")
        inherited = {name: cls._compiled[name] for name in cls._compiled if _same_spelling(cls, name)}
        cls._compiled = inherited | {
            name: compile_spelling(cls, name, OPERATORS[name].parameters, spelling)
            for name, spelling in cls.operators.items()
            if name not in inherited
        }

    @classmethod
    def has(cls, need: str) -> bool:
        """Whether a capability (a key of `GROUPS`) or an operator is there."""
        if need == VJP:  # inherited by every engine with a tape
            return cls.vjp is not Engine.vjp or cls.has(TAPE)
        if need == THREADS:
            return cls.threads and cls.has(VJP)
        if need == WRITE:
            return any(operator in WRITES for operator in cls.operators)
        if need in GROUPS:
            return all(getattr(cls, verb) is not getattr(Engine, verb) for verb in GROUPS[need].verbs)
        return need in cls.operators


def _same_spelling(cls: type[Engine], name: str) -> bool:
    """A subclass keeps its parent's operator, names of the parent's module included, unless it spells it anew."""
    parent = next(base for base in cls.__mro__[1:] if issubclass(base, Engine))
    return cls.operators.get(name) == parent.operators.get(name)


class Group:
    """A capability: the verbs that an adapter must spell to have it, and what an engine with it promises."""

    def __init__(self, promise: str, *verbs: str) -> None:
        self.promise, self.verbs = promise, verbs


ALWAYS = "always"
VJP = "vjp"
WRITE = "write"
TAPE = "tape"
SET_GRAD = "set grad"
SET_REQUIRES_GRAD = "set requires grad"
DETACH_IN_PLACE = "detach in place"
RETAIN_GRAPH = "retain graph"
NAMED_INPUTS = "named inputs"
CREATE_GRAPH = "create graph"
GRAD_FUNCTION = "grad function"
RETAIN_GRAD = "retain grad"
STRIDES = "strides"
VIEW_BASE = "view base"
VERSIONS = "versions"
HOST_ARRAY = "host array"
LIFETIME = "lifetime"
PICKLING = "pickling"
THREADS = "threads"
NO_GRAD = "no grad"
ENABLE_GRAD = "enable grad"
GRAD_DECORATOR = "grad mode as a decorator"
GRAD_SWITCH = "grad mode as a call"
GRAD_VALUE = "grad mode by a value"

GROUPS: Mapping[str, Group] = {
    ALWAYS: Group("makes tensors from arrays and arrays from tensors", "tensor", "array"),
    VJP: Group("computes vector-Jacobian products of functions", "vjp"),
    WRITE: Group("changes tensors in place: has an operator whose name ends in `_`"),
    TAPE: Group(
        "records operations on leaves and passes gradients back to them",
        *("backward", "grad", "requires_grad", "is_leaf", "detach"),
    ),
    SET_GRAD: Group("lets the stored gradient be replaced or made absent", "set_grad"),
    SET_REQUIRES_GRAD: Group("lets a leaf begin or cease to require gradients", "set_requires_grad"),
    DETACH_IN_PLACE: Group("makes a result itself a leaf", "detach_"),
    RETAIN_GRAPH: Group("passes back through one graph more than once", "backward_retaining"),
    NAMED_INPUTS: Group("accumulates into named tensors only", "backward_into"),
    CREATE_GRAPH: Group("records a backward pass itself, for derivatives of derivatives", "backward_creating_graph"),
    GRAD_FUNCTION: Group("returns gradients instead of storing them", "gradients"),
    RETAIN_GRAD: Group("stores the gradients of results, too, where asked", "retain_grad"),
    STRIDES: Group("tells where in memory the elements of a tensor lie", "strides", "offset"),
    VIEW_BASE: Group("tells which tensor a view is a view of", "is_view_of"),
    VERSIONS: Group("counts the writes to a memory", "version_of"),
    HOST_ARRAY: Group("lends the memory of a tensor as an array", "shared_array"),
    LIFETIME: Group("frees what nothing refers to, and lets that be seen", "weak_reference"),
    PICKLING: Group("writes tensors to bytes and reads them back", "pickled"),
    THREADS: Group("works in several threads at once: the fact `threads` is not False"),
    NO_GRAD: Group("records nothing inside a block", "no_grad"),
    ENABLE_GRAD: Group("records again in a block inside such a block", "enable_grad"),
    GRAD_DECORATOR: Group("records nothing while a decorated function runs", "no_grad_function"),
    GRAD_SWITCH: Group("switches recording by a plain call", "set_grad_enabled"),
    GRAD_VALUE: Group("has blocks and decorators that are told the mode", "grad_mode", "grad_mode_function"),
}
VERBS = tuple(verb for group in GROUPS.values() for verb in group.verbs)
PROVIDED = {
    "in_threads": "in_threads(*functions)",
    "collect": "gc.collect()",
    "read_array": "np.array(array)",
    "write_array": "array[...] = value",
}
"""What every engine has, as scripts print it."""
for _verb, _text in PROVIDED.items():
    vars(Engine)[_verb].template = _text
