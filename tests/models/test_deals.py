"""Which version of a deal stands: what an import has staged is nobody's to see, and nobody writes over what stands."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import func, select, true

from handlers.deal_review import overview
from models import answers, cadences, checkup, deals, differences, handover, homes, managers, notes, reviews
from models.deals import COPIED, PRESENT, Source
from models.domain.errors import UserError
from models.handover import Give, What
from models.managers import NewManager
from models.tables import Answer, Base, Deal, DealPartner, DealVersion, ImportRun, Partner, Person
from scheduling.again import Planner
from tests import make
from tests.make import NOW, POLICY

STAGED_AT = NOW + timedelta(hours=1)
THURSDAY = datetime(2026, 3, 5, 11, tzinfo=UTC)
MOVED = {"movement": "forward", "moves": [{"field": "amount", "forward": True, "before": 1, "after": 2}]}


@dataclass
class World(make.Small):
    """Beside Acme there is Beta, which waits among the manager's *other partners*; Lea has left, Nell is not in Slack."""

    beta: Partner | None = None
    quinn: Person | None = None
    lea: Person | None = None
    nell: Person | None = None
    staged: dict[int, int] | None = None
    """By deal, the version that an import has staged for it."""


@pytest.fixture
async def world(sqlite):
    async with sqlite.write() as session:
        team = await make.small(session, deals=3)
        made = World(**vars(team))
        made.quinn = await make.person(session, "Quinn Manager", "pm")
        made.lea = await make.person(session, "Lea Left", active=False)
        made.nell = await make.person(session, "Nell Nowhere", slack_id=None)
        made.beta = await make.partner(session, "Beta", made.pm, tier=2)
        side = made.deals["Side"] = await make.deal(session, "Side", made.beta, made.ann)
        for deal in made.deals.values():
            await make.action(session, deal, made.ann, due=date(2026, 3, 6))
        session.add(
            DealPartner(deal_id=made.deals["Deal 0"].id, partner_id=made.beta.id, is_primary=False, valid_from=NOW)
        )
        made.week.state = "prompted"
        await cadences.ensure_standing(session, now=NOW, policy=POLICY)
        await cadences.fill(session, now=NOW, policy=POLICY)
        other = await other_partners(session, made.pm)
        session.add(Answer(occurrence_id=other.id, deal_id=side.id, by_id=made.ann.id, at=NOW, kind="form", changed={}))
    return made


async def other_partners(session, pm):
    query = select(cadences.Cadence).where(
        cadences.Cadence.kind == cadences.Kind.OTHER_PARTNERS, cadences.Cadence.pm_id == pm.id
    )
    return await make.occurrence(session, (await session.scalars(query)).one())


async def stage(db, world, kind):
    """What an import leaves between its first transaction and the one that moves the pointers."""
    async with db.write() as session:
        run = ImportRun(kind="deals", file_name="deals.csv", digest="x", at=NOW - timedelta(days=1), state="staging")
        session.add(run)
        await session.flush()
        source = {"valid_from": STAGED_AT, "reported_at": STAGED_AT, "source": "import", "import_id": run.id}
        rows = await (_of_known if kind == "known" else _of_new)(session, world)
        versions = [DealVersion(**{**row, **source, **MOVED}) for row in rows]
        session.add_all(versions)
        await session.flush()
        world.staged = {version.deal_id: version.id for version in versions}


async def _of_known(session, world):
    """Another owner, amount and name for each deal, and two of them end; what stood stands, and both are open."""
    categories = {"Deal 0": "commit", "Deal 1": "won", "Deal 2": "commit", "Side": "commit"}
    rows = []
    for name, deal in world.deals.items():
        stands = await make.current(session, deal)
        changes = {"name": f"Staged {name}", "owner_id": world.lea.id, "amount": 9_900_000, "attribution": "sourced",
                   "category": categories[name], "said": said(world.ann)}  # fmt: skip
        rows.append({"deal_id": deal.id, **{column: getattr(stands, column) for column in COPIED}, **changes})
    return rows


