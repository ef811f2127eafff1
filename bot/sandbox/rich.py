"""Rich text and what Slack accepts in it, as tables."""

from __future__ import annotations

from bot.sandbox.checks import Check, Shape, boolean, integer, items, one_of, string, typed


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
