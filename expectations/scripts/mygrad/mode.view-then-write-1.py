"""mode.view-then-write (full): A view that was taken while recording was off, or a view of such a
view, is not written while recording is on with what requires gradients: that is refused, and
changes nothing. While recording is off it may be written: that changes the values of its base and
of all other views, and no history.

mygrad 2.5.0, on cpu
judged:   the value of t3
expected: [3., 6.] (float32, shape (2,))
got:      [1., 2.] (float32, shape (2,))

To run it, mygrad and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import mygrad as mg

x0 = mg.tensor(np.array([-1.0, -2.0], dtype=np.float32), constant=False)
x1 = mg.tensor(np.array(3.0, dtype=np.float32), constant=False)
t2 = -x0
with mg.no_autodiff:
    t3 = t2.reshape((2,))
t2 *= x1
got = np.array(t3.data)
expected = np.array([3.0, 6.0], dtype=np.float32)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