async def _of_new(session, world):
    """New deals of owners of every kind, with partners, an action each, and no pointer."""
    rows = []
    owners = (world.ann, world.lea, world.nell, None)
    for number, (owner, of) in enumerate((owner, of) for owner in owners for of in (world.acme, world.beta)):
        deal = Deal(crm_id=f"N-{number}", first_seen_at=STAGED_AT)
        session.add(deal)
        await session.flush()
        primary = of is world.acme
        session.add(DealPartner(deal_id=deal.id, partner_id=of.id, valid_from=NOW))
        session.add(DealPartner(deal_id=deal.id, partner_id=(world.beta if primary else world.acme).id, is_primary=False,
                                valid_from=NOW))  # fmt: skip
        await make.action(session, deal, world.ann, due=date(2026, 3, 6))
        session.add(Answer(occurrence_id=(await other_partners(session, world.pm)).id, deal_id=deal.id,
                           by_id=world.ann.id, at=NOW, kind="form", changed={}))  # fmt: skip
        rows.append({
            "deal_id": deal.id, "name": f"New {number}", "partner_id": of.id, "owner_id": owner.id if owner else None,
            "stage": "Qualification", "category": "won" if number == 1 else "pipeline", "amount": 5_500_000,
            "currency": "USD", "close_date": date(2026, 3, 30), "attribution": "sourced", "said": said(world.ann),
        })  # fmt: skip
    return rows


def said(by):
    return {"stage": {"value": "Negotiation/Review", "at": NOW.isoformat(), "by": by.id}}


async def activate(db, world):
    """The last transaction: everybody sees it."""
    async with db.write() as session:
        for deal_id, version_id in world.staged.items():
            deal = await session.get_one(Deal, deal_id)
            if deal.version_id is not None:
                (await session.get_one(DealVersion, deal.version_id)).valid_to = STAGED_AT
            deal.version_id = version_id
        (await session.scalars(select(ImportRun).where(ImportRun.state == "staging"))).one().state = "activated"


# What people and plans are told, one function for each place that reads it.


async def views(session, world):
    return await reviews.views(session, true(), now=THURSDAY, policy=POLICY, open_only=False)


async def under_review(session, world):
    ids = [world.week.id, (await other_partners(session, world.pm)).id]
    return await reviews.under_review(session, ids, now=THURSDAY, policy=POLICY)


async def duties(session, world):
    ids = [world.week.id, (await other_partners(session, world.pm)).id]
    staff = await reviews.staff(session, POLICY)
    owned = await reviews.owned(session, ids, now=THURSDAY, policy=POLICY)
    found = [
        duty
        for occurrence, cadence in await reviews.scope(session, ids)
        for duty in reviews.duties(occurrence, cadence.pm_id, owned[occurrence.id], staff)
    ]
    return sorted((duty.occurrence_id, duty.responder_id, *sorted(duty.deal_ids)) for duty in found)


async def whose(session, world):
    return await reviews.whose(session, now=THURSDAY, policy=POLICY)


async def asked(session, world):
    ids = [world.week.id, (await other_partners(session, world.pm)).id]
    found = await reviews.asked(session, await reviews.scope(session, ids), now=THURSDAY, policy=POLICY)
    return {key: sorted(one.owner_id or 0 for one in rows) for key, rows in found.items()}


async def uncounted(session, world):
    return await reviews.listed_uncounted(session, world.beta.id, now=THURSDAY, policy=POLICY)


async def one_view(session, world):
    ids = await session.scalars(select(Deal.id).order_by(Deal.id))
    found = [await reviews.one_view(session, deal_id, now=THURSDAY, policy=POLICY) for deal_id in ids]
    return [view for view in found if view is not None]


async def page_of_deals(session, world):
    return [
        (await overview.load(session, actor, "", now=THURSDAY, policy=POLICY)).views
        for actor in (world.ann, world.pm, world.head)
    ]


