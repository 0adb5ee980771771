"""Jacobians by forward mode, on the reference and on torch: what holds of one holds of the other."""

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch as real

import autograd_reference as reference
from autograd_reference.autograd import functional
from autograd_reference.backward import Pass

pytestmark = pytest.mark.filterwarnings("ignore")  # what torch imports for transforms, and compiles for its rules
both = pytest.mark.parametrize("torch", [real, reference], ids=["torch", "reference"])
X = [0.3, -0.7, 1.2]


def written(torch: Any, x: Any) -> Any:
    y = torch.zeros(4).to(x)
    y[1:] = x * x
    y[:2].mul_(x[1:])
    return y.clone().add_(x[0])


def recorded_at_times(torch: Any, x: Any) -> Any:
    with torch.no_grad():
        constant = x.exp()
    return constant * x * x.detach()


FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "elementwise": lambda torch, x: x.sin() * x.exp() / (1 + x * x),
    "matrix": lambda torch, x: torch.outer(x, x.tanh()) @ x,
    "views": lambda torch, x: torch.stack([x.flip(0), x.expand(2, 3).T.sum(1)])[:, 1:] ** 3,
    "writes": written,
    "reductions": lambda torch, x: x.softmax(0).cumprod(0) + x.logsumexp(0) * x.var(),
    "choice": lambda torch, x: torch.where(x > 0, x**2, x.sigmoid()),
    "constant": lambda torch, x: torch.ones(2),
}
HOW: dict[str, Callable[[Any, Any], Any]] = {
    "fwd": lambda func, f: func.jacfwd(f),
    "rev": lambda func, f: func.jacrev(f),
    "jvp": lambda func, f: lambda x: func.jvp(f, (x,), (x.cos(),))[1],
    "vjp": lambda func, f: lambda x: func.vjp(lambda x: f(x).sin().sum(), x)[1](x.sum().exp())[0],
    "grad": lambda func, f: func.grad(lambda x: f(x).cos().sum()),
}


def at_x(torch: Any, name: str, order: tuple[str, ...], **options: Any) -> Any:
    function: Any = lambda x: FUNCTIONS[name](torch, x)
    for how in order:
        function = HOW[how](torch.func, function)
    return function(torch.tensor(X, dtype=torch.float64, **options))


@pytest.mark.parametrize("order", [("fwd",), *[each for each in itertools.product(HOW, HOW) if {*each} & {"fwd", "jvp"}],
                                   ("fwd",) * 3, ("rev", "fwd", "jvp"), ("grad", "jvp", "fwd"), ("fwd", "rev", "fwd")], ids="-".join)  # fmt: skip
@pytest.mark.parametrize("name", FUNCTIONS)
def test_nested(name: str, order: tuple[str, ...]) -> None:
    expected, result = at_x(real, name, order), at_x(reference, name, order)
    assert result.dtype == expected.dtype and not result.requires_grad
    real.testing.assert_close(result._data, expected)


@both
def test_what_is_recorded_outside_and_by_no_one(torch: Any) -> None:
    x = torch.tensor(X, requires_grad=True)
    jacobian = torch.func.jacfwd(lambda x: x**3)(x)
    (second,) = torch.autograd.grad(jacobian.sum(), x)
    assert torch.allclose(second, 6 * x) and jacobian.requires_grad
    with torch.no_grad():
        assert not torch.func.jacfwd(lambda x: x**3)(x).requires_grad
    square = torch.func.jacfwd(lambda x: recorded_at_times(torch, x))(torch.tensor(X))
    assert torch.allclose(square.diagonal(), (1 + x) * x * x.exp())  # tangents are pushed whatever is recorded
    with torch.inference_mode():
        for transform in (torch.func.jacfwd, torch.func.jacrev):
            assert torch.allclose(transform(torch.sin)(torch.tensor(X)).diagonal(), torch.tensor(X).cos())


