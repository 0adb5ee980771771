"""What networks are made of: `nn.functional`."""

from ..missing import missing_from as _missing_from
from . import functional as functional

__getattr__ = _missing_from(globals())
