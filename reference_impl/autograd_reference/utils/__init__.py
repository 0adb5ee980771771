"""What PyTorch has in `torch.utils`."""

from . import checkpoint as checkpoint
from . import hooks as hooks
