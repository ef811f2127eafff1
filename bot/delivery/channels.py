"""The boundary: what is internal goes only to a channel that Slack, asked just now, says is ours alone.

What is a partner's goes only to that partner's joint channel, for the workspaces that its manager was shown.
"""

import time

from sqlalchemy import select

from bot.clock import real_now
from bot.delivery import members
from bot.delivery.calls import CallFailed, NotAnswered, Refused
from bot.delivery.desk import Desk, Ends, Later
from bot.delivery.sentences import sentence
from models import boundary, channels, outbox
from models.boundary import guests, losing
from models.channels import IS_ID, Seen
from models.joint import approving
from models.tables import ChannelState, Partner, Person

LIST_AGAIN_AFTER = 5.0
PAGE = 1000


def why_not(seen: Seen, *, grid: bool) -> Ends | None:
    """Why nothing internal may be posted here, as far as the channel itself says; on Grid our enterprise is one company."""
    place = seen.label
    if seen.is_shared and (seen.is_ext_shared or not grid):
        return Ends("held", "shared", f"{place} is shared with another company or workspace.")
    if seen.is_pending_shared:
        return Ends("held", "pending_shared", f"{place} is about to be shared with another company.")
    if seen.unknown:
        return Ends("held", "sharing_unknown", f"Slack does not say whether {place} is shared.")
    return why_not_there(seen)


def why_not_there(seen: Seen, state: str = "failed") -> Ends | None:
    """Why nothing at all can be posted here."""
    if seen.is_archived:
        return Ends(state, "is_archived", f"{seen.label} is archived.")
    if not seen.is_member:
        return Ends(state, "not_in_channel", f"Cadence is not in {seen.label}. Invite it there.")
    return None


async def ours_alone(desk: Desk, ref: str) -> str:
    """The id of the channel that `ref` (an id or a name) means, which is certainly read by us alone, looked up just now.

    Raises Ends (held, failed) with a sentence, or what the look-up fails with.
    """
    seen = await find(desk, ref)
    problem = why_not(seen, grid=await _on_grid(desk)) or await _outside_readers(desk, seen)
    if problem is not None:
        raise problem
    return seen.slack_id


async def _on_grid(desk: Desk) -> bool:
    return bool((await desk.identity()).enterprise_id)


async def _outside_readers(desk: Desk, seen: Seen) -> Ends | None:
    """A guest whom no admin allowed is outside. Members that were not read lately are read before anything is posted."""
    if not await members.are_known(desk, seen.slack_id):
        try:
            await members.sweep(desk, seen.slack_id)
        except Refused as refused:
            if refused.passes:
                raise
            return Ends("held", refused.code, f"Slack does not say who is in {seen.label}.")
    async with desk.db.read() as session:
        found = await guests.standing(session, seen.slack_id)
    if not found:
        return None
    who = "A guest is" if len(found) == 1 else f"{len(found)} guests are"
    return Ends("held", "guests", f"{who} in {seen.label}, and no admin has allowed that.")


async def joint(desk: Desk, partner_id: int | None) -> str:
    """The id of the partner's joint channel as it is now, where its manager lets Cadence post for whoever reads it.

    Raises Ends (held) with a sentence, or what the look-up fails with.
    """
    partner = await _partner(desk, partner_id)
    if not partner.joint_channel:
        raise Ends("held", "no_joint_channel", f"{partner.name} has no joint channel.")
    try:
        seen = await look_at_joint(desk, partner)
    except Ends as end:
        raise Ends("held", end.code, end.problem) from None
    problem = (
        why_not_there(seen, "held")
        or _not_approved(partner, seen)
        or await _another_partners(desk, partner, seen)
        or await _disconnected(desk, partner, seen)
    )
    if problem is not None:
        raise problem
    if (await _partner(desk, partner_id)).joint_channel != partner.joint_channel:
        raise Later("joint_channel_changed")
    return seen.slack_id


async def look_at_joint(desk: Desk, partner: Partner) -> Seen:
    """A partner's joint channel as Slack describes it now; one that is gone is said to its manager, once.

    Raises Ends, or what the look-up fails with.
    """
    try:
        seen = await find(desk, partner.joint_channel)
    except Ends as end:
        if end.code == "channel_not_found":
            await _lost(desk, partner.joint_channel, archived=False)
        raise
    if seen.is_archived or not seen.is_member or _without_partner(partner, seen):
        await _lost(desk, seen.slack_id, archived=seen.is_archived)
    elif seen.is_shared or not partner.joint_teams:
        # There again, by whatever way: of one that was never shared nobody can have been disconnected.
        async with desk.db.write() as session:
            await losing.found(session, seen.slack_id)
    return seen


def _without_partner(partner: Partner, seen: Seen) -> bool:
    """Whether nobody of outside reads a channel any more that was approved for somebody: its event may have been missed."""
    approved = bool(partner.joint_teams) and partner.joint_approved == partner.joint_channel
    return approved and not (seen.is_shared or seen.is_pending_shared or seen.unknown)


async def _partner(desk: Desk, partner_id: int | None) -> Partner:
    async with desk.db.read() as session:
        partner = await session.get(Partner, partner_id) if partner_id is not None else None
    if partner is None:
        raise Ends("failed", "no_partner", "The partner is not known any more.")
    return partner