def test_no_pass_is_run_over_what_the_function_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    x = reference.tensor(X, requires_grad=True)
    ran: list[Any] = []
    visit = Pass.visit
    monkeypatch.setattr(Pass, "visit", lambda walk, node, given: (ran.append(node), visit(walk, node, given))[1])
    nodes: list[Any] = []

    def function(x: Any) -> Any:
        nodes.append((y := x.sin() * x).grad_fn)
        return y

    reference.func.jacfwd(function)(x)
    functional.jacobian(function, x, vectorize=True, strategy="forward-mode")
    assert len(nodes) == 6 and None not in nodes and not {*nodes} & {*ran}


AT_KINKS: dict[str, Callable[[Any, Any], Any]] = {
    "norm": lambda torch, x: x.norm(),
    "norm of order 3": lambda torch, x: x.norm(3),
    "deviation": lambda torch, x: x.std(),
    "sign taken": lambda torch, x: torch.copysign(x, torch.ones(3)),
    "distance": lambda torch, x: x.dist(x * 1),
    "sign": lambda torch, x: torch.complex(x, x).sgn().real,
    "angle": lambda torch, x: torch.complex(x, x * 0).angle(),
    "product": lambda torch, x: x.prod(),
    "root": lambda torch, x: x.sqrt(),
    "exponential": lambda torch, x: torch.matrix_exp(torch.outer(x, x)),
}


@pytest.mark.parametrize("name", AT_KINKS)
def test_at_kinks(name: str) -> None:
    results = [lib.func.jacfwd(lambda x, lib=lib: AT_KINKS[name](lib, x))(lib.zeros(3)) for lib in (real, reference)]
    assert not results[1].requires_grad
    real.testing.assert_close(results[1]._data, results[0], equal_nan=True)


