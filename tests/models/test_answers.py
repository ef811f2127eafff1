"""Answers: what is saved, what is refused in which words, and what stands beside the CRM's value."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from models import answers, cadences
from models.answers import Outcome
from models.domain.errors import FieldErrors, NotAllowed, Stale, UserError
from models.domain.rights import Act
from models.tables import Absence, Answer, Card, CardOccurrence, Change, Deal, DealVersion, NextAction, Occurrence
from tests import make
from tests.make import NOW, POLICY, typed

LATER = NOW + timedelta(hours=1)
SLACK_IS_TRUTH = POLICY.model_copy(update={"crm_is_truth": False})


class Desk:
    """A team with one deal, and short words for what the tests do to it."""

    def __init__(self, session, team, one):
        self.session, self.team, self.deal = session, team, one

    async def form(self, **changes):
        return typed(await make.shown(self.session, self.deal, self.team.week), **changes)

    async def save(self, given, by=None, now=LATER, policy=POLICY):
        await answers.record(self.session, by or self.team.ann, given, now=now, policy=policy)
        return await self.latest()

    async def latest(self):
        return (await self.session.scalars(select(Answer).order_by(Answer.id.desc()).limit(1))).one()

    async def refused(self, given, **more):
        with pytest.raises(FieldErrors) as found:
            await self.save(given, **more)
        return found.value.errors

    async def version(self):
        return await make.current(self.session, self.deal)

    async def versions(self):
        return await self.session.scalar(
            select(func.count()).select_from(DealVersion).where(DealVersion.deal_id == self.deal.id)
        )

    async def action(self):
        return await make.open_action(self.session, self.deal)


@asynccontextmanager
async def desk_on(db, *, action=True, crm=True):
    async with db.write() as session:
        team = await make.small(session, deals=1, crm=crm)
        desk = Desk(session, team, team.deals["Deal 0"])
        if action:
            await make.action(session, desk.deal, team.ann)
        yield desk


@pytest.fixture
async def desk(sqlite):
    async with desk_on(sqlite) as made:
        yield made


@pytest.fixture
async def bare(sqlite):
    """The deal has no next action yet."""
    async with desk_on(sqlite, action=False) as made:
        yield made


@pytest.fixture
async def born_here(sqlite):
    """The deal was born in Slack: no CRM knows it."""
    async with desk_on(sqlite, crm=False) as made:
        yield made


async def test_an_unchanged_form_is_an_answer_and_changes_nothing_else(desk):
    answer = await desk.save(await desk.form())
    assert (answer.kind, answer.changed, answer.by_id, answer.for_id) == ("form", {}, desk.team.ann.id, None)
    assert await desk.versions() == 1
    assert (await desk.action()).revision == 1


async def test_only_what_differs_from_what_the_form_showed_is_saved(desk):
    given = await desk.form(next_text="send the contract")
    answer = await desk.save(given)
    assert answer.changed == {"next_text": {"before": "send pricing", "after": "send the contract"}}
    assert ((await desk.action()).text, (await desk.action()).revision) == ("send the contract", 2)
    assert await desk.versions() == 1


async def test_a_field_somebody_else_changed_and_i_did_not_keeps_their_value(desk):
    mine = await desk.form(help_needed="a discount")
    await desk.save(await desk.form(next_due=date(2026, 3, 20)), by=desk.team.pm)
    await desk.save(mine)
    assert (await desk.action()).due == date(2026, 3, 20)
    assert desk.deal.help_needed == "a discount"


async def test_the_same_field_changed_by_two_comes_back_with_both_values_and_nothing_saved(desk):
    mine = await desk.form(amount=777_00, next_text="mine", next_due=date(2026, 3, 25), help_needed="mine too",
                           next_owner=desk.team.bob.id)  # fmt: skip
    await desk.save(
        await desk.form(amount=555_00, next_text="theirs", next_due=date(2026, 3, 20), next_owner=desk.team.pm.id),
        by=desk.team.pm,
    )
    before = await desk.session.scalar(select(func.count()).select_from(Answer))
    with pytest.raises(Stale) as found:
        await desk.save(mine)
    shown = {held.field: (held.present, held.typed, held.by) for held in found.value.conflicts}
    assert shown == {
        "amount": ("USD 555", "USD 777", "Pat Manager"),
        "next_text": ("theirs", "mine", "Pat Manager"),
        "next_due": ("20 Mar 2026", "25 Mar 2026", "Pat Manager"),
        "next_owner": ("Pat Manager", "Bob Seller", "Pat Manager"),
    }
    assert desk.deal.help_needed == ""
    assert await desk.session.scalar(select(func.count()).select_from(Answer)) == before


async def test_a_conflict_with_nothing_and_with_nobody_is_said_in_words(desk):
    mine = await desk.form(help_needed="", amount=None, close_date=None)
    mine = replace(mine, shown={**mine.shown, "help_needed": "something else", "amount": "x", "close_date": "x"})
    desk.deal.help_needed = "set without an answer"
    with pytest.raises(Stale) as found:
        await desk.save(mine)
    shown = {held.field: (held.present, held.typed, held.by) for held in found.value.conflicts}
    assert shown["help_needed"] == ("set without an answer", "empty", "somebody")
    assert shown["amount"][1] == "unknown"
    assert shown["close_date"] == ("30 Mar 2026", "empty", "the CRM import")


async def test_two_who_typed_the_same_value_do_not_conflict(desk):
    mine = await desk.form(amount=555_00)
    await desk.save(await desk.form(amount=555_00), by=desk.team.pm)
    assert (await desk.save(mine)).changed == {}


async def test_a_second_answer_amends_and_the_first_stays(desk):
    await desk.save(await desk.form(help_needed="one"))
    await desk.save(await desk.form(help_needed="two"), now=LATER + timedelta(hours=1))
    rows = list(await desk.session.scalars(select(Answer).order_by(Answer.id)))
    assert [row.changed["help_needed"]["after"] for row in rows] == ["one", "two"]


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"next_text": "  "}, {"next_text": "Say what happens next: every open deal has a next action."}),
        ({"next_due": None}, {"next_due": "Choose the day it is due."}),
        ({"next_due": date(2026, 3, 1)}, {"next_due": "01 Mar 2026 is in the past. Choose today or a later day."}),
        ({"next_owner": None}, {"next_owner": "Choose one named person who does it."}),
        (
            {"next_text": "", "next_due": None, "next_owner": None},
            {
                "next_text": "Say what happens next: every open deal has a next action.",
                "next_due": "Choose the day it is due.",
                "next_owner": "Choose one named person who does it.",
            },
        ),
    ],
)
async def test_each_wrong_field_is_named_in_words(desk, changes, errors):
    assert await desk.refused(await desk.form(**changes)) == errors
    assert await desk.session.scalar(select(func.count()).select_from(Answer)) == 0


async def test_today_is_no_past_and_is_the_answerers_own(desk):
    await desk.save(await desk.form(next_due=date(2026, 3, 2)))
    desk.team.ann.zone = "Pacific/Auckland"
    midnight_there = datetime(2026, 3, 2, 12, tzinfo=UTC)
    errors = await desk.refused(await desk.form(next_text="x", next_due=date(2026, 3, 2)), now=midnight_there)
    assert errors == {"next_due": "02 Mar 2026 is in the past. Choose today or a later day."}


async def test_an_overdue_date_that_nobody_touched_is_no_error_while_something_else_is_answered(desk):
    (await desk.action()).due = date(2026, 2, 1)
    await desk.save(await desk.form(help_needed="a discount"))
    assert await desk.refused(await desk.form(next_text="other words")) == {
        "next_due": "01 Feb 2026 is in the past. Choose today or a later day."
    }


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        ({"active": False}, "Zed X has left or is deactivated. Choose somebody who can do it."),
        ({"guest": True}, "Zed X is a guest here. Choose one of our own people."),
        ({"side": "theirs"}, "Zed X is not one of our people. Name them as the partner's owner instead."),
    ],
)
async def test_who_cannot_own_an_action_is_refused_by_name(desk, who, sentence):
    zed = await make.person(desk.session, "Zed X", **who)
    assert await desk.refused(await desk.form(next_owner=zed.id)) == {"next_owner": sentence}


async def test_a_stranger_chosen_in_the_form_is_refused_even_when_another_owner_stands(desk):
    given = replace(await desk.form(next_text="x"), unknown_owner="We do not know them.")
    assert await desk.refused(given) == {"next_owner": "We do not know them."}


async def test_a_done_action_is_closed_moves_the_deal_and_the_next_one_opens(desk):
    old = await desk.action()
    answer = await desk.save(
        await desk.form(outcome=Outcome.DONE, next_text="book the call", next_due=date(2026, 3, 19))
    )
    new = await desk.action()
    assert (old.state, old.closed_by_id, new.text) == ("done", desk.team.ann.id, "book the call")
    assert answer.changed["last_action"]["after"] == "done"
    assert answer.changed["next_action"]["after"]["text"] == "book the call"
    version = await desk.version()
    assert version.movement == "forward"
    assert [(move["field"], move["before"]) for move in version.moves] == [("action", "send pricing")]
    assert desk.deal.moved_at == LATER


async def test_a_dropped_action_needs_its_reason_and_is_no_movement(desk):
    dropped = await desk.form(outcome=Outcome.DROPPED, next_text="another way", next_due=date(2026, 3, 19))
    assert await desk.refused(dropped) == {
        "drop_reason": "Say in a few words why it was dropped: that is what the note shows."
    }
    old = await desk.action()
    answer = await desk.save(replace(dropped, drop_reason=" they said\nno "))
    assert (old.state, old.close_note) == ("dropped", "they said no")
    assert answer.changed["last_action"]["why"] == "they said no"
    assert desk.deal.moved_at is None
    assert await desk.versions() == 1
    trail = await desk.session.scalar(select(Change).where(Change.entity == "next_action"))
    assert (trail.before, trail.after, trail.reason) == ("open", "dropped", "they said no")


async def test_a_finished_action_must_be_followed_by_a_new_one(desk):
    assert set(await desk.refused(await desk.form(outcome=Outcome.DONE, next_text="", next_due=None))) == {
        "next_text",
        "next_due",
    }


async def test_not_yet_keeps_the_action_and_moves_its_date(desk):
    old = await desk.action()
    await desk.save(await desk.form(next_due=date(2026, 3, 26)))
    assert await desk.action() is old
    assert (old.due, old.revision, old.state) == (date(2026, 3, 26), 2, "open")


async def test_an_action_somebody_else_finished_meanwhile_is_not_finished_twice(desk):
    mine = await desk.form(outcome=Outcome.DONE, next_text="mine", next_due=date(2026, 3, 19))
    await desk.save(
        await desk.form(outcome=Outcome.DONE, next_text="theirs", next_due=date(2026, 3, 18)), by=desk.team.pm
    )
    with pytest.raises(Stale) as found:
        await desk.save(mine)
    assert [held.field for held in found.value.conflicts] == ["next_due", "next_text"]
    assert (await desk.action()).text == "theirs"
    assert await desk.session.scalar(select(func.count()).select_from(NextAction)) == 2


async def test_the_form_of_before_can_be_saved_again_with_both_actions_seen(desk):
    """What `save_answer` does after Stale: the form is drawn anew, the outcome now means the other's action."""
    await desk.save(
        await desk.form(outcome=Outcome.DONE, next_text="theirs", next_due=date(2026, 3, 18)), by=desk.team.pm
    )
    await desk.save(await desk.form(next_text="mine after all"))
    assert (await desk.action()).text == "mine after all"


