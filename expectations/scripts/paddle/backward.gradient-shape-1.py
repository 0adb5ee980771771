"""backward.gradient-shape: a cotangent of another shape than its root is refused, or is broadcast to it.

paddle 3.3.1, on cpu: it is accepted, and elements beyond its memory are read.
expected: an exception, or a gradient of twos
got:      2 in the first place, and what lay behind the cotangent in the others

To run it, paddle and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken.
"""

import numpy as np
import warnings
warnings.filterwarnings('ignore', 'No ccache found')
import paddle

x0 = paddle.to_tensor(np.ones(1000), place='cpu', stop_gradient=False)
c0 = paddle.to_tensor(np.array(1.0), place='cpu', stop_gradient=True)
paddle.autograd.backward([x0 * x0], [c0])
np.testing.assert_array_equal(x0.grad.numpy(), np.full(1000, 2.0), strict=True)
print("holds")
