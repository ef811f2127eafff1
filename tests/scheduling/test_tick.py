"""Time comes in: what is owed is done once, by one replica, in working hours; what is too late is recorded and not sent."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select, update

from models import answers, cadences, closing
from models.closing import Closing, Promise
from models.db import Database
from models.tables import (
    Absence,
    Artifact,
    Card,
    CardOccurrence,
    Change,
    Commitment,
    DealPartner,
    Occurrence,
    Outbox,
    Person,
    Step,
)
from scheduling.plan import StepKind, materialise
from scheduling.tick import DO, tick
from tests import make
from tests.make import NOW, POLICY


def at(day, hour, minute=0):
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


class Clock:
    """A team, a database, and the hours passing."""

    def __init__(self, db, team, policy=POLICY):
        self.db, self.team, self.policy = db, team, policy

    async def at(self, when, *, plan=True):
        """What the engine does at an instant, until nothing is left."""
        done = 0
        while True:
            async with self.db.write() as session:
                if plan:
                    await materialise(session, now=when, policy=self.policy)
                found = await tick(session, now=when, policy=self.policy)
            done += found
            if not found:
                return done

    async def through(self, *instants):
        for when in instants:
            await self.at(when)

    async def posts(self):
        async with self.db.read() as session:
            return {row.key: row for row in await session.scalars(select(Outbox).order_by(Outbox.id))}

    async def steps(self, kind, state=None):
        query = select(Step).where(Step.kind == kind, Step.occurrence_id == self.team.week.id)
        async with self.db.read() as session:
            rows = await session.scalars(query if state is None else query.where(Step.state == state))
            return {row.recipient: row for row in rows}

    async def week(self):
        async with self.db.read() as session:
            return await session.get_one(Occurrence, self.team.week.id)

    async def count(self, table):
        async with self.db.read() as session:
            return await session.scalar(select(func.count()).select_from(table))

    async def answer(self, name, by, now):
        async with self.db.write() as session:
            given = await make.shown(session, self.team.deals[name], self.team.week)
            await answers.record(session, by, make.typed(given, next_text="x", next_due=date(2026, 3, 20),
                                                         next_owner=by.id), now=now, policy=self.policy)  # fmt: skip


async def started(db, **more):
    async with db.write() as session:
        return Clock(db, await make.small(session, **more))


@pytest.fixture
async def clock(sqlite):
    return await started(sqlite)


@pytest.fixture
async def both(db):
    return await started(db)


def key(clock, kind, name, day):
    return f"{kind}:{getattr(clock.team, name).id}:2026-03-{day:02d}"


async def test_the_same_instant_twice_does_nothing_more(both):
    for when in (at(4, 10), at(5, 8), at(5, 9, 50), at(5, 10, 30), at(6, 12), at(6, 15), at(13, 15)):
        await both.at(when)
        tables = (Outbox, Card, CardOccurrence, Artifact, Step, Change, Commitment, Occurrence)
        before = [await both.count(table) for table in tables]
        assert await both.at(when) == 0
        assert [await both.count(table) for table in tables] == before


async def test_a_week_owes_each_message_once(clock):
    await clock.through(at(4, 10), at(5, 8), at(5, 9, 50), at(5, 10, 30), at(6, 12), at(6, 15))
    kinds = [row.template for row in (await clock.posts()).values()]
    assert sorted(kinds) == sorted(
        ["prompt", "prompt", "nudge", "nudge", "agenda", "close", "close_nudge", "friday_note"]
    )


async def test_two_ticks_at_once_claim_each_step_once(both):
    other = Database(both.db.url.render_as_string(hide_password=False))
    try:
        async with both.db.write() as session:
            await materialise(session, now=at(4, 10), policy=POLICY)

        async def once(db):
            async with db.write() as session:
                return await tick(session, now=at(4, 10), policy=POLICY)

        done = await asyncio.gather(*(once(db) for db in (both.db, other) * 4))
    finally:
        await other.close()
    assert sorted(done) == [0, 0, 0, 0, 0, 0, 0, 2]
    assert len(await both.posts()) == 2
    assert await both.count(Card) == 2


async def test_the_prompt_marks_the_review_and_is_one_card_for_all_reviews_of_the_day(clock):
    async with clock.db.write() as session:
        second = await make.partner(session, "Second", clock.team.pm)
        await make.review(session, second, at=time(14))
        await make.deal(session, "S", second, clock.team.ann)
    await clock.at(at(4, 10))
    assert set(await clock.posts()) == {key(clock, "prompt", "ann", 4), key(clock, "prompt", "bob", 4)}
    assert await clock.count(CardOccurrence) == 3
    week = await clock.week()
    assert (week.state, week.prompted_at) == ("prompted", at(4, 10))
    assert (await clock.posts())[key(clock, "prompt", "ann", 4)].void_at == at(5, 14)


async def test_a_review_added_after_the_prompt_joins_the_same_card(clock):
    await clock.at(at(4, 10))
    async with clock.db.write() as session:
        second = await make.partner(session, "Second", clock.team.pm)
        await make.review(session, second, at=time(14), now=at(4, 11))
        await make.deal(session, "S", second, clock.team.ann)
    await clock.at(at(4, 11))
    assert len(await clock.posts()) == 2
    assert await clock.count(CardOccurrence) == 3
    async with clock.db.read() as session:
        card = (await session.scalars(select(Card).where(Card.person_id == clock.team.ann.id))).one()
    assert card.wanted > 1


async def test_who_has_answered_everything_is_neither_prompted_nor_nudged(clock):
    await clock.answer("Deal 0", clock.team.ann, NOW)
    await clock.at(at(4, 10))
    assert set(await clock.posts()) == {key(clock, "prompt", "bob", 4)}
    assert set(await clock.steps("prompt", "nothing")) == {f"p{clock.team.ann.id}"}
    await clock.answer("Deal 1", clock.team.bob, at(4, 11))
    await clock.at(at(5, 8))
    assert set(await clock.steps("nudge", "nothing")) == {f"p{clock.team.ann.id}", f"p{clock.team.bob.id}"}
    assert len(await clock.posts()) == 1


async def test_what_is_void_is_recorded_as_late_and_never_sent(clock):
    await clock.at(NOW)
    await clock.at(at(5, 10, 0))
    for kind in ("prompt", "nudge"):
        assert len(await clock.steps(kind, "late")) == 2
    assert {row.template for row in (await clock.posts()).values()} == {"agenda"}
    row = (await clock.steps("prompt"))[f"p{clock.team.ann.id}"]
    assert (row.settled_at, row.note) == (at(5, 10), "past its window")


async def test_off_from_wednesday_to_saturday_sends_no_burst(clock):
    await clock.at(NOW)
    await clock.at(at(7, 12))  # Saturday: nobody works
    assert await clock.posts() == {}
    assert set(await clock.steps("agenda", "late")) == {"channel"}
    assert len(await clock.steps("close_nudge", "late")) == 1
    async with clock.db.read() as session:
        waiting = {row.kind: row.due_at for row in await session.scalars(select(Step).where(
            Step.state == "planned", Step.occurrence_id == clock.team.week.id))}  # fmt: skip
    assert waiting == {"close_request": at(9, 8), "expire": at(13, 15)}
    await clock.at(at(9, 8))
    assert [row.template for row in (await clock.posts()).values()] == ["close", "friday_note"]


async def test_what_is_late_waits_for_the_readers_working_hours(clock):
    await clock.at(NOW)
    await clock.at(at(4, 20))  # the bot comes back in the evening
    assert await clock.posts() == {}
    assert {row.due_at for row in (await clock.steps("prompt", "planned")).values()} == {at(5, 8)}
    await clock.at(at(5, 8))
    assert {row.template for row in (await clock.posts()).values()} == {"prompt"}


@pytest.mark.parametrize("back", [(at(4, 20), at(5, 8)), (at(5, 8, 10),)])
async def test_a_late_prompt_is_followed_by_no_nudge_within_three_hours(clock, back):
    """Back on Wednesday evening, when the prompt waits for the morning; or back when both have fallen due."""
    await clock.at(NOW)
    await clock.through(*back, at(5, 8, 30), at(5, 9, 50))
    assert {row.template for row in (await clock.posts()).values()} == {"prompt", "agenda"}
    assert await clock.steps("nudge", "planned") == {}


async def test_a_late_prompt_for_an_afternoon_is_nudged_three_hours_later(clock):
    async with clock.db.write() as session:
        week = await session.get_one(Occurrence, clock.team.week.id)
        await cadences.bump(session, week, day=date(2026, 3, 5), at=time(16), reason="ill", by=clock.team.pm, now=NOW,
                            policy=POLICY)  # fmt: skip
    await clock.at(NOW)
    await clock.through(at(5, 9), at(5, 11, 59))
    assert {row.template for row in (await clock.posts()).values()} == {"prompt"}
    await clock.at(at(5, 12))
    assert {row.template for row in (await clock.posts()).values()} == {"prompt", "nudge"}


async def test_what_could_only_be_sent_after_its_time_is_late(clock):
    async with clock.db.write() as session:
        await session.execute(update(type(clock.team.ann)).where(type(clock.team.ann).id == clock.team.ann.id).values(
            zone="Pacific/Honolulu"))  # fmt: skip
    await clock.at(NOW)
    await clock.at(at(5, 9))  # Wednesday 23:00 in Honolulu; the review is at midnight there
    late = await clock.steps("prompt", "late")
    assert late[f"p{clock.team.ann.id}"].note == "no working hours left before it"


async def test_an_agenda_that_is_a_little_late_goes_out_and_one_at_night_does_not(clock):
    await clock.at(at(4, 10))
    await clock.at(at(5, 9, 59))
    assert "agenda" in {row.template for row in (await clock.posts()).values()}


async def test_a_bump_after_the_prompt_does_not_prompt_again(clock):
    await clock.at(at(4, 10))
    async with clock.db.write() as session:
        week = await session.get_one(Occurrence, clock.team.week.id)
        await cadences.bump(session, week, day=date(2026, 3, 6), at=time(14), reason="ill", by=clock.team.pm,
                            now=at(4, 12), policy=POLICY)  # fmt: skip
    await clock.through(at(4, 12), at(5, 8), at(5, 10), at(6, 8), at(6, 13, 50))
    keys = list(await clock.posts())
    assert sum(name.startswith("prompt") for name in keys) == 2
    assert sorted(name[-10:] for name in keys if name.startswith("nudge")) == ["2026-03-06", "2026-03-06"]
    assert sum(name.startswith("agenda") for name in keys) == 1


async def test_a_skipped_review_asks_for_nothing_more(clock):
    await clock.at(at(4, 10))
    async with clock.db.write() as session:
        week = await session.get_one(Occurrence, clock.team.week.id)
        await cadences.skip(session, week, side=cadences.Side.OURS, reason="ill", by=clock.team.pm, now=at(4, 12))
    await clock.through(at(5, 8), at(5, 9, 50), at(5, 10, 30), at(6, 12), at(6, 15))
    assert {row.template for row in (await clock.posts()).values()} == {"prompt", "friday_note", "weekly_note"}


async def test_a_closed_review_is_not_asked_to_be_closed(clock):
    await clock.at(at(5, 10, 30))
    async with clock.db.write() as session:
        promises = tuple(Promise(text, clock.team.ann.id, date(2026, 3, 12)) for text in ("a", "b"))
        await closing.close(session, clock.team.pm, Closing(clock.team.week.id, True, "", "", {}, promises),
                            now=at(5, 11), policy=POLICY)  # fmt: skip
    await clock.through(at(6, 12), at(6, 15))
    assert "close_nudge" not in {row.template for row in (await clock.posts()).values()}


async def test_a_review_never_closed_is_skipped_on_our_side_after_seven_days(clock):
    await clock.through(at(4, 10), at(5, 10, 30), at(6, 15), at(13, 14))
    assert (await clock.week()).state == "prompted"
    await clock.at(at(13, 15))
    week = await clock.week()
    assert (week.state, week.skip_side, week.skip_reason, week.closed_at) == (
        "skipped",
        "ours",
        "not closed",
        at(13, 15),
    )
    async with clock.db.read() as session:
        trail = (await session.scalars(select(Change).where(Change.entity == "occurrence"))).one()
    assert (trail.by_id, trail.source, trail.reason) == (None, "system", "not closed")


async def test_last_weeks_unclosed_review_stands_on_this_weeks_card(clock):
    await clock.through(at(4, 10), at(5, 10, 30), at(6, 15), at(11, 10), at(12, 10, 30))
    async with clock.db.read() as session:
        rows = await session.execute(
            select(Occurrence.slot)
            .join(CardOccurrence, CardOccurrence.occurrence_id == Occurrence.id)
            .join(Card, Card.id == CardOccurrence.card_id)
            .where(Card.kind == "close", Card.day == date(2026, 3, 12))
        )
    assert sorted(slot for (slot,) in rows) == ["2026-W10", "2026-W11"]


async def test_a_week_that_moved_to_a_holiday_has_no_prompts_and_no_meeting(sqlite):
    closed = tuple(date(2026, 3, 2) + timedelta(days=number) for number in range(1, 5))
    policy = POLICY.model_copy(update={"closed_days": closed})
    async with sqlite.write() as session:
        team = await make.small(session, policy=policy)
        team.week.state = "no_meeting"
    clock = Clock(sqlite, team, policy)
    await clock.through(at(4, 10), at(5, 10), at(6, 15))
    assert "prompt" not in {row.template for row in (await clock.posts()).values()}


async def test_every_kind_of_step_has_its_doer():
    kinds = {value for name, value in vars(StepKind).items() if name.isupper()}
    assert set(DO) == kinds


async def company(session, sellers, deals_each):
    """One manager, one partner; `sellers` with `deals_each` deals."""
    team = await make.small(session, deals=0)
    for number in range(sellers):
        seller = await make.person(session, f"Seller{number} X", "ae", email=f"s{number}@x", slack_id=f"US{number}")
        for place in range(deals_each):
            deal = await make.deal(session, f"{number}-{place}", team.acme, seller)
            session.add(DealPartner(deal_id=deal.id, partner_id=team.acme.id, valid_from=NOW))
    return team


async def statements_of_prompts(url, sellers, deals_each):
    async with make.opened(url) as db:
        async with db.write() as session:
            await company(session, sellers, deals_each)
            await materialise(session, now=NOW, policy=POLICY)
        with make.counting(db) as statements:
            async with db.write() as session:
                assert await tick(session, now=at(4, 10), policy=POLICY) == sellers
        async with db.read() as session:
            assert await session.scalar(select(func.count()).select_from(Outbox)) == sellers
        return statements


async def test_prompts_cost_the_same_number_of_statements_for_20_and_for_100_sellers(tmp_path):
    few = await statements_of_prompts(f"sqlite:///{tmp_path / 'few.db'}", 20, 5)
    many = await statements_of_prompts(f"sqlite:///{tmp_path / 'many.db'}", 100, 10)
    assert len(few) == len(many)
    assert [text.split()[0] for text in few] == [text.split()[0] for text in many]


async def test_the_first_prompt_marks_the_review_and_later_ones_leave_that(clock):
    async with clock.db.write() as session:
        await session.execute(update(Person).where(Person.id == clock.team.bob.id).values(zone="America/New_York"))
    await clock.at(at(4, 10))
    await clock.at(at(4, 15))
    week = await clock.week()
    assert (week.state, week.prompted_at) == ("prompted", at(4, 10))
    assert len(await clock.posts()) == 2


async def test_a_review_closed_in_the_very_last_moment_is_not_skipped(clock):
    await clock.through(at(4, 10), at(5, 10, 30), at(6, 15))
    async with clock.db.write() as session:
        week = await session.get_one(Occurrence, clock.team.week.id)
        week.state, week.closed_at = "held", at(13, 14, 59)
    await clock.at(at(13, 15), plan=False)
    assert (await clock.week()).state == "held"


async def test_the_closing_card_carries_everything_that_waits_and_the_managers_cover_gets_it(clock):
    async with clock.db.write() as session:
        zoe = await make.person(session, "Zoe", "pm")
        session.add(Absence(person_id=clock.team.pm.id, first_day=date(2026, 3, 5), last_day=date(2026, 3, 9),
                            cover_id=zoe.id, recorded_at=NOW))  # fmt: skip
    await clock.at(at(5, 10, 30))
    (post,) = [row for row in (await clock.posts()).values() if row.template == "close"]
    assert post.person_id == zoe.id
