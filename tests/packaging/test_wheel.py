"""What is in the wheel, and what comes with it."""

from __future__ import annotations

import email
import zipfile
from email.message import Message
from pathlib import Path

from stranger import ROOT

import autograd_conformance
import autograd_reference

PACKAGES = {
    "autograd_conformance": "conformance",
    "autograd_reference": "reference_impl",
    "autograd_spec": "spec",
}


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(archive.read(name))


def test_it_has_every_module_of_the_three_packages_and_nothing_else(wheel: Path) -> None:
    """Nothing generic, such as `tests` or `conftest`, may land beside other people's packages."""
    found = {name for name in names(wheel) if ".dist-info/" not in name}
    kept = (".py", ".json", "py.typed")
    expected = {
        path.relative_to(ROOT / folder).as_posix()
        for package, folder in PACKAGES.items()
        for path in (ROOT / folder / package).rglob("*")
        if path.name.endswith(kept)
    }
    assert found == expected


def test_it_has_types_schema_and_license(wheel: Path) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= names(wheel)
    assert "autograd_conformance/reporting/report.schema.json" in names(wheel)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names(wheel))


def test_its_metadata(wheel: Path) -> None:
    told = metadata(wheel)
    assert told["Name"] == "autograd-conformance"
    assert told["License-Expression"] == "MIT"
    assert told.get_all("Project-URL") is None  # there is no public address yet
    assert set(told.get_all("Provides-Extra", [])) == {
        "reference",
        "torch",
        "autograd",
        "mygrad",
        "tinygrad",
        "paddle",
        "benchmarks",
        "tests",
        "dev",
    }


def test_its_version_is_that_of_the_packages(wheel: Path) -> None:
    assert metadata(wheel)["Version"] == autograd_conformance.__version__ == autograd_reference.__version__


def test_it_needs_no_engine(wheel: Path) -> None:
    needed = [each for each in metadata(wheel).get_all("Requires-Dist", []) if "extra ==" not in each]
    assert [each for each in needed if each.startswith(("torch", "autograd", "mygrad", "jax"))] == []
    assert any(each.startswith("hypothesis") for each in needed)
