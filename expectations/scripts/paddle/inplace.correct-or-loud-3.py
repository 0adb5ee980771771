"""inplace.correct-or-loud (core): A program that writes, also through views, has the values and
gradients of the program as it ran, or is refused; it is not refused where nothing that a derivative
may need is overwritten.

paddle 3.3.1, on cpu
judged:   the gradient of x0
expected: -4. (float64, shape ())
got:      None

To run it, paddle and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import warnings
warnings.filterwarnings('ignore', 'No ccache found')
import paddle

x0 = paddle.to_tensor(np.array(-1.0, dtype=np.float64), place='cpu', stop_gradient=False)
x1 = paddle.to_tensor(np.array([[[-2.0]]], dtype=np.float64), place='cpu', stop_gradient=True)
t2 = x1.transpose((0, 2, 1))
x1.multiply_(x0)
c0 = paddle.to_tensor(np.array([[[2.0]]], dtype=np.float64), place='cpu', stop_gradient=True)
paddle.autograd.backward([t2], [c0])
g0 = x0.grad
assert g0 is not None, 'expected a gradient, got None'
got = np.array(g0.numpy())
expected = np.array(-4.0, dtype=np.float64)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
