"""What is refused is refused as torch refuses it: with an error of the same type, which says the same first."""

import re
import warnings
from typing import Any

import pytest
import torch as real
import torch.func
import torch.utils.checkpoint

import autograd_reference as reference

BACKWARD = """
x.backward(); y.backward()
c.sum().backward()
y.backward(torch.ones(2))
y.backward(torch.ones(3, dtype=torch.cfloat))
(z * 1).backward(torch.ones(1))
y.exp().sum().backward(inputs=[])
s = y.exp().sum(); s.backward(); s.backward()
s = y.exp(); s.sum().backward(); s.grad_fn._saved_result
torch.autograd.grad(y.sum(), [])
torch.autograd.grad(y.sum(), c)
torch.autograd.grad(y.sum(), x, allow_unused=False, materialize_grads=True)
(x // 2).sum().backward()
torch.heaviside(x, c).sum().backward()
torch.unique(x).sum().backward()
torch.autograd.gradcheck(torch.sin, c.double())
torch.utils.checkpoint.checkpoint(torch.sin, x, use_reentrant=False, determinism_check='x')
torch.utils.checkpoint.checkpoint(torch.sin, x, use_reentrant=True, k=1)
n = x.pow(2).grad_fn._raw_saved_self; n.register_hooks(id, id); n.register_hooks(id, id)
n = x.exp(); n.sum().backward(); n.grad_fn._raw_saved_result.register_hooks(id, id)
x.exp().grad_fn._saved_self
"""
TENSORS = """
x.grad = 3
x.grad = torch.ones(2)
x.grad = torch.ones(3, device='meta')
x.grad = x
x.requires_grad = 'yes'
y.requires_grad = True
y.requires_grad = False
y.requires_grad_(False)
x.data = 3
x.data = torch.tensor([1, 2, 3])
x.add_(1)
x.view(3).mul_(2)
x.unsqueeze_(0)
x.resize_(2)
v = torch.no_grad()(lambda: x[:2])(); v.mul_(2)
v = torch.inference_mode()(lambda: torch.ones(3))(); v.add_(1)
c[1.5]
x.numpy()
torch.nn.functional.cross_entropy(torch.ones(2, 3), torch.tensor([0]))
torch.nn.functional.cross_entropy(torch.ones(2, 3, 4), torch.zeros(2, 5, dtype=torch.long))
"""
TRANSFORMS = """
torch.autograd.functional.hessian(torch.sin, c)
torch.autograd.functional.vhp(lambda x: (x.sum(), x.sum()), c, c)
torch.autograd.functional.hvp(torch.sin, c, c)
torch.autograd.functional.vjp(torch.sin, c)
torch.autograd.functional.jvp(torch.sin, c)
torch.autograd.functional.jvp(torch.sin, c, torch.ones(2))
torch.autograd.functional.jvp(torch.add, (c, c), (c, torch.ones(2)))
torch.autograd.functional.jacobian(lambda x: torch.ones(2), c, strict=True)
torch.func.grad(torch.sin)(c)
torch.func.grad(lambda x: 3)(c)
torch.func.grad(torch.sum)(3)
torch.func.grad(torch.sum, argnums=(0, 2))(c)
torch.func.grad(torch.sum, has_aux=True)(c)
torch.func.jacrev(lambda x: 3)(c)
torch.func.jvp(torch.sin, c, c)
torch.func.jvp(torch.sin, (c,), (c, c))
torch.vmap(torch.add)(torch.ones(2), torch.ones(3))
torch.vmap(torch.add, in_dims=(0, 0, 0))(c, c)
torch.vmap(torch.sin, in_dims=2)(c)
torch.vmap(torch.sin)(3)
torch.vmap(torch.ones)()
torch.vmap(lambda x: x + torch.rand(()))(c)
torch.vmap(torch.sin, randomness='x')(c)
"""


def refusal(torch: Any, program: str) -> Exception:
    """The error of a program that uses a leaf, a result, a constant and a complex leaf."""
    x, c = torch.ones(3, requires_grad=True), torch.ones(3)
    z = torch.tensor([1 + 1j], requires_grad=True)
    with warnings.catch_warnings(), pytest.raises(Exception) as info:
        warnings.simplefilter("ignore")
        exec(program, {"torch": torch, "x": x, "y": x * 2, "c": c, "z": z})  # noqa: S102
    return info.value


def beginning(error: Exception) -> str:
    """The first sentence, without the call that torch.func puts before it."""
    return re.split(r"\.(?=[ A-Z])", re.sub(r"^\w+\(.*?\): ", "", str(error)))[0]


@pytest.mark.parametrize("program", [*filter(None, (BACKWARD + TENSORS + TRANSFORMS).split("\n"))])
def test_type_and_first_sentence(program: str) -> None:
    theirs, ours = refusal(real, program), refusal(reference, program)
    assert type(ours).__name__ == type(theirs).__name__ and beginning(theirs) in str(ours)
