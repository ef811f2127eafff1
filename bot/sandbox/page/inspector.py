"""The inspector: everything that went over the wire, what came close to a limit, and faults to set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from jinja2 import Environment

from bot.sandbox.faults import KINDS, Faults
from bot.sandbox.log import Log
from bot.sandbox.page.feed import plain_line
from bot.sandbox.page.html import answer
from bot.sandbox.switches import EPHEMERALS
from bot.sandbox.world import World

Json = dict[str, Any]
MOST, FEW, SHORT = 100, 50, 90
REPLAYED = frozenset({"event", "command", "interaction"})
DIRECTION = {"api": "bot → Slack", "event": "Slack → bot", "command": "Slack → bot", "interaction": "Slack → bot"}
EVERYTHING = "all"
WORDS = ("text", "command", "error", "reason")
WORDS_OF = {
    "outsiders_forms": "A form opens for somebody of another company",
    "outsiders_ephemerals": "A message for one of them alone is",
    "outsiders_home": "They see the Home that is published for them",
    "outsiders_emails": "Their e-mail addresses are shown",
    "outsiders_views": "What comes from their forms calls itself theirs",
}
"""The switches in words."""


@dataclass(frozen=True)
class Filter:
    """What of the log is wanted: empty leaves out what only carries others, "all" does not."""

    kind: str = ""
    words: str = ""
    failed: bool = False

    @classmethod
    def of(cls, request: web.Request) -> Filter:
        query = request.query
        return cls(query.get("kind", ""), query.get("words", "").strip().lower(), query.get("failed") == "1")

    def takes(self, row: Json) -> bool:
        kinds = {"": DIRECTION, EVERYTHING: (row["kind"],)}.get(self.kind, (self.kind,))
        if row["kind"] not in kinds or (self.failed and row["ok"]):
            return False
        return (
            not self.words or self.words in f"{row['method']} {json.dumps(row['request'], ensure_ascii=False)}".lower()
        )


class Inspector:
    """Pages at `/inspector`; what they change goes through the driver."""

    def __init__(self, world: World, log: Log, faults: Faults, env: Environment) -> None:
        self._world = world
        self._log = log
        self._faults = faults
        self._env = env

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/inspector", self._page), web.get("/_page/inspector", self._parts)]

    async def _page(self, request: web.Request) -> web.Response:
        wanted = Filter.of(request)
        context = self._context(wanted) | {"wanted": wanted, "version": self._world.watches.version}
        return answer(self._env.get_template("inspector.html").render(context))

    async def _parts(self, request: web.Request) -> web.Response:
        """The parts that change while one looks, as JSON."""
        context = self._context(Filter.of(request))
        names = ("entries", "near", "noticed", "switches", "faults")
        parts = {name: self._env.get_template(f"inspector_{name}.html").render(context) for name in names}
        return web.json_response({"version": self._world.watches.version, "parts": parts})

    def _context(self, wanted: Filter) -> Json:
        everything = self._log.read()
        rows = [row for row in reversed(everything) if wanted.takes(row)]
        return {
            "world": self._world,
            "total": self._log.count,
            "found": len(rows),
            "entries": [self._entry(row) for row in rows[:MOST]],
            "kinds": sorted({*DIRECTION, *(row["kind"] for row in everything)}),
            "near": list(reversed(self._world.near))[:FEW],
            "problems": list(reversed(self._world.problems))[:FEW],
            "switches": {name: getattr(self._world.switches, name) for name in WORDS_OF},
            "switch_words": WORDS_OF,
            "switch_positions": positions,
            "faults": self._faults.rules,
            "fault_kinds": KINDS,
        }

    def _entry(self, row: Json) -> Json:
        return row | {
            "when": self._when(row["at"]),
            "way": DIRECTION.get(row["kind"], "connection"),
            "about": self._about(row),
            "can_replay": row["kind"] in REPLAYED,
        }

    def _when(self, iso: str) -> str:
        return datetime.fromisoformat(iso).astimezone(ZoneInfo(self._world.company_tz)).strftime("%a %-d %b, %H:%M")

    def _about(self, row: Json) -> str:
        """Who and where, and the first words: enough to find the line one looks for."""
        asked = _object(row["request"])
        inner = _object(asked.get("event")) or asked
        places = [self._named(inner.get(name)) for name in ("user", "user_id", "channel", "channel_id")]
        pressed = [_object(one.get("text")).get("text") or one.get("action_id") for one in asked.get("actions") or []]
        title = _object(_object(asked.get("view")).get("title")).get("text")
        said = next((str(inner[name]) for name in WORDS if inner.get(name)), "")
        words = (*dict.fromkeys(places), *pressed, title, plain_line(said, self._world.name_of))
        line = " · ".join(str(one) for one in words if one)
        return line if len(line) <= SHORT else line[: SHORT - 1] + "…"

    def _named(self, value: Any) -> str:
        """A person or a place by name, from its id or from the object that carries it."""
        key = str(value.get("id", "")) if isinstance(value, dict) else str(value or "")
        channel = self._world.channels.get(key)
        if channel is not None:
            return f"DM with {self._world.name_of(channel.im_user)}" if channel.im_user else f"#{channel.name}"
        return self._world.name_of(key) if key in self._world.users else ""


def positions(name: str) -> tuple[tuple[str, str], ...]:
    """The positions of a switch, and how the page calls them."""
    if name == "outsiders_ephemerals":
        return tuple((one, one) for one in EPHEMERALS)
    return (("true", "yes"), ("false", "no"))


def _object(value: Any) -> Json:
    """A JSON object, or an empty one where something else stands: a log holds what was sent, however odd."""
    return value if isinstance(value, dict) else {}
