"""Slack's text formats as safe HTML. Everything that comes from an app or a person is escaped here."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from markupsafe import Markup, escape

from bot.sandbox.models import User
from bot.sandbox.page.emoji import EMOJI, with_emoji
from bot.sandbox.page.when import slack_date
from bot.sandbox.world import World

Json = dict[str, Any]
OPEN, SHUT = "\ue000", "\ue001"
KEPT = re.compile(f"{OPEN}(\\d+){SHUT}")
FENCE = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
TOKEN = re.compile(r"<([^<>\n]+)>")
CODE = re.compile(r"`([^`\n]+)`")
BARE = re.compile(r"(?<![\w@])@(channel|here|everyone)\b")
URL = re.compile(r"https?://[^\s<>&\ue000\ue001]+[^\s<>&.,;:!?)\ue000\ue001]")
STYLES = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]*?\S)\*(?![\w*])"), "b"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]*?\S)_(?![\w_])"), "i"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]*?\S)~(?![\w~])"), "s"),
)
QUOTE = re.compile(r"(?:^(?:&gt;|>) ?.*(?:\n|$))+", re.MULTILINE)
SAFE_LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
WRAP = {"bold": "b", "italic": "i", "strike": "s", "code": "code", "underline": "u"}
DECODE = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def decoded(text: str) -> str:
    for name, sign in DECODE:
        text = text.replace(name, sign)
    return text


def link(url: str, label: str) -> Markup:
    """A link if the address is harmless, else only its words."""
    if not SAFE_LINK.match(url):
        return escape(label)
    shape = Markup('<a href="{}" rel="noopener noreferrer" target="_blank">{}</a>')
    return shape.format(url, with_emoji(label))


def mention(label: str, *, loud: bool = False) -> Markup:
    return Markup('<span class="mention{}">@{}</span>').format(" loud" if loud else "", label)


class Words:
    """Renders texts for one reader: names as they see them, dates in their zone."""

    def __init__(self, world: World, reader: User | None) -> None:
        self._world = world
        self._zone = reader.tz if reader else "UTC"

    @property
    def now(self) -> datetime:
        return self._world.clock.now()

    def plain(self, text: str) -> Markup:
        """plain_text: no formatting, only emoji and line ends."""
        return Markup("<br>").join(escape(line) for line in with_emoji(text).split("\n"))

    def mrkdwn(self, text: str, *, bare: bool = False) -> Markup:
        """mrkdwn; `bare` also shows an unbracketed @here as the mention that it becomes in blocks."""
        kept: list[Markup] = []

        def keep(html: Markup) -> str:
            kept.append(html)
            return f"{OPEN}{len(kept) - 1}{SHUT}"

        text = text.replace(OPEN, "").replace(SHUT, "")
        text = FENCE.sub(lambda m: keep(Markup("<pre>{}</pre>").format(decoded(m.group(1)))), text)
        text = QUOTE.sub(lambda m: keep(self._quote(m.group(0), bare=bare)), text)
        text = CODE.sub(lambda m: keep(Markup("<code>{}</code>").format(decoded(m.group(1)))), text)
        text = TOKEN.sub(lambda m: keep(self._token(m.group(1))), text)
        text = URL.sub(lambda m: keep(link(m.group(0), m.group(0))), text)
        if bare:
            text = BARE.sub(lambda m: keep(mention(m.group(1), loud=True)), text)
        html = str(escape(decoded(with_emoji(text))))
        for pattern, tag in STYLES:
            html = pattern.sub(rf"<{tag}>\1</{tag}>", html)
        return self._restored(html.replace("\n", "<br>"), kept)

    def _restored(self, html: str, kept: list[Markup]) -> Markup:
        for _ in range(3):
            html = KEPT.sub(lambda m: str(kept[int(m.group(1))]), html)
        return Markup(html)  # noqa: S704 - every piece was escaped above

    def _quote(self, raw: str, *, bare: bool) -> Markup:
        lines = [re.sub(r"^(&gt;|>) ?", "", line) for line in raw.rstrip("\n").split("\n")]
        return Markup("<blockquote>{}</blockquote>").format(self.mrkdwn("\n".join(lines), bare=bare))

    def _token(self, inner: str) -> Markup:
        body, _, label = inner.partition("|")
        label = decoded(label)
        if body.startswith("@"):
            return mention(self.name(body[1:], label))
        if body.startswith("#"):
            channel = self._world.channels.get(body[1:])
            return Markup('<span class="mention">#{}</span>').format(channel.name if channel else label or body[1:])
        if body in ("!channel", "!here", "!everyone"):
            return mention(body[1:], loud=True)
        if body.startswith("!subteam^"):
            group = self._world.usergroups.get(body.removeprefix("!subteam^"))
            return mention(group.handle if group else label, loud=True)
        if body.startswith("!date^"):
            return self._date(body, label)
        if not SAFE_LINK.match(body):
            return escape(decoded(f"<{inner}>"))
        return link(decoded(body), label or decoded(body))

    def _date(self, body: str, fallback: str) -> Markup:
        parts = body.split("^")
        try:
            shown = slack_date(int(parts[1]), parts[2], self._zone, self.now)
        except (ValueError, IndexError, OverflowError):
            return escape(fallback)
        target = parts[3] if len(parts) > 3 else ""  # noqa: PLR2004 - the link is the optional fourth part
        return link(target, shown) if target else Markup("<time>{}</time>").format(shown)

    def name(self, user_id: str, fallback: str = "") -> str:
        user = self._world.users.get(user_id)
        return user.label if user else fallback or user_id

    def markdown(self, text: str) -> Markup:
        """A markdown block, near enough: headings, bold, links and lists."""
        text = re.sub(r"\[([^\]\n]+)\]\((\S+?)\)", r"<\2|\1>", text)
        text = re.sub(r"\*\*(.+?)\*\*", r"*\1*", text)
        text = re.sub(r"^#{1,6} +(.+)$", r"*\1*", text, flags=re.MULTILINE)
        return self.mrkdwn(re.sub(r"^(\s*)[-*] ", r"\1• ", text, flags=re.MULTILINE), bare=True)

    def text(self, node: Json | None) -> Markup:
        """A text object of either kind."""
        if not node:
            return Markup("")
        if node.get("type") == "mrkdwn":
            return self.mrkdwn(node["text"], bare=not node.get("verbatim"))
        return self.plain(node["text"])

    # rich text

    def rich(self, block: Json) -> Markup:
        parts: dict[str, Callable[[Json], Markup]] = {
            "rich_text_section": lambda one: Markup("<p>{}</p>").format(self._leaves(one)),
            "rich_text_quote": lambda one: Markup("<blockquote>{}</blockquote>").format(self._leaves(one)),
            "rich_text_preformatted": lambda one: Markup("<pre>{}</pre>").format(self._leaves(one)),
            "rich_text_list": self._list,
        }
        return Markup("").join(parts[one["type"]](one) for one in block["elements"])

    def _list(self, part: Json) -> Markup:
        rows = Markup("").join(Markup("<li>{}</li>").format(self._leaves(one)) for one in part["elements"])
        tag = "ol" if part["style"] == "ordered" else "ul"
        start = int(part.get("offset", 0)) + 1
        shape = Markup('<{} class="indent-{}" start="{}">{}</{}>')
        return shape.format(tag, int(part.get("indent", 0)), start, rows, tag)

    def _leaves(self, part: Json) -> Markup:
        return Markup("").join(self._leaf(one) for one in part["elements"])

    def _leaf(self, one: Json) -> Markup:
        kind = one["type"]
        if kind == "text":
            html = Markup("<br>").join(escape(line) for line in one["text"].split("\n"))
        elif kind == "link":
            html = link(one["url"], one.get("text") or one["url"])
        elif kind == "emoji":
            html = escape(EMOJI.get(one["name"], f":{one['name']}:"))
        elif kind == "date":
            html = escape(slack_date(one["timestamp"], one["format"], self._zone, self.now))
        elif kind == "color":
            html = escape(one["value"])
        else:
            html = self._named(one)
        for name, tag in WRAP.items():
            if (one.get("style") or {}).get(name):
                html = Markup("<{}>{}</{}>").format(tag, html, tag)
        return html

    def _named(self, one: Json) -> Markup:
        if one["type"] == "user":
            return mention(self.name(one["user_id"]))
        if one["type"] == "channel":
            return self._token(f"#{one['channel_id']}")
        if one["type"] == "usergroup":
            return self._token(f"!subteam^{one['usergroup_id']}")
        return mention(one["range"], loud=True)
