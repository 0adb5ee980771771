"""`torch.testing`, on the tensors of this package."""

from __future__ import annotations

import torch.testing

from .constant import constant

assert_close = constant(torch.testing.assert_close)
