"""What a review carries, and who answers for it: owners, covers, and the partner manager for orphans."""

from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from models import cadences, reviews
from models.cadences import Kind
from models.tables import Absence, Answer, Cadence, DealPartner, Occurrence
from tests import make
from tests.make import NOW, POLICY


@pytest.fixture
async def session(sqlite):
    async with sqlite.write() as session:
        yield session


async def others_of(session, pm):
    rows = await session.scalars(
        select(Occurrence)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(Cadence.kind == Kind.OTHER_PARTNERS, Cadence.pm_id == pm.id, Occurrence.slot == "2026-W10")
    )
    return rows.one()


async def carried(session, week, **more):
    found = await reviews.under_review(session, [week.id], now=NOW, policy=POLICY, **more)
    return [view.version.name for view in found[week.id]]


async def duties_of(session, week, *, now=NOW):
    (pair,) = await reviews.scope(session, [week.id])
    listed = await reviews.under_review(session, [week.id], now=now, policy=POLICY)
    staff = await reviews.staff(session, POLICY)
    return {
        (duty.responder_id, duty.owner_id): len(duty.deal_ids)
        for duty in reviews.duties(pair[0], pair[1].pm_id, listed[week.id], staff)
    }


async def test_a_review_carries_all_open_deals_of_its_partner_biggest_first_and_unknown_last(session):
    team = await make.small(session, deals=0)
    for name, more in {
        "small": {"amount": 1}, "big": {"amount": 9}, "unknown": {"amount": None}, "Alpha": {"amount": 1},
        "far": {"amount": 5, "close_date": date(2028, 1, 1)},
        "won": {"category": "won"}, "lost": {"category": "lost"},
    }.items():  # fmt: skip
        await make.deal(session, name, team.acme, team.ann, **more)
    assert await carried(session, team.week) == ["big", "far", "Alpha", "small", "unknown"]
    assert await carried(session, team.week, owner_id=team.bob.id) == []
    assert await reviews.under_review(session, [], now=NOW, policy=POLICY) == {}


async def test_an_amount_of_zero_stands_before_an_unknown_one(session):
    team = await make.small(session, deals=0)
    await make.deal(session, "a unknown", team.acme, team.ann, amount=None)
    await make.deal(session, "zero", team.acme, team.ann, amount=0)
    assert await carried(session, team.week) == ["zero", "a unknown"]


async def test_other_partners_are_asked_about_what_closes_this_quarter_or_next(session):
    team = await make.small(session, deals=1)
    second = await make.partner(session, "Second", team.pm, tier=2)
    for name, close in {
        "past": date(2025, 12, 1), "now": date(2026, 3, 31), "next": date(2026, 6, 30), "later": date(2026, 7, 1),
        "undated": None,
    }.items():  # fmt: skip
        await make.deal(session, name, second, team.ann, close_date=close)
    others = await others_of(session, team.pm)
    assert await carried(session, others) == ["next", "now", "past", "undated"]
    assert await carried(session, team.week) == ["Deal 0"]


async def test_who_is_asked_needs_no_look_at_every_deal(db):
    """One deal for each owner and partner is as good as all of them, on both databases."""
    async with db.write() as session:
        team = await make.small(session, deals=3)
        second = await make.partner(session, "Second", team.pm, tier=2)
        for close, owner in (
            (date(2026, 3, 31), team.ann),
            (date(2026, 6, 30), team.ann),
            (date(2026, 7, 1), team.bob),
            (None, None),
        ):
            await make.deal(session, f"{close}", second, owner, close_date=close)
        others = await others_of(session, team.pm)
        pairs = await reviews.scope(session, [team.week.id, others.id])
        every = await reviews.owned(session, [team.week.id, others.id], now=NOW, policy=POLICY)
        few = await reviews.asked(session, pairs, now=NOW, policy=POLICY)
        assert {key: {one.owner_id for one in rows} for key, rows in few.items()} == {
            key: {one.owner_id for one in rows} for key, rows in every.items()
        }
        assert {one.owner_id for one in few[others.id]} == {team.ann.id, None}
        assert (len(every[others.id]), len(few[others.id])) == (3, 2)


