"""inplace.correct-or-loud (core): A program that writes, also through views, has the values and
gradients of the program as it ran, or is refused; it is not refused where nothing that a derivative
may need is overwritten.

mygrad 2.5.0, on cpu
judged:   the gradient of x0
expected: -4. (float32, shape ())
got:      None

To run it, mygrad and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import mygrad as mg

x0 = mg.tensor(np.array(-1.0, dtype=np.float32), constant=False)
x1 = mg.tensor(np.array(-2.0, dtype=np.float32), constant=True)
x1 *= x0
c0 = mg.tensor(np.array(2.0, dtype=np.float32), constant=True)
x1.backward(c0)
g0 = None if x0.grad is None else mg.tensor(x0.grad, constant=True)
assert g0 is not None, 'expected a gradient, got None'
got = np.array(g0.data)
expected = np.array(-4.0, dtype=np.float32)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
