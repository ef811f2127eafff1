"""The check-in: made once for a review, posted where somebody has looked at who reads it, else on the manager's desk."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.joint import answers, checkin
from models.joint.answers import Said
from models.tables import Card, CardOccurrence, Outbox, StageName
from tests import make
from tests.make import NOW, POLICY


@pytest.fixture
async def session(db):
    async with db.write() as session:
        yield session


@pytest.fixture
async def team(session):
    made = await make.small(session)
    made.mark = await make.joint(session, made.deals["Deal 0"], made.acme)
    return made


async def owe(session, team, **more):
    return await checkin.owe(session, team.week, team.acme, **{"now": NOW, "policy": POLICY, "step": None, **more})


async def cards_of(session, kind):
    return list(await session.scalars(select(Card).where(Card.kind == kind)))


async def owed(session):
    await session.flush()
    return list(await session.scalars(select(Outbox).where(Outbox.template == "checkin")))


async def test_an_approved_channel_is_owed_one_card_for_the_partner_until_the_review_begins(session, team):
    await make.joint_channel(session, team.acme)
    assert await owe(session, team)
    assert await owe(session, team), "asked again it says the same"
    card = (await cards_of(session, "checkin"))[0]
    assert (card.person_id, card.partner_id, card.day) == (team.pm.id, team.acme.id, None)
    row = (await owed(session))[0]
    assert (row.key, row.audience, row.partner_id, row.channel_ref, row.card_id, row.occurrence_id, row.void_at) == (
        f"checkin:{team.week.id}", "partner", team.acme.id, "joint-acme", card.id, team.week.id, team.week.starts_at,
    )  # fmt: skip
    assert row.person_id is None
    assert len(await cards_of(session, "checkin")) == len(await owed(session)) == 1
    link = (await session.scalars(select(CardOccurrence).where(CardOccurrence.card_id == card.id))).one()
    assert link.occurrence_id == team.week.id
    assert await cards_of(session, "joint") == [], "nobody is asked anything"


async def test_without_joint_deals_there_is_no_check_in(session, team):
    await make.joint_channel(session, team.acme)
    (await make.current(session, team.deals["Deal 0"])).category = "won"
    await session.flush()
    assert not await owe(session, team)
    assert await cards_of(session, "checkin") == await owed(session) == []


@pytest.mark.parametrize("why", ["never approved", "another workspace", "another channel", "no channel"])
async def test_what_nobody_has_looked_at_is_not_posted_but_waits_on_the_managers_desk(session, team, why):
    if why != "no channel":
        channel = await make.joint_channel(session, team.acme, approved=why != "never approved")
        if why == "another workspace":
            channel.pending = ["T9"]
        if why == "another channel":
            team.acme.joint_channel = "joint-new"
    assert await owe(session, team)
    assert await owed(session) == []
    desk = await cards_of(session, "joint")
    assert [card.person_id for card in desk] == [team.pm.id]
    assert (await checkin.waiting(session, [team.acme.id], now=NOW))[team.acme.id].id == team.week.id
    assert await checkin.waiting(session, [team.acme.id], now=team.week.starts_at) == {}, "its review has begun"


async def test_once_somebody_approved_it_the_check_in_that_waited_goes_out(session, team):
    await make.joint_channel(session, team.acme, approved=False)
    await owe(session, team)
    assert not await checkin.owe_waiting(session, team.acme, now=NOW, policy=POLICY), "not yet"
    team.acme.joint_approved, team.acme.joint_teams = "joint-acme", ["T2"]
    for again in (True, False):
        assert await checkin.owe_waiting(session, team.acme, now=NOW, policy=POLICY) is again
    assert [row.key for row in await owed(session)] == [f"checkin:{team.week.id}"]
    assert await checkin.waiting(session, [team.acme.id], now=NOW) == {}


async def test_approved_after_the_review_has_begun_it_is_too_late(session, team):
    await make.joint_channel(session, team.acme, approved=False)
    await owe(session, team)
    team.acme.joint_approved, team.acme.joint_teams = "joint-acme", ["T2"]
    assert not await checkin.owe_waiting(session, team.acme, now=team.week.starts_at, policy=POLICY)
    assert await owed(session) == []


async def test_a_partner_without_manager_is_the_heads_and_without_anybody_nobodys(session, team):
    await make.joint_channel(session, team.acme)
    team.acme.pm_id = None
    assert await owe(session, team)
    assert (await cards_of(session, "checkin"))[0].person_id == team.head.id
    team.head.active = False
    following = await make.occurrence(session, team.cadence, "2026-W11")
    await session.flush()
    assert not await checkin.owe(session, following, team.acme, now=NOW, policy=POLICY, step=None)


async def test_what_is_said_now_belongs_to_the_newest_check_in_while_it_is_not_settled(session, team):
    following = await make.occurrence(session, team.cadence, "2026-W11")
    assert (await checkin.present(session, team.acme.id, now=NOW)).id == team.week.id
    assert (await checkin.present(session, team.acme.id, now=team.week.ends_at)).id == following.id, "none was posted"
    await owe(session, team)
    late = team.week.ends_at + timedelta(hours=2)
    assert (await checkin.present(session, team.acme.id, now=late)).id == team.week.id, "said late, for this one still"
    team.week.closed_at = late
    await session.flush()
    assert (await checkin.present(session, team.acme.id, now=late)).id == following.id
    beta = await make.partner(session, "Beta", team.pm)
    assert await checkin.present(session, beta.id, now=NOW) is None


async def test_a_button_stands_in_the_channel_its_card_was_posted_in(session, team):
    await make.joint_channel(session, team.acme)
    await owe(session, team)
    assert not await checkin.stands_in(session, team.acme.id, "CACME"), "not posted yet"
    (await cards_of(session, "checkin"))[0].channel_id = "CACME"
    await session.flush()
    assert await checkin.stands_in(session, team.acme.id, "CACME")
    assert not await checkin.stands_in(session, team.acme.id, "CELSE")
    assert not await checkin.stands_in(session, team.acme.id, "")


async def test_a_card_shows_its_own_partners_review_and_no_other(session, team):
    await owe(session, team)
    card = (await cards_of(session, "checkin"))[0]
    made = await checkin.shown_on(session, card.id, now=NOW, policy=POLICY)
    assert made is not None
    assert [deal.ref for deal in made.deals] == [team.mark.id]
    card.partner_id = (await make.partner(session, "Beta", team.pm)).id
    await session.flush()
    assert await checkin.shown_on(session, card.id, now=NOW, policy=POLICY) is None
    assert await checkin.shown_on(session, 999, now=NOW, policy=POLICY) is None


async def test_the_text_to_copy_says_what_the_card_says_and_nothing_more(session, team):
    deal = team.deals["Deal 0"]
    await make.action(session, deal, team.ann, "squeeze them", shared_text="Send the offer")
    team.mark.amount_shared = True
    session.add(StageName(partner_id=team.acme.id, stage="Qualification", joint="Qualified", changed_at=NOW))
    cora = await make.counterpart(session, team.acme)
    await answers.record(
        session, mark_id=team.mark.id, by=cora, said_by="Cora", recorded_by=None, source="form", now=NOW, policy=POLICY,
        said=Said("Verbal", "Confirm", "Colin", team.week.day, "A price"), shown=None, occurrence_id=None,
    )  # fmt: skip
    assert (await checkin.text_to_copy(session, team.acme.id, now=NOW, policy=POLICY)).split("\n") == [
        "Check-in before our review with Acme, Thu 5 Mar, 10:00 London time",
        "- Deal 0 Ltd, stage: Qualified, USD 10,000",
        "  From us: Send the offer (Ann Seller, by 12 Mar)",
        "  From Acme: Confirm (Colin, by 5 Mar)",
        "  Acme's stage: Verbal",
        "  Acme asks: A price",
        "  Said by Cora Counterpart, 2 Mar",
    ]


async def test_without_a_review_the_text_lists_the_deals_and_without_joint_deals_there_is_none(session, team):
    beta = await make.partner(session, "Beta", team.pm)
    assert await checkin.text_to_copy(session, beta.id, now=NOW, policy=POLICY) == ""
    await make.joint(session, await make.deal(session, "Bee", beta, team.ann), beta)
    assert await checkin.text_to_copy(session, beta.id, now=NOW, policy=POLICY) == "- Bee Ltd"
