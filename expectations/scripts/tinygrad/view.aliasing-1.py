"""view.aliasing (core): A view shares memory with its base, so that a write through either is seen
through the other; what is no view has memory of its own.

tinygrad 0.14.0, on PYTHON
judged:   the value of t2
expected: [[[-2., -1.]]] (float64, shape (1, 1, 2))
got:      [[[ 2., -1.]]] (float64, shape (1, 1, 2))

To run it, tinygrad and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import os
os.environ.setdefault('DEV', 'PYTHON')
os.environ.setdefault('PARALLEL', '0')
from tinygrad import Tensor

x0 = Tensor(np.array([[-1.0]], dtype=np.float64), device='PYTHON').clone().realize()
x1 = Tensor(np.array([[-2.0]], dtype=np.float64), device='PYTHON').clone().realize()
t2 = Tensor.stack(x1, x0, dim=2)
x1 *= x0
np.array(x1.numpy())
got = np.array(t2.numpy())
expected = np.array([[[-2.0, -1.0]]], dtype=np.float64)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
