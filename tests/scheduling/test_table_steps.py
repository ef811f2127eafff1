"""What the rows of the quarter's table owe, hour by hour: asked once, in working hours, and late only on the record."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from models import cadences, fiscal_calendar, pulses
from models.domain.errors import UserError
from models.domain.fiscal import WeekModel
from models.domain.meetings import Per
from models.domain.rights import Act, may
from models.domain.rules import NthWeekdayRule, QuarterWeekRule
from models.domain.workdays import in_working_hours
from models.minutes.closing import load, subject_of
from models.people import as_actor
from models.pulses import Pulse
from models.reviews import staff
from models.tables import Absence, Artifact, Cadence, Card, CardOccurrence, Change, Occurrence, Outbox, Person, Step
from scheduling.plan import materialise
from scheduling.tick import MEETING_AGENDA, tick
from tests import make, table
from tests.make import NOW, POLICY
from tests.table import at, days

WITH_TEAM = POLICY.model_copy(update={"team_channel": "team"})
CARDS = ("prepare", "close", "close_nudge")


class Clock:
    """A company, a database, and the hours passing."""

    def __init__(self, db, policy=WITH_TEAM):
        self.db, self.policy = db, policy

    async def at(self, *instants):
        for when in instants:
            while True:
                async with self.db.write() as session:
                    await materialise(session, now=when, policy=self.policy)
                    if not await tick(session, now=when, policy=self.policy):
                        break

    async def made(self, tier1=1, others=0, *, on=(), now=NOW, **more):
        async with self.db.write() as session:
            chiefs, pms, partners = await table.company(session, tier1, others, now=now, **more)
            await table.turn(session, *on, now=now, policy=self.policy)
        return chiefs, pms, partners

    async def posts(self):
        async with self.db.read() as session:
            return list(await session.scalars(select(Outbox).order_by(Outbox.id)))

    async def templates(self):
        return [row.template for row in await self.posts()]

    async def meeting(self, key, slot, of=None):
        async with self.db.read() as session:
            return (await table.held(session, await table.series(session, key, of)))[slot]

    async def steps(self, key, slot, of=None):
        """Due instants of a meeting's steps by kind and recipient."""
        async with self.db.read() as session:
            found = await self.meeting(key, slot, of)
            return {name: step.due_at for name, step in (await table.steps(session, found)).items()}

    async def states(self, key, slot, of=None):
        async with self.db.read() as session:
            found = await self.meeting(key, slot, of)
            return {name[0]: (step.state, step.note) for name, step in (await table.steps(session, found)).items()}

    async def count(self):
        async with self.db.read() as session:
            return [await session.scalar(select(func.count()).select_from(model))
                    for model in (Outbox, Card, CardOccurrence, Artifact, Step, Change, Occurrence)]  # fmt: skip


@pytest.fixture
def clock(sqlite):
    return Clock(sqlite)


def p(person):
    return f"p{person.id}"


async def test_a_company_meeting_owes_an_agenda_its_closing_one_nudge_and_its_end(clock):
    chiefs, *_ = await clock.made(on=["team_call"])
    head = p(chiefs["head"])
    assert await clock.steps("team_call", "2026-W10") == {
        ("agenda", "channel"): at(2, 9, 20), ("close_request", head): at(2, 10), ("close_nudge", head): at(3, 10),
        ("expire", "channel"): at(9, 10),
    }  # fmt: skip


async def test_a_pbr_is_prepared_three_working_days_before(clock):
    _, (pm,), (acme,) = await clock.made(on=["pbr"])
    found = await clock.steps("pbr", "2026-03", acme)
    assert found["prepare", p(pm)] == at(3, 10), "Tuesday, for Friday 6 March"
    assert found["close_request", p(pm)] == at(6, 11)
    assert found["close_nudge", p(pm)] == at(9, 10), "the next morning is Monday's"


