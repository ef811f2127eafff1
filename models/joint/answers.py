"""What the partner's side says of a joint deal: each answer a row, the latest counts, and ours is never overwritten.

Rights are the caller's: the partner's own form requires `Act.ANSWER_JOINT`, what one of us writes down `RECORD_REPORTED`.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import cards, changes, deals, people
from models.deals import PRESENT
from models.domain.errors import FieldErrors, ForPartner
from models.domain.policy import Policy
from models.domain.text import clean, clip
from models.domain.zones import local_date, zone
from models.joint import marks, showing
from models.tables import Deal, DealVersion, JointAnswer, JointDeal, Partner, Person

FORM, REPLY, REPORTED = "form", "reply", "reported"
"""Where an answer comes from: they typed it, we confirmed their reply in a thread, we wrote down what they said."""
LONGEST = {"stage": 75, "action": 500, "owner": 100, "ask": 500}
GONE = "This deal is not shared any more, so nothing was saved. What you typed is still here, to copy."


@dataclass(frozen=True)
class Said:
    """What the partner says of a deal, all of it; a field's name is that of its error."""

    stage: str = ""
    action: str = ""
    owner: str = ""
    due: date | None = None
    ask: str = ""

    @property
    def empty(self) -> bool:
        return not any(asdict(self).values())

    def prints(self) -> dict[str, str]:
        """Every field as plain text: what a form showed, to be compared with what comes back."""
        return {name: _plain(value) or "" for name, value in asdict(self).items()}


def said_in(answer: JointAnswer | None) -> Said:
    """What this answer says; nothing at all where nobody has answered."""
    if answer is None:
        return Said()
    return Said(answer.stage, answer.action, answer.owner, answer.due, answer.ask)


async def latest(session: AsyncSession, mark_ids: Collection[int]) -> dict[int, JointAnswer]:
    """What counts of what the partner said, by mark, in one statement; marks nobody answered for are left out."""
    rows = await session.scalars(_LATEST, {"marks": list(mark_ids)})
    return {row.joint_deal_id: row for row in rows}


async def history(session: AsyncSession, mark_id: int) -> list[JointAnswer]:
    """Everything the partner ever said of this joint deal, the oldest first."""
    return list(
        await session.scalars(select(JointAnswer).where(JointAnswer.joint_deal_id == mark_id).order_by(JointAnswer.id))
    )


_NEWEST = (
    select(func.max(JointAnswer.id))
    .where(JointAnswer.joint_deal_id.in_(bindparam("marks", expanding=True)))
    .group_by(JointAnswer.joint_deal_id)
)
_LATEST = select(JointAnswer).where(JointAnswer.id.in_(_NEWEST)).execution_options(populate_existing=True)


async def record(
    session: AsyncSession,
    *,
    mark_id: int,
    by: Person | None,
    said_by: str,
    recorded_by: Person | None,
    source: str,
    said: Said,
    shown: Mapping[str, str] | None,
    occurrence_id: int | None,
    now: datetime,
    policy: Policy,
) -> JointAnswer:
    """Append what the partner says; never commits. The same answer twice for one review is one row.

    `by` is the partner's person, `said_by` their name where that is all there is, `recorded_by` the one of us who confirmed
    or wrote it down. `shown` is what the form showed, by field (`Said.prints`): only what differs from it is said anew, so
    that two people who say different things of one deal are both heard. None: all of it is said.

    Raises:
        ForPartner: the deal is not shared any more.
        FieldErrors: by the names of `Said`.
    """
    mark = await _held(session, mark_id)
    last = (await latest(session, [mark_id])).get(mark_id)
    before = said_in(last)
    after = _heard(said, before, shown)
    typist = by or recorded_by
    today = local_date(now, zone(people.zone_of(typist, policy) if typist is not None else policy.zone))
    errors = _errors(after, before, today)
    if errors:
        raise FieldErrors(errors)
    if last is not None and before == after and last.occurrence_id == occurrence_id:
        return last
    answer = JointAnswer(
        joint_deal_id=mark_id, occurrence_id=occurrence_id, at=now, by_id=by.id if by else None,
        said_by=clip(clean(said_by), LONGEST["owner"]), recorded_by_id=recorded_by.id if recorded_by else None,
        source=source, changed=_changed(before, after), **asdict(after),
    )  # fmt: skip
    session.add(answer)
    await session.flush()
    await _name_owner(session, mark, before, after, by_id=answer.recorded_by_id or answer.by_id, source=source, at=now)
    await _show(session, mark, occurrence_id)
    return answer


async def _held(session: AsyncSession, mark_id: int) -> JointDeal:
    """The mark, its deal held until the transaction ends. Raises ForPartner unless it still lets anything cross."""
    deal_id = await session.scalar(select(JointDeal.deal_id).where(JointDeal.id == mark_id))
    if deal_id is not None:
        await deals.hold(session, deal_id)
    mark = await marks.one_standing(session, mark_id)
    if mark is None:
        raise ForPartner(GONE)
    return mark


def _heard(said: Said, before: Said, shown: Mapping[str, str] | None) -> Said:
    """What was typed, tidied; where the form came back as it was shown, what stands by now."""
    typed = Said(clean(said.stage), clean(said.action), clean(said.owner), said.due, clean(said.ask))
    if shown is None:
        return typed
    prints = typed.prints()
    kept = {name: getattr(before, name) for name, print_ in prints.items() if shown.get(name) == print_}
    return replace(typed, **kept)


def _errors(said: Said, before: Said, today: date) -> dict[str, str]:
    errors = {
        name: f"At most {most} characters, please." for name, most in LONGEST.items() if len(getattr(said, name)) > most
    }
    if said.due is not None and said.due < today and said.due != before.due:
        errors["due"] = f"{said.due:%d %b %Y} is in the past. Choose today or a later day."
    if (said.owner or said.due is not None) and not said.action:
        errors.setdefault("action", "Say what happens next: a name or a day alone does not.")
    if said.empty and before.empty:
        errors["action"] = "Say at least one thing: what happens next, the stage, or what you ask of us."
    return errors


def _changed(before: Said, after: Said) -> dict[str, Any]:
    was, now_is = asdict(before), asdict(after)
    return {
        name: {"before": _plain(was[name]), "after": _plain(now_is[name])} for name in was if was[name] != now_is[name]
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


async def _name_owner(
    session: AsyncSession, mark: JointDeal, before: Said, after: Said, *, by_id: int | None, source: str, at: datetime
) -> None:
    """Who the partner says has the deal there, on the deal itself; a partner that is not its primary one names nobody."""
    if not after.owner or after.owner == before.owner:
        return
    found = await session.scalar(
        select(Deal)
        .join(DealVersion, PRESENT)
        .where(Deal.id == mark.deal_id, DealVersion.partner_id == mark.partner_id)
    )
    if found is not None and found.partner_owner != after.owner:
        changes.note(session, "deal", found.id, "partner_owner", found.partner_owner, after.owner, by_id=by_id,
                     source=source, at=at)  # fmt: skip
        found.partner_owner = after.owner


async def _show(session: AsyncSession, mark: JointDeal, occurrence_id: int | None) -> None:
    """Everything that shows what the partner says: the check-in, our own cards, the Home tabs of owner and manager."""
    await showing.touch(session, mark.partner_id, [mark.deal_id])
    if occurrence_id is not None:
        pm_id = await session.scalar(select(Partner.pm_id).where(Partner.id == mark.partner_id))
        await cards.touch_homes(session, [pm_id] if pm_id is not None else [])
