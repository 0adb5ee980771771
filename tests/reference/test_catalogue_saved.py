"""What the catalogue says of saved values, checkpoints and anomaly mode, on torch and on the reference engine."""

import warnings
from typing import Any

import pytest
import torch as real
import torch.utils.checkpoint

import autograd_reference as reference

pytestmark = pytest.mark.parametrize("torch", [real, reference], ids=["torch", "reference"])


def leaf(torch: Any, *values: float) -> Any:
    return torch.tensor(values or (1.0, 2.0), requires_grad=True)


def counted(torch: Any, program: Any) -> int:
    packed: list[Any] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: packed.append(x) or x, lambda x: x):
        program()
    return len(packed)


def test_only_what_is_needed(torch: Any) -> None:
    x, y, c = leaf(torch), leaf(torch), torch.ones(2)
    programs = [
        (lambda: x * c, 1),
        (lambda: x * y, 2),
        (lambda: x + y, 0),
        (lambda: x.sum(), 0),
        (lambda: x.exp(), 1),
        (lambda: c * c, 0),
        (lambda: x.view(2, 1), 0),
        (lambda: x.reshape(1, 2) @ c.reshape(2, 1), 1),
    ]
    assert [counted(torch, program) for program, _ in programs] == [expected for _, expected in programs]


@pytest.mark.parametrize("name", ["identity", "clone", "lists"])
def test_roundtrip(torch: Any, name: str) -> None:
    pack, unpack = {
        "identity": (lambda x: x, lambda x: x),
        "clone": (lambda x: x.clone(), lambda x: x.clone()),
        "lists": (lambda x: (x.tolist(), x.dtype), lambda kept: torch.tensor(kept[0], dtype=kept[1])),
    }[name]
    counts = [0, 0]

    def counting_pack(x: Any) -> Any:
        counts[0] += 1
        return pack(x)

    def counting_unpack(x: Any) -> Any:
        counts[1] += 1
        return unpack(x)

    x = leaf(torch)
    with torch.autograd.graph.saved_tensors_hooks(counting_pack, counting_unpack):
        y = x * x
    for _ in range(2):
        y.backward(torch.ones(2), retain_graph=True)
    assert counts == [2, 4] and x.grad.tolist() == [4, 8]


def test_nesting(torch: Any) -> None:
    hooks, log = torch.autograd.graph.saved_tensors_hooks, []

    def named(name: str) -> Any:
        return hooks(lambda x: log.append(name) or x, lambda x: x)

    x = leaf(torch)
    with named("outer"):
        x.exp()
        with named("inner"):
            x.exp()
        x.exp()
    x.exp()
    assert log == ["outer", "inner", "outer"]
    with torch.autograd.graph.disable_saved_tensors_hooks("not here"):
        scope = named("none")
        with pytest.raises(RuntimeError, match="not here"):
            scope.__enter__()
    with named("again"):
        x.exp()
    assert log[-1] == "again"


def test_hooks_are_checked(torch: Any) -> None:
    hooks, x = torch.autograd.graph.saved_tensors_hooks, leaf(torch)
    with pytest.raises(RuntimeError), hooks(lambda x: x.mul_(2), lambda x: x):
        (x * 1).exp()
    with hooks(lambda x: x, lambda x: 3):
        y = x.exp()
    with pytest.raises(TypeError):
        y.sum().backward()


def test_packed_copies_do_not_notice_writes(torch: Any) -> None:
    x = leaf(torch)
    y = x * 1
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x.clone(), lambda x: x):
        z = y * y
        z.mul_(z)
    y.add_(10)
    z.sum().backward()
    assert x.grad.tolist() == [4, 32]


def test_results_of_writes_are_packed(torch: Any) -> None:
    x = leaf(torch)
    y = x * 1
    assert counted(torch, (x * 1).tanh_) == 1
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x.clone(), lambda x: x * 0):
        y.tanh_()
        y[0].exp_()
    y.sum().backward()
    assert x.grad.tolist()[0] == 0


def test_errors_leave_the_scope(torch: Any) -> None:
    x = leaf(torch)
    with pytest.raises(KeyError), torch.autograd.graph.saved_tensors_hooks(lambda x: {}["no"], lambda x: x):
        x.exp()
    x.exp().sum().backward()
    assert x.grad is not None


