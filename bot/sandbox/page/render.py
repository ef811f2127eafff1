"""The parts of the page, as one person sees them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from bot.sandbox.models import Channel, Message, User, View
from bot.sandbox.page.companies import Companies
from bot.sandbox.page.emoji import with_emoji
from bot.sandbox.page.feed import Target, happenings
from bot.sandbox.page.files import previews
from bot.sandbox.page.mrkdwn import SAFE_LINK, Words
from bot.sandbox.page.when import clock_time, mornings, next_friday
from bot.sandbox.views import initial_state
from bot.sandbox.world import SLACKBOT, World

Json = dict[str, Any]
TEMPLATES = Path(__file__).parent / "templates"
HOME, BOT = "home", "bot"
PARTS = ("sidebar", "clock", "main", "thread", "activity")
NAMED_DAYS = 2
MOST_SHOWN = 200
MOST_NEWS = 8
TIME_FIRST = re.compile(r"^\w{2,3} \d{1,2}:\d{2}, ")


BY_READER = (
    "mrkdwn",
    "markdown",
    "plain",
    "text",
    "rich",
    "author",
    "reply_count",
    "time",
    "full_time",
    "viewer_time",
    "company_time",
    "company_short",
    "local_field",
    "previews",
)
"""Filters whose answer depends on who reads; templates are compiled once, the reader is in their context."""


def environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True, auto_reload=False
    )
    env.filters |= {name: _for_reader(name) for name in BY_READER}
    env.filters |= {
        "emoji": with_emoji,
        "initials": initials,
        "hue": hue,
        "message_ctx": message_context,
        "view_ctx": view_context,
        "pretty": pretty,
        "safe_url": lambda url: url if SAFE_LINK.match(url) else "#",
    }
    return env


def _for_reader(name: str) -> Callable[..., Any]:
    @pass_context
    def late(context: Context, value: Any) -> Any:
        return context["by_reader"][name](value)

    return late


def initials(label: str) -> str:
    words = [word for word in label.split() if word[0].isalnum()] or [label or "?"]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def hue(name: str) -> int:
    """A colour that stays the same for the same person."""
    return sum(ord(sign) * (index + 7) for index, sign in enumerate(name)) * 37 % 360


def unseen(channel: Channel, user: User) -> list[Message]:
    """Messages of others in the channel itself that came after what this person saw last."""
    seen = float(channel.read.get(user.id, "0"))
    found = [one for one in channel.shown_to(user.id) if one.user != user.id and not one.is_reply]
    return [one for one in found if float(one.ts) > seen]


def unread(channel: Channel, user: User) -> int:
    return len(unseen(channel, user))


def first_unread(channel: Channel, user: User) -> str:
    """Where reading goes on: the ts of the first unseen message, "" if there is none."""
    return next((one.ts for one in unseen(channel, user)), "")


@dataclass(frozen=True)
class Place:
    """Who looks, at what. `at` is a channel id, "home" or "bot"."""

    viewer: User
    at: str
    thread_ts: str = ""


class Renderer:
    """Builds HTML fragments; one instance for each request, since names and dates depend on the reader."""

    def __init__(self, world: World, env: Environment, place: Place) -> None:
        self._world = world
        self._place = place
        self._words = Words(world, place.viewer)
        self._companies = Companies(world)
        self._env = env
        self._by_reader = self._filters()

    @property
    def channel(self) -> Channel:
        """The conversation shown; Home has the direct message behind it."""
        place = self._place
        if place.at in (HOME, BOT):
            return self._world.im(place.viewer.id)
        return self._world.channels[place.at]

    def parts(self) -> dict[str, str]:
        return {name: self._part(name, getattr(self, f"_{name}")()) for name in PARTS}

    def modal(self) -> tuple[str, str]:
        """The topmost modal and a key that changes only when it must be drawn anew."""
        stack = self._world.stack(self._place.viewer.id)
        top = stack[-1] if stack else None
        key = f"{top.id} {top.hash} {json.dumps(top.errors)}" if top else ""
        return self._part("modal", {"modal": top, "depth": len(stack)}), key

    def whole(self, **extra: Any) -> str:
        modal, _ = self.modal()
        parts = {name: Markup(html) for name, html in (self.parts() | {"modal": modal}).items()}  # noqa: S704 - ours
        return self._part("page", extra | {"parts": parts})

    def _part(self, name: str, context: Json) -> str:
        place, world = self._place, self._world
        common: Json = {
            "world": world,
            "by_reader": self._by_reader,
            "viewer": place.viewer,
            "at": place.at,
            "thread_ts": place.thread_ts,
            "now": world.clock.now(),
            "clock": world.clock,
            "people": self._people(),
            "channels": self._channels(),
            "link": self._link,
            "here": lambda thread: self._link(place.at, thread),
            "companies": self._companies,
            "unread": unread,
            "unread_dm": self._unread_dm,
        }
        return self._env.get_template(f"{name}.html").render(common | context)

    # what each part needs

    def _sidebar(self) -> Json:
        people = [one for one in self._people() if not one.is_bot]
        ours = [one for one in people if one.team_id == self._world.team.id]
        channels, viewer = self._channels(), self._place.viewer.id
        waiting = [(one, self._unread_dm(one)) for one in ours if one.id != viewer and not one.deleted]
        return {
            "people_groups": self._companies.groups(people),
            "news": [row for row in waiting if row[1]][:MOST_NEWS],
            "more_news": max(0, sum(bool(row[1]) for row in waiting) - MOST_NEWS),
            "mine": [one for one in channels if viewer in one.members],
            "others": [one for one in channels if viewer not in one.members],
        }

    def _clock(self) -> Json:
        zone, now = self._world.company_tz, self._world.clock.now()
        return {"coming": self._coming(), "friday": next_friday(now, zone), "mornings": mornings(now, zone)}

    def _activity(self) -> Json:
        """What comes and what was sent, each row a way to go there."""
        return {"coming": self._coming(), "happened": happenings(self._world), "target": self._to}

    def _coming(self) -> list[Json]:
        due = self._world.clock.due
        rows = [self._row(row["at"], row["what"]) for row in (due.coming if due else [])]
        if due and due.next_due and not rows:
            rows = [self._row(due.next_due.isoformat(), due.next_what or "")]
        return rows

    def _to(self, target: Target) -> str:
        """A link to where a message stands, as the present person if they can see it."""
        viewer, channel = self._place.viewer, self._world.channels.get(target.at)
        stays = channel is not None and self._world.sees(viewer, channel)
        query = {"as": viewer.id if stays else target.person or viewer.id, "at": target.at}
        thread = {"thread": target.thread_ts} if target.thread_ts else {}
        return f"/?{urlencode(query | thread)}#m{target.ts.replace('.', '')}"

    def _main(self) -> Json:
        if self._place.at == HOME:
            return {"home": self._world.home_of(self._place.viewer)}
        days: list[tuple[str, list[Message]]] = []
        shown = [one for one in self.channel.shown_to(self._place.viewer.id) if not one.is_reply]
        for message in shown[-MOST_SHOWN:]:
            day = self._day(message.at)
            if not days or days[-1][0] != day:
                days.append((day, []))
            days[-1][1].append(message)
        return {"channel": self.channel, "days": days, "older": max(0, len(shown) - MOST_SHOWN)}

    def _thread(self) -> Json:
        root = self._place.thread_ts
        rows = self.channel.shown_to(self._place.viewer.id) if root else []
        return {"thread": [one for one in rows if root in (one.ts, one.thread_ts)]}

    # helpers of the templates

    def _people(self) -> list[User]:
        return sorted((one for one in self._world.users.values() if one.id != SLACKBOT), key=lambda one: one.label)

    def _channels(self) -> list[Channel]:
        viewer = self._place.viewer
        seen = [one for one in self._world.channels.values() if not one.is_im and self._world.sees(viewer, one)]
        return sorted(seen, key=lambda one: (one.is_archived, one.name))

    def _unread_dm(self, user: User) -> int:
        channel = self._world.find_im(user.id)
        return unread(channel, user) if channel else 0

    def _link(self, at: str, thread: str = "") -> str:
        query = {"as": self._place.viewer.id, "at": at} | ({"thread": thread} if thread else {})
        return "/?" + urlencode(query)

    def _local(self, at: datetime, zone: str = "") -> datetime:
        return at.astimezone(ZoneInfo(zone or self._place.viewer.tz))

    def _day(self, at: datetime) -> str:
        local, today = self._local(at).date(), self._local(self._world.clock.now()).date()
        days = (today - local).days
        if 0 <= days < NAMED_DAYS:
            return ("Today", "Yesterday")[days]
        return local.strftime("%A, %-d %B" if local.year == today.year else "%A, %-d %B %Y")

    def _row(self, at: str, what: str) -> Json:
        """`what` may begin with the time, which the list shows in a column of its own."""
        return {"at": at, "when": self._when(at), "what": what, "short": TIME_FIRST.sub("", what)}

    def _when(self, iso: str) -> str:
        return self._local(datetime.fromisoformat(iso), self._world.company_tz).strftime("%a %-d %b, %H:%M")

    def _author(self, message: Message) -> User:
        unknown = User(message.user, message.user)
        return self._world.users.get(message.user, unknown)

    def _replies(self, message: Message) -> int:
        rows = self.channel.shown_to(self._place.viewer.id)
        return sum(one.is_reply and one.thread_ts == message.ts for one in rows)

    def _filters(self) -> Json:
        words, company = self._words, self._world.company_tz
        return {
            "mrkdwn": words.mrkdwn,
            "markdown": words.markdown,
            "plain": words.plain,
            "text": words.text,
            "rich": words.rich,
            "author": self._author,
            "reply_count": self._replies,
            "time": lambda at: clock_time(self._local(at)),
            "full_time": lambda at: self._local(at).strftime("%A, %-d %B %Y, %H:%M %Z"),
            "viewer_time": lambda at: self._local(at).strftime("%a %H:%M %Z"),
            "company_time": lambda at: self._local(at, company).strftime("%a, %-d %b %Y, %H:%M"),
            "company_short": lambda at: self._local(at, company).strftime("%a %-d %b, %H:%M"),
            "previews": lambda message: previews(self._world, message, self._place.viewer.id),
            "local_field": lambda at: self._local(at, company).strftime("%Y-%m-%dT%H:%M"),
        }


def message_context(message: Message) -> Json:
    state = initial_state(message.blocks) | message.state
    return {"kind": "message", "id": message.ts.replace(".", ""), "state": state, "errors": {}}


def view_context(view: View) -> Json:
    return {"kind": "view", "id": view.id, "state": view.state, "errors": view.errors}


def pretty(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
