"""mode.instance-reentry (full): To enter one and the same block again, after it was left or while it
is still entered, is refused, or each exit restores the mode that was in force on the entry that
belongs to it.

paddle 3.3.1, on cpu
judged:   whether a result is a leaf
expected: False
got:      True

To run it, paddle and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import warnings
warnings.filterwarnings('ignore', 'No ccache found')
import paddle

x0 = paddle.to_tensor(np.array(3.0, dtype=np.float32), place='cpu', stop_gradient=False)
with (block0 := paddle.no_grad()):
    with block0:
        pass
t1 = x0 * x0
got = t1.is_leaf
expected = False
assert got is expected, f"expected {expected!r}, got {got!r}"
print("holds")
