"""Blocks, messages' block lists and views: what Slack accepts, as tables; see `checks` for the sentences."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bot.sandbox.checks import (
    Check,
    Json,
    Problems,
    Shape,
    Use,
    Uses,
    a,
    anything,
    boolean,
    integer,
    items,
    one_of,
    say,
    string,
    text,
    typed,
)
from bot.sandbox.elements import IMAGE_URL, IN_ACTIONS, IN_CONTEXT, IN_INPUT, IN_SECTION, WORDS, among
from bot.sandbox.rich import RICH_TEXT

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
MARKDOWN_TOTAL = 12_000
TABLE_TOTAL = 10_000
VIEW_BYTES = 250_000
VIEWS = frozenset({"modal", "home"})
MESSAGES = frozenset({"message"})


def text_or_fields(block: Json, at: str) -> Problems:
    if not block.get("text") and not block.get("fields"):
        yield say("must provide text or fields", at)


def one_picture(block: Json, at: str) -> Problems:
    if bool(block.get("image_url")) == bool(block.get("slack_file")):
        yield say("must provide exactly one of image_url and slack_file", at)


def actions_differ(block: Json, at: str) -> Problems:
    ids = [one.get("action_id") for one in block["elements"] if one.get("action_id")]
    for one in {one for one in ids if ids.count(one) > 1}:
        yield say(f"action_id {one} already exists in this block", f"{at}/elements")


CELLS: dict[str, Shape] = {
    "raw_text": Shape({"text": string(10_000, least=0)}, ("text",)),
    "raw_number": Shape({"value": anything, "text": string(10_000, least=0)}, ("value",)),
    "rich_text": RICH_TEXT,
}
COLUMN = Shape({"align": one_of("left", "center", "right"), "is_wrapped": boolean})
BLOCK_ID: dict[str, Check] = {"block_id": string(255)}

BLOCKS: dict[str, Shape] = {
    "section": Shape(
        {
            **BLOCK_ID,
            "text": text(3000, *WORDS),
            "fields": items(text(2000, *WORDS), 10),
            "accessory": typed(among(IN_SECTION), "accessory"),
            "expand": boolean,
        },
        (),
        (text_or_fields,),
    ),
    "header": Shape({**BLOCK_ID, "text": text(150), "level": integer(1, 4)}, ("text",)),
    "divider": Shape(BLOCK_ID),
    "context": Shape({**BLOCK_ID, "elements": items(typed(among(IN_CONTEXT), "context element"), 10)}, ("elements",)),
    "actions": Shape(
        {**BLOCK_ID, "elements": items(typed(among(IN_ACTIONS), "action"), 25)}, ("elements",), (actions_differ,)
    ),
    "input": Shape(
        {
            **BLOCK_ID,
            "label": text(2000),
            "hint": text(2000),
            "optional": boolean,
            "dispatch_action": boolean,
            "element": typed(among(IN_INPUT), "input element"),
        },
        ("label", "element"),
    ),
    "image": Shape(
        {
            **BLOCK_ID,
            "image_url": IMAGE_URL,
            "slack_file": anything,
            "alt_text": string(2000),
            "title": text(2000),
        },
        ("alt_text",),
        (one_picture,),
    ),
    "rich_text": RICH_TEXT,
    "table": Shape(
        {
            **BLOCK_ID,
            "rows": items(items(typed(CELLS, "cell"), 20), 100),
            "column_settings": items(COLUMN, 20, least=0),
        },
        ("rows",),
        surfaces=MESSAGES,
    ),
    "markdown": Shape({**BLOCK_ID, "text": string(MARKDOWN_TOTAL)}, ("text",), surfaces=MESSAGES),
}


def _ids_differ(blocks: list[Json], at: str) -> Problems:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        name = block.get("block_id")
        if name and name in seen:
            yield say(f"block_id {name} already exists", f"{at}/{index}/block_id")
        seen.add(str(name))


def words_of(node: Any) -> Iterable[str]:
    """Every displayed string below a node."""
    if isinstance(node, dict):
        yield from (node["text"],) if isinstance(node.get("text"), str) else ()
        for value in node.values():
            yield from words_of(value)
    elif isinstance(node, list):
        for item in node:
            yield from words_of(item)


@dataclass(frozen=True)
class Total:
    """A limit on several blocks of a message together; `count` yields what is used, and where."""

    what: str
    most: int
    sentence: str
    count: Callable[[list[Json]], Iterator[tuple[int, str]]]

    def __call__(self, blocks: list[Json], at: str) -> Problems:
        for used, where in self.count(blocks):
            if used > self.most:
                yield say(self.sentence, f"{at}{where}")

    def uses(self, blocks: list[Json]) -> Uses:
        for used, _ in self.count(blocks):
            yield Use(self.what, used, self.most)


def _tables(blocks: list[Json]) -> list[int]:
    return [index for index, block in enumerate(blocks) if block["type"] == "table"]


def _further_tables(blocks: list[Json]) -> Iterator[tuple[int, str]]:
    yield from ((count, f"/{index}") for count, index in enumerate(_tables(blocks)[1:], 1))


def _in_tables(blocks: list[Json]) -> Iterator[tuple[int, str]]:
    for index in _tables(blocks):
        yield sum(map(len, words_of(blocks[index]["rows"]))), f"/{index}/rows"


def _in_markdown(blocks: list[Json]) -> Iterator[tuple[int, str]]:
    yield sum(len(block["text"]) for block in blocks if block["type"] == "markdown"), ""


TOTALS = (
    Total("second tables of a message", 0, "only_one_table_allowed", _further_tables),
    Total(
        "characters of a table", TABLE_TOTAL, f"no more than {TABLE_TOTAL} characters allowed in a table", _in_tables
    ),
    Total(
        "markdown of a message",
        MARKDOWN_TOTAL,
        f"no more than {MARKDOWN_TOTAL} characters of markdown allowed in a message",
        _in_markdown,
    ),
)
LISTS = {
    surface: items(typed(BLOCKS, "block", surface), MESSAGE_BLOCKS if surface == "message" else VIEW_BLOCKS, least=0)
    for surface in ("message", "modal", "home")
}


def check_blocks(blocks: Any, surface: str, at: str = "/blocks") -> list[str]:
    """Every problem of a block list on a surface: message, modal or home."""
    found = list(LISTS[surface](blocks, at))
    if not found:
        found = list(_ids_differ(blocks, at))
    if not found and surface == "message":
        found = [problem for total in TOTALS for problem in total(blocks, at)]
    return found


def uses_of_blocks(blocks: list[Json], surface: str) -> Uses:
    """What accepted blocks use of their limits."""
    yield from LISTS[surface].uses(blocks, f"blocks of {a(surface)}")
    if surface == "message":
        for total in TOTALS:
            yield from total.uses(blocks)


VIEW_COMMON: dict[str, Check] = {
    "blocks": anything,
    "private_metadata": string(3000, least=0),
    "callback_id": string(255, least=0),
    "external_id": string(255, least=0),
}
TITLE = 24
VIEW_SHAPES: dict[str, Shape] = {
    "modal": Shape(
        {
            **VIEW_COMMON,
            "title": text(TITLE),
            "submit": text(TITLE),
            "close": text(TITLE),
            "clear_on_close": boolean,
            "notify_on_close": boolean,
            "submit_disabled": boolean,
        },
        ("title", "blocks"),
    ),
    "home": Shape({**VIEW_COMMON, "title": anything, "submit": anything, "close": anything}, ("blocks",)),
}


VIEW = typed(VIEW_SHAPES, "view")


def check_view(view: Any) -> list[str]:
    """Every problem of a view as an app sends it."""
    found = list(VIEW(view, "/view"))
    if found:
        return found
    found = check_blocks(view["blocks"], view["type"], "/view/blocks")
    has_input = not found and any(block["type"] == "input" for block in view["blocks"])
    if has_input and view["type"] == "modal" and not view.get("submit"):
        found.append(say("missing required field: submit (there are input blocks)", "/view"))
    return found


def size_of(view: Any) -> int:
    """Bytes of a view as JSON."""
    return len(json.dumps(view).encode())


def is_too_large(view: Any) -> bool:
    return size_of(view) > VIEW_BYTES


def uses_of_view(view: Json) -> Uses:
    """What an accepted view uses of its limits."""
    yield Use(f"size of {a(view['type'])}", size_of(view), VIEW_BYTES)
    yield from VIEW.uses(view, "")
    yield from uses_of_blocks(view["blocks"], view["type"])
