"""backward.implicit-one (core): A pass without a cotangent from a root of one element starts with one;
where the root has axes, of length 1, it may be refused.

tinygrad 0.14.0, on PYTHON
judged:   the gradient of x0
expected: [[1.]] (float64, shape (1, 1))
got:      None

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
t1 = x0.clone()
t2 = t1.sum((0, 1), keepdim=False)
np.array(t2.numpy())
t2.backward(None)
g0 = x0.grad
assert g0 is not None, 'expected a gradient, got None'
got = np.array(g0.numpy())
expected = np.array([[1.0]], dtype=np.float64)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
