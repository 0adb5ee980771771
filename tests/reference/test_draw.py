"""Pictures of graphs."""

import re
import shutil
from pathlib import Path

import pytest

import autograd_reference as torch

DRAW = torch.autograd.graph.draw


def test_all_is_in_it() -> None:
    x = torch.ones(2, 3, requires_grad=True)
    both = x * 2.5
    a, b = both[0], both[1]
    y = a.exp() * b
    a.add_(1)
    text = str(DRAW(y))
    nodes = dict(re.findall(r'(n\d+) \[label="(.*?)"', text))
    assert sum("MulBackward0" in label for label in nodes.values()) == 2
    assert r"x\nfloat32 [2, 3] v0" in nodes.values()
    assert r"MulBackward0\nfloat32 [2, 3]\nother = 2.5" in nodes.values()
    assert r"MulBackward0\nfloat32 [3]\nself = [3] v0\nother = [3] v0, overwritten: v1" in nodes.values()
    assert r'r0 [label="y\nfloat32 [3] v0", shape=box]' in text
    arrows = re.findall(r"(\w+) -> (\w+)", text)
    assert len(arrows) == 7 and {name for pair in arrows for name in pair} == {*nodes, "r0"}


def test_names_releases_and_packs() -> None:
    x = torch.ones(2, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x):
        y = x.exp()
    assert "result = packed" in str(DRAW(y, names={"weight": x})) and "weight" in str(DRAW(y, names={"weight": x}))
    y.sum().backward()
    assert "saved values released" in str(DRAW(y))
    assert "root" in str(DRAW(torch.ones(2)))
    name_to_escape = {'a "b" \\n': x}
    assert r"a \"b\" \\n" in str(DRAW(y, names=name_to_escape))


def test_functions() -> None:
    class Two(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2, x * 3

    first, second = Two.apply(torch.ones(2, requires_grad=True))
    text = str(DRAW(first, second))
    assert r"TwoBackward\nfloat32 [2]\nfloat32 [2]\nsaved 0 = [2] v0" in text
    assert 'label="0"' in text and 'label="1"' in text


def test_large_graphs_are_refused() -> None:
    x = torch.ones(2, requires_grad=True)
    for _ in range(20):
        x = x * 2
    with pytest.raises(ValueError, match="21 nodes"):
        DRAW(x, most=20)
    assert str(DRAW(x, most=21)).count("->") == 21


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = DRAW(torch.ones(2, requires_grad=True) * 2)
    drawing.save(tmp_path / "graph.dot")
    assert (tmp_path / "graph.dot").read_text() == str(drawing)
    monkeypatch.setenv("PATH", "")
    assert drawing._repr_svg_() is None
    with pytest.raises(FileNotFoundError, match="Graphviz"):
        drawing.save(tmp_path / "graph.svg")


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_pictures(tmp_path: Path) -> None:
    drawing = DRAW(torch.ones(2, requires_grad=True) * 2)
    assert "<svg" in (drawing._repr_svg_() or "")
    drawing.save(tmp_path / "graph.svg")
    assert "<svg" in (tmp_path / "graph.svg").read_text()
