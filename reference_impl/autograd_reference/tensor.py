"""`Tensor`: values (a torch tensor that knows nothing of gradients) and their place in the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch._tensor_str import PRINT_OPTS

from .caller import warn
from .modes import InferenceStorage, new_storage, state
from .storage import Storage, inferring

if TYPE_CHECKING:
    import weakref
    from collections.abc import Iterator

    from .accumulate import AccumulateGrad
    from .node import Edge, Node, Notes
    from .views import View

Number = int | float | complex | bool
RAW = torch.Tensor  # asked for by every operator, and so a name of its own
NEW_LINE = "\n" + " " * len("tensor(")


class Tensor:
    """An array that remembers how it was computed. Created by `tensor(...)` and the other factories.

    `Tensor(data)` wraps a `torch.Tensor` without copying; `storage` is given when the memory is already known. Called with
    values, sizes or a tensor of this package, the class makes what torch's class of that name makes.

    A tensor is in one of three states. *Constant*: no gradient is wanted. *Leaf that requires gradients*: the program's
    input, whose gradient is accumulated in `grad`. *Recorded*: computed from such a tensor; `_edge` leads to the node
    that computed it.
    """

    __slots__ = (
        "__weakref__",
        "_accumulator",  # weakly, the node that stands for this leaf; the node holds the leaf, so no cycle
        "_cut",  # the edge that `detach_` took away, if it was called
        "_data",
        "_edge",  # where a gradient of this value is sent; None for constants and leaves
        "_grad",
        "_notes",  # of a leaf that has hooks
        "_requires_grad",  # of a leaf
        "_storage",
        "_tangent",  # in forward mode, the tangents by level, if there are any
        "_view",  # how the memory is reached from the base, for views
    )
    __array_priority__ = 1000
    __array_ufunc__ = None  # NumPy leaves mixed arithmetic to us instead of looping over the elements
    __hash__ = object.__hash__

    if TYPE_CHECKING:
        _notes: Notes
        _tangent: dict[Any, Tensor]

        # Operators are installed by methods.py, one function being both `torch.f(x)` and `x.f()`.
        def __getattr__(self, name: str) -> Any: ...
        def _constructed(self, *given: Any) -> None: ...
        def __getitem__(self, key: Any) -> Tensor: ...
        def __setitem__(self, key: Any, value: Any) -> None: ...
        def __iter__(self) -> Iterator[Tensor]: ...
        def __neg__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...

        def __add__(self, other: Any) -> Tensor: ...

        __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __matmul__ = __add__
        __pow__ = __and__ = __or__ = __lt__ = __le__ = __gt__ = __ge__ = __add__

    def __init__(self, data: Any = (), storage: Any = None, *sizes: int) -> None:
        if type(data) is not RAW and not isinstance(data, torch.Tensor):
            self._constructed(data, *(each for each in (storage, *sizes) if each is not None))
            return
        self._data = data
        if storage is None:
            storage = new_storage() if inferring else Storage()
        self._storage: Storage = storage
        self._edge: Edge | None = None
        self._requires_grad = False
        self._grad: Tensor | None = None
        self._view: View | None = None
        self._accumulator: weakref.ref[AccumulateGrad] | None = None

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if hasattr(Tensor, name)]

    # The geometry: element i of the tensor is storage[storage_offset + sum(i * stride)].

    @property
    def shape(self) -> torch.Size:
        """The length of every dimension."""
        return self._data.shape

    @property
    def dtype(self) -> torch.dtype:
        """The type of the elements, one of torch's dtypes."""
        return self._data.dtype

    @property
    def device(self) -> torch.device:
        """Where the memory is."""
        return self._data.device

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    def dim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the length of one dimension. IndexError for a dimension that does not exist."""
        return self._data.shape if dim is None else self._data.size(dim)

    def stride(self, dim: int | None = None) -> Any:
        """The distance in memory, in elements, between neighbours along each dimension, or along one."""
        return self._data.stride() if dim is None else self._data.stride(dim)

    def storage_offset(self) -> int:
        """The position of the first element in the storage, in elements."""
        return int(self._data.storage_offset())

    def is_contiguous(self, memory_format: torch.memory_format = torch.contiguous_format) -> bool:
        """Whether the elements lie in memory without gaps, in row-major order or the one asked for."""
        return self._data.is_contiguous(memory_format=memory_format)

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self._data.data_ptr()

    def numel(self) -> int:
        """The number of elements."""
        return self._data.numel()

    def is_floating_point(self) -> bool:
        """Whether the elements are real floating-point numbers."""
        return self._data.is_floating_point()

    def is_complex(self) -> bool:
        """Whether the elements are complex numbers."""
        return self._data.is_complex()

    # The place in the graph.

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient with respect to this tensor is wanted. Set it on leaves of floating or complex dtype only.

        RuntimeError: set to True on another dtype, to anything on a recorded tensor, or to what is no truth value.
        """
        if self._view is not None and self._view.is_stale():
            return self._view.base.requires_grad
        return self._edge is not None or self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise RuntimeError("requires_grad must be a bool")  # noqa: TRY004 - as torch has it
        if value and not self.is_leaf:
            raise RuntimeError("you can only change requires_grad flags of leaf variables.")
        if value and not (self.is_floating_point() or self.is_complex()):
            raise RuntimeError("only Tensors of floating point and complex dtype can require gradients")
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad` and return this tensor. A recorded tensor already requires it: True changes nothing."""
        if not self.is_leaf:
            if not requires_grad:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable "
                    "in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
                )
        elif not isinstance(requires_grad, bool):
            raise TypeError(
                "requires_grad_(): argument 'requires_grad' (position 1) must be bool, not "
                f"{type(requires_grad).__name__}"
            )
        elif requires_grad and not (self.is_floating_point() or self.is_complex()):
            raise RuntimeError("only Tensors of floating point dtype can require gradients, and of complex dtype")
        elif requires_grad and self.is_inference() and not state.inference:
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
        else:
            self._requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operator computed this tensor."""
        return self.grad_fn is None

    @property
    def grad_fn(self) -> Node | None:
        """The node that computed this tensor; None for leaves.

        RuntimeError: for a view made under `no_grad` whose memory was written since with recording on.
        """
        if self._view is not None:
            self._view.refresh(self)
        return None if self._edge is None else self._edge[0].shown()

    @property
    def output_nr(self) -> int:
        """Which of its node's outputs this tensor is."""
        return 0 if self.grad_fn is None or self._edge is None else self._edge[1]

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient: None until a backward pass reaches this leaf.

        Assign None, or a tensor of the same shape, dtype and device, which later passes then add to.
        TypeError for anything that is not a tensor; RuntimeError for another shape, dtype or device, or the tensor itself.
        """
        if self._grad is None and self._edge is not None and not self.retains_grad:
            warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't "
                "be populated during autograd.backward(). If you indeed want the .grad field to be populated for a "
                "non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, "
                "make sure you access the leaf Tensor instead."
            )
        return self._grad

    @grad.setter
    def grad(self, gradient: Tensor | None) -> None:
        if gradient is not None:
            self._check_grad(gradient)
        self._grad = gradient

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    def _check_grad(self, gradient: Tensor) -> None:
        if not isinstance(gradient, Tensor):
            raise TypeError(
                f"assigned grad expected to be a Tensor or None but got grad of type {type(gradient).__name__}"
            )
        if gradient is self:
            raise RuntimeError("can't assign Variable as its own grad")
        for what, name in {"shape": "of size", "dtype": "with dtype", "device": "with device type"}.items():
            expected, got = getattr(self._data, what), getattr(gradient._data, what)
            if expected != got:
                expected, got = (list(each) if what == "shape" else each for each in (expected, got))
                same = {"shape": "the same size", "dtype": "of the same dtype", "device": "on the same device"}[what]
                raise RuntimeError(
                    f"attempting to assign a gradient {name} '{got}' to a tensor {name} '{expected}'. Please ensure that the "
                    f"gradient and the tensor are {same}"
                )

    @property
    def _version(self) -> int:
        if self.is_inference():
            raise RuntimeError("Inference tensors do not track version counter.")
        return self._storage.version

    def is_inference(self) -> bool:
        """Whether this tensor's memory was made in inference mode."""
        return type(self._storage) is InferenceStorage

    @property
    def _base(self) -> Tensor | None:
        return None if self._view is None else self._view.base

    def detach(self) -> Tensor:
        """A constant over the same memory and version counter, with no history."""
        return Tensor(self._data, self._storage)

    def detach_(self) -> Tensor:
        """Become a constant. What was computed from this tensor before, views included, keeps its history.

        RuntimeError: this tensor is a view, which has its history from its base.
        """
        if self._view is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._cut, self._edge, self._requires_grad = self._edge, None, False
        return self

    @property
    def data(self) -> Tensor:
        """A constant over the same memory with a version counter of its own: writes through it go unnoticed."""
        return Tensor(self._data)

    @data.setter
    def data(self, source: Tensor) -> None:
        if not isinstance(source, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(source).__name__}")
        if self.requires_grad and not (source.is_floating_point() or source.is_complex()):
            raise RuntimeError("data set to a tensor that requires gradients must be floating point or complex dtype")
        self._data = source._data

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """A leaf, and its gradient, over memory of their own. RuntimeError for a recorded tensor."""
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment. "
                "Take a detach() of this one, which has a history."
            )
        if id(self) not in memo:
            memo[id(self)] = copy = Tensor(self._data.clone()).requires_grad_(self.requires_grad)
            copy._grad = None if self._grad is None else self._grad.detach().clone()
        return memo[id(self)]  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled, and copied, without history and gradient."""
        return _restored, (self._data, self.requires_grad)

    # The values.

    def item(self) -> Number:
        """The value of a one-element tensor as a Python number. RuntimeError for any other number of elements."""
        return self._data.item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self._data.tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """The values as a NumPy array over the same memory, or a copy where `force` has to make one.

        RuntimeError, without `force`: this tensor requires gradients, and operators are recorded.
        """
        if self.requires_grad and state.enabled and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return self._data.numpy(force=force)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def _scalar(self) -> torch.Tensor:
        if self.requires_grad:
            warn(
                "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\nConsider using "
                "tensor.detach() first."
            )
        return self._data

    def __bool__(self) -> bool:
        return bool(self._data)

    def __float__(self) -> float:
        return float(self._scalar())

    def __int__(self) -> int:
        return int(self._data)

    def __index__(self) -> int:
        return self._data.__index__()

    def __complex__(self) -> complex:
        return complex(self._scalar())

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        text, history = repr(self._data), "requires_grad=True"
        if (node := self.grad_fn) is not None:
            history = f"grad_fn=<{node.name().rpartition(':')[2]}>"
        elif not self._requires_grad:
            return text
        is_long = len(text[text.rfind("\n") + 1 :]) + len(history) >= PRINT_OPTS.linewidth - 2
        return f"{text[:-1]},{NEW_LINE if is_long else ' '}{history})"


def _restored(data: torch.Tensor, requires_grad: bool) -> Tensor:
    """A leaf from its pickled form."""
    return Tensor(data).requires_grad_(requires_grad)
