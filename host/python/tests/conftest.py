"""What the tests share: the embedded digits, a model of them, and the tools where they are built."""

from __future__ import annotations

import os
import pathlib
import subprocess

import numpy as np
import pytest

import adafire

ROOT = pathlib.Path(__file__).resolve().parents[3]
DIGITS = ROOT / "tests/data/digits"
TOOLS = pathlib.Path(os.environ.get("ADAFIRE_BUILD", ROOT / "build/release"))
TOOLS = TOOLS if TOOLS.is_absolute() else ROOT / TOOLS


@pytest.fixture(scope="session")
def digits():
    return DIGITS


@pytest.fixture(scope="session")
def images():
    return np.load(DIGITS / "test_images.npy")


@pytest.fixture(scope="session")
def labels():
    return np.load(DIGITS / "test_labels.npy")


@pytest.fixture(scope="session")
def calibration():
    return np.load(DIGITS / "calib_images.npy")


@pytest.fixture(scope="session")
def model(calibration):
    return adafire.convert(DIGITS / "model.onnx", calibration, scale="1/16", effort=0)


@pytest.fixture(scope="session")
def tool():
    """tool("adafire-host", ...) is what it prints; skips where the tools are not built."""

    def call(name, *arguments, fails=False):
        if not (TOOLS / name).exists():
            pytest.skip(f"{name} is not built")
        done = subprocess.run([TOOLS / name, *map(str, arguments)], capture_output=True, text=True)
        assert (done.returncode != 0) == fails, done.stderr
        return done.stderr if fails else done.stdout

    return call
