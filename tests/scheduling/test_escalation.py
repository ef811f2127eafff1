"""Skips in a row reach the head of partnerships, then the CRO: once for each new skip, on the Friday note's step."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select, update

from models import cadences, meetings
from models.cadences import Side, State
from models.tables import Absence, Cadence, Occurrence, Outbox, Person, PersonRole
from tests import make
from tests.make import NOW, POLICY
from tests.scheduling.test_tick import Clock, at

FRIDAYS = {10: at(6, 15), 11: at(13, 15), 12: at(20, 15), 13: at(27, 15)}


class Weeks(Clock):
    """A team whose reviews are skipped or held, week by week, each Friday looked at."""

    async def says(self, week, letter, *, cadence=None, by=None, when=None):
        """What became of a week's meeting: s skipped by us, p called off by them, f a holiday, h held."""
        async with self.db.write() as session:
            held = await make.occurrence(session, cadence or self.team.cadence, f"2026-W{week}")
            when = when or FRIDAYS[week] - timedelta(hours=4)
            if letter == "h":
                held.state, held.closed_at = State.HELD, when
                return
            side = {"s": Side.OURS, "p": Side.PARTNER, "f": Side.HOLIDAY}[letter]
            await cadences.skip(session, held, side=side, reason=f"why {week}", by=by or self.team.pm, now=when)

    async def friday(self, week):
        await self.at(FRIDAYS[week])
        return await self.told()

    async def told(self):
        """(recipient, level, how many series and skips) of every escalation so far, by key's order of making."""
        return [(row.person_id, row.args["level"], [len(skips) for _, skips in row.args["series"]])
                for row in (await self.posts()).values() if row.template == "escalation"]  # fmt: skip

    async def lived(self, letters, *, first=10):
        for week, letter in enumerate(letters, first):
            if letter != "?":
                await self.says(week, letter)
            await self.friday(week)
        return await self.told()

    async def second(self):
        """Another partner manager with a partner of their own."""
        async with self.db.write() as session:
            other = await make.person(session, "Olga Other", "pm")
            return other, await make.review(session, await make.partner(session, "Second", other))


async def started(db, *roles):
    async with db.write() as session:
        clock = Weeks(db, await make.small(session, deals=0))
        for role in roles:
            setattr(clock, role, await make.person(session, f"{role.title()} Chief", role))
        return clock


@pytest.fixture
async def clock(sqlite):
    return await started(sqlite, "cro")


@pytest.fixture
async def both(db):
    return await started(db, "cro")


async def test_one_skip_is_nobodys_business_two_reach_the_head_three_the_cro_as_well(both):
    head, cro = both.team.head.id, both.cro.id
    assert await both.lived("s") == []
    await both.says(11, "s")
    assert await both.friday(11) == [(head, 2, [2])]
    await both.says(12, "s")
    assert sorted((await both.friday(12))[1:]) == sorted([(head, 3, [3]), (cro, 3, [3])])
    await both.says(13, "s")
    assert sorted((await both.friday(13))[3:]) == sorted([(head, 3, [4]), (cro, 3, [4])]), "every further one too"


async def test_nothing_new_is_not_told_again(clock):
    """Two skips were told of; in the next week the meeting is not settled yet, then it is held."""
    assert len(await clock.lived("ss?")) == 1
    await clock.says(12, "h", when=at(21, 9))
    assert len(await clock.friday(13)) == 1


@pytest.mark.parametrize("between", ["p", "f"])
async def test_what_is_nobodys_fault_between_two_skips_neither_counts_nor_breaks_the_row(clock, between):
    assert await clock.lived(f"s{between}") == []
    await clock.says(12, "s")
    assert await clock.friday(12) == [(clock.team.head.id, 2, [2])]


@pytest.mark.parametrize("letters", ["shs", "spp", "pf", "hhs"])
async def test_a_meeting_that_was_held_ends_the_row_and_cancellations_alone_are_none(clock, letters):
    assert await clock.lived(letters) == []


async def test_what_nobody_closed_counts_like_any_skip_of_ours(clock):
    """Weeks 10 and 11 expire on the Fridays after them, before the week is looked back at."""
    assert await clock.lived("??") == []
    assert await clock.friday(12) == [(clock.team.head.id, 2, [2])]


async def test_the_same_friday_twice_doubles_nothing(both):
    assert len(await both.lived("ss")) == 1
    assert await both.at(FRIDAYS[11]) == 0
    assert await both.at(FRIDAYS[11] + timedelta(minutes=5)) == 0
    assert len(await both.told()) == 1


async def test_two_partner_managers_are_two_messages_and_two_series_of_one_are_one(clock):
    other, cadence = await clock.second()
    async with clock.db.write() as session:
        own = await make.review(session, await make.partner(session, "Third", clock.team.pm), at=time(14))
    for week in (10, 11):
        for series, by in ((clock.team.cadence, clock.team.pm), (own, clock.team.pm), (cadence, other)):
            await clock.says(week, "s", cadence=series, by=by)
        await clock.friday(week)
    assert sorted(await clock.told(), key=str) == sorted(
        [(clock.team.head.id, 2, [2, 2]), (clock.team.head.id, 2, [2])], key=str)  # fmt: skip
    async with clock.db.read() as session:
        rows = list(await session.scalars(select(Outbox).where(Outbox.template == "escalation")))
    assert {row.args["owner"] for row in rows} == {clock.team.pm.id, other.id}
    assert len({row.key for row in rows}) == 2


