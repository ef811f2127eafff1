"""Other people's programs are slow to start: every file of these tests is opened by one of two starts."""

from pathlib import Path

import pytest

from tests.files import office, samples
from tests.files.opened import Opened, made_decks, made_workbooks


@pytest.fixture(scope="session")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The office's own folder: making it is half of a start."""
    return tmp_path_factory.mktemp("office")


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory, profile: Path) -> dict[str, Opened]:
    """Workbooks with their cached values, and recalculated without them."""
    office.soffice()
    return made_workbooks(tmp_path_factory.mktemp("workbooks"), profile)


@pytest.fixture(scope="session")
def decks(tmp_path_factory: pytest.TempPathFactory, profile: Path) -> dict[str, Path]:
    """Decks as PDFs, as another program shows them."""
    office.soffice()
    return made_decks(tmp_path_factory.mktemp("decks"), profile)


@pytest.fixture(scope="session")
def cjk() -> None:
    """This machine has a font for Han letters, or the test is skipped and says so."""
    office.needed_font(samples.HAN_FONT)
