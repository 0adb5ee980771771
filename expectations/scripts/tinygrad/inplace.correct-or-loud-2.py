"""inplace.correct-or-loud (core): A program that writes, also through views, has the values and
gradients of the program as it ran, or is refused; it is not refused where nothing that a derivative
may need is overwritten.

tinygrad 0.14.0, on PYTHON
judged:   the gradient of x0
expected: -4. (float64, shape ())
got:      4. (float64, shape ())

To run it, tinygrad and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import os
os.environ.setdefault('DEV', 'PYTHON')
os.environ.setdefault('PARALLEL', '0')
from tinygrad import Tensor

x0 = Tensor(np.array(-1.0, dtype=np.float64), device='PYTHON').clone().realize()
x1 = Tensor(np.array(-2.0, dtype=np.float64), device='PYTHON').clone().realize()
x1 *= x0
c0 = Tensor(np.array(2.0, dtype=np.float64), device='PYTHON').clone().realize()
x1.backward(c0)
np.array(x1.numpy())
g0 = x0.grad
got = np.array(g0.numpy())
expected = np.array(-4.0, dtype=np.float64)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