def _not_approved(partner: Partner, seen: Seen) -> Ends | None:
    teams = seen.teams
    if teams is None:
        return Ends("held", "connected_unknown", f"Slack does not say which workspaces are connected to {seen.label}.")
    if approving.allows(partner, teams):
        return None
    if partner.joint_approved == partner.joint_channel:
        return Ends("held", "another_workspace", f"Another workspace was connected to {seen.label}, or invited.")
    return Ends("held", "not_looked_at", f"Nobody has looked at the first post to {seen.label} yet.")


async def _another_partners(desk: Desk, partner: Partner, seen: Seen) -> Ends | None:
    """One channel that two partners have, under its name and under its id, is for neither: each would read the other's."""
    async with desk.db.read() as session:
        named = [one.name for one in await losing.partners_in(session, seen.slack_id) if one.id != partner.id]
    if not named:
        return None
    return Ends(
        "held", "two_partners", f"{seen.label} is the joint channel of {named[0]} too. Each has one of its own."
    )


async def _disconnected(desk: Desk, partner: Partner, seen: Seen) -> Ends | None:
    """A joint channel that was disconnected takes nothing until it is connected again, or another one is chosen."""
    async with desk.db.read() as session:
        state = await session.get(ChannelState, seen.slack_id)
    if state is None or state.lost_at is None:
        return None
    return Ends("held", "disconnected", losing.why(state, seen.label, partner.name))


async def _lost(desk: Desk, ref: str, *, archived: bool) -> None:
    async with desk.db.write() as session:
        state = await channels.known(session, ref)
        channel_id = state.slack_id if state is not None else await channels.current(session, ref)
        if IS_ID.fullmatch(channel_id):
            await boundary.lost(session, channel_id, now=desk.clock.now(), policy=desk.policy, archived=archived)


async def may_edit(desk: Desk, channel_id: str, partner_id: int | None) -> Ends | None:
    """Why a message in this channel may not be edited: an internal one where others read too, a partner's elsewhere."""
    try:
        if partner_id is None:
            await ours_alone(desk, channel_id)
        elif await joint(desk, partner_id) != channel_id:
            return Ends("held", "another_channel", "The partner's joint channel is another one now.")
    except Ends as end:
        return end
    return None


async def is_ours_alone(desk: Desk, channel_id: str) -> bool:
    """Whether what is internal may be said in this channel, looked up just now. Where nobody can tell: no."""
    try:
        if channel_id.startswith("D"):
            return await _is_our_dm(desk, channel_id)
        await ours_alone(desk, channel_id)
    except (Ends, Later, CallFailed):
        return False
    return True


async def _is_our_dm(desk: Desk, channel_id: str) -> bool:
    """Whether this is Cadence's conversation with one of our people: one that it has written in, since Slack is not asked."""
    async with desk.db.read() as session:
        person = await session.scalar(select(Person).where(Person.dm_channel == channel_id))
    return person is not None and boundary.can_be_told(person)


async def look_up(desk: Desk, channel_id: str) -> Seen:
    """Ask Slack, and remember what it says."""
    try:
        answer = await desk.call("conversations.info", channel=channel_id)
    except Refused as refused:
        if refused.passes:
            raise
        state = "failed" if refused.code == "channel_not_found" else "held"
        raise Ends(state, refused.code, sentence("look_up", refused.code)) from None
    seen = Seen.of(answer.get("channel") or {})
    if not seen.slack_id:
        raise NotAnswered("unreadable")
    async with desk.db.write() as session:
        checked_at = await outbox.database_now(session, real_now())
        await channels.remember(session, [seen.row(checked_at)])
    return seen


async def find(desk: Desk, ref: str) -> Seen:
    """The channel that an id or a name means, as Slack describes it now. Raises Ends, or what a look-up fails with."""
    name = ref.removeprefix("#")
    if not IS_ID.fullmatch(name):
        return await _by_name(desk, name.casefold())
    async with desk.db.read() as session:
        present = await channels.current(session, name)
    return await look_up(desk, present)


async def _by_name(desk: Desk, name: str) -> Seen:
    channel_id = await _remembered(desk, name)
    if channel_id is not None:
        seen = await look_up(desk, channel_id)
        if seen.name.casefold() == name:
            return seen
    # Unknown, or renamed since: read the list once.
    await _list(desk)
    channel_id = await _remembered(desk, name)
    if channel_id is None:
        raise Ends("failed", "channel_not_found", f"There is no channel #{name} that Cadence can see. Invite it there.")
    return await look_up(desk, channel_id)


async def _remembered(desk: Desk, name: str) -> str | None:
    async with desk.db.read() as session:
        found: str | None = await session.scalar(
            select(ChannelState.slack_id)
            .where(ChannelState.name == name)
            .order_by(ChannelState.is_archived, ChannelState.is_member.desc(), ChannelState.slack_id)
            .limit(1)
        )
    return found


async def _list(desk: Desk) -> None:
    """Read all channels that Slack shows us, unless that was done a moment ago."""
    async with desk.known.listing:
        last = desk.known.channels_listed_at
        if last is not None and time.monotonic() - last < LIST_AGAIN_AFTER:
            return
        seen: list[Seen] = []
        cursor: str | None = None
        while True:
            page = await desk.call(
                "conversations.list", types="public_channel,private_channel", limit=PAGE, cursor=cursor
            )
            seen += [Seen.of(channel) for channel in page.get("channels") or ()]
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                break
        async with desk.db.write() as session:
            await channels.remember(session, [one.row(None) for one in seen if one.slack_id])
        desk.known.channels_listed_at = time.monotonic()
