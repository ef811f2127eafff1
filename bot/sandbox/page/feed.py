"""What has happened lately, wherever it was: the app's messages, bundled as a person would tell them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bot.sandbox.models import Channel, Message
from bot.sandbox.page.emoji import with_emoji
from bot.sandbox.page.mrkdwn import decoded
from bot.sandbox.world import World

MOST_ROWS, TITLE = 40, 90
TOKEN = re.compile(r"<([^<>\n]+)>")
NUMBER = re.compile(r"\d+")
MARKS = re.compile(r"(?<!\w)[*_~`]+|[*_~`]+(?!\w)")


@dataclass
class Target:
    """Where a message stands: whose screen, which place, which thread."""

    label: str
    person: str
    at: str
    ts: str
    thread_ts: str = ""


@dataclass
class Happening:
    """Messages of one moment that belong together: a prompt to six people, or a note in one channel."""

    at: datetime
    title: str
    ts: str
    """The newest message in it."""
    private: bool
    targets: list[Target] = field(default_factory=list)


def plain_line(text: str, name: Callable[[str], str]) -> str:
    """The first line of a mrkdwn text without its marks, for a list."""

    def said(match: re.Match[str]) -> str:
        body, _, label = match.group(1).partition("|")
        if label:
            return label
        return f"@{name(body[1:])}" if body.startswith("@") else body.lstrip("#!")

    first = next((line for line in text.splitlines() if line.strip()), "")
    line = MARKS.sub("", with_emoji(decoded(TOKEN.sub(said, first)))).strip()
    return line if len(line) <= TITLE else line[: TITLE - 1].rstrip() + "…"


def happenings(world: World, most: int = MOST_ROWS) -> list[Happening]:
    """The newest first. Direct messages of one minute that say the same are one row, whoever got them."""
    found: list[Happening] = []
    for message in _shown(world):
        channel = world.channels[message.channel]
        moment = message.at.replace(second=0, microsecond=0)
        line = plain_line(message.text, world.name_of)
        row = next((one for one in reversed(found) if channel.is_im and _alike(one, moment, line)), None)
        if row is None:
            if len(found) == most:
                break
            row = Happening(moment, line, message.ts, channel.is_im)
            found.append(row)
        elif line != row.title:
            row.title = NUMBER.sub("…", line)  # a number of one person says nothing of the others
        row.targets.append(_target(world, channel, message))
    return found


def _alike(row: Happening, moment: datetime, line: str) -> bool:
    return row.private and row.at == moment and NUMBER.sub("…", row.title) == NUMBER.sub("…", line)


def _shown(world: World) -> Iterable[Message]:
    return (one for one in reversed(world.recent) if not one.deleted and one.channel in world.channels)


def _target(world: World, channel: Channel, message: Message) -> Target:
    if channel.im_user is not None:
        return Target(world.name_of(channel.im_user), channel.im_user, "bot", message.ts)
    thread = (message.thread_ts or "") if message.is_reply else ""
    reader = next((one for one in channel.members if _reads(world, one)), "")
    return Target(f"#{channel.name}", reader, channel.id, message.ts, thread)


def _reads(world: World, user_id: str) -> bool:
    user = world.users.get(user_id)
    return user is not None and not user.is_bot and not user.deleted and user.team_id == world.team.id
