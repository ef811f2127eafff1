"""What a partner says: appended, judged, heard beside others, and never written over what we say."""

import asyncio
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from models.domain.errors import FieldErrors, ForPartner
from models.joint import answers, marks
from models.joint.answers import Said
from models.tables import Card, CardOccurrence, Change, DealPartner, JointAnswer, Person
from tests import make
from tests.make import NOW, POLICY

LATER = NOW + timedelta(hours=1)
FULL = Said("Verbal", "Confirm the budget", "Colin Partner", date(2026, 3, 9), "A reference customer")


@pytest.fixture
async def session(db):
    async with db.write() as session:
        yield session


@pytest.fixture
async def team(session):
    made = await make.small(session)
    made.mark = await make.joint(session, made.deals["Deal 0"], made.acme)
    made.cora = await make.counterpart(session, made.acme)
    made.colin = await make.counterpart(session, made.acme, "Colin Partner")
    return made


async def say(session, team, said, *, who=None, shown=None, at=NOW, occurrence=True, **more):
    who = who or team.cora
    return await answers.record(session, **{
        "mark_id": team.mark.id, "by": who, "said_by": who.name, "recorded_by": None, "source": "form", "said": said,
        "shown": shown, "occurrence_id": team.week.id if occurrence else None, "now": at, "policy": POLICY, **more,
    })  # fmt: skip


async def test_an_answer_is_a_row_and_changes_nothing_we_say(session, team):
    deal = team.deals["Deal 0"]
    before = await make.current(session, deal)
    was = {name: getattr(before, name) for name in ("stage", "category", "amount", "close_date", "next_step", "said")}
    row = await say(session, team, FULL)
    assert answers.said_in(row) == FULL
    assert (row.by_id, row.said_by, row.source, row.at, row.occurrence_id) == (
        team.cora.id, "Cora Counterpart", "form", NOW, team.week.id,
    )  # fmt: skip
    assert row.changed["due"] == {"before": None, "after": "2026-03-09"}
    after = await make.current(session, deal)
    assert after.id == before.id
    assert {name: getattr(after, name) for name in was} == was
    assert await make.open_action(session, deal) is None


async def test_the_owner_there_is_written_on_the_deal_and_kept_in_its_history(session, team):
    deal = team.deals["Deal 0"]
    await say(session, team, FULL)
    assert deal.partner_owner == "Colin Partner"
    await session.flush()
    change = (await session.scalars(select(Change).where(Change.field == "partner_owner"))).one()
    assert (change.before, change.after, change.by_id, change.source) == ("", "Colin Partner", team.cora.id, "form")
    deal.partner_owner = "Somebody we know better"
    await say(session, team, Said("Verbal", "Confirm the budget", "Colin Partner", date(2026, 3, 9), "More"), at=LATER)
    assert deal.partner_owner == "Somebody we know better", "only a name they said anew"


async def test_a_partner_that_only_has_a_part_names_no_owner_on_the_deal(session, team):
    beta = await make.partner(session, "Beta", team.pm)
    deal = team.deals["Deal 0"]
    session.add(DealPartner(deal_id=deal.id, partner_id=beta.id, is_primary=False, valid_from=NOW))
    mark = await make.joint(session, deal, beta)
    bea = await make.counterpart(session, beta, "Bea Beta", slack_team_id="T3")
    await say(session, team, FULL, who=bea, mark_id=mark.id)
    assert deal.partner_owner == ""


async def test_the_same_twice_for_one_review_is_one_row_and_counts_anew_for_the_next(session, team):
    first = await say(session, team, FULL)
    assert (await say(session, team, FULL, at=LATER)).id == first.id
    assert (await say(session, team, FULL, who=team.colin, at=LATER)).id == first.id
    following = await make.occurrence(session, team.cadence, "2026-W11")
    again = await say(session, team, FULL, at=LATER, occurrence_id=following.id)
    assert again.id != first.id
    assert again.changed == {}


async def test_the_last_of_two_answers_wins_and_the_earlier_stays_in_the_history(session, team):
    await say(session, team, FULL)
    await say(session, team, Said(action="Wait"), who=team.colin, at=LATER)
    last = (await answers.latest(session, [team.mark.id]))[team.mark.id]
    assert (last.action, last.stage, last.ask, last.by_id) == ("Wait", "", "", team.colin.id)
    assert [row.action for row in await answers.history(session, team.mark.id)] == ["Confirm the budget", "Wait"]


async def test_two_who_change_different_fields_of_open_forms_are_both_heard(session, team):
    shown = answers.said_in(await say(session, team, FULL)).prints()
    await say(session, team, Said("Verbal", "Confirm the budget", "Colin Partner", date(2026, 3, 9), "A price"), shown=shown,
              who=team.colin)  # fmt: skip
    await say(session, team, Said("Closing", "Confirm the budget", "Colin Partner", date(2026, 3, 9), FULL.ask), shown=shown,
              at=LATER)  # fmt: skip
    last = (await answers.latest(session, [team.mark.id]))[team.mark.id]
    assert (last.stage, last.ask) == ("Closing", "A price")