async def test_a_deal_without_an_action_gets_its_first_one(bare):
    assert set(await bare.refused(await bare.form(help_needed="x"))) == {"next_text", "next_due", "next_owner"}
    await bare.save(
        await bare.form(
            next_text="first", next_owner=bare.team.bob.id, next_due=date(2026, 3, 9), shared_text="both see"
        )
    )
    action = await bare.action()
    assert (action.text, action.owner_id, action.shared_text) == ("first", bare.team.bob.id, "both see")


async def test_what_is_said_of_a_crm_field_stands_beside_the_crm_and_counts_as_movement(desk):
    answer = await desk.save(await desk.form(amount=2_000_000, close_date=date(2026, 3, 20)))
    version = await desk.version()
    assert (version.amount, version.close_date) == (1_000_000, date(2026, 3, 30))
    assert {name: held["value"] for name, held in version.said.items()} == {
        "amount": 2_000_000,
        "close_date": "2026-03-20",
    }
    assert version.said["amount"]["by"] == desk.team.ann.id
    assert version.movement == "forward"
    assert answer.changed["close_date"] == {"before": "2026-03-30", "after": "2026-03-20"}
    assert (await desk.form()).fields.amount == 2_000_000


async def test_saying_what_the_crm_says_again_removes_the_statement(desk):
    await desk.save(await desk.form(amount=2_000_000, stage="Needs Analysis"))
    await desk.save(await desk.form(amount=1_000_000), now=LATER + timedelta(hours=1))
    assert set((await desk.version()).said) == {"stage"}


