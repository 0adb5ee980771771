"""Forward mode, under the names that PyTorch has in `torch.autograd.forward_ad`."""

from ..forward import UnpackedDualTensor, dual_level, enter_dual_level, exit_dual_level, make_dual, unpack_dual
from ..missing import missing_from

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]
__getattr__ = missing_from(globals())
