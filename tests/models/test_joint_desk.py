"""The desk: what waits for whom, the card it stands on, the first post, the channel and the page."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from handlers.joint import card as joint_card
from models import managers, outbox, people
from models.domain.errors import FieldErrors, NotAllowed, UserError
from models.joint import approving, channel, checkin, counterparts, desk, marks, page, posting, waiting
from models.managers import NewManager
from models.tables import Card, Outbox
from tests import make
from tests.handlers.limits import words
from tests.make import NOW, POLICY

HOW = {"now": NOW, "policy": POLICY}
MORNING = NOW + timedelta(days=1, hours=2)


@pytest.fixture
async def session(db):
    async with db.write() as session:
        yield session


@pytest.fixture
async def team(session):
    """Acme with a joint deal and a shared channel that nobody has looked at."""
    made = await make.small(session)
    made.room = await make.joint_channel(session, made.acme, approved=False)
    made.mark = await make.joint(session, made.deals["Deal 0"], made.acme)
    return made


async def look(session, person, *, now=NOW, since=None):
    return await waiting.waiting(session, person, now=now, policy=POLICY, since=since)


async def cards_of(session, person):
    rows = await session.scalars(
        select(Card).where(Card.kind == desk.CARD, Card.person_id == person.id).order_by(Card.id)
    )
    return list(rows)


async def due_check_in(session, team):
    """The check-in of this week's review is due."""
    return await checkin.owe(session, team.week, team.acme, step=None, **HOW)


# Whose desk it is, and its card.


async def test_one_card_a_person_and_day_however_much_is_asked(session, team):
    for _ in range(3):
        await desk.ask(session, team.pm.id, **HOW)
    (card,) = await cards_of(session, team.pm)
    assert card.wanted > 1
    rows = [row for row in await session.scalars(select(Outbox)) if row.template == desk.CARD]
    assert [(row.person_id, row.card_id) for row in rows] == [(team.pm.id, card.id)]
    await desk.ask(session, team.pm.id, now=MORNING, policy=POLICY)
    assert [one.day for one in await cards_of(session, team.pm)] == [date(2026, 3, 2), date(2026, 3, 3)]


async def test_nobody_is_asked_outside_their_hours(session, team):
    await desk.ask(session, team.pm.id, now=NOW + timedelta(hours=12), policy=POLICY)
    (row,) = [one for one in await session.scalars(select(Outbox)) if one.template == desk.CARD]
    assert row.due_at.hour == 8
    assert row.due_at.date() == date(2026, 3, 3)
    (card,) = await cards_of(session, team.pm)
    assert card.day == date(2026, 3, 3)


async def test_a_partners_person_or_a_leaver_gets_no_card(session, team):
    cora = await make.counterpart(session, team.acme)
    team.bob.active = False
    await session.flush()
    for person in (cora, team.bob):
        await desk.ask(session, person.id, **HOW)
        assert await cards_of(session, person) == []


async def test_what_waits_stands_on_the_newest_card_only(session, team):
    await counterparts.propose(
        session, slack_id="UCORA", team_id="T2", name="cora", partner_id=team.acme.id, how="clicked", **HOW
    )
    (first,) = await cards_of(session, team.pm)
    first.channel_id, first.ts = "D1", "1.0"
    await desk.ask(session, team.pm.id, now=MORNING, policy=POLICY)
    second = (await cards_of(session, team.pm))[-1]
    assert "<@UCORA>" in str((await joint_card.render(session, first.id, **HOW)).blocks), "the newer one is not out yet"
    second.channel_id, second.ts = "D1", "2.0"
    await session.flush()
    old = await joint_card.render(session, first.id, now=MORNING, policy=POLICY)
    assert words(old.blocks) == ["What still waits stands on the card of Tue 3 Mar."]
    assert "<@UCORA>" in str((await joint_card.render(session, second.id, now=MORNING, policy=POLICY)).blocks)


