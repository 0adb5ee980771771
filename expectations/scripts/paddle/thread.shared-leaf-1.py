"""thread.shared-leaf (full): Passes that are made into one leaf by several threads at once all add
their gradients; none is lost.

paddle 3.3.1, on cpu
judged:   the gradient of x0
expected: 100. for each of the elements (float32, shape (1000000,))
got:      98. for some of them, others each time: what one thread added is lost

To run it, paddle and NumPy must be installed: python THIS_FILE.py
It fails while the clause is broken, and prints that it holds once it does, or ends with a refusal
where the clause allows one.
"""

import threading

import numpy as np
import warnings
warnings.filterwarnings('ignore', 'No ccache found')
import paddle

def passes():
    for _ in range(25):
        t1 = x0 + x0
        c0 = paddle.to_tensor(np.ones((1000000,), dtype=np.float32), place='cpu', stop_gradient=True)
        paddle.autograd.backward([t1], [c0])

for _ in range(20):  # whether the threads meet is chance
    x0 = paddle.to_tensor(np.ones((1000000,), dtype=np.float32), place='cpu', stop_gradient=False)
    threads = [threading.Thread(target=passes) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = np.array(x0.grad.numpy())
    expected = np.full((1000000,), 100.0, dtype=np.float32)
    np.testing.assert_array_equal(got, expected, strict=True)
print("holds")
