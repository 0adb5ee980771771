"""accum.used-gradient (core): A graph that was made of a stored gradient delivers, after more was
added to that gradient, what is right for the value that it had, or is refused.

paddle 3.3.1, on cpu
judged:   the gradient of what was multiplied with a gradient
expected: 2. (float64, shape ())
got:      4. (float64, shape ())

To run it, paddle and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import warnings
warnings.filterwarnings('ignore', 'No ccache found')
import paddle

x0 = paddle.to_tensor(np.array(-1.0, dtype=np.float64), place='cpu', stop_gradient=False)
c0 = paddle.to_tensor(np.array(2.0, dtype=np.float64), place='cpu', stop_gradient=True)
paddle.autograd.backward([x0], [c0])
g0 = x0.grad
x1 = paddle.to_tensor(np.array(2.0, dtype=np.float64), place='cpu', stop_gradient=False)
t2 = x1 * g0
c1 = paddle.to_tensor(np.array(2.0, dtype=np.float64), place='cpu', stop_gradient=True)
paddle.autograd.backward([x0], [c1])
c2 = paddle.to_tensor(np.array(1.0, dtype=np.float64), place='cpu', stop_gradient=True)
paddle.autograd.backward([t2], [c2])
g1 = x1.grad
got = np.array(g1.numpy())
expected = np.array(2.0, dtype=np.float64)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
