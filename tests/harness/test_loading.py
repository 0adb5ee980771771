"""From --impl to an engine, or to an error that teaches; all of them are exit status 4, without a traceback of ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness_support import HERE, Folder

from autograd_conformance.running.loading import known_names, load_engine
from autograd_conformance.running.options import ENGINE_NAMES

pytest_plugins = "pytester"

HEAD = "from synthetic_engine import Synthetic\n"


@pytest.fixture(autouse=True)
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Modules written to `tmp_path` can be imported, and are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(HERE)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("adapter", "synthetic")):
            del sys.modules[name]


def test_an_engine_on_its_first_device_or_the_one_asked_for() -> None:
    assert load_engine("synthetic_engine:Synthetic", None).device == "cpu"
    assert load_engine("synthetic_engine:Synthetic", "toy").device == "toy"


def test_known_names_are_the_adapters() -> None:
    """And not what adapters share: a name that is offered must be one that can be judged."""
    assert known_names() == ("autograd", "mygrad", "paddle", "reference", "tinygrad", "torch")


HALF_A_TAPE = """
from autograd_conformance import Engine, template
class E(Engine):
    name = version = 'x'
    tensor = array = backward = grad = requires_grad = is_leaf = template('1')
"""
WRONG = {
    "unknown name": ("nonesuch", "", r"expected one of .*torch.*, or package.module:Class.*\n.*python -m pytest"),
    "path of a file": ("adapter/x.py:E", "", "expected one of"),
    "no such module": ("adapter_none:E", "", r"No module named 'adapter_none'.*\n.*python -m pytest"),
    "missing dependency": (
        "adapter_a:E",
        "import nonesuch",
        "No module named 'nonesuch'; adapter_a imports it, install",
    ),
    "error on import": ("adapter_b:E", "1 / 0", r"importing adapter_b failed\n.*adapter_b.py(.*\n)*ZeroDivisionError"),
    "no such class": ("adapter_c:E", HEAD, "expected a subclass of autograd_conformance.Engine, got None; .* none"),
    "not an engine": ("adapter_d:E", "class E: pass", "expected a subclass of autograd_conformance.Engine, got <class"),
    "no name": ("adapter_e:E", HEAD + "class E(Synthetic): name = ''", "E.name: expected text"),
    "no version": ("adapter_f:E", HEAD + "class E(Synthetic): version = None", "E.version: expected text"),
    "dtypes as text": ("adapter_g:E", HEAD + "class E(Synthetic): dtypes = 'float32'", "E.dtypes: expected a tuple"),
    "fails when made": (
        "adapter_h:E",
        HEAD + "class E(Synthetic):\n def __init__(self, device): raise OSError('no driver')",
        "making the adapter on 'cpu' failed\n(.*\n)*OSError: no driver",
    ),
    "template of no verb": (
        "adapter_j:E",
        HEAD + "from autograd_conformance import template\nclass E(Synthetic): gradient = template('t.grad')",
        "the contract has no verb 'gradient'",
    ),
    "empty template of an operator": (
        "adapter_l:E",
        HEAD + "class E(Synthetic): operators = {'add': ' '}",
        r"E.add: expected one expression or statement over x, y, got ' '; write the engine's call, or leave it out",
    ),
    "operators that are no mapping": (
        "adapter_m:E",
        HEAD + "class E(Synthetic): operators = ['add']",
        r"E.operators: expected a mapping, name -> spelling, got \['add'\]",
    ),
    "template of a fact": (
        "adapter_n:E",
        HEAD + "from autograd_conformance import template\nclass E(Synthetic): version = template('x.__version__')",
        "expected a value, since 'version' is a fact and not a verb: write the value itself",
    ),
    "nothing spelled": (
        "adapter_i:E",
        "from autograd_conformance import Engine\nclass E(Engine): name = version = 'x'",
        "E lacks `tensor`, `array`: without it nothing can be judged",
    ),
    "half a tape": (
        "adapter_k:E",
        HALF_A_TAPE,
        "E lacks `vjp`, or these verbs of a tape: `detach`: without it",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said(wrong: str, tmp_path: Path) -> None:
    impl, text, message = WRONG[wrong]
    if text:
        (tmp_path / f"{impl.partition(':')[0]}.py").write_text(text)
    with pytest.raises(pytest.UsageError, match=message) as error:
        load_engine(impl, None)
    assert "importlib" not in str(error.value)


def test_an_unknown_device() -> None:
    with pytest.raises(pytest.UsageError, match="--impl-device=tpu: synthetic has cpu, toy"):
        load_engine("synthetic_engine:Synthetic", "tpu")


def test_a_missing_engine_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mygrad", None)
    monkeypatch.delitem(sys.modules, "autograd_conformance.adapters.mygrad", raising=False)
    with pytest.raises(pytest.UsageError, match=r"pip install 'autograd-conformance\[mygrad\]'"):
        load_engine("mygrad", None)


# ---- as the user meets them -------------------------------------------------------------------------------------------
ONE = "@clause('one.holds', level=CORE, x=integers(0, 9))\ndef test_one(engine, x):\n    '''It holds.'''\n"


def refused(folder: Folder, *arguments: str) -> str:
    run = folder.pytest(*arguments)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    text = f"{run.stdout}\n{run.stderr}"
    assert "INTERNALERROR" not in text
    assert "replacing crashed worker" not in text
    return text


@pytest.mark.parametrize("how", ["-n0", "-n2"])
def test_errors_reach_the_user_from_workers_as_well(folder: Folder, how: str) -> None:
    folder.clauses(ONE)
    assert "No module named 'adapter_none'" in refused(folder, "--impl=adapter_none:E", how)
    assert "add --impl=reference" in refused(folder, how)
    text = refused(folder, "--impl=synthetic_engine:Synthetic", "--impl-clause=none.*", how)
    assert "no clause matches; chapters collected: one" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shapes = ()", "shapes: expected a tuple of shapes such as ((), (2, 3)), or None, got ()"),
        ("max_ndim = -1", "max_ndim: expected a number from 0 on, got -1"),
        ("no_grad = template('None')", "no_grad: gives None; expected something that `with` can enter and leave"),
        ("no_grad_function = template('None')", "no_grad_function: gives None; expected a function"),
    ],
)
def test_a_broken_adapter_is_not_judged(folder: Folder, text: str, message: str) -> None:
    folder.clauses(ONE)
    head = HEAD + "from autograd_conformance import template\nclass E(Synthetic):\n    "
    (folder.path / "adapter_broken.py").write_text(head + text)
    told = refused(folder, "--impl=adapter_broken:E")
    assert "the adapter of synthetic is broken, and a run would judge it and not the engine" in told
    assert message in told


def test_an_import_that_kills_the_process(folder: Folder) -> None:
    folder.clauses(ONE)
    (folder.path / "adapter_lethal.py").write_text("import ctypes; ctypes.string_at(0)")
    text = refused(folder, "--impl=adapter_lethal:E")
    assert "the process died while the engine was imported" in text
    assert "Segmentation fault" in text
    assert "adapter_lethal.py" in text


def test_duplicate_ids(folder: Folder) -> None:
    folder.clauses(ONE)
    folder.clauses(ONE, "test_again.py")
    text = refused(folder, "--impl=synthetic_engine:Synthetic")
    assert "clause id 'one.holds' is used 2 times" in text
    assert "test_again.py" in text


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--impl-profile=huge", "invalid choice: 'huge'"),
        ("--impl-level=top", "invalid choice: 'top'"),
        ("--impl-timeout=-1", "--impl-timeout"),
        ("--hypothesis-seed=random", "expected a whole number"),
        ("--dist=each", "--dist=each: expected --dist=load or --dist=worksteal"),
        ("--dist=loadfile", "--dist=loadfile: expected --dist=load or --dist=worksteal"),
        ("--impl-expect=none.toml", "--impl-expect: none.toml"),
    ],
)
def test_wrong_options(folder: Folder, option: str, message: str) -> None:
    folder.clauses(ONE)
    how = "--tx=popen" if option.startswith("--dist") else "-n0"
    assert message in refused(folder, "--impl=synthetic_engine:Synthetic", how, option)


def test_help_says_what_every_option_means(folder: Folder) -> None:
    text = str(folder.pytest("--help").stdout)
    for option in ("", "-device", "-profile", "-clause", "-level", "-report", "-expect", "-expect-write", "-corpus"):
        assert f"--impl{option}=" in text
    assert set(ENGINE_NAMES) == set(known_names())
    assert "--impl-timeout=" in text and "--impl-check" in text and "--impl-scripts=" in text


def test_impl_check_takes_the_place_of_a_run(folder: Folder) -> None:
    folder.clauses(ONE)
    run = folder.pytest("--impl=synthetic_engine:Synthetic", "--impl-check")
    assert run.ret == 0, "the adapter is sound; that the engine is not is for the clauses to say"
    run.stdout.fnmatch_lines(["synthetic 1.0, on cpu", "ENGINE *"])
    run.stdout.no_fnmatch_line("*one.holds*")
    (folder.path / "adapter_broken.py").write_text(HEAD + "class E(Synthetic): operators = {'add': 'x + nonesuch'}")
    assert folder.pytest("--impl=adapter_broken:E", "--impl-check").ret == pytest.ExitCode.TESTS_FAILED
    assert "--impl-check: add --impl=" in refused(folder, "--impl-check")
