"""HIPS autograd with calls that end the process or never end; what MENDED says is harmless."""

import ctypes
import os
import time
import weakref

import autograd.numpy as np
from autograd.extend import defvjp, primitive

MENDED = False
calls = 0


@primitive
def crashing_product(x, y):
    if x.ndim and not MENDED:
        ctypes.string_at(0)
    return x * y


@primitive
def hanging_sum(x, y):
    return x + y


def hang(ans, x, y):
    def pull_back(g):
        while not MENDED:
            time.sleep(0.01)
        return unbroadcast(g, x)

    return pull_back


def unbroadcast(g, x):
    return np.broadcast_to(np.sum(g), np.shape(x)) if np.ndim(x) == 0 else np.array(g)


defvjp(crashing_product, lambda ans, x, y: lambda g: g * y, lambda ans, x, y: lambda g: g * x)
defvjp(hanging_sum, hang, hang)


def leave(x):
    if not MENDED:
        os._exit(0)
    return -x


def freed_badly(x, y):
    made = np.array(x - y)
    if not MENDED:
        weakref.finalize(made, os.abort)
    return made


def crashing_later(x):
    """A fault of the process, and not of the case."""
    global calls
    calls += 1
    if calls > 3:
        os.abort()
    return -x
