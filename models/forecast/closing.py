"""Closing a quarter: the CFO's act. What changes in it afterwards is a restatement of the next roll-up."""

from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.deals import PRESENT
from models.domain.deals import OPEN
from models.domain.errors import UserError
from models.domain.fiscal import Quarter
from models.domain.forecast.facts import Restatement, Terms
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clip, count
from models.domain.workdays import next_business_day
from models.domain.zones import local_date, zone
from models.forecast import finding, numbers, restating
from models.forecast.counting import counts
from models.forecast.finding import closed, refuse_closed
from models.forecast.holding import hold
from models.forecast.publishing import freeze, freeze_restated, hold_deals
from models.forecast.reading import add_up, read_scope
from models.forecast.signing_off import ROLES, sign_offs
from models.people import as_actor
from models.tables import Deal, DealVersion, Person, QuarterClose

__all__ = ["before_closing", "close", "closed", "due", "refuse_closed", "restatements"]

MOST = 5
LONGEST = 60


async def close(
    session: AsyncSession, actor: Person, quarter: Quarter, *, now: datetime, policy: Policy
) -> QuarterClose:  # fmt: skip
    """Freeze the quarter's closing snapshot and close it: nobody signs or adjusts it any more.

    Raises:
        NotAllowed: says who can.
        MissingRate: names the deal, the currency and the date.
        UserError: the quarter is not over, or is closed already (by whom, when).
    """
    require(may(as_actor(actor), Act.CLOSE_QUARTER, Subject()))
    await hold(session, now=now)
    await hold_deals(session)
    await refuse_closed(session, quarter)
    if local_date(now, zone(policy.zone)) <= quarter.last:
        raise UserError(
            f"{quarter.label} ends on {quarter.last.day} {quarter.last:%b %Y}: it can be closed from the day after it."
        )
    scope = await read_scope(session, quarter, now=now, policy=policy)
    snapshot = await freeze(session, actor, scope, "closing")
    await freeze_restated(session, actor, scope, snapshot)
    row = QuarterClose(period=quarter.label, at=now, by_id=actor.id, snapshot_id=snapshot.id)
    session.add(row)
    await session.flush()
    return row


async def before_closing(session: AsyncSession, quarter: Quarter, *, now: datetime, policy: Policy) -> list[str]:
    """What to look at before the quarter is closed, in sentences: open deals in it, numbers and sign-offs missing."""
    found = await _open_deals(session, quarter)
    scope = await read_scope(session, quarter, now=now, policy=policy)
    sums = await add_up(session, scope)
    if sums.missing is not None:
        found.append(str(sums.missing))
    unsigned = sums.expected - set(await numbers.signed(session, quarter.label, currency=scope.into))
    if unsigned:
        names = _listed(sorted(scope.names[partner_id] for partner_id in unsigned))
        found.append(f"No number was signed for {names}.")
    newest = await finding.last_roll_up(session, quarter.label)
    if newest is None:
        return [*found, f"No roll-up of {quarter.label} was ever published."]
    names_below = {row.role for row in await sign_offs(session, newest.id)}
    lacking = [role.upper() for role in ROLES if role not in names_below]
    if lacking:
        found.append(f"The last roll-up ({newest.label}) is not signed off by the {' and the '.join(lacking)}.")
    return found


async def _open_deals(session: AsyncSession, quarter: Quarter) -> list[str]:
    still = (counts(quarter), DealVersion.category.in_([str(category) for category in OPEN]))
    number = await session.scalar(select(func.count()).select_from(Deal).join(DealVersion, PRESENT).where(*still))
    if not number:
        return []
    names = await session.scalars(
        select(DealVersion.name)
        .join(Deal, PRESENT)
        .where(*still)
        .order_by(DealVersion.amount.is_(None), DealVersion.amount.desc(), Deal.id)
        .limit(MOST)
    )
    more = f" and {number - MOST} more" if number > MOST else ""
    verb = "is" if number == 1 else "are"
    return [
        (
            f"{count(number, 'deal')} {verb} still open with a close date in {quarter.label}: "
            f"{', '.join(clip(name, LONGEST) for name in names)}{more}. Win, lose or move each in the CRM first, or it stays "
            "open in the closed quarter."
        )
    ]


def _listed(names: list[str]) -> str:
    shown = ", ".join(clip(name, LONGEST) for name in names[:MOST])
    return shown + (f" and {len(names) - MOST} more" if len(names) > MOST else "")


def due(quarter: Quarter, policy: Policy, terms: Terms) -> date:
    """The last day on which the CFO closes the quarter in time: so many working days of the company after its end."""
    day = quarter.last
    for _ in range(terms.close_days):
        day = next_business_day(policy.calendar, day)
    return day


async def restatements(
    session: AsyncSession, quarter: Quarter, *, now: datetime, policy: Policy
) -> tuple[Restatement, ...]:  # fmt: skip
    """The closed ones of the four quarters before this one whose closed-won is not what was last stated.

    Last stated: by the closing snapshot, or by a later restatement. Lines are of closed-won alone.

    Raises:
        MissingRate: a won deal has no rate.
    """
    return await restating.restated(session, await read_scope(session, quarter, now=now, policy=policy))