def test_second_order_through_packed_values(torch: Any) -> None:
    x = leaf(torch, 2.0)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x.clone(), lambda x: x.clone()):
        y = x * x * x
        z = y.exp() * 0 + y
        (g,) = torch.autograd.grad(z, x, create_graph=True)
    (h,) = torch.autograd.grad(g, x)
    assert (g.item(), h.item()) == (12, 12)


def test_packed_values_of_user_functions(torch: Any) -> None:
    class Square(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return ctx.saved_tensors[0] * 2 * g

    log, x = [], leaf(torch, 3.0)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: log.append(1) or x.clone(), lambda x: x):
        y = Square.apply(x * 1)
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    assert len(log) == 1 and g.item() == 6 and torch.autograd.grad(g, x)[0].item() == 2


def test_on_the_cpu(torch: Any) -> None:
    x = leaf(torch)
    with torch.autograd.graph.save_on_cpu():
        y = (x * x).exp()
    y.backward(torch.ones(2))
    plain = leaf(torch)
    (plain * plain).exp().backward(torch.ones(2))
    assert x.grad.tolist() == plain.grad.tolist()


def test_mutation_allowed(torch: Any) -> None:
    x = leaf(torch)
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        y = x * 1
        z = y * y
        y.add_(10)
        (z + y * 0).sum().backward()
    assert x.grad.tolist() == [2, 4]


def test_version_may_be_incremented(torch: Any) -> None:
    x = leaf(torch) * 1
    y = x * x
    torch.autograd.graph.increment_version(x)
    assert x._version == 1
    with pytest.raises(RuntimeError):
        y.sum().backward()


# Checkpoints.


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpoint_is_equal(torch: Any, reentrant: bool) -> None:
    x, calls = leaf(torch), []

    def region(x: Any, y: Any, n: int) -> Any:
        calls.append(torch.is_grad_enabled())
        return (x * y).exp() * x * n * (torch.rand(2) + 1)

    torch.manual_seed(3)
    y = leaf(torch, 3.0, -1.0)
    out = torch.utils.checkpoint.checkpoint(region, x, y, 2, use_reentrant=reentrant)
    after = torch.rand(1).item()
    out.sum().backward()
    later = torch.rand(1).item()  # running it again has drawn nothing
    gradients = [x.grad.tolist(), y.grad.tolist()]
    assert len(calls) == 2
    x.grad = y.grad = None
    torch.manual_seed(3)
    region(x, y, 2).sum().backward()
    assert [x.grad.tolist(), y.grad.tolist()] == gradients
    assert (torch.rand(1).item(), torch.rand(1).item()) == (after, later)


def test_checkpoint_of_closures(torch: Any) -> None:
    x, w = leaf(torch), leaf(torch)
    run = torch.utils.checkpoint.checkpoint
    with pytest.warns(UserWarning):
        assert not run(lambda x: x * w, torch.ones(2), use_reentrant=True).requires_grad
    run(lambda x: x * w * w, torch.ones(2), use_reentrant=False).sum().backward()
    assert w.grad.tolist() == [2, 4]
    with pytest.warns(UserWarning, match="use_reentrant"):
        run(lambda x: x * 2, x)


def test_checkpoint_second_order(torch: Any) -> None:
    x = leaf(torch, 2.0)
    run = torch.utils.checkpoint.checkpoint
    y = run(lambda x: (x * x) * x, x, use_reentrant=False)
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    assert (g.item(), torch.autograd.grad(g, x)[0].item()) == (12, 12)
    y = run(lambda x: x * x, x, use_reentrant=True)
    with pytest.raises(RuntimeError):
        torch.autograd.grad(y, x)
    with pytest.raises(RuntimeError):
        run(lambda x: x * x, x, use_reentrant=True).backward(inputs=[x])


def test_checkpoint_several_passes(torch: Any) -> None:
    x, calls = leaf(torch, 2.0), []
    y = torch.utils.checkpoint.checkpoint(lambda x: calls.append(1) or (x * x * x), x, use_reentrant=False)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 24 and len(calls) == 3


