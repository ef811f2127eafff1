"""Publishing: the roll-up frozen, with every deal as it was converted, so that it can be checked for good."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Date, cast, func, insert, literal, null, or_, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from models.deals import PRESENT
from models.domain.errors import UserError
from models.domain.fiscal import Quarter
from models.domain.forecast.facts import RollUpFacts
from models.domain.forecast.parts import divide
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.forecast import finding, reading
from models.forecast.counting import CHUNK, Line, counts, is_simple, kind_now, state_now
from models.forecast.holding import hold
from models.forecast.scope import Scope
from models.people import as_actor
from models.tables import Deal, DealVersion, Partner, Person, Snapshot, SnapshotLine, SnapshotPart
from models.tables.base import table_of

_LINE = (
    "snapshot_id", "deal_id", "version_id", "partner_id", "pm_id", "owner_id", "category", "kind", "state", "close_date",
    "currency", "amount", "rate_day", "value", "plain",
)  # fmt: skip


async def publish(
    session: AsyncSession, actor: Person, quarter: Quarter, *, now: datetime, policy: Policy
) -> Snapshot:  # fmt: skip
    """Freeze the roll-up as it is now, as the quarter's next snapshot; the caller tells whoever is to know.

    What changed in closed quarters stands in its facts, and is frozen too, as a snapshot of kind "restatement" of each of
    those quarters: the next roll-up states only what changes after it.

    Raises:
        NotAllowed: says who can.
        MissingRate: names the deal, the currency and the date. Nothing was published.
        UserError: the quarter is closed, or begins after the next one.
    """
    require(may(as_actor(actor), Act.PUBLISH_ROLL_UP, Subject()))
    await hold(session, now=now)
    await hold_deals(session)  # before anything is read: managers, deals and lines are of one moment
    await finding.refuse_closed(session, quarter)
    scope = await reading.read_scope(session, quarter, now=now, policy=policy)
    this = policy.fiscal.quarter_of(scope.rate_day)
    if quarter.first > policy.fiscal.next(this).last:
        raise UserError(f"{quarter.label} is too far ahead: {this.label} and the quarter after it can be published.")
    snapshot = await freeze(session, actor, scope, "roll_up")
    await freeze_restated(session, actor, scope, snapshot)
    return snapshot


async def freeze_restated(session: AsyncSession, actor: Person, scope: Scope, snapshot: Snapshot) -> None:
    """Freeze what the snapshot says of closed quarters, so that the next one states only what changes after it."""
    for stated in finding.facts_of(snapshot).restatements:
        of = finding.by_label(stated.period, scope.rate_day, scope.policy)
        if of is not None:
            await freeze(session, actor, replace(scope, quarter=of), "restatement")


async def freeze(session: AsyncSession, actor: Person, scope: Scope, kind: str) -> Snapshot:
    """Make a snapshot of the scope's quarter: its facts, every deal that counts, and the parts of shared ones.

    The caller holds the forecast and the deals (`hold_deals`), so that facts and lines say the same.
    """
    period = scope.quarter.label
    number = (await session.scalar(select(func.max(Snapshot.number)).where(Snapshot.period == period)) or 0) + 1
    label = await _label(session, scope)
    facts, others = await reading.compose(session, scope, reading.Frame(kind, number, label), strict=True)
    snapshot = Snapshot(
        period=period, number=number, kind=kind, label=label, cut_off=scope.now, rate_day=scope.rate_day,
        currency=scope.into, made_by_id=actor.id, facts=_json(facts),
    )  # fmt: skip
    session.add(snapshot)
    await session.flush()
    await _freeze_simple(session, scope, snapshot.id)
    await _freeze_others(session, scope, snapshot.id, others)
    return snapshot


async def _label(session: AsyncSession, scope: Scope) -> str:
    """`week 5`, and `week 5, no. 2` where there is one of that name already."""
    label = reading.label_of(scope.quarter, scope.rate_day, scope.policy)
    same = select(func.count()).select_from(Snapshot)
    named = or_(Snapshot.label == label, Snapshot.label.like(f"{label}, no. %"))
    before = await session.scalar(same.where(Snapshot.period == scope.quarter.label, named)) or 0
    return f"{label}, no. {before + 1}" if before else label


async def hold_deals(session: AsyncSession) -> None:
    """Let no deal change until the transaction ends: PostgreSQL would show each statement another state."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("LOCK TABLE deal, deal_version, deal_partner, partner IN SHARE MODE"))


def _json(facts: RollUpFacts) -> dict[str, Any]:
    return facts.model_dump(mode="json")


async def _freeze_simple(session: AsyncSession, scope: Scope, snapshot_id: int) -> None:
    """The deals that are one partner's alone in the reporting currency, in one statement, however many there are."""
    found = (
        select(
            literal(snapshot_id), Deal.id, DealVersion.id, DealVersion.partner_id, Partner.pm_id, DealVersion.owner_id,
            DealVersion.category, kind_now(), state_now(scope), DealVersion.close_date, DealVersion.currency,
            DealVersion.amount, cast(null(), Date), DealVersion.amount, true(),
        )
        .select_from(Deal)
        .join(DealVersion, PRESENT)
        .join(Partner, Partner.id == DealVersion.partner_id)
        .where(counts(scope.quarter), is_simple(scope.into))
    )  # fmt: skip
    await session.execute(insert(table_of(SnapshotLine)).from_select(_LINE, found))


async def _freeze_others(session: AsyncSession, scope: Scope, snapshot_id: int, others: Sequence[Line]) -> None:
    """Deals that are converted or shared, in chunks."""
    for place in range(0, len(others), CHUNK):
        await _write(session, scope, snapshot_id, others[place : place + CHUNK])


async def _write(session: AsyncSession, scope: Scope, snapshot_id: int, held: Sequence[Line]) -> None:
    rows = [
        {
            "snapshot_id": snapshot_id, "deal_id": line.deal_id, "version_id": line.version_id,
            "partner_id": line.partner_id, "pm_id": scope.pms.get(line.partner_id), "owner_id": line.owner_id,
            "category": line.category, "kind": line.kind, "state": line.state, "close_date": line.close_date,
            "currency": line.currency, "amount": line.amount, "rate_day": line.rate_day, "value": line.value,
            "plain": not line.shared,
        }
        for line in held
    ]  # fmt: skip
    await session.execute(insert(table_of(SnapshotLine)), rows)
    parts = [
        {
            "snapshot_id": snapshot_id, "deal_id": line.deal_id, "partner_id": part.partner_id, "pm_id": part.pm_id,
            "share": part.share, "value": None if line.value is None else value,
        }
        for line in held
        if line.shared
        for part, value in zip(line.parts, divide(line.value or 0, line.parts), strict=True)
    ]  # fmt: skip
    if parts:
        await session.execute(insert(table_of(SnapshotPart)), parts)
