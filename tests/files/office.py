"""LibreOffice and poppler for tests: files opened by somebody else's program, recalculated and looked at."""

import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from handlers.files.fonts import Faces

_CACHED = re.compile(rb"(<c [^>]*?)( t=\"str\")?(><f>[^<]*</f>)<v>[^<]*</v>")


def soffice() -> str:
    return _needed("soffice", "LibreOffice (soffice)")


def _needed(program: str, name: str) -> str:
    found = shutil.which(program)
    if found is None:
        if os.environ.get("CADENCE_REQUIRE_ALL") == "1":
            pytest.fail(f"{name} is required here")
        pytest.skip(f"{name} is not installed")
    return found


def without_values(source: Path, target: Path) -> int:
    """The workbook without what its formulas are said to come to; how many those were."""
    found = 0
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name.startswith("xl/worksheets/sheet"):
                data, number = _CACHED.subn(rb"\1\3", data)
                found += number
            new.writestr(name, data)
    return found


def convert(files: list[Path], kind: str, folder: Path, profile: Path) -> None:
    """Every file to `kind` in one start of the program, with a profile of our own so that it meets nobody's."""
    done = subprocess.run(
        [soffice(), f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", kind, "--outdir", str(folder),
         *map(str, files)],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def pages(data: bytes) -> int:
    """How many pages a PDF has."""
    program = _needed("pdfinfo", "poppler-utils (pdfinfo)")
    said = subprocess.run([program, "-"], input=data, capture_output=True, check=True, timeout=60).stdout.decode()
    return int(re.search(r"Pages: +(\d+)", said)[1])  # type: ignore[index]


def text_of(data: bytes) -> str:
    program = _needed("pdftotext", "poppler-utils (pdftotext)")
    done = subprocess.run([program, "-layout", "-", "-"], input=data, capture_output=True, check=True, timeout=60)
    return done.stdout.decode()


def needed_font(family: str) -> None:
    """The machine has this font family, or the test is skipped, and fails where all is required."""
    if family not in Faces().fonts(all_of_them=True).families():
        if os.environ.get("CADENCE_REQUIRE_ALL") == "1":
            pytest.fail(f"the font {family} is required here")
        pytest.skip(f"the font {family} is not installed")
