"""What of the set-up is done, by the rows alone; channels; and who is asked first, and when."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models import cadences, channels, first_run
from models.domain.errors import FieldErrors, NotAllowed, UserError
from models.first_run import Step
from models.tables import ChannelState, CrmRecord, ImportRun
from tests import make
from tests.make import NOW, POLICY

LATER = NOW + timedelta(days=1)


async def facts(session, policy=POLICY, now=NOW):
    await session.flush()
    return await first_run.facts(session, now=now, policy=policy)


def a_room(slack_id="C1", name="partner-acme", **more):
    return ChannelState(**{
        "slack_id": slack_id, "name": name, "is_private": False, "is_member": True, "is_archived": False,
        "is_shared": False, "is_pending_shared": False, "checked_at": NOW, **more,
    })  # fmt: skip


async def an_import(session):
    run = ImportRun(kind="deals", file_name="deals.csv", digest="", at=NOW)
    session.add(run)
    await session.flush()
    return run


async def test_nothing_is_done_in_an_empty_workspace(db):
    async with db.write() as session:
        found = await facts(session)
        assert (found.done, found.tally, found.next_step) == (frozenset(), "0 of 6 done", Step.FILE)
        assert (found.partners, found.people, found.reviews, found.setting_up) == ((), (), (), [])
        assert await first_run.first_prompts(session, now=NOW, policy=POLICY) == []


async def test_each_step_is_done_by_rows_and_undone_with_them(db):
    async with db.write() as session:
        ada = await make.person(session, "Ada", "admin")
        assert (await facts(session)).setting_up == ["Ada"]
        await an_import(session)
        assert (await facts(session)).done == {Step.FILE}
        acme = await make.partner(session, pm=None, internal_channel="")
        assert (await facts(session)).done == {Step.FILE}, "nobody manages it"
        pat = await make.person(session, "Pat", "pm")
        acme.pm_id = pat.id
        assert (await facts(session)).done == {Step.FILE, Step.PARTNERS}
        ann = await make.person(session, "Ann", "ae")
        assert (await facts(session)).done == {Step.FILE, Step.PARTNERS, Step.PEOPLE}
        await first_run.set_channel(session, ada, acme.id, a_room(), now=NOW, policy=POLICY)
        found = await facts(session)
        assert found.done == {Step.FILE, Step.PARTNERS, Step.PEOPLE, Step.CHANNELS}
        assert found.next_step == Step.REVIEW
        cadence = await make.review(session, acme)
        found = await facts(session)
        assert found.finished
        assert found.tier1[0].runs == "Thu 10:00"
        cadence.state, pat.active = "paused", False
        found = await facts(session)
        assert found.done == {Step.FILE, Step.CHANNELS}
        assert ann.active


async def test_a_partner_manager_with_deals_of_their_own_needs_no_ae(db):
    async with db.write() as session:
        pat = await make.person(session, "Pat", "pm")
        acme = await make.partner(session, pm=pat)
        assert Step.PEOPLE not in (await facts(session)).done
        await make.deal(session, "One", acme, pat)
        found = await facts(session)
        assert Step.PEOPLE in found.done
        assert (found.deals, found.deal_partners) == (1, 1)


async def test_figures_count_what_stands(db):
    async with db.write() as session:
        pat = await make.person(session, "Pat", "pm")
        acme, beta = await make.partner(session, pm=pat), await make.partner(session, "Beta", pat, tier=2)
        await make.deal(session, "One", acme, pat)
        await make.deal(session, "Two", beta, None)
        await make.deal(session, "Won", beta, pat, category="won")
        staged = await make.deal(session, "Staged", beta, pat)
        staged.version_id = None
        run = await an_import(session)
        for place, said in enumerate(("Bob B", "Bob B", "Eve", "")):
            session.add(CrmRecord(crm_id=f"X{place}", deal_id=staged.id, import_id=run.id, values={}, owner_said=said))
        found = await facts(session)
        assert (found.deals, found.deal_partners, found.unmatched) == (2, 2, 2)
        assert [(one.name, one.tier) for one in found.partners] == [("Acme", 1), ("Beta", 2)]


async def test_the_file_is_not_waited_for_where_there_is_none(db):
    async with db.write() as session:
        ada, bob = await make.person(session, "Ada", "admin"), await make.person(session, "Bob", "ae")
        slack = POLICY.model_copy(update={"crm_is_truth": False})
        assert Step.FILE in (await facts(session, slack)).done
        for without in (True, False, True):
            await first_run.say_no_crm(session, ada, without=without, now=NOW)
            assert (Step.FILE in (await facts(session)).done) is without
        with pytest.raises(NotAllowed, match=r"You cannot set up Cadence\."):
            await first_run.say_no_crm(session, bob, without=True, now=NOW)


@pytest.mark.parametrize(
    ("more", "well"),
    [
        ({}, True), ({"is_member": False}, False), ({"is_archived": True}, False), ({"is_shared": True}, False),
        ({"is_pending_shared": True}, False), ({"is_member": False, "checked_at": None}, True),
    ],
)  # fmt: skip
async def test_a_channel_in_trouble_is_not_done_until_something_happened_there(db, more, well):
    async with db.write() as session:
        await make.partner(session, pm=None, internal_channel="C1")
        await channels.remember(session, [a_room(**more)])
        found = await facts(session)
        assert (Step.CHANNELS in found.done) is well
        assert found.tier1[0].room.label == "#partner-acme"


async def test_a_channel_named_in_a_file_is_taken_on_trust(db):
    async with db.write() as session:
        await make.partner(session, pm=None, internal_channel="p-acme")
        found = await facts(session)
        assert Step.CHANNELS in found.done
        assert (found.tier1[0].room.label, found.tier1[0].room.seen, found.leadership.label) == (
            "#p-acme",
            False,
            "#leadership",
        )
        assert (await facts(session, POLICY.model_copy(update={"leadership_channel": ""}))).leadership is None


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"is_shared": True}, "#partner-acme is shared with another company."),
        ({"is_pending_shared": True}, "#partner-acme is about to be shared"),
        ({"is_archived": True}, "#partner-acme is archived."),
        ({"name": "beta-joint"}, "#beta-joint is the joint channel of Beta."),
        ({"slack_id": "C9"}, "#partner-acme is the joint channel of Cobalt."),
    ],
)
async def test_what_cannot_be_internal_is_refused_and_not_kept(empty, more, words):
    async with empty.write() as session:
        ada, acme = await make.person(session, "Ada", "admin"), await make.partner(session, internal_channel="")
        await make.partner(session, "Beta", joint_channel="beta-joint")
        await make.partner(session, "Cobalt", joint_channel="C9")
        with pytest.raises(FieldErrors) as refused:
            await first_run.set_channel(session, ada, acme.id, a_room(**more), now=NOW, policy=POLICY)
        assert refused.value.errors["channel"].startswith(words)
        assert acme.internal_channel == ""
        assert list(await session.scalars(select(ChannelState))) == []


async def test_a_channel_that_cadence_is_not_in_is_kept_and_waits(db):
    async with db.write() as session:
        pat = await make.person(session, "Pat", "pm")
        acme = await make.partner(session, pm=pat, internal_channel="")
        other = await make.person(session, "Quinn", "pm")
        with pytest.raises(
            NotAllowed, match=r"You cannot choose this partner's channel\. Pat \(partner manager\), the head"
        ):
            await first_run.set_channel(session, other, acme.id, a_room(), now=NOW, policy=POLICY)
        unseen = a_room(name="", is_member=False)
        await first_run.set_channel(session, pat, acme.id, unseen, now=NOW, policy=POLICY)
        room = (await facts(session)).tier1[0].room
        assert (room.absent, room.well, room.label) == (True, False, "a channel that Cadence cannot see")
        assert await first_run.taken_by(session, "C1") == acme.id
        with pytest.raises(UserError, match="not there any more"):
            await first_run.partner_of(session, pat, 99, now=NOW, policy=POLICY)


async def test_a_new_tier_of_an_old_partner_says_when_it_starts(db):
    async with db.write() as session:
        await make.partner(session, tier=1, tier_now=2, tier_week=NOW.date())
        assert (await facts(session)).tier1[0].starts == NOW.date() + timedelta(days=7)


async def asked(session, now=NOW):
    await session.flush()
    return await first_run.first_prompts(session, now=now, policy=POLICY)


async def set_up(session, partner, pm, now=NOW):
    await cadences.set_up_review(
        session, partner, weekday=3, at=POLICY.review_at, minutes=30, by=pm, now=now, policy=POLICY
    )


async def test_who_has_most_deals_under_the_review_is_asked_first_on_their_own_clock(db):
    async with db.write() as session:
        pat = await make.person(session, "Pat", "pm", zone="Europe/London")
        ann = await make.person(session, "Ann", "ae", zone="America/New_York")
        bob = await make.person(session, "Bob", "ae", zone="Europe/London")
        acme, beta = await make.partner(session, pm=pat), await make.partner(session, "Beta", pat, tier=2)
        for name, of, owner in (
            ("1", acme, ann),
            ("2", acme, ann),
            ("3", acme, bob),
            ("4", beta, bob),
            ("5", beta, bob),
        ):
            await make.deal(session, name, of, owner)
        assert await asked(session) == [], "nothing is planned"
        await set_up(session, acme, pat)
        first, second = await asked(session)
        assert (first.name, first.deals, first.leads, first.zone) == ("Ann", 2, 2, "America/New_York")
        assert first.at.isoformat() == "2026-03-04T15:00:00+00:00"
        assert (second.name, second.deals, second.leads) == ("Bob", 3, 1)
        assert second.at.isoformat() == "2026-03-04T10:00:00+00:00"
        assert not first.out


async def test_a_prompt_whose_hour_is_over_comes_in_the_next_working_hours_or_is_out(db):
    async with db.write() as session:
        small = await make.small(session)
        evening = NOW + timedelta(days=2, hours=11)  # Wednesday, 19:00
        found = (await asked(session, evening))[0]
        assert (found.out, found.at) == (False, NOW + timedelta(days=3)), "Thursday, 08:00"
        small.week.prompted_at, small.week.state = NOW + timedelta(days=2, hours=2), "prompted"
        assert (await asked(session, evening))[0].out is True


def test_what_is_a_channels_id():
    assert first_run.is_channel_id("C0ABC")
    assert first_run.is_channel_id("G123")
    assert not any(first_run.is_channel_id(ref) for ref in ("D1", "partner-acme", "c0abc", "", "general"))
