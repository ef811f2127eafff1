"""A quarter as a table: all of it for leadership, one's own meetings for the others; and which of them collide."""

from datetime import date, time

import pytest

from models import quarter
from models.cadences import Side, bump, skip
from tests import make, table
from tests.make import NOW, POLICY
from tests.table import at, days


@pytest.fixture
async def session(sqlite):
    async with sqlite.write() as session:
        yield session


async def page(session, actor, step=0, *, now=NOW, policy=POLICY):
    return await quarter.load(session, actor, step, now=now, policy=policy)


def titles(week):
    return [line.title for line in week.lines]


async def company(session):
    """Acme and Beta of one manager, Other of another; the call, the 1:1s and the MBR."""
    chiefs, (pat, paul), partners = await table.company(session, 3, managers=2)
    await table.turn(session, "team_call", "pipeline_one_on_one", "mbr")
    return chiefs, pat, paul, partners


async def test_leadership_sees_every_meeting_in_its_week(session):
    chiefs, *_ = await company(session)
    found = await page(session, chiefs["cfo"])
    assert (found.quarter.label, found.step, len(found.weeks), found.this_week) == ("2026Q1", 0, 13, 9)
    week = found.weeks[10]
    assert (week.number, week.first, week.last) == (11, date(2026, 3, 16), date(2026, 3, 22))
    assert titles(week) == [
        "Partner team call", "Partner 0 · Pipeline and account planning 1:1", "Partner 1 · Pipeline and account planning 1:1",
        "Partner 2 · Pipeline and account planning 1:1",
    ]  # fmt: skip
    assert [line.occurrence.starts_at for line in week.lines] == sorted(
        line.occurrence.starts_at for line in week.lines
    )
    assert not found.weeks[0].lines, "what was before it was turned on is not there"


async def test_the_stub_days_stand_in_the_last_week_of_the_quarter_before(session):
    chiefs, *_ = await company(session)
    found = await page(session, chiefs["head"], now=at(1, 8, month=4))
    assert (found.quarter.label, found.this_week, found.weeks[-1].last) == ("2026Q1", 13, date(2026, 4, 5))
    later = await page(session, chiefs["head"], 1, now=at(1, 8, month=4))
    assert (later.quarter.label, later.this_week, later.weeks[0].first) == ("2026Q2", 0, date(2026, 4, 6))
    assert "Partner team call" in titles(later.weeks[0])


@pytest.mark.parametrize(("step", "label"), [(-1, "2025Q4"), (1, "2026Q2"), (4, "2027Q1"), (-5, "2024Q4")])
async def test_any_quarter_can_be_looked_at(session, step, label):
    chiefs, *_ = await company(session)
    assert (await page(session, chiefs["head"], step)).quarter.label == label


async def test_a_manager_sees_their_own_meetings_and_the_calls_they_are_in(session):
    _, pat, paul, _ = await company(session)
    assert titles((await page(session, pat)).weeks[10]) == [
        "Partner team call", "Partner 0 · Pipeline and account planning 1:1", "Partner 2 · Pipeline and account planning 1:1",
    ]  # fmt: skip
    assert titles((await page(session, paul)).weeks[10])[1:] == ["Partner 1 · Pipeline and account planning 1:1"]


async def test_a_seller_sees_the_reviews_of_partners_they_have_open_deals_with_and_nothing_else(session):
    _, pat, _, (acme, beta, _) = await company(session)
    ann = await make.person(session, "Ann Seller", "ae")
    for partner, hour in ((acme, 10), (beta, 11)):
        await make.review(session, partner, at=time(hour))
    await make.deal(session, "Open", acme, ann)
    await make.deal(session, "Won", beta, ann, category="won")
    found = await page(session, ann)
    assert {title for week in found.weeks for title in titles(week)} == {"Partner 0 · Weekly deal review"}
    assert {line.weekly for week in found.weeks for line in week.lines} == {True}
    mine = await page(session, pat)
    assert "Partner 0 · Weekly deal review" in titles(mine.weeks[10])
    assert "Partner 1 · Weekly deal review" not in titles(mine.weeks[10])


async def test_pulses_and_the_friday_note_are_no_meetings_but_pulses_are_listed(session):
    chiefs, _, _ = await table.company(session, 1, 1, now=at(30, 8))
    await table.turn(session, "pulse", now=at(30, 8))
    found = await page(session, chiefs["head"], 1, now=at(30, 8))
    assert {title for week in found.weeks for title in titles(week)} == {"Partner 1 · Quarterly pulse"}


