"""The database: whether it is there, can be written, keeps its promises, and has the schema of this version."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bot import schema
from models.checkup import Check, Finding, good, look, wrong
from models.db import Database, normalise
from models.domain.errors import UserError


def missing(url: str) -> Finding | None:
    """What to say where a SQLite file does not exist: opening it would make an empty one."""
    try:
        named = normalise(url)
    except (ArgumentError, ValueError):
        return None  # said when it is opened
    path = named.database
    if named.get_backend_name() != "sqlite" or not path or path == ":memory:" or Path(path).exists():
        return None
    return wrong(
        Check.DATABASE,
        f"There is no database at {Path(path).absolute()}.",
        "Set DATABASE_URL to the one the bot uses, or make it: cadence migrate",
    )


async def examine(db: Database) -> tuple[list[Finding], bool]:
    """What was found, and whether its tables can be read."""
    try:
        await schema.reach(db)
        found = await _sqlite(db) if db.is_sqlite else await _postgresql(db)
        schemas, readable = await _schema(db)
    except UserError as error:
        return [wrong(Check.DATABASE, str(error), "Start the database, or correct DATABASE_URL.")], False
    except (SQLAlchemyError, OSError) as error:
        return [broken(error)], False
    return [*found, *schemas], readable


def broken(error: Exception) -> Finding:
    """A database that answers, and not rightly. Its message may quote rows: only its kind is said."""
    cause = getattr(error, "orig", None) or error
    return wrong(
        Check.DATABASE,
        f"The database cannot be read as it should ({type(cause).__name__}).",
        "Look whether its disk is full or damaged and whether the bot's user may read and write it.",
    )


async def _writable(db: Database) -> Finding | None:
    """Whether a write transaction may begin; nothing is written."""
    try:
        async with db.write() as session:
            if not db.is_sqlite and await session.scalar(text("SHOW transaction_read_only")) == "on":
                return wrong(
                    Check.DATABASE,
                    "The database can be read but not written.",
                    "Let DATABASE_URL name the primary server, and a user who may write.",
                )
    except (SQLAlchemyError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        return wrong(
            Check.DATABASE,
            f"The database can be read but not written ({type(cause).__name__}).",
            "Give the bot's user the right to write the file and its folder, or end the program that holds it locked.",
        )
    return None


async def _sqlite(db: Database) -> list[Finding]:
    async with db.read() as session:
        journal = str(await session.scalar(text("PRAGMA journal_mode"))).lower()
        keys = await session.scalar(text("PRAGMA foreign_keys"))
        version = await session.scalar(text("SELECT sqlite_version()"))
    found = [one for one in (await _writable(db),) if one is not None]
    if journal != "wal":
        found.append(
            wrong(
                Check.DATABASE,
                f"SQLite cannot keep a write-ahead log here (journal: {journal}), so readers and the writer block each other.",
                "Put the file on a local disk, not on a network or synchronised folder.",
            )
        )
    if not keys:
        found.append(
            wrong(Check.DATABASE, "This SQLite does not check foreign keys.", "Use a Python whose SQLite can: python.org's, or your system's.")
        )  # fmt: skip
    return found or [good(Check.DATABASE, f"SQLite {version} can be written, with write-ahead log and foreign keys.")]


OLDEST_POSTGRESQL = 130_000


async def _postgresql(db: Database) -> list[Finding]:
    async with db.read() as session:
        number = int(await session.scalar(text("SHOW server_version_num")) or 0)
        version = str(await session.scalar(text("SHOW server_version"))).split()[0]
    unwritable = await _writable(db)
    if unwritable is not None:
        return [unwritable]
    if number < OLDEST_POSTGRESQL:
        return [look(Check.DATABASE, f"PostgreSQL {version} can be written, and is no longer looked after by its makers.",
                     "Move to a supported version of PostgreSQL.")]  # fmt: skip
    return [good(Check.DATABASE, f"PostgreSQL {version} can be written.")]


async def _schema(db: Database) -> tuple[list[Finding], bool]:
    found, head = await schema.current(db), schema.head()
    if found == head:
        return [good(Check.SCHEMA, f"The schema is this version's, {head}.")], True
    if found is not None and not schema.known(found):
        return [
            wrong(Check.SCHEMA, f"The database's schema ({found}) is of a newer Cadence than this one ({head}).",
                  "Start the version that migrated it, or newer.")
        ], False  # fmt: skip
    state = "is empty" if found is None else f"is at {found}"
    return [
        wrong(Check.SCHEMA, f"The database's schema {state}; this version needs {head}.", "Run: cadence migrate")
    ], False
