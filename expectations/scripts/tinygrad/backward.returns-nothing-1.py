"""backward.returns-nothing (core): A pass changes no value: neither that of a tensor of the program,
nor that of a cotangent it is given, also where that is given to several passes.

tinygrad 0.14.0, on PYTHON
judged:   cotangent 0 after the pass
expected: [2.] (float32, shape (1,))
got:      [4.] (float32, shape (1,))

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
x1 = Tensor(np.array([2.0, 2.0], dtype=np.float32), device='PYTHON').clone().realize()
c0 = x1[0:2:2,]
x0.backward(c0)
x0.backward(c0)
got = np.array(c0.numpy())
expected = np.array([2.0], dtype=np.float32)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
