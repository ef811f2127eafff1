"""Node and the packages beside this file: a visible skip without them, a failure where all is required."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
OLDEST = 20


def node() -> str:
    """The machine's Node, if it is new enough."""
    found = shutil.which("node")
    if found is None or _major(found) < OLDEST:
        without(f"no Node {OLDEST} or newer on this machine")
    return str(found)


def module(path: str) -> Path:
    """A file of an installed package: `axe-core/axe.min.js`."""
    file = HERE / "node_modules" / path
    if not file.exists():
        without(f"the packages of {HERE.name}/package-lock.json are not installed: `make test` does it, with Node")
    return file


def without(reason: str) -> None:
    if os.environ.get("CADENCE_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def _major(path: str) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=60).stdout
    number = said.removeprefix("v").partition(".")[0]
    return int(number) if number.isdigit() else 0
