"""op.exact-program (core): The vector-Jacobian product of a program is the product of its cotangents
and the derivative of what it computes.

tinygrad 0.14.0, on PYTHON
judged:   the value of root 0
expected: 6. (float32, shape ())
got:      12. (float32, shape ())

To run it, tinygrad and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import os
os.environ.setdefault('DEV', 'PYTHON')
os.environ.setdefault('PARALLEL', '0')
from tinygrad import Tensor

x0 = Tensor(np.array([[[-1.0, -2.0], [3.0, 3.0]]], dtype=np.float32),
    device='PYTHON').clone().realize()
t1 = Tensor.cat(x0, x0, dim=1)
t2 = t1.sum((0, 1, 2), keepdim=False)
got = np.array(t2.numpy())
expected = np.array(6.0, dtype=np.float32)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
