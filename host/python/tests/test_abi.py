"""The layout in _abi.py is that of adafire.h, and every function of the header is either used or left to C."""

import ctypes
import re
import shutil
import subprocess

import pytest
from conftest import ROOT

from adafire import _abi

HEADER = ROOT / "host/include/adafire.h"
#: What Python does by other means: structures instead of callbacks, threads of its own instead of jobs.
C_ALONE = {"af_kind_name", "af_run", "af_result_free", "af_submit", "af_wait", "af_energy_uj"}
C_ALONE |= {"af_integer_energy_uj", "af_ann"}


def layout():
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler")
    lines = ["#include <adafire.h>", "#include <stddef.h>"]
    for name, structure in _abi.STRUCTURES.items():
        lines.append(f"size_t size_{name} = sizeof(struct {name});")
        for field, _ in structure._fields_:
            lines.append(f"size_t at_{name}__{field} = 1 + offsetof(struct {name}, {field});")
            lines.append(f"size_t of_{name}__{field} = sizeof(((struct {name} *)0)->{field});")
    command = [compiler, "-S", "-xc", "-", "-o-", f"-I{HEADER.parent}"]
    text = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=True).stdout
    return {m[0]: int(m[1]) for m in re.findall(r"^(\w+):\s+\.(?:quad|xword)\s+(\d+)", text, re.M)}


def test_structures_are_those_of_the_header():
    at = layout()
    for name, structure in _abi.STRUCTURES.items():
        assert ctypes.sizeof(structure) == at[f"size_{name}"], name
        for field, _ in structure._fields_:
            place = getattr(structure, field)
            assert place.offset + 1 == at[f"at_{name}__{field}"], f"{name}.{field}"
            assert place.size == at[f"of_{name}__{field}"], f"{name}.{field}"


def test_every_function_is_known():
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)
    declared = set(re.findall(r"\b(af_\w+)\(", text))
    assert declared == set(_abi.RUN_FUNCTIONS) | set(_abi.CONVERT_FUNCTIONS) | C_ALONE


def test_every_structure_is_known():
    text = HEADER.read_text()
    declared = set(re.findall(r"^struct (af_\w+) \{", text, re.M))
    assert declared == set(_abi.STRUCTURES)
