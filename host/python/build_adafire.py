"""The build backend (PEP 517): makes the C libraries with make and puts them into a wheel.

It needs nothing but Python, so that a clone installs without a network. One wheel serves every Python, for
nothing in it is compiled for one (ctypes).
"""

from __future__ import annotations

import base64
import hashlib
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
#: What the C libraries are made of, in a source distribution and in a clone.
SOURCES = ("Makefile", "LICENSE", "host", "hw", "sim/csim.c", "sim/sim.h", "sim/print.h", "tools/setup", "tools/layers")
LIBRARIES = ("libadafire.so", "libadafire-convert.so")
BUILDS = ("sim", "tiny", "u250", "check", "ulx3s")


def _root() -> pathlib.Path:
    for folder in (HERE / "source", HERE.parent.parent):
        if (folder / "Makefile").exists() and (folder / "host/include/adafire.h").exists():
            return folder
    raise RuntimeError(
        "the C sources are not here: install from a clone (pip 21.3 or newer, which builds in place) "
        "or from a source distribution"
    )


def _version() -> str:
    header = (_root() / "host/include/adafire.h").read_text()
    found = re.search(r'#define AF_VERSION\s+"([^"]+)"', header)
    if not found:
        raise RuntimeError("adafire.h has no version")
    return found[1]


def _make() -> list[tuple[pathlib.Path, str]]:
    """Files to bundle, and their names in the package. ADAFIRE_LIBRARIES: a folder where they are made already."""
    made = os.environ.get("ADAFIRE_LIBRARIES")
    folder = pathlib.Path(made) if made else _root() / "build/release"
    names = [*LIBRARIES, *(f"adafire-csim-{b}.so" for b in BUILDS)]
    if not made:
        if not shutil.which("make"):
            raise RuntimeError("make is needed to build the C libraries")
        environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        done = subprocess.run(
            ["make", f"-j{os.cpu_count() or 1}", *(f"build/release/{n}" for n in names)], cwd=_root(), env=environment
        )
        if done.returncode:
            raise RuntimeError("the C libraries could not be built; the lines above say why")
    simulators = sorted(folder.glob("adafire-sim-*.so"))  # where they were made (make sim-tiny)
    soname = _version().rsplit(".", 1)[0]  # what one library asks for the other by
    files = [
        (folder / n, f"adafire/lib/{n}.{soname}" if n in LIBRARIES else f"adafire/lib/adafire/{n}") for n in names
    ]
    return files + [(s, f"adafire/lib/adafire/{s.name}") for s in simulators]


def _project() -> dict[str, Any]:
    """The few fields of pyproject.toml that metadata want; Python reads TOML itself only since 3.11."""
    text = (HERE / "pyproject.toml").read_text()

    def value(name: str) -> str:
        found = re.search(rf'^{name} = "(.*)"$', text, re.M)
        return found[1] if found else ""

    def values(name: str, within: str = text) -> list[str]:
        found = re.search(rf"^{name} = \[(.*?)\]", within, re.M | re.S)
        return re.findall(r'"([^"]+)"', found[1]) if found else []

    extras = re.search(r"^\[project.optional-dependencies\]\n(.*?)\n\n", text, re.M | re.S)
    names = re.findall(r"^(\w+) = ", extras[1], re.M) if extras else []
    return {
        "description": value("description"),
        "python": value("requires-python"),
        "license": value("license"),
        "dependencies": values("dependencies"),
        "keywords": values("keywords"),
        "classifiers": values("classifiers"),
        "extras": {n: values(n, extras[1] if extras else "") for n in names},
    }


def _metadata() -> str:
    p = _project()
    lines = [
        "Metadata-Version: 2.4",
        "Name: adafire",
        f"Version: {_version()}",
        f"Summary: {p['description']}",
        f"Requires-Python: {p['python']}",
        f"License-Expression: {p['license']}",
        "License-File: LICENSE",
        f"Keywords: {','.join(p['keywords'])}",
        *(f"Classifier: {c}" for c in p["classifiers"]),
        *(f"Requires-Dist: {d}" for d in p["dependencies"]),
    ]
    for extra, needs in p["extras"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {d}; extra == "{extra}"' for d in needs]
    lines += ["Description-Content-Type: text/markdown", "", (HERE / "README.md").read_text()]
    return "\n".join(lines)


def _tag() -> str:
    if not sys.platform.startswith("linux"):
        raise RuntimeError(f"AdaFire runs on Linux, not on {platform.system()}")
    return "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")