async def test_pushing_the_close_date_is_a_slip_and_leaves_the_stall_clock(desk):
    await desk.save(await desk.form(close_date=date(2026, 6, 30)))
    assert (await desk.version()).movement == "slip"
    assert desk.deal.moved_at is None


async def test_where_slack_is_the_truth_the_deal_itself_changes(desk):
    await desk.save(await desk.form(amount=2_000_000), policy=SLACK_IS_TRUTH)
    version = await desk.version()
    assert (version.amount, version.said, version.source) == (2_000_000, {}, "slack")


async def test_a_deal_born_in_slack_is_ours_to_change(born_here):
    await born_here.save(await born_here.form(stage="Closed Won", close_date=None))
    version = await born_here.version()
    assert (version.stage, version.category, version.close_date, version.said) == ("Closed Won", "won", None, {})


@pytest.mark.parametrize(
    ("changes", "category"),
    [
        ({"stage": "Negotiation/Review"}, "commit"),
        ({"stage": "Needs Analysis"}, "pipeline"),
        ({"stage": "Negotiation/Review", "category": "best_case"}, "best_case"),
        ({"stage": "A stage of their own"}, "pipeline"),
        ({"category": "commit"}, "commit"),
    ],
)
async def test_the_category_follows_the_stage_unless_somebody_chose_one(desk, changes, category):
    await desk.save(await desk.form(**changes))
    assert (await desk.form()).fields.category == category


