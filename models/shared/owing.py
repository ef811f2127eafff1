"""Owing partner-safe pages to joint channels: after a review is closed, a PBR published, a readout closed.

Each is frozen as an artifact of its own, and owed as a row for the partner's audience. Where nothing may be posted yet (no
joint channel, or its manager has not looked at the first post), the manager's desk shows that it waits.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import outbox
from models.domain.meetings import Leaves
from models.domain.minutes import MeetingFacts
from models.domain.pbr import PbrFacts
from models.domain.policy import Policy
from models.domain.shared import SharedNote, SharedPage, SharedPbr
from models.joint import approving, desk
from models.minutes.gather import KIND as MINUTES
from models.notes import INTERNAL, PARTNER_SAFE, WEEKLY_NOTE
from models.outbox import ENDED, Owed
from models.shared import gather, pages
from models.shared.pages import PBR
from models.tables import Artifact, Cadence, Occurrence, Outbox, Partner

NOTE_TEMPLATE, PBR_TEMPLATE, READOUT_TEMPLATE = "shared_note", "shared_pbr", "shared_readout"
FILE_TEMPLATE = "shared_file"
"""The PDF of a PBR and the deck of a readout, below their page."""
TEMPLATES = {WEEKLY_NOTE: NOTE_TEMPLATE, PBR: PBR_TEMPLATE, MINUTES: READOUT_TEMPLATE}
WITH_FILE = (PBR, MINUTES)
WINDOW = timedelta(days=7)
"""How long a page that could not be posted waits for somebody to look at the first post."""


async def owe_note(session: AsyncSession, occurrence: Occurrence, *, now: datetime, policy: Policy) -> bool:
    """The partner-safe note of a review that was just closed. False where there is nothing a partner may read."""
    partner = await _partner(session, occurrence)
    if partner is None:
        return False
    page = await gather.note(session, occurrence, partner, now=now)
    return await _freeze_and_owe(session, occurrence, partner, WEEKLY_NOTE, page, now=now, policy=policy)


async def owe_pbr(session: AsyncSession, occurrence: Occurrence, *, now: datetime, policy: Policy) -> bool:
    """The partner-safe page of the PBR's newest published version. False where there is nothing a partner may read."""
    partner, artifact = await _partner(session, occurrence), await _internal(session, occurrence.id, PBR)
    if partner is None or artifact is None:
        return False
    facts = PbrFacts.model_validate(artifact.facts)
    last = await pages.of_occurrence(session, occurrence.id, PBR)
    page = await gather.pbr(session, occurrence, partner, facts, version=last.version + 1 if last else 1, now=now)
    if last is not None and pages.read(last).model_copy(update={"version": page.version}) == page:
        return True  # what was corrected is nothing the partner reads
    return await _freeze_and_owe(session, occurrence, partner, PBR, page, now=now, policy=policy)


async def owe_readout(session: AsyncSession, occurrence: Occurrence, *, now: datetime, policy: Policy) -> bool:
    """The partner-safe page and deck of a readout that was just closed. False for anything a partner may not read."""
    partner, artifact = await _partner(session, occurrence), await _internal(session, occurrence.id, MINUTES)
    if partner is None or artifact is None:
        return False
    facts = MeetingFacts.model_validate(artifact.facts)
    if facts.leaves != Leaves.READOUT or facts.state not in ("held", "held_late"):
        return False
    page = await gather.readout(session, occurrence, partner, facts, now=now, policy=policy)
    return await _freeze_and_owe(session, occurrence, partner, MINUTES, page, now=now, policy=policy)


def has_safe(row: Outbox) -> bool:
    """Whether there can be a partner-safe version of this internal message: a note's, a PBR's or a readout's page."""
    return row.audience == INTERNAL and row.template in TEMPLATES and "artifact_id" in row.args


async def owe_safe(session: AsyncSession, row: Outbox, *, now: datetime, policy: Policy) -> bool:
    """The partner-safe version of a held internal message, to the partner's joint channel. False where there is none.

    One that was frozen when the page was published is the one that is sent: nothing is posted twice.
    """
    if not has_safe(row):
        return False
    artifact = await session.get(Artifact, row.args["artifact_id"])
    if artifact is None or artifact.audience != INTERNAL or artifact.kind not in TEMPLATES:
        return False
    occurrence = await session.get_one(Occurrence, artifact.occurrence_id)
    partner = await _partner(session, occurrence)
    if partner is None:
        return False
    kept = await pages.of_occurrence(session, occurrence.id, artifact.kind)
    if kept is not None:
        await _owe(session, partner, kept, now=now, policy=policy)
        return True
    owe = {WEEKLY_NOTE: owe_note, PBR: owe_pbr, MINUTES: owe_readout}[artifact.kind]
    return await owe(session, occurrence, now=now, policy=policy)


