"""The demo company in the last hours of its first week, the real app in front of it, and requests of any kind by anybody.

A request goes through Bolt as Slack's does. What was said for it is heard at the other end, and whether it changed
anything is asked of SQLite itself: a connection of its own that sees every commit of anybody else.
"""

import html
import itertools
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from sqlalchemy import select

from bot.app import Bot, build
from bot.delivery.contract import Identity
from bot.demo.build import Company
from bot.trying import SECRET, settings_for
from handlers.features import register_all
from models.domain.policy import Policy
from models.tables import Person
from models.tables import PersonRole as Role
from tests.boundary.company import NED, NOW, STRANGER, TEAM, demo, users_of
from tests.boundary.slack import Json, Listening, listening

LOOKED_UP = frozenset({"channel", "channel_guest"})
"""What Slack said of a channel, asked just now because something had to be said in it."""
_numbers = itertools.count(1)


class Registered:
    """Stands in for the app while every feature registers: the doors there are, by kind."""

    def __init__(self) -> None:
        self.doors: list[tuple[str, Any]] = []

    def __getattr__(self, kind: str) -> Any:
        def register(what: Any) -> Any:
            if kind != "use":
                self.doors.append((kind, what if isinstance(what, re.Pattern) else str(what)))
            return lambda _listener: None

        return register


def doors() -> list[tuple[str, Any]]:
    """Every door of the app: (action, command, view, shortcut, options or event; its id or a pattern of ids), in order."""
    noted = Registered()
    register_all(noted)  # type: ignore[arg-type]
    return noted.doors


@dataclass(frozen=True)
class Caller:
    """Somebody who acts: their Slack id and their own workspace, as Slack says both of a user."""

    slack_id: str
    team: str = TEAM


