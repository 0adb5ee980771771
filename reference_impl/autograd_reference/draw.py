"""A picture of a recorded graph, as text for Graphviz."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .accumulate import AccumulateGrad
from .backward import by_age, reachable
from .graph import Recorded, edge_of
from .naming import saved_names
from .node import Edge, Packed
from .tensor import Tensor

MISSING = "drawing needs the program `dot` of Graphviz, which is not installed; str() gives the text that it reads"


class Drawing:
    """A graph in the DOT language: `str` gives the text, `save` writes a file, and notebooks show a picture."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    def save(self, path: str | Path) -> None:
        """Write the text to a file that ends in `.dot` or `.gv`, or a picture to one that ends in `.svg`, `.png`, ...

        FileNotFoundError: `dot` is not installed. subprocess.CalledProcessError: it does not know the format.
        """
        kind = Path(path).suffix.removeprefix(".")
        Path(path).write_bytes(self.text.encode() if kind in ("dot", "gv") else self.picture(kind))

    def picture(self, kind: str) -> bytes:
        """The picture in a format that Graphviz knows. FileNotFoundError: it is not installed."""
        if shutil.which("dot") is None:
            raise FileNotFoundError(MISSING)
        return subprocess.run(["dot", f"-T{kind}"], input=self.text.encode(), capture_output=True, check=True).stdout

    def _repr_svg_(self) -> str | None:
        return None if shutil.which("dot") is None else self.picture("svg").decode()


def draw(*roots: Tensor, names: Mapping[str, Any] | None = None, most: int = 500) -> Drawing:
    """The graph of the roots, from the leaves down: operators with what they saved, shapes, dtypes and versions.

    Tensors are called as in `names`, or as the caller's variables. ValueError: the graph has more than `most` nodes.
    """
    frame = sys._getframe(1)
    known = {**frame.f_globals, **frame.f_locals} if names is None else names
    called = {id(x): name for name, x in known.items() if isinstance(x, Tensor) and (names or name.isidentifier())}
    edges = [edge_of(root) for root in roots]
    nodes = sorted(reachable([edge for edge in edges if edge is not None]), key=by_age)
    if len(nodes) > most:
        raise ValueError(
            f"draw: the graph has {len(nodes)} nodes, more than {most}. Draw a part of it, or raise `most`."
        )
    names_of = {node: f"n{number}" for number, node in enumerate(nodes)}
    lines = [box(names_of[node], described(node, called), isinstance(node, AccumulateGrad)) for node in nodes]
    lines += [box(f"r{k}", [called.get(id(x), "root"), about(x)], True) for k, x in enumerate(roots)]
    ends = [*((names_of[node], node.edges) for node in nodes), *((f"r{k}", [edge]) for k, edge in enumerate(edges))]
    lines += [arrow(edge, names_of[edge[0]], end) for end, arriving in ends for edge in arriving if edge is not None]
    return Drawing("\n".join(["digraph {", "  node [fontname=monospace]", *lines, "}"]) + "\n")


def box(name: str, lines: list[str], is_tensor: bool) -> str:
    """A node of the picture: tensors have corners."""
    text = "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return f'  {name} [label="{text}", shape={"box" if is_tensor else "ellipse"}]'


def arrow(edge: Edge, start: str, end: str) -> str:
    """In the direction of the computation; of several outputs, with the number."""
    return f"  {start} -> {end}" + (f' [label="{edge[1]}"]' if len(edge[0].outputs) > 1 else "")


def about(x: Tensor) -> str:
    """A tensor in a few words."""
    return f"{str(x.dtype).removeprefix('torch.')} {list(x.shape)} v{x._version}"


def described(node: Any, called: dict[int, str]) -> list[str]:
    """What is written in a node."""
    if isinstance(node, AccumulateGrad):
        return [called.get(id(node.leaf), "leaf"), about(node.leaf)]
    outputs = [f"{str(dtype).removeprefix('torch.')} {list(shape)}" for shape, dtype in node.outputs]
    if node.saved is None:
        return [node.name(), *outputs, "saved values released"]
    known = saved_names(node.plan) if isinstance(node, Recorded) else []
    names = known + [f"saved {position}" for position in range(len(known), len(node.saved))]
    saved = zip([name.removeprefix("_saved_") for name in names], node.saved, strict=True)
    return [node.name(), *outputs, *[f"{name} = {kept(*each)}" for name, each in saved]]


def kept(data: Any, storage: Any, version: int) -> str:
    """A saved value in a few words: a tensor with the version it had, and the one it has if that is another."""
    if isinstance(data, Packed):
        return "packed"
    if not isinstance(data, torch.Tensor):
        return repr(data)
    return f"{list(data.shape)} v{version}" + (
        f", overwritten: v{storage.version}" if storage.version != version else ""
    )