@pytest.mark.parametrize("second", [lambda x: x.exp() * 2, lambda x: (x.reshape(2, 1) * x.reshape(2, 1)).exp().exp()])
def test_checkpoint_mismatch(torch: Any, second: Any) -> None:
    x, calls = leaf(torch), []

    def region(x: Any) -> Any:
        calls.append(1)
        return (x * x).exp().exp() if len(calls) == 1 else second(x)

    y = torch.utils.checkpoint.checkpoint(region, x, use_reentrant=False)
    with pytest.raises(torch.utils.checkpoint.CheckpointError):
        y.sum().backward()


def test_checkpoint_nested(torch: Any) -> None:
    run = torch.utils.checkpoint.checkpoint

    def inner(x: Any) -> Any:
        return x.exp() * x

    def outer(x: Any) -> Any:
        return run(inner, x * x, use_reentrant=False) * x

    x = leaf(torch)
    run(outer, x, use_reentrant=False).sum().backward()
    plain = leaf(torch)
    ((plain * plain).exp() * (plain * plain) * plain).sum().backward()
    assert x.grad.tolist() == plain.grad.tolist()


def test_checkpoint_overwritten_argument(torch: Any) -> None:
    x = leaf(torch) * 1
    y = torch.utils.checkpoint.checkpoint(lambda x: x * x, x, use_reentrant=False)
    x.add_(1)
    with pytest.raises(RuntimeError):
        y.sum().backward()


def test_checkpoint_arguments(torch: Any) -> None:
    x, log = leaf(torch), []
    run = torch.utils.checkpoint.checkpoint
    with pytest.raises(ValueError):
        run(lambda x, n: x * n, x, n=2, use_reentrant=True)
    run(lambda x, n: x * x * n, x, n=2, use_reentrant=False).sum().backward()
    assert x.grad.tolist() == [4, 8]

    class Note:
        def __init__(self, name: str) -> None:
            self.name = name

        def __enter__(self) -> None:
            log.append(self.name)

        def __exit__(self, *exception: object) -> None:
            pass

    notes = lambda: (Note("first"), Note("second"))
    run(lambda x: x * x, x, use_reentrant=False, context_fn=notes).sum().backward()
    assert log == ["first", "second"]


@pytest.mark.parametrize("segments", [1, 2, 3])
def test_checkpoint_sequential(torch: Any, segments: int) -> None:
    x, calls = leaf(torch), []
    functions = [lambda x: calls.append(1) or x * x] * 5
    out = torch.utils.checkpoint.checkpoint_sequential(functions, segments, x, use_reentrant=False)
    out.sum().backward()
    assert x.grad.tolist() == [32, 32.0 * 2**31]
    assert len(calls) == 5 + 5 // segments * (segments - 1)


# Anomaly mode.


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_anomaly(torch: Any) -> None:
    x = leaf(torch, 0.0)
    with torch.autograd.detect_anomaly():
        with torch.autograd.set_detect_anomaly(False):
            assert not torch.is_anomaly_enabled()
        assert torch.is_anomaly_enabled() and torch.is_anomaly_check_nan_enabled()
        y = x.pow(0.5)
        y.backward()  # infinite, which is no anomaly
        y = (x * 0).pow(0.5)  # HERE
        with pytest.warns(UserWarning, match="HERE"), pytest.raises(RuntimeError, match="nan"):
            (y * 0 * x).backward()
    assert not torch.is_anomaly_enabled()
    with torch.autograd.detect_anomaly(check_nan=False):
        ((x * 0).pow(0.5) * 0 * x).backward()
    ((x * 0).pow(0.5) * 0 * x).backward()


def test_anomaly_names_the_line_of_any_error(torch: Any) -> None:
    class Fails(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            raise KeyError("planted")

    x = leaf(torch)
    torch.autograd.set_detect_anomaly(True)
    try:
        y = Fails.apply(x)  # THIS
        with pytest.warns(UserWarning, match="THIS"), pytest.raises(KeyError):
            y.sum().backward()
    finally:
        torch.autograd.set_detect_anomaly(False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KeyError):
            Fails.apply(x).sum().backward()
