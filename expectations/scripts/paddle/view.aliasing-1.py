"""view.aliasing (core): A view shares memory with its base, so that a write through either is seen
through the other; what is no view has memory of its own.

paddle 3.3.1, on cpu
judged:   the value of x1
expected: 2. (float64, shape ())
got:      -2. (float64, shape ())

To run it, paddle and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import warnings
warnings.filterwarnings('ignore', 'No ccache found')
import paddle

x0 = paddle.to_tensor(np.array(-1.0, dtype=np.float64), place='cpu', stop_gradient=True)
x1 = paddle.to_tensor(np.array(-2.0, dtype=np.float64), place='cpu', stop_gradient=True)
t2 = x1.reshape((1, 1))
t2.multiply_(x0)
got = np.array(x1.numpy())
expected = np.array(2.0, dtype=np.float64)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
