"""What crosses of a deal: exactly what the partner may see, read from the rows as they stand."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import update

from models.domain.shared import SharedDeal, SharedStep, sums
from models.joint import answers, marks, views
from models.joint.answers import Said
from models.joint.says import of_deals, says
from models.tables import DealPartner, StageName
from tests import make
from tests.make import NOW, POLICY


@pytest.fixture
async def session(sqlite):
    async with sqlite.write() as session:
        yield session


async def shared(session, partner, **how):
    return await views.shared_deals(session, partner.id, now=NOW, policy=POLICY, **how)


async def say(session, mark, who, said, *, at=NOW, occurrence=None):
    return await answers.record(
        session, mark_id=mark.id, by=who, said_by=who.name, recorded_by=None, source="form", said=said, shown=None,
        occurrence_id=occurrence.id if occurrence else None, now=at, policy=POLICY,
    )  # fmt: skip


async def test_a_marked_deal_crosses_as_its_account_and_nothing_else_until_somebody_shares_more(session):
    team = await make.small(session)
    deal = team.deals["Deal 0"]
    await make.action(session, deal, team.ann, "squeeze their margin")
    mark = await make.joint(session, deal, team.acme)
    assert await shared(session, team.acme) == (SharedDeal(ref=mark.id, account="Deal 0 Ltd"),)


async def test_what_was_shared_crosses_our_stage_in_their_words_our_action_in_its_shared_wording(session):
    team = await make.small(session)
    deal = team.deals["Deal 0"]
    await make.action(session, deal, team.ann, "squeeze their margin", shared_text="Send the offer")
    mark = await make.joint(session, deal, team.acme, amount_shared=True)
    session.add(StageName(partner_id=team.acme.id, stage="Qualification", joint="Qualified", changed_at=NOW))
    cora = await make.counterpart(session, team.acme)
    await say(session, mark, cora, Said("Verbal", "Confirm the budget", "Colin", date(2026, 3, 9), "A reference"),
              at=datetime(2026, 3, 3, 23, 30, tzinfo=UTC), occurrence=team.week)  # fmt: skip
    assert await shared(session, team.acme, occurrence_id=team.week.id) == (
        SharedDeal(
            ref=mark.id, account="Deal 0 Ltd", stage="Qualified", their_stage="Verbal", amount=1_000_000, currency="USD",
            ours=SharedStep(text="Send the offer", owner="Ann Seller", due=date(2026, 3, 12)),
            theirs=SharedStep(text="Confirm the budget", owner="Colin", due=date(2026, 3, 9)), ask="A reference",
            said_by="Cora Counterpart", said_on=date(2026, 3, 3), answered=True,
        ),
    )  # fmt: skip
    assert not (await shared(session, team.acme))[0].answered, "answered is a word about one review"


@pytest.mark.parametrize(("zone", "day"), [("Asia/Singapore", 4), ("America/New_York", 3), ("", 3)])
async def test_the_day_of_an_answer_is_that_on_the_managers_clock(session, zone, day):
    team = await make.small(session)
    team.pm.zone = zone
    mark = await make.joint(session, team.deals["Deal 0"], team.acme)
    late = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
    await say(session, mark, await make.counterpart(session, team.acme), Said(action="Call"), at=late)
    for how in ({}, {"policy": POLICY}):
        (deal,) = await views.shared_deals(session, team.acme.id, now=late, **how)
        assert deal.said_on == date(2026, 3, day)


async def test_another_partners_stage_names_marks_and_words_are_not_this_ones(session):
    team = await make.small(session)
    beta = await make.partner(session, "Beta", team.pm)
    deal = team.deals["Deal 0"]
    session.add(DealPartner(deal_id=deal.id, partner_id=beta.id, is_primary=False, valid_from=NOW))
    session.add(StageName(partner_id=beta.id, stage="Qualification", joint="B-word", changed_at=NOW))
    with_acme = await make.joint(session, deal, team.acme, amount_shared=True)
    with_beta = await make.joint(session, deal, beta)
    await say(session, with_acme, await make.counterpart(session, team.acme), Said(action="Acme's secret"))
    assert await shared(session, beta) == (SharedDeal(ref=with_beta.id, account="Deal 0 Ltd", stage="B-word"),)
    assert (await shared(session, team.acme))[0].stage == ""


async def test_deals_that_are_not_marked_closed_or_of_another_partner_now_stay_away(session):
    team = await make.small(session)
    won = await make.deal(session, "Won", team.acme, team.ann, category="won")
    moved = await make.deal(session, "Moved", team.acme, team.ann)
    for one in (won, moved):
        await make.joint(session, one, team.acme)
    (await make.current(session, moved)).partner_id = None
    await session.execute(update(DealPartner).where(DealPartner.deal_id == moved.id).values(valid_to=NOW))
    assert await shared(session, team.acme) == ()
    assert await views.shared_deals(session, team.acme.id, now=NOW) == ()


async def test_an_amount_that_is_not_shared_is_in_no_order_and_no_sum(session):
    team = await make.small(session, deals=0)
    for name, amount, is_shared in (
        ("Zeta", 100, True),
        ("Huge", 99_999_999, False),
        ("Alpha", 1, False),
        ("Mid", 500, True),
    ):
        deal = await make.deal(session, name, team.acme, team.ann, amount=amount)
        await make.joint(session, deal, team.acme, amount_shared=is_shared)
    unknown = await make.deal(session, "Nobody knows", team.acme, team.ann, amount=None)
    await make.joint(session, unknown, team.acme, amount_shared=True)
    found = await shared(session, team.acme)
    assert [deal.account for deal in found] == ["Mid Ltd", "Zeta Ltd", "Alpha Ltd", "Huge Ltd", "Nobody knows Ltd"]
    assert [deal.amount for deal in found] == [500, 100, None, None, None]
    assert {deal.currency for deal in found[2:]} == {""}
    assert [(one.amount, one.deals) for one in sums(found)] == [(600, 2)]


async def test_a_second_deal_of_one_account_is_numbered_and_keeps_its_number_when_the_first_is_won(session):
    team = await make.small(session, deals=0)
    first = await make.deal(session, "Licence", team.acme, team.ann, account="Globex")
    second = await make.deal(session, "Services", team.acme, team.ann, account="GLOBEX ")
    nameless = await make.deal(session, "Project Razor", team.acme, team.ann, account="")
    for deal in (first, second, nameless):
        await make.joint(session, deal, team.acme)
    assert [deal.account for deal in await shared(session, team.acme)] == ["An account", "Globex", "GLOBEX (2)"]
    (await make.current(session, first)).category = "won"
    await session.flush()
    assert [deal.account for deal in await shared(session, team.acme)] == ["An account", "GLOBEX (2)"]
    assert set((await views.accounts(session, team.acme.id)).values()) == {"Globex", "GLOBEX (2)", "An account"}
    only = {mark.id for mark in await marks.standing(session, team.acme.id) if mark.deal_id == second.id}
    assert [deal.account for deal in await shared(session, team.acme, marks=only)] == ["GLOBEX (2)"]


async def test_the_stage_that_crosses_is_the_crms_not_a_statement_that_waits_to_be_mended(session):
    team = await make.small(session)
    await make.joint(session, team.deals["Deal 0"], team.acme)
    for stage in ("Qualification", "Negotiation/Review"):
        session.add(StageName(partner_id=team.acme.id, stage=stage, joint=f"ours:{stage}", changed_at=NOW))
    version = await make.current(session, team.deals["Deal 0"])
    version.said = {"stage": {"value": "Negotiation/Review", "at": NOW.isoformat(), "by": team.ann.id}}
    await session.flush()
    assert (await shared(session, team.acme))[0].stage == "ours:Qualification"


async def test_reading_takes_as_many_statements_for_many_deals_as_for_one(sqlite):
    async with sqlite.write() as session:
        team = await make.small(session, deals=0)
        cora = await make.counterpart(session, team.acme)
        one = await make.joint(session, await make.deal(session, "One", team.acme, team.ann), team.acme)
        await say(session, one, cora, Said(action="x"))
        with make.counting(sqlite) as few:
            await shared(session, team.acme)
        for number in range(30):
            mark = await make.joint(session, await make.deal(session, f"D{number}", team.acme, team.ann), team.acme)
            await say(session, mark, cora, Said(action="x"))
        with make.counting(sqlite) as many:
            assert len(await shared(session, team.acme)) == 31
    assert len(few) == len(many) <= 6


async def test_a_check_in_is_of_one_review_and_over_when_that_begins(session):
    team = await make.small(session)
    mark = await make.joint(session, team.deals["Deal 0"], team.acme)
    made = await views.check_in(session, team.week.id, now=NOW, policy=POLICY)
    assert made is not None
    assert (made.partner, made.day, made.time, made.state) == ("Acme", date(2026, 3, 5), "10:00 London time", "open")
    assert [deal.ref for deal in made.deals] == [mark.id]
    for now, state in ((team.week.starts_at - timedelta(seconds=1), "open"), (team.week.starts_at, "over")):
        later = await views.check_in(session, team.week.id, now=now, policy=POLICY)
        assert later is not None
        assert later.state == state
    team.week.state = "skipped"
    skipped = await views.check_in(session, team.week.id, now=NOW, policy=POLICY)
    assert skipped is not None
    assert skipped.state == "over"
    assert await views.check_in(session, 999, now=NOW, policy=POLICY) is None


async def test_our_own_pages_know_what_a_partner_says_and_where_its_stage_differs(session):
    team = await make.small(session)
    deal = team.deals["Deal 0"]
    mark = await make.joint(session, deal, team.acme)
    cora = await make.counterpart(session, team.acme)
    assert await says(session, policy=POLICY) == {}
    await say(session, mark, cora, Said("Qualified", "Call them", "Colin", date(2026, 3, 9), ""))
    found = (await says(session, policy=POLICY))[team.acme.id, deal.id]
    assert (found.stage, found.ours, found.differs, found.asks_something) == ("Qualified", "Qualification", True, True)
    session.add(StageName(partner_id=team.acme.id, stage="Qualification", joint="qualified", changed_at=NOW))
    found = (await of_deals(session, [deal.id], policy=POLICY))[deal.id][0]
    assert (found.ours, found.differs, found.asks_something) == ("qualified", False, False)
    assert (found.partner, found.action, found.owner, found.due, found.by, found.on, found.reported) == (
        "Acme", "Call them", "Colin", date(2026, 3, 9), "Cora Counterpart", NOW.date(), False,
    )  # fmt: skip
    assert await of_deals(session, [], policy=POLICY) == {}
    await marks.take_back(session, team.pm, mark.id, now=NOW, policy=POLICY)
    assert await says(session, policy=POLICY) == {}