@dataclass
class Ground:
    """The bot, what it says, its database and where that is to be had anew."""

    bot: Bot
    slack: Listening
    template: Path
    database: Path
    company: Company
    _watch: sqlite3.Connection = field(repr=False)
    _seen: dict[str, int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.look()

    @property
    def policy(self) -> Policy:
        return self.bot.engine.policy

    def _version(self) -> int:
        """Changes with every commit of anybody else that wrote something."""
        return int(self._watch.execute("PRAGMA data_version").fetchone()[0])

    def anew(self) -> None:
        """The database as it was in the beginning."""
        with sqlite3.connect(self.template) as source, sqlite3.connect(self.database, timeout=5) as target:
            source.backup(target)
        source.close()
        target.close()
        self.look()

    async def person(self, *, role: str = "", slack_id: str = "") -> Person:
        """The first one of ours with this role, or whoever has this Slack id."""
        async with self.bot.db.read() as session:
            wanted = (
                select(Person).where(Person.slack_id == slack_id)
                if slack_id
                else (
                    select(Person)
                    .join(Role, Role.person_id == Person.id)
                    .where(Role.role == role, Person.slack_id != NED)
                )
            )
            return (await session.scalars(wanted.order_by(Person.id).limit(1))).one()

    async def send(self, body: Mapping[str, Any]) -> "Came":
        """Let Slack deliver this body; returns when all that it caused is over."""
        self.slack.said.clear()
        before = self._version()
        response = await self.bot.bolt.async_dispatch(AsyncBoltRequest(body=dict(body), mode="socket_mode"))
        assert await self.bot.engine.listening(10)
        said = self.slack.words() + _readable(response.body or "")
        changed = self.look() if self._version() != before else frozenset()
        return Came(response, html.unescape(said), changed, list(self.slack.said))

    def look(self) -> frozenset[str]:
        """The tables that differ from what they were at the last look: a commit may leave everything as it was.

        Without the receipts of submissions: one that has no effect leaves one too.
        """
        names = [row[0] for row in self._watch.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                 if row[0] != "submission"]  # fmt: skip
        fresh = {name: hash(tuple(self._watch.execute(f'SELECT * FROM "{name}"'))) for name in names}
        differ = frozenset(name for name in names if fresh[name] != self._seen.get(name))
        self._seen = fresh
        return differ


def _readable(body: str) -> str:
    return json.dumps(json.loads(body), ensure_ascii=False) if body.startswith("{") else body


@dataclass(frozen=True)
class Came:
    """What came of a request: the response, all words that were said to anybody, and the tables in which anything changed."""

    response: BoltResponse
    words: str
    changed: frozenset[str]
    said: list[tuple[str, Json]]

    @property
    def answer(self) -> Json:
        return json.loads(self.response.body) if (self.response.body or "").startswith("{") else {}

    @property
    def views(self) -> list[Json]:
        shown = [arguments["view"] for method, arguments in self.said if method.startswith("views.")]
        return shown + ([self.answer["view"]] if "view" in self.answer else [])

    @property
    def refused(self) -> bool:
        """Whether nothing was done and nothing opened: an error on the form, a view that only says so, an answer in words."""
        if self.changed - LOOKED_UP:
            return False
        if "errors" in self.answer or "options" in self.answer:
            return not self.answer.get("options")
        return all(view.get("title", {}).get("text") == "That did not work" for view in self.views)


# Requests, as Slack makes them.


def _who(caller: Caller) -> Json:
    return {"id": caller.slack_id, "username": "x", "name": "x", "team_id": caller.team}


def _outer(kind: str, caller: Caller) -> Json:
    """`team` is the workspace of the installation, whoever acts: as in real payloads."""
    return {
        "type": kind, "user": _who(caller), "team": {"id": TEAM, "domain": "home"}, "api_app_id": "A0", "token": "x",
        "trigger_id": f"1.{next(_numbers)}", "is_enterprise_install": False,
    }  # fmt: skip


def command(caller: Caller, name: str, text: str = "", *, channel: str = "D1") -> Json:
    return {
        "command": name, "text": text, "user_id": caller.slack_id, "user_name": "x", "team_id": TEAM, "team_domain": "home",
        "channel_id": channel, "channel_name": "directmessage", "api_app_id": "A0", "token": "x",
        "trigger_id": f"1.{next(_numbers)}", "response_url": "http://127.0.0.1:1/none", "is_enterprise_install": "false",
    }  # fmt: skip


def click(
    caller: Caller, action: Json, *, view: Json | None = None, channel: str = "D1", message: Json | None = None
) -> Json:
    """A button, a menu or a select: in a view, else on a message."""
    made = _outer("block_actions", caller) | {"actions": [{"action_ts": f"{next(_numbers)}.0", **action}]}
    if view is not None:
        return made | {"view": view, "container": {"type": "view", "view_id": view["id"]}}
    shown = message or {"ts": "1.000001", "user": "U0CADENCE", "text": ""}
    container = {"type": "message", "message_ts": shown["ts"], "channel_id": channel, "is_ephemeral": False}
    return made | {"channel": {"id": channel, "name": "x"}, "message": shown, "container": container,
                   "response_url": "http://127.0.0.1:1/none"}  # fmt: skip


def button(action_id: str, value: str) -> Json:
    return {"type": "button", "action_id": action_id, "block_id": "b", "value": value}


def view_of(callback_id: str, metadata: str = "", state: Json | None = None, **more: Any) -> Json:
    """An open view as Slack sends it back; its id is one of its own unless it is said."""
    view_id = str(more.pop("id", f"V9{next(_numbers)}"))
    return {
        "id": view_id, "team_id": TEAM, "app_installed_team_id": TEAM, "type": "modal", "callback_id": callback_id,
        "private_metadata": metadata, "state": {"values": state or {}}, "hash": "h", "root_view_id": view_id,
        "previous_view_id": "", "title": {"type": "plain_text", "text": "x"}, "blocks": [], **more,
    }  # fmt: skip


def submission(caller: Caller, view: Json) -> Json:
    return _outer("view_submission", caller) | {"view": view, "response_urls": []}


def closed(caller: Caller, view: Json) -> Json:
    return _outer("view_closed", caller) | {"view": view, "is_cleared": False}


def suggestion(caller: Caller, action_id: str, typed: str = "", view: Json | None = None) -> Json:
    made = _outer("block_suggestion", caller)
    del made["trigger_id"]
    return made | {"action_id": action_id, "block_id": "b", "value": typed, "view": view or view_of("x"),
                   "container": {"type": "view"}}  # fmt: skip


def shortcut(
    caller: Caller, callback_id: str, *, channel: str = "C00000004", text: str = "We met", user: str = STRANGER
) -> Json:
    message = {"type": "message", "user": user, "ts": "1776400000.000100", "text": text}
    return _outer("message_action", caller) | {
        "callback_id": callback_id, "channel": {"id": channel, "name": "x"}, "message": message,
        "message_ts": message["ts"], "response_url": "http://127.0.0.1:1/none",
    }  # fmt: skip


def happened(kind: str, **event: Any) -> Json:
    return {
        "type": "event_callback", "team_id": TEAM, "api_app_id": "A0", "token": "x", "event_id": f"Ev{next(_numbers)}",
        "event_time": 1, "authorizations": [{"team_id": TEAM, "user_id": "U0CADENCE", "is_bot": True}],
        "event": {"type": kind, "event_ts": "1.1", **event},
    }  # fmt: skip


@asynccontextmanager
async def playing(template: Path, database: Path, **environment: str) -> AsyncIterator[Ground]:
    """The real app in front of a copy of the template; nothing runs but what a request causes."""
    company, _ = demo()
    with sqlite3.connect(template) as source, sqlite3.connect(database) as target:
        source.backup(target)
    source.close()
    target.close()
    users = users_of(company)
    channels = [{"is_ext_shared": False, "is_shared": False, "is_org_shared": False, "is_member": True, **one}
                for one in company.workspace["channels"]]  # fmt: skip
    async with listening(users, TEAM, channels) as slack:
        own = {f"CADENCE_{name.upper()}": str(value) for name, value in company.settings.items()}
        bot = build(settings_for({
            "SLACK_BOT_TOKEN": "xoxb-local", "SLACK_SIGNING_SECRET": SECRET, "SLACK_API_URL": slack.url,
            "DATABASE_URL": f"sqlite:///{database}", "CADENCE_SIMULATED_CLOCK": "1",
            "CADENCE_PUBLIC_URL": "https://cadence.home.example", **own, **environment,
        }))  # fmt: skip
        bot.clock.set(NOW)
        bot.engine.delivery.desk.known.identity = Identity(TEAM, "U0CADENCE", "B0BOT")
        watch = sqlite3.connect(database)
        try:
            yield Ground(bot, slack, template, database, company, watch)
        finally:
            watch.close()
            await bot.stop()