async def situation(session, world):
    found = []
    for deal_id in await session.scalars(select(Deal.id).order_by(Deal.id)):
        try:
            at = await answers.situation(session, world.head, world.week.id, deal_id, now=THURSDAY, policy=POLICY)
        except UserError:
            continue
        found.append((at.version, at.deal))
    return found


async def locked(session, world):
    found = []
    for deal_id in await session.scalars(select(Deal.id).order_by(Deal.id)):
        try:
            found.append(await deals.lock(session, deal_id))
        except UserError:
            continue
    return found


async def current_versions(session, world):
    return await deals.current_versions(session, list(await session.scalars(select(Deal.id))))


async def home(session, world):
    return [await homes.load(session, person, now=THURSDAY, policy=POLICY) for person in (world.ann, world.pm)]


async def actions_of_home(session, world):
    return (await homes.load(session, world.ann, now=THURSDAY, policy=POLICY)).actions


async def numbers(session, world):
    return await homes.numbers(session, now=THURSDAY, policy=POLICY)


async def numbers_of_something(session, world):
    """With a deal in them: without any there are no numbers at all."""
    (await make.current(session, world.deals["Deal 2"])).attribution = "sourced"
    await session.flush()
    return await homes.numbers(session, now=THURSDAY, policy=POLICY)


async def listed_differences(session, world):
    return await differences.list_differences(session, None)


async def counted_differences(session, world):
    return await differences.count_deals(session, world.head)


async def weekly_note(session, world):
    week = await notes.gather(session, [world.week.id], now=THURSDAY, policy=POLICY)
    return notes.weekly_facts(week, *week.pairs[0], uncounted=(), late=False)


async def moves_of_the_week(session, world):
    return (await notes.gather(session, [world.week.id], now=THURSDAY, policy=POLICY)).moves


async def closed_in_the_week(session, world):
    return (await notes.gather(session, [world.week.id], now=THURSDAY, policy=POLICY)).closed


async def findings(session, world):
    return await checkup.records(session, now=THURSDAY, policy=POLICY)


async def waited_for(session, world):
    return await checkup._wanted(session)


async def deals_in_hand(session, world):
    people = [world.ann.id, world.bob.id, world.lea.id]
    return {key: held.of(What.DEALS) for key, held in (await handover.in_hand(session, people)).items()}


async def actions_in_hand(session, world):
    return (await handover.in_hand(session, [world.ann.id]))[world.ann.id].of(What.ACTIONS)


async def handed_over(session, world):
    """Written, looked at, and thrown away with the session."""
    given = await handover.give(session, world.head, Give(world.ann, world.quinn), now=THURSDAY, policy=POLICY)
    query = select(DealVersion.name, DealVersion.owner_id).join(Deal, PRESENT).order_by(DealVersion.name)
    made = await session.scalar(select(func.count()).where(DealVersion.source == handover.SOURCE))
    return [given, (await session.execute(query)).all(), made]


async def page_of_a_new_manager(session, world):
    return (await managers.page(session, world.acme.id, now=THURSDAY, policy=POLICY)).deals


async def answers_that_go_along(session, world):
    wanted = NewManager(world.beta.id, world.quinn)
    await managers.name_manager(session, world.head, wanted, now=NOW, policy=POLICY)
    query = select(Answer.deal_id).where(Answer.source == handover.SOURCE).order_by(Answer.id)
    return list(await session.scalars(query))


READERS = (
    views, under_review, duties, whose, asked, uncounted, one_view, page_of_deals, situation, locked,
    current_versions, home, actions_of_home, numbers, numbers_of_something, listed_differences, counted_differences, weekly_note,
    moves_of_the_week, closed_in_the_week, findings, waited_for, deals_in_hand, actions_in_hand, handed_over,
    page_of_a_new_manager, answers_that_go_along,
)  # fmt: skip
ALIKE = ("known", answers_that_go_along)
"""An answer is of the deal, whatever version of it stands: it goes along once, before and after."""


