"""`torch.linalg`, and the functions of that kind at the top level. What they compute, with its derivatives, is in matrices.py.

Matrices are the last two dimensions of a tensor, and batches of them come before. LinAlgError, a RuntimeError, for a matrix
that is singular or not positive definite, where that matters.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from types import FunctionType
from typing import Any

import torch

from . import matrices
from .arithmetic import Dims, Dtype, dims_of, in_dtype, matmul
from .constant import constant, unwrapped, wrapped
from .definition import FUNCTIONS, compose, described, named_as_in_torch
from .forward import heeded
from .graph import apply, apply_all, levels
from .modes import state
from .naming import seen
from .reductions import NORM
from .shaping import cat
from .tensor import Tensor

KINDS: Any = torch.return_types
LinAlgError: Any = vars(torch.linalg)["LinAlgError"]
matrix_rank = constant(torch.linalg.matrix_rank)

# Inverse, determinant, systems of equations, decompositions, powers.

det: Any = lambda x: apply(matrices.DET, (x,))
inv: Any = lambda x: apply(matrices.INV, (x,))
matrix_exp: Any = lambda x: apply(matrices.MATRIX_EXP, (x,))
cross: Any = lambda x, y, dim=-1: FUNCTIONS["cross"](x, y, dim)
vecdot: Any = lambda x, y, dim=-1: (x.conj() * y).sum(dim)
diagonal: Any = lambda x, offset=0, dim1=-2, dim2=-1: x.diagonal(offset, dim1, dim2)
svdvals: Any = lambda x: svd(x, False).S if is_followed(x) else Tensor(torch.linalg.svdvals(x._data))
eigvals: Any = lambda x: eig(x).eigenvalues if is_followed(x) else Tensor(torch.linalg.eigvals(x._data))
eigvalsh: Any = lambda x, UPLO="L": (
    eigh(x, UPLO).eigenvalues if is_followed(x) else Tensor(torch.linalg.eigvalsh(x._data, UPLO))
)


def is_followed(x: Tensor) -> bool:
    """Whether a derivative may be wanted, and so the vectors that belong to values."""
    return bool(levels) or (state.enabled and x.requires_grad)


def pinv(x: Tensor, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None, **how: Any) -> Any:
    """The pseudoinverse. Singular values below rtol (or rcond) times the greatest, or below `atol`, count as zero."""
    how |= {"rtol": rtol if rcond is None else rcond, "hermitian": hermitian}
    return apply(matrices.PINV, (x,), (unwrapped(how),))


def slogdet(x: Tensor) -> Any:
    """(sign, logabsdet): the determinant is sign * exp(logabsdet)."""
    return KINDS.linalg_slogdet(apply_all(matrices.SLOGDET, (x,)))


def solve(x: Tensor, y: Tensor, *, left: bool = True) -> Any:
    """z with x @ z = y, or z @ x = y; y is a matrix, or a vector for each matrix."""
    if y.ndim == 1 or (x.ndim - 1 == y.ndim and x.shape[:-1] == y.shape):
        return solve(x, y.unsqueeze(-1), left=True).squeeze(-1)
    return apply(matrices.SOLVE, (x, y)) if left else solve(x.mT, y.mT).mT


def solve_triangular(x: Tensor, y: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    """The same for a triangular matrix, of which the other triangle is not looked at."""
    if not left:
        return solve_triangular(x.mT, y.mT, upper=not upper, unitriangular=unitriangular).mT
    return apply(matrices.SOLVE_TRIANGULAR, (x, y), (upper, unitriangular))


def cholesky(x: Tensor, *, upper: bool = False) -> Any:
    """The triangular factor of a positive definite matrix. LinAlgError for another."""
    factor = apply(matrices.CHOLESKY, (x,))
    return factor.mH if upper else factor


def qr(x: Tensor, mode: str = "reduced") -> Any:
    """(Q, R): orthogonal times upper triangular. NotImplementedError: `complete` for a matrix with more rows than columns."""
    rows, columns = x.shape[-2:]
    if mode == "complete" and rows > columns:
        raise NotImplementedError("qr: mode 'complete' for a matrix with more rows than columns; use 'reduced'")
    q, r = apply_all(matrices.QR, (x[..., :rows] if rows < columns else x,))
    if rows < columns:
        r = cat((r, q.mH @ x[..., rows:]), -1)
    return KINDS.linalg_qr((q if mode != "r" else Tensor(x._data.new_empty(0)), r))


def eigh(x: Tensor, UPLO: str = "L") -> Any:
    """(eigenvalues, eigenvectors) of a Hermitian matrix, of which one triangle is read."""
    return KINDS.linalg_eigh(apply_all(matrices.EIGH, (x,), (UPLO,)))


def eig(x: Tensor) -> Any:
    """(eigenvalues, eigenvectors) of a square matrix: complex."""
    return KINDS.linalg_eig(apply_all(matrices.EIG, (x,)))


def svd(x: Tensor, full_matrices: bool = True) -> Any:
    """(U, S, Vh). With `full_matrices` U and Vh are square; what depends on the vectors added has no derivative.

    NotImplementedError in forward mode, if there are such vectors.
    """
    if full_matrices and x.shape[-2] != x.shape[-1] and any(level.tangent(x) is not None for level in heeded()):
        raise NotImplementedError("svd: vectors that `full_matrices` adds have no tangent; use full_matrices=False")
    return KINDS.linalg_svd(apply_all(matrices.SVD, (x,), (full_matrices,)))


def lstsq(x: Tensor, y: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """(solution, residuals, rank, singular_values): what minimises the norm of x @ solution - y."""
    found = torch.linalg.lstsq(x._data, y._data, rcond, driver=driver)
    y = y.unsqueeze(-1) if y.ndim == x.ndim - 1 else y
    solution = pinv(x, rtol=rcond) @ y
    squares = (x @ solution - y).abs().square().sum(-2).reshape(-1)
    residuals = squares[: found.residuals.numel()].reshape(found.residuals.shape)
    constants = wrapped((found.rank, found.singular_values))
    return KINDS.linalg_lstsq((solution.reshape(found.solution.shape), residuals, *constants))


def tensorinv(x: Tensor, ind: int = 2) -> Any:
    """The inverse for `tensordot` over the first `ind` dimensions."""
    rows = math.prod(x.shape[:ind])
    return inv(x.reshape(rows, -1)).reshape(x.shape[ind:] + x.shape[:ind])


def tensorsolve(x: Tensor, y: Tensor, dims: Any = None) -> Any:
    """The z with tensordot(x, z, z.ndim) = y; `dims` of x are moved to its end first."""
    x = x if dims is None else x.movedim(dims, [*range(x.ndim - len(dims), x.ndim)])
    return solve(x.reshape(y.numel(), -1), y.reshape(-1)).reshape(x.shape[y.ndim :])


def vander(x: Tensor, *, N: int | None = None) -> Any:
    """The powers 0, 1, ... N - 1 of every element, along a new last dimension."""
    x = x.reshape(x.shape or 1).unsqueeze(-1)
    n = x.shape[-2] if N is None else N
    return cat((x.new_ones(x.shape), x.expand(*x.shape[:-1], max(n - 1, 0)).cumprod(-1)), -1)[..., :n]


def matrix_power(x: Tensor, n: int) -> Any:
    """The n-th power; of the inverse, for negative n."""
    if n < 0:
        return matrix_power(inv(x), -n)
    if n == 0:
        return x.clone().zero_() + Tensor(torch.matrix_power(x._data, 0))
    half = matrix_power(x, n // 2) if n > 1 else None
    return x if half is None else half @ half @ x if n % 2 else half @ half


def multi_dot(tensors: Sequence[Tensor]) -> Any:
    """The product of several matrices, from left to right; the first and the last may be vectors."""
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    return functools.reduce(matmul, tensors)


# Norms.


def vector_norm(x: Tensor, ord: Any = 2, dim: Dims = None, keepdim: bool = False, *, dtype: Dtype = None) -> Any:
    """The norm of all elements, or along dimensions, of any order: 0 counts, inf and -inf are extremes."""
    return apply(NORM, (in_dtype(x, dtype),), (ord, dims_of(x, dim, keepdim), keepdim))


def matrix_norm(x: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Dtype = None) -> Any:
    """`fro`, `nuc`, or of order 1, 2 or inf, and the same negative: sums of columns, singular values, sums of rows."""
    x = in_dtype(x, dtype).movedim(dim, (-2, -1))
    if ord in ("fro", "nuc"):
        norm = vector_norm(x, 2, (-2, -1)) if ord == "fro" else svdvals(x).sum(-1)
    else:
        values = svdvals(x) if abs(ord) == 2 else x.abs().sum(-2 if abs(ord) == 1 else -1)
        norm = values.amax(-1) if ord > 0 else values.amin(-1)
    for place in sorted(each % x.ndim for each in dim) if keepdim else ():
        norm = norm.unsqueeze(place)
    return norm


def norm(x: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Dtype = None) -> Any:
    """`vector_norm`, or `matrix_norm` for two dimensions and an order."""
    if ord is None or isinstance(dim, int) or (dim is None and x.ndim < 2):
        return vector_norm(x, 2 if ord is None else ord, dim, keepdim, dtype=dtype)
    return matrix_norm(x, ord, (-2, -1) if dim is None else dim, keepdim, dtype=dtype)


def norm_of_any_order(x: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, *, dtype: Dtype = None) -> Any:
    """The older norm: of a matrix for `nuc`, else of all elements, or along dimensions."""
    if p == "nuc":
        return matrix_norm(x, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(x, 2 if p in ("fro", None) else p, dim, keepdim, dtype=dtype)


def cond(x: Tensor, p: Any = None) -> Any:
    """The condition number: the norm of a matrix times that of its inverse."""
    if p in (None, 2, -2):
        values = svdvals(x)
        return values[..., 0] / values[..., -1] if p != -2 else values[..., -1] / values[..., 0]
    return matrix_norm(x, p) * matrix_norm(inv(x), p)


def svd_by_columns(x: Tensor, some: bool = True, compute_uv: bool = True) -> Any:
    """The older (U, S, V), in which V is not transposed."""
    u, s, vh = svd(x, not some)
    return KINDS.svd((u, s, vh.mH))


compose(
    chain_matmul=lambda *tensors: multi_dot(tensors),
    cholesky=lambda x, upper=False: cholesky(x, upper=upper),
    cholesky_inverse=lambda x, upper=False: by_factor(Tensor(torch.eye(x.shape[-1]).to(x._data)), x, upper),
    cholesky_solve=lambda y, x, upper=False: by_factor(y, x, upper),
    det=lambda x: det(x),
    inverse=lambda x: inv(x),
    logdet=lambda x: log_of_det(*slogdet(x)),
    matrix_exp=lambda x: matrix_exp(x),
    norm=norm_of_any_order,
    matrix_power=lambda x, n: matrix_power(x, n),
    pinverse=lambda x, rcond=1e-15: pinv(x, rcond),
    qr=lambda x, some=True: KINDS.qr(qr(x, "reduced" if some else "complete")),
    slogdet=lambda x: KINDS.slogdet(slogdet(x)),
    svd=svd_by_columns,
    vander=lambda x, N=None, increasing=False: vander(x, N=N) if increasing else vander(x, N=N).flip(-1),
)


def by_factor(y: Tensor, x: Tensor, upper: bool) -> Any:
    """What solves a system of equations, given the triangular factor of its matrix: the other triangle is not looked at."""
    factor = x.mH if upper else x
    return solve_triangular(factor.mH, solve_triangular(factor, y, upper=False), upper=True)


def log_of_det(sign: Tensor, logabsdet: Tensor) -> Any:
    """The logarithm of a determinant; no number for a negative one."""
    return logabsdet + sign.log()


for _name, _function in list(globals().items()):
    if isinstance(_function, FunctionType) and hasattr(torch.linalg, _name):
        _function = described(f"linalg.{_name}", named_as_in_torch(f"linalg_{_name}", _function))
        globals()[_name] = seen(f"linalg.{_name}", _function)
