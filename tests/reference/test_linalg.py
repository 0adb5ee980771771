"""Linear algebra where torch's samples do not go: complex matrices, singular ones, equal eigenvalues, and what is refused."""

import itertools
from typing import Any

import pytest
import torch

import autograd_reference as reference

both = pytest.mark.parametrize("lib", [torch, reference], ids=["torch", "reference"])


def matrix(lib: Any, *shape: int, dtype: str = "complex128") -> Any:
    lib.manual_seed(0)
    return lib.randn(*shape, dtype=getattr(lib, dtype), requires_grad=True)


def hermitian(lib: Any, x: Any) -> Any:
    return x @ x.mH + lib.eye(x.shape[-1])


def unitary_factor(u: Any, _: Any, vh: Any) -> Any:
    return u @ vh


COMPLEX = {
    "eigvalsh": lambda lib, x: lib.linalg.eigvalsh(hermitian(lib, x)),
    "eigh": lambda lib, x: lib.linalg.eigh(hermitian(lib, x)).eigenvectors.abs(),
    "eig": lambda lib, x: lib.linalg.eig(x).eigenvectors.abs(),
    "svdvals": lambda lib, x: lib.linalg.svdvals(x[:, :2]),
    "svd": lambda lib, x: tuple(part.abs() for part in lib.linalg.svd(x[:, :2], full_matrices=False)),
    "the unitary factor": lambda lib, x: unitary_factor(*lib.linalg.svd(x)),
    "slogdet": lambda lib, x: tuple(lib.linalg.slogdet(x)),
    "qr": lambda lib, x: tuple(lib.linalg.qr(x)),
    "pinv": lambda lib, x: lib.linalg.pinv(x[:2]),
    "cholesky": lambda lib, x: lib.linalg.cholesky(hermitian(lib, x), upper=True),
    "cond": lambda lib, x: lib.linalg.cond(x),
    "solve for rows": lambda lib, x: lib.linalg.solve(x, x[:1], left=False),
    "solve for a vector": lambda lib, x: lib.linalg.solve(x, x[0]),
    "a unit triangle": lambda lib, x: lib.linalg.solve_triangular(
        x, x[:2], upper=False, left=False, unitriangular=True
    ),
    "cholesky_solve": lambda lib, x: lib.cholesky_solve(x[:, :2], lib.linalg.cholesky(hermitian(lib, x))),
    "matrix_power": lambda lib, x: lib.linalg.matrix_power(x, -2),
}


def gradient(lib: Any, y: Any, x: Any) -> Any:
    """The gradient of the outputs, each element with another weight."""
    outputs = y if isinstance(y, tuple) else (y,)
    weights = [lib.arange(1.0, y.numel() + 1).reshape(y.shape).to(y.dtype) for y in outputs]
    return lib.autograd.grad(outputs, x, weights, create_graph=True)[0]


@both
@pytest.mark.parametrize("name", COMPLEX)
def test_complex_matrices(lib: Any, name: str) -> None:
    x = matrix(lib, 3, 3)
    assert lib.autograd.gradcheck(lambda x: COMPLEX[name](lib, x), x)
    if lib is reference:  # once more for the gradient by one cotangent: `gradgradcheck` would take ten times as long
        assert lib.autograd.gradcheck(lambda x: gradient(lib, COMPLEX[name](lib, x), x), x)


def minor(rows: list[list[float]], i: int, j: int) -> float:
    """The determinant of a matrix without a row and a column, by permutations."""
    left = [[value for k, value in enumerate(row) if k != j] for n, row in enumerate(rows) if n != i]
    total = 0.0
    for order in itertools.permutations(range(len(left))):
        sign = (-1) ** sum(a > b for a, b in itertools.combinations(order, 2))
        for row, column in enumerate(order):
            sign = sign * left[row][column]
        total += sign
    return total


