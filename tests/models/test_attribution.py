"""Attribution as rows: two names by two people, the clock in SQL, changes, touches, covers, and who is waited for."""

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, func, insert, select
from sqlalchemy.orm import Session

from models import attribution
from models.attribution import Given, sql
from models.db import Database
from models.deals import PRESENT, Source, append_version, lock
from models.domain.attribution import Clock
from models.domain.errors import FieldErrors, NotAllowed, Stale, UserError
from models.domain.forecast.facts import AttributionState, Terms
from models.domain.zones import local_date, zone
from models.imports import import_deals
from models.imports.activating import activate, finish, settle
from models.minutes.figures import cells
from models.tables import (
    Absence,
    AttributionClaim,
    AttributionSignature,
    Base,
    Change,
    Deal,
    DealVersion,
    ImportRun,
    LossReason,
    Partner,
    Person,
    TermsVersion,
    Touch,
)
from tests import make
from tests.make import POLICY
from tests.models.test_births import doubled, same, shown, staged
from tests.world import deal as row
from tests.world import deals_csv

NOW = make.NOW  # Monday 2 March 2026, the installation's day
TODAY = make.TODAY
DAY = timedelta(days=1)
TOUCH = Given(TODAY, "introduced us to the buyer")


class Room:
    """Acme, its manager, two sellers, and a deal created today; hands to sign."""

    def __init__(self, session, team):
        self.session, self.team = session, team
        self.deal = next(iter(team.deals.values()), None)

    async def claim(self, by, kind, *, now=NOW, deal=None, **more):
        return await attribution.claim(
            self.session, by, (deal or self.deal).id, kind, now=now, policy=POLICY, **more
        )  # fmt: skip

    async def sign(self, by, now=NOW):
        waiting = (await self.desk()).waiting
        return await attribution.sign(self.session, by, waiting.row.id, now=now, policy=POLICY)

    async def desk(self, now=NOW, deal=None):
        return await attribution.desk_of(self.session, (deal or self.deal).id, now=now, policy=POLICY)

    async def both(self, kind="sourced", now=NOW, **more):
        await self.claim(self.team.ann, kind, now=now, **more)
        return await self.claim(self.team.pm, kind, now=now)

    async def refused(self, by, kind, error=FieldErrors, **more):
        before = await self.counts()
        with pytest.raises(error) as found:
            await self.claim(by, kind, **more)
        assert await self.counts() == before
        return found.value.errors if error is FieldErrors else str(found.value)

    async def move(self, partner, *, now=NOW, deal=None):
        """Let a version with another primary partner stand."""
        held, current = await lock(self.session, (deal or self.deal).id)
        return await append_version(
            self.session, held, current, {"partner_id": partner.id if partner else None}, Source(now, None, "slack")
        )

    async def touch(self, by, given=None, *, now=NOW, **more):
        return await attribution.record_touch(
            self.session, by, self.deal.id, given or Given(local_date(now, zone(POLICY.zone)), "a demo"),
            now=now, policy=POLICY, **more,
        )  # fmt: skip

    async def counts(self):
        tables = (AttributionClaim, AttributionSignature, Touch, Change)
        counted = [select(func.count()).select_from(table).scalar_subquery() for table in tables]
        return tuple((await self.session.execute(select(*counted))).one())

    async def waiting(self, person, now=NOW, **more):
        return await attribution.waiting_for(self.session, person, now=now, policy=POLICY, **more)

    async def away(self, person, cover):
        self.session.add(
            Absence(person_id=person.id, first_day=TODAY, last_day=TODAY, cover_id=cover.id, recorded_at=NOW)
        )
        await self.session.flush()


@pytest.fixture
async def room(sqlite):
    async with sqlite.write() as session:
        team = await make.small(session)
        for deal in team.deals.values():
            (await make.current(session, deal)).created_date = TODAY
        yield Room(session, team)


# Two names.


async def test_the_first_name_is_one_sided_and_the_second_puts_it_in_force_in_time(room):
    first = await room.claim(room.team.ann, "sourced")
    assert (first.in_force, first.state, room.deal.attribution, room.deal.attribution_state) == (
        False, "one_sided", "sourced", "one_sided",
    )  # fmt: skip
    assert first.waits_for == "Pat Manager (partner manager) has to sign."
    done = await room.claim(room.team.pm, "sourced", now=NOW + 14 * DAY)
    assert (done.in_force, done.state, done.waits_for) == (True, "signed", "")
    desk = await room.desk()
    assert [(held.side, held.person_id, held.for_id) for held in desk.in_force.signatures] == [
        ("ae", room.team.ann.id, None), ("pm", room.team.pm.id, None),
    ]  # fmt: skip
    assert desk.in_force.row.due == TODAY + 14 * DAY


async def test_a_second_name_after_the_fourteenth_day_is_late(room):
    await room.claim(room.team.pm, "sourced")
    done = await room.sign(room.team.ann, now=NOW + 15 * DAY)
    assert (done.state, room.deal.attribution_state) == ("late", "late")


async def test_the_day_is_the_companys_not_utcs(room):
    summer = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)  # 1 April in London
    (await make.current(room.session, room.deal)).created_date = date(2026, 3, 17)
    await room.claim(room.team.pm, "sourced", now=summer - DAY)
    assert (await room.sign(room.team.ann, now=summer)).state == "late"


