"""Partner-safe notes, PBRs and readouts: what is in them, when they are owed, and what is taken back before they are read."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from models import closing, pbr
from models.closing import Closing, Promise, Verdict
from models.domain.meetings import JOINT_FORECAST, OUR_ASKS, SPONSOR, THEIR_ASKS
from models.domain.pbr import Said, TypedPromise
from models.domain.shared import SharedNote, SharedPbr, SharedReadout
from models.joint import marks
from models.minutes import closing as minutes
from models.pbr import Submitted
from models.shared import copying, owing, pages
from models.tables import Artifact, Card, DealPartner, Outbox
from tests import joint, make, table
from tests.make import POLICY
from tests.models import test_pbr
from tests.table import at

AFTER = datetime(2026, 3, 5, 11, tzinfo=make.UTC)
NEXT_WEEK = AFTER + timedelta(days=7)
DUE = date(2026, 3, 20)


class Room:
    """Acme with its review and two joint deals, of which one shares its amount; its joint channel is approved."""

    def __init__(self, session, team):
        self.session, self.team, self.marks = session, team, []

    async def set_up(self):
        deals = list(self.team.deals.values())
        self.marks = [
            await joint.mark(self.session, deal, self.team.acme, amount=place == 0)
            for place, deal in enumerate(deals[:2])
        ]
        await joint.channel(self.session, self.team.acme)
        return self

    @property
    def deal(self):
        return self.team.deals["Deal 0"]

    def promise(self, text="send the deck", shared="", **more):
        return Promise(text, self.team.ann.id, DUE, shared=shared, **more)

    async def close(self, *promises, week=None, now=AFTER, held=True, verdicts=None):
        promises = promises or (self.promise("one"), self.promise("two"))
        form = Closing((week or self.team.week).id, held, "" if held else "ours", "" if held else "we were ill",
                       verdicts or {}, promises if held else ())  # fmt: skip
        return await closing.close(self.session, self.team.pm, form, now=now, policy=POLICY)

    async def owed(self):
        rows = await self.session.scalars(select(Outbox).where(Outbox.audience == "partner").order_by(Outbox.id))
        return list(rows)

    async def page(self):
        """The newest partner-safe page, as it may be read now."""
        row = (
            await self.session.scalars(select(Artifact).where(Artifact.audience == "partner").order_by(Artifact.id))
        ).all()
        found = await pages.load(self.session, row[-1].id)
        return found[1]

    async def note(self, *promises, **more):
        await self.close(*promises, **more)
        found = await self.page()
        assert isinstance(found, SharedNote)
        return found

    async def asked(self):
        return list(await self.session.scalars(select(Card).where(Card.kind == "joint")))

    async def next(self):
        return await make.occurrence(self.session, self.team.cadence, "2026-W11")


@pytest.fixture
async def room(sqlite):
    async with sqlite.write() as session:
        yield await Room(session, await make.small(session, deals=3)).set_up()


# The note.


async def test_closing_a_review_owes_the_joint_channel_a_note_of_the_joint_deals_alone(room):
    page = await room.note()
    assert [deal.account for deal in page.deals] == ["Deal 0 Ltd", "Deal 1 Ltd"], "the third deal is not joint"
    assert [deal.amount for deal in page.deals] == [1_000_000, None]
    (row,) = await room.owed()
    assert (row.template, row.channel_ref, row.partner_id) == (owing.NOTE_TEMPLATE, "joint-acme", room.team.acme.id)
    assert row.void_at == AFTER + owing.WINDOW
    assert page.held


async def test_the_note_has_both_sides_actions_and_the_ask(room):
    await make.action(room.session, room.deal, room.team.ann, "our own words", shared_text="send pricing")
    await make.action(room.session, room.team.deals["Deal 1"], room.team.bob, "internal alone")
    await joint.said(room.session, room.marks[0], action="meet the CFO", owner="Cora", due=DUE, ask="a reference")
    first, second = (await room.note()).deals
    assert (first.ours.text, first.ours.owner) == ("send pricing", "Ann Seller")
    assert (first.theirs.text, first.theirs.owner, first.theirs.due, first.ask) == (
        "meet the CFO",
        "Cora",
        DUE,
        "a reference",
    )
    assert (second.ours, second.theirs, second.ask) == (None, None, "")


async def test_of_commitments_only_those_with_words_for_the_partner_cross_and_in_those_words(room):
    page = await room.note(room.promise("squeeze them", shared="send the deck"), room.promise("ask Bob quietly"))
    assert [(one.text, one.owner, one.due, one.fate) for one in page.commitments] == [
        ("send the deck", "Ann Seller", DUE, "new")
    ]


async def test_what_became_of_a_worded_commitment_stands_in_the_next_note(room):
    artifact = await room.close(room.promise("a", shared="send the deck"), room.promise("b", shared="book a demo"))
    one, two = [item["commitment_id"] for item in artifact.facts["commitments"]]
    later = date(2026, 4, 2)
    verdicts = {one: Verdict("kept"), two: Verdict("moved", later)}
    page = await room.note(room.promise("c"), week=await room.next(), now=NEXT_WEEK, verdicts=verdicts)
    assert [(one.text, one.fate, one.due_before, one.due) for one in page.commitments] == [
        ("send the deck", "kept", None, DUE), ("book a demo", "moved", DUE, later),
    ]  # fmt: skip


async def test_a_review_that_was_not_held_says_so_and_nothing_of_why(room):
    page = await room.note(held=False)
    assert not page.held
    assert "ill" not in page.model_dump_json()


async def test_the_change_compares_only_amounts_that_were_shared_both_times(room):
    assert (await room.note()).change == ()
    (await make.current(room.session, room.deal)).amount = 1_200_000
    (await make.current(room.session, room.team.deals["Deal 1"])).amount = 9_000_000
    page = await room.note(week=await room.next(), now=NEXT_WEEK, verdicts=await carried(room))
    assert [(one.amount, one.deals) for one in page.change] == [(200_000, 1)]


async def test_an_amount_that_was_kept_back_in_between_is_in_no_change(room):
    await room.note()
    for shared in (False, True):
        await marks.share_amount(room.session, room.team.pm, room.marks[0].id, shared, now=AFTER, policy=POLICY)
    (await make.current(room.session, room.deal)).amount = 1_200_000
    page = await room.note(week=await room.next(), now=NEXT_WEEK, verdicts=await carried(room))
    assert (page.change, page.deals[0].amount) == ((), 1_200_000)


async def carried(room):
    found = await closing.to_judge(room.session, room.team.cadence.id)
    return {one.id: Verdict("carried") for one in found}


async def closed_as(room, category, stage):
    deal = room.deal
    before = await make.current(room.session, deal)
    before.valid_to = AFTER - timedelta(hours=1)
    room.session.add(made := type(before)(
        deal_id=deal.id, valid_from=before.valid_to, reported_at=AFTER, source="import", name=before.name,
        account=before.account, partner_id=before.partner_id, owner_id=before.owner_id, stage=stage, category=category,
        amount=before.amount, currency="USD", close_date=date(2026, 3, 4),
    ))  # fmt: skip
    await room.session.flush()
    deal.version_id = made.id
    await room.session.flush()


@pytest.mark.parametrize(("category", "stage"), [("won", "Closed Won"), ("lost", "Closed Lost")])
async def test_a_closed_deal_is_told_once_both_sides_have_words_for_it(room, category, stage):
    await closed_as(room, category, stage)
    assert (await room.note()).closed == (), "nobody has said so to the partner"
    await joint.call(room.session, room.team.acme, stage, "Done")
    page = await room.note(week=await room.next(), now=NEXT_WEEK, verdicts=await carried(room))
    assert page.closed == (), "it was closed before the last note"


async def test_a_won_deal_stands_in_the_note_in_the_agreed_words_and_once(room):
    await closed_as(room, "won", "Closed Won")
    await joint.call(room.session, room.team.acme, "Closed Won", "Ordered")
    page = await room.note()
    assert [(one.account, one.outcome, one.stage, one.amount) for one in page.closed] == [
        ("Deal 0 Ltd", "won", "Ordered", 1_000_000)
    ]
    assert [deal.account for deal in page.deals] == ["Deal 1 Ltd"]


@pytest.mark.parametrize(("shared", "told"), [(True, [("lost", "the project was stopped")]), (False, [])])
async def test_a_lost_deal_crosses_only_with_a_reason_that_was_ticked(room, shared, told):
    await closed_as(room, "lost", "Closed Lost")
    await joint.lost_because(room.session, room.deal, room.team.pm, "the project was stopped", shared=shared)
    assert [(one.outcome, one.reason) for one in (await room.note()).closed] == told


async def test_a_reason_that_is_unticked_before_the_note_is_read_takes_the_deal_with_it(room):
    await closed_as(room, "lost", "Closed Lost")
    await joint.lost_because(room.session, room.deal, room.team.pm, "the project was stopped")
    assert len((await room.note()).closed) == 1
    await joint.lost_because(room.session, room.deal, room.team.pm, "the project was stopped", shared=False)
    assert (await room.page()).closed == ()


# When it is owed, and to whom.


async def test_nothing_is_owed_for_a_partner_without_joint_deals_or_shared_wording(room):
    for mark in room.marks:
        await marks.take_back(room.session, room.team.pm, mark.id, now=AFTER, policy=POLICY)
    await room.close()
    assert await room.owed() == []
    assert list(await room.session.scalars(select(Artifact).where(Artifact.audience == "partner"))) == []


async def test_a_shared_wording_alone_is_enough(room):
    for mark in room.marks:
        await marks.take_back(room.session, room.team.pm, mark.id, now=AFTER, policy=POLICY)
    await room.close(room.promise("a", shared="send the deck"), room.promise("b"))
    assert len(await room.owed()) == 1


async def test_without_approval_the_page_waits_on_the_desk_and_is_owed_once_approved(room):
    await joint.channel(room.session, room.team.acme, approved=False)
    await room.close()
    assert await room.owed() == []
    assert [card.person_id for card in await room.asked()] == [room.team.pm.id]
    assert len(await owing.waiting(room.session, room.team.acme.id, now=AFTER)) == 1
    await joint.channel(room.session, room.team.acme)
    for _ in range(2):
        await owing.owe_waiting(room.session, room.team.acme, now=AFTER, policy=POLICY)
    assert [row.template for row in await room.owed()] == [owing.NOTE_TEMPLATE]
    assert await owing.waiting(room.session, room.team.acme.id, now=AFTER) == []


async def test_a_page_older_than_a_week_is_not_posted_any_more(room):
    await joint.channel(room.session, room.team.acme, approved=False)
    await room.close()
    await joint.channel(room.session, room.team.acme)
    late = AFTER + owing.WINDOW + timedelta(minutes=1)
    assert await owing.owe_waiting(room.session, room.team.acme, now=late, policy=POLICY) == 0
    assert await room.owed() == []


async def test_without_a_joint_channel_there_is_text_to_copy(room):
    await joint.channel(room.session, room.team.acme, "", approved=False)
    await room.close(room.promise("squeeze", shared="send the deck"), room.promise("b"))
    assert await room.owed() == []
    text = await copying.text_to_copy(room.session, room.team.acme.id, now=AFTER)
    assert text.splitlines()[:2] == ["Acme: our review of Thu 5 Mar", "Held"]
    assert "1. send the deck: Ann Seller, by Fri 20 Mar" in text
    assert "squeeze" not in text
    assert await copying.text_to_copy(room.session, room.team.acme.id, now=AFTER + timedelta(days=8)) == ""


# What is taken back before it is read.


async def test_a_deal_that_was_taken_back_meanwhile_does_not_cross(room):
    await room.close()
    await marks.take_back(room.session, room.team.pm, room.marks[0].id, now=AFTER, policy=POLICY)
    assert [deal.account for deal in (await room.page()).deals] == ["Deal 1 Ltd"]


async def test_a_deal_that_left_the_partner_meanwhile_does_not_cross(room):
    await room.close()
    (await make.current(room.session, room.deal)).partner_id = None
    link = (await room.session.scalars(select(DealPartner).where(DealPartner.deal_id == room.deal.id))).one()
    link.valid_to = AFTER
    await room.session.flush()
    assert [deal.account for deal in (await room.page()).deals] == ["Deal 1 Ltd"]


async def test_an_amount_a_stage_s_words_and_a_wording_that_were_taken_back_do_not_cross(room):
    await joint.call(room.session, room.team.acme)
    act = await make.action(room.session, room.deal, room.team.ann, shared_text="send pricing")
    first = (await room.note()).deals[0]
    assert (first.stage, first.amount, first.ours.text) == ("Qualified", 1_000_000, "send pricing")
    await marks.share_amount(room.session, room.team.pm, room.marks[0].id, False, now=AFTER, policy=POLICY)
    await room.session.delete((await room.session.scalars(select(joint.StageName))).one())
    act.shared_text = ""
    await room.session.flush()
    first = (await room.page()).deals[0]
    assert (first.stage, first.amount, first.currency, first.ours) == ("", None, "", None)


async def test_a_page_says_no_change_of_an_amount_that_is_kept_back_by_now(room):
    await room.note()
    (await make.current(room.session, room.deal)).amount = 1_200_000
    assert (await room.note(week=await room.next(), now=NEXT_WEEK, verdicts=await carried(room))).change
    await marks.share_amount(room.session, room.team.pm, room.marks[0].id, False, now=NEXT_WEEK, policy=POLICY)
    assert (await room.page()).change == ()


async def test_an_internal_page_is_never_loaded_as_a_partner_s(room):
    internal = await room.close()
    assert await pages.load(room.session, internal.id) is None
    assert await pages.load(room.session, 999) is None


# The partner-safe version of a held message.


async def held(room):
    rows = await room.session.scalars(
        select(Outbox).where(Outbox.audience == "internal", Outbox.template == "weekly_note")
    )
    return rows.one()


async def test_the_safe_version_of_a_held_note_is_the_one_that_is_there_and_is_not_posted_twice(room):
    await room.close()
    row = await held(room)
    assert owing.has_safe(row)
    assert await owing.owe_safe(room.session, row, now=AFTER, policy=POLICY)
    assert len(await room.owed()) == 1


async def test_a_note_held_before_anything_was_joint_gets_its_safe_version_made(room):
    for mark in room.marks:
        await marks.take_back(room.session, room.team.pm, mark.id, now=AFTER, policy=POLICY)
    await room.close()
    row = await held(room)
    assert not await owing.owe_safe(room.session, row, now=AFTER, policy=POLICY), "there is nothing a partner may read"
    await joint.mark(room.session, room.deal, room.team.acme)
    assert await owing.owe_safe(room.session, row, now=AFTER, policy=POLICY)
    assert len(await room.owed()) == 1


async def test_an_agenda_or_a_partner_s_own_message_has_no_safe_version(room):
    await room.close()
    (own,) = await room.owed()
    assert not owing.has_safe(own)
    row = await held(room)
    row.template = "agenda"
    assert not owing.has_safe(row)
    assert not await owing.owe_safe(room.session, row, now=AFTER, policy=POLICY)


# The PBR.


@pytest.fixture
async def march(room):
    cadence = await test_pbr.series(room.session, room.team.acme, room.team.pm)
    return await test_pbr.meeting(room.session, cadence)


async def published(room, occurrence, *, now=test_pbr.AFTER, **more):
    promises = tuple(
        TypedPromise(
            text=f"ours {place}", owner_id=room.team.ann.id, due=date(2026, 4, 20), shared=f"worded {place}" * place
        )
        for place in range(2)
    )
    said = Said(**{"changes": ("press their seller",), "promises": promises, "accounts": "Secret target", **more})
    base = (await pbr.desk_of(room.session, occurrence.id, now=now, policy=POLICY)).base
    await pbr.publish(room.session, room.team.pm, Submitted(occurrence.id, base, said), now=now, policy=POLICY)


async def test_a_published_pbr_owes_the_partner_what_was_typed_for_it_and_its_file(room, march):
    await published(room, march, shared_pursuit="Halyard\nBorealis\n", shared_changes="demo together")
    page = await room.page()
    assert isinstance(page, SharedPbr)
    assert (page.pursuit, page.changes) == (("Halyard", "Borealis"), ("demo together",))
    assert [one.text for one in page.commitments] == ["worded 1"]
    assert [deal.account for deal in page.deals] == ["Deal 0 Ltd", "Deal 1 Ltd"]
    text = page.model_dump_json()
    assert not [word for word in ("press", "Secret", "ours 0") if word in text]
    first, file = await room.owed()
    assert (first.template, file.template, file.parent_id) == (owing.PBR_TEMPLATE, owing.FILE_TEMPLATE, first.id)


async def test_a_correction_that_changes_what_the_partner_reads_follows_in_the_thread(room, march):
    await published(room, march, shared_changes="demo together")
    await published(room, march, shared_changes="demo together", what_changed="a typo of ours", promises=())
    assert len(await room.owed()) == 2, "nothing the partner reads has changed"
    await published(room, march, shared_changes="demo alone", what_changed="theirs", promises=())
    first, _, second, file = await room.owed()
    assert (second.parent_id, file.parent_id) == (first.id, first.id)
    page = await room.page()
    assert (page.version, page.changes) == (2, ("demo alone",))
    assert "typo" not in page.model_dump_json()


# The readout.


async def test_a_readout_owes_the_partner_both_sides_asks_the_approved_forecast_and_a_deck(sqlite):
    async with sqlite.write() as session:
        chiefs, (pm,), (acme,) = await table.company(session, 1)
        deal = await make.deal(
            session, "Deal", acme, pm, category="won", stage="Closed Won", close_date=date(2026, 3, 4)
        )
        quiet = await make.deal(session, "Quiet", acme, pm, category="won", stage="Closed", close_date=date(2026, 3, 4))
        for one in (deal, quiet):
            await joint.mark(session, one, acme, amount=True)
        await joint.call(session, acme, "Closed Won", "Ordered")
        await joint.channel(session, acme, "joint-zero")
        await table.turn(session, "readout")
        cadence = await table.series(session, "readout", acme)
        meeting = (await table.held(session, cadence))["2026Q1"]
        said = {
            SPONSOR: "Jo Chief", "our_asks": "our quiet ask", "their_asks": "their quiet ask", OUR_ASKS: "a reference\na case",
            THEIR_ASKS: "training", JOINT_FORECAST: "three orders in spring",
        }  # fmt: skip
        form = Closing(meeting.id, True, "", "", {}, (Promise("a", pm.id, date(2026, 4, 20), shared="send it"),
                                                       Promise("b", pm.id, date(2026, 4, 20))))  # fmt: skip
        await minutes.close(session, chiefs["head"], form, said, now=at(17, 13), policy=POLICY)
        rows = list(await session.scalars(select(Outbox).where(Outbox.audience == "partner").order_by(Outbox.id)))
        assert [row.template for row in rows] == [owing.READOUT_TEMPLATE, owing.FILE_TEMPLATE]
        _, page = await pages.load(session, rows[0].args["artifact_id"])
        assert isinstance(page, SharedReadout)
        assert (page.quarter, page.their_sponsor, page.our_sponsors[0]) == ("2026Q1", "Jo Chief", chiefs["head"].name)
        assert (page.our_asks, page.their_asks) == (("a reference", "a case"), ("training",))
        assert (page.forecast, page.forecast_by) == ("three orders in spring", chiefs["head"].name)
        assert [(one.account, one.stage) for one in page.closed] == [("Deal Ltd", "Ordered")]
        assert [one.text for one in page.commitments] == ["send it"]
        assert "quiet" not in page.model_dump_json()


async def test_a_readout_that_was_not_held_and_a_meeting_that_is_none_owe_the_partner_nothing(sqlite):
    async with sqlite.write() as session:
        chiefs, (pm,), (acme,) = await table.company(session, 1)
        await joint.mark(session, await make.deal(session, "Deal", acme, pm), acme)
        await joint.channel(session, acme, "joint-zero")
        await table.turn(session, "readout", "forecast_one_on_one")
        for key, slot, held in (("readout", "2026Q1", False), ("forecast_one_on_one", "2026Q1-w09", True)):
            meeting = (await table.held(session, await table.series(session, key, acme)))[slot]
            promises = tuple(Promise(text, pm.id, date(2026, 4, 20), shared="words") for text in "ab") if held else ()
            form = Closing(meeting.id, held, "" if held else "ours", "" if held else "ill", {}, promises)
            await minutes.close(session, chiefs["head"], form, {"validated": "40"} if held else {}, now=meeting.ends_at,
                                policy=POLICY)  # fmt: skip
        assert list(await session.scalars(select(Outbox).where(Outbox.audience == "partner"))) == []
