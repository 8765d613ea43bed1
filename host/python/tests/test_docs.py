"""Examples in docstrings, in the README and beside it."""

import doctest
import importlib
import importlib.util
import json
import pathlib
import pkgutil
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import DIGITS, ROOT

import adafire

HERE = pathlib.Path(__file__).resolve().parents[1]
MODULES = [m.name for m in pkgutil.iter_modules(adafire.__path__) if m.name != "__main__"]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name, model, images, labels, calibration, tmp_path):
    if name == "nir":
        pytest.importorskip("nir")
    module = importlib.import_module(f"adafire.{name}")
    model.save(tmp_path / "digits.snn")
    names = {"digits": DIGITS, "digits_model": model, "digits_file": tmp_path / "digits.snn", "np": np}
    names |= {"images": images, "labels": labels, "calibration": calibration}
    failed, _ = doctest.testmod(module, extraglobs={**vars(module), **names}, optionflags=doctest.ELLIPSIS)
    assert failed == 0


def blocks(path):
    return re.findall(r"```python\n(.*?)```", path.read_text(), re.S)


@pytest.mark.parametrize("path", [HERE / "README.md", ROOT / "README.md"], ids=["python", "top"])
def test_readmes(path, tmp_path, monkeypatch):
    """Every block of Python runs, one after the other, where the digits are."""
    monkeypatch.chdir(tmp_path)
    for name in ("model.onnx", "calib_images.npy", "test_images.npy", "test_labels.npy"):
        (tmp_path / name).symlink_to(DIGITS / name)
    code = blocks(path)
    if not code and path.parent == ROOT:
        pytest.fail("the README has no Python")
    names = {}
    for block in code:
        if "import torch" in block:
            pytest.importorskip("torch")
        exec(compile(block, str(path), "exec"), names)


@pytest.mark.parametrize("path", sorted((HERE / "examples").glob("*.py")), ids=lambda p: p.name)
def test_examples(path, tmp_path):
    done = subprocess.run([sys.executable, path, DIGITS], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("path", sorted((HERE / "examples").glob("*.py")), ids=lambda p: p.name)
def test_notebooks(path, monkeypatch, tmp_path):
    """They are the scripts, and their cells run one after the other."""
    spec = importlib.util.spec_from_file_location("make_notebooks", HERE / "make_notebooks.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    text = path.with_suffix(".ipynb").read_text()
    assert text == maker.notebook(path.read_text()), "python3 host/python/make_notebooks.py"
    code = ["".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "code"]
    if any("import torch" in c for c in code):
        pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for cell in code:
        exec(compile(cell.replace("../../../tests/data/digits", str(DIGITS)), str(path), "exec"), names)
