"""Every operator of the reference on torch's own sample inputs: values, gradients, second order and the form that writes in
place agree with torch's. And every rule can be seen to be wrong: each is perturbed, and must then disagree.
"""

import contextlib
import functools
import itertools
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import autograd_reference as reference
from autograd_reference.definition import Operator
from autograd_reference.rules import nothing

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

TOLERANCES = {torch.float64: 1e-9, torch.complex128: 1e-9, torch.float32: 2e-5, torch.complex64: 2e-5}
SAMPLES = 3  # of each operator and dtype, spread over those that torch has
METHODS = {"polygamma", "where"}  # whose samples are in the order of the method
# Their writes change the shape, or torch's are for other arguments.
NOT_WRITTEN = {"addbmm", "normal", "squeeze", "unsqueeze", "transpose", "t", "swapaxes", "swapdims", "as_strided"}
UNDEFINED = {"empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided", "empty_permuted"}
COMPLEX = {"sgn", "angle", "real", "imag", "conj", "conj_physical", "view_as_real", "H", "mH"}
# Where torch is wrong, or differs for a reason.
DEVIATIONS = {
    "as_strided-partial_views": "the sample views more memory than its copy has",
    "scatter_reduce-prod": "its second derivative is refused where factors are zero",
    "normal-in_place": "the sample has the method's arguments",
    "nn.functional.embedding": "torch's samples have the operands in another order; test_nn.py",
    "nn.functional.hardsigmoid": "torch's sixth is one of single precision",
    "nn.functional.scaled_dot_product_attention": "torch's kernel has no second derivative; test_nn.py",
    "special.polygamma-special_polygamma_n_0": "torch's samples have the method's arguments; EXTRA",
    "cholesky_inverse": "torch's gradient is of the whole matrix, of which one triangle is read; test_special_values.py",
    "cholesky_solve": "the same",
    "linalg.det-singular": "torch's gradient is zero there",
    "linalg.eig": "torch's samples depend on the phase of the vectors; EXTRA",
    "linalg.eigh": "the same",
    "linalg.pinv": "torch refuses its own samples here: with a threshold that requires gradients",
    "linalg.pinv-singular": "the same",
    "linalg.svd": "torch's samples depend on the phase of the vectors; EXTRA",
    "svd": "the same",
    "nn.functional.rrelu": "torch's middle slope is one of single precision",
}


def function(lib: Any, name: str) -> Callable[..., Any] | None:
    """A function by its dotted name, or the method, or what reads the property."""
    try:
        found = functools.reduce(getattr, name.split("."), lib)
    except AttributeError:
        found = None
    if not callable(found) or name in METHODS:  # a dtype has the name of a method
        found = getattr(lib.Tensor, name, None)
    if name == "einsum":
        return lambda operands, equation: lib.einsum(equation, operands)
    return found if callable(found) or found is None else lambda x: getattr(x, name)


OPERATORS = {
    f"{op.name}{'-' * bool(op.variant_test_name)}{op.variant_test_name}": op
    for op in op_db
    if function(torch, op.name) and function(reference, op.name) and op.name not in UNDEFINED and op.name[-1] != "_"
}


def mapped(change: Callable[[Any], Any], data: Any) -> Any:
    """Nested data with its tensors changed."""
    if isinstance(data, (torch.Tensor, reference.Tensor)):
        return change(data)
    if isinstance(data, dict):
        return {key: mapped(change, value) for key, value in data.items()}
    if isinstance(data, (list, tuple)) and not isinstance(data, torch.Size):
        changed = [mapped(change, value) for value in data]
        return changed if isinstance(data, list) else tuple(changed)
    return data


def tensors_in(data: Any) -> list[Any]:
    found: list[Any] = []
    mapped(found.append, data)
    return found


def for_torch(x: torch.Tensor) -> torch.Tensor:
    return x.detach().clone().requires_grad_(x.requires_grad)


def for_reference(x: torch.Tensor) -> Any:
    return reference.Tensor(x.detach().clone()).requires_grad_(x.requires_grad)


