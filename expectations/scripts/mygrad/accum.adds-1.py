"""accum.adds (core): Each backward pass adds its gradient to what the leaf's stored gradient already
holds.

mygrad 2.5.0, on cpu
judged:   the gradient of x0
expected: 4. (float64, shape ())
got:      2. (float64, shape ())

To run it, mygrad and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import mygrad as mg

x0 = mg.tensor(np.array(-1.0, dtype=np.float64), constant=False)
c0 = mg.tensor(np.array(2.0, dtype=np.float64), constant=True)
x0.backward(c0)
c1 = mg.tensor(np.array(2.0, dtype=np.float64), constant=True)
x0.backward(c1)
g0 = None if x0.grad is None else mg.tensor(x0.grad, constant=True)
got = np.array(g0.data)
expected = np.array(4.0, dtype=np.float64)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
