"""Alembic's environment: runs on the connection it is given, so that the caller decides how it is opened."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import JSON
from sqlalchemy.types import TypeEngine

from models.tables import Base, UtcDateTime


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Revisions name plain SQLAlchemy types: they must still run when a type of ours is gone."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def compare_type(
    _context: Any, _inspected: Any, _metadata: Any, _inspected_type: TypeEngine[Any], metadata_type: TypeEngine[Any]
) -> bool | None:
    """SQLite keeps every instant as text; there is nothing to compare."""
    return False if isinstance(metadata_type, UtcDateTime) else None


def run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=compare_type,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
