"""What PyTorch has in `torch.utils`."""

from ..missing import missing_from as _missing_from
from . import checkpoint as checkpoint
from . import hooks as hooks

__getattr__ = _missing_from(globals())
