"""What the package promises of its own text."""

import ast
from operator import attrgetter
from pathlib import Path
from types import FunctionType

import pytest
import torch

import autograd_reference

FILES = sorted(Path(autograd_reference.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_file(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "torch":
            assert node.attr not in ("autograd", "no_grad", "enable_grad", "set_grad_enabled", "func"), node.lineno
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            is_nested = not any(node in ast.iter_child_nodes(owner) for owner in (tree, *classes(tree)))
            assert is_nested or ast.get_docstring(node) or has_setter(node), (path.name, node.name)


def classes(tree: ast.Module) -> list[ast.ClassDef]:
    return [node for node in tree.body if isinstance(node, ast.ClassDef)]


def has_setter(function: ast.FunctionDef) -> bool:
    """Setters and deleters are described with the property."""
    return any(isinstance(d, ast.Attribute) and d.attr in ("setter", "deleter") for d in function.decorator_list)


def test_public_names_exist() -> None:
    for name in autograd_reference.__all__:
        assert hasattr(autograd_reference, name)


NAMESPACES = {
    "": autograd_reference,
    "Tensor.": autograd_reference.Tensor,
    "fft.": autograd_reference.fft,
    "linalg.": autograd_reference.linalg,
    "nn.functional.": autograd_reference.nn.functional,
}


@pytest.mark.parametrize("prefix", NAMESPACES)
def test_public_functions_have_their_names_and_are_described(prefix: str) -> None:
    for name, function in vars(NAMESPACES[prefix]).items():
        theirs = attrgetter(prefix[:-1])(torch) if prefix else torch
        if isinstance(function, FunctionType) and hasattr(theirs, name) and name[0] != "_":
            assert function.__name__ == name and function.__doc__, name