async def test_two_meetings_at_once_collide_for_whom_they_share_and_only_while_they_are_ahead(session):
    chiefs, pat, _, (acme, *_) = await company(session)
    await make.review(session, acme, at=time(14))
    tuesday = (await table.held(session, await table.series(session, "mbr")))["2026Q2-w08"]
    review = (await table.held(session, await table.series(session, "weekly_review", acme)))["2026-W22"]
    assert (tuesday.day, review.day) == (date(2026, 5, 26), date(2026, 5, 28))
    assert (await page(session, chiefs["head"], 1)).collisions == ()
    call = (await table.held(session, await table.series(session, "team_call")))["2026-W11"]
    review = (await table.held(session, await table.series(session, "weekly_review", acme)))["2026-W11"]
    review.starts_at, review.ends_at, review.day = call.starts_at, call.ends_at, call.day
    await session.flush()
    (hit,) = (await page(session, chiefs["head"])).collisions
    assert {hit.one.name, hit.other.name} == {"Partner team call", "Weekly deal review"}
    assert hit.people == (pat.id,)
    review.starts_at += days(0) + (call.ends_at - call.starts_at)
    review.ends_at += call.ends_at - call.starts_at
    await session.flush()
    assert (await page(session, chiefs["head"])).collisions == (), "one that begins when the other ends does not"
    review.starts_at, review.ends_at = call.starts_at, call.ends_at
    await skip(session, review, side=Side.PARTNER, reason="x", by=pat, now=NOW)
    assert (await page(session, chiefs["head"])).collisions == ()


async def test_a_long_meeting_collides_with_each_that_falls_into_it(session):
    chiefs, *_ = await table.company(session)
    await table.save(session, table.own("long", name="Off-site", at=time(9), minutes=300, people=("head",)))
    await table.save(session, table.own("one", name="One", at=time(9, 30), people=("head",)))
    await table.save(session, table.own("two", name="Two", at=time(12), people=("head", "cro")))
    await table.save(session, table.own("three", name="Three", at=time(12), lead="cfo", people=("cfo",)))
    found = [{hit.one.name, hit.other.name} for hit in (await page(session, chiefs["head"])).collisions]
    week = found[:2]
    assert week == [{"Off-site", "One"}, {"Off-site", "Two"}]
    assert {"Two", "Three"} not in found


async def test_the_next_quarters_collisions_are_known_from_two_weeks_before_it_begins(session):
    _, _, _ = await table.company(session)
    for key in ("one", "two"):
        await table.save(session, table.own(key, name=key, people=("head",)))
    for cadence in ("one", "two"):
        rows = await table.held(session, await table.series(session, cadence))
        for slot, row in rows.items():
            if slot < "2026-W15":
                row.state, row.closed_at = "held", NOW
    await session.flush()

    async def coming(now):
        return await quarter.coming_collisions(session, now=now, policy=POLICY)

    assert await coming(at(21, 8)) == [], "15 days before the last day of 2026Q1's weeks, 5 April"
    found = await coming(at(22, 8))
    assert [hit.one.occurrence.day for hit in found][:2] == [date(2026, 4, 7), date(2026, 4, 14)]
    assert max(hit.one.occurrence.day for hit in found) <= date(2026, 7, 5)


async def test_a_moved_meeting_stands_where_it_was_moved_to(session):
    chiefs, *_ = await company(session)
    call = (await table.held(session, await table.series(session, "team_call")))["2026-W11"]
    await bump(
        session, call, day=date(2026, 3, 13), at=time(9), reason="ill", by=chiefs["head"], now=NOW, policy=POLICY
    )
    found = await page(session, chiefs["head"])
    assert [line.occurrence.day for line in found.weeks[9].lines] == [date(2026, 3, 13)]
    assert found.weeks[9].lines[0].lead_id == chiefs["head"].id


async def test_a_page_takes_as_many_statements_for_many_meetings_as_for_few(sqlite):
    counted = []
    for partners in (1, 12):
        async with sqlite.write() as session:
            chiefs, (pm,), _ = await table.company(session, partners)
            await table.turn(session, "team_call", "pbr", "readout")
            for actor in (chiefs["head"], pm):
                with make.counting(sqlite) as statements:
                    await page(session, actor)
                counted.append(len(statements))
            await session.rollback()
    assert counted[:2] == counted[2:]
