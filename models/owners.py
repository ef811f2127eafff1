"""Owners that the CRM names and nobody here is known by: listed, and settled once for all their deals and later files."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import cards, changes, people
from models.deals import PRESENT, Source, name_owner
from models.domain.errors import FieldErrors, UserError
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import key
from models.imports.ground import save_mapping, saved_mapping
from models.imports.lookup import Human, alias_of, read_owners
from models.imports.staging import refuse_while_busy
from models.tables import CrmRecord, Deal, DealVersion, Partner, Person
from models.tables.base import table_of

CHUNK = 500


@dataclass(frozen=True)
class OpenOwner:
    """A word of the CRM that means nobody here: how many deals it owns, and the likeliest people, best first."""

    said: str
    deals: int
    near: tuple[Human, ...] = ()


async def list_open(session: AsyncSession, actor: Person | None, *, now: datetime, policy: Policy) -> list[OpenOwner]:
    """The words that mean nobody, most deals first; a partner manager's are those of their own partners' deals.

    `actor` None sees all. Four statements.
    """
    scope = await own_partners(session, actor, now=now, policy=policy) if actor is not None else None
    query = (
        select(CrmRecord.owner_said, func.count())
        .join(Deal, Deal.id == CrmRecord.deal_id)
        .join(DealVersion, PRESENT)
        .where(CrmRecord.owner_said != "")
        .group_by(CrmRecord.owner_said)
        .order_by(func.count().desc(), CrmRecord.owner_said)
    )
    if scope is not None:
        query = query.where(DealVersion.partner_id.in_(scope))
    rows = (await session.execute(query)).all()
    if not rows:
        return []
    known = await read_owners(session, await saved_mapping(session), None)
    return [OpenOwner(said, deals, tuple(known.near(said))) for said, deals in rows]


async def own_partners(session: AsyncSession, actor: Person, *, now: datetime, policy: Policy) -> frozenset[int] | None:
    """The partners somebody may import for: None is all (head, admin), else those they manage or cover the manager of."""
    if actor.has("head", "admin"):
        return None
    covers = await people.covers(session, now=now, policy=policy)
    managers = [actor.id, *(who for who, cover in covers.items() if cover == actor.id)]
    return frozenset(await session.scalars(select(Partner.id).where(Partner.pm_id.in_(managers))))


async def settle(
    session: AsyncSession, actor: Person | None, said: str, person: Person, *, now: datetime, policy: Policy
) -> int:
    """Say who is meant, once: their deals here get the owner, later files are read so. How many deals.

    A deal that was given to somebody here since the file stays theirs. `actor` None is the command line.

    Raises:
        NotAllowed: who can.
        FieldErrors: on `person`, when they cannot own a deal.
        UserError: nobody is called so any more, their deals are not all of the actor's partners, or a file is being
            imported at this moment.
    """
    if actor is not None:
        require(may(people.as_actor(actor), Act.IMPORT, Subject()))
    refusal = people.why_no_owner(person)
    if refusal:
        raise FieldErrors({"person": refusal})
    await refuse_while_busy(session)  # a file that is being read has looked them up already
    words = [word for word in await session.scalars(_WORDS) if key(word) == key(said)]
    rows = (await session.execute(_RECORDS, {"words": words})).all() if words else []
    if not rows:
        raise UserError(f"“{said}” is settled already, or no deal has this owner any more.")
    scope = await own_partners(session, actor, now=now, policy=policy) if actor is not None else None
    if scope is not None and any(row.partner_id not in scope for row in rows):
        raise UserError(
            f"“{said}” owns deals of partners that are not yours, too. The head of partnerships or an admin can say who it is."
        )
    by_id = actor.id if actor is not None else None
    ownerless = [row.deal_id for row in rows if row.owner_id in (None, row.values["owner_id"])]
    # Deals first, the setting after them: in the order in which an import takes them.
    await _own(session, ownerless, person.id, Source(now, by_id, "slack" if actor is not None else "import"))
    await _answer(session, [(row.crm_id, row.values) for row in rows], person.id)
    mapping = await saved_mapping(session)
    human = Human(person.id, person.name, person.email or "", person.side, person.active)
    learnt = mapping.model_copy(update={"owners": {**mapping.owners, said: alias_of(human)}})
    await save_mapping(session, learnt, now, by_id)
    changes.note(
        session, "person", person.id, "owner_of", None, {"said": said, "deals": len(rows)}, by_id=by_id,
        source="slack" if actor is not None else "import", at=now,
    )  # fmt: skip
    await cards.touch_everything(session)
    return len(rows)


_WORDS = select(CrmRecord.owner_said).where(CrmRecord.owner_said != "").distinct()
_RECORDS = (
    select(CrmRecord.crm_id, CrmRecord.values, CrmRecord.deal_id, DealVersion.partner_id, DealVersion.owner_id)
    .join(Deal, Deal.id == CrmRecord.deal_id)
    .join(DealVersion, PRESENT)
    .where(CrmRecord.owner_said.in_(bindparam("words", expanding=True)))
    .order_by(CrmRecord.deal_id)
)


async def _answer(session: AsyncSession, records: Collection[tuple[str, dict[str, object]]], person_id: int) -> None:
    """The CRM's word on each deal from now on means this person, so that the next file changes nothing."""
    table = table_of(CrmRecord)
    await session.execute(
        update(table).where(table.c.crm_id == bindparam("of")).values(values=bindparam("record"), owner_said=""),
        [
            {
                "of": crm_id,
                "record": {name: value for name, value in values.items() if name != "owner_said"}
                | {"owner_id": person_id},
            }
            for crm_id, values in records
        ],
    )


async def _own(session: AsyncSession, deal_ids: Collection[int], person_id: int, source: Source) -> None:
    wanted = sorted(deal_ids)  # one order everywhere, so that two who hold deals never wait for each other
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        await session.execute(select(Deal.id).where(Deal.id.in_(chunk)).order_by(Deal.id).with_for_update())
        await name_owner(session, chunk, person_id, source)
