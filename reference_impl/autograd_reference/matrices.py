"""Inverses, determinants, systems of equations and decompositions: operators and their rules. linalg.py makes functions of them.

Matrices are the last two dimensions, and batches of them come before. A decomposition has several results, and its rule adds up
what the gradients that there are contribute: so one of values alone never divides by the gap between equal ones. Rules of a
single complex result read conjugated values, as always; where a formula is not holomorphic, it undoes that.
"""

from __future__ import annotations

import functools
import operator as python
from typing import Any

import torch

from . import rules
from .definition import Operator
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


def total(*terms: Any) -> Any:
    """The sum of the terms that there are."""
    return functools.reduce(python.add, [term for term in terms if term is not None])


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


def slogdet_rule(g: Any, x: Any, sign: Any, shape: torch.Size) -> Any:
    """The sign of a real determinant is constant; that of a complex one turns."""
    g_sign, g_log = g
    if g_sign is not None:
        g_sign = (g_sign * sign.conj()).imag * 1j if sign.is_complex() else None
    if g_sign is None and g_log is None:
        return nothing(g[0], shape)
    return per_matrix(total(g_sign, g_log)) * compute(INV, (x,)).mH


SLOGDET: Operator = Operator("linalg_slogdet", torch.linalg.slogdet, "x -> sign logabsdet", x=slogdet_rule)
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
    factor = result.mT
    inner = (factor @ g).tril()
    half = compute(SOLVE_TRIANGULAR, (factor, inner + inner.tril(-1).mH), (True, False))
    return compute(SOLVE_TRIANGULAR, (factor, half.mH), (True, False)).mH / 2


CHOLESKY: Operator = Operator("linalg_cholesky_ex", torch.linalg.cholesky, "x", x=cholesky_rule)


def qr_rule(g: Any, Q: Any, R: Any) -> Any:
    """The gradient of a matrix that has at least as many rows as columns."""
    g_q, g_r = g
    inner = total(None if g_r is None else g_r @ R.mH, None if g_q is None else -(Q.mH @ g_q))
    symmetric = inner.triu() + inner.triu(1).mH
    through_q = Q @ ((symmetric + symmetric.mH) / 2)
    return compute(SOLVE_TRIANGULAR, (R, total(g_q, through_q).mH), (True, False)).mH


QR: Operator = Operator("linalg_qr", torch.linalg.qr, "x -> Q R", x=qr_rule)


def by_gaps(inner: Any, values: Any) -> Any:
    """What lies off the diagonal over the gaps between values; infinite, or no number, where two are equal."""
    eye = like(inner, torch.eye(inner.shape[-1], dtype=torch.bool))
    return masked(inner, eye) / (values.unsqueeze(-2) - values.unsqueeze(-1) + eye)


def refuse_phase(inner: Any, what: str) -> None:
    """RuntimeError: what is differentiated depends on the phase of complex vectors, which is nobody's choice."""
    if inner.is_complex() and bool((inner.diagonal(0, -2, -1).imag.abs() > 1e-2).any()):
        raise RuntimeError(
            f"{what} in the complex case are specified up to multiplication by e^{{i phi}}. "
            "The specified loss function depends on this quantity, so it is ill-defined."
        )


def eigh_rule(g: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    """The gradient of a Hermitian matrix."""
    g_values, g_vectors = g
    inner = None
    if g_vectors is not None:
        inner = eigenvectors.mH @ g_vectors
        refuse_phase(inner, "linalg_eigh_backward: The eigenvectors")
        inner = by_gaps((inner - inner.mH) / 2, eigenvalues) @ eigenvectors.mH
    through_values = None if g_values is None else g_values.unsqueeze(-1) * eigenvectors.mH
    return eigenvectors @ total(inner, through_values)


EIGH: Operator = Operator("linalg_eigh", torch.linalg.eigh, "x; uplo -> eigenvalues eigenvectors", x=eigh_rule)


def eig_rule(g: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    """The gradient of any square matrix; the length of an eigenvector is one."""
    g_values, g_vectors = g
    adjoint, inner = eigenvectors.mH, None
    if g_vectors is not None:
        inner = adjoint @ g_vectors
        refuse_phase(inner, "linalg_eig_backward: The eigenvectors")
        inner = inner - adjoint @ (eigenvectors * inner.diagonal(0, -2, -1).real.unsqueeze(-2))
        inner = by_gaps(inner, eigenvalues.conj()) @ adjoint
    return compute(SOLVE, (adjoint, total(inner, None if g_values is None else g_values.unsqueeze(-1) * adjoint)))


EIG: Operator = Operator("linalg_eig", torch.linalg.eig, "x -> eigenvalues eigenvectors", x=eig_rule)


def with_value(g: Any, n: int) -> Any:
    """The gradient by the vectors that have a singular value. RuntimeError if something depends on others: these may rotate."""
    if bool((g[..., n:] != 0).any()):
        raise RuntimeError(
            "svd: vectors without a singular value, which `full_matrices` adds, have no derivative; use full_matrices=False"
        )
    return g[..., :n]


def by_left(g: Any, inner: Any, left: Any, values: Any, right: Any) -> Any:
    """The gradient by the left vectors: a rotation among them, half of a common phase, and what leads out of their space."""
    turned = by_gaps(inner - inner.mH, values * values) * values.unsqueeze(-2)
    if inner.is_complex():
        turned = turned + (inner.diagonal(0, -2, -1).imag * 0.5j / values).diag_embed()
    change = left @ turned
    if left.shape[-2] > left.shape[-1]:
        change = change + (g - left @ inner) / values.unsqueeze(-2)
    return change @ right.mH


def svd_rule(g: Any, U: Any, S: Any, Vh: Any) -> Any:
    """The gradient by left vectors, values, and right vectors, which are the left ones of the transposed matrix."""
    n = S.shape[-1]
    g_u, g_s, g_v = g[0], g[1], None if g[2] is None else g[2].mH
    u, v = U[..., :n], Vh.mH[..., :n]
    terms = [None if g_s is None else u @ (g_s.unsqueeze(-1) * v.mH)]
    inners = []
    for each, left, right in (g_u, u, v), (g_v, v, u):
        if each is not None:
            each = with_value(each, n)
            inners.append(left.mH @ each)
            term = by_left(each, inners[-1], left, S, right)
            terms.append(term if left is u else term.mH)
    if inners:
        refuse_phase(total(*inners), "svd_backward: The singular vectors")
    return total(*terms)


SVD: Operator = Operator("linalg_svd", torch.linalg.svd, "x; full_matrices -> U S Vh", x=svd_rule)