def samples(op: Any, dtype: torch.dtype, count: int | None) -> Iterator[tuple[Any, ...]]:
    """Arguments and keyword arguments, the tensors being torch's."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        all_samples = list(op.sample_inputs("cpu", dtype, requires_grad=op.supports_autograd))
    step = 1 if count is None else max(1, len(all_samples) // count)
    for sample in itertools.islice(all_samples, 0, None, step):
        yield (sample.input, *sample.args), sample.kwargs


def run(lib: Any, call: Callable[..., Any], args: Any, kwargs: Any, order: int) -> list[list[Any]]:
    """The results, the gradients by fixed cotangents, and those of the gradients."""
    torch.manual_seed(0)
    leaves = [x for x in tensors_in((args, kwargs)) if x.requires_grad]
    results = tensors_in(call(*args, **kwargs))
    found = [results]
    outputs = results
    for _ in range(order):
        outputs = [y for y in outputs if y is not None and y.requires_grad]
        if not outputs:
            break
        cotangents = [cotangent(lib, y) for y in outputs]
        outputs = list(lib.autograd.grad(outputs, leaves, cotangents, create_graph=True, allow_unused=True))
        found.append([lib.zeros_like(x) if g is None else g for g, x in zip(outputs, leaves, strict=True)])
    return found


def cotangent(lib: Any, y: Any) -> Any:
    """Fixed numbers in the shape of a result."""
    numbers = torch.linspace(0.5, 2, max(y.numel(), 1), dtype=torch.float64)[: y.numel()].reshape(y.shape).to(y.dtype)
    numbers = numbers * (1 - 0.5j) if y.is_complex() else numbers
    return numbers if lib is torch else lib.Tensor(numbers)


def compare(expected: list[list[Any]], got: list[list[Any]], what: str) -> None:
    for order, (theirs, ours) in enumerate(itertools.zip_longest(expected, got)):
        if theirs is None or ours is None:  # one side knows that there are no further derivatives
            assert all((x.detach().abs() < 1e-9).all() for x in theirs or ours), f"{what}: only one gives order {order}"
            return
        assert len(theirs) == len(ours), f"{what}: torch has {len(theirs)} results, the reference {len(ours)}"
        for a, b in zip(theirs, ours, strict=True):
            tolerance = TOLERANCES.get(a.dtype, 0)
            message = f"{what}, order {order}"
            assert order or a.requires_grad == b.requires_grad, f"{message}: requires_grad is {b.requires_grad}"
            torch.testing.assert_close(
                plain(b._data),
                plain(a),
                rtol=tolerance,
                atol=tolerance,
                equal_nan=True,
                msg=lambda text, message=message: f"{message}: {text}",
            )


def plain(x: torch.Tensor) -> torch.Tensor:
    """Without history, and with the conjugation done that a complex tensor may only have noted."""
    return x.detach().resolve_conj().resolve_neg()


def check(op: Any, dtype: torch.dtype, count: int | None = SAMPLES) -> None:
    """Values and two orders of derivatives agree on the samples."""
    theirs, ours = function(torch, op.name), function(reference, op.name)
    assert theirs and ours
    order = 0 if not op.supports_autograd else 2 if op.supports_gradgrad else 1
    for args, kwargs in samples(op, dtype, count):
        what = f"{op.name}{mapped(lambda x: list(x.shape), (args, kwargs))}"
        expected = run(torch, theirs, *mapped(for_torch, (args, kwargs)), order)
        compare(expected, run(reference, ours, *mapped(for_reference, (args, kwargs)), order), what)


def check_in_place(op: Any, dtype: torch.dtype, count: int | None = SAMPLES) -> None:
    """The form that writes agrees as well, and refuses what torch's refuses."""
    for args, kwargs in samples(op, dtype, count):
        what = f"{op.name}_{mapped(lambda x: list(x.shape), (args, kwargs))}"
        order = int(op.supports_autograd)
        try:
            expected = run(torch, written(op.name), *mapped(for_torch, (args, kwargs)), order)
        except NotImplementedError:  # torch has no derivative of inverse hyperbolic functions in place
            order = 0
            expected = run(torch, written(op.name), *mapped(for_torch, (args, kwargs)), order)
        except (RuntimeError, TypeError):
            with pytest.raises((RuntimeError, TypeError)):
                run(reference, written(op.name), *mapped(for_reference, (args, kwargs)), order)
            continue
        compare(expected, run(reference, written(op.name), *mapped(for_reference, (args, kwargs)), order), what)


def written(name: str) -> Callable[..., Any]:
    return lambda x, *args, **kwargs: getattr(x.clone(), f"{name}_")(*args, **kwargs)


def has_write(name: str) -> bool:
    return hasattr(torch.Tensor, f"{name}_") and hasattr(reference.Tensor, f"{name}_") and name not in NOT_WRITTEN


