"""A person's calendar: which meetings stand in it, under what names, and the secret address it is read by."""

from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from handlers.calendar import ics
from models import cadences, calendars
from models.cadences import Side
from models.tables import Absence, Answer, Cadence, CalendarFeed, Change, MeetingKind, Occurrence
from tests import make
from tests.make import NOW, POLICY, TODAY

LATER = NOW + timedelta(hours=1)


async def entries(session, person, now=NOW):
    return await calendars.entries(session, person, now=now, policy=POLICY)


async def weeks(session, person, **how):
    """The person's entries by slot."""
    return {entry.slot: entry for entry in await entries(session, person, **how)}


async def kind(session, key, people, *, name="", minutes=60, agenda=()):
    made = MeetingKind(
        key=key, name=name or key, position=1, rule=cadences.weekly(1), at=time(14), minutes=minutes, per="company",
        lead="head", people=list(people), channel="leadership", agenda=list(agenda), questions=[], leaves="note",
        ends_in="commitments", enabled=True, changed_at=NOW,
    )  # fmt: skip
    session.add(made)
    await session.flush()
    return made


async def meeting(session, of, slot="2026-W10", *, partner=None, pm=None, starts_at=datetime(2026, 3, 3, 14, tzinfo=NOW.tzinfo),
                  **more):  # fmt: skip
    """One meeting of the quarter's table, with its series."""
    cadence = Cadence(
        kind=of.key, meeting_id=of.id, partner_id=partner.id if partner else None, pm_id=pm.id if pm else None,
        rule=of.rule, at=of.at, zone="Europe/London", minutes=of.minutes, state="active", starts_on=TODAY, created_at=NOW,
    )  # fmt: skip
    session.add(cadence)
    await session.flush()
    made = Occurrence(
        cadence_id=cadence.id, slot=slot, nominal_day=starts_at.date(), day=starts_at.date(), starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=of.minutes), moved_reason="", skip_side="", skip_reason="", **more,
    )  # fmt: skip
    session.add(made)
    await session.flush()
    return made


async def bump(session, small, occurrence, **how):
    wanted = {"day": date(2026, 3, 6), "at": time(11), "reason": "Their fair", "by": small.pm, "now": LATER, **how}
    await cadences.bump(session, occurrence, policy=POLICY, **wanted)
    await session.flush()


async def test_a_review_stands_in_the_calendars_of_its_manager_and_of_those_who_own_its_deals(db):
    async with db.write() as session:
        small = await make.small(session)
        stranger = await make.person(session, "Sid Seller", "ae")
        theirs = await weeks(session, small.pm)
        assert theirs.keys() == (await weeks(session, small.ann)).keys() == (await weeks(session, small.bob)).keys()
        assert len(theirs) >= 5
        assert await entries(session, stranger) == []
        assert await entries(session, small.head) == [], "a leader's calendar is not everybody's"
    first = theirs["2026-W10"]
    assert (first.partner, first.meeting, first.zone, first.state) == (
        "Acme", "Weekly deal review", "Europe/London", "planned",
    )  # fmt: skip
    assert (first.starts_at, first.ends_at) == (small.week.starts_at, small.week.ends_at)
    assert list(theirs) == sorted(theirs), "in order of time"


async def test_whoever_answered_keeps_the_review_though_the_deal_has_closed(db):
    async with db.write() as session:
        small = await make.small(session, deals=1)
        session.add(Answer(occurrence_id=small.week.id, deal_id=small.deals["Deal 0"].id, by_id=small.pm.id,
                           for_id=small.ann.id, at=NOW, kind="answer", changed={}))  # fmt: skip
        (await make.current(session, small.deals["Deal 0"])).category = "won"
        await session.flush()
        assert list(await weeks(session, small.ann)) == ["2026-W10"]
        assert await entries(session, small.bob) == []


