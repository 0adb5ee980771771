"""backward.interleaved (core): However building, writing, passing back, clearing, assigning and
holding gradients, detaching, switching recording and dropping tensors alternate, values and stored
gradients are at any time those of what has run, or a call is refused.

tinygrad 0.14.0, on PYTHON
judged:   the gradient of x0
expected: [4., 5.] (float32, shape (2,))
got:      [4., 4.] (float32, shape (2,))

To run it, tinygrad and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import os
os.environ.setdefault('DEV', 'PYTHON')
os.environ.setdefault('PARALLEL', '0')
from tinygrad import Tensor

x0 = Tensor(np.array([-1.0, -2.0], dtype=np.float32), device='PYTHON').clone().realize()
t1 = x0.sum((0,), keepdim=True)
c0 = Tensor(np.array([2.0], dtype=np.float32), device='PYTHON').clone().realize()
t1.backward(c0)
c1 = Tensor(np.array([2.0, 3.0], dtype=np.float32), device='PYTHON').clone().realize()
x0.backward(c1)
g0 = x0.grad
got = np.array(g0.numpy())
expected = np.array([4.0, 5.0], dtype=np.float32)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