async def test_one_person_cannot_sign_twice(room):
    await room.claim(room.team.ann, "sourced")
    errors = await room.refused(room.team.ann, "sourced")
    assert errors == {"kind": "You have signed this already. Pat Manager (partner manager) has to sign."}
    with pytest.raises(UserError, match="two different people"):
        await room.sign(room.team.ann)


async def test_who_owns_the_deal_and_manages_the_partner_signs_one_side_and_hears_what_to_do(room):
    room.team.acme.pm_id = room.team.ann.id
    done = await room.claim(room.team.ann, "sourced")
    assert "two different people have to sign" in done.waits_for
    assert "two different people have to sign" in (await room.refused(room.team.ann, "sourced"))["kind"]
    await room.away(room.team.ann, room.team.bob)
    assert (await room.sign(room.team.bob)).in_force
    assert {held.for_id for held in (await room.desk()).in_force.signatures} == {None, room.team.ann.id}


async def test_somebody_else_learns_who_signs(room):
    for stranger in (room.team.bob, room.team.head):
        words = await room.refused(stranger, "sourced", NotAllowed)
        assert words == (
            "You cannot sign this deal's attribution. Ann Seller (owner of the deal) and Pat Manager (partner manager) sign it."
        )
    outsider = await make.person(room.session, "Eve", "ae", side="theirs")
    assert "only people of our own company" in await room.refused(outsider, "sourced", NotAllowed)


async def test_a_cover_signs_in_their_own_name_for_who_is_away(room):
    await room.claim(room.team.ann, "sourced")
    await room.away(room.team.pm, room.team.bob)
    await room.sign(room.team.bob)
    held = (await room.desk()).in_force.signatures[1]
    assert (held.side, held.person_id, held.for_id) == ("pm", room.team.bob.id, room.team.pm.id)


async def test_a_cover_of_who_has_signed_cannot_be_the_second_name_of_the_same_side(room):
    await room.claim(room.team.ann, "sourced")
    await room.away(room.team.ann, room.team.bob)
    with pytest.raises(UserError, match=r"has signed as AE already\. Pat Manager"):
        await room.sign(room.team.bob)


async def test_a_deal_without_owner_or_manager_names_what_is_missing(room):
    (await make.current(room.session, room.deal)).owner_id = None
    done = await room.claim(room.team.pm, "sourced")
    assert "name its owner in the CRM" in done.waits_for
    other = room.team.deals["Deal 1"]
    room.team.acme.pm_id = None
    done = await room.claim(room.team.bob, "sourced", deal=other)
    assert "Acme has no partner manager" in done.waits_for


async def test_an_owner_who_left_is_named_as_gone(room):
    room.team.ann.active = False
    done = await room.claim(room.team.pm, "sourced")
    assert done.waits_for.startswith("Ann Seller (AE) has left")


async def test_the_successor_signs_and_the_name_of_the_one_before_stands(room):
    await room.claim(room.team.pm, "sourced")
    room.team.acme.pm_id = room.team.head.id
    await room.sign(room.team.ann)
    assert {held.person_id for held in (await room.desk()).in_force.signatures} == {room.team.pm.id, room.team.ann.id}


async def test_a_direct_deal_has_nothing_to_attribute(room):
    direct = await make.deal(room.session, "Direct", None, room.team.ann)
    assert "has no partner" in await room.refused(room.team.ann, "sourced", UserError, deal=direct)


async def test_a_kind_that_is_none_and_a_deal_that_is_gone_are_refused(room):
    assert "Choose sourced" in (await room.refused(room.team.ann, "gifted"))["kind"]
    with pytest.raises(UserError, match="does not exist"):
        await attribution.claim(room.session, room.team.ann, 999, "sourced", now=NOW, policy=POLICY)
    with pytest.raises(UserError, match="does not exist"):
        await attribution.sign(room.session, room.team.ann, 999, now=NOW, policy=POLICY)


# Another kind.


async def test_naming_another_kind_before_both_have_signed_replaces_it_and_says_so(room):
    await room.claim(room.team.ann, "sourced")
    errors = await room.refused(room.team.pm, "co_sold", touch=TOUCH)
    assert errors == {"reason": "It is sourced, signed by Ann Seller. Say why it is co-sold instead: their signature falls, and both "
                                "sign anew."}  # fmt: skip
    done = await room.claim(room.team.pm, "co_sold", touch=TOUCH, reason="We built it with them")
    assert (done.replaced, done.in_force, done.waits_for) == ("sourced", False, "Ann Seller (AE) has to sign.")
    desk = await room.desk()
    assert [(claim.kind, claim.live, len(claim.signatures)) for claim in desk.claims] == [
        ("sourced", False, 1), ("co_sold", True, 1),
    ]  # fmt: skip
    line = await room.session.scalar(select(Change).where(Change.entity == "attribution_claim"))
    assert (line.by_id, line.entity_id) == (room.team.pm.id, desk.claims[0].row.id)


async def test_a_change_needs_a_reason_and_both_and_the_old_kind_stands_until_then(room):
    await room.both()
    errors = await room.refused(room.team.ann, "influenced", touch=TOUCH)
    assert errors == {"reason": "It is sourced, signed by both. Say why that changes: both have to sign the change."}
    done = await room.claim(room.team.ann, "influenced", touch=TOUCH, reason="  we had met them before ")
    assert (done.state, done.in_force, room.deal.attribution, room.deal.attribution_state) == (
        "signed", False, "sourced", "signed",
    )  # fmt: skip
    await room.sign(room.team.pm, now=NOW + DAY)
    desk = await room.desk()
    assert (room.deal.attribution, desk.in_force.row.reason) == ("influenced", "we had met them before")
    old = desk.claims[0]
    assert (old.kind, len(old.signatures), old.row.in_force_at, old.row.replaced_at) == ("sourced", 2, NOW, NOW + DAY)