@pytest.mark.parametrize(
    ("away", "day"),
    [
        ((), date(2026, 4, 29)),  # PBR on Wednesday 6 May: Tuesday; not the bank holiday on Monday 4; Friday, Thursday
        ((date(2026, 4, 30), date(2026, 5, 1)), date(2026, 4, 28)),
    ],
)
async def test_preparing_goes_around_holidays_and_days_away(clock, away, day):
    now = at(20, 8, month=4)
    async with clock.db.write() as session:
        _, (pm,), (acme,) = await table.company(session, 1, now=now)
        pm.calendar = "GB-ENG"
        spec = table.SPECS["pbr"].model_copy(update={"rule": NthWeekdayRule(weekday=2, nth=1)})
        await table.save(session, spec, now=now)
        await table.turn(session, "pbr", now=now)
        if away:
            session.add(Absence(person_id=pm.id, first_day=away[0], last_day=away[-1], recorded_at=now))
    await clock.at(datetime(2026, 4, 27, 7, tzinfo=UTC))
    found = await clock.steps("pbr", "2026-05", acme)
    expected = day + days(1) if not away else day
    assert found["prepare", p(pm)] == at(expected.day, 9, month=expected.month), "10:00 in London's summer"


async def test_the_cover_of_the_day_prepares_and_closes(clock):
    _, (pm,), (acme,) = await clock.made(on=["pbr"])
    async with clock.db.write() as session:
        cora = await make.person(session, "Cora Cover", "pm", zone="America/New_York")
        session.add(Absence(person_id=pm.id, first_day=date(2026, 3, 6), last_day=date(2026, 3, 10), cover_id=cora.id,
                            recorded_at=NOW))  # fmt: skip
    await clock.at(NOW)
    found = await clock.steps("pbr", "2026-03", acme)
    assert found["prepare", p(cora)] == at(3, 15), "10:00 in New York"
    assert found["close_request", p(cora)] == at(6, 13), "08:00 in New York, after the meeting"
    assert found["close_nudge", p(cora)] == at(9, 14), "10:00 there, where clocks have changed by then"
    assert not [name for name in found if name[1] == p(pm)]


async def test_without_a_cover_it_waits_until_they_are_back(clock):
    _, (pm,), (acme,) = await clock.made(on=["pbr"])
    async with clock.db.write() as session:
        session.add(Absence(person_id=pm.id, first_day=date(2026, 3, 6), last_day=date(2026, 3, 10), recorded_at=NOW))
    await clock.at(NOW)
    found = await clock.steps("pbr", "2026-03", acme)
    assert found["close_request", p(pm)] == at(11, 8)
    assert found["close_nudge", p(pm)] == at(12, 10)
    async with clock.db.write() as session:
        away = (await session.scalars(select(Absence))).one()
        away.last_day = date(2026, 3, 20)
    await clock.at(NOW)
    found = await clock.steps("pbr", "2026-03", acme)
    assert ("close_nudge", p(pm)) not in found, "by then it has expired"


async def test_a_meeting_at_the_end_of_the_day_is_closed_the_next_morning(clock):
    async with clock.db.write() as session:
        chiefs, *_ = await table.company(session)
        await table.save(session, table.own(at=time(17), minutes=60))
    found = await clock.steps("enablement", "2026-W10")
    assert found["close_request", p(chiefs["head"])] == at(4, 8)
    assert found["close_nudge", p(chiefs["head"])] == at(5, 10)


async def test_an_open_meeting_walks_through_its_messages_and_is_recorded_as_not_closed(clock):
    await clock.made(on=["team_call"])
    await clock.at(at(2, 9, 20))
    assert await clock.templates() == [MEETING_AGENDA]
    await clock.at(at(2, 10), at(3, 9, 59))
    assert await clock.templates() == [MEETING_AGENDA, "close"]
    await clock.at(at(3, 10), at(3, 10), at(4, 10), at(5, 10), at(6, 10))
    assert await clock.templates() == [MEETING_AGENDA, "close", "close_nudge"], "once, the next morning"
    await clock.at(at(9, 9, 19))
    assert (await clock.meeting("team_call", "2026-W10")).state == "planned"
    await clock.at(at(9, 10))
    found = await clock.meeting("team_call", "2026-W10")
    assert (found.state, found.skip_side, found.skip_reason, found.closed_at) == (
        "skipped",
        "ours",
        "not closed",
        at(9, 10),
    )
    async with clock.db.read() as session:
        noted = (await session.scalars(select(Change).where(Change.reason == "not closed"))).one()
    assert (noted.before, noted.after, noted.by_id) == ("planned", "skipped", None)


