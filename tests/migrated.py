"""A database at the newest schema: made by the migrations once a process (and cluster), copied from then on."""

import atexit
import shutil
import tempfile
from pathlib import Path

from bot import schema
from models.db import Database
from tests import postgres

_SQLITE = "sqlite:///"
_made: list[Path] = []
_templates: dict[str, str] = {}


async def migrate(url: str) -> None:
    """Bring the database at `url` to the newest schema; one that has nothing in it yet becomes a copy."""
    path = Path(url.removeprefix(_SQLITE))
    if not url.startswith(_SQLITE):
        await _migrate_postgres(url)
        return
    if path.exists():
        await _upgrade(url)
        return
    if not _made:
        folder = Path(tempfile.mkdtemp(prefix="cadence-migrated-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        await _upgrade(f"{_SQLITE}{folder / 'migrated.db'}")
        _made.append(folder / "migrated.db")
    shutil.copyfile(_made[0], path)


async def _migrate_postgres(url: str) -> None:
    """The migrations run in the first database of a cluster, which is kept as the template of the others."""
    db = Database(url)
    try:
        empty = await schema.current(db) is None
    finally:
        await db.close()
    if not empty:
        await _upgrade(url)
        return
    base = url.rpartition("/")[0]
    if base not in _templates:
        made = await postgres.fresh_database(base)
        await _upgrade(made)
        _templates[base] = made.rpartition("/")[2]
    await postgres.copied(url, template=_templates[base])


async def _upgrade(url: str) -> None:
    db = Database(url)
    try:
        await schema.upgrade(db)
    finally:
        await db.close()
