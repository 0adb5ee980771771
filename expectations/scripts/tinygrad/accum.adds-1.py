"""accum.adds (core): Each backward pass adds its gradient to what the leaf's stored gradient already
holds.

tinygrad 0.14.0, on PYTHON
judged:   the gradient of x1
expected: 4. (float32, shape ())
got:      6. (float32, shape ())

To run it, tinygrad and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import os
os.environ.setdefault('DEV', 'PYTHON')
os.environ.setdefault('PARALLEL', '0')
from tinygrad import Tensor

x0 = Tensor(np.array([-1.0], dtype=np.float32), device='PYTHON').clone().realize()
x1 = Tensor(np.array(-2.0, dtype=np.float32), device='PYTHON').clone().realize()
t2 = x0 + x1
c0 = Tensor(np.array([2.0], dtype=np.float32), device='PYTHON').clone().realize()
t2.backward(c0)
t3 = x0 + x1
c1 = Tensor(np.array([2.0], dtype=np.float32), device='PYTHON').clone().realize()
t3.backward(c1)
g0 = x0.grad
np.array(g0.numpy())
g1 = x1.grad
got = np.array(g1.numpy())
expected = np.array(4.0, dtype=np.float32)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