@pytest.mark.parametrize("how", ["closed", "skipped", "off"])
async def test_what_is_settled_is_not_asked_about_any_more(clock, how):
    chiefs, *_ = await clock.made(on=["team_call"])
    await clock.at(at(2, 9, 20), at(2, 10))
    async with clock.db.write() as session:
        found = (await table.held(session, await table.series(session, "team_call")))["2026-W10"]
        if how == "skipped":
            await cadences.skip(session, found, side=cadences.Side.OURS, reason="x", by=chiefs["head"], now=at(2, 11))
        elif how == "closed":
            found.state, found.closed_at = "held", at(2, 11)
        else:
            await table.turn(session, "team_call", on=False, now=at(2, 11), policy=WITH_TEAM)
    await clock.at(at(3, 10))
    expected = [MEETING_AGENDA, "close"] + (["close_nudge"] if how == "off" else [])
    assert await clock.templates() == expected, "what was asked for before its row was turned off is still held"


async def test_an_agenda_goes_to_its_channel_or_to_who_leads_it(clock):
    _, (pm,), (acme,) = await clock.made(on=["team_call", "pipeline_one_on_one"])
    async with clock.db.write() as session:
        (await session.get_one(type(acme), acme.id)).internal_channel = ""
    await clock.at(at(9, 9, 20), at(16, 10, 20))
    rows = {row.key: row for row in await clock.posts() if row.template == MEETING_AGENDA}
    call = await clock.meeting("team_call", "2026-W11")
    one = await clock.meeting("pipeline_one_on_one", "2026Q1-w11", acme)
    assert (rows[f"agenda:{call.id}"].channel_ref, rows[f"agenda:{call.id}"].person_id) == ("team", None)
    assert rows[f"agenda:{call.id}"].void_at == call.ends_at
    assert (rows[f"agenda:{one.id}"].channel_ref, rows[f"agenda:{one.id}"].person_id) == ("", pm.id)


async def test_an_agenda_without_a_channel_goes_to_the_cover_of_a_lead_who_is_away(clock):
    _, (pm,), (acme,) = await clock.made(on=["pipeline_one_on_one"])
    async with clock.db.write() as session:
        (await session.get_one(type(acme), acme.id)).internal_channel = ""
        cora = await make.person(session, "Cora Cover", "pm")
        session.add(Absence(person_id=pm.id, first_day=date(2026, 3, 16), last_day=date(2026, 3, 17), cover_id=cora.id,
                            recorded_at=NOW))  # fmt: skip
    await clock.at(at(16, 10, 20))
    assert [row.person_id for row in await clock.posts() if row.template == MEETING_AGENDA] == [cora.id]


async def test_office_hours_are_held_by_themselves_and_ask_nobody(clock):
    await clock.made(on=["office_hours"])
    assert set(await clock.steps("office_hours", "2026-W10")) == {("agenda", "channel"), ("over", "channel")}
    await clock.at(at(4, 15, 50), at(4, 16, 29))
    assert (await clock.meeting("office_hours", "2026-W10")).state == "planned"
    await clock.at(at(4, 16, 30))
    found = await clock.meeting("office_hours", "2026-W10")
    assert (found.state, found.closed_at, found.closed_by_id) == ("held", at(4, 16, 30), None)
    assert await clock.templates() == [MEETING_AGENDA]


async def test_office_hours_that_were_called_off_stay_so(clock):
    chiefs, *_ = await clock.made(on=["office_hours"])
    async with clock.db.write() as session:
        found = (await table.held(session, await table.series(session, "office_hours")))["2026-W10"]
        await cadences.skip(session, found, side=cadences.Side.OURS, reason="x", by=chiefs["head"], now=NOW)
    await clock.at(at(4, 16, 30))
    assert (await clock.meeting("office_hours", "2026-W10")).state == "skipped"


SPRING = at(30, 8)
PULSE = at(13, 9, month=4)


async def test_a_pulse_is_asked_once_and_is_over_after_two_weeks(clock):
    _, (pm,), (one, two) = await clock.made(0, 2, on=["pulse"], now=SPRING)
    assert await clock.steps("pulse", "2026Q2", one) == {}, "ten days ahead nothing is planned"
    await clock.at(PULSE - days(1))
    assert await clock.steps("pulse", "2026Q2", one) == {
        ("prepare", p(pm)): PULSE, ("expire", "channel"): PULSE + days(14),
    }  # fmt: skip
    await clock.at(PULSE, PULSE, PULSE + days(1), PULSE + days(8))
    assert await clock.templates() == ["prepare"], "two partners, one card, one message"
    async with clock.db.write() as session:
        found = await table.held(session, await table.series(session, "pulse", one))
        await pulses.answer(session, await session.get_one(Person, pm.id),
                            Pulse(found["2026Q2"].id, active=True, next_deal="", verdict="keep", why=""), now=PULSE + days(9),
                            policy=clock.policy)  # fmt: skip
    await clock.at(PULSE + days(14))
    first, second = [await clock.meeting("pulse", "2026Q2", partner) for partner in (one, two)]
    assert (first.state, second.state, second.skip_reason) == ("held", "skipped", "not answered")
    assert Counter(await clock.templates()) == {"prepare": 1, "pulses": 1}


