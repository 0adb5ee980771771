"""mode.decorator (core): A function that is decorated to switch recording off records nothing during
each call, also when it calls itself, and everything is recorded again when it has returned or raised.

paddle 3.3.1, on cpu
judged:   whether a result is recorded after the call
expected: True
got:      False

To run it, paddle and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import numpy as np
import warnings
warnings.filterwarnings('ignore', 'No ccache found')
import paddle

def counts_down(n):
    if n > 0:
        decorated(n - 1)

decorated = paddle.no_grad()(counts_down)
decorated(1)
x0 = paddle.to_tensor(np.array(3.0, dtype=np.float64), place='cpu', stop_gradient=False)
t1 = x0 * x0
got = not t1.stop_gradient
expected = True
assert got is expected, f"expected {expected!r}, got {got!r}"
print("holds")
