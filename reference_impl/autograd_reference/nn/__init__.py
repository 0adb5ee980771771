"""What networks are made of: `nn.functional`."""

from . import functional as functional