async def test_naming_the_kind_in_force_takes_a_waiting_change_back(room):
    await room.both()
    await room.claim(room.team.ann, "co_sold", touch=TOUCH, reason="joint demo")
    done = await room.claim(room.team.pm, "sourced")
    assert (done.withdrawn, done.in_force, room.deal.attribution) == (True, True, "sourced")
    assert (await room.desk()).waiting is None
    assert "Nothing changes: the deal is sourced, signed by" in (await room.refused(room.team.pm, "sourced"))["kind"]


async def test_what_was_replaced_cannot_be_signed_any_more(room):
    await room.claim(room.team.ann, "sourced")
    old = (await room.desk()).waiting.row.id
    await room.claim(room.team.ann, "co_sold", touch=TOUCH)
    with pytest.raises(UserError, match="waits no more: Deal 0 is co-sold, signed by Ann Seller now"):
        await attribution.sign(room.session, room.team.pm, old, now=NOW, policy=POLICY)


async def test_a_form_that_showed_something_else_comes_back_with_both_values(room):
    seen = (await room.desk()).print
    await room.claim(room.team.ann, "sourced")
    with pytest.raises(Stale) as found:
        await room.claim(room.team.pm, "co_sold", touch=TOUCH, seen=seen)
    (conflict,) = found.value.conflicts
    assert (conflict.shown, conflict.present, conflict.typed, conflict.by) == (
        "nobody had signed", "sourced, signed by Ann Seller", "co-sold", "Ann Seller",
    )  # fmt: skip


async def test_two_who_name_the_same_kind_without_having_seen_each_other_have_both_signed(room):
    seen = (await room.desk()).print
    await room.claim(room.team.ann, "sourced", seen=seen)
    assert (await room.claim(room.team.pm, "sourced", seen=seen)).in_force


async def test_a_touch_recorded_meanwhile_makes_no_form_stale(room):
    seen = (await room.desk()).print
    await attribution.record_touch(room.session, room.team.head, room.deal.id, TOUCH, now=NOW, policy=POLICY)
    assert (await room.claim(room.team.ann, "influenced", seen=seen)).state == "one_sided"


# Touches.


async def test_influenced_needs_a_touch_and_its_clock_begins_with_it(room):
    errors = await room.refused(room.team.ann, "influenced")
    assert set(errors) == {"touch_day", "touch_said"}
    later = NOW + 5 * DAY
    await room.claim(room.team.ann, "influenced", now=later, touch=Given(TODAY + 4 * DAY, "demo for the buyer"))
    desk = await room.desk()
    assert (room.deal.touched_on, desk.waiting.row.due) == (TODAY + 4 * DAY, TODAY + 18 * DAY)
    touch = desk.touches[0]
    assert (touch.source, touch.said, touch.by_id, touch.partner_id) == (
        "form", "demo for the buyer", room.team.ann.id, room.team.acme.id,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("touch", "field"),
    [
        (Given(TODAY + DAY, "x"), "touch_day"),
        (Given(TODAY - DAY, "x"), "touch_day"),
        (Given(None, "x"), "touch_day"),
        (Given(TODAY, "  \u202e "), "touch_said"),
    ],
)
async def test_a_touch_with_a_nonsense_day_or_without_words_is_refused_and_nothing_saved(room, touch, field):
    assert set(await room.refused(room.team.ann, "co_sold", touch=touch)) == {field}
    with pytest.raises(FieldErrors) as found:
        await attribution.record_touch(room.session, room.team.ann, room.deal.id, touch, now=NOW, policy=POLICY)
    assert set(found.value.errors) == {field}


async def test_an_earlier_touch_moves_the_clock_of_what_waits_and_leaves_what_is_signed(room):
    (await make.current(room.session, room.deal)).created_date = TODAY - 10 * DAY
    room.session.add(ImportRun(kind="deals", file_name="x", digest="x", at=NOW - 30 * DAY))
    await room.claim(room.team.ann, "influenced", touch=TOUCH)
    early = Given(TODAY - 9 * DAY, "introduced us", "C1", "123.4")
    for _ in range(2):  # the same message counts once
        desk = await attribution.record_touch(room.session, room.team.pm, room.deal.id, early, now=NOW, policy=POLICY)
    assert (desk.waiting.row.due, desk.deal.touched_on, len(desk.touches)) == (TODAY + 5 * DAY, early.day, 2)
    assert (desk.touches[0].source, desk.touches[0].channel_id, desk.touches[0].ts) == ("message", "C1", "123.4")
    await room.sign(room.team.pm, now=NOW + 5 * DAY)
    earliest = Given(TODAY - 10 * DAY, "first call")
    desk = await attribution.record_touch(room.session, room.team.pm, room.deal.id, earliest, now=NOW, policy=POLICY)
    assert (desk.in_force.row.due, desk.deal.attribution_state) == (TODAY + 5 * DAY, "signed")


