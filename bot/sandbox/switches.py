"""What nobody has verified of the real Slack, and what an administrator may forbid: to be turned on and off."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from bot.sandbox.models import User
from bot.sandbox.refused import Refused

Json = dict[str, Any]
EPHEMERALS = ("shown", "silent", "refused")


@dataclass(frozen=True)
class NoButtons:
    """An administrator forbids the buttons and menus of apps: in one channel, to one company, or (both empty) to all."""

    channel: str = ""
    team: str = ""

    def forbids(self, channel_id: str, team_id: str) -> bool:
        return self.channel in ("", channel_id) and self.team in ("", team_id)


@dataclass
class Switches:
    """Each says how this Slack behaves where the real one's behaviour is not documented."""

    outsiders_forms: bool = True
    """Whether a form can be opened for somebody of another company."""
    outsiders_ephemerals: str = "shown"
    """What becomes of a message for one person of another company alone: shown, silent (accepted, not seen), refused."""
    outsiders_home: bool = False
    """Whether people of other companies see the Home that is published for them; it is accepted in any case."""
    outsiders_emails: bool = True
    """Whether users.info shows the e-mail of people of other companies (never of strangers)."""
    outsiders_views: bool = False
    """Whether `team` and `view.team_id` of what comes from a form name the person's own company, not the installing one."""
    no_buttons: list[NoButtons] = field(default_factory=list)
    """Where administrators forbid buttons; set by forbid_buttons and allow_buttons."""

    def set(self, changes: Json) -> None:
        """Raises Refused for a switch that is not there, or a position that it does not have."""
        for name, value in changes.items():
            if name not in NAMES:
                raise Refused(f"no switch {name!r}; there are: {', '.join(NAMES)}")
            if name == "outsiders_ephemerals" and value not in EPHEMERALS:
                raise Refused(f"{name} is one of {', '.join(EPHEMERALS)}, not {value!r}")
            if name != "outsiders_ephemerals" and not isinstance(value, bool):
                raise Refused(f"{name} is true or false, not {value!r}")
        for name, value in changes.items():
            setattr(self, name, value)

    def buttons_forbidden(self, channel_id: str, user: User) -> bool:
        return any(one.forbids(channel_id, user.team_id) for one in self.no_buttons)

    def follow(self, old: str, new: str) -> None:
        """A channel has a new id."""
        self.no_buttons = [NoButtons(new, one.team) if one.channel == old else one for one in self.no_buttons]

    def to_dict(self) -> Json:
        return {name: getattr(self, name) for name in NAMES} | {"no_buttons": [vars(one) for one in self.no_buttons]}


NAMES = tuple(one.name for one in fields(Switches) if one.name != "no_buttons")
"""The switches that can be set."""
