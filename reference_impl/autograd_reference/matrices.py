"""Inverses, determinants, systems of equations and decompositions: operators and their rules. linalg.py makes functions of them.

Matrices are the last two dimensions, and batches of them come before. A decomposition is several operators, one for each of
its results: so a gradient of values alone never divides by the gap between equal ones. What a rule needs of the others it
computes anew. Rules of complex results read conjugated values, as always; where a formula is not holomorphic, it undoes that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from . import rules
from .definition import Operator
from .elementwise import refused
from .graph import compute
from .reductions import others
from .rules import masked, nothing
from .tensor import Tensor


def like(x: Any, constant: torch.Tensor) -> Any:
    """A constant for a rule that may run on raw tensors or on tensors."""
    return constant.to(x.device) if isinstance(x, torch.Tensor) else Tensor(constant.to(x.device))


def per_matrix(g: Any) -> Any:
    """A number for each matrix, in a shape that multiplies matrices."""
    return g.unsqueeze(-1).unsqueeze(-1)


def part(name: str, place: int, rule: Callable[..., Any], parameters: str = "", **how: Any) -> Operator:
    """One of the results of a function of torch.linalg that gives several."""
    kernel = getattr(torch.linalg, name)
    return Operator(f"linalg_{name}", lambda x, *given: kernel(x, *given, **how)[place], f"x; {parameters}", x=rule)


# Inverse, determinant, systems of equations.

INV: Operator = Operator("linalg_inv_ex", torch.linalg.inv, "x", x=lambda g, result: -(result.mT @ g @ result.mT))


def trusted_inverse(x: torch.Tensor) -> torch.Tensor | None:
    """The inverses, unless one is worth no digits."""
    if not x.numel():
        return x
    inverse, failed = torch.linalg.inv_ex(x)
    condition = x.abs().sum(-2).amax(-1) * inverse.abs().sum(-2).amax(-1)
    return None if bool(((failed != 0) | (condition > 1e-4 / torch.finfo(x.dtype).eps)).any()) else inverse


def cofactors(x: Any, det: Any) -> Any:
    """The derivative of the determinant. Of singular matrices the minors give it, or singular values, and not the inverse."""
    is_raw = isinstance(x, torch.Tensor)
    if (inverse := trusted_inverse(x if is_raw else x._data)) is not None:
        return per_matrix(det) * (inverse if is_raw else compute(INV, (x,))).mT
    n = x.shape[-1]
    if is_raw and n > 8:  # there are n * n minors
        u, s, vh = torch.linalg.svd(x)
        return per_matrix(torch.linalg.det(u @ vh)) * (u.conj() * others(s, -1).unsqueeze(-2)) @ vh.conj()
    kept = torch.tensor([[k for k in range(n) if k != left_out] for left_out in range(n)]).long().reshape(n, n - 1)
    rows, columns = like(x, kept.reshape(n, 1, -1, 1)), like(x, kept.reshape(1, n, 1, -1))
    signs = 1 - (torch.arange(n).unsqueeze(1) + torch.arange(n)) % 2 * 2
    return compute(DET, (x[..., rows, columns],)) * like(x, signs)


DET: Operator = Operator(
    "linalg_det", torch.linalg.det, "x", x=lambda g, x, result: per_matrix(g) * cofactors(x, result)
)
SIGN_OF_DET: Operator = part(
    "slogdet",
    0,
    lambda g, x, result, shape: (
        per_matrix((g * result).imag * 1j) * compute(INV, (x,)).mT if g.is_complex() else nothing(g, shape)
    ),
)
LOGABSDET: Operator = part("slogdet", 1, lambda g, x: per_matrix(g) * compute(INV, (x,)).mH)
SOLVE: Operator = Operator(
    "linalg_solve_ex",
    torch.linalg.solve,
    "x y",
    x=lambda g, x, result: -(compute(SOLVE, (x.mT, g)) @ result.mT),
    y=lambda g, x: compute(SOLVE, (x.mT, g)),
)
SOLVE_TRIANGULAR: Operator = Operator(
    "linalg_solve_triangular",
    lambda x, y, upper, unit: torch.linalg.solve_triangular(x, y, upper=upper, unitriangular=unit),
    "x y; upper unit",
    x=lambda g, x, result, upper, unit: triangle(
        -(compute(SOLVE_TRIANGULAR, (x.mT, g), (not upper, unit)) @ result.mT), upper, int(unit)
    ),
    y=lambda g, x, upper, unit: compute(SOLVE_TRIANGULAR, (x.mT, g), (not upper, unit)),
)


def triangle(x: Any, upper: bool, without: int) -> Any:
    """A triangle of a matrix, without that many diagonals."""
    return x.triu(without) if upper else x.tril(-without)


def pinv_rule(g: Any, x: Any, result: Any) -> Any:
    """The gradient of the pseudoinverse of a matrix whose rank does not change."""
    x, p, g_h = x.conj(), result.conj(), g.mH
    return -(p.mH @ g @ p.mH) + (g_h - x @ p @ g_h) @ p @ p.mH + p.mH @ p @ (g_h - g_h @ p @ x)


PINV: Operator = Operator("linalg_pinv", lambda x, how: torch.linalg.pinv(x, **how), "x; how", x=pinv_rule)


def matrix_exp_rule(g: Any, x: Any) -> Any:
    """The derivative stands in the exponential of a matrix of blocks."""
    n = x.shape[-1]
    zeros = x.new_zeros(()).expand(x.shape)
    upper, lower = (compute(rules.CAT, row, (-1, (0, n))) for row in ((x.mT, g), (zeros, x.mT)))
    return compute(MATRIX_EXP, (compute(rules.CAT, (upper, lower), (-2, (0, n))),))[..., :n, n:]


MATRIX_EXP: Operator = Operator("linalg_matrix_exp", torch.linalg.matrix_exp, "x", x=matrix_exp_rule)


# Decompositions.


def cholesky_rule(g: Any, result: Any) -> Any:
    """The factor depends on one triangle; the gradient is that of the whole, symmetric matrix."""
    factor = result.conj()
    inner = (factor.mH @ g).tril()
    inverse = compute(INV, (factor,))
    return inverse.mH @ (inner + inner.tril(-1).mH) @ inverse / 2


CHOLESKY: Operator = Operator("linalg_cholesky_ex", torch.linalg.cholesky, "x", x=cholesky_rule)


def qr_rule(g: Any, x: Any, is_r: bool) -> Any:
    """The gradient by one factor of a matrix that has at least as many rows as columns."""
    x = x.conj()
    q, r = compute(QR_Q, (x,)), compute(QR_R, (x,))
    inner = g @ r.mH if is_r else -(q.mH @ g)
    symmetric = inner.triu() + inner.triu(1).mH
    through_q = q @ ((symmetric + symmetric.mH) / 2)
    return (through_q if is_r else g + through_q) @ compute(INV, (r,)).mH


QR_Q: Operator = part("qr", 0, lambda g, x: qr_rule(g, x, False))
QR_R: Operator = part("qr", 1, lambda g, x: qr_rule(g, x, True))


def by_gaps(inner: Any, values: Any) -> Any:
    """What lies off the diagonal over the gaps between values; infinite, or no number, where two are equal."""
    eye = like(inner, torch.eye(inner.shape[-1], dtype=torch.bool))
    return masked(inner, eye) / (values.unsqueeze(-2) - values.unsqueeze(-1) + eye)


def refuse_phase(inner: Any) -> None:
    """RuntimeError: what is differentiated depends on the phase of complex eigenvectors, which is nobody's choice."""
    if inner.is_complex() and bool((inner.diagonal(0, -2, -1).imag.abs() > 1e-2).any()):
        raise RuntimeError(
            "linalg_eigh_backward: The eigenvectors in the complex case are specified up to multiplication by e^{i phi}. "
            "The specified loss function depends on this quantity, so it is ill-defined."
        )


