"""Who is of another company, and what that company's people can reach here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bot.sandbox.models import Channel, User

if TYPE_CHECKING:
    from bot.sandbox.world import World


def enterprise(world: World, team_id: str) -> str:
    """The Grid organisation that a workspace belongs to; empty for a workspace that stands alone."""
    return world.company(team_id).enterprise_id


def connection(world: World, team_id: str) -> str:
    """The id under which a company is connected with a channel: its organisation on Grid, else its workspace."""
    return enterprise(world, team_id) or team_id


def workspaces(world: World, connected: str) -> list[str]:
    """The workspaces behind an id under which a company is connected."""
    found = [one.id for one in world.companies.values() if one.enterprise_id and one.enterprise_id == connected]
    return found or [connected]


def is_ours(world: World, team_id: str) -> bool:
    """Our own workspace, or on Grid another of our organisation, or that organisation itself."""
    own = enterprise(world, world.team.id)
    return team_id == world.team.id or bool(own and own in (team_id, enterprise(world, team_id)))


def is_outsider(world: World, user: User) -> bool:
    return not is_ours(world, user.team_id)


def connected(world: World, channel: Channel) -> list[str]:
    """The workspaces of other companies that a channel is shared with; those only invited are not among them."""
    there = channel.connected_team_ids if channel.is_ext_shared else []
    return [team for one in there if not is_ours(world, one) for team in workspaces(world, one)]


def may_come(world: World, user: User, channel: Channel) -> bool:
    """Whether this person can be in the channel at all: one of another company only where it is shared with theirs."""
    if user.team_id == world.team.id:
        return True
    if is_ours(world, user.team_id):
        return user.team_id in channel.org_team_ids
    return connection(world, user.team_id) in channel.connected_team_ids


def is_stranger(world: World, user: User) -> bool:
    """Of another company, and in no channel shared with it that the app knows of."""
    if not is_outsider(world, user):
        return user.is_stranger
    return user.is_stranger or not any(
        one.is_ext_shared and user.id in one.members and (not one.is_private or world.is_bot_member(one))
        for one in world.channels.values()
        if not one.is_im
    )


def companies_of(world: World, people: Iterable[str]) -> list[str]:
    """The other companies these people are of, each once."""
    teams = (world.users[one].team_id for one in people if one in world.users)
    return [one for one in dict.fromkeys(teams) if not is_ours(world, one)]


def outside(world: World, channel: Channel) -> list[str]:
    """The members of a conversation who are no colleagues: people of other companies, and guests."""
    people = [world.users[one] for one in channel.members if one in world.users]
    return [one.id for one in people if not one.is_bot and (one.is_guest or is_outsider(world, one))]