def plain(found: Any) -> Any:
    """Values that can be compared across sessions: rows by their columns."""
    if isinstance(found, Base):
        return {column.key: plain(getattr(found, column.key)) for column in type(found).__table__.columns}
    if isinstance(found, BaseModel):
        return plain(found.model_dump())
    if is_dataclass(found):
        return {one.name: plain(getattr(found, one.name)) for one in fields(found)}
    if isinstance(found, Mapping):
        return {key: plain(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [plain(one) for one in found]
    return found


async def told(db, world, reader):
    async with db.read() as session:
        return plain(await reader(session, world))


@pytest.mark.parametrize("kind", ["known", "new"])
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
async def test_nobody_sees_what_is_staged_and_everybody_what_was_activated(sqlite, world, reader, kind):
    before = await told(sqlite, world, reader)
    await stage(sqlite, world, kind)
    assert await told(sqlite, world, reader) == before
    await activate(sqlite, world)
    assert (await told(sqlite, world, reader) == before) is ((kind, reader) == ALIKE)


# The history that notes tell.


async def test_what_an_import_that_was_given_up_had_staged_is_no_history(sqlite, world):
    await stage(sqlite, world, "known")
    async with sqlite.write() as session:
        run = (await session.scalars(select(ImportRun))).one()
        run.state = "abandoned"
    assert await told(sqlite, world, moves_of_the_week) == {}
    async with sqlite.write() as session:
        (await session.get_one(ImportRun, run.id)).state = "applied"
    assert set(await told(sqlite, world, moves_of_the_week)) == set(world.staged)


async def test_a_deal_is_closed_only_when_what_stands_says_so(sqlite, world):
    """An import has opened it again, and what stood before is still to be tidied up."""
    deal = world.deals["Deal 1"]
    async with sqlite.write() as session:
        held, current = await deals.lock(session, deal.id)
        await deals.append_version(session, held, current, {"category": "won"}, Source(NOW, None, "slack"))
    assert [view["deal"]["id"] for view in (await told(sqlite, world, closed_in_the_week))[world.acme.id]] == [deal.id]
    async with sqlite.write() as session:
        held, current = await deals.lock(session, deal.id)
        values = {name: getattr(current, name) for name in COPIED} | {"category": "pipeline"}
        run = ImportRun(kind="deals", file_name="deals.csv", digest="x", at=NOW, state="activated")
        session.add(run)
        await session.flush()
        again = DealVersion(deal_id=deal.id, valid_from=STAGED_AT, reported_at=STAGED_AT, source="import",
                            import_id=run.id, **values)  # fmt: skip
        session.add(again)
        await session.flush()
        held.version_id = again.id
    assert await told(sqlite, world, closed_in_the_week) == {}


async def test_an_import_that_becomes_visible_is_planned_for_though_it_writes_pointers_alone(sqlite, world):
    planner = Planner(sqlite, POLICY)
    for kind in ("known", "new"):
        while await planned(sqlite, planner):
            pass
        await stage(sqlite, world, kind)
        assert not await planned(sqlite, planner), kind
        async with sqlite.write() as session:
            for deal_id, version_id in world.staged.items():
                (await session.get_one(Deal, deal_id)).version_id = version_id
        assert await planned(sqlite, planner), kind


async def planned(db, planner):
    with make.counting(db) as statements:
        async with db.write() as session:
            await planner.renew(session, now=NOW)
    return any("FROM occurrence" in statement for statement in statements)


# Those who write.


async def versions_of(db, deal):
    async with db.read() as session:
        rows = await session.scalars(select(DealVersion).where(DealVersion.deal_id == deal.id).order_by(DealVersion.id))
        return (await session.get_one(Deal, deal.id)).version_id, list(rows)


async def test_the_first_version_stands_at_once(db):
    async with db.write() as session:
        deal = Deal(first_seen_at=NOW)
        session.add(deal)
        await session.flush()
        assert await deals.current_versions(session, [deal.id]) == {}
        values = {"name": "Big", "category": "pipeline", "owner_id": None}
        made = await deals.first_version(session, deal, values, Source(NOW, None, "slack"))
    async with db.read() as session:
        stands = await deals.current_version(session, deal.id)
    assert (stands.id, stands.name, stands.movement, stands.source) == (made.id, "Big", "none", "slack")


@pytest.mark.parametrize(("amount", "moved"), [(2, True), (0, False)])
async def test_an_appended_version_stands_and_the_deal_is_written_once(db, amount, moved):
    async with db.write() as session:
        one = await make.deal(session, "Big", None, None, amount=1)
        was = one.version_id
    async with db.write() as session:
        deal, current = await deals.lock(session, one.id)
        with make.counting(db) as statements:
            after = await deals.append_version(
                session, deal, current, {"amount": amount}, Source(STAGED_AT, None, "slack")
            )
            await session.flush()
        assert (after.id, (await deals.current_version(session, one.id)).id) == (deal.version_id,) * 2
    pointer, versions = await versions_of(db, one)
    assert [version.id for version in versions] == [was, pointer]
    assert [version.valid_to for version in versions] == [STAGED_AT, None]
    assert (deal.moved_at == STAGED_AT) is moved
    assert sum(statement.startswith("UPDATE deal SET") for statement in statements) == 1


async def test_who_comes_with_a_version_that_no_longer_stands_is_refused(db):
    async with db.write() as session:
        one = await make.deal(session, "Big", None, None, amount=1)
    async with db.read() as session:
        stale = await deals.current_version(session, one.id)
    async with db.write() as session:
        deal, current = await deals.lock(session, one.id)
        await deals.append_version(session, deal, current, {"amount": 2}, Source(STAGED_AT, None, "slack"))
    with pytest.raises(RuntimeError, match=f"version {stale.id} of deal {one.id} does not stand"):
        async with db.write() as session:
            deal, _ = await deals.lock(session, one.id)
            await deals.append_version(session, deal, stale, {"amount": 3}, Source(STAGED_AT, None, "slack"))
    pointer, versions = await versions_of(db, one)
    assert [version.amount for version in versions] == [1, 2]
    assert pointer == versions[-1].id


async def test_a_deal_that_is_locked_is_read_anew(db):
    """Whoever waited for the lock knows the deal from before the wait."""
    async with db.write() as session:
        one = await make.deal(session, "Big", None, None, amount=1)
    async with db.read() as session:
        assert (await session.get_one(Deal, one.id)).version_id == one.version_id
        await session.commit()
        async with db.write() as other:
            held = await deals.lock(other, one.id)
            made = await deals.append_version(other, *held, {"amount": 2}, Source(STAGED_AT, None, "slack"))
        deal, current = await deals.lock(session, one.id)
        assert (deal.version_id, current.id) == (made.id, made.id)


async def test_a_deal_without_a_version_that_stands_is_not_there(db):
    async with db.write() as session:
        one = await make.deal(session, "Merged", None, None)
        one.version_id = None
    async with db.write() as session:
        for read in (deals.lock, deals.current_version):
            with pytest.raises(UserError, match="does not exist any more"):
                await read(session, one.id)


async def test_what_is_handed_over_stands_and_leaves_what_is_staged_alone(sqlite, world):
    await stage(sqlite, world, "known")
    async with sqlite.write() as session:
        known = await session.get_one(Deal, world.deals["Deal 0"].id)  # held by the session while its row is written
        was = known.version_id
        await handover.give(session, world.head, Give(world.ann, world.quinn), now=THURSDAY, policy=POLICY)
        await session.refresh(known)
        assert (await make.current(session, known)).id == known.version_id != was
    for name in ("Deal 0", "Deal 2", "Side"):
        pointer, versions = await versions_of(sqlite, world.deals[name])
        assert [(row.owner_id, row.valid_to) for row in versions] == [
            (world.ann.id, THURSDAY), (world.lea.id, None), (world.quinn.id, None),
        ]  # fmt: skip
        assert pointer == versions[-1].id
    pointer, versions = await versions_of(sqlite, world.deals["Deal 1"])
    assert (pointer, len(versions)) == (world.deals["Deal 1"].version_id, 2), "Bob's is not Ann's to give"