@pytest.mark.parametrize(
    "rows",
    [[[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [7.0, 8.0, 9.0]], [[0.0] * 3] * 3, [[0.0]], [[3.0]]],
)
def test_the_gradient_of_the_determinant_is_the_cofactors(rows: list[list[float]]) -> None:
    """Torch's is zero for singular matrices."""
    x = reference.tensor([rows, rows], dtype=reference.float64, requires_grad=True)
    x.det().sum().backward()
    n = len(rows)
    expected = [[(-1) ** (i + j) * minor(rows, i, j) for j in range(n)] for i in range(n)]
    assert x.grad is not None and x.grad.tolist() == [expected, expected]
    assert reference.autograd.gradgradcheck(reference.det, x)


@both
def test_equal_eigenvalues(lib: Any) -> None:
    for values in (lib.linalg.eigvalsh, lib.linalg.svdvals, lambda x: lib.linalg.eigh(x).eigenvalues):
        x = lib.eye(2, requires_grad=True)
        values(x).sum().backward()
        lib.testing.assert_close(x.grad, lib.eye(2))
    x = lib.eye(2, requires_grad=True)
    lib.linalg.eigh(x).eigenvectors.sum().backward()
    assert not x.grad.isfinite().all()


@both
def test_what_depends_on_a_phase_is_refused(lib: Any) -> None:
    for vectors in (lambda x: lib.linalg.eigh(hermitian(lib, x))[1], lambda x: lib.linalg.eig(x)[1]):
        with pytest.raises(RuntimeError, match="ill-defined"):
            vectors(matrix(lib, 3, 3)).imag.sum().backward()
    with pytest.raises(RuntimeError, match="ill-defined"):
        lib.linalg.svd(matrix(lib, 3, 3)).U.imag.sum().backward()


@both
def test_the_full_svd(lib: Any) -> None:
    for shape in ((4, 2), (2, 4)):
        x = matrix(lib, *shape, dtype="float64")
        u, s, vh = lib.linalg.svd(x)
        assert u.shape == (shape[0], shape[0]) and vh.shape == (shape[1], shape[1])
        lib.testing.assert_close(u.T @ u, lib.eye(shape[0], dtype=lib.float64))
        lib.testing.assert_close(vh @ vh.T, lib.eye(shape[1], dtype=lib.float64))
        (u[:, :2] * s @ vh[:2]).sum().backward()
        lib.testing.assert_close(x.grad, lib.ones_like(x))


def test_vectors_that_have_no_value_have_no_derivative() -> None:
    """Torch leaves this out without a word."""
    forward_ad = reference.autograd.forward_ad
    for shape, place in (((4, 2), 0), ((2, 4), 2)):
        x = matrix(reference, *shape, dtype="float64")
        with pytest.raises(RuntimeError, match="full_matrices=False"):
            reference.linalg.svd(x)[place].sum().backward()
        with forward_ad.dual_level(), pytest.raises(NotImplementedError, match="full_matrices=False"):
            reference.linalg.svd(forward_ad.make_dual(x, x.detach()))
    with pytest.raises(NotImplementedError, match="reduced"):
        reference.linalg.qr(matrix(reference, 4, 2), mode="complete")


DECOMPOSITIONS: dict[str, Any] = {
    "svd": lambda lib, x: lib.linalg.svd(x),
    "qr": lambda lib, x: lib.linalg.qr(x),
    "eigh": lambda lib, x: lib.linalg.eigh(x + x.mH),
    "eig": lambda lib, x: lib.linalg.eig(x),
    "slogdet": lambda lib, x: lib.linalg.slogdet(x),
}


@both
@pytest.mark.parametrize("name", DECOMPOSITIONS)
def test_the_results_of_a_decomposition_share_a_node(lib: Any, name: str) -> None:
    results = DECOMPOSITIONS[name](lib, matrix(lib, 3, 3, dtype="float64"))
    assert [(y.output_nr, y.grad_fn is results[0].grad_fn) for y in results] == [(k, True) for k in range(len(results))]
    assert type(results[0].grad_fn).__name__ == f"Linalg{name.title()}Backward0"


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # what torch's forward mode imports
@pytest.mark.parametrize("name", DECOMPOSITIONS)
def test_tangents_of_decompositions(name: str) -> None:
    found: list[list[Any]] = []
    for lib in (torch, reference):
        x = matrix(lib, 3, 3, dtype="float64").detach()
        tangent = lib.arange(9.0, dtype=lib.float64).reshape(3, 3)
        with lib.autograd.forward_ad.dual_level():
            results = DECOMPOSITIONS[name](lib, lib.autograd.forward_ad.make_dual(x, tangent))
            tangents = [lib.autograd.forward_ad.unpack_dual(y).tangent for y in results]
            found.append([(tangent + 0).tolist() for tangent in tangents])
    for theirs, ours in zip(*found, strict=True):
        torch.testing.assert_close(torch.tensor(ours), torch.tensor(theirs))


@both
def test_a_result_that_another_ones_gradient_needs_is_not_to_be_written(lib: Any) -> None:
    u, s, _ = lib.linalg.svd(matrix(lib, 3, 3, dtype="float64"))
    with lib.no_grad():
        s.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        u.sum().backward()


@both
def test_systems_that_cannot_be_solved(lib: Any) -> None:
    for wrong in (
        lambda: lib.linalg.inv(lib.zeros(2, 2)),
        lambda: lib.linalg.solve(lib.zeros(2, 2), lib.ones(2)),
        lambda: lib.linalg.cholesky(-lib.eye(2)),
    ):
        with pytest.raises(lib.linalg.LinAlgError):
            wrong()


@both
def test_norms_and_products(lib: Any) -> None:
    x = lib.tensor([[3.0, 0.0], [0.0, 4.0]], requires_grad=True)
    norms = {None: 5, "fro": 5, "nuc": 7, 2: 4, -2: 3, 1: 4, -1: 3, float("inf"): 4, float("-inf"): 3}
    assert all(round(lib.linalg.norm(x, order).item(), 5) == value for order, value in norms.items())
    assert lib.linalg.matrix_norm(x, keepdim=True).shape == (1, 1) and lib.linalg.vector_norm(x, ord=0).item() == 2
    assert lib.linalg.norm(x, 1, dim=1).tolist() == [3, 4] and lib.linalg.matrix_rank(x).item() == 2
    assert lib.linalg.multi_dot([x[0], x, x[1]]).item() == 0 and lib.linalg.vecdot(x, x).tolist() == [9, 16]
    assert lib.linalg.diagonal(x).tolist() == [3, 4] and lib.linalg.cross(lib.eye(3), lib.eye(3)[[1, 2, 0]])[0, 2] == 1
    assert lib.matrix_power(x, 0).tolist() == [[1, 0], [0, 1]] and x.matrix_power(3)[1, 1] == 64
    lib.logdet(x).backward()
    lib.testing.assert_close(x.grad, x.detach().inverse())
    assert lib.logdet(-lib.eye(3)).isnan() and lib.slogdet(-lib.eye(3)).sign == -1
    u, s, v = lib.svd(x.detach())
    lib.testing.assert_close(u @ lib.diag(s) @ v.T, x.detach())
    assert lib.linalg.inv(A=x).tolist() == x.inverse().tolist() and x.det().grad_fn.name() == "LinalgDetBackward0"


def test_the_determinant_of_a_large_singular_matrix_has_the_gradient_of_its_minors() -> None:
    x = torch.randn(9, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x[0] = x[1] + x[2]
    ours = reference.Tensor(x).requires_grad_()
    reference.linalg.det(ours).backward()
    rows = [[k for k in range(9) if k != left_out] for left_out in range(9)]
    minors = [[(-1) ** (i + j) * x[rows[i]][:, rows[j]].det().item() for j in range(9)] for i in range(9)]
    assert ours.grad is not None
    torch.testing.assert_close(ours.grad._data, torch.tensor(minors, dtype=torch.float64), rtol=1e-9, atol=1e-9)
