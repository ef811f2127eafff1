"""The quarter's table at work: its rows, the cadences that follow from them, and whose meetings these are.

A row is data (`models.domain.meetings.Spec`); what is built in comes with the code and is off until somebody turns it on.
"""

from collections.abc import Iterable
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import cadences, changes
from models.cadences import OFF, Kind
from models.crews import rows
from models.domain.errors import UserError
from models.domain.meetings import BUILT_IN, Clock, Per, Spec
from models.domain.policy import Policy
from models.domain.zones import local_date, zone
from models.tables import Cadence, MeetingKind, Partner, Person

FIELDS = tuple(Spec.model_fields)


def spec_of(row: MeetingKind) -> Spec:
    """The row as the domain reads it."""
    return Spec.model_validate({name: getattr(row, name) for name in FIELDS})


# Built once: putting a statement together costs more than running it, and these run with every look at the plan.
_CADENCES = select(Cadence).where(Cadence.meeting_id.is_not(None))
_PARTNERS = select(Partner).order_by(Partner.id)
_ZONES = select(Person.id, Person.zone)


async def install(session: AsyncSession, *, now: datetime) -> list[MeetingKind]:
    """The rows, those that come with the code included: they are added, off, where they are missing."""
    present = await rows(session)
    known = {row.key for row in present}
    fresh = [_row(spec, place, now) for place, spec in enumerate(BUILT_IN) if spec.key not in known]
    if fresh:
        session.add_all(fresh)
        await session.flush()
        present = await rows(session)
    return present


def _row(spec: Spec, position: int, now: datetime) -> MeetingKind:
    return MeetingKind(**_columns(spec), position=position, enabled=False, built_in=True, changed_at=now)


def _columns(spec: Spec) -> dict[str, object]:
    """A spec as the columns of its row: JSON where the column is JSON."""
    plain = spec.model_dump(mode="json")
    return plain | {"at": spec.at}


async def get(session: AsyncSession, key: str) -> MeetingKind:
    """The row of this key, held until the transaction ends. Raises UserError when there is none."""
    row = await session.scalar(select(MeetingKind).where(MeetingKind.key == key).with_for_update())
    if row is None:
        raise UserError("This meeting is not in the quarter's table any more; `/cadence` shows what is.")
    return row


async def turn(session: AsyncSession, key: str, *, on: bool, by: Person | None, now: datetime, policy: Policy) -> None:
    """Turn a row on or off. Off: what nobody was asked about yet goes, what was asked for is still held."""
    await cadences.hold_calendar(session, now=now)
    await install(session, now=now)
    row = await get(session, key)
    if row.enabled == on:
        return
    row.enabled, row.changed_at, row.changed_by_id = on, now, by.id if by else None
    changes.note(session, "meeting_kind", row.id, "enabled", not on, on, by_id=row.changed_by_id, source="slack",
                 at=now)  # fmt: skip
    await ensure(session, now=now, policy=policy)


async def save(session: AsyncSession, spec: Spec, *, by: Person | None, now: datetime, policy: Policy) -> MeetingKind:
    """Change a row, or add one: a meeting that fits the table needs no code.

    What is still ahead and untouched follows the new rule; what was asked for keeps its hour.
    """
    await cadences.hold_calendar(session, now=now)
    present = await install(session, now=now)
    row = next((row for row in present if row.key == spec.key), None)
    by_id = by.id if by else None
    if row is None:
        _refuse_known_kind(spec.key)
        row = MeetingKind(
            **_columns(spec), position=max(row.position for row in present) + 1, enabled=True, built_in=False,
            changed_at=now, changed_by_id=by_id,
        )  # fmt: skip
        session.add(row)
        await session.flush()
        changes.note(session, "meeting_kind", row.id, "added", None, spec.model_dump(mode="json"), by_id=by_id,
                     source="slack", at=now)  # fmt: skip
    else:
        before = spec_of(row)
        if before == spec:
            return row
        for name, value in _columns(spec).items():
            setattr(row, name, value)
        row.changed_at, row.changed_by_id = now, by_id
        changes.note(session, "meeting_kind", row.id, "spec", before.model_dump(mode="json"),
                     spec.model_dump(mode="json"), by_id=by_id, source="slack", at=now)  # fmt: skip
    await session.flush()
    await ensure(session, now=now, policy=policy)
    return row


