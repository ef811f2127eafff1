"""Where a row goes: one of our people's DM, a channel that is certainly ours alone, or a partner's joint one. Never guessed."""

from dataclasses import dataclass

from sqlalchemy import update

from bot.delivery import channels
from bot.delivery.calls import NotAnswered, Refused
from bot.delivery.desk import Desk, Ends
from bot.delivery.sentences import sentence
from models.outbox import INTERNAL, PARTNER
from models.tables import Outbox, Person


@dataclass(frozen=True)
class Place:
    """`remembered`: a DM whose id comes from the database and may be of an earlier installation."""

    channel_id: str
    thread_ts: str | None = None
    remembered: bool = False


async def of(desk: Desk, row: Outbox) -> Place:
    """Where this row is posted now. Raises Ends with a sentence, or what the look-up fails with."""
    parent = await _parent(desk, row)
    if row.audience != INTERNAL:
        return await _joint(desk, row, parent)
    if row.person_id is not None:
        slack_id, dm_channel = await _person(desk, row.person_id)
        if parent is not None:
            return parent
        if dm_channel is not None:
            return Place(dm_channel, remembered=True)
        return Place(await _open(desk, row.person_id, slack_id))
    if parent is not None:
        await channels.ours_alone(desk, parent.channel_id)
        return parent
    if not row.channel_ref:
        raise Ends("failed", "no_destination", "It names neither a person nor a channel.")
    return Place(await channels.ours_alone(desk, row.channel_ref))


async def _joint(desk: Desk, row: Outbox, parent: Place | None) -> Place:
    """The joint channel of the row's partner, as it is now, and nothing else."""
    if row.audience != PARTNER or row.person_id is not None:
        raise Ends("failed", "no_destination", "It is for a partner, and names somebody or something else.")
    channel_id = await channels.joint(desk, row.partner_id)
    if parent is None:
        return Place(channel_id)
    if parent.channel_id != channel_id:
        raise Ends("held", "another_channel", "The message above it stands in a channel that is not the joint one now.")
    return parent


async def _parent(desk: Desk, row: Outbox) -> Place | None:
    if row.parent_id is None:
        return None
    async with desk.db.read() as session:
        parent = await session.get(Outbox, row.parent_id)
    if parent is None or parent.channel_id is None or parent.ts is None:
        raise Ends("failed", "no_parent", "The message above it is gone.")
    return Place(parent.channel_id, parent.ts)


async def _person(desk: Desk, person_id: int) -> tuple[str, str | None]:
    """The person's Slack id and DM. Raises Ends for whoever is not certainly one of our active people in Slack."""
    ours = await desk.identity()
    async with desk.db.read() as session:
        person = await session.get(Person, person_id)
    if person is None:
        raise Ends("failed", "no_person", "The person is not known any more.")
    if not person.active:
        raise Ends("failed", "person_inactive", f"{person.name} has left or is deactivated.")
    if person.side != "ours":
        raise Ends("failed", "person_not_ours", f"{person.name} is not one of our people.")
    if person.guest:
        raise Ends("failed", "person_guest", f"{person.name} is a guest in Slack, and this is internal.")
    if person.slack_id is None:
        raise Ends("failed", "person_not_in_slack", f"{person.name} was not found in Slack.")
    # On Grid our people are of several workspaces; whoever left the enterprise is deactivated by the directory.
    if person.slack_team_id not in (None, ours.team_id) and not ours.enterprise_id:
        raise Ends("failed", "person_elsewhere", f"{person.name} belongs to another Slack workspace.")
    return person.slack_id, person.dm_channel


async def _open(desk: Desk, person_id: int, slack_id: str) -> str:
    try:
        answer = await desk.call("conversations.open", users=slack_id)
    except Refused as refused:
        if refused.passes:
            raise
        raise Ends("failed", refused.code, sentence("dm", refused.code)) from None
    channel_id = (answer.get("channel") or {}).get("id")
    if not isinstance(channel_id, str) or not channel_id:
        raise NotAnswered("unreadable")
    async with desk.db.write() as session:
        await session.execute(
            update(Person).where(Person.id == person_id, Person.slack_id == slack_id).values(dm_channel=channel_id)
        )
    return channel_id


async def forget_dm(desk: Desk, row: Outbox) -> None:
    """The remembered DM does not exist: the next try opens one."""
    async with desk.db.write() as session:
        await session.execute(update(Person).where(Person.id == row.person_id).values(dm_channel=None))


async def reader(desk: Desk, person_id: int) -> str:
    """The Slack id of somebody whose Home tab, or card in a direct message, is shown anew.

    Raises Ends for whoever is not one of our people any more: a guest still reads the conversation that Cadence began.
    """
    return (await _person(desk, person_id))[0]