async def test_a_field_the_form_did_not_have_is_left_alone(desk):
    (await desk.action()).shared_text = "joint call"
    given = replace(await desk.form(shared_text="", help_needed="x"), absent=frozenset({"shared_text"}))
    await desk.save(given)
    assert (await desk.action()).shared_text == "joint call"


async def test_what_is_typed_is_stored_as_one_clean_line_and_noted_in_the_trail(desk):
    await desk.save(await desk.form(help_needed=" a\n\u202ediscount ", partner_owner="Cal"))
    assert desk.deal.help_needed == "a discount"
    trail = {row.field: (row.before, row.after, row.by_id, row.source)
             for row in await desk.session.scalars(select(Change).where(Change.entity == "deal"))}  # fmt: skip
    assert trail == {
        "help_needed": ("", "a discount", desk.team.ann.id, "slack"),
        "partner_owner": ("", "Cal", desk.team.ann.id, "slack"),
    }


async def test_only_who_may_answer_can_and_the_refusal_names_who(desk):
    with pytest.raises(NotAllowed, match=f"You cannot {Act.ANSWER}. Ann Seller .owner of the deal., Pat Manager"):
        await desk.save(await desk.form(help_needed="x"), by=desk.team.bob)


async def test_a_cover_answers_in_their_own_name_for_the_one_who_is_away(desk):
    desk.session.add(Absence(person_id=desk.team.ann.id, first_day=date(2026, 3, 1), last_day=date(2026, 3, 9),
                             cover_id=desk.team.bob.id, recorded_at=NOW))  # fmt: skip
    answer = await desk.save(await desk.form(help_needed="x"), by=desk.team.bob)
    assert (answer.by_id, answer.for_id) == (desk.team.bob.id, desk.team.ann.id)
    by_pm = await desk.save(await desk.form(help_needed="y"), by=desk.team.pm)
    assert by_pm.for_id is None


async def test_an_answer_wishes_for_the_cards_and_homes_that_show_the_deal(desk):
    card = Card(kind="prompt", person_id=desk.team.ann.id, day=NOW.date(), created_at=NOW)
    home = Card(kind="home", person_id=desk.team.pm.id, day=date(1970, 1, 1), created_at=NOW)
    other = Card(kind="home", person_id=desk.team.bob.id, day=date(1970, 1, 1), created_at=NOW)
    desk.session.add_all([card, home, other])
    await desk.session.flush()
    desk.session.add(CardOccurrence(card_id=card.id, occurrence_id=desk.team.week.id))
    await desk.save(await desk.form())
    for row in (card, home, other):
        await desk.session.refresh(row)
    assert [row.wanted for row in (card, home, other)] == [2, 2, 1]


