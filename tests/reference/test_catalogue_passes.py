"""What the catalogue says of passes, accumulation, lifetime, threads and the graph, on torch and on the reference engine."""

import gc
import threading
import warnings
import weakref
from typing import Any

import pytest
import torch as real

import autograd_reference as reference

pytestmark = pytest.mark.parametrize("torch", [real, reference], ids=["torch", "reference"])


def leaf(torch: Any, *values: float) -> Any:
    return torch.tensor(values or (1.0, 2.0), requires_grad=True)


# Roots and arguments.


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_implicit_one(torch: Any, shape: Any) -> None:
    x = torch.full(shape, 3.0, requires_grad=True)
    (x * x).backward()
    assert x.grad.tolist() == torch.full(shape, 6.0).tolist()


@pytest.mark.parametrize("shape", [(2,), (0,), (1, 2)])
def test_others_need_a_gradient(torch: Any, shape: Any) -> None:
    y = torch.ones(shape, requires_grad=True) * 2
    with pytest.raises(RuntimeError):
        y.backward()
    with pytest.raises(RuntimeError):
        torch.autograd.grad(y, y)


@pytest.mark.parametrize("shape", [(), (1,), (1, 2), (3,)])
def test_shape_of_the_gradient(torch: Any, shape: Any) -> None:
    x = leaf(torch)
    y = x * 2
    with pytest.raises(RuntimeError):
        y.backward(torch.ones(shape))
    y.backward(torch.ones(2))
    assert x.grad.tolist() == [2, 2]


@pytest.mark.parametrize("gradient", ["text", 1.0, [1.0, 1.0]])
def test_type_of_the_gradient(torch: Any, gradient: Any) -> None:
    with pytest.raises(TypeError):
        (leaf(torch) * 2).backward(gradient)


def test_dtype_of_the_gradient(torch: Any) -> None:
    for dtype in (real.float64, real.int64):
        x = leaf(torch)
        (x * 2).backward(torch.ones(2, dtype=dtype))
        assert x.grad.dtype is real.float32
    with pytest.raises(RuntimeError):
        (x * 2).backward(torch.ones(2, dtype=real.complex64))


def test_roots_that_need_no_gradient(torch: Any) -> None:
    x = leaf(torch)
    with torch.no_grad():
        unrecorded = x.sum()
    for root in (torch.ones(()), x.detach().sum(), unrecorded, x.sum().to(real.int64)):
        with pytest.raises(RuntimeError):
            root.backward()


def test_numbers_of_roots_and_gradients(torch: Any) -> None:
    x = leaf(torch)
    y = x * 2
    with pytest.raises(RuntimeError):
        torch.autograd.backward([y, y], [torch.ones(2)])
    torch.autograd.backward([y.sum(), y], [None, torch.ones(2)])
    assert x.grad.tolist() == [4, 4]


def test_dependent_roots(torch: Any) -> None:
    x, seen = leaf(torch, 1.0), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.item()))
    torch.autograd.backward([y, y * 3])
    assert seen == [4] and x.grad.item() == 8


def test_a_leaf_as_root(torch: Any) -> None:
    x, g = leaf(torch), torch.ones(2)
    x.backward(g)
    g.zero_()
    assert x.grad.tolist() == [1, 1]


def test_inputs(torch: Any) -> None:
    x, w, other = leaf(torch), leaf(torch), leaf(torch)
    y = x * 2
    z = (y * w).sum()
    z.backward(inputs=[y, w, w, other], retain_graph=True)
    assert x.grad is None and other.grad is None and w.grad.tolist() == [2, 4]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert y.grad.tolist() == [1, 2]
    for wrong in ([], [torch.ones(2)]):
        with pytest.raises(RuntimeError):
            z.backward(inputs=wrong)


def test_partial_outputs(torch: Any) -> None:
    x = leaf(torch, 1.0, 2.0, 3.0)
    x.split(2)[1].sum().backward()
    x.unbind()[0].backward()
    assert x.grad.tolist() == [1, 0, 1]