async def test_a_touch_is_recorded_by_owner_manager_or_head_and_nobody_else(room):
    with pytest.raises(NotAllowed, match=r"Ann Seller \(owner of the deal\), Pat Manager"):
        await attribution.record_touch(room.session, room.team.bob, room.deal.id, TOUCH, now=NOW, policy=POLICY)
    await attribution.record_touch(room.session, room.team.head, room.deal.id, TOUCH, now=NOW, policy=POLICY)
    assert room.deal.touched_on == TODAY


# The clock over all deals.


async def test_the_installations_day_is_the_companys_date_of_the_first_import_or_deal(sqlite):
    async with sqlite.write() as session:
        assert await attribution.installed_on(session, POLICY) is None
        session.add(ImportRun(kind="people", file_name="x", digest="x", at=datetime(2026, 7, 1, 23, 30, tzinfo=UTC)))
        await session.flush()
        assert await attribution.installed_on(session, POLICY) == date(2026, 7, 2)
        await make.deal(session, "Early", None, None, seen=datetime(2026, 6, 1, 12, tzinfo=UTC))
        assert await attribution.installed_on(session, POLICY) == date(2026, 6, 1)
        found = await attribution.ground(session, now=NOW, policy=POLICY)
        assert (found.installed_on, found.days, found.today) == (date(2026, 6, 1), 14, TODAY)


async def test_the_terms_in_force_say_how_many_days(room):
    room.session.add(TermsVersion(number=2, terms=Terms(version=2, attribution_days=7).model_dump(mode="json"),
                                  reason="x", at=NOW, by_id=room.team.head.id))  # fmt: skip
    await room.session.flush()
    await room.claim(room.team.ann, "sourced")
    assert (await room.desk()).waiting.row.due == TODAY + 7 * DAY
    assert (await room.sign(room.team.pm, now=NOW + 8 * DAY)).state == "late"


def rows(seed, number):
    """Random deals as (deal, version) values around the boundaries."""
    rng = random.Random(seed)

    def day(chance=0.8):
        return TODAY + timedelta(days=rng.randint(-20, 20)) if rng.random() < chance else None

    found = []
    for place in range(1, number + 1):
        deal = {
            "id": place, "version_id": place, "first_seen_at": NOW + timedelta(hours=rng.randint(-500, 500)),
            "joint": False, "amount_shared": False, "partner_owner": "", "help_needed": "",
            "attribution": rng.choice(("", "", "sourced", "influenced", "co_sold")),
            "attribution_state": rng.choice(("", "", "signed", "late", "one_sided")), "touched_on": day(0.6),
        }  # fmt: skip
        version = {
            "id": place, "deal_id": place, "valid_from": NOW, "reported_at": NOW, "source": "import", "name": "x",
            "category": "pipeline", "created_date": day(), "attribution": rng.choice(("", "sourced", "influenced", "co_sold")),
            "account": "", "stage": "", "currency": "", "next_step": "", "lost_reason": "", "said": {}, "movement": "none",
            "moves": [],
        }  # fmt: skip
        found.append((deal, version))
    return found


def expected(deal, version, today, installed_on, days):
    kind = deal["attribution"] or version["attribution"]
    clock = Clock(kind, local_date(deal["first_seen_at"], zone(POLICY.zone)), version["created_date"], deal["touched_on"],
                  deal["attribution_state"])  # fmt: skip
    return kind, clock.state(today, installed_on=installed_on, days=days).value


def asked(today, installed_on, days):
    return (
        select(sql.kind(), sql.state(today, installed_on, days, POLICY))
        .select_from(Deal)
        .join(DealVersion, PRESENT)
        .order_by(Deal.id)
    )


@given(
    seed=st.integers(0, 10**6),
    installed_on=st.none() | st.dates(TODAY - 25 * DAY, TODAY + 5 * DAY),
    days=st.integers(1, 30),
    ahead=st.integers(-10, 25),
)
@settings(max_examples=30)
def test_kind_and_state_in_sql_are_those_of_the_pure_function(seed, installed_on, days, ahead):
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine, tables=[Deal.__table__, DealVersion.__table__])
    made, today = rows(seed, 30), TODAY + ahead * DAY
    with Session(engine) as session:
        session.execute(insert(Deal), [deal for deal, _ in made])
        session.execute(insert(DealVersion), [version for _, version in made])
        found = [tuple(row) for row in session.execute(asked(today, installed_on, days))]
    engine.dispose()
    assert found == [expected(deal, version, today, installed_on, days) for deal, version in made]


async def test_postgresql_says_the_same(db):
    made, installed_on = rows(7, 300), TODAY - 5 * DAY
    async with db.write() as session:
        await session.execute(insert(Deal), [deal for deal, _ in made])
        await session.execute(insert(DealVersion), [version for _, version in made])
        found = [tuple(row) for row in await session.execute(asked(TODAY, installed_on, 14))]
    assert found == [expected(deal, version, TODAY, installed_on, 14) for deal, version in made]
    assert {state for _, state in found} == {state.value for state in AttributionState}