async def test_absence_takes_nothing_out(db):
    async with db.write() as session:
        small = await make.small(session)
        before = await entries(session, small.pm)
        session.add(Absence(person_id=small.pm.id, first_day=TODAY, last_day=TODAY + timedelta(days=60),
                            cover_id=small.bob.id, recorded_by_id=small.pm.id, recorded_at=NOW))  # fmt: skip
        await session.flush()
        assert await entries(session, small.pm) == before


async def test_table_meetings_are_those_of_the_people_their_row_names_and_bring_their_agenda(db):
    async with db.write() as session:
        pat, quin = await make.person(session, "Pat", "pm"), await make.person(session, "Quin", "pm")
        head, cfo = await make.person(session, "Hedda", "head"), await make.person(session, "Carl", "cfo")
        ann = await make.person(session, "Ann", "ae")
        acme = await make.partner(session, "Acme", pat)
        await meeting(
            session, await kind(session, "roll_up", ("head", "pm"), agenda=("Each forecast", "Sign-off")), "a"
        )
        await meeting(session, await kind(session, "pbr", ("pm", "counterpart")), "b", partner=acme, pm=pat)
        await meeting(session, await kind(session, "mbr", ("head", "cfo"), name="Monthly review"), "c")
        await meeting(session, await kind(session, "pulse", ("pm",), minutes=0), "d", partner=acme, pm=pat)
        found = {who.name: sorted(await weeks(session, who)) for who in (pat, quin, head, cfo, ann)}
        roll_up = (await weeks(session, head))["a"]
        pbr = (await weeks(session, pat))["b"]
    assert found == {"Pat": ["a", "b"], "Quin": ["a"], "Hedda": ["a", "b", "c"], "Carl": ["c"], "Ann": []}
    assert (roll_up.partner, roll_up.agenda) == ("", ("Each forecast", "Sign-off"))
    assert (pbr.partner, pbr.agenda) == ("Acme", ())


async def test_it_looks_thirty_days_back_and_as_far_ahead_as_is_planned(db):
    async with db.write() as session:
        head = await make.person(session, "Hedda", "head")
        row = await kind(session, "mbr", ("head",))
        for days in (-31, -29, 0, 300):
            await meeting(session, row, f"{days}", starts_at=NOW + timedelta(days=days))
        assert list(await weeks(session, head)) == ["-29", "0", "300"]


async def test_a_bump_moves_the_same_event_and_says_who_and_why(db):
    async with db.write() as session:
        small = await make.small(session)
        before = (await weeks(session, small.ann))["2026-W10"]
        await bump(session, small, small.week)
        after = (await weeks(session, small.ann))["2026-W10"]
    assert ics.uid(after) == ics.uid(before)
    assert after.revision > before.revision
    assert after.changed_at == LATER > before.changed_at
    assert after.starts_at == datetime(2026, 3, 6, 11, tzinfo=NOW.tzinfo)
    assert (after.moved_by, after.moved_reason) == ("Pat Manager", "Their fair")
    assert not after.is_cancelled


@pytest.mark.parametrize("side", list(Side))
async def test_a_skip_cancels_the_event_with_whose_side_and_why(db, side):
    async with db.write() as session:
        small = await make.small(session)
        before = (await weeks(session, small.pm))["2026-W10"]
        await cadences.skip(session, small.week, side=side, reason="Nobody there", by=small.pm, now=LATER)
        await session.flush()
        after = (await weeks(session, small.pm))["2026-W10"]
    assert after.is_cancelled
    assert (after.side, after.reason) == (side, "Nobody there")
    assert after.revision > before.revision


async def test_an_edited_rule_moves_the_same_events(db):
    async with db.write() as session:
        small = await make.small(session)
        before = await weeks(session, small.pm)
        await make.review(session, small.acme, weekday=1, at=time(14), now=LATER, by=small.pm)
        after = await weeks(session, small.pm, now=LATER)
    assert {slot: ics.uid(entry) for slot, entry in before.items()} == {
        slot: ics.uid(entry) for slot, entry in after.items()
    }
    assert all(after[slot].revision > before[slot].revision for slot in before)
    assert f"{after['2026-W11'].starts_at:%a %H:%M}" == "Tue 14:00"