async def test_the_cro_hears_only_of_the_rows_that_reach_so_far(clock):
    """Both series are the same manager's: one has been skipped three times, the other twice."""
    async with clock.db.write() as session:
        own = await make.review(session, await make.partner(session, "Third", clock.team.pm), at=time(14))
    await clock.says(10, "h", cadence=own)
    await clock.lived("s")
    for week in (11, 12):
        await clock.says(week, "s")
        await clock.says(week, "s", cadence=own)
    await clock.at(FRIDAYS[12])
    assert {(who, level, tuple(skips)) for who, level, skips in await clock.told()} == {
        (clock.team.head.id, 3, (3, 2)), (clock.cro.id, 3, (3,)),
    }  # fmt: skip


async def test_head_and_cro_in_one_person_get_one_message_of_the_higher_level(sqlite):
    clock = await started(sqlite)
    async with sqlite.write() as session:
        session.add(PersonRole(person_id=clock.team.head.id, role="cro"))
    assert (await clock.lived("sss"))[1:] == [(clock.team.head.id, 3, [3])]


async def test_without_a_head_the_admin_hears_it_unless_the_series_are_their_own(sqlite):
    clock = await started(sqlite, "admin")
    async with sqlite.write() as session:
        await session.execute(update(Person).where(Person.id == clock.team.head.id).values(active=False))
    assert await clock.lived("sss") == [(clock.admin.id, 2, [2]), (clock.admin.id, 3, [3])]
    async with sqlite.write() as session:
        await session.execute(update(Person).where(Person.id == clock.admin.id).values(active=False))
        session.add(PersonRole(person_id=clock.team.pm.id, role="admin"))
    await clock.says(13, "s")
    assert len(await clock.friday(13)) == 2, "nobody is left but the manager"


async def test_a_head_who_manages_the_partner_hears_it_all_the_same(sqlite):
    clock = await started(sqlite)
    async with sqlite.write() as session:
        await session.execute(update(Person).where(Person.id == clock.team.head.id).values(active=False))
        session.add(PersonRole(person_id=clock.team.pm.id, role="head"))
    assert await clock.lived("ss") == [(clock.team.pm.id, 2, [2])]


async def test_it_waits_for_the_recipients_working_hours(clock):
    """The head is away to the end of the month; the CRO works in Auckland, where Friday afternoon is Saturday."""
    async with clock.db.write() as session:
        session.add(
            Absence(
                person_id=clock.team.head.id, first_day=date(2026, 3, 13), last_day=date(2026, 3, 30), recorded_at=NOW
            )
        )
        await session.execute(update(Person).where(Person.id == clock.cro.id).values(zone="Pacific/Auckland"))
    await clock.lived("sss")
    due = {(row.person_id, row.args["level"]): row.due_at for row in (await clock.posts()).values()
           if row.template == "escalation"}  # fmt: skip
    tuesday = datetime(2026, 3, 31, 7, tzinfo=UTC)  # 08:00, British Summer Time
    assert due == {
        (clock.team.head.id, 2): tuesday,
        (clock.team.head.id, 3): tuesday,
        (clock.cro.id, 3): datetime(2026, 3, 22, 19, tzinfo=UTC),  # Monday 08:00 in Auckland
    }


async def test_a_skip_recorded_in_the_very_instant_of_the_look_is_told_of_a_week_later(clock):
    await clock.lived("s")
    await clock.friday(11)
    await clock.says(11, "s", when=FRIDAYS[11])
    assert await clock.told() == []
    assert len(await clock.friday(12)) == 1


async def test_what_is_skipped_long_before_its_day_is_told_of_when_it_is_recorded(clock):
    await clock.says(10, "h")
    for week in (11, 12):
        await clock.says(week, "s", when=at(4, 12))
    assert await clock.friday(10) == [(clock.team.head.id, 2, [2])]
    assert len(await clock.friday(12)) == 1


async def test_after_a_friday_that_was_missed_the_next_one_tells_of_both_weeks(clock):
    await clock.lived("s")
    await clock.says(11, "s")
    await clock.says(12, "h")
    await clock.at(FRIDAYS[12])
    assert await clock.told() == [(clock.team.head.id, 2, [2])]


async def test_meetings_of_the_table_reach_the_head_without_any_weekly_review(sqlite):
    """The team call alone: there is a Friday to look back on, and no *other partners* for anybody."""
    async with sqlite.write() as session:
        pm, head = await make.person(session, "Pat", "pm"), await make.person(session, "Hedda", "head")
        team = await make.partner(session, "Acme", pm)
        await meetings.turn(session, "team_call", on=True, by=head, now=NOW, policy=POLICY)
    clock = Weeks(sqlite, team)
    await clock.at(NOW)
    async with sqlite.read() as session:
        call = (await session.scalars(select(Cadence).where(Cadence.kind == "team_call"))).one()
        assert set(await session.scalars(select(Cadence.kind))) == {"team_call", "friday_note"}
        assert await session.scalar(select(Occurrence.id).where(Occurrence.cadence_id == call.id)) is not None
    await clock.says(10, "h", cadence=call)
    for week in (11, 12):
        await clock.says(week, "s", cadence=call, by=head)
        await clock.friday(week)
    assert await clock.told() == [(head.id, 2, [2])]
    assert {row.template for row in (await clock.posts()).values()} <= {"escalation", "meeting_agenda"}
