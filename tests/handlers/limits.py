"""What Slack accepts, said a second time and by itself: every message and view of the builders goes through here."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.sandbox.blocks import check_blocks, check_view
from handlers.kit.message import Message

MENTION = re.compile(r"<[!@#]|<https?:|<mailto:")
OURS = re.compile(r"<@U\d{5}>|<!date\^\d+\^[^|>]*\|[^>]*>")


def walk(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in a payload."""
    if isinstance(node, Mapping):
        yield node
        for value in node.values():
            yield from walk(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from walk(value)


def words(node: Any) -> list[str]:
    """Every text a reader sees."""
    return [str(held["text"]) for held in walk(node) if held.get("type") in ("mrkdwn", "plain_text")]


def mrkdwn(node: Any) -> list[str]:
    return [str(held["text"]) for held in walk(node) if held.get("type") == "mrkdwn"]


def ids(blocks: Any) -> list[str]:
    return [block["block_id"] for block in blocks if "block_id" in block]


def labels(node: Any) -> list[str]:
    """The words on the buttons."""
    return [held["text"]["text"] for held in walk(node) if held.get("type") == "button"]


def block(view: Mapping[str, Any], field: str) -> Mapping[str, Any] | None:
    """The input block of a field, by the part of its id before the colon."""
    return next((held for held in view["blocks"] if held.get("block_id", "").split(":")[0] == field), None)


def check_message(message: Message) -> Message:
    """A message Slack would take whole, in which nothing is a mention that we did not make."""
    blocks = list(message.blocks)
    assert check_blocks(blocks, "message") == []
    assert 1 <= len(blocks) <= 50
    assert 1 <= len(message.text) <= 4000
    _check(blocks)
    assert not MENTION.search(OURS.sub("", message.text))
    return message


def check_modal(view: dict[str, Any]) -> dict[str, Any]:
    """A view Slack would take, with field ids that tell the fields apart."""
    assert check_view(view) == []
    assert len(view["blocks"]) <= 100
    assert len(json.dumps(view)) <= 250_000
    assert len(view.get("private_metadata", "")) <= 3000
    assert "submit" in view or not any(held["type"] == "input" for held in view["blocks"])
    _check(view["blocks"])
    return view


def check_home(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert check_view({"type": "home", "blocks": blocks}) == []
    assert len(blocks) <= 100
    _check(blocks)
    return blocks


def _check(blocks: list[dict[str, Any]]) -> None:
    assert len(ids(blocks)) == len(set(ids(blocks)))
    for text in mrkdwn(blocks):
        assert not MENTION.search(OURS.sub("", text)), text
    for held in walk(blocks):
        if held.get("type") == "mrkdwn":
            assert held.get("verbatim") is True, held
        if held.get("type") == "button":
            assert len(held["text"]["text"]) <= 75
            assert len(held.get("value", "")) <= 2000
        if held.get("type") == "plain_text_input" and "initial_value" in held:
            assert len(held["initial_value"]) <= held.get("max_length", 3000)