# What the samples leave out, on a matrix of three rows and two columns.
EXTRA: dict[str, Callable[[Any, Any], Any]] = {
    "relu": lambda lib, x: (x.relu() * x).relu(),
    "contiguous": lambda lib, x: x.t().contiguous() * x.t(),
    "slice": lambda lib, x: x[1:, ::2] * x[:2, 1:],
    "index": lambda lib, x: x[[0, 1, 1]] * x,
    "index by mask": lambda lib, x: x[x > 0] * x[x > 0],
    "assign at positions": lambda lib, x: assigned(x * x, [0, 2], x[1:] * x[:2]),
    "assign to a slice": lambda lib, x: assigned(x * x, slice(2), x[1:] * x[:2]),
    "write to a view": lambda lib, x: written_view(lib, x * x, x[0] * x[0]),
    "unfold": lambda lib, x: x.unfold(0, 2, 1) * x.unfold(0, 2, 1),
    "index_fill": lambda lib, x: x.index_fill(0, lib.tensor([1, 1]), x[0, 1] * x[1, 0]) * x,
    "scatter_reduce prod": lambda lib, x: x.scatter_reduce(0, lib.tensor([[0, 1], [0, 0], [2, 1]]), x * x, "prod"),
    "scatter_reduce prod of the source": lambda lib, x: x.scatter_reduce(
        0, lib.tensor([[0, 1], [0, 0], [2, 1]]), x * x, "prod", include_self=False
    ),
    "normal": lambda lib, x: lib.normal(x, x.abs()) * x,
    "poisson": lambda lib, x: lib.poisson(x.abs()) * x,
    "bernoulli": lambda lib, x: lib.bernoulli(x.sigmoid()) * x,
    "random numbers in place": lambda lib, x: (x * x).normal_(1, 2) + (x * x).uniform_() * x,
    "index_copy": lambda lib, x: (x * x).index_copy(0, lib.tensor([2, 0]), x[1:] * x[:2]),
    "embedding": lambda lib, x: lib.nn.functional.embedding(lib.tensor([[0, 2], [2, 1]]), x * x, 1) ** 2,
    "convolution": lambda lib, x: lib.nn.functional.conv1d(x[:, None], x[:2, None, :2], x[0, :2]) ** 2,
    "resizing without aliases": lambda lib, x: [
        lib.nn.functional.interpolate(x[None, None], (2, 3), mode=mode, antialias=True) ** 2
        for mode in ("bilinear", "bicubic")
    ],
    "cosine_similarity, broadcast": lambda lib, x: lib.nn.functional.cosine_similarity(x, x[:1] * 2 + x[1:2], dim=0),
    "nll_loss": lambda lib, x: [
        lib.nn.functional.nll_loss(x * x, lib.tensor([1, 0, 1]), x[0].detach() ** 2, reduction=reduction) ** 2
        for reduction in ("none", "mean", "sum")
    ],
    "nll_loss of pictures": lambda lib, x: [
        lib.nn.functional.nll_loss((x * x).reshape(1, 2, 3, 1), lib.tensor([[[1], [0], [-100]]]), reduction=reduction)
        ** 2
        for reduction in ("none", "mean", "sum")
    ],
    "det": lambda lib, x: lib.linalg.det(x @ x.T + x[1:].sum()) * x,
    "slogdet": lambda lib, x: list(lib.linalg.slogdet(lib.complex(x[1:], x[:2]))),
    "cholesky": lambda lib, x: lib.linalg.cholesky(x.T @ x),
    "eigh": lambda lib, x: list(lib.linalg.eigh(x @ x.T + x[0, 0])),
    "eig": lambda lib, x: [lib.linalg.eigvals(x[1:]), lib.linalg.eig(x[1:]).eigenvectors.abs()],
    "eigvals": lambda lib, x: lib.linalg.eigvals(x[1:]),
    "qr": lambda lib, x: list(lib.linalg.qr(x)),
    "qr wide": lambda lib, x: list(lib.linalg.qr(x.T)),
    "svd": lambda lib, x: list(lib.linalg.svd(x, full_matrices=False)),
    "svd wide": lambda lib, x: list(lib.linalg.svd(x.T, full_matrices=False)),
    "svdvals": lambda lib, x: lib.linalg.svdvals(x),
    "pinv": lambda lib, x: lib.linalg.pinv(x),
    "einsum of one": lambda lib, x: [
        lib.einsum("ii->i", x @ x.T) ** 2,
        lib.einsum("iji->j", x[None, :, :1].expand(1, 3, 1)) ** 2,
        lib.einsum("ij->j", x) ** 2,
        lib.einsum("...i->", x) ** 2,
    ],
    "einsum of several": lambda lib, x: [
        lib.einsum("ij,kj->ik", x, x * x),
        lib.einsum("ij,jk,kk", x.T, x[:, :1], x[:1, :1]),  # lengths of one broadcast
        lib.einsum("...j,j...->...", x, x.T * x.T),
        lib.einsum("ii,jk", x[:2] * x[1:], x),
    ],
    "incomplete gamma": lambda lib, x: [lib.igamma(x.detach().abs(), x * x), lib.igammac(x.detach().abs(), x * x)],
    "special functions": lambda lib, x: [
        lib.special.zeta(3.0, x * x) + lib.special.zeta(x.detach() ** 2 + 2, x * x),
        lib.special.xlog1py(x - 0.5, x * x) + lib.special.xlog1py(x, 1e-9) + lib.special.xlog1py(0.5, x * x),
        lib.special.polygamma(2, x * x)
        + lib.special.psi(x)
        + lib.special.gammaln(x)
        + lib.special.expit(x)
        + lib.special.multigammaln(x * x + 1, 2),
        lib.special.softmax(x, 0) + lib.special.log_softmax(x, 1, dtype=lib.float64) + lib.special.i1(x - x[0]),
        lib.special.i1e(x - x[1]) + lib.special.round(x, decimals=1) + lib.special.logsumexp(x, 1, True),
    ],
    "quantile": lambda lib, x: [
        lib.quantile(x, x[0, :1].sigmoid(), 0) * x,
        lib.quantile(lib.stack([x, x]), 0.25, interpolation="midpoint") * x,
        x.nanquantile(lib.tensor([0.2, 0.9], dtype=lib.float64), 1, True, interpolation="nearest"),
        lib.where(x > 2, lib.nan, x).quantile(0.7, 1),
        lib.where(x > 2, lib.nan, x).nanquantile(0.7, interpolation="higher"),
    ],
    "trapezoid": lambda lib, x: [
        lib.trapz(x * x, x),
        lib.trapezoid(x * x, x[:, 0], dim=0),
        lib.trapezoid(x, dx=2),
    ],
    "vander": lambda lib, x: [lib.vander(x[0].detach()) * x[0], lib.linalg.vander(x - x[0])],
    "lstsq": lambda lib, x: [lib.linalg.lstsq(x, x[:, :1] ** 2).residuals, lib.linalg.lstsq(x.T[None], x[None, 0])[0]],
    "transforms of whole tensors": lambda lib, x: [
        lib.fft.fft(x * x, 5, 0, norm="ortho") * lib.fft.fftfreq(2),
        lib.fft.irfftn(lib.fft.rfftn(x, norm="forward") ** 2, (3, 2)),
        lib.fft.ifftshift(lib.fft.ifft2(x[None] * x[0], (4, -1))),
    ],
    "fold": lambda lib, x: (
        lib.nn.functional.fold(lib.nn.functional.unfold(x[None] * x[0], 2, padding=1) ** 2, (3, 2), 2, padding=1) ** 2
    ),
}