@both
def test_a_function_that_has_only_jvp(torch: Any) -> None:
    class Square(torch.autograd.Function):  # type: ignore[misc, name-defined, unused-ignore]
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any) -> Any:
            return x * x

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_forward(*inputs)

        @staticmethod
        def jvp(ctx: Any, tangent: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * tangent

    x = torch.tensor(X)
    assert torch.allclose(torch.func.jacfwd(Square.apply)(x).diagonal(), 2 * x)
    assert torch.allclose(torch.func.jvp(Square.apply, (x,), (x,))[1], 2 * x * x)
    along = lambda x: torch.func.jvp(Square.apply, (x,), (torch.ones(3),))[1]
    assert torch.func.grad(lambda x: along(x).sum())(x).tolist() == [2, 2, 2]


def test_a_function_that_has_only_jvp_twice() -> None:
    """torch gives zeros: it takes what was saved for a constant."""

    class Square(reference.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_forward(x)
            return x * x

        @staticmethod
        def jvp(ctx: Any, tangent: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * tangent

    jacobian = reference.func.jacfwd(reference.func.jacfwd(Square.apply))
    assert jacobian(reference.tensor([3.0])).tolist() == [[[2.0]]]
    matrix = functional.jacobian(Square.apply, reference.tensor([3.0]), vectorize=True, strategy="forward-mode")
    assert matrix.tolist() == [[6.0]]


@both
def test_structures(torch: Any) -> None:
    x, y = torch.tensor(X), {"a": torch.tensor([2.0]), "b": torch.ones(2, 1)}
    f = lambda x, y: ((x * y["a"], {"sum": (x.sum() + y["b"]).double()}), {"aux": x * 2, "sign": x > 0})
    jacobian, aux = torch.func.jacfwd(f, argnums=(1, 0), has_aux=True)(x, y)
    (by_y, by_x), sums = jacobian[0], jacobian[1]["sum"]
    assert (
        by_y["a"].shape == (3, 1)
        and by_y["b"].shape == (3, 2, 1)
        and by_x.tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    )
    assert (
        sums[0]["b"].shape == (2, 1, 2, 1)
        and sums[1].dtype == torch.float64
        and aux["sign"].tolist() == (x > 0).tolist()
    )
    assert torch.func.jacfwd(lambda x: (x > 0, x.argmax()))(x)[0].tolist() == [[False] * 3] * 3
    for transform in (torch.func.jacfwd, torch.func.jacrev):
        assert transform(lambda x: x * 2)(torch.ones(0)).shape == (0, 0)
    options = {"vectorize": True, "strategy": "forward-mode"}
    ((whole,), (part,)) = torch.autograd.functional.jacobian(lambda x: (x * x, x[0].double()), (x,), **options)
    assert whole.shape == (3, 3) and part.dtype == torch.float64 and part.shape == (3,)
    blocks = torch.autograd.functional.hessian(
        lambda x, y: (x * y**2).sum(), (x, x), vectorize=True, outer_jacobian_strategy="forward-mode"
    )
    assert torch.allclose(blocks[0][1].diagonal(), 2 * x) and blocks[0][0].abs().sum() == 0


@both
def test_randomness(torch: Any) -> None:
    jacobian = lambda how: torch.func.jacfwd(lambda x: x * torch.rand(()), randomness=how)(torch.ones(3)).diagonal()
    assert len({*jacobian("same").tolist()}) == 1 and len({*jacobian("different").tolist()}) == 3
    for refused in ("error", "none"):
        with pytest.raises(RuntimeError, match="random"):
            jacobian(refused)


REFUSED: dict[str, Callable[[Any, Any], Any]] = {
    "no such argument": lambda torch, x: torch.func.jacfwd(lambda x: x, argnums=1)(x),
    "twice": lambda torch, x: torch.func.jacfwd(lambda x: x, argnums=(0, 0))(x),
    "none": lambda torch, x: torch.func.grad(lambda x: x.sum(), argnums=())(x),
    "no position": lambda torch, x: torch.func.jacfwd(lambda x: x, argnums="x")(x),
    "integers": lambda torch, x: torch.func.jacfwd(lambda x: x * 2)(x.long()),
    "complex": lambda torch, x: torch.func.jacfwd(lambda x: x * 2)(x + 0j),
    "complex output": lambda torch, x: torch.func.jacfwd(lambda x: x * 2j)(x),
    "complex backwards": lambda torch, x: torch.func.jacrev(lambda x: x * 2j)(x),
    "no tensor": lambda torch, x: torch.func.jacfwd(lambda x: 1.0)(x),
    "no aux": lambda torch, x: torch.func.jacfwd(lambda x: x, has_aux=True)(x),
    "chunks": lambda torch, x: torch.func.jacfwd(lambda x: x, chunk_size=1)(x),
    "other size": lambda torch, x: torch.func.jvp(lambda x: x, (x,), (x[1:],)),
    "strict": lambda torch, x: torch.func.jvp(lambda x: torch.ones(2), (x,), (x,), strict=True),
    "no rule": lambda torch, x: torch.func.jacfwd(type("F", (torch.autograd.Function,), {
        "generate_vmap_rule": True, "forward": staticmethod(lambda x: x * 1), "setup_context": staticmethod(lambda *_: None),
        "backward": staticmethod(lambda ctx, g: g)}).apply)(x),
    **{
        str(options): lambda torch, x, options=options: torch.autograd.functional.jacobian(
            lambda x: x, x, **{"vectorize": True, "strategy": "forward-mode"} | options
        )
        for options in ({"strict": True}, {"create_graph": True}, {"vectorize": False}, {"strategy": "x"})
    },
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    with pytest.raises(Exception) as expected:
        REFUSED[name](real, real.tensor(X))
    with pytest.raises(expected.type):
        REFUSED[name](reference, reference.tensor(X))


def test_threads_have_levels_of_their_own() -> None:
    start, found = threading.Barrier(4), []

    def work(scale: float) -> None:
        start.wait()
        jacobian = reference.func.jacfwd(lambda x: x * x * scale)
        found.extend(jacobian(reference.tensor(X)).sum().item() / scale for _ in range(30))

    threads = [threading.Thread(target=work, args=(scale,)) for scale in (1.0, 2.0, 4.0, 8.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [pytest.approx(2 * sum(X))] * 120
