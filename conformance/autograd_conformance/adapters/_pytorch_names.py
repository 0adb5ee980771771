"""Verbs and operators as PyTorch spells them, for engines that share its names; each imports its own as `torch`, and what
else the templates name."""

from autograd_conformance.spelling import template

BACKWARD = (
    "outputs[0].backward(None if cotangents is None else cotangents[0]) if len(outputs) == 1 "
    "else torch.autograd.backward(outputs, cotangents)"
)
"""The method that people call, and the function where there are several roots."""

VERBS = {
    "tensor": template("torch.tensor(array, device=device, requires_grad=requires_grad)"),
    "array": template("t.detach().cpu().numpy().copy()"),
    "backward": template(BACKWARD),
    "grad": template("t.grad"),
    "set_grad": template("t.grad = g"),
    "requires_grad": template("t.requires_grad"),
    "is_leaf": template("t.is_leaf"),
    "detach": template("t.detach()"),
    "set_requires_grad": template("t.requires_grad_(flag)"),
    "detach_": template("t.detach_()"),
    "backward_retaining": template("torch.autograd.backward(outputs, cotangents, retain_graph=True)"),
    "backward_into": template("torch.autograd.backward(outputs, cotangents, inputs=inputs)"),
    "backward_creating_graph": template("torch.autograd.backward(outputs, cotangents, create_graph=True)"),
    "gradients": template("torch.autograd.grad(outputs, inputs, cotangents, allow_unused=True)"),
    "retain_grad": template("t.retain_grad()"),
    "strides": template("t.stride()"),
    "offset": template("t.storage_offset()"),
    "is_view_of": template("t._base is base"),
    "version_of": template("t._version"),
    "shared_array": template("t.numpy()"),
    "weak_reference": template("weakref.ref(t)"),
    "pickled": template("pickle.loads(pickle.dumps(t))"),
    "no_grad": template("torch.no_grad()"),
    "enable_grad": template("torch.enable_grad()"),
    "no_grad_function": template("torch.no_grad()(function)"),
    "set_grad_enabled": template("torch.set_grad_enabled(enabled)"),
    "grad_mode": template("torch.set_grad_enabled(enabled)"),
    "grad_mode_function": template("torch.set_grad_enabled(enabled)(function)"),
}
"""To be put among the names of a class: `vars().update(VERBS)`; there they are compiled, with the names of its module."""

SPELLINGS = {
    "add": "x + y",
    "subtract": "x - y",
    "negative": "-x",
    "multiply": "x * y",
    "matmul": "x @ y",
    "sum": "x.sum(axis, keepdim=keepdims)",
    "take": "x.index_select(axis, torch.tensor(indices, device=device))",
    "concat": "torch.cat(xs, axis)",
    "stack": "torch.stack(xs, axis)",
    "clone": "x.clone()",
    "reshape": "x.reshape(shape)",
    "permute_dims": "x.permute(axes)",
    "expand_dims": "x.unsqueeze(axis)",
    "squeeze": "x.squeeze(axis)",
    "broadcast_to": "x.expand(shape)",
    "select": "x[key]",
    "slice": "x[key]",
    "diagonal": "x.diagonal(offset, axis1, axis2)",
    "add_": "x.add_(y)",
    "multiply_": "x.mul_(y)",
    "copy_": "x.copy_(y)",
    "setitem_": "x[key] = y",
    "view": "x.view(shape)",
    "as_strided": "x.as_strided(shape, strides, offset)",
    "unbind": "x.unbind(axis)",
    "split": "x.split(size, axis)",
    "greater": "x > y",
    "argmax": "x.argmax(axis)",
    "where": "torch.where(torch.tensor(mask, device=device), x, y)",
    "fill_": "x.fill_(value)",
    "masked_fill_": "x.masked_fill_(torch.tensor(mask, device=device), value)",
    "index_copy_": "x.index_copy_(axis, torch.tensor(indices, device=device), y)",
    "multiply_into_": "torch.mul(y, z, out=x)",
    "transpose_": "x.transpose_(axis1, axis2)",
    "squeeze_": "x.squeeze_(axis)",
    "expand_dims_": "x.unsqueeze_(axis)",
}