async def test_the_card_before_is_drawn_anew_as_soon_as_the_new_one_stands(session, team):
    await desk.ask(session, team.pm.id, **HOW)
    (old,) = await cards_of(session, team.pm)
    old.channel_id, old.ts = "D1", "1.0"
    await desk.ask(session, team.pm.id, now=MORNING, policy=POLICY)
    new = (await cards_of(session, team.pm))[-1]
    (row,) = [one for one in await session.scalars(select(Outbox)) if one.card_id == new.id]
    await session.refresh(old)
    before, row.state = old.wanted, "sending"
    await session.flush()
    assert await outbox.finish(session, row, row.fence, outbox.Sent("D1", "2.0", 1), now=MORNING)
    await session.refresh(old)
    assert old.wanted == before + 1


async def test_a_card_for_which_nothing_is_left_is_not_sent(session, team):
    await desk.ask(session, team.ann.id, **HOW)
    (card,) = await cards_of(session, team.ann)
    assert await joint_card.render(session, card.id, **HOW) is None


async def test_what_comes_after_a_card_that_was_not_sent_is_asked_on_the_same_day(session, team):
    await desk.ask(session, team.pm.id, **HOW)
    (row,) = await outbox.claim(session, now=NOW, real_now=NOW, lease=timedelta(seconds=30))
    assert await outbox.settle(session, row.id, row.fence, "void", "there was nothing to say any more")
    await desk.ask(session, team.pm.id, now=NOW + timedelta(hours=1), policy=POLICY)
    await session.refresh(row)
    assert (row.template, row.state, row.due_at, row.problem) == (desk.CARD, "pending", NOW + timedelta(hours=1), "")


async def test_each_sees_their_own_partners_a_cover_those_they_cover_for_the_head_those_of_nobody(session, team):
    beta = await make.partner(session, "Beta", team.bob)
    gamma = await make.partner(session, "Gamma")
    assert [one.id for one in await waiting.partners_of(session, team.pm, **HOW)] == [team.acme.id]
    assert [one.id for one in await waiting.partners_of(session, team.head, **HOW)] == [gamma.id]
    await people.record_absence(session, team.pm, first=NOW.date(), last=NOW.date(), cover=team.ann, by=team.pm, **HOW)
    assert [one.id for one in await waiting.partners_of(session, team.ann, **HOW)] == [team.acme.id]
    team.bob.active = False
    await session.flush()
    assert {one.id for one in await waiting.partners_of(session, team.head, **HOW)} == {beta.id, gamma.id}
    assert await waiting.partners_of(session, team.bob, **HOW) == []


async def test_a_new_manager_finds_what_waits_on_their_desk_and_the_old_one_does_not(session, team):
    other = await make.person(session, "Olga Other", "pm")
    await counterparts.propose(
        session, slack_id="UCORA", team_id="T2", name="cora", partner_id=team.acme.id, how="clicked", **HOW
    )
    await managers.name_manager(session, team.head, NewManager(team.acme.id, other), **HOW)
    assert len(await cards_of(session, other)) == 1
    assert [one.row.slack_id for one in (await look(session, other)).people] == ["UCORA"]
    assert not await look(session, team.pm)
    nothing = await make.partner(session, "Beta", team.pm)
    third = await make.person(session, "Theo Third", "pm")
    await managers.name_manager(session, team.head, NewManager(nothing.id, third), **HOW)
    assert await cards_of(session, third) == [], "nobody is written to about nothing"


# The first post.


async def test_nothing_is_owed_to_a_channel_nobody_looked_at_and_what_waits_goes_out_after(session, team):
    assert await due_check_in(session, team)
    assert not await approving.is_approved(session, team.acme)
    assert [row for row in await session.scalars(select(Outbox)) if row.audience == "partner"] == []
    assert [one.partner.id for one in (await look(session, team.pm)).first] == [team.acme.id]
    await posting.allow(session, team.pm, team.acme.id, teams=["T2"], channel="joint-acme", **HOW)
    assert await approving.is_approved(session, team.acme)
    (row,) = [one for one in await session.scalars(select(Outbox)) if one.audience == "partner"]
    assert (row.channel_ref, row.partner_id, row.template) == ("joint-acme", team.acme.id, "checkin")
    found = await look(session, team.pm, since=NOW)
    assert found.first == ()
    assert [(one.what, one.partner, one.by) for one in found.decided] == [("approved", "Acme", "Pat Manager")]


