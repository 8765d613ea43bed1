"""What a wheel and a source distribution hold, and that nothing but Python makes them."""

import base64
import csv
import hashlib
import importlib.util
import io
import os
import pathlib
import re
import shutil
import sys
import tarfile
import zipfile

import pytest
from conftest import ROOT, TOOLS

HERE = pathlib.Path(__file__).resolve().parents[1]


def backend(folder=HERE):
    spec = importlib.util.spec_from_file_location("build_adafire", folder / "build_adafire.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def made(monkeypatch):
    """Libraries that are there already: making them is make's test."""
    if not all((TOOLS / n).exists() for n in backend().LIBRARIES):
        pytest.skip("the libraries are not built")
    monkeypatch.setenv("ADAFIRE_LIBRARIES", str(TOOLS))


def check_wheel(path):
    with zipfile.ZipFile(path) as wheel:
        assert wheel.testzip() is None
        names = set(wheel.namelist())
        info = next(n.split("/")[0] for n in names if ".dist-info/" in n)
        rows = list(csv.reader(io.StringIO(wheel.read(f"{info}/RECORD").decode())))
        assert {r[0] for r in rows} == names
        for name, digest, size in rows:
            if digest:
                data = wheel.read(name)
                mine = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                assert digest == f"sha256={mine}" and int(size) == len(data), name
        metadata = wheel.read(f"{info}/METADATA").decode()
        tag = wheel.read(f"{info}/WHEEL").decode()
    assert {"adafire/__init__.py", "adafire/py.typed", "adafire/lib/libadafire.so.0.2"} <= names
    assert {"adafire/lib/libadafire-convert.so.0.2", "adafire/lib/adafire/adafire-csim-sim.so"} <= names
    assert f"{info}/licenses/LICENSE" in names
    assert not any("__pycache__" in n or n.startswith("tests") for n in names)
    assert re.search(r"^Tag: py3-none-linux_", tag, re.M)
    assert re.search(r"^Requires-Dist: numpy>=1", metadata, re.M)
    assert 'Requires-Dist: nir; extra == "nir"' in metadata
    assert "License-Expression: Apache-2.0" in metadata and "Requires-Python: >=3.9" in metadata
    assert "# AdaFire for Python" in metadata
    return metadata


def test_wheel(made, tmp_path):
    module = backend()
    name = module.build_wheel(str(tmp_path))
    metadata = check_wheel(tmp_path / name)
    assert f"Version: {module._version()}" in metadata
    assert sorted(p.name for p in tmp_path.iterdir()) == [name]
    info = module.prepare_metadata_for_build_wheel(str(tmp_path))
    assert (tmp_path / info / "METADATA").read_text() == metadata


def test_a_wheel_of_a_source_distribution(made, tmp_path):
    name = backend().build_sdist(str(tmp_path))
    with tarfile.open(tmp_path / name) as tar:
        names = tar.getnames()
        if hasattr(tarfile, "data_filter"):
            tar.extractall(tmp_path, filter="data")
        else:
            tar.extractall(tmp_path)
    base = name[: -len(".tar.gz")]
    wanted = ["PKG-INFO", "pyproject.toml", "LICENSE", "adafire/py.typed", "tests/conftest.py"]
    wanted += [f"source/{p}" for p in ("Makefile", "host/README.md", "hw/boards/boards.mk", "tools/setup")]
    for part in wanted:
        assert f"{base}/{part}" in names, part
    assert not any(re.search(r"\.(o|so|pyc|part)$|/build/", n) for n in names)
    folder = tmp_path / base
    assert os.access(folder / "source/tools/setup", os.X_OK)
    module = backend(folder)
    assert module._root() == folder / "source"
    out = tmp_path / "out"
    out.mkdir()
    check_wheel(out / module.build_wheel(str(out)))


def bundled_wheel(path, *libraries):
    wheel = backend()._Wheel(path)
    wheel.add("adafire/__init__.py", b"")
    for name in libraries:
        wheel.add(f"adafire.libs/{name}", b"\x7fELF", 0o755)
    wheel.add("adafire-1.dist-info/METADATA", b"Name: adafire\nLicense-File: LICENSE\nKeywords: x\n\ntext\n")
    wheel.finish("adafire-1.dist-info")
    return path


def test_bundled_libraries_bring_their_licences(tmp_path, monkeypatch):
    if not shutil.which("dpkg-query"):
        pytest.skip("dpkg is not here")
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.setitem(sys.modules, "build_adafire", backend())
    import bundle_licences

    path = bundled_wheel(tmp_path / "a.whl", "libz-0123abcd.so.1", "libgcc_s-89abcdef.so.1")
    assert bundle_licences.add(path) >= 3  # zlib's, gcc's, and the GPL that this speaks of
    again = path.read_bytes()
    assert bundle_licences.add(path) >= 3 and path.read_bytes() == again
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        rows = {r[0] for r in csv.reader(io.StringIO(wheel.read("adafire-1.dist-info/RECORD").decode()))}
        metadata = wheel.read("adafire-1.dist-info/METADATA").decode()
        assert rows == set(names) and len(names) == len(set(names))
        assert b"Gailly" in wheel.read("adafire-1.dist-info/licenses/bundled/zlib1g.txt")
        assert any(re.search(r"bundled/common-GPL", n) for n in names)
        assert wheel.getinfo("adafire.libs/libz-0123abcd.so.1").external_attr >> 16 & 0o777 == 0o755
    assert "License-File: LICENSE\nLicense-File: bundled/common-" in metadata
    assert sum(f"License-File: {n[len('adafire-1.dist-info/licenses/'):]}\n" in metadata for n in names) >= 3
    path = bundled_wheel(tmp_path / "b.whl", "libnobody-0123abcd.so.7")
    before = path.read_bytes()
    with pytest.raises(SystemExit, match=r"libnobody-0123abcd\.so\.7: no package"):
        bundle_licences.add(path)
    assert path.read_bytes() == before and sorted(p.name for p in tmp_path.iterdir()) == ["a.whl", "b.whl"]


def test_a_failed_wheel_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("ADAFIRE_LIBRARIES", str(tmp_path / "nowhere"))
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(FileNotFoundError):
        backend().build_wheel(str(out))
    assert list(out.iterdir()) == []


def test_files_are_short():
    for path in [*HERE.glob("**/*.py"), ROOT / "tools/peers"]:
        if "venv" not in path.parts:
            assert len(path.read_text().splitlines()) < 900, path
