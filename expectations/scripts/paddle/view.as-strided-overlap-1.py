"""view.as-strided-overlap (extension): A view of any shape, strides and offset has the elements that
lie there, and passes to each the sum of the gradients of all places at which it is seen.

paddle 3.3.1, on cpu
judged:   the gradient of the base
expected: [11., 0.] (float32, shape (2,))
got:      [3., 0.] (float32, shape (2,))

To run it, paddle and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import warnings
warnings.filterwarnings('ignore', 'No ccache found')
import paddle

x0 = paddle.to_tensor(np.array([7.0, 6.0], dtype=np.float32), place='cpu', stop_gradient=False)
c0 = paddle.to_tensor(np.array([5.0, 3.0, 3.0], dtype=np.float32), place='cpu', stop_gradient=True)
t1 = x0.as_strided((3,), (0,), 0 * x0.element_size())
paddle.autograd.backward([t1], [c0])
g0 = x0.grad
got = np.array(g0.numpy())
expected = np.array([11.0, 0.0], dtype=np.float32)
np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