def eigenvectors_rule(g: Any, x: Any, result: Any, uplo: str) -> Any:
    """The gradient by the eigenvectors of a Hermitian matrix."""
    vectors = result.conj()
    inner = vectors.mH @ g
    refuse_phase(inner)
    return vectors @ by_gaps((inner - inner.mH) / 2, compute(EIGENVALUES, (x.conj(),), (uplo,))) @ vectors.mH


def eigenvalues_rule(g: Any, x: Any, uplo: str) -> Any:
    """The gradient by the eigenvalues of a Hermitian matrix, also where some are equal."""
    vectors = compute(EIGENVECTORS, (x,), (uplo,))
    return vectors @ (g.unsqueeze(-1) * vectors.mH)


EIGENVALUES: Operator = part("eigh", 0, eigenvalues_rule, "uplo")
EIGENVECTORS: Operator = part("eigh", 1, eigenvectors_rule, "uplo")


def general_eigenvalues_rule(g: Any, x: Any) -> Any:
    """The gradient by the eigenvalues of any square matrix."""
    vectors = compute(GENERAL_EIGENVECTORS, (x.conj(),)).mH
    return compute(SOLVE, (vectors, g.unsqueeze(-1) * vectors))


def general_eigenvectors_rule(g: Any, x: Any, result: Any) -> Any:
    """The gradient by the eigenvectors, whose length is one."""
    vectors = result.conj()
    inner = vectors.mH @ g
    refuse_phase(inner)
    inner = inner - vectors.mH @ (vectors * inner.diagonal(0, -2, -1).real.unsqueeze(-2))
    gaps = by_gaps(inner, compute(GENERAL_EIGENVALUES, (x.conj(),)).conj())
    return compute(SOLVE, (vectors.mH, gaps @ vectors.mH))


