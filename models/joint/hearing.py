"""Taking up replies below a check-in: whose words may be read, which deals they could mean; edits and deletions follow.

Nobody's words are kept but a confirmed counterpart's, below a check-in of their own partner.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain import replies as rules
from models.domain.policy import Policy
from models.insert import add_missing
from models.joint import counterparts, desk
from models.joint.replies import DROPPED, OPEN, accounts_of
from models.joint.showing import CHECK_IN
from models.tables import Card, CardOccurrence, Counterpart, Partner, Person, ReplyProposal


@dataclass(frozen=True)
class Reply:
    """One reply in a thread, as Slack tells of it. `words` is empty unless its writer is a confirmed counterpart."""

    channel_id: str
    ts: str
    thread_ts: str
    slack_id: str
    team_id: str
    words: str = ""


async def check_in_of(session: AsyncSession, channel_id: str, thread_ts: str) -> Card | None:
    """The check-in that this thread hangs below."""
    if not channel_id or not thread_ts:
        return None
    found: Card | None = await session.scalar(
        select(Card).where(
            Card.kind == CHECK_IN,
            Card.channel_id == channel_id,
            Card.ts == thread_ts,
            Card.partner_id.is_not(None),
        )
    )
    return found


async def speaker(session: AsyncSession, card: Card, slack_id: str, team_id: str) -> Person | None:
    """The partner's person behind a reply below this card; None for everybody whose words may not be read."""
    person = await counterparts.speaking(session, slack_id, team_id)
    return person if person is not None and person.partner_id == card.partner_id else None


async def heard(session: AsyncSession, reply: Reply, *, now: datetime, policy: Policy) -> ReplyProposal | None:
    """Take up a reply: a confirmed counterpart's words wait on the desk, anybody else is proposed and not read."""
    card = await check_in_of(session, reply.channel_id, reply.thread_ts)
    if card is None or card.partner_id is None:
        return None
    person = await speaker(session, card, reply.slack_id, reply.team_id)
    if person is None:
        if not await counterparts.is_ours(session, reply.slack_id):
            await counterparts.propose(
                session, slack_id=reply.slack_id, team_id=reply.team_id, name="", partner_id=card.partner_id,
                how=counterparts.REPLIED, now=now, policy=policy,
            )  # fmt: skip
        return None
    words = rules.plain(reply.words)
    listed = await accounts_of(session, card.partner_id, now, policy)
    if not words or not listed:
        return None
    row = await counterparts.known(session, reply.slack_id, reply.team_id, card.partner_id)
    if row is None:
        return None
    meant = rules.meant(words, listed)
    fresh = {
        "partner_id": card.partner_id, "occurrence_id": await _occurrence_of(session, card), "counterpart_id": row.id,
        "channel_id": reply.channel_id, "message_ts": reply.ts, "words": words, "state": OPEN, "at": now,
        "joint_deal_id": meant[0] if len(meant) == 1 else None, "candidates": list(meant),
    }  # fmt: skip
    await add_missing(session, ReplyProposal, [fresh], key=("channel_id", "message_ts"))
    await _ask(session, card.partner_id, now=now, policy=policy)
    return await stored(session, reply.channel_id, reply.ts)


async def edited(session: AsyncSession, reply: Reply, *, now: datetime, policy: Policy) -> None:
    """Its author changed a reply that waits: the proposal says what the message says now."""
    row = await stored(session, reply.channel_id, reply.ts)
    if row is None or row.state != OPEN or not await _is_author(session, row, reply):
        return
    words = rules.plain(reply.words)
    if words == row.words:
        return  # Slack tells of a link's preview in the same way
    if not words:
        await _withdraw(session, row, now=now, policy=policy)
        return
    meant = rules.meant(words, await accounts_of(session, row.partner_id, now, policy))
    row.words, row.candidates, row.joint_deal_id = words, list(meant), meant[0] if len(meant) == 1 else None
    await session.flush()
    await _ask(session, row.partner_id, now=now, policy=policy)


async def deleted(session: AsyncSession, channel_id: str, ts: str, *, now: datetime, policy: Policy) -> None:
    """A reply was deleted: what nobody has confirmed of it is gone too."""
    row = await stored(session, channel_id, ts)
    if row is not None and row.state == OPEN:
        await _withdraw(session, row, now=now, policy=policy)


async def stored(session: AsyncSession, channel_id: str, ts: str) -> ReplyProposal | None:
    """The proposal that was made of this message."""
    found: ReplyProposal | None = await session.scalar(
        select(ReplyProposal)
        .where(ReplyProposal.channel_id == channel_id, ReplyProposal.message_ts == ts)
        .execution_options(populate_existing=True)
    )
    return found


async def is_authors(session: AsyncSession, reply: Reply) -> bool:
    """Whether a proposal waits that was made of this very message, and its author is still confirmed."""
    row = await stored(session, reply.channel_id, reply.ts)
    return row is not None and row.state == OPEN and await _is_author(session, row, reply)


async def _is_author(session: AsyncSession, row: ReplyProposal, reply: Reply) -> bool:
    by = await session.get_one(Counterpart, row.counterpart_id)
    return by.state == counterparts.CONFIRMED and by.slack_id == reply.slack_id


async def _withdraw(session: AsyncSession, row: ReplyProposal, *, now: datetime, policy: Policy) -> None:
    row.words, row.state, row.decided_at = "", DROPPED, now
    await session.flush()
    await desk.touch_partner(session, await session.get_one(Partner, row.partner_id), now=now, policy=policy)


async def _ask(session: AsyncSession, partner_id: int, *, now: datetime, policy: Policy) -> None:
    await desk.ask_partner(session, await session.get_one(Partner, partner_id), now=now, policy=policy)


async def _occurrence_of(session: AsyncSession, card: Card) -> int | None:
    found: int | None = await session.scalar(
        select(CardOccurrence.occurrence_id).where(CardOccurrence.card_id == card.id).limit(1)
    )
    return found