async def test_a_pages_sums_by_kind_and_state_hold_every_deal_once(db):
    async with db.write() as session:
        team = await make.small(session, deals=1)
        room = Room(session, team)
        for name, more in {
            "Old": {"created_date": TODAY - DAY},
            "Bare": {"attribution": "influenced"},
            "Direct": {},
        }.items():
            await make.deal(session, name, None if name == "Direct" else team.acme, team.ann, **more)
        await room.both()
        here = await attribution.ground(session, now=NOW, policy=POLICY)
        state = sql.state(here.today, here.installed_on, here.days, POLICY)
        found = await cells(session, state=state)
        assert {(cell.attribution, cell.state, cell.deals) for cell in found} == {
            ("sourced", "signed", 1), ("", "legacy", 1), ("influenced", "no_clock", 1),
        }  # fmt: skip
        assert {(cell.attribution, cell.state) for cell in await cells(session)} == {
            ("sourced", ""), ("", ""), ("influenced", ""),
        }  # fmt: skip


# Another partner.


@pytest.fixture
async def borealis(room):
    """Another partner with its own manager."""
    return await make.partner(room.session, "Borealis", await make.person(room.session, "Quinn", "pm"))


async def quinn_of(room):
    return (await room.session.scalars(select(Person).where(Person.name == "Quinn"))).one()


def summed(deal):
    return deal.attribution, deal.attribution_state, deal.touched_on


async def test_what_was_signed_about_one_partner_is_not_signed_about_the_next_and_counts_again_when_it_returns(
    room, borealis
):
    quinn = await quinn_of(room)
    await room.touch(room.team.pm)
    await room.claim(room.team.ann, "influenced")
    assert (await room.sign(room.team.pm, now=NOW + 20 * DAY)).state == "late"
    await room.claim(room.team.ann, "sourced", reason="they brought it")
    await room.move(borealis, now=NOW + 21 * DAY)
    later = NOW + 22 * DAY
    desk = await room.desk(later)
    assert (summed(room.deal), desk.in_force, desk.waiting, desk.state) == (("", "", None), None, None, "overdue")
    assert (len(desk.claims), {desk.partner_name(claim.row.partner_id) for claim in desk.claims}) == (2, {"Acme"})
    assert (await room.waiting(quinn, later)).of(room.deal.id).claim_id == 0
    assert (await room.waiting(room.team.ann, later)).of(room.deal.id).claim_id == 0
    assert (await room.waiting(room.team.pm, later)).of(room.deal.id) is None

    assert set(await room.refused(quinn, "co_sold", now=later)) == {"touch_day", "touch_said"}, (
        "Acme's is none of theirs"
    )
    await room.claim(quinn, "co_sold", now=later, touch=Given(local_date(later, zone(POLICY.zone)), "a joint demo"))
    assert (await room.desk(later)).waiting.row.due == TODAY + 36 * DAY
    assert (await room.sign(room.team.ann, now=later)).state == "signed"
    assert summed(room.deal) == ("co_sold", "signed", TODAY + 22 * DAY)

    await room.move(room.team.acme, now=later)
    desk = await room.desk(later)
    assert (summed(room.deal), desk.waiting.kind) == (("influenced", "late", TODAY), "sourced")
    assert (await room.waiting(room.team.pm, later)).of(room.deal.id).changes == "influenced"
    await room.move(None, now=later)
    assert summed(room.deal) == ("", "", None)


async def test_a_click_on_what_waits_about_the_partner_before_is_refused_with_both_names(room, borealis):
    await room.claim(room.team.pm, "sourced")
    old = (await room.desk()).waiting.row.id
    await room.move(borealis)
    with pytest.raises(UserError, match="is about Acme's part in Deal 0, which is a deal of Borealis now"):
        await attribution.sign(room.session, room.team.ann, old, now=NOW, policy=POLICY)
    await room.move(None)
    with pytest.raises(UserError, match="has no partner"):
        await attribution.sign(room.session, room.team.ann, old, now=NOW, policy=POLICY)


async def test_a_form_that_showed_the_partner_before_signs_nothing_about_the_next(room, borealis):
    seen = (await room.desk()).print
    await room.move(borealis)
    await room.claim(await quinn_of(room), "sourced")
    before = await room.counts()
    with pytest.raises(Stale) as found:
        await room.claim(room.team.ann, "sourced", seen=seen)
    (conflict,) = found.value.conflicts
    assert (conflict.field, conflict.shown, conflict.present) == (
        "partner", "a deal of Acme", "a deal of Borealis, and sourced, signed by Quinn",
    )  # fmt: skip
    with pytest.raises(UserError, match="went to Borealis while your form was open"):
        await room.touch(room.team.ann, seen=seen)
    assert await room.counts() == before
    assert (await room.claim(room.team.ann, "sourced", seen=(await room.desk()).print)).in_force


async def test_one_message_is_a_touch_of_each_partner_whose_deal_it_was(room, borealis):
    said = Given(TODAY, "both joined the call", "C1", "123.4")
    await room.touch(room.team.ann, said)
    await room.move(borealis)
    for _ in range(2):
        desk = await room.touch(room.team.ann, said)
    assert ([touch.partner_id for touch in desk.touches], room.deal.touched_on) == (
        [room.team.acme.id, borealis.id], TODAY,
    )  # fmt: skip


NEXT = NOW + DAY


def file(partner, *numbers, **more):
    return deals_csv([row(number, "Ann", partner, **{"attribution": "", **more}) for number in numbers])


async def moved(session, text, now):
    return await import_deals(session, text, file_name="deals.csv", now=now, policy=POLICY)


