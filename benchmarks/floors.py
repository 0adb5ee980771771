"""The workloads by hand: value and gradients from the same kernels, and nothing else. `lib` is torch or NumPy."""

from __future__ import annotations

from typing import Any

Floor = tuple[Any, tuple[Any, ...]]


def operator(lib: Any, n: int, x: Any, w: Any) -> Floor:
    y = (x * w).sum()
    g = lib.broadcast_to(lib.ones_like(y), x.shape)
    return y, (g * w, g * x)


def chain(lib: Any, n: int, x: Any, w: Any) -> Floor:
    states = [x]
    for _ in range(n // 2):
        states.append(states[-1] * w + x)
    y = states.pop().sum()
    g = lib.ones_like(x)
    gx, gw = lib.zeros_like(x), lib.zeros_like(w)
    for state in reversed(states):
        gx += g
        gw += g * state
        g = g * w
    return y, (gx + g, gw)


def fan_out(lib: Any, n: int, x: Any, w: Any) -> Floor:
    total = x * w
    for _ in range(n - 1):
        total = total + x * w
    y = total.sum()
    g = lib.ones_like(x)
    gx, gw = lib.zeros_like(x), lib.zeros_like(w)
    for _ in range(n):
        gx += g * w
        gw += g * x
    return y, (gx, gw)


def views(lib: Any, n: int, x: Any, w: Any) -> Floor:
    def row(of: Any, k: int) -> Any:
        return of[0] if k == 0 else lib.swapaxes(of.reshape(n, 4, 4), 1, 2)[k].reshape(16)

    total = row(x, 0) * w
    for k in range(1, n):
        total = total + row(x, k) * w
    y = total.sum()
    g = lib.ones_like(w)
    gx, gw = lib.zeros_like(x), lib.zeros_like(w)
    for k in range(n):
        part = g * w
        gx[k] += part if k == 0 else lib.swapaxes(part.reshape(4, 4), 0, 1).reshape(16)
        gw += g * row(x, k)
    return y, (gx, gw)


def writes(lib: Any, n: int, x: Any, w: Any) -> Floor:
    total = x + w
    for _ in range(n // 2):
        total += x
        total[0:8] *= 0.5
    y = total.sum()
    g = lib.ones_like(x)
    gx = lib.zeros_like(x)
    for _ in range(n // 2):
        g[0:8] *= 0.5
        gx += g
    return y, (gx + g, g)


def perceptron(lib: Any, n: int, x: Any, w1: Any, b1: Any, w2: Any, b2: Any, w3: Any) -> Floor:
    h1 = lib.tanh(x @ w1 + b1)
    h2 = lib.tanh(h1 @ w2 + b2)
    out = h2 @ w3
    y = (out * out).sum()
    g = out + out
    gw3 = h2.T @ g
    g = (g @ w3.T) * (1 - h2 * h2)
    gw2, gb2 = h1.T @ g, g.sum(0)
    g = (g @ w2.T) * (1 - h1 * h1)
    return y, (None, x.T @ g, g.sum(0), gw2, gb2, gw3)


def hessian_vector_product(lib: Any, x: Any, w: Any, v: Any) -> Any:
    square = x * x
    (square * (x * w)).sum()
    g = 3 * square * w
    (g * v).sum()
    return 6 * x * w * v
