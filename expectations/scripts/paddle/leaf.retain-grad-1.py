"""leaf.retain-grad (core): A result that was asked to retain its gradient, before or after it is used,
receives exactly the gradient that flows into it in the next pass; the gradients of leaves are the
same as without.

paddle 3.3.1, on cpu
judged:   the gradient retained on t4
expected: [ 2., -2., 1.] (float32, shape (3,))
got:      [ 4., -4., 2.] (float32, shape (3,))

To run it, paddle and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import warnings
warnings.filterwarnings('ignore', 'No ccache found')
import paddle

x0 = paddle.to_tensor(np.array([-1.0, -2.0, 3.0], dtype=np.float32), place='cpu',
    stop_gradient=False)
t1 = -x0
t2 = t1.reshape((1, 3))
t3 = t2 + t2
t4 = t3.reshape((3,))
t4.retain_grads()
c0 = paddle.to_tensor(np.array([2.0, -2.0, 1.0], dtype=np.float32), place='cpu', stop_gradient=True)
paddle.autograd.backward([t4], [c0])
g0 = t4.grad
got = np.array(g0.numpy())
expected = np.array([2.0, -2.0, 1.0], dtype=np.float32)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