async def test_a_tier_1_partner_without_a_running_review_is_wholly_among_the_others(session):
    team = await make.small(session, deals=1)
    other = await make.partner(session, "No review", team.pm)
    await make.deal(session, "later", other, team.ann, close_date=date(2028, 1, 1))
    others = await others_of(session, team.pm)
    assert await carried(session, others) == ["later"]
    await cadences.pause(session, team.cadence, reason="x", by=team.pm, now=NOW)
    assert await carried(session, others) == ["Deal 0", "later"]


async def test_deals_of_another_managers_partners_and_direct_ones_are_not_ours_to_ask_about(session):
    team = await make.small(session, deals=0)
    zoe = await make.person(session, "Zoe", "pm")
    await make.deal(session, "theirs", await make.partner(session, "Theirs", zoe, tier=2), team.ann)
    await make.deal(session, "direct", None, team.ann)
    assert await carried(session, await others_of(session, team.pm)) == []


async def test_a_deal_of_several_partners_is_asked_once_and_listed_uncounted_for_the_others(session):
    team = await make.small(session, deals=1)
    second = await make.partner(session, "Second", team.pm)
    await make.review(session, second, at=time(11))
    deal = team.deals["Deal 0"]
    session.add(DealPartner(deal_id=deal.id, partner_id=second.id, is_primary=False, valid_from=NOW))
    old = await make.deal(session, "old", team.acme, team.ann)
    session.add(DealPartner(deal_id=old.id, partner_id=second.id, is_primary=False, valid_from=NOW, valid_to=NOW))
    await session.flush()
    uncounted = await reviews.listed_uncounted(session, second.id, now=NOW, policy=POLICY)
    assert [view.version.name for view in uncounted] == ["Deal 0"]
    assert await reviews.listed_uncounted(session, team.acme.id, now=NOW, policy=POLICY) == []


async def test_days_without_movement_are_local_dates_and_stall_at_the_limit(session):
    team = await make.small(session, deals=0)
    for name, days in {"fresh": 13, "stalled": 14}.items():
        await make.deal(
            session, name, team.acme, team.ann, seen=NOW - timedelta(days=99), moved=NOW - timedelta(days=days)
        )
    await make.deal(session, "never moved", team.acme, team.ann, seen=NOW - timedelta(days=30))
    await make.deal(session, "tomorrow's", team.acme, team.ann, seen=NOW + timedelta(days=1))
    found = await reviews.under_review(session, [team.week.id], now=NOW, policy=POLICY)
    shown = {view.version.name: (view.days, view.stalled, view.has_moved) for view in found[team.week.id]}
    assert shown == {
        "fresh": (13, False, True), "stalled": (14, True, True), "never moved": (30, True, False),
        "tomorrow's": (0, False, False),
    }  # fmt: skip


async def test_a_view_knows_its_open_action_and_whether_it_is_overdue(session):
    team = await make.small(session, deals=2)
    await make.action(session, team.deals["Deal 0"], team.ann, due=NOW.date() - timedelta(days=1))
    await make.action(session, team.deals["Deal 1"], team.bob, due=NOW.date(), state="done")
    one = await reviews.one_view(session, team.deals["Deal 0"].id, now=NOW, policy=POLICY)
    other = await reviews.one_view(session, team.deals["Deal 1"].id, now=NOW, policy=POLICY)
    assert (one.overdue, other.overdue, other.action) == (True, False, None)
    assert one.standing.stage == "Qualification"
    assert await reviews.one_view(session, 99, now=NOW, policy=POLICY) is None


async def test_the_latest_answer_counts(session):
    team = await make.small(session, deals=1)
    deal = team.deals["Deal 0"]
    for hours, kind in ((2, "form"), (1, "no_change")):
        session.add(Answer(occurrence_id=team.week.id, deal_id=deal.id, by_id=team.ann.id, kind=kind,
                           at=NOW + timedelta(hours=hours)))  # fmt: skip
    await session.flush()
    found = await reviews.answered(session, [team.week.id, 99])
    assert (found[team.week.id][deal.id].kind, found[99]) == ("form", {})


async def test_owners_answer_for_their_own_deals(session):
    team = await make.small(session, deals=3)
    assert await duties_of(session, team.week) == {(team.ann.id, team.ann.id): 2, (team.bob.id, team.bob.id): 1}