async def test_an_answer_without_a_review_goes_to_the_next_one_and_says_when_there_is_none(desk):
    answer = await desk.save(replace(await desk.form(), occurrence_id=0))
    assert answer.occurrence_id == desk.team.week.id
    lonely = await make.deal(desk.session, "Direct", None, desk.team.ann)
    with pytest.raises(UserError, match="There is no review for this deal yet; `/cadence setup` starts one"):
        await desk.save(replace(await desk.form(), occurrence_id=0, deal_id=lonely.id))
    unmanaged = await make.partner(desk.session, "Nobody's", None)
    deal = await make.deal(desk.session, "Orphan", unmanaged, desk.team.ann)
    with pytest.raises(UserError, match="There is no review for this deal yet"):
        await desk.save(replace(await desk.form(), occurrence_id=0, deal_id=deal.id))
    with pytest.raises(UserError, match="This deal does not exist any more"):
        await desk.save(replace(await desk.form(), deal_id=999))


async def test_a_paused_review_hands_its_answers_to_other_partners(desk):
    await make.review(desk.session, await make.partner(desk.session, "Second", desk.team.pm), at=make.time(11))
    await cadences.pause(desk.session, desk.team.cadence, reason="too busy", by=desk.team.pm, now=NOW)
    found = await answers.occurrences_for(desk.session, [desk.team.acme], now=NOW)
    cadence = await desk.session.get(make.Cadence, found[desk.team.acme.id].cadence_id)
    assert cadence.kind == "other_partners"


async def no_change(desk, by=None, **more):
    action = await desk.action()
    given = {"occurrence_id": desk.team.week.id, "deal_id": desk.deal.id, "action_id": action.id if action else 0,
             "revision": action.revision if action else 0} | more  # fmt: skip
    await answers.record_no_change(desk.session, by or desk.team.ann, **given, now=LATER, policy=POLICY)
    return await desk.latest()


async def test_no_change_is_one_answer_and_leaves_everything(desk):
    answer = await no_change(desk)
    assert (answer.kind, answer.changed) == ("no_change", {})
    assert await desk.versions() == 1


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        ({"due": date(2026, 3, 1)}, "Its next action is overdue."),
        ({"owner": "left"}, "The owner of its next action has left."),
        ({"revision": 2}, "The next action has changed since this card was drawn."),
        ({"state": "done"}, "This deal has no next action yet."),
    ],
)
async def test_no_change_is_refused_when_the_button_would_not_say_it_any_more(desk, spoil, sentence):
    action = await desk.action()
    button = {"action_id": action.id, "revision": action.revision}
    if "owner" in spoil:
        zed = await make.person(desk.session, "Zed X", active=False)
        action.owner_id = zed.id
    else:
        for name, value in spoil.items():
            setattr(action, name, value)
    await desk.session.flush()
    with pytest.raises(UserError) as found:
        await no_change(desk, **button)
    assert str(found.value) == f"{sentence} Answer with the form instead: nothing was saved."
    assert await desk.session.scalar(select(func.count()).select_from(Answer)) == 0


async def test_what_is_still_open_is_mine_in_these_reviews_and_shrinks_as_i_answer(desk):
    week = [desk.team.week.id]
    second = await make.deal(desk.session, "Second", desk.team.acme, desk.team.ann, amount=9_000_000)
    open_ = await answers.still_open(desk.session, desk.team.ann, week, now=LATER, policy=POLICY)
    assert [view.id for _, view in open_] == [second.id, desk.deal.id]
    await desk.save(await desk.form())
    open_ = await answers.still_open(desk.session, desk.team.ann, week, now=LATER, policy=POLICY)
    assert [view.id for _, view in open_] == [second.id]
    assert await answers.still_open(desk.session, desk.team.bob, week, now=LATER, policy=POLICY) == []


async def test_an_answer_after_the_review_is_closed_still_counts_for_the_occurrence_it_was_asked_for(desk):
    week = await desk.session.get_one(Occurrence, desk.team.week.id)
    week.state, week.closed_at = "held", NOW
    assert (await desk.save(await desk.form())).occurrence_id == week.id
    assert (await desk.session.get_one(Deal, desk.deal.id)) is desk.deal