async def test_pulses_drafts_and_closing_of_one_day_are_one_message_of_each_kind(clock):
    """On Tuesday 10 March three questions, three drafts and nine meetings fall on one manager."""
    async with clock.db.write() as session:
        _, (pm,), _ = await table.company(session, 3, 3)
        one = table.SPECS["pulse"].model_copy(
            update={"key": "ask", "name": "Ask", "rule": QuarterWeekRule(weeks=(10,), weekday=1)}
        )
        await table.save(session, one)
        pbr = table.SPECS["pbr"].model_copy(
            update={"key": "draft", "name": "Draft", "rule": NthWeekdayRule(weekday=4, nth=2)}
        )
        await table.save(session, pbr)
        for number in range(3):
            await table.save(session, table.own(f"m{number}", name=f"M{number}", per=Per.TIER1, lead="pm", people=("pm",),
                                                at=time(9 + number)))  # fmt: skip
    async with clock.db.write() as session:  # the week before is over and done
        for row in await session.scalars(select(Occurrence).where(Occurrence.day == date(2026, 3, 3))):
            row.state, row.closed_at = "held", at(3, 18)
    instants = [at(10, hour, minute) for hour in range(8, 13) for minute in (0, 45, 50)]
    await clock.at(*instants, *(at(11, hour) for hour in (8, 10, 11)))
    mine = Counter(row.key for row in await clock.posts() if row.person_id == pm.id)
    assert mine == {
        f"prepare:{pm.id}:2026-03-10": 1, f"close:{pm.id}:2026-03-10": 1, f"close_nudge:{pm.id}:2026-03-11": 1,
    }  # fmt: skip
    async with clock.db.read() as session:
        cards = {row.kind: row.id for row in await session.scalars(
            select(Card).where(Card.person_id == pm.id, Card.day == date(2026, 3, 10)))}  # fmt: skip
        held = Counter(await session.scalars(select(CardOccurrence.card_id)))
    assert held[cards["prepare"]] == 6, "three questions and three drafts"
    assert held[cards["close"]] == 9


async def test_ticking_the_same_instant_again_does_nothing_more(db):
    clock = Clock(db)
    await clock.made(2, 2, on=["team_call", "pbr", "pulse", "office_hours"])
    for when in (at(2, 9, 20), at(2, 10), at(3, 10), at(4, 16, 30), at(6, 11), at(9, 10)):
        await clock.at(when)
        before = await clock.count()
        await clock.at(when)
        assert await clock.count() == before


async def test_after_two_weeks_off_what_is_over_is_late_and_what_can_still_be_closed_is_asked_in_one_card(clock):
    chiefs, *_ = await clock.made(2, on=["team_call", "pbr"])
    await clock.at(NOW)
    await clock.at(at(14, 12))  # a Saturday
    assert await clock.templates() == [], "nobody is written to on a Saturday, and agendas are over"
    states = await clock.states("team_call", "2026-W11")
    assert states["agenda"] == ("late", "past its window")
    assert states["close_request"] == ("planned", "")
    assert (await clock.meeting("team_call", "2026-W10")).skip_reason == "not closed"
    await clock.at(at(16, 8))
    head = [row for row in await clock.posts() if row.person_id == chiefs["head"].id]
    assert [row.template for row in head] == ["close"], (
        "the nudge of the week that is still open waits for its own hour"
    )


async def test_a_late_agenda_is_not_sent_after_the_meeting_and_a_draft_not_after_the_pbr(clock):
    await clock.made(1, on=["team_call", "pbr"])
    await clock.at(NOW)
    await clock.at(at(6, 10, 30))
    assert MEETING_AGENDA in await clock.templates(), "the PBR has just begun"
    assert "prepare" not in await clock.templates()
    async with clock.db.read() as session:
        late = Counter(await session.scalars(select(Step.kind).where(Step.state == "late")))
    assert late == {"agenda": 1, "prepare": 1}, "the call's agenda and the PBR's draft"