def assigned(y: Any, key: Any, value: Any) -> Any:
    y[key] = value
    return y * y


def written_view(lib: Any, y: Any, value: Any) -> Any:
    y[1].mul_(value)
    y.t()[0].exp_()
    return y * y


def check_extra(name: str) -> None:
    matrix = torch.tensor([[0.5, -2.0], [1.5, 0.25], [-1.0, 3.0]], dtype=torch.float64, requires_grad=True)
    expected = run(torch, EXTRA[name], (torch, for_torch(matrix)), {}, 2)
    compare(expected, run(reference, EXTRA[name], (reference, for_reference(matrix)), {}, 2), name)


@pytest.mark.parametrize("name", EXTRA)
def test_what_the_samples_leave_out(name: str) -> None:
    check_extra(name)


REFUSED: dict[str, Callable[[Any, Any], Any]] = {
    "floor_divide x": lambda lib, x: x // 2,
    "floor_divide y": lambda lib, x: lib.floor_divide(x.detach(), x),
    "heaviside x": lambda lib, x: lib.heaviside(x, x.detach()),
    "heaviside values": lambda lib, x: lib.heaviside(x.detach(), x),
    "igamma x": lambda lib, x: lib.igamma(x, x.detach()),
    "igammac x": lambda lib, x: lib.igammac(x, x.detach()),
    "zeta x": lambda lib, x: lib.special.zeta(x, 2.0),
    "unique2 x": lambda lib, x: lib.unique(x),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_derivative_says_so_in_the_pass(name: str) -> None:
    kinds = []
    for lib in (torch, reference):
        y = REFUSED[name](lib, lib.tensor([0.5, 1.5], requires_grad=True))
        with pytest.raises(RuntimeError) as caught:
            y.sum().backward()
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]


