"""backward.interleaved (core): However building, writing, passing back, clearing, assigning and
holding gradients, detaching, switching recording and dropping tensors alternate, values and stored
gradients are at any time those of what has run, or a call is refused.

mygrad 2.5.0, on cpu
judged:   the value of x1
expected: -6. (float32, shape ())
got:      -2. (float32, shape ())

To run it, mygrad and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import mygrad as mg

x0 = mg.tensor(np.array(-1.0, dtype=np.float32), constant=False)
x1 = mg.tensor(np.array(-2.0, dtype=np.float32), constant=True)
x2 = mg.tensor(np.array(3.0, dtype=np.float32), constant=False)
t3 = x1.reshape((1,))
t4 = x0 * t3
c0 = mg.tensor(np.array([2.0], dtype=np.float32), constant=True)
t4.backward(c0)
t3 *= x2
got = np.array(x1.data)
expected = np.array(-6.0, dtype=np.float32)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