def test_same_operand_twice(torch: Any) -> None:
    x = leaf(torch, 3.0)
    for program in (lambda: x * x, lambda: x + x, lambda: x - x, lambda: x / x, lambda: torch.cat([x, x]).sum()):
        program().backward()
    assert x.grad.item() == 6 + 2 + 0 + 0 + 2


def test_inside_no_grad(torch: Any) -> None:
    x = leaf(torch)
    y = (x * x).sum()
    with torch.no_grad():
        y.backward()
    assert x.grad.tolist() == [2, 4] and not x.grad.requires_grad


# Edges and batches.


def test_gradient_edges(torch: Any) -> None:
    x = leaf(torch)
    y = x * x
    edge = torch.autograd.graph.get_gradient_edge(y)
    assert edge.node is y.grad_fn and edge.output_nr == 0
    z = y.sum()
    root = torch.autograd.graph.get_gradient_edge(z)
    del y
    assert torch.autograd.grad(z, edge, retain_graph=True)[0].tolist() == [1, 1]
    assert torch.autograd.grad(root, [x, edge], retain_graph=True)[0].tolist() == [2, 4]
    assert torch.autograd.grad(edge, x, torch.tensor([1.0, 10.0]), retain_graph=True)[0].tolist() == [2, 40]
    torch.autograd.backward(root)
    assert x.grad.tolist() == [2, 4]
    assert torch.autograd.graph.get_gradient_edge(x).node.variable is x
    with pytest.raises(RuntimeError):
        torch.autograd.graph.get_gradient_edge(torch.ones(2))


def test_batched_gradients(torch: Any) -> None:
    x, unused = leaf(torch), leaf(torch)
    y = x * x
    results = torch.autograd.grad(y, [x, unused], torch.eye(2), is_grads_batched=True, allow_unused=True)
    assert results[0].tolist() == [[2, 0], [0, 4]] and results[1] is None
    y = x**3
    (g,) = torch.autograd.grad(y, x, torch.eye(2), is_grads_batched=True, create_graph=True)
    assert torch.autograd.grad(g.sum(), x)[0].tolist() == [6, 12]


# The graph.


def test_graph_can_be_walked(torch: Any) -> None:
    x, y, c = leaf(torch), leaf(torch), torch.ones(2)
    z = ((x * c + y) * x.exp()).sum()
    assert x.grad_fn is None and c.grad_fn is None and isinstance(z.grad_fn, torch.autograd.graph.Node)
    assert z.grad_fn.name() == "SumBackward0" and z.grad_fn.next_functions[0][0].name() == "MulBackward0"
    assert (
        (x * c).grad_fn.next_functions[1]
        == (3 * x).grad_fn.next_functions[1]
        == (2 + x).grad_fn.next_functions[1]
        == (None, 0)
    )
    todo, leaves = [z.grad_fn], set()
    while todo:
        node = todo.pop()
        todo += [each for each, _ in node.next_functions if each is not None]
        if hasattr(node, "variable"):
            leaves.add(node.variable)
    assert leaves == {x, y}
    z.grad_fn.metadata["note"] = 1
    assert z.grad_fn.metadata == {"note": 1}


# Accumulation.


def test_identity_of_grad(torch: Any) -> None:
    x = leaf(torch)
    x.sum().backward()
    first = x.grad
    x.sum().backward()
    assert x.grad is first and first.tolist() == [2, 2] and first._version > 0
    x.grad.zero_()
    x.sum().backward()
    assert x.grad is first
    x.grad = None
    x.sum().backward()
    assert x.grad is not first
    del x.grad
    assert x.grad is None


def test_assigned_gradient(torch: Any) -> None:
    x, mine = leaf(torch), torch.ones(2)
    x.grad = mine
    x.sum().backward()
    assert x.grad is mine and mine.tolist() == [2, 2]
    for wrong, error in ((torch.ones(3), RuntimeError), (x, RuntimeError), (3.0, TypeError)):
        with pytest.raises(error):
            x.grad = wrong
    with pytest.raises(RuntimeError):
        x.grad = torch.ones(2, dtype=real.float64)


