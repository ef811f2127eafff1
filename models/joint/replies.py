"""Replies below a check-in that wait: what was understood of them, and what our side makes of it: confirmed, mended, dropped.

For partners whose administrators forbid buttons and forms. `hearing` takes the replies up.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import changes, people
from models.cadences import AHEAD
from models.domain import replies as rules
from models.domain.errors import UserError
from models.domain.policy import Policy
from models.domain.replies import Understood
from models.domain.rights import Act
from models.domain.zones import local_date, zone
from models.joint import answers, approving, checkin, desk, stages, views
from models.joint.answers import Said
from models.tables import (
    Counterpart,
    JointAnswer,
    Occurrence,
    Partner,
    Person,
    ReplyProposal,
)

OPEN, CONFIRMED, DROPPED = "open", "confirmed", "dropped"
ENTITY = "reply_proposal"


@dataclass(frozen=True)
class Proposed:
    """One reply that waits: whose words, which deals it could mean (accounts by mark), what was understood."""

    row: ReplyProposal
    partner: Partner
    by: Counterpart
    deals: Mapping[int, str]
    understood: Understood
    said: Mapping[int, Said]
    """What would stand after a click, by mark; only those that can be taken as they are."""


async def waiting(
    session: AsyncSession, partners: Collection[Partner], *, now: datetime, policy: Policy
) -> list[Proposed]:
    """The replies that wait to be confirmed, the oldest first."""
    by_id = {partner.id: partner for partner in partners}
    rows = await session.execute(
        select(ReplyProposal, Counterpart)
        .join(Counterpart, Counterpart.id == ReplyProposal.counterpart_id)
        .where(ReplyProposal.partner_id.in_(by_id), ReplyProposal.state == OPEN)
        .order_by(ReplyProposal.at, ReplyProposal.id)
    )
    found = []
    for row, by in rows.all():
        found.append(await _proposed(session, row, by, by_id[row.partner_id], now, policy))
    return found


async def one(
    session: AsyncSession, actor: Person, proposal_id: int, *, now: datetime, policy: Policy, lock: bool = False
) -> Proposed:
    """The reply behind a button. Raises NotAllowed, and UserError where it was decided or withdrawn meanwhile."""
    row = await _held(session, proposal_id, lock=lock)
    partner = await approving.partner_for(
        session, actor, row.partner_id, Act.RECORD_REPORTED, now=now, policy=policy, lock=False
    )
    by = await session.get_one(Counterpart, row.counterpart_id)
    return await _proposed(session, row, by, partner, now, policy)


async def confirm(
    session: AsyncSession,
    actor: Person,
    proposal_id: int,
    *,
    now: datetime,
    policy: Policy,
    mark_id: int | None = None,
    said: Said | None = None,
    shown: str = "",
) -> JointAnswer:
    """The reply is the partner's answer: as it was understood, or as `said` mends it, for the deal it means.

    `shown` is the `print_of` what the actor read: words that their author changed meanwhile are confirmed by nobody. Raises
    NotAllowed; UserError where it was decided or changed meanwhile, or nobody has said which deal; FieldErrors by `Said`'s
    names.
    """
    found = await one(session, actor, proposal_id, now=now, policy=policy, lock=True)
    row, chosen = found.row, mark_id or found.row.joint_deal_id
    if shown and shown != print_of(row):
        raise UserError("They changed their reply meanwhile, so nothing was saved. Read it again on your card.")
    if chosen is None or chosen not in found.deals:
        raise UserError("Say which deal this reply is about first.")
    if said is None:
        said = found.said.get(chosen)
    if said is None:
        raise UserError("What was understood is no whole answer. Press Edit… and say what the partner means.")
    person = await session.get_one(Person, found.by.person_id) if found.by.person_id is not None else None
    answer = await answers.record(
        session, mark_id=chosen, by=person, said_by=found.by.name, recorded_by=actor, source=answers.REPLY, said=said,
        shown=None, occurrence_id=await _counts_for(session, row, now), now=now, policy=policy,
    )  # fmt: skip
    row.joint_deal_id, row.answer_id = chosen, answer.id
    await _decide(session, row, CONFIRMED, actor, now=now, policy=policy)
    return answer


def print_of(row: ReplyProposal) -> str:
    """What tells one wording of a reply from another, without saying it."""
    return hashlib.sha256(row.words.encode()).hexdigest()[:12]


async def drop(session: AsyncSession, actor: Person, proposal_id: int, *, now: datetime, policy: Policy) -> None:
    """The reply says nothing of a deal; its words are forgotten. Raises NotAllowed, UserError."""
    row = await _held(session, proposal_id)
    await approving.partner_for(session, actor, row.partner_id, Act.RECORD_REPORTED, now=now, policy=policy, lock=False)
    row.words = ""
    await _decide(session, row, DROPPED, actor, now=now, policy=policy)


async def decided(session: AsyncSession, partner_ids: Collection[int], since: datetime) -> list[ReplyProposal]:
    """What became of replies since, the latest last; not those that their author withdrew."""
    rows = await session.scalars(
        select(ReplyProposal)
        .where(
            ReplyProposal.partner_id.in_(partner_ids),
            ReplyProposal.state != OPEN,
            ReplyProposal.decided_by_id.is_not(None),
            ReplyProposal.decided_at >= since,
        )
        .order_by(ReplyProposal.decided_at, ReplyProposal.id)
    )
    return list(rows)


async def _held(session: AsyncSession, proposal_id: int, *, lock: bool = True) -> ReplyProposal:
    query = select(ReplyProposal).where(ReplyProposal.id == proposal_id)
    row: ReplyProposal | None = await session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise UserError("This reply is not there any more.")
    if row.state == OPEN:
        return row
    if row.decided_by_id is None:
        raise UserError("Its author has deleted this reply, so there is nothing to confirm.")
    who = (await people.get(session, row.decided_by_id)).name
    raise UserError(f"{who} has {'confirmed' if row.state == CONFIRMED else 'dropped'} this reply already.")


async def _proposed(
    session: AsyncSession, row: ReplyProposal, by: Counterpart, partner: Partner, now: datetime, policy: Policy
) -> Proposed:
    accounts = await accounts_of(session, partner.id, now, policy)
    wanted = [int(ref) for ref in row.candidates]
    deals = {ref: accounts[ref] for ref in wanted if ref in accounts}
    today = local_date(row.at, zone(policy.zone))
    words = tuple(dict.fromkeys((await stages.names(session, partner.id)).values()))
    understood = rules.understand(
        row.words, stages=words, today=today, writer=by.name, accounts=tuple(accounts.values())
    )
    before = await answers.latest(session, list(deals))
    here = local_date(now, zone(policy.zone))
    after: dict[int, Said] = {}
    for ref in deals if understood else ():
        last = answers.said_in(before.get(ref))
        said = merged(last, understood)
        if _is_whole(said, last, here):
            after[ref] = said
    return Proposed(row, partner, by, deals, understood, after)


def merged(before: Said, understood: Understood) -> Said:
    """What the partner says of a deal after a reply: what it does not mention stays as it was.

    Another next step takes its own owner and day: those of the last one are not its.
    """
    said = before
    if understood.action and understood.action != before.action:
        said = replace(said, action=understood.action, owner="", due=None)
    return replace(
        said,
        stage=understood.stage or said.stage,
        owner=understood.owner or said.owner,
        due=understood.due or said.due,
        ask=understood.ask or said.ask,
    )


def _is_whole(said: Said, before: Said, today: date) -> bool:
    """Whether it can be taken as it is: a name or a day needs something to be done, and a new day is none of the past."""
    if said.due is not None and said.due < today and said.due != before.due:
        return False
    return bool(said.action or not (said.owner or said.due))


async def accounts_of(session: AsyncSession, partner_id: int, now: datetime, policy: Policy) -> dict[int, str]:
    """What the partner's open joint deals are called there, by mark."""
    listed = await views.shared_deals(session, partner_id, now=now, policy=policy)
    return {deal.ref: deal.account for deal in listed}


async def _decide(
    session: AsyncSession, row: ReplyProposal, state: str, actor: Person, *, now: datetime, policy: Policy
) -> None:
    row.state, row.decided_at, row.decided_by_id = state, now, actor.id
    await session.flush()
    changes.note(session, ENTITY, row.id, "state", OPEN, state, by_id=actor.id, source="slack", at=now)
    await desk.touch_partner(session, await session.get_one(Partner, row.partner_id), now=now, policy=policy)


async def _counts_for(session: AsyncSession, row: ReplyProposal, now: datetime) -> int | None:
    """The review that the answer counts for: the check-in's own while it is open, else the partner's present one."""
    own = await session.get(Occurrence, row.occurrence_id) if row.occurrence_id is not None else None
    if own is not None and own.state in AHEAD and own.closed_at is None:
        return own.id
    later = await checkin.present(session, row.partner_id, now=now)
    return later.id if later is not None else None
