"""What this room shares: the company as a file to copy, the app in front of a copy of it, and every door's own payloads."""

import asyncio
import fcntl
import os
import pickle
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.boundary.company import prepare
from tests.boundary.crawl import Crawl
from tests.boundary.ground import Ground, playing

ROLES = ("head", "cfo", "pm", "ae", "admin")
COMPANY, OFFERS = "company.db", "offers"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the company's database and what the crawl found, made once for all workers of a run."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "boundary"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock, ThreadPoolExecutor(1) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / OFFERS).exists():
            pool.submit(asyncio.run, _make(folder)).result()  # the caller may be inside a running event loop
    return folder


async def _make(folder: Path) -> None:
    await prepare(folder / COMPANY)
    async with playing(folder / COMPANY, folder / "crawled.db") as ground:
        found = (await Crawl(ground).go(*ROLES)).found
    half = folder / f"{OFFERS}.half"
    half.write_bytes(pickle.dumps(found))
    half.rename(folder / OFFERS)


@pytest.fixture
def company_file(made: Path) -> Path:
    return made / COMPANY


@pytest.fixture
async def ground(company_file: Path, tmp_path: Path) -> AsyncIterator[Ground]:
    async with playing(company_file, tmp_path / "cadence.db") as found:
        yield found


@pytest.fixture
def crawl(ground: Ground, made: Path) -> Crawl:
    """Every offer that was made to somebody entitled, and what came of it."""
    return Crawl(ground, pickle.loads((made / OFFERS).read_bytes()))
