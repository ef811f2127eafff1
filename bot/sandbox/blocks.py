"""Blocks, messages' block lists and views: what Slack accepts, as tables; see `checks` for the sentences."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from bot.sandbox.checks import (
    Check,
    Json,
    Problems,
    Shape,
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


def _styles(*names: str) -> Shape:
    return Shape(dict.fromkeys(names, boolean))


STYLE = _styles("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink")
RICH_LEAVES: dict[str, Shape] = {
    "text": Shape({"text": string(40_000), "style": STYLE}, ("text",)),
    "link": Shape({"url": string(3000), "text": string(40_000), "unsafe": boolean, "style": STYLE}, ("url",)),
    "user": Shape({"user_id": string(255), "style": STYLE}, ("user_id",)),
    "channel": Shape({"channel_id": string(255), "style": STYLE}, ("channel_id",)),
    "usergroup": Shape({"usergroup_id": string(255), "style": STYLE}, ("usergroup_id",)),
    "broadcast": Shape({"range": one_of("here", "channel", "everyone"), "style": STYLE}, ("range",)),
    "emoji": Shape({"name": string(255), "unicode": string(255), "style": STYLE}, ("name",)),
    "color": Shape({"value": string(255)}, ("value",)),
    "date": Shape(
        {
            "timestamp": integer(0, 2**40),
            "format": string(255),
            "url": string(3000),
            "fallback": string(3000),
            "style": STYLE,
        },
        ("timestamp", "format"),
    ),
}
LEAF = typed(RICH_LEAVES, "rich text element")
BORDER: dict[str, Check] = {"border": integer(0, 1)}
LEAVES: dict[str, Check] = {"elements": items(LEAF, 10_000, least=0)}
RICH_SECTION = Shape(LEAVES, ("elements",))
RICH_PARTS: dict[str, Shape] = {
    "rich_text_section": RICH_SECTION,
    "rich_text_preformatted": Shape({**LEAVES, **BORDER, "language": string(255)}, ("elements",)),
    "rich_text_quote": Shape({**LEAVES, **BORDER}, ("elements",)),
    "rich_text_list": Shape(
        {
            "elements": items(typed({"rich_text_section": RICH_SECTION}, "list item"), 10_000),
            "style": one_of("bullet", "ordered"),
            "indent": integer(0, 8),
            "offset": integer(0, 2**31),
            **BORDER,
        },
        ("elements", "style"),
    ),
}
RICH_TEXT = Shape(
    {"block_id": string(255), "elements": items(typed(RICH_PARTS, "rich text part"), 10_000)}, ("elements",)
)
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


def _message_totals(blocks: list[Json], at: str) -> Problems:
    tables = [index for index, block in enumerate(blocks) if block["type"] == "table"]
    if len(tables) > 1:
        yield say("only_one_table_allowed", f"{at}/{tables[1]}")
    for index in tables:
        if sum(map(len, words_of(blocks[index]["rows"]))) > TABLE_TOTAL:
            yield say(f"no more than {TABLE_TOTAL} characters allowed in a table", f"{at}/{index}/rows")
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > MARKDOWN_TOTAL:
        yield say(f"no more than {MARKDOWN_TOTAL} characters of markdown allowed in a message", at)


def check_blocks(blocks: Any, surface: str, at: str = "/blocks") -> list[str]:
    """Every problem of a block list on a surface: message, modal or home."""
    most = MESSAGE_BLOCKS if surface == "message" else VIEW_BLOCKS
    found = list(items(typed(BLOCKS, "block", surface), most, least=0)(blocks, at))
    if not found:
        found = list(_ids_differ(blocks, at))
    if not found and surface == "message":
        found = list(_message_totals(blocks, at))
    return found


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


def check_view(view: Any) -> list[str]:
    """Every problem of a view as an app sends it."""
    found = list(typed(VIEW_SHAPES, "view")(view, "/view"))
    if found:
        return found
    found = check_blocks(view["blocks"], view["type"], "/view/blocks")
    has_input = not found and any(block["type"] == "input" for block in view["blocks"])
    if has_input and view["type"] == "modal" and not view.get("submit"):
        found.append(say("missing required field: submit (there are input blocks)", "/view"))
    return found


def is_too_large(view: Any) -> bool:
    return len(json.dumps(view).encode()) > VIEW_BYTES
