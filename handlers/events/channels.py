"""What Slack tells us of channels: sharing, archiving, renaming, ids that change, coming and going."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.events.seen import Event, Handler, Seen
from models import boundary, channels
from models.boundary import guests, losing, opened
from models.joint import counterparts, desk
from models.tables import ChannelState, Person

ENTERPRISE = "E"
"""How the ids of enterprises begin: on Grid an event may name somebody's enterprise where others name a workspace."""


def _id(event: Event) -> str:
    channel = event.get("channel")
    return str(channel.get("id") or "") if isinstance(channel, Mapping) else str(channel or "")


async def channel_changed(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Forget what we knew, so that the next post asks Slack."""
    del seen
    await channels.forget_check(session, _id(event))


async def channel_there_again(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Unarchived: a joint channel that was lost by it is there again."""
    await channel_changed(session, event, seen)
    state = await session.get(ChannelState, _id(event), populate_existing=True)
    if state is not None:
        state.is_archived = False
        await losing.found(session, state.slack_id)


async def channel_archived(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Archived: of a joint channel its partner's manager hears it, once."""
    await channel_changed(session, event, seen)
    await losing.lost(session, _id(event), now=seen.now, policy=seen.policy, archived=True)


async def channel_gone(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Deleted, or Cadence is not in it any more."""
    await channel_changed(session, event, seen)
    await _not_in(session, _id(event))
    await losing.lost(session, _id(event), now=seen.now, policy=seen.policy)


async def _not_in(session: AsyncSession, channel_id: str) -> None:
    state = await session.get(ChannelState, channel_id, populate_existing=True)
    if state is not None:
        state.is_member = False
        await session.flush()


async def channel_shared(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Somebody was connected: it is theirs too from now on. A joint channel is looked at again before anything is posted."""
    await channel_changed(session, event, seen)
    channel_id, team = _id(event), str(event.get("connected_team_id") or "")
    state = await session.get(ChannelState, channel_id, populate_existing=True)
    if state is not None:
        state.is_shared = True
        if team and team != seen.team_id:
            state.connected = list(dict.fromkeys([*(state.connected or ()), team]))
            # On Grid it may be a workspace of ours: the next look says.
            state.is_ext_shared = state.is_ext_shared or not seen.enterprise_id
        await losing.found(session, channel_id)
        await session.flush()
        if opened.is_open(state):
            await opened.begins(session, channel_id, now=seen.now, policy=seen.policy)
    for partner in await losing.partners_in(session, channel_id):
        await desk.touch_partner(session, partner, now=seen.now, policy=seen.policy)


async def channel_unshared(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Somebody was disconnected. A joint channel that nobody of outside reads any more is said to be lost, once."""
    await channel_changed(session, event, seen)
    channel_id, team = _id(event), str(event.get("previously_connected_team_id") or "")
    state = await session.get(ChannelState, channel_id, populate_existing=True)
    if state is None:
        return
    state.connected = [one for one in state.connected or () if one != team]
    if not state.connected and event.get("is_ext_shared") is False:
        # Slack is asked before anything is posted. Until then this is what it said, and what was held can be decided anew.
        state.is_ext_shared = False
    await session.flush()
    await opened.ends(session, channel_id, now=seen.now, policy=seen.policy)
    if await boundary.is_anything_held(session):
        await boundary.show_desks(session, now=seen.now, policy=seen.policy)
    if not state.connected and not event.get("is_ext_shared"):
        await losing.lost(session, channel_id, now=seen.now, policy=seen.policy)


async def channel_id_changed(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Follow a channel to its new id, wherever its old one is written."""
    await channels.follow(session, str(event["old_channel_id"]), str(event["new_channel_id"]), now=seen.now)


async def member_joined(session: AsyncSession, event: Event, seen: Seen) -> None:
    """Somebody of outside is known at once; whom the event does not tell apart is looked up before anything is posted."""
    channel_id, slack_id = _id(event), str(event.get("user") or "")
    if slack_id == seen.bot_user_id:
        await channel_changed(session, event, seen)
        await guests.look_again(session, channel_id)
        return
    person = await session.scalar(select(Person).where(Person.slack_id == slack_id))
    if person is not None and boundary.can_be_told(person):
        return
    outside = person is not None and (person.guest or person.side != "ours")
    elsewhere = _elsewhere(event, seen)
    if elsewhere:
        await counterparts.joined(
            session, channel_id=channel_id, slack_id=slack_id, team_id=str(event["team"]), our_team=seen.team_id,
            now=seen.now, policy=seen.policy,
        )  # fmt: skip
    if outside or elsewhere:
        await guests.joined(session, channel_id, slack_id, name=person.name if person is not None else "", now=seen.now)
        await boundary.show_desks(session, now=seen.now, policy=seen.policy)
    else:
        await guests.look_again(session, channel_id)


def _elsewhere(event: Event, seen: Seen) -> bool:
    """Whether the event says that they are of another company. On Grid another workspace may be ours: then it does not say."""
    team = str(event.get("team") or "")
    if team.startswith(ENTERPRISE):
        return team != seen.enterprise_id
    return bool(team) and not seen.enterprise_id and team != seen.team_id


async def member_left(session: AsyncSession, event: Event, seen: Seen) -> None:
    channel_id, slack_id = _id(event), str(event.get("user") or "")
    if slack_id == seen.bot_user_id:
        await channel_gone(session, event, seen)
    elif await guests.left(session, channel_id, slack_id, now=seen.now):
        await boundary.show_desks(session, now=seen.now, policy=seen.policy)


HANDLERS: dict[str, Handler] = {
    "channel_archive": channel_archived,
    "channel_deleted": channel_gone,
    "channel_id_changed": channel_id_changed,
    "channel_left": channel_gone,
    "channel_rename": channel_changed,
    "channel_shared": channel_shared,
    "channel_unarchive": channel_there_again,
    "channel_unshared": channel_unshared,
    "group_archive": channel_archived,
    "group_deleted": channel_gone,
    "group_left": channel_gone,
    "group_rename": channel_changed,
    "group_unarchive": channel_there_again,
    "member_joined_channel": member_joined,
    "member_left_channel": member_left,
}