@pytest.mark.parametrize("pending", [False, True], ids=["connected", "invited"])
async def test_another_workspace_has_to_be_looked_at_again(session, team, pending):
    await posting.allow(session, team.pm, team.acme.id, teams=["T2"], **HOW)
    if pending:
        team.room.pending = ["T3"]
    else:
        team.room.connected = ["T2", "T3"]
    await session.flush()
    assert not await approving.is_approved(session, team.acme)
    (first,) = (await look(session, team.pm)).first
    assert first.again
    with pytest.raises(UserError, match="Another workspace was connected"):
        await posting.allow(session, team.pm, team.acme.id, teams=["T2"], **HOW)
    await posting.allow(session, team.pm, team.acme.id, teams=["T2", "T3"], **HOW)
    assert await approving.is_approved(session, team.acme)


async def test_one_workspace_less_needs_no_second_look(session, team):
    team.room.connected = ["T2", "T3"]
    await session.flush()
    await posting.allow(session, team.pm, team.acme.id, teams=["T2", "T3"], **HOW)
    team.room.connected = ["T2"]
    await session.flush()
    assert await approving.is_approved(session, team.acme)


async def test_another_channel_than_the_one_that_was_shown_is_not_approved(session, team):
    with pytest.raises(UserError, match="another one now"):
        await posting.allow(session, team.pm, team.acme.id, teams=["T2"], channel="joint-old", **HOW)
    team.room.is_archived = True
    await session.flush()
    with pytest.raises(UserError, match="archived"):
        await posting.allow(session, team.pm, team.acme.id, teams=["T2"], **HOW)


async def test_only_the_manager_or_the_head_lets_cadence_post(session, team):
    with pytest.raises(NotAllowed, match=r"Pat Manager \(partner manager\)"):
        await posting.allow(session, team.ann, team.acme.id, teams=["T2"], **HOW)
    await posting.allow(session, team.head, team.acme.id, teams=["T2"], **HOW)
    with pytest.raises(NotAllowed):
        await approving.withdraw(session, team.ann, team.acme.id, **HOW)
    await approving.withdraw(session, team.pm, team.acme.id, **HOW)
    assert not await approving.is_approved(session, team.acme)


async def test_a_held_check_in_goes_on_with_the_next_look_unless_it_is_too_late(session, team):
    await due_check_in(session, team)
    await posting.allow(session, team.pm, team.acme.id, teams=["T2"], **HOW)
    (row,) = [one for one in await session.scalars(select(Outbox)) if one.audience == "partner"]
    team.room.connected, row.state, row.problem = ["T2", "T3"], "held", "Another workspace was connected."
    await session.flush()
    assert (await look(session, team.pm)).held == (), "it is asked about once: look at the first post again"
    await posting.allow(session, team.pm, team.acme.id, teams=["T2", "T3"], **HOW)
    assert row.state == "pending"
    team.room.connected, row.state, row.decision = ["T2", "T3", "T4"], "held", ""
    row.void_at = NOW - timedelta(hours=1)
    await session.flush()
    await posting.allow(session, team.pm, team.acme.id, teams=["T2", "T3", "T4"], **HOW)
    assert row.state == "void"


async def test_what_something_else_speaks_against_does_not_undo_the_look(session, team):
    """Cadence may not be in the channel: the workspaces were looked at all the same, and the message waits on the desk."""
    await due_check_in(session, team)
    await posting.allow(session, team.pm, team.acme.id, teams=["T2"], **HOW)
    (row,) = [one for one in await session.scalars(select(Outbox)) if one.audience == "partner"]
    row.state, row.problem, team.room.is_member = "held", "Cadence is not in #joint-acme.", False
    await session.flush()
    await posting.allow(session, team.pm, team.acme.id, teams=["T2"], **HOW)
    assert (row.state, row.decision) == ("held", "")
    assert await approving.is_approved(session, team.acme)
    assert [held.id for held in (await look(session, team.pm)).held] == [row.id]