@table.examples(6)
@given(
    hours=st.lists(st.integers(0, 24 * 7 * 4), min_size=3, max_size=8, unique=True),
    partners=st.integers(1, 3),
    place=st.sampled_from(["Europe/London", "America/New_York", "Asia/Kolkata"]),
)
async def test_whenever_the_bot_looks_nobody_is_written_to_twice_a_day_or_out_of_hours(sqlite, hours, partners, place):
    policy = WITH_TEAM
    async with sqlite.read() as session:
        await table.company(session, partners, partners, zones=(place,))
        await table.turn(
            session, "team_call", "pbr", "pulse", "forecast_one_on_one", "pipeline_one_on_one", "mbr", policy=policy
        )
        seen = set()
        for hour in sorted(hours):
            now = NOW + timedelta(hours=hour)
            await materialise(session, now=now, policy=policy)
            await tick(session, now=now, policy=policy)
            readers = (await staff(session, policy)).readers
            fresh = [row for row in await session.scalars(select(Outbox)) if row.id not in seen]
            seen |= {row.id for row in fresh}
            for row in fresh:
                assert row.void_at is None or row.void_at > now
                if row.template in CARDS:
                    assert in_working_hours(readers[row.person_id], now)
            assert (
                max(
                    Counter((row.template, row.person_id) for row in fresh if row.template in CARDS).values(), default=0
                )
                <= 1
            )
        posts = [row for row in await session.scalars(select(Outbox)) if row.template in CARDS]
        assert len({row.key for row in posts}) == len(posts)
        agendas = Counter(
            row.occurrence_id for row in await session.scalars(select(Outbox)) if row.template == MEETING_AGENDA
        )
        assert max(agendas.values(), default=1) == 1
        open_ = await session.scalars(
            select(Occurrence).where(Occurrence.ends_at < now - days(8), Occurrence.closed_at.is_(None),
                                     Occurrence.ends_at > Occurrence.starts_at)
        )  # fmt: skip
        assert list(open_) == [], "what nobody closed is settled"


# Settings that change in the middle of a quarter.

QUARTERLY = (
    "team_call",
    "forecast_one_on_one",
    "pipeline_one_on_one",
    "leadership_roll_up",
    "mbr",
    "qbr",
    "readout",
    "pbr",
)


async def state_of(session):
    rows = await session.execute(
        select(Cadence.kind, Cadence.partner_id, Occurrence)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(Cadence.meeting_id.is_not(None))
    )
    return {(kind, partner_id, row.slot): (row.starts_at, row.ends_at) for kind, partner_id, row in rows}


@pytest.mark.parametrize(
    "change",
    [
        {"fiscal_start_month": 2},
        {"fiscal_start_month": 4},
        {"fiscal_start_month": 12},
        {"fiscal_model": WeekModel.ISO_THURSDAY},
        {"fiscal_model": WeekModel.DAY_ONE},
        {"fiscal_model": WeekModel.DAY_ONE, "fiscal_start_month": 3},
    ],
)
@pytest.mark.parametrize("when", [at(18, 12), at(30, 8)])
async def test_another_fiscal_calendar_in_mid_quarter_loses_and_repeats_nothing_of_what_has_begun(sqlite, change, when):
    async with sqlite.write() as session:
        await table.company(session, 4)
        await table.turn(session, *QUARTERLY)
        await table.plan(session, now=when)
        await tick(session, now=when, policy=POLICY)
        before = await state_of(session)
        over = {key: value for key, value in before.items() if value[0] <= when}
        assert over
        kept = await fiscal_calendar.stored(session)
        policy = POLICY.model_copy(update={**change, "kept_quarters": kept})
        await table.plan(session, now=when, policy=policy)
        after = await state_of(session)
        assert {key: after.get(key) for key in over} == over, "what has begun stands"
        fresh = {key: value for key, value in after.items() if key not in before}
        assert all(value[0] > when for value in fresh.values()), "nothing is made in the past"
        this = {key for key in before if key[2].startswith("2026Q1") and key not in over}
        assert {key for key in this if key in after or key[0] in ("qbr", "readout", "mbr")} == this
        weekly = {key for key in before if "-W" in key[2] or key[0] == "pbr"}
        assert {key: before[key] for key in weekly} == {key: after[key] for key in weekly}, "weeks and months stay"
        back = POLICY.model_copy(update={"kept_quarters": await fiscal_calendar.stored(session)})
        await table.plan(session, now=when, policy=back)
        again = await state_of(session)
        until = cadences.last_planned_day(when, POLICY)
        planned = [{key for key, value in found.items() if value[0].date() <= until} for found in (before, again)]
        assert planned[0] == planned[1]


