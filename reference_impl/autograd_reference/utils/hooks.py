"""What PyTorch has in `torch.utils.hooks`."""

from torch.utils.hooks import RemovableHandle

__all__ = ["RemovableHandle"]
