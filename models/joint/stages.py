"""Joint stages: what each of our stages is called together with a partner. A stage without such words crosses as blank."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import changes, people
from models.domain.deals import StageTable
from models.domain.errors import FieldErrors, UserError
from models.domain.policy import Policy
from models.domain.rights import Act, may, require
from models.domain.text import clean, key
from models.joint import showing
from models.tables import Partner, Person, StageName

LONGEST = 75
"""What an option of a select takes."""

_NAMES = (
    select(StageName.stage, StageName.joint)
    .where(StageName.partner_id == bindparam("partner"))
    .order_by(StageName.changed_at, StageName.stage)
)


async def names(session: AsyncSession, partner_id: int) -> dict[str, str]:
    """The partner's words by our stage, in the order in which our stages were named."""
    rows = await session.execute(_NAMES, {"partner": partner_id})
    return {stage: joint for stage, joint in rows}  # noqa: C416 - a Row is a tuple, which mypy does not know


def in_order(words: Mapping[str, str], table: StageTable) -> tuple[str, ...]:
    """The partner's words in the order of our stages, each once; those of stages that our table does not know come last."""
    last = len(table.stages)

    def place(ours: str) -> int:
        rank = table.rank(ours)
        return last if rank is None else rank

    return tuple(dict.fromkeys(words[ours] for ours in sorted(words, key=place)))


def said_as(stage: str, words: Mapping[str, str]) -> str:
    """Our stage in the partner's words; blank where nobody agreed on any."""
    wanted = key(stage)
    return next((joint for ours, joint in words.items() if key(ours) == wanted), "") if wanted else ""


async def set_names(
    session: AsyncSession,
    actor: Person,
    partner_id: int,
    wanted: Mapping[str, str],
    *,
    now: datetime,
    policy: Policy,
) -> None:
    """Call our stages so together with this partner; an empty word takes a name back, stages not given keep theirs.

    Raises:
        NotAllowed: says who can.
        FieldErrors: by stage, a word that is too long.
    """
    partner = await session.get(Partner, partner_id)
    if partner is None:
        raise UserError("This partner does not exist any more.")
    subject = await people.subject_of(session, partner=partner, now=now, policy=policy)
    require(may(people.as_actor(actor), Act.MARK_JOINT, subject))
    said = {clean(stage): clean(joint) for stage, joint in wanted.items() if clean(stage)}
    long = {stage: f"At most {LONGEST} characters: it has to fit into a list." for stage, joint in said.items()
            if len(joint) > LONGEST}  # fmt: skip
    if long:
        raise FieldErrors(long)
    rows = {row.stage: row for row in await session.scalars(
        select(StageName).where(StageName.partner_id == partner_id).with_for_update()
    )}  # fmt: skip
    changed = False
    for stage, joint in said.items():
        row = rows.get(stage)
        before = row.joint if row is not None else ""
        if before == joint:
            continue
        changed = True
        if row is None:
            session.add(StageName(partner_id=partner_id, stage=stage, joint=joint, changed_at=now,
                                  changed_by_id=actor.id))  # fmt: skip
        elif joint:
            row.joint, row.changed_at, row.changed_by_id = joint, now, actor.id
        else:
            await session.delete(row)
        changes.note(session, "partner", partner_id, "joint_stage", {"stage": stage, "joint": before},
                     {"stage": stage, "joint": joint}, by_id=actor.id, source="slack", at=now)  # fmt: skip
    if changed:
        await showing.touch(session, partner_id)