async def test_the_revision_does_not_fall_when_a_meeting_is_dropped_and_made_anew(db):
    async with db.write() as session:
        small = await make.small(session)
        week = await make.occurrence(session, small.cadence, "2026-W11")
        await cadences.skip(session, week, side=Side.PARTNER, reason="Their fair", by=small.pm, now=NOW)
        await session.flush()
        before = (await weeks(session, small.pm))["2026-W11"]
        await session.delete(week)
        await session.flush()
        await make.review(session, small.acme, weekday=1, at=time(14), now=LATER, by=small.pm)
        after = (await weeks(session, small.pm, now=LATER))["2026-W11"]
    assert (before.is_cancelled, after.is_cancelled) == (True, False), "it is another row"
    assert after.revision > before.revision
    assert ics.uid(after) == ics.uid(before)


async def test_two_series_never_share_an_event(db):
    async with db.write() as session:
        small = await make.small(session)
        other = await make.partner(session, "Beta", small.pm)
        await make.review(session, other, at=time(11))
        found = await entries(session, small.pm)
    assert len({ics.uid(entry) for entry in found}) == len(found)


async def test_the_statements_do_not_grow_with_meetings(sqlite):
    counted = []
    async with sqlite.write() as session:
        small = await make.small(session)
    for number in range(2):
        async with sqlite.read() as session:
            for who in (small.pm, small.ann):
                person = await session.get_one(type(who), who.id)
                with make.counting(sqlite) as statements:
                    assert await entries(session, person)
                counted.append(len(statements))
        async with sqlite.write() as session:
            for place in range(8) if number == 0 else ():
                more = await make.partner(session, f"P{place}", await session.get_one(type(small.pm), small.pm.id))
                await make.review(session, more, weekday=place % 5, at=time(13 + place // 5))
                await make.deal(session, f"More {place}", more, small.ann)
    assert counted[:2] == counted[2:]


async def test_the_address_is_made_once_and_leads_to_its_person_until_it_is_renewed(db):
    async with db.write() as session:
        ann, bob = await make.person(session, "Ann", "ae"), await make.person(session, "Bob", "ae")
        first = await calendars.secret_of(session, ann, now=NOW)
        assert len(first) == 43, "256 bits"
        assert await calendars.secret_of(session, ann, now=LATER) == first
        assert await calendars.secret_of(session, bob, now=NOW) != first
        assert (await calendars.whose(session, first)).id == ann.id
        await calendars.renew(session, ann, now=LATER)
        await session.flush()
        second = await calendars.secret_of(session, ann, now=LATER)
        assert second != first
        assert await calendars.whose(session, first) is None
        assert (await calendars.whose(session, second)).id == ann.id
        assert (await session.get_one(CalendarFeed, ann.id)).made_at == LATER
        (trail,) = await session.scalars(select(Change).where(Change.field == "calendar address"))
        assert (trail.by_id, trail.before, trail.after) == (ann.id, None, None), "the trail names no secret"


@pytest.mark.parametrize("gone", [{"active": False}, {"side": "partner"}])
async def test_whoever_left_or_is_not_ours_any_more_has_no_calendar(db, gone):
    async with db.write() as session:
        ann = await make.person(session, "Ann", "ae")
        secret = await calendars.secret_of(session, ann, now=NOW)
        for name, value in gone.items():
            setattr(ann, name, value)
        await session.flush()
        assert await calendars.whose(session, secret) is None
        assert await calendars.whose(session, "") is None


async def test_an_address_can_be_renewed_before_it_was_ever_asked_for(db):
    async with db.write() as session:
        ann = await make.person(session, "Ann", "ae")
        await calendars.renew(session, ann, now=NOW)
        assert await calendars.secret_of(session, ann, now=NOW)