async def test_a_check_in_that_was_not_edited_is_drawn_anew_after_the_next_look(session, team):
    await due_check_in(session, team)
    await posting.allow(session, team.pm, team.acme.id, teams=["T2"], **HOW)
    (row,) = [one for one in await session.scalars(select(Outbox)) if one.audience == "partner"]
    card = await session.get_one(Card, row.card_id)
    team.room.connected = ["T2", "T3"]
    row.state, row.channel_id, row.problem, card.dead = "sent", team.room.slack_id, "Another workspace.", "held"
    await session.flush()
    wanted = card.wanted
    await posting.allow(session, team.pm, team.acme.id, teams=["T2", "T3"], **HOW)
    await session.refresh(card)
    assert (row.problem, card.dead, card.wanted > wanted) == ("", "", True)


# The channel and the page.


async def test_another_joint_channel_forgets_what_was_approved(session, team):
    await posting.allow(session, team.pm, team.acme.id, teams=["T2"], **HOW)
    await channel.choose(session, team.pm, team.acme.id, "CACME", **HOW)
    assert await approving.is_approved(session, team.acme), "the same channel by its id"
    await channel.choose(session, team.pm, team.acme.id, "CNEW", **HOW)
    assert (team.acme.joint_channel, team.acme.joint_approved, team.acme.joint_teams) == ("CNEW", "", [])
    assert not await approving.is_approved(session, team.acme)


async def test_an_internal_channel_or_another_partners_is_no_joint_channel(session, team):
    beta = await make.partner(session, "Beta", team.pm, internal_channel="CBETA", joint_channel="CJOINTB")
    for ref, words_ in (("CBETA", "internal channel of Beta"), ("CJOINTB", "joint channel of Beta")):
        with pytest.raises(FieldErrors, match=words_):
            await channel.choose(session, team.pm, team.acme.id, ref, **HOW)
    with pytest.raises(NotAllowed):
        await channel.choose(session, team.ann, beta.id, "CNEW", **HOW)


async def test_without_a_joint_channel_the_text_waits_while_the_check_in_is_open(session, team):
    team.acme.joint_channel = ""
    await session.flush()
    assert (await look(session, team.pm)).copies == ()
    await due_check_in(session, team)
    (found,) = (await look(session, team.pm)).copies
    assert (found.partner.id, found.day) == (team.acme.id, date(2026, 3, 5))
    text = await checkin.text_to_copy(session, team.acme.id, **HOW)
    assert "Deal 0 Ltd" in text
    assert "10,000" not in text
    later = team.week.starts_at + timedelta(minutes=1)
    assert (await look(session, team.pm, now=later)).copies == ()


async def test_the_page_is_the_managers_and_the_heads_and_tells_what_happened(session, team):
    with pytest.raises(NotAllowed, match="decide what this partner sees"):
        await page.load(session, team.ann, team.acme.id, **HOW)
    beta = await make.partner(session, "Beta", team.bob)
    await make.joint(session, team.deals["Deal 0"], beta)
    await marks.share_amount(session, team.pm, team.mark.id, True, **HOW)
    await marks.take_back(session, team.pm, team.mark.id, **HOW)
    found = await page.load(session, team.head, team.acme.id, **HOW)
    assert found.deals == ()
    assert len(found.candidates) == 2
    team.deals["Deal 1"].partner_owner = "Carl Partner"
    await session.flush()
    assert (await page.load(session, team.head, team.acme.id, **HOW)).owners == ("Carl Partner",)
    assert [(one.what, one.name) for one in found.history] == [("not_joint", "Deal 0"), ("amount", "Deal 0")]
    assert [one.name for one in await page.partners_for(session, team.pm, **HOW)] == ["Acme"]
    assert [one.name for one in await page.partners_for(session, team.head, **HOW)] == ["Acme", "Beta"]
    assert await page.partners_for(session, team.ann, **HOW) == []


async def test_a_desk_costs_a_number_of_statements_that_does_not_grow_with_the_partners(db):
    async with db.write() as session:
        team = await make.small(session)
        pm_id = team.pm.id
    counted = []
    for _ in range(2):
        async with db.write() as session:
            for place in range(6):
                await make.partner(session, f"P{len(counted)}{place}", await session.get_one(type(team.pm), pm_id))
        async with db.read() as session:
            person = await session.get_one(type(team.pm), pm_id)
            with make.counting(db) as statements:
                await waiting.waiting(session, person, **HOW)
            counted.append(len(statements))
    assert counted[0] == counted[1]
