"""Licence texts of the libraries that auditwheel put into a wheel, added to that wheel.

    python host/python/bundle_licences.py WHEEL...

A library in adafire.libs is looked up among Debian's packages by its name; the package's copyright file, and the common
licences that this refers to, go to the wheel's licenses folder. A library of which no text is found is an error, and
the wheel stays as it was."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import zipfile

import build_adafire

DOCUMENTS, COMMON = pathlib.Path("/usr/share/doc"), pathlib.Path("/usr/share/common-licenses")


def package_of(library: str) -> str:
    """Debian's package of liblber-2-0123abcd.5.so.0, which was liblber-2.5.so.0."""
    name = re.sub(r"-[0-9a-f]{8}(?=\.)", "", library, count=1)
    try:
        found = subprocess.run(["dpkg-query", "-S", f"*/{name}"], capture_output=True, text=True).stdout
    except FileNotFoundError:
        raise SystemExit("dpkg-query is needed, which knows whose libraries these are") from None
    packages = sorted({line.split(":")[0] for line in found.splitlines() if not line.startswith("diversion")})
    packages = [p for p in packages if (DOCUMENTS / p / "copyright").exists()]
    if not packages:
        raise SystemExit(f"{library}: no package here has {name} and a copyright file")
    return packages[0]


def texts_of(libraries: list[str]) -> dict[str, bytes]:
    """Names of files, and what they hold."""
    texts: dict[str, bytes] = {}
    for package in sorted({package_of(name) for name in libraries}):
        text = (DOCUMENTS / package / "copyright").read_bytes()
        texts[f"{package}.txt"] = text
        for common in re.findall(rb"/usr/share/common-licenses/([A-Za-z0-9.+-]*[A-Za-z0-9])", text):
            path = COMMON / common.decode()
            if path.exists():
                texts[f"common-{path.name}.txt"] = path.read_bytes()
    return texts


def add(path: pathlib.Path) -> int:
    """How many texts were added."""
    with zipfile.ZipFile(path) as old:
        names = old.namelist()
        info = next(n.split("/")[0] for n in names if n.endswith(".dist-info/METADATA"))
        bundled = [pathlib.PurePosixPath(n).name for n in names if n.startswith("adafire.libs/") and ".so" in n]
        texts = texts_of(bundled)
        wheel = build_adafire._Wheel(path)
        try:
            for entry in old.infolist():
                folder = f"{info}/licenses/bundled/"
                if entry.is_dir() or entry.filename == f"{info}/RECORD" or entry.filename.startswith(folder):
                    continue
                data = old.read(entry)
                if entry.filename == f"{info}/METADATA":
                    lines = "".join(f"License-File: bundled/{n}\n" for n in sorted(texts)).encode()
                    data = re.sub(rb"License-File: bundled/.*\n", b"", data)
                    data = data.replace(b"License-File: LICENSE\n", b"License-File: LICENSE\n" + lines, 1)
                wheel.add(entry.filename, data, entry.external_attr >> 16 & 0o777 or 0o644)
            for name, text in sorted(texts.items()):
                wheel.add(f"{info}/licenses/bundled/{name}", text)
            wheel.finish(info)
        except BaseException:
            wheel.zip.close()
            wheel.temporary.unlink(missing_ok=True)
            raise
    return len(texts)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    for argument in sys.argv[1:]:
        print(f"{argument}: {add(pathlib.Path(argument))} licence texts")
