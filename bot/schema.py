"""The schema and its migrations: SQLite migrates itself at start, PostgreSQL by `cadence migrate`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from models.db import Database
from models.domain.errors import UserError

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def config() -> Config:
    """Alembic's configuration, without a file."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    return made


def head() -> str:
    """The newest revision of the code."""
    return str(ScriptDirectory.from_config(config()).get_current_head())


def known(revision: str) -> bool:
    """Whether this version has the revision: a newer one's schema it does not know."""
    return revision in {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}


async def current(db: Database) -> str | None:
    """The revision of the database; None when it is empty."""
    async with db.reader.connect() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def upgrade(db: Database, revision: str = "head") -> None:
    """Bring the database to `revision`."""
    await _run(db, lambda made: command.upgrade(made, revision))


async def downgrade(db: Database, revision: str) -> None:
    """Take the database back to `revision` (`base`: empty)."""
    await _run(db, lambda made: command.downgrade(made, revision))


def connect(url: str) -> Database:
    """The database that DATABASE_URL names; nothing is read yet. Raises UserError with what to mend."""
    try:
        return Database(url)
    except ArgumentError:
        raise UserError("DATABASE_URL cannot be read. It should begin with sqlite:/// or postgresql://.") from None
    except ValueError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(_silent(f"{error.filename}: {error.strerror}")) from None


async def reach(db: Database) -> None:
    """Raises UserError when the database does not answer. The URL's password is never said."""
    try:
        await db.ping()
    except (SQLAlchemyError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        raise UserError(_silent(f"{db.url.render_as_string(hide_password=True)}, {type(cause).__name__}")) from None


def _silent(place: str) -> str:
    return f"The database does not answer ({place}). Is DATABASE_URL right, and is the database there?"


async def ensure(db: Database) -> None:
    """Ready to run: SQLite is migrated; an outdated PostgreSQL schema is refused with what to do."""
    await reach(db)
    found = await current(db)
    if found == head():
        return
    if db.is_sqlite:
        await upgrade(db)
        return
    state = "is empty" if found is None else f"is at {found}"
    raise UserError(f"The database's schema {state}; this version needs {head()}. Run `cadence migrate` first.")


async def _run(db: Database, act: object) -> None:
    """Run Alembic on a connection of its own: SQLite needs foreign keys off from connect.

    The pragma is ignored inside a transaction, and a batch alter of a parent with foreign keys on deletes every child.
    """
    engine = create_async_engine(db.url)
    if db.is_sqlite:

        @event.listens_for(engine.sync_engine, "connect")
        def no_foreign_keys(connection: object, _record: object) -> None:
            cursor = connection.cursor()  # type: ignore[attr-defined]
            cursor.execute("PRAGMA foreign_keys=OFF")
            cursor.close()

    def work(connection: Connection) -> None:
        made = config()
        made.attributes["connection"] = connection
        act(made)  # type: ignore[operator]
        if db.is_sqlite:
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise RuntimeError(
                    f"the migration left rows without their parents in {sorted({row[0] for row in broken})}"
                )

    try:
        async with engine.connect() as connection:
            await connection.run_sync(work)
            await connection.commit()
    finally:
        await engine.dispose()
