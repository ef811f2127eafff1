"""Whom a message would notify. What was not escaped is interpreted, as Slack does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
BROADCAST = re.compile(r"<!(channel|here|everyone)(?:\|[^>]*)?>")
GROUP = re.compile(r"<!subteam\^(S[A-Z0-9]+)(?:\|[^>]*)?>")
PERSON = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
BARE = re.compile(r"(?<![\w@<])@(channel|here|everyone)\b")
RICH = {"broadcast": "range", "user": "user_id", "usergroup": "usergroup_id"}


def in_text(text: str, *, bare: bool = False) -> Iterator[str]:
    """Mentions of one mrkdwn text; `bare` also takes the unbracketed @here that block text turns into a mention."""
    for pattern in (BROADCAST, GROUP, PERSON, *((BARE,) if bare else ())):
        for match in pattern.finditer(text):
            yield f"@{match.group(1)}"


def in_blocks(node: Any) -> Iterator[str]:
    """Mentions anywhere in a block tree; plain_text mentions nobody."""
    if isinstance(node, list):
        for item in node:
            yield from in_blocks(item)
    elif isinstance(node, dict):
        kind = node.get("type")
        if kind == "mrkdwn":
            yield from in_text(str(node.get("text", "")), bare=not node.get("verbatim"))
        elif kind == "markdown":
            yield from in_text(str(node.get("text", "")), bare=True)
        elif kind in RICH:
            yield f"@{node.get(RICH[kind], '')}"
        else:
            for value in node.values():
                yield from in_blocks(value)


def of_message(text: str, blocks: list[Json]) -> list[str]:
    """All mentions of a message once each: "@channel", "@here", "@everyone", "@U…", "@S…"."""
    return list(dict.fromkeys([*in_text(text), *in_blocks(blocks)]))