async def test_a_file_that_names_another_partner_judges_every_deal_anew_and_back_again(db):
    async with db.write() as session:
        team = await make.small(session, deals=0)
        quinn = await make.person(session, "Quinn", "pm")
        await make.partner(session, "Borealis", quinn)
        await moved(session, file("Acme", 1, 2, 3, 4, created_date=TODAY.isoformat()), NOW)
        both, waits, touched, plain = await session.scalars(select(Deal).order_by(Deal.crm_id))
        room = Room(session, team)
        for by, deal in ((team.ann, both), (team.pm, both), (team.ann, waits)):
            await room.claim(by, "sourced", deal=deal)
        await attribution.record_touch(session, team.pm, touched.id, TOUCH, now=NOW, policy=POLICY)
        signed = [summed(deal) for deal in (both, waits, touched, plain)]
        assert signed == [("sourced", "signed", None), ("sourced", "one_sided", None), ("", "", TODAY), ("", "", None)]

        await moved(session, file("Acme", 1, 2, 3, 4, created_date=TODAY.isoformat(), amount="7"), NEXT)
        assert [summed(deal) for deal in (both, waits, touched, plain)] == signed, "the same partner"
        await moved(session, file("Borealis", 1, 2, 3, 4, created_date=TODAY.isoformat(), amount="7"), NEXT + DAY)
        assert {summed(deal) for deal in (both, waits, touched, plain)} == {("", "", None)}
        assert (await room.waiting(quinn, NEXT)).total == (await room.waiting(team.ann, NEXT)).total == 4
        assert (await room.waiting(team.pm, NEXT)).total == 0
        here = await attribution.ground(session, now=NEXT, policy=POLICY)
        state = sql.state(here.today, here.installed_on, here.days, POLICY)
        assert {(cell.attribution, cell.state, cell.deals) for cell in await cells(session, state=state)} == {
            ("", "open", 4)
        }

        await moved(session, file("Acme", 1, 2, 3, 4, created_date=TODAY.isoformat(), amount="7"), NEXT + 2 * DAY)
        assert [summed(deal) for deal in (both, waits, touched, plain)] == signed
        assert (await room.waiting(team.pm, NEXT)).of(waits.id).by_id == team.ann.id


@pytest.mark.parametrize("meanwhile", ["answered", "signed"])
async def test_what_is_said_while_a_file_moves_the_deal_is_about_the_partner_before(sqlite, meanwhile):
    async with sqlite.write() as session:
        team = await make.small(session, deals=0)
        await make.partner(session, "Borealis", team.head)
        await moved(session, file("Acme", 1), NOW)
        room = Room(session, team)
        room.deal = (await session.scalars(select(Deal))).one()
        work = await staged(session, file("Borealis", 1), NEXT)
        await room.both()
        if meanwhile == "answered":
            held, current = await lock(session, room.deal.id)
            await append_version(session, held, current, {"next_step": "call"}, Source(NOW, team.ann.id, "slack"))
        assert summed(room.deal) == ("sourced", "signed", None)
        await shown(session, *work)
        assert summed(room.deal) == ("", "", None)
        assert (await room.desk()).partner.name == "Borealis"


async def test_moving_many_deals_takes_the_statements_of_moving_one(sqlite):
    taken = []
    for numbers in ((1,), range(2, 12)):
        async with sqlite.write() as session:
            if not taken:
                team = await make.small(session, deals=0)
                await make.partner(session, "Borealis", team.head)
            await moved(session, file("Acme", *numbers), NOW)
            for deal in await session.scalars(select(Deal)):
                await Room(session, team).claim(team.ann, "sourced", deal=deal)
            work = await staged(session, file("Borealis", *numbers), NOW)
        async with sqlite.write() as session:
            with make.counting(sqlite) as statements:
                await activate(session, work[0], work[1], work[2].words, POLICY.stages)
            while await settle(session, work[0].run_id):
                pass
            await finish(session, work[0].run_id)
        taken.append(len(statements))
    assert taken[0] == taken[1]


# Who is waited for.


async def test_a_deal_nobody_signed_waits_for_both_and_one_that_one_signed_for_the_other(room):
    assert [item.name for item in (await room.waiting(room.team.ann)).items] == ["Deal 0"]
    assert {item.name for item in (await room.waiting(room.team.pm)).items} == {"Deal 0", "Deal 1"}
    assert (await room.waiting(room.team.head)).total == 0
    await room.claim(room.team.ann, "sourced")
    assert (await room.waiting(room.team.ann)).total == 0
    item = (await room.waiting(room.team.pm, now=NOW + 9 * DAY)).of(room.deal.id)
    assert (item.kind, item.by_id, item.days_left, item.due) == ("sourced", room.team.ann.id, 5, TODAY + 14 * DAY)
    await room.sign(room.team.pm)
    assert [one.name for one in (await room.waiting(room.team.pm)).items] == ["Deal 1"]


async def test_a_change_of_what_is_in_force_waits_for_the_other_side_with_its_reason(room):
    await room.both()
    await room.claim(room.team.pm, "co_sold", touch=TOUCH, reason="joint demo")
    item = (await room.waiting(room.team.ann)).of(room.deal.id)
    assert (item.kind, item.changes, item.reason) == ("co_sold", "sourced", "joint demo")


