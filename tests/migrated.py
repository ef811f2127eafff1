"""A database at the newest schema: made by the migrations once a process, copied from then on."""

import atexit
import shutil
import tempfile
from pathlib import Path

from bot import schema
from models.db import Database

_SQLITE = "sqlite:///"
_made: list[Path] = []


async def migrate(url: str) -> None:
    """Bring the database at `url` to the newest schema; a SQLite file that is not there yet becomes a copy."""
    path = Path(url.removeprefix(_SQLITE))
    if not url.startswith(_SQLITE) or path.exists():
        await _upgrade(url)
        return
    if not _made:
        folder = Path(tempfile.mkdtemp(prefix="cadence-migrated-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        await _upgrade(f"{_SQLITE}{folder / 'migrated.db'}")
        _made.append(folder / "migrated.db")
    shutil.copyfile(_made[0], path)


async def _upgrade(url: str) -> None:
    db = Database(url)
    try:
        await schema.upgrade(db)
    finally:
        await db.close()