def test_accumulation_is_a_write(torch: Any) -> None:
    x, w = leaf(torch), leaf(torch)
    x.sum().backward()
    y = (x.grad * w).sum()
    x.sum().backward()
    with pytest.raises(RuntimeError):
        y.backward()


@pytest.mark.filterwarnings("ignore:Using backward")
def test_create_graph_replaces(torch: Any) -> None:
    x = leaf(torch)
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    (x**3).sum().backward(create_graph=True)
    assert x.grad is not first and first.tolist() == [3, 12] and x.grad.requires_grad
    x.grad = None


# Lifetime.


@pytest.fixture
def without_collector() -> Any:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collector")
def test_nothing_is_left(torch: Any) -> None:
    x = leaf(torch)
    y = x * x
    y.register_hook(lambda g: g * 2)
    z = (y.exp() * y).sum()
    z.backward()
    dead = [weakref.ref(t) for t in (x, y, z)]
    del x, y, z
    assert [ref() for ref in dead] == [None] * 3


def saving(torch: Any, kept: list[Any]) -> Any:
    class Saving(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            value = x * 2
            kept.append(weakref.ref(value))
            ctx.save_for_backward(value)
            return x * 3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.saved_tensors[0]

    return Saving


@pytest.mark.usefixtures("without_collector")
def test_saved_tensors_of_functions_are_released(torch: Any) -> None:
    kept: list[Any] = []
    y = saving(torch, kept).apply(leaf(torch)).sum()
    y.backward(retain_graph=True)
    assert kept[0]() is not None
    y.backward()
    assert kept[0]() is None
    y = saving(torch, kept).apply(leaf(torch))
    node = weakref.ref(y.grad_fn)
    del y
    assert kept[1]() is None and node() is None


@pytest.mark.usefixtures("without_collector")
def test_functions_that_save_their_output_leave_no_cycle(torch: Any) -> None:
    class Exp(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x.exp()
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.saved_tensors[1]

    x = leaf(torch)
    y = Exp.apply(x)
    dead = [weakref.ref(x), weakref.ref(y)]
    del x, y
    assert [ref() for ref in dead] == [None, None]


@pytest.mark.usefixtures("without_collector")
def test_detached_and_unrecorded_keep_nothing(torch: Any) -> None:
    x = leaf(torch)
    y = x * 2
    ref, z = weakref.ref(y), (y * 3).detach()
    del y
    assert ref() is None and not z.requires_grad
    with torch.no_grad():
        y = x * 2
        ref = weakref.ref(y)
        y = y * 3
    assert ref() is None


# Threads.


def in_threads(count: int, work: Any) -> None:
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_threads_share_a_leaf_and_a_graph(torch: Any) -> None:
    x = leaf(torch)
    y = (x * x).sum()

    def work(number: int) -> None:
        for _ in range(20):
            (x * 3).sum().backward()
            y.backward(retain_graph=True)

    in_threads(4, work)
    assert x.grad.tolist() == [80 * 5, 80 * 7]


def test_errors_and_hooks_stay_in_their_thread(torch: Any) -> None:
    seen: list[Any] = []

    def work(number: int) -> None:
        x = leaf(torch)
        x.register_hook(lambda g: seen.append(threading.get_ident() == here))
        here = threading.get_ident()
        x.sum().backward()

        def fail(g: Any) -> None:
            raise KeyError(number)

        y = x * 2
        y.register_hook(fail)
        with pytest.raises(KeyError, match=str(number)):
            y.sum().backward()

    in_threads(4, work)
    assert seen == [True] * 4


def test_threads_with_hooks_of_their_own(torch: Any) -> None:
    counts = [0] * 4

    def work(number: int) -> None:
        def pack(x: Any) -> Any:
            counts[number] += 1
            return x.clone()

        x = leaf(torch)
        for _ in range(20):
            with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
                y = x * x
            y.sum().backward()
        assert x.grad.tolist() == [40, 80]

    in_threads(4, work)
    assert counts == [40] * 4
