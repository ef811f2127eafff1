"""Touches: moments at which a partner touched a deal in a measurable way. Rows are only ever added. Never commits."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import cards, people
from models.attribution.desk import Desk, desk_of
from models.attribution.summing import keep_in_step
from models.domain.attribution import LONGEST_TOUCH, touch_error
from models.domain.errors import FieldErrors, UserError
from models.domain.policy import Policy
from models.domain.rights import Act, may, require
from models.domain.text import clean, clip
from models.domain.zones import local_date, zone
from models.tables import Person, Touch


@dataclass(frozen=True)
class Given:
    """A touch as somebody said it: the day, and what the partner did; of a message, where it was said."""

    day: date | None = None
    said: str = ""
    channel_id: str = ""
    ts: str = ""

    @property
    def source(self) -> str:
        return "message" if self.ts else "form"


def judged(given: Given, *, created: date | None, today: date) -> dict[str, str]:
    """What is wrong with a touch, by field; empty when nothing is."""
    errors = {"touch_day": touch_error(given.day, created=created, today=today)}
    if not clean(given.said):
        errors["touch_said"] = "Say in a few words what the partner did, so that somebody else can check it."
    return {name: words for name, words in errors.items() if words}


async def add_touch(session: AsyncSession, actor: Person, desk: Desk, given: Given, *, now: datetime) -> Touch:
    """The row, of a touch that was judged; the caller keeps the deal in step."""
    touch = Touch(
        deal_id=desk.deal.id,
        partner_id=desk.partner.id,
        day=given.day,
        said=clip(clean(given.said), LONGEST_TOUCH),
        source=given.source,
        channel_id=given.channel_id,
        ts=given.ts,
        at=now,
        by_id=actor.id,
    )
    session.add(touch)
    await session.flush()
    return touch


async def record_touch(
    session: AsyncSession,
    actor: Person,
    deal_id: int,
    given: Given,
    *,
    now: datetime,
    policy: Policy,
    seen: str | None = None,
) -> Desk:
    """Record that the deal's partner touched it; the deal as it then stands. The same message counts once for both.

    `seen` is the `Desk.print` of the form.

    Raises:
        NotAllowed: says who can.
        FieldErrors: of `touch_day` or `touch_said`.
        UserError: the deal has gone to another partner since the form was shown.
    """
    desk = await desk_of(session, deal_id, now=now, policy=policy, held=True)
    require(may(people.as_actor(actor), Act.RECORD_TOUCH, desk.subject))
    if desk.left(seen) is not None:
        raise UserError(
            f"{desk.version.name} went to {desk.partner.name} while your form was open, so this touch would count as theirs. "
            "Nothing was saved: open the deal's attribution again to record it."
        )
    today = local_date(now, zone(policy.zone))
    errors = judged(given, created=desk.version.created_date, today=today)
    if errors:
        raise FieldErrors(errors)
    known = select(Touch.id).where(
        Touch.deal_id == deal_id,
        Touch.partner_id == desk.partner.id,
        Touch.channel_id == given.channel_id,
        Touch.ts == given.ts,
        Touch.day == given.day,
    )
    if not given.ts or await session.scalar(known.limit(1)) is None:
        await add_touch(session, actor, desk, given, now=now)
        await keep_in_step(session, desk.deal, desk.version, desk.ground)
    holders = {desk.subject.owner_id, desk.subject.pm_id, actor.id, *desk.subject.covers.values()}
    await cards.touch_people(session, [one for one in holders if one is not None])
    return await desk_of(session, deal_id, now=now, policy=policy)
