"""The people and places a local Slack starts with, from plain JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.sandbox.models import Channel, User

Json = dict[str, Any]


@dataclass(frozen=True)
class Team:
    id: str = "T0LOCAL01"
    name: str = "Local Slack"
    domain: str = "local"
    enterprise_id: str = ""
    """The Grid organisation it belongs to, E…; empty for a workspace that stands alone."""


@dataclass(frozen=True)
class App:
    app_id: str = "A0LOCAL01"
    bot_user_id: str = "U0CADENCE"
    bot_id: str = "B0CADENCE"
    name: str = "Cadence"


@dataclass(frozen=True)
class Usergroup:
    id: str
    handle: str
    name: str
    users: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class GuideStep:
    """One step of what a newcomer is led through: when, as whom, where, and what to do there."""

    say: str
    at: str = ""
    """ISO instant with an offset; empty leaves the clock alone."""
    person: str = ""
    """A person's id; empty keeps whoever one acts as."""
    place: str = ""
    """A channel's id, "bot" or "home"; empty keeps the place."""


@dataclass(frozen=True)
class Seed:
    """Everything optional; a seed of nothing is an empty workspace with the bot in it."""

    team: Team = field(default_factory=Team)
    app: App = field(default_factory=App)
    users: list[User] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    usergroups: list[Usergroup] = field(default_factory=list)
    companies: list[Team] = field(default_factory=list)
    """Other companies, and other workspaces of our own Grid organisation; a team_id that is not among them gets a
    placeholder for a name. As JSON a company may bring its people: `users`, as ours, without their team_id."""
    guide: list[GuideStep] = field(default_factory=list)

    @classmethod
    def from_dict(cls, data: Json) -> Seed:
        """Build from JSON. Raises TypeError naming a field that does not exist."""
        team = Team(**data.get("team", {}))
        companies = [dict(row) for row in data.get("companies", [])]
        theirs = [{"team_id": row["id"], **one} for row in companies for one in row.pop("users", [])]
        return cls(
            team=team,
            app=App(**data.get("app", {})),
            users=[User(**{"team_id": team.id, **row}) for row in (*data.get("users", []), *theirs)],
            channels=[Channel(**{**row, "members": list(row.get("members", []))}) for row in data.get("channels", [])],
            usergroups=[Usergroup(**row) for row in data.get("usergroups", [])],
            companies=[Team(**row) for row in companies],
            guide=[GuideStep(**row) for row in data.get("guide", [])],
        )

    @classmethod
    def from_file(cls, path: Path) -> Seed:
        return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