GENERAL_EIGENVALUES: Operator = part("eig", 0, general_eigenvalues_rule)
GENERAL_EIGENVECTORS: Operator = part("eig", 1, general_eigenvectors_rule)


def singular_rule(g: Any, x: Any, result: Any, is_right: bool) -> Any:
    """The gradient by the left singular vectors; or by the right ones, which are the left ones of the transposed matrix."""
    x, vectors = x.conj(), result.conj()
    values, other = compute(SINGULAR_VALUES, (x,)), compute(SINGULAR_LEFT if is_right else SINGULAR_RIGHT, (x,))
    return by_left(g.mH, vectors.mH, values, other.mH).mH if is_right else by_left(g, vectors, values, other)


def by_left(g: Any, left: Any, values: Any, right: Any) -> Any:
    """The formula: a rotation among the vectors, half of a common phase, and what leads out of the space that they span."""
    inner = left.mH @ g
    turned = by_gaps(inner - inner.mH, values * values) * values.unsqueeze(-2)
    if inner.is_complex():
        turned = turned + (inner.diagonal(0, -2, -1).imag * 0.5j / values).diag_embed()
    change = left @ turned
    if left.shape[-2] > left.shape[-1]:
        change = change + (g - left @ inner) / values.unsqueeze(-2)
    return change @ right


def singular_values_rule(g: Any, x: Any) -> Any:
    """The gradient by the singular values, also where some are equal."""
    return compute(SINGULAR_LEFT, (x,)) @ (g.unsqueeze(-1) * compute(SINGULAR_RIGHT, (x,)))


def refused_rotation(g: Any, shape: torch.Size) -> Any:
    """Zeros, for vectors that may be rotated among themselves. RuntimeError if something depends on them."""
    if bool((g != 0).any()):
        raise RuntimeError(
            "svd: vectors without a singular value, which `full_matrices` adds, have no derivative; use full_matrices=False"
        )
    return nothing(g, shape)


SINGULAR_LEFT: Operator = part("svd", 0, lambda g, x, result: singular_rule(g, x, result, False), full_matrices=False)
SINGULAR_VALUES: Operator = part("svd", 1, singular_values_rule, full_matrices=False)
SINGULAR_RIGHT: Operator = part("svd", 2, lambda g, x, result: singular_rule(g, x, result, True), full_matrices=False)
SINGULAR_REST: Operator = Operator("linalg_svd", lambda x, vectors: vectors, "x; vectors", x=refused_rotation)
PHASED: Operator = Operator(
    "linalg_svd", lambda x: x, "x", x=refused("svd of a complex matrix by its vectors", NotImplementedError)
)
