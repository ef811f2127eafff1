"""Files in messages: what a person sees of them without opening them."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from urllib.parse import quote

from bot.sandbox.models import File, Message
from bot.sandbox.world import World

PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
LINES, COLUMNS, WIDTH, LOOK = 8, 6, 60, 4_000
KILO = 1024
TEXTS = frozenset({"text/plain", "text/markdown", "application/json"})


@dataclass(frozen=True)
class Preview:
    """One file as the page draws it: a picture, the first rows of a table, the first lines of a text, or its name."""

    name: str
    title: str
    url: str
    kind: str
    size: str
    alt: str = ""
    picture: bool = False
    rows: list[list[str]] = field(default_factory=list)
    text: str = ""
    more: int = 0
    """Lines that are not shown."""


def size_of(count: int) -> str:
    if count < KILO:
        return f"{count} bytes"
    return f"{count / KILO:.0f} kB" if count < KILO * KILO else f"{count / KILO / KILO:.1f} MB"


def previews(world: World, message: Message, reader: str) -> list[Preview]:
    return [preview(world.files[one], reader) for one in message.files if one in world.files]


def preview(file: File, reader: str) -> Preview:
    url = f"/files/{file.id}/{quote(file.name)}?as={quote(reader)}"
    rows, text, more = _look(file)
    return Preview(
        name=file.name,
        title=file.title or file.name,
        url=url,
        kind=file.filetype.upper() or "FILE",
        size=size_of(file.size),
        alt=file.alt_txt,
        picture=file.mimetype in PICTURES,
        rows=rows,
        text=text,
        more=more,
    )


def _look(file: File) -> tuple[list[list[str]], str, int]:
    """The first rows, or the first lines, and how many lines follow."""
    is_table = file.mimetype == "text/csv" or file.name.lower().endswith(".csv")
    if not is_table and file.mimetype not in TEXTS:
        return [], "", 0
    words = file.data[:LOOK].decode("utf-8-sig", errors="replace")
    if is_table:
        delimiter = max(",;\t", key=words.partition("\n")[0].count)
        read = list(csv.reader(words.splitlines(), delimiter=delimiter))
        more = max(0, file.data.count(b"\n") - LINES)
        return [[cell[:WIDTH] for cell in row[:COLUMNS]] for row in read[:LINES] if row], "", more
    lines = words.splitlines()
    return [], "\n".join(lines[:LINES]), max(0, file.data.count(b"\n") + 1 - LINES)
