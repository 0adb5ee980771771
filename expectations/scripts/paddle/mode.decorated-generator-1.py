"""mode.decorated-generator (full): The body of a decorated generator records nothing, whether it is
resumed by the next item, a value or an exception or is closed; its consumer has its own mode between
the items and afterwards, and what goes in and out arrives.

paddle 3.3.1, on cpu
judged:   whether what is made after the first item is recorded
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

def items():
    yield "first"
    yield "second"

generator = paddle.no_grad()(items)()
next(generator)
x0 = paddle.to_tensor(np.array(3.0, dtype=np.float64), place='cpu', stop_gradient=False)
t1 = x0 * x0
got = not t1.stop_gradient
expected = True
assert got is expected, f"expected {expected!r}, got {got!r}"
print("holds")