def _refuse_known_kind(key: str) -> None:
    if key in tuple(Kind):
        raise UserError("This name belongs to a meeting that is set up elsewhere; choose another one.")


def checked(**fields: object) -> Spec:
    """A spec from what a form says. Raises UserError in words where it fits no row."""
    try:
        return Spec.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"This does not fit the quarter's table: {place}: {first['msg']}.") from None


async def ensure(session: AsyncSession, *, now: datetime, policy: Policy) -> None:
    """Keep the cadences that the rows ask for: one for the company, or one for each of their partners.

    The caller holds the calendar. A constant number of statements but for what changes.
    """
    table = await install(session, now=now)
    standing = {(row.meeting_id, row.partner_id): row for row in await session.scalars(_CADENCES)}
    if not standing and not any(row.enabled for row in table):
        return
    partners = list(await session.scalars(_PARTNERS))
    found = await session.execute(_ZONES)
    zones: dict[int, str] = {person_id: own for person_id, own in found}  # noqa: C416 - a Row is a tuple
    for row in table:
        wanted = _subjects(row, partners) if row.enabled else {}
        for (meeting_id, partner_id), cadence in standing.items():
            if meeting_id == row.id and partner_id not in wanted and cadence.state != OFF:
                await _stop(session, cadence, now=now)
        for partner_id, pm_id in wanted.items():
            place = (zones.get(pm_id or 0) or policy.zone) if row.clock == Clock.PM else policy.zone
            await _keep(session, row, standing.get((row.id, partner_id)), partner_id, pm_id, place, now, policy)
    await session.flush()


def _subjects(row: MeetingKind, partners: Iterable[Partner]) -> dict[int | None, int | None]:
    """Partner to partner manager of each cadence the row has; the company's own has neither."""
    if row.per == Per.COMPANY:
        return {None: None}
    first = row.per == Per.TIER1
    return {
        partner.id: partner.pm_id
        for partner in partners
        if partner.pm_id is not None and (partner.tier_in_force == 1) == first
    }


async def _stop(session: AsyncSession, cadence: Cadence, *, now: datetime) -> None:
    cadence.state = OFF
    await cadences.drop_untouched(session, cadence, now=now)


async def _keep(
    session: AsyncSession,
    row: MeetingKind,
    cadence: Cadence | None,
    partner_id: int | None,
    pm_id: int | None,
    place: str,
    now: datetime,
    policy: Policy,
) -> None:
    """Make the cadence, or let it follow its row: its rule, hour and length, and its partner's manager."""
    if cadence is None:
        made = Cadence(
            kind=row.key, meeting_id=row.id, partner_id=partner_id, pm_id=pm_id, rule=row.rule, at=row.at, zone=place,
            minutes=row.minutes, starts_on=local_date(now, zone(place)), created_at=now, created_by_id=row.changed_by_id,
        )  # fmt: skip
        session.add(made)
        return
    if cadence.pm_id != pm_id and cadences.is_placed(cadence):
        await cadences.drop_untouched(session, cadence, now=now)  # to be placed anew, around what they have
    cadence.pm_id = pm_id
    was = (cadence.rule, cadence.at, cadence.zone, cadence.minutes)
    cadence.rule, cadence.at, cadence.zone, cadence.minutes = row.rule, row.at, place, row.minutes
    if cadence.state == OFF:
        cadence.state, cadence.starts_on = "active", cadences.first_day(cadence, now)
    elif was != (cadence.rule, cadence.at, cadence.zone, cadence.minutes):
        changes.note(session, "cadence", cadence.id, "rule", str(was[1]), str(cadence.at), by_id=row.changed_by_id,
                     source="system", at=now)  # fmt: skip
        await cadences.replan_future(session, cadence, now=now, policy=policy)


async def number_enabled(session: AsyncSession) -> int:
    """How many rows of the table are on."""
    return await session.scalar(select(func.count()).select_from(MeetingKind).where(MeetingKind.enabled)) or 0