def _wheel_file() -> str:
    return f"Wheel-Version: 1.0\nGenerator: build_adafire\nRoot-Is-Purelib: false\nTag: {_tag()}\n"


def _info_files() -> dict[str, bytes]:
    return {
        "METADATA": _metadata().encode(),
        "WHEEL": _wheel_file().encode(),
        "licenses/LICENSE": (_root() / "LICENSE").read_bytes(),
    }


class _Wheel:
    """A zip file with a record of what is in it; there under its name only when it is complete."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path, self.temporary = path, path.with_suffix(".part")
        self.zip = zipfile.ZipFile(self.temporary, "w", zipfile.ZIP_DEFLATED)
        self.record: list[str] = []

    def add(self, name: str, data: bytes, mode: int = 0o644) -> None:
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.external_attr, info.compress_type = (0o100000 | mode) << 16, zipfile.ZIP_DEFLATED
        self.zip.writestr(info, data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        self.record.append(f"{name},sha256={digest},{len(data)}")

    def finish(self, info: str) -> None:
        lines = "\n".join([*self.record, f"{info}/RECORD,,", ""])
        self.zip.writestr(zipfile.ZipInfo(f"{info}/RECORD", (1980, 1, 1, 0, 0, 0)), lines)
        self.zip.close()
        self.temporary.replace(self.path)


def _write_wheel(directory: str, editable: bool) -> str:
    version, info = _version(), f"adafire-{_version()}.dist-info"
    files = _make()
    name = f"adafire-{version}-{_tag()}.whl"
    wheel = _Wheel(pathlib.Path(directory) / name)
    try:
        if editable:  # the sources as they are, with the libraries beside them
            lib = HERE / "adafire/lib"
            shutil.rmtree(lib, ignore_errors=True)
            for path, to in files:
                (HERE / to).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, HERE / to)
            wheel.add("adafire_editable.pth", f"{HERE}\n".encode())
        else:
            for path in sorted((HERE / "adafire").glob("*")):
                if path.suffix == ".py" or path.name == "py.typed":
                    wheel.add(f"adafire/{path.name}", path.read_bytes())
            for path, to in files:
                wheel.add(to, path.read_bytes(), 0o755)
        for part, data in _info_files().items():
            wheel.add(f"{info}/{part}", data)
        wheel.finish(info)
    except BaseException:
        wheel.zip.close()
        wheel.temporary.unlink(missing_ok=True)
        raise
    return name


# ---- What pip calls


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    return []


get_requires_for_build_editable = get_requires_for_build_sdist = get_requires_for_build_wheel


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Any = None) -> str:
    info = pathlib.Path(metadata_directory) / f"adafire-{_version()}.dist-info"
    for part, data in _info_files().items():
        (info / part).parent.mkdir(parents=True, exist_ok=True)
        (info / part).write_bytes(data)
    return info.name


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: Any = None) -> str:
    return _write_wheel(wheel_directory, False)


def build_editable(wheel_directory: str, config_settings: Any = None, metadata_directory: Any = None) -> str:
    return _write_wheel(wheel_directory, True)


def build_sdist(sdist_directory: str, config_settings: Any = None) -> str:
    """The package, and the C sources under source/."""
    base = f"adafire-{_version()}"
    path = pathlib.Path(sdist_directory) / f"{base}.tar.gz"
    temporary = path.with_suffix(".part")
    kept = {".c", ".h", ".py", ".in", ".md", ".mk", ".rules", ".v", ".pcf", ".lpf", ""}

    def choose(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        name = pathlib.PurePosixPath(member.name)
        if {"python", "__pycache__", "build"} & set(name.parts[2:]):
            return None
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member if member.isdir() or name.suffix in kept else None

    try:
        with tarfile.open(temporary, "w:gz") as tar:
            for part in ("pyproject.toml", "build_adafire.py", "README.md"):
                tar.add(HERE / part, f"{base}/{part}")
            for file in sorted((HERE / "adafire").glob("*")):
                if file.suffix == ".py" or file.name == "py.typed":
                    tar.add(file, f"{base}/adafire/{file.name}")
            for file in sorted((HERE / "tests").glob("*.py")):
                tar.add(file, f"{base}/tests/{file.name}")
            for part in SOURCES:
                tar.add(_root() / part, f"{base}/source/{part}", filter=choose)
            tar.add(_root() / "LICENSE", f"{base}/LICENSE")
            metadata = temporary.with_suffix(".info")
            metadata.write_text(_metadata())
            tar.add(metadata, f"{base}/PKG-INFO")
            metadata.unlink()
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path.name
