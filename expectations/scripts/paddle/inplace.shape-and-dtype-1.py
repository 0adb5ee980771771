"""inplace.shape-and-dtype (core): A write keeps the shape and the dtype of the tensor that is written; it
is refused where its operand does not broadcast to that shape, and the tensor then is as it was.

paddle 3.3.1, on cpu
judged:   expand of a tensor of shape (2,) to the shape ()
expected: refused
got:      a tensor of shape (2,)

To run it, paddle and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import warnings
warnings.filterwarnings('ignore', 'No ccache found')
import paddle

y0 = paddle.to_tensor(np.array([1.0, 2.0], dtype=np.float64), place='cpu', stop_gradient=True)
try:
    t1 = y0.expand([])
except Exception:
    print("holds")
else:
    raise AssertionError(f"expected a refusal, got the shape {tuple(t1.shape)}")