@pytest.mark.parametrize("spoil", ["inactive", "theirs", "nobody"])
async def test_an_orphaned_deal_is_the_partner_managers_to_answer(session, spoil):
    team = await make.small(session, deals=1)
    if spoil == "inactive":
        team.ann.active = False
    elif spoil == "theirs":
        team.ann.side = "theirs"
    else:
        (await make.current(session, team.deals["Deal 0"])).owner_id = None
    await session.flush()
    owner = None if spoil == "nobody" else team.ann.id
    assert await duties_of(session, team.week) == {(team.pm.id, owner): 1}


async def test_an_orphan_waits_for_nobody_only_where_no_manager_and_no_head_is_left(session):
    team = await make.small(session, deals=1)
    team.ann.active = team.head.active = False
    team.cadence.pm_id = None
    assert await duties_of(session, team.week) == {}


async def test_an_orphan_whose_manager_has_left_too_is_the_heads_to_answer(session):
    team = await make.small(session, deals=1)
    team.ann.active = team.pm.active = False
    await session.flush()
    assert await duties_of(session, team.week) == {(team.head.id, team.ann.id): 1}


async def away(session, who, first, last, cover=None, **more):
    session.add(Absence(person_id=who.id, first_day=first, last_day=last, cover_id=cover.id if cover else None,
                        recorded_at=NOW, **more))  # fmt: skip
    await session.flush()


WEDNESDAY = date(2026, 3, 4)  # when the prompt for Thursday's review goes out


async def test_the_cover_of_an_owner_who_is_away_on_the_prompts_day_answers(session):
    team = await make.small(session, deals=1)
    await away(session, team.ann, date(2026, 3, 1), date(2026, 3, 8), team.bob)
    assert await duties_of(session, team.week) == {(team.bob.id, team.ann.id): 1}


async def test_a_cancelled_absence_or_one_that_is_over_by_then_changes_nothing(session):
    team = await make.small(session, deals=1)
    await away(session, team.ann, date(2026, 3, 1), date(2026, 3, 3), team.bob)
    await away(session, team.ann, WEDNESDAY, WEDNESDAY, team.bob, cancelled_at=NOW)
    assert await duties_of(session, team.week) == {(team.ann.id, team.ann.id): 1}


async def test_without_a_cover_a_short_absence_is_asked_before_it_and_a_long_one_not_at_all(session):
    team = await make.small(session, deals=1)
    await away(session, team.ann, WEDNESDAY, date(2026, 3, 5))
    assert await duties_of(session, team.week) == {(team.ann.id, team.ann.id): 1}
    await away(session, team.ann, date(2026, 2, 20), date(2026, 3, 5))
    assert await duties_of(session, team.week) == {}


async def test_a_cover_who_left_is_no_cover(session):
    team = await make.small(session, deals=1)
    await away(session, team.ann, date(2026, 2, 20), date(2026, 3, 8), team.bob)
    team.bob.active = False
    await session.flush()
    assert (team.bob.id, team.ann.id) not in await duties_of(session, team.week)


async def test_an_owner_who_never_works_is_still_named(session):
    team = await make.small(session, deals=1)
    staff = await reviews.staff(session, POLICY)
    closed = staff.readers[team.ann.id].model_copy(update={"workweek": frozenset()})
    staff = reviews.Staff(staff.people, {**staff.readers, team.ann.id: closed}, staff.covers)
    assert reviews.responder_for(team.ann.id, team.pm.id, team.week.starts_at, staff) == team.ann.id


@pytest.mark.parametrize("number", [3, 60])
async def test_a_review_is_read_with_the_same_number_of_statements_however_many_deals(sqlite, number):
    async with sqlite.write() as session:
        team = await make.small(session, deals=number)
    with make.counting(sqlite) as statements:
        async with sqlite.read() as session:
            await duties_of(session, team.week)
    assert len([text for text in statements if text.startswith("SELECT")]) == 7


def test_the_sort_is_stable_for_equal_deals():
    views = [make.a_view(number, words="same", amount=5) for number in (3, 1, 2)]
    assert [view.id for view in sorted(views, key=reviews.weight)] == [1, 2, 3]
    assert datetime(2026, 3, 2, tzinfo=make.UTC) < NOW