pytestmark = pytest.mark.filterwarnings("ignore")  # torch's, about its own functions
CASES = [
    pytest.param(name, dtype, id=f"{name}-{str(dtype)[6:]}")
    for name, op in OPERATORS.items()
    for dtype in (torch.float64, torch.complex128)
    if dtype in op.supported_dtypes("cpu") and name not in DEVIATIONS
]


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_values_and_gradients(name: str, dtype: torch.dtype) -> None:
    check(OPERATORS[name], dtype)


@pytest.mark.parametrize(("name", "dtype"), [case for case in CASES if has_write(OPERATORS[case.values[0]].name)])
def test_writes_in_place(name: str, dtype: torch.dtype) -> None:
    check_in_place(OPERATORS[name], dtype)


# That the tests can fail.


def rules() -> Iterator[tuple[Any, str]]:
    """All operators with rules, and the operands that have one."""
    modules = [module for name, module in sys.modules.items() if name.startswith("autograd_reference.")]
    values = [value for module in modules for value in vars(module).values()]
    values += [part for value in values if isinstance(value, dict) for part in value.values()]
    operators = {id(value): value for value in values if isinstance(value, Operator)}
    return ((operator, operand) for operator in operators.values() for operand in operator.rules)


@contextlib.contextmanager
def changed_rule(operator: Any, operand: str, change: Callable[[Any], Any]) -> Iterator[None]:
    """A rule whose result is changed."""
    rule = operator.rules[operand]

    @functools.wraps(rule)
    def changed(*args: Any) -> Any:
        return change(rule(*args))

    operator.rules[operand] = changed
    operator.plans.clear()
    try:
        yield
    finally:
        operator.rules[operand] = rule
        operator.plans.clear()


@functools.cache
def judges() -> dict[tuple[int, str], list[str]]:
    """For each rule the cases in which it runs."""
    found: dict[tuple[int, str], list[str]] = {}
    current = ""

    def noting(key: tuple[int, str]) -> Callable[[Any], Any]:
        def note(gradient: Any) -> Any:
            names = found.setdefault(key, [])
            if current not in names:
                names.append(current)
            return gradient

        return note

    with contextlib.ExitStack() as stack:
        for operator, operand in rules():
            stack.enter_context(changed_rule(operator, operand, noting((id(operator), operand))))
        for current in (*EXTRA, *OPERATORS):
            with contextlib.suppress(
                AssertionError, RuntimeError
            ):  # which is for the tests of the case itself to report
                judge(current)
    return found


def judge(name: str) -> None:
    """A case, on few samples."""
    if name in EXTRA:
        return check_extra(name)
    op = OPERATORS[name]
    dtype = torch.complex128 if name in COMPLEX else torch.float64
    if op.supports_autograd and name not in DEVIATIONS and dtype in op.supported_dtypes("cpu"):
        check(op, dtype, 3)
        if has_write(op.name):
            check_in_place(op, dtype, 1)


@pytest.mark.parametrize(
    ("operator", "operand"),
    [
        pytest.param(operator, operand, id=f"{operator.name}-{operand}")
        for operator, operand in rules()
        if not operator.rules[operand].__qualname__.startswith("refused")
    ],
)
def test_every_rule_can_be_seen_to_be_wrong(operator: Any, operand: str) -> None:
    names = sorted(judges().get((id(operator), operand), []), key=lambda name: not name.startswith(operator.name))
    assert names, "no sample runs this rule: the operator needs one, or a case in EXTRA"
    with changed_rule(operator, operand, (lambda g: g + 1) if operator.rules[operand] is nothing else (lambda g: -g)):
        for name in names[:5]:
            try:
                judge(name)
            except (AssertionError, RuntimeError):
                return
    pytest.fail(f"{names[:5]} do not see it")
