"""`python -m adafire [MODEL.snn]`: what there is here, or what a model holds."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys

from . import AdafireError, Model, attached, boards, version
from ._library import run

OPTIONAL = ("torch", "onnx", "nir", "tqdm")


def show_all() -> None:
    print(f"adafire {version()}, {platform.python_implementation()} {platform.python_version()}")
    print(f"library   {run._name}")
    for name in ("numpy", *OPTIONAL):
        try:
            print(f"{name:9} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            print(f"{name:9} not installed (optional)")
    print("\nboards")
    for board in boards():
        if board.runs:
            print(f"  {board.name:11} {board.summary}")
    found = attached()
    if found:
        print("\nattached")
    for name, text in found.items():
        print(f"  {name:11} {text}")


def show_model(path: str) -> None:
    model = Model.load(path)
    print(repr(model)[1:-1])
    for p in model.populations:
        shape = "x".join(map(str, p.shape))
        thresholds = f"{p.thresholds.min():.3g} .. {p.thresholds.max():.3g}" if p.thresholds.size else ""
        print(f"{p.index:3} {p.name:28.28} {p.kind:8} {shape:>12} {p.burst or '':>3} {thresholds}")
    for key, value in model.facts.items():
        print(f"{key}: {value}")


def main(arguments: list[str]) -> int:
    if arguments in (["-h"], ["--help"]) or len(arguments) > 1:
        print(__doc__)
        return len(arguments) > 1
    try:
        show_model(arguments[0]) if arguments else show_all()
    except AdafireError as error:
        print(f"adafire: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
