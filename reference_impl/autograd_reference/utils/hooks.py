"""What PyTorch has in `torch.utils.hooks`."""

from ..node import RemovableHandle

__all__ = ["RemovableHandle"]