async def test_a_cover_is_waited_for_and_an_owner_who_is_manager_too_not_for_their_own_claim(room):
    await room.away(room.team.ann, room.team.bob)
    assert {item.name for item in (await room.waiting(room.team.bob)).items} == {"Deal 0", "Deal 1"}
    room.team.acme.pm_id = room.team.ann.id
    await room.claim(room.team.ann, "sourced")
    assert room.deal.id not in {item.deal_id for item in (await room.waiting(room.team.ann)).items}
    assert room.deal.id in {item.deal_id for item in (await room.waiting(room.team.bob)).items}


async def test_the_nearest_due_comes_first_and_what_has_no_clock_last(room):
    team = room.team
    for name, more in {
        "Overdue": {"created_date": TODAY - 15 * DAY}, "No touch": {"attribution": "influenced", "created_date": TODAY},
        "Soon": {"created_date": TODAY - 5 * DAY}, "Known since today": {"created_date": None},
    }.items():  # fmt: skip
        await make.deal(room.session, name, team.acme, team.ann, **more)
    room.session.add(ImportRun(kind="deals", file_name="x", digest="x", at=NOW - 30 * DAY))
    found = await room.waiting(team.ann)
    assert [(item.name, item.days_left) for item in found.items] == [
        ("Overdue", -1), ("Soon", 9), ("Deal 0", 14), ("Known since today", 14), ("No touch", None),
    ]  # fmt: skip


async def test_legacy_deals_wait_only_when_somebody_has_signed_and_old_wins_not_at_all(room):
    team = room.team
    old = await make.deal(room.session, "Old", team.acme, team.ann, created_date=TODAY - DAY)
    await make.deal(room.session, "Won long ago", team.acme, team.ann, category="won", close_date=date(2025, 9, 30))
    await make.deal(room.session, "Won", team.acme, team.ann, category="won", close_date=date(2025, 10, 1))
    await make.deal(room.session, "Lost", team.acme, team.ann, category="lost")
    await make.deal(room.session, "Direct", None, team.ann)
    assert {item.name for item in (await room.waiting(team.ann)).items} == {"Deal 0", "Won"}
    done = await room.claim(team.pm, "sourced", deal=old)
    assert (done.state, old.attribution_state) == ("legacy", "one_sided")
    item = (await room.waiting(team.ann)).of(old.id)
    assert (item.legacy, item.days_left) == (True, None)
    assert (await room.claim(team.ann, "sourced", deal=old, now=NOW + 30 * DAY)).state == "legacy"


async def test_many_deals_are_cut_and_counted_with_the_same_statements(sqlite):
    async with sqlite.write() as session:
        team = await make.small(session, deals=2)
    async with sqlite.read() as session, session.begin():
        with make.counting(sqlite) as few:
            await attribution.waiting_for(session, team.pm, now=NOW, policy=POLICY)
    async with sqlite.write() as session:
        for number in range(60):
            await make.deal(session, f"More {number}", team.acme, team.ann)
    async with sqlite.read() as session, session.begin():
        with make.counting(sqlite) as many:
            found = await attribution.waiting_for(session, team.pm, now=NOW, policy=POLICY)
    assert (len(found.items), found.total, len(many)) == (50, 62, len(few))
    assert len(many) <= 4


# Whatever happens.

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["ann", "pm", "bob", "head"]),
        st.sampled_from(
            ["sourced", "influenced", "co_sold", "sign", "touch", "hand over", "new manager", "away", "move"]
        ),
        st.booleans(),
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=8,
)


@given(events=EVENTS)
@example(
    events=[
        ("ann", "sourced", False, 0), ("pm", "sign", False, 0), ("ann", "influenced", True, 1), ("ann", "move", False, 1),
        ("head", "sourced", False, 20), ("ann", "sign", False, 0), ("ann", "move", False, 1), ("pm", "sign", False, 0),
    ]
)  # fmt: skip
@settings(max_examples=15)
def test_no_order_of_events_breaks_the_trail_of_signatures(tables_file, events):
    asyncio.run(_lived(tables_file, events))


async def _lived(tables_file, events):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(tables_file, Path(folder) / "x.db")
        db = Database(f"sqlite:///{Path(folder) / 'x.db'}")
        async with db.write() as session:
            team = await make.small(session, deals=1)
            (await make.current(session, team.deals["Deal 0"])).created_date = TODAY
            await make.partner(session, "Borealis", team.head)
            await _live(Room(session, team), events)
        await db.close()


async def _live(room, events):
    now, claims, names = NOW, {}, {}
    for who, what, reasoned, days in events:
        now += days * DAY
        before = await room.counts()
        try:
            await _happen(room, getattr(room.team, who), what, reasoned, now)
        except UserError:
            assert await room.counts() == before
        claims, names = await _judge(room, claims, names, now)


async def _happen(room, by, what, reasoned, now):
    given = Given(local_date(now, zone(POLICY.zone)), "a demo") if reasoned else None
    if what == "sign":
        waiting = (await room.desk(now)).waiting
        await attribution.sign(room.session, by, waiting.row.id if waiting else 1, now=now, policy=POLICY)
    elif what == "touch":
        await attribution.record_touch(room.session, by, room.deal.id, given or Given(), now=now, policy=POLICY)
    elif what == "hand over":
        (await make.current(room.session, room.deal)).owner_id = by.id
    elif what == "new manager":
        room.team.acme.pm_id = by.id
    elif what == "move":
        now_with = (await room.desk(now)).partner.id
        [other] = await room.session.scalars(select(Partner).where(Partner.id != now_with))
        await room.move(other, now=now)
    elif what == "away":
        await room.away(by, room.team.bob if by is not room.team.bob else room.team.ann)
    else:
        await room.claim(by, what, now=now, reason="because" if reasoned else "", touch=given)


