"""Which company is whose, and what an administrator can do with a channel: what the page says and offers of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.sandbox import outsiders
from bot.sandbox.models import Channel, User
from bot.sandbox.seed import Team
from bot.sandbox.world import SLACKBOT, World

GUEST = "guest"


@dataclass(frozen=True)
class Badge:
    """A few words about a channel; `kind` is shared, invited, org, guests or forbidden."""

    kind: str
    words: str


@dataclass(frozen=True)
class Offers:
    """What can be done with a channel now."""

    could_share: list[Team] = field(default_factory=list)
    invited: list[Team] = field(default_factory=list)
    connected: list[Team] = field(default_factory=list)
    could_come: list[tuple[str, list[User]]] = field(default_factory=list)
    """By company, ours first."""
    could_go: list[User] = field(default_factory=list)
    companies: list[Team] = field(default_factory=list)
    """Whose people could be forbidden the buttons of apps."""
    forbidden: list[tuple[str, str, str]] = field(default_factory=list)
    """Rules that hold here: words, channel, team."""


class Companies:
    def __init__(self, world: World) -> None:
        self._world = world

    def name(self, connected: str) -> str:
        """A company by the id of its workspace or of its organisation."""
        return self._world.company(outsiders.workspaces(self._world, connected)[0]).name

    def mark(self, user: User) -> str:
        """What stands beside the name of somebody who is no colleague: their company, or that they are a guest."""
        if user.is_bot or user.id == SLACKBOT or user.id not in self._world.users:
            return ""
        if outsiders.is_outsider(self._world, user):
            return self._world.company(user.team_id).name
        return GUEST if user.is_guest else ""

    def groups(self, people: list[User]) -> list[tuple[str, list[User]]]:
        """People by company: ours first, the others by name; who has left comes last."""
        world = self._world
        found: dict[str, list[User]] = {world.team.id: []}
        for user in sorted(people, key=lambda one: (one.deleted, one.is_guest)):
            found.setdefault(user.team_id, []).append(user)
        others = sorted((one for one in found if one != world.team.id), key=lambda one: world.company(one).name)
        rows = [(world.company(one).name, found[one]) for one in (world.team.id, *others)]
        return [row for row in rows if row[1]]

    def badges(self, channel: Channel) -> list[Badge]:
        """What there is to know of who can see a channel."""
        found: list[Badge] = []
        if channel.is_ext_shared:
            names = [self.name(one) for one in channel.connected_team_ids] or ["another company"]
            found.append(Badge("shared", f"shared with {_listed(names)}"))
        if channel.is_pending_ext_shared:
            names = [self.name(one) for one in channel.pending_connected_team_ids] or ["another company"]
            found.append(Badge("invited", f"{_listed(names)} invited"))
        if channel.is_org_shared:
            found.append(Badge("org", "shared within the organisation"))
        if any(self._world.users[one].is_guest for one in channel.members if one in self._world.users):
            found.append(Badge("guests", "has guests"))
        if self._rules(channel):
            found.append(Badge("forbidden", "apps' buttons forbidden"))
        return found

    def offers(self, channel: Channel) -> Offers:
        world = self._world
        others = [one for one in world.companies.values() if one.id != world.team.id]
        there = {*channel.connected_team_ids, *channel.pending_connected_team_ids, *channel.org_team_ids}
        people = [one for one in world.users.values() if one.id != SLACKBOT and not one.deleted]
        could_come = [
            one for one in people if one.id not in channel.members and outsiders.may_come(world, one, channel)
        ]
        return Offers(
            could_share=[one for one in others if not {one.id, outsiders.connection(world, one.id)} & there],
            invited=[Team(one, self.name(one)) for one in channel.pending_connected_team_ids]
            + [Team("", "Whoever was invited") for one in channel.invites if not one],
            connected=[Team(one, self.name(one)) for one in channel.connected_team_ids],
            could_come=self.groups(could_come),
            could_go=sorted((one for one in people if one.id in channel.members), key=lambda one: one.label),
            companies=[world.team, *(world.company(team) for team in outsiders.connected(world, channel))],
            forbidden=self._rules(channel),
        )

    def _rules(self, channel: Channel) -> list[tuple[str, str, str]]:
        found = []
        for one in self._world.switches.no_buttons:
            if one.channel in ("", channel.id):
                whom = self.name(one.team) if one.team else "everybody"
                found.append((f"{whom}, {'here' if one.channel else 'everywhere'}", one.channel, one.team))
        return found


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