async def waiting(session: AsyncSession, partner_id: int, *, now: datetime) -> list[Artifact]:
    """The partner-safe pages of the last week that nothing was owed for yet, the latest first."""
    return [kept.artifact for kept in await pages.newest(session, partner_id, now - WINDOW) if kept.row is None]


async def owe_waiting(session: AsyncSession, partner: Partner, *, now: datetime, policy: Policy) -> int:
    """Somebody looked at the first post: what waits for that is owed now. The number of pages."""
    found = await waiting(session, partner.id, now=now)
    for artifact in reversed(found):
        await _owe(session, partner, artifact, now=now, policy=policy)
    return len(found)


async def _partner(session: AsyncSession, occurrence: Occurrence) -> Partner | None:
    """Whose meeting it is; None for the company's own."""
    found: Partner | None = await session.scalar(
        select(Partner).join(Cadence, Cadence.partner_id == Partner.id).where(Cadence.id == occurrence.cadence_id)
    )
    return found


async def _internal(session: AsyncSession, occurrence_id: int, kind: str) -> Artifact | None:
    found: Artifact | None = await session.scalar(
        select(Artifact)
        .where(Artifact.occurrence_id == occurrence_id, Artifact.kind == kind, Artifact.audience == INTERNAL)
        .order_by(Artifact.version.desc())
        .limit(1)
    )
    return found


def is_empty(page: SharedPage) -> bool:
    """Whether nothing of it is ours or theirs to read: no joint deal, and nothing that was worded for the partner."""
    if page.deals or page.closed or page.commitments:
        return False
    if isinstance(page, SharedNote):
        return True
    if isinstance(page, SharedPbr):
        return not (page.pursuit or page.changes)
    return not (page.forecast or page.our_asks or page.their_asks)


async def _freeze_and_owe(
    session: AsyncSession,
    occurrence: Occurrence,
    partner: Partner,
    kind: str,
    page: SharedPage,
    *,
    now: datetime,
    policy: Policy,
) -> bool:
    if is_empty(page):
        return False
    artifact = await pages.keep(session, occurrence, kind, page, partner_id=partner.id, now=now)
    await _owe(session, partner, artifact, now=now, policy=policy)
    return True


async def _owe(session: AsyncSession, partner: Partner, artifact: Artifact, *, now: datetime, policy: Policy) -> None:
    """The page to the joint channel, where its manager lets Cadence post; else their desk says that it waits."""
    if not await approving.is_approved(session, partner):
        await desk.ask_partner(session, partner, now=now, policy=policy)
        return
    page = Owed(
        key=pages.key_of(artifact), template=TEMPLATES[artifact.kind], args={"artifact_id": artifact.id}, due_at=now,
        void_at=now + WINDOW, channel_ref=partner.joint_channel, occurrence_id=artifact.occurrence_id,
        parent_key=await _thread(session, artifact, partner), audience=PARTNER_SAFE, partner_id=partner.id,
    )  # fmt: skip
    await outbox.enqueue(session, [page], now=now)
    if artifact.kind in WITH_FILE:
        file = Owed(
            key=f"{page.key}:file", template=FILE_TEMPLATE, args=page.args, due_at=now, void_at=page.void_at,
            channel_ref=page.channel_ref, occurrence_id=page.occurrence_id, parent_key=page.parent_key or page.key,
            audience=PARTNER_SAFE, partner_id=partner.id,
        )  # fmt: skip
        await outbox.enqueue(session, [file], now=now)


async def _thread(session: AsyncSession, artifact: Artifact, partner: Partner) -> str:
    """The first version's message, if a correction can stand below it: in the same channel, and sent or about to be."""
    if artifact.version == 1:
        return ""
    first = await session.scalar(
        select(Artifact).where(
            Artifact.occurrence_id == artifact.occurrence_id,
            Artifact.kind == artifact.kind,
            Artifact.audience == PARTNER_SAFE,
            Artifact.version == 1,
        )
    )
    root = await session.scalar(select(Outbox).where(Outbox.key == pages.key_of(first))) if first is not None else None
    if root is None or root.state in ENDED or root.channel_ref != partner.joint_channel:
        return ""
    return root.key
