"""bcast.in-place (core): The operand of a write is broadcast to what is written, and its gradient is
summed over the axes along which it was repeated.

paddle 3.3.1, on cpu
judged:   the gradient of x1
expected: zeros (float64, shape (3,)), since nothing of it was written
got:      memory that was never written, such as [6.9e-310, 0., -2.]

To run it, paddle and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import warnings
warnings.filterwarnings('ignore', 'No ccache found')
import paddle

for _ in range(100):  # what the memory held before may be zeros
    used = paddle.to_tensor(np.full((3,), 7.0, dtype=np.float64), place='cpu', stop_gradient=True)
    del used
    x0 = paddle.to_tensor(np.zeros((0, 3), dtype=np.float64), place='cpu', stop_gradient=False)
    x1 = paddle.to_tensor(np.array([2.0, -2.0, -3.0], dtype=np.float64), place='cpu', stop_gradient=False)
    t2 = -x0
    t2[0:0] = x1
    c0 = paddle.to_tensor(np.ones((0, 3), dtype=np.float64), place='cpu', stop_gradient=True)
    paddle.autograd.backward([t2], [c0])
    got = np.array(x1.grad.numpy())
    expected = np.zeros((3,), dtype=np.float64)
    np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
