"""The operators as PyTorch spells them, for engines that share its names; each imports its own as `torch`."""

BACKWARD = (
    "outputs[0].backward(None if cotangents is None else cotangents[0]) if len(outputs) == 1 "
    "else torch.autograd.backward(outputs, cotangents)"
)
"""The method that people call, and the function where there are several roots."""

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
