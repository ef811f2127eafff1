"""Partner-safe pages as artifacts of their own: frozen beside the internal page, and narrowed whenever they are read.

What was frozen is what might cross; what was taken back since is left out by `load`, the only way back from a row to a
page. So a page that waited for a week, or is copied by hand, shows what may be shown on that day.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.deals import PRESENT
from models.domain.meetings import Leaves
from models.domain.shared import Present, SharedNote, SharedPage, SharedPbr, SharedReadout, narrowed
from models.joint import marks, stages
from models.minutes.gather import KIND as MINUTES
from models.notes import PARTNER_SAFE, WEEKLY_NOTE
from models.tables import Artifact, Deal, DealVersion, LossReason, NextAction, Occurrence, Outbox, Partner

PBR = Leaves.PBR.value
TYPES: Mapping[str, type[SharedNote] | type[SharedPbr] | type[SharedReadout]] = {
    WEEKLY_NOTE: SharedNote,
    PBR: SharedPbr,
    MINUTES: SharedReadout,
}
"""The kinds of pages that have a partner-safe version, by the kind of the internal one."""


async def is_joint(session: AsyncSession, partner: Partner) -> bool:
    """Whether anything may be worded for this partner: there is a joint channel, or a joint deal."""
    return bool(partner.joint_channel) or bool(await marks.standing(session, partner.id))


async def keep(
    session: AsyncSession, occurrence: Occurrence, kind: str, page: SharedPage, *, partner_id: int, now: datetime
) -> Artifact:
    """Freeze a page as the next partner-safe version of this occurrence's."""
    last = await session.scalar(
        select(func.max(Artifact.version)).where(
            Artifact.occurrence_id == occurrence.id, Artifact.kind == kind, Artifact.audience == PARTNER_SAFE
        )
    )
    artifact = Artifact(
        kind=kind, audience=PARTNER_SAFE, occurrence_id=occurrence.id, partner_id=partner_id, version=(last or 0) + 1,
        cut_off=now, created_at=now, facts=page.model_dump(mode="json"),
    )  # fmt: skip
    session.add(artifact)
    await session.flush()
    return artifact


async def load(session: AsyncSession, artifact_id: int) -> tuple[Artifact, SharedPage] | None:
    """A frozen partner-safe page without what may not cross any more; None for anything that is no such page."""
    artifact = await session.get(Artifact, artifact_id)
    if artifact is None or artifact.audience != PARTNER_SAFE or artifact.partner_id is None:
        return None
    return artifact, narrowed(read(artifact), await present(session, artifact.partner_id))


def read(artifact: Artifact) -> SharedPage:
    """A page as it was frozen: for comparing, never for sending."""
    return TYPES[artifact.kind].model_validate(artifact.facts)


async def present(session: AsyncSession, partner_id: int) -> Present:
    """What may cross of this partner's deals right now, in four statements."""
    standing = await marks.standing(session, partner_id)
    of_deal = {row.deal_id: row.id for row in standing}
    wordings = await session.execute(
        select(NextAction.deal_id, NextAction.shared_text).where(
            NextAction.deal_id.in_(of_deal), NextAction.shared_text != ""
        )
    )
    reasons = await shared_reasons(session, partner_id, of_deal)
    return Present(
        marks={row.id: row.amount_shared for row in standing},
        stages=frozenset((await stages.names(session, partner_id)).values()),
        wordings=frozenset((of_deal[deal_id], text) for deal_id, text in wordings),
        reasons=frozenset(of_deal[deal_id] for deal_id in reasons),
    )


async def shared_reasons(session: AsyncSession, partner_id: int, deal_ids: Collection[int]) -> dict[int, str]:
    """Why deals were lost, by deal, where the latest word on it was ticked for the partner.

    Ticked in the PBR of the deal's primary partner, it is for that partner: a second one may be what it speaks of.
    """
    rows = await session.scalars(
        select(LossReason)
        .join(Deal, Deal.id == LossReason.deal_id)
        .join(DealVersion, PRESENT)
        .where(LossReason.deal_id.in_(deal_ids), DealVersion.partner_id == partner_id)
        .order_by(LossReason.id)
    )
    latest = {row.deal_id: row for row in rows}
    return {deal_id: row.reason for deal_id, row in latest.items() if row.shared and row.reason}


async def before(session: AsyncSession, partner_id: int, kind: str, occurrence_id: int) -> Artifact | None:
    """The partner-safe page of this kind that the partner got last, of another occurrence than this one."""
    found: Artifact | None = await session.scalar(
        select(Artifact)
        .where(
            Artifact.kind == kind,
            Artifact.audience == PARTNER_SAFE,
            Artifact.partner_id == partner_id,
            Artifact.occurrence_id != occurrence_id,
        )
        .order_by(Artifact.cut_off.desc(), Artifact.id.desc())
        .limit(1)
    )
    return found


class Kept(NamedTuple):
    """A frozen page and the message that was owed for it, if any."""

    artifact: Artifact
    row: Outbox | None


async def newest(session: AsyncSession, partner_id: int, since: datetime) -> list[Kept]:
    """The newest partner-safe page of each meeting since, the latest first, with what became of its message."""
    rows = await session.scalars(
        select(Artifact)
        .where(Artifact.audience == PARTNER_SAFE, Artifact.partner_id == partner_id, Artifact.cut_off >= since)
        .order_by(Artifact.cut_off, Artifact.version)
    )
    latest = {(row.occurrence_id, row.kind): row for row in rows}
    owed = {
        row.key: row
        for row in await session.scalars(select(Outbox).where(Outbox.key.in_([key_of(one) for one in latest.values()])))
    }
    return [Kept(one, owed.get(key_of(one))) for one in reversed(latest.values())]


def key_of(artifact: Artifact) -> str:
    """The key of the message that brings this page."""
    return f"shared:{artifact.id}"


async def of_occurrence(session: AsyncSession, occurrence_id: int, kind: str) -> Artifact | None:
    """The newest partner-safe page of a meeting."""
    found: Artifact | None = await session.scalar(
        select(Artifact)
        .where(Artifact.occurrence_id == occurrence_id, Artifact.kind == kind, Artifact.audience == PARTNER_SAFE)
        .order_by(Artifact.version.desc())
        .limit(1)
    )
    return found