async def test_a_field_that_is_emptied_is_taken_back(session, team):
    shown = answers.said_in(await say(session, team, FULL)).prints()
    await say(session, team, Said("Verbal"), shown=shown, at=LATER)
    last = (await answers.latest(session, [team.mark.id]))[team.mark.id]
    assert answers.said_in(last) == Said("Verbal")


@pytest.mark.parametrize(
    ("said", "field", "words"),
    [
        (Said(), "action", "at least one thing"),
        (Said(stage=" ", action="\n"), "action", "at least one thing"),
        (Said(action="call", due=date(2026, 3, 1)), "due", "01 Mar 2026 is in the past"),
        (Said(owner="Colin"), "action", "Say what happens next"),
        (Said(due=date(2026, 3, 9)), "action", "Say what happens next"),
        (Said(action="x" * 501), "action", "At most 500"),
        (Said(ask="x" * 501), "ask", "At most 500"),
        (Said(action="call", owner="x" * 101), "owner", "At most 100"),
        (Said(stage="x" * 76), "stage", "At most 75"),
    ],
)  # fmt: skip
async def test_what_cannot_stand_is_said_on_its_field_and_nothing_is_stored(session, team, said, field, words):
    with pytest.raises(FieldErrors) as refused:
        await say(session, team, said)
    assert words in refused.value.errors[field]
    assert await answers.latest(session, [team.mark.id]) == {}


async def test_a_due_day_that_has_passed_since_is_no_error_of_who_says_something_else(session, team):
    await say(session, team, FULL)
    month_later = NOW + timedelta(days=30)
    row = await say(session, team, Said("Closing", FULL.action, FULL.owner, FULL.due, FULL.ask), at=month_later)
    assert row.stage == "Closing"


async def test_what_is_typed_is_stored_as_one_tidy_line(session, team):
    row = await say(session, team, Said(action="  send\n\u202e the   offer ", ask="<!channel>"))
    assert (row.action, row.ask) == ("send the offer", "<!channel>")


async def test_a_deal_that_was_taken_back_takes_no_answer(session, team):
    await marks.take_back(session, team.pm, team.mark.id, now=NOW, policy=POLICY)
    with pytest.raises(ForPartner, match="What you typed is still here"):
        await say(session, team, FULL)
    with pytest.raises(ForPartner):
        await say(session, team, FULL, mark_id=999)
    assert list(await session.scalars(select(JointAnswer))) == []


async def test_what_one_of_us_wrote_down_says_who_said_it_and_who_wrote(session, team):
    row = await say(session, team, FULL, by=None, said_by="Somebody on the phone", recorded_by=team.pm, source="reported",
                    occurrence=False)  # fmt: skip
    assert (row.by_id, row.said_by, row.recorded_by_id, row.source) == (
        None,
        "Somebody on the phone",
        team.pm.id,
        "reported",
    )
    await session.flush()
    change = (await session.scalars(select(Change).where(Change.field == "partner_owner"))).one()
    assert change.by_id == team.pm.id


async def test_the_check_in_and_our_own_cards_are_drawn_anew_those_of_old_reviews_are_not(session, team):
    held = await make.occurrence(session, team.cadence, "2026-W11")
    held.closed_at = NOW
    made = [
        Card(kind="checkin", person_id=team.pm.id, partner_id=team.acme.id, created_at=NOW),
        Card(kind="prompt", person_id=team.ann.id, day=NOW.date(), created_at=NOW),
        Card(kind="home", person_id=team.ann.id, day=date(1970, 1, 1), created_at=NOW),
        Card(kind="home", person_id=team.pm.id, day=date(1970, 1, 1), created_at=NOW),
        Card(kind="checkin", person_id=team.pm.id, partner_id=team.acme.id, created_at=NOW),
    ]
    session.add_all(made)
    await session.flush()
    session.add_all([
        CardOccurrence(card_id=made[0].id, occurrence_id=team.week.id),
        CardOccurrence(card_id=made[1].id, occurrence_id=team.week.id),
        CardOccurrence(card_id=made[4].id, occurrence_id=held.id),
    ])  # fmt: skip
    await say(session, team, FULL)
    for card in made:
        await session.refresh(card)
    assert [card.wanted > 1 for card in made] == [True, True, True, True, False]


async def test_two_who_answer_at_the_same_moment_are_both_heard_one_after_the_other(db):
    async with db.write() as session:
        team = await make.small(session)
        mark = await make.joint(session, team.deals["Deal 0"], team.acme)
        people = [await make.counterpart(session, team.acme, name) for name in ("Cora Counterpart", "Colin Partner")]
        ids = mark.id, team.week.id, [one.id for one in people]

    async def one(place, said):
        async with db.write() as session:
            who = await session.get_one(Person, ids[2][place])
            await answers.record(
                session, mark_id=ids[0], by=who, said_by=who.name, recorded_by=None, source="form", said=said,
                shown=Said().prints(), occurrence_id=ids[1], now=NOW, policy=POLICY,
            )  # fmt: skip

    await asyncio.gather(one(0, Said(action="Call them")), one(1, Said(ask="A price")))
    async with db.read() as session:
        last = (await answers.latest(session, [ids[0]]))[ids[0]]
        assert answers.said_in(last) == Said(action="Call them", ask="A price")
        assert len(await answers.history(session, ids[0])) == 2
