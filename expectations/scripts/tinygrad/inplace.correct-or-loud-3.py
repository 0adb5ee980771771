"""inplace.correct-or-loud (core): A program that writes, also through views, has the values and
gradients of the program as it ran, or is refused; it is not refused where nothing that a derivative
may need is overwritten.

tinygrad 0.14.0, on PYTHON
judged:   the value of root 0
expected: [[-1., 2.]] (float32, shape (1, 2))
got:      [[-1., -1.]] (float32, shape (1, 2))

To run it, tinygrad and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import os
os.environ.setdefault('DEV', 'PYTHON')
os.environ.setdefault('PARALLEL', '0')
from tinygrad import Tensor

x0 = Tensor(np.array([[-1.0]], dtype=np.float32), device='PYTHON').clone().realize()
x1 = Tensor(np.array(-2.0, dtype=np.float32), device='PYTHON').clone().realize()
t2 = Tensor.cat(x0, x0, dim=1)
t3 = t2[:, 1]
t3 *= x1
got = np.array(t2.numpy())
expected = np.array([[-1.0, 2.0]], dtype=np.float32)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