async def test_another_company_zone_moves_what_is_ahead_and_keeps_what_was_asked_for(sqlite):
    async with sqlite.write() as session:
        await table.company(session, 1)
        await table.turn(session, "team_call", "mbr")
        before = await state_of(session)
        asked = (await table.held(session, await table.series(session, "team_call")))["2026-W10"]
        asked.state = "prompted"
        policy = POLICY.model_copy(update={"zone": "America/New_York"})
        await table.plan(session, now=NOW, policy=policy)
        after = await state_of(session)
        assert after.keys() == before.keys()
        assert after["team_call", None, "2026-W10"][0] == at(2, 9, 30)
        assert after["team_call", None, "2026-W11"][0] == at(9, 13, 30), "09:30 in New York's summer"


async def test_another_prompt_hour_moves_what_is_planned_and_sends_nothing_again(sqlite):
    clock = Clock(sqlite)
    _, (pm,), (acme,) = await clock.made(1, on=["pbr"])
    await clock.at(at(3, 10))
    assert await clock.templates() == ["prepare"]
    clock.policy = WITH_TEAM.model_copy(update={"prompt_at": time(11)})
    await clock.at(at(3, 10, 30), at(3, 11))
    assert await clock.templates() == ["prepare"]
    assert (await clock.steps("pbr", "2026-03", acme))["close_nudge", p(pm)] == at(9, 11)


async def test_an_agenda_that_a_person_gets_for_want_of_a_channel_waits_for_their_working_hours(db):
    """A head in New York whose team call is at 09:30 in London is not written to at 04:20."""
    clock = Clock(db, POLICY)
    chiefs, _, _ = await clock.made(on=("team_call",))
    async with db.write() as session:
        head = await session.get(Person, chiefs["head"].id)
        head.zone = "America/New_York"
    monday = at(9)
    await clock.at(monday + timedelta(hours=9, minutes=20), monday + timedelta(hours=9, minutes=40))
    assert MEETING_AGENDA not in await clock.templates()
    assert (await clock.states("team_call", "2026-W11"))["agenda"][0] == "late"
    london = Clock(db, WITH_TEAM)
    await london.at(at(16, 9, 20))
    assert (await london.templates()).count(MEETING_AGENDA) == 1, "a channel has no night"


async def test_after_a_downtime_longer_than_any_window_nothing_stays_planned_for_ever(db):
    clock = Clock(db)
    await clock.made(on=("team_call", "office_hours"))
    await clock.at(NOW + timedelta(days=45))
    async with db.read() as session:
        left = await session.scalars(
            select(Occurrence)
            .join(Cadence, Cadence.id == Occurrence.cadence_id)
            .where(
                Cadence.meeting_id.is_not(None),
                Occurrence.closed_at.is_(None),
                Occurrence.state == "planned",
                Occurrence.ends_at < NOW + timedelta(days=36),
            )
        )
        assert [row.slot for row in left] == []


async def test_a_meeting_of_a_partner_that_the_cro_leads_is_closed_by_the_cro(db):
    clock = Clock(db)
    chiefs, pms, (acme,) = await clock.made()
    spec = table.own(
        "sponsor", name="Sponsor call", per=Per.TIER1, lead="cro", people=("pm", "cro"), channel="internal"
    )
    async with db.write() as session:
        await table.save(session, spec)
        found = await table.held(session, await table.series(session, "sponsor", acme))
        meeting = found["2026-W11"]
        occurrence, cadence, _, crew = await load(session, meeting.id)
        subject = await subject_of(session, cadence, crew, now=NOW, policy=POLICY)
        people_ = {row.id: row for row in await session.scalars(select(Person))}
        assert may(as_actor(people_[chiefs["cro"].id]), Act.CLOSE_MEETING, subject).allowed
        assert not may(as_actor(people_[pms[0].id]), Act.CLOSE_MEETING, subject).allowed
    assert occurrence.id == meeting.id
    steps = await clock.steps("sponsor", "2026-W10", acme)
    assert ("close_request", f"p{chiefs['cro'].id}") in steps


async def test_a_pbr_cannot_be_closed_past_its_own_gate(db):
    clock = Clock(db)
    _, _, (acme,) = await clock.made(on=("pbr",))
    async with db.write() as session:
        found = next(iter((await table.held(session, await table.series(session, "pbr", acme))).values()))
        with pytest.raises(UserError, match="is not closed here"):
            await load(session, found.id)
