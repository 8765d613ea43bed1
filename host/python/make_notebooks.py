"""Writes examples/NAME.ipynb of each examples/NAME.py: the same code in cells, where the digits are."""

from __future__ import annotations

import ast
import json
import pathlib

EXAMPLES = pathlib.Path(__file__).resolve().parent / "examples"
WHERE = 'digits = pathlib.Path("../../../tests/data/digits")'


def cells(text: str) -> list[str]:
    """The docstring, then pieces of code between blank lines at the outermost level."""
    tree = ast.parse(text)
    lines = text.splitlines()
    pieces: list[str] = []
    last = 0
    for node in tree.body[1:]:
        begin = node.lineno - 1
        piece = "\n".join(lines[begin : node.end_lineno])
        if "import torch" in piece and isinstance(node, ast.Try):
            piece = "import torch\nfrom torch import nn"
        if "sys.argv" in piece:
            piece = WHERE
        if piece == "import sys":
            continue
        gap = not any(line.strip().startswith("#") or not line.strip() for line in lines[last:begin]) and last
        comment = "\n".join(line for line in lines[last:begin] if line.strip().startswith("#"))
        piece = f"{comment}\n{piece}" if comment else piece
        if gap or (pieces and _imports(piece) and _imports(pieces[-1])):
            pieces[-1] += "\n" + piece
        else:
            pieces.append(piece)
        last = node.end_lineno or begin
    return [ast.get_docstring(tree) or "", *pieces]


def _imports(piece: str) -> bool:
    return all(line.startswith(("import ", "from ")) for line in piece.splitlines())


def notebook(text: str) -> str:
    def source(piece: str) -> list[str]:
        return piece.splitlines(keepends=True)

    title, *code = cells(text)
    made = [{"cell_type": "markdown", "id": "cell-0", "metadata": {}, "source": source("# " + title)}] + [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{i}",
            "metadata": {},
            "outputs": [],
            "source": source(piece),
        }
        for i, piece in enumerate(code, 1)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for path in sorted(EXAMPLES.glob("*.py")):
        path.with_suffix(".ipynb").write_text(notebook(path.read_text()))
