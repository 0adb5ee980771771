"""view.aliasing (core): A view shares memory with its base, so that a write through either is seen
through the other; what is no view has memory of its own.

tinygrad 0.14.0, on PYTHON
judged:   the value of t2
expected: -1. (float32, shape ())
got:      2. (float32, shape ())

To run it, tinygrad and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import os
os.environ.setdefault('DEV', 'PYTHON')
os.environ.setdefault('PARALLEL', '0')
from tinygrad import Tensor

x0 = Tensor(np.array(-1.0, dtype=np.float32), device='PYTHON').clone().realize()
x1 = Tensor(np.array(-2.0, dtype=np.float32), device='PYTHON').clone().realize()
t2 = x0.clone()
x0 *= x1
np.array(x0.numpy())
got = np.array(t2.numpy())
expected = np.array(-1.0, dtype=np.float32)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