async def _judge(room, claims, names, now):
    """Nothing that was said is gone or different; what is in force has two names of two people, one for each side."""
    desk = await room.desk(now)
    fresh = {claim.row.id: (claim.kind, claim.row.reason, claim.row.opened_at) for claim in desk.claims}
    signed = {(claim.row.id, held.side): held for claim in desk.claims for held in claim.signatures}
    assert claims.items() <= fresh.items()
    assert names.items() <= signed.items()
    live = Counter((claim.row.partner_id, claim.row.in_force_at is None) for claim in desk.claims if claim.live)
    assert set(live.values()) <= {1}, "of each partner one in force and one that waits"
    for claim in desk.claims:
        people = {held.person_id for held in claim.signatures}
        both = claim.taken == {"ae", "pm"}
        assert len(people) == len(claim.signatures) >= 1
        assert (claim.row.in_force_at is not None) == both
        assert not both or claim.row.in_force_at == max(held.at for held in claim.signatures)
    standing = desk.in_force or desk.waiting
    assert standing is None or standing.row.partner_id == desk.version.partner_id
    assert room.deal.attribution == (standing.kind if standing else "")
    if standing is None:
        assert room.deal.attribution_state == ""
    elif desk.in_force is None:
        assert room.deal.attribution_state == "one_sided"
    else:
        late = local_date(standing.row.in_force_at, zone(POLICY.zone)) > standing.row.due
        assert room.deal.attribution_state == ("late" if late else "signed")
    days = [touch.day for touch in desk.touches if touch.partner_id == desk.version.partner_id]
    assert room.deal.touched_on == min(days, default=None)
    return fresh, signed


# At once, and together.


async def test_two_people_who_sign_at_the_same_moment_have_both_signed(db):
    async with db.write() as session:
        team = await make.small(session, deals=1)
    deal = team.deals["Deal 0"]

    async def claim(by):
        async with db.write() as session:
            return await attribution.claim(session, by, deal.id, "sourced", now=NOW, policy=POLICY, seen="0.0.")

    done = await asyncio.gather(claim(team.ann), claim(team.pm))
    assert sorted(one.in_force for one in done) == [False, True]
    async with db.read() as session:
        desk = await attribution.desk_of(session, deal.id, now=NOW, policy=POLICY)
    assert (len(desk.claims), len(desk.in_force.signatures), desk.deal.attribution_state) == (1, 2, "signed")


@pytest.mark.parametrize(
    ("ours", "theirs", "kind", "state", "live"),
    [
        ("", "one", "sourced", "one_sided", 1),
        ("", "both", "sourced", "signed", 1),
        ("both", "both", "sourced", "signed", 1),
        ("one", "both", "sourced", "signed", 1),
        ("one", "one", "sourced", "one_sided", 1),
    ],
)
async def test_two_deals_made_one_keep_every_claim_touch_and_reason_and_one_stands(
    sqlite, ours, theirs, kind, state, live
):
    async with sqlite.write() as session:
        team, deal, twin, match = await doubled(session)
        room = Room(session, team)
        for one, signed in ((deal, ours), (twin, theirs)):
            if signed:
                await room.claim(team.ann, "sourced", deal=one)
            if signed == "both":
                await room.claim(team.pm, "sourced", deal=one)
            await attribution.record_touch(session, team.pm, one.id, TOUCH, now=NOW + DAY, policy=POLICY)
        session.add(LossReason(deal_id=twin.id, reason="price", at=NOW, by_id=team.pm.id))
        await session.flush()
        claims = len(list(await session.scalars(select(AttributionClaim.id))))
        await same(session, team.pm, match)
        desk = await room.desk(deal=deal)
        assert (deal.attribution, deal.attribution_state, deal.touched_on) == (kind, state, TODAY)
        assert (len(desk.claims), len([claim for claim in desk.claims if claim.live])) == (claims, live)
        assert len(desk.touches) == 2
        assert [one.deal_id for one in await session.scalars(select(LossReason))] == [deal.id]


async def test_two_deals_of_two_partners_made_one_keep_what_is_signed_about_each(sqlite):
    async with sqlite.write() as session:
        team, deal, twin, match = await doubled(session)
        room = Room(session, team)
        borealis = await make.partner(session, "Borealis", await make.person(session, "Quinn", "pm"))
        quinn = await quinn_of(room)
        for by in (team.ann, team.pm):
            await room.claim(by, "sourced", deal=deal)
        await room.claim(team.ann, "sourced", deal=twin)
        await room.move(borealis, deal=twin)
        await room.claim(quinn, "co_sold", deal=twin, touch=TOUCH)
        await same(session, team.head, match)
        desk = await room.desk(deal=deal)
        assert (desk.partner.name, summed(deal)) == ("Borealis", ("co_sold", "one_sided", TODAY))
        assert [(claim.row.partner_id, claim.live, len(claim.signatures)) for claim in desk.claims] == [
            (team.acme.id, True, 2), (team.acme.id, False, 1), (borealis.id, True, 1),
        ]  # fmt: skip
        assert (await room.waiting(team.ann)).of(deal.id).by_id == quinn.id
        await room.move(team.acme, deal=deal)
        assert summed(deal) == ("sourced", "signed", None)
