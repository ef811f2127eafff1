"""The prompt card, the nudge, the answer form and `/deals`, from nothing to too much and with hostile words."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from handlers.deal_review import card, form, overview
from handlers.deal_review.card import CardPage, Item, Review
from handlers.deal_review.form import FormPage
from handlers.deal_review.ids import Action, CardRef, Door, Field, FormState, Unchanged
from handlers.deal_review.overview import DealsPage
from models import answers
from models.answers import Fields, Outcome
from models.domain.deals import DEFAULT_STAGES, Category
from models.domain.errors import Conflict, FieldErrors
from models.domain.notes import PartnerSays
from models.domain.zones import zone
from models.tables import Answer
from tests import make
from tests.handlers import limits
from tests.handlers.limits import check_message, check_modal
from tests.make import NOW

LONDON = zone("Europe/London")
ANN, BOB = make.a_person(1, "Ann Seller"), make.a_person(2, "Bob Seller")
BOOK = make.a_book(ANN, BOB)


def an_answer(number, by=1):
    return Answer(id=number, occurrence_id=1, deal_id=number, by_id=by, at=NOW, kind="form", changed={})


def an_item(number, *, week=None, answered=False, words="", unchanged=None, kind="weekly_review", **more):
    view = make.a_view(number, words=words, **more)
    owner = BOOK.people.get(view.action.owner_id) if view.action else None
    why = answers.why_not_unchanged(view.action, view.today, owner) if unchanged is None else unchanged
    return Item(week or make.a_week(), view, an_answer(number) if answered else None, why, 1, kind)


def a_review(items, number=1, words="", **more):
    week = more.pop("week", None) or make.a_week(number)
    slot = (week.starts_at, week.starts_at + timedelta(minutes=10))
    return Review(
        week, make.a_cadence(number, **more), make.a_partner(number, words or f"Partner {number}"), slot, items
    )


def a_page(*reviews, book=BOOK):
    return CardPage(1, reviews, LONDON, book)


def no_change_buttons(message):
    return [label for label in limits.labels(message.blocks) if label.startswith("No change")]


def test_one_deal_has_a_click_for_no_change_that_says_what_it_means_and_a_form():
    message = check_message(card.prompt(a_page(a_review((an_item(1),))), 7))
    assert limits.labels(message.blocks) == ["Review my deals (1)", "No change: send pricing by 12 Mar", "Answer…"]
    assert message.text.startswith("Your deals for the next review: 0 of 1 answered.")
    (button,) = [held for held in limits.walk(message.blocks) if held.get("action_id") == Action.NO_CHANGE]
    assert Unchanged.load(button["value"]) == Unchanged(o=1, d=1, a=1, r=1)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("overdue", {"due": make.TODAY - timedelta(days=1)}),
        ("missing", {"due": None}),
        ("its owner left", {"action_owner": 3}),
        ("its owner is unknown", {"action_owner": 99}),
    ],
)
def test_no_change_is_not_offered_when_the_action_is(name, more):
    gone = make.a_book(ANN, BOB, make.a_person(3, "Gone", active=False))
    view = make.a_view(1, **more)
    owner = gone.people.get(view.action.owner_id) if view.action else None
    why = answers.why_not_unchanged(view.action, view.today, owner)
    assert why, name
    message = check_message(card.prompt(a_page(a_review((an_item(1, unchanged=why, **more),)), book=gone), 7))
    assert no_change_buttons(message) == []
    assert "Answer…" in limits.labels(message.blocks)


def test_a_deal_that_left_the_crms_export_is_asked_about_and_takes_no_single_click():
    asked = an_item(1, unchanged=answers.why_not_unchanged(None, make.TODAY, None, missing=True))
    asked.view.deal.missing_since = NOW
    message = check_message(card.prompt(a_page(a_review((asked,))), 7))
    assert "not in the CRM's export since" in "\n".join(limits.words(message.blocks))
    assert no_change_buttons(message) == []
    assert "Answer…" in limits.labels(message.blocks)


def test_an_action_due_today_is_not_overdue():
    message = card.prompt(a_page(a_review((an_item(1, due=make.TODAY),))), 7)
    assert len(no_change_buttons(message)) == 1


@pytest.mark.parametrize("number", [0, 1, 5, 12, 13, 200])
@pytest.mark.parametrize("answered", [False, True])
def test_any_number_of_deals_fits_and_what_does_not_is_counted(number, answered):
    items = tuple(an_item(place, answered=answered) for place in range(1, number + 1))
    message = check_message(card.prompt(a_page(a_review(items)), 7))
    if answered and number:
        assert f"All set: {number} deal" in message.text
        assert "Review my deals" not in str(message.blocks)
    elif number > card.MOST_DEALS:
        assert f"… and {number - card.MOST_DEALS} more deal" in str(message.blocks)
        assert f"Review my deals ({number})" in limits.labels(message.blocks)


@pytest.mark.parametrize("reviews", [2, 8, 30])
def test_many_reviews_on_one_card_fit(reviews):
    pages = [a_review((an_item(number, week=make.a_week(number)), an_item(number + 100, week=make.a_week(number))), number)
             for number in range(1, reviews + 1)]  # fmt: skip
    message = check_message(card.prompt(a_page(*pages), 7))
    assert "you: 10:00–10:10" in message.text


def test_every_deal_is_shown_or_counted_when_reviews_outgrow_the_card():
    pages = [a_review(tuple(an_item(number * 10 + place, week=make.a_week(number)) for place in range(3)), number)
             for number in range(1, 31)]  # fmt: skip
    message = check_message(card.prompt(a_page(*pages), 7))
    shown = sum("Answer…" in label for label in limits.labels(message.blocks))
    assert shown == card.MOST_DEALS
    assert "Review my deals (90)" in limits.labels(message.blocks)


@pytest.mark.parametrize("name", list(make.HOSTILE))
def test_hostile_words_stay_words_on_the_card(name):
    words = make.HOSTILE[name]
    items = tuple(an_item(number, words=words, answered=number > 6) for number in range(1, 16))
    moved = make.a_week(moved_at=NOW, moved_reason=words)
    page = a_page(a_review(items, words=words, week=moved), book=make.a_book(make.a_person(1, words)))
    check_message(card.prompt(page, 7))
    check_message(card.nudge(page))


def test_a_settled_review_and_the_other_partners_say_what_they_are():
    skipped = a_review((an_item(1),), week=make.a_week(state="skipped"))
    others = a_review((an_item(2, kind="other_partners"),), 2, kind="other_partners", partner_id=None)
    text = card.prompt(a_page(skipped, others), 7).text
    assert "*Partner 1* · skipped" in text
    assert "*Other partners of Ann Seller* · no meeting, your answers go into the Friday note" in text


def test_the_nudge_names_three_and_counts_the_rest():
    one = check_message(card.nudge(a_page(a_review((an_item(1),)))))
    assert one.text.startswith("*1 deal still open* before Thu 5 Mar, 10:00: Deal 1. ")
    many = check_message(card.nudge(a_page(a_review(tuple(an_item(number) for number in range(1, 30))))))
    assert "Deal 1, Deal 2, Deal 3 and 26 more" in many.text
    done = check_message(card.nudge(a_page(a_review((an_item(1, answered=True),)))))
    assert done.text == ":white_check_mark: All set, thank you: 1 deal answered."
    assert limits.labels(done.blocks) == []
    check_message(card._nothing_left())


def test_a_deal_says_what_it_is_where_it_stands_and_what_was_promised():
    view = make.a_view(1, days=14, of=make.a_partner())
    assert card.deal_text(view, BOOK).split("\n") == [
        "*Deal 1* · Account 1 · Acme",
        "Qualification · pipeline · USD 10,000 · closes 30 Mar 2026",
        "Next: send pricing (Ann Seller, by Thu 12 Mar) · :hourglass: no movement for 14 days",
    ]
    bare = make.a_view(2, due=None, amount=None, close_date=None, stage="", account="", next_step="call them", days=0)
    assert card.deal_text(bare, BOOK, for_id=2).split("\n") == [
        "*Deal 2*",
        "no stage · pipeline · amount unknown · no close date",
        "_no next action yet_ (CRM: call them) · new here",
        "_for Bob Seller_",
    ]


def test_what_somebody_said_stands_beside_what_the_crm_says():
    said = {"amount": {"value": 750_000, "at": "2026-03-01T09:00:00+00:00", "by": 1},
            "close_date": {"value": "2026-04-30", "at": "2026-03-01T09:00:00+00:00", "by": 1}}  # fmt: skip
    view = make.a_view(1, said=said)
    line = card.deal_text(view, BOOK).split("\n")[1]
    assert "USD 7,500 (CRM: USD 10,000)" in line
    assert "closes 30 Apr 2026 (CRM: 30 Mar 2026)" in line
    assert "(CRM: Qualification)" not in line


def test_who_has_never_been_asked_before_reads_once_what_this_is():
    page = a_page(a_review((an_item(1),)))
    assert card.WELCOME in str(check_message(card.prompt(replace(page, first=True), 7)).blocks)
    assert card.WELCOME not in str(card.prompt(page, 7).blocks)


def test_how_long_it_has_stood_still_is_said_honestly():
    fresh = make.a_view(1, days=0)
    fresh.deal.moved_at = NOW
    older = make.a_view(1, days=3)
    older.deal.moved_at = NOW
    assert [card.stall_text(view) for view in (fresh, older, make.a_view(1, days=3))] == [
        "moved today", "moved 3 days ago", "known for 3 days",
    ]  # fmt: skip


# The form.


def a_form(view=None, *, words="", contacts=(), outcome="open", total=1, place=1, **more):
    view = view or make.a_view(1, words=words)
    fields = answers.present_fields(view.deal, view.version, view.action)
    state = FormState(o=1, d=view.id, a=view.action.id if view.action else None, shown=fields.prints(), outcome=outcome,
                      total=total, place=place)  # fmt: skip
    return FormPage(view, fields, BOOK, tuple(contacts), DEFAULT_STAGES.names, state, **more)


def submitted(view, **changes):
    """The view as Slack sends it back: every input with its initial value, or the one given."""
    values = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        name, element = block["block_id"].split(":")[0], block["element"]
        kind = element["type"]
        if kind == "plain_text_input":
            held = {"value": changes.get(name, element.get("initial_value"))}
        elif kind == "datepicker":
            held = {"selected_date": changes.get(name, element.get("initial_date"))}
        elif kind == "timepicker":
            held = {"selected_time": changes.get(name, element.get("initial_time"))}
        elif kind == "users_select":
            held = {"selected_user": changes.get(name, element.get("initial_user"))}
        else:
            chosen = changes.get(name, (element.get("initial_option") or {}).get("value"))
            held = {"selected_option": {"value": chosen} if chosen is not None else None}
        values[block["block_id"]] = {element["action_id"]: {"type": kind, **held}}
    return {"state": {"values": values}, "private_metadata": view["private_metadata"]}


def parsed(view, owner=ANN, **changes):
    body = submitted(view, **changes)
    return form.parse(body, FormState.load(view["private_metadata"]), owner)


def test_a_form_submitted_as_it_was_shown_gives_back_what_it_showed():
    page = a_form()
    given = answers.with_amount(parsed(check_modal(form.modal(page))), "USD")
    assert given.fields == page.fields
    assert given.shown == page.fields.prints()
    assert (given.occurrence_id, given.deal_id, given.action_id, given.outcome) == (1, 1, 1, Outcome.OPEN)
    assert given.absent == {"shared_text"}


@pytest.mark.parametrize("name", list(make.HOSTILE))
@pytest.mark.parametrize("outcome", ["open", "done", "dropped"])
def test_hostile_words_fit_into_the_form_and_come_back_unchanged(name, outcome):
    words = make.HOSTILE[name]
    said = {
        "stage": {"value": words, "by": 1, "at": NOW.isoformat()},
        "amount": {"value": 5, "by": None, "at": NOW.isoformat()},
    }
    page = a_form(make.a_view(1, words=words, said=said), contacts=(words, "Cal"), outcome=outcome,
                  conflicts=(Conflict("amount", "", words, words, words), Conflict("next_text", "", words, words, words)))  # fmt: skip
    view = check_modal(form.modal(page))
    given = parsed(view)
    for field in ("stage", "category", "close_date", "partner_owner"):
        assert field in given.absent or getattr(given.fields, field) == getattr(page.fields, field), field


def test_every_field_of_the_model_has_its_block_and_the_errors_find_it():
    view = check_modal(form.modal(a_form(make.a_view(1, words="x"), outcome="dropped")))
    names = {block["block_id"].split(":")[0] for block in view["blocks"] if block["type"] == "input"}
    assert names == set(Fields.model_fields) | {Field.OUTCOME, Field.DROP_REASON}
    assert set(Field) == names


def test_what_was_typed_for_one_deal_is_not_kept_for_the_next():
    one, other = form.modal(a_form(make.a_view(1))), form.modal(a_form(make.a_view(2)))
    assert not set(limits.ids(one["blocks"])) & set(limits.ids(other["blocks"]))


def test_a_finished_action_is_followed_by_an_empty_one_under_another_id():
    before, after = form.modal(a_form()), form.modal(a_form(outcome="done"))
    assert limits.block(before, "next_text")["block_id"] != limits.block(after, "next_text")["block_id"]
    assert "initial_value" not in limits.block(after, "next_text")["element"]
    assert limits.block(after, "amount")["block_id"] == limits.block(before, "amount")["block_id"]
    assert limits.block(before, "drop_reason") is None
    assert limits.block(form.modal(a_form(outcome="dropped")), "drop_reason")["optional"] is False


def test_a_deal_without_an_action_is_not_asked_what_became_of_it_and_offers_the_crms_step():
    view = check_modal(form.modal(a_form(make.a_view(1, due=None, next_step="call them"))))
    assert limits.block(view, "outcome") is None
    assert limits.block(view, "next_text")["element"]["initial_value"] == "call them"
    assert limits.block(view, "next_owner")["element"]["initial_user"] == "U00001"


def test_shared_wording_is_asked_for_joint_deals_only():
    assert limits.block(form.modal(a_form()), "shared_text") is None
    view = make.a_view(1)
    view.deal.joint = True
    block = limits.block(form.modal(a_form(view)), "shared_text")
    assert block["label"]["text"] == "What the partner may read of this action"
    assert block["optional"]


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.DROPPED])
def test_the_next_action_does_not_inherit_what_the_partner_could_read_of_the_last_one(outcome):
    view = make.a_view(1)
    view.deal.joint = True
    view.action.shared_text = "Send the offer"
    before, after = form.modal(a_form(view)), form.modal(a_form(view, outcome=outcome))
    assert limits.block(before, "shared_text")["element"]["initial_value"] == "Send the offer"
    assert "initial_value" not in limits.block(after, "shared_text")["element"]
    assert limits.block(before, "shared_text")["block_id"] != limits.block(after, "shared_text")["block_id"]
    assert parsed(after).fields.shared_text == ""


def partner_says(words="", **more):
    return PartnerSays(**{
        "partner": words or "Acme", "stage": words or "Verbal", "ours": words or "Qualified", "differs": True,
        "action": words or "confirm the budget", "owner": words or "Colin", "due": date(2026, 3, 9),
        "ask": words or "a reference", "by": words or "Cora Counterpart", "on": date(2026, 3, 4), **more,
    })  # fmt: skip


SAID = (
    "Acme: stage “Verbal” (ours: Qualified) · confirm the budget (Colin, by Mon 9 Mar) · asks: a reference "
    "(Cora Counterpart, Wed 4 Mar)"
)


def test_what_the_partner_says_stands_on_the_card_and_in_the_form():
    message = check_message(card.prompt(replace(a_page(a_review((an_item(1),))), says={1: [partner_says()]}), 7))
    assert SAID in " ".join(limits.words(list(message.blocks)))
    view = check_modal(form.modal(a_form(says=(partner_says(),))))
    assert SAID in " ".join(limits.words(view["blocks"]))


@pytest.mark.parametrize("name", list(make.HOSTILE))
def test_whatever_a_partner_says_the_card_and_the_form_are_ones_that_slack_takes(name):
    said = [partner_says(make.HOSTILE[name]), partner_says(make.HOSTILE[name], differs=False)]
    items = tuple(an_item(number) for number in range(1, 15))
    check_message(card.prompt(replace(a_page(a_review(items)), says=dict.fromkeys(range(1, 15), said)), 7))
    check_modal(form.modal(a_form(says=tuple(said))))


def test_the_partners_people_are_a_choice_and_without_any_a_line():
    line = form.modal(a_form())
    assert limits.block(line, "partner_owner")["element"]["type"] == "plain_text_input"
    choice = check_modal(form.modal(a_form(contacts=["Cal", "Cleo"])))
    element = limits.block(choice, "partner_owner")["element"]
    assert [option["value"] for option in element["options"]] == ["Cal", "Cleo"]
    assert parsed(choice, partner_owner="Cleo").fields.partner_owner == "Cleo"
    assert parsed(line, partner_owner="Zoe").fields.partner_owner == "Zoe"


def test_more_people_than_a_select_takes_never_lose_the_one_who_stands():
    view = make.a_view(1)
    view.deal.partner_owner = "Zoe"
    page = a_form(view, contacts=[f"Contact {number:03d}" for number in range(150)] + ["Zoe"])
    made = check_modal(form.modal(page))
    assert parsed(made).fields.partner_owner == "Zoe"


def test_a_stage_the_table_does_not_know_stays_a_choice():
    made = check_modal(form.modal(a_form(make.a_view(1, stage="Their own stage"))))
    assert parsed(made).fields.stage == "Their own stage"


@pytest.mark.parametrize(
    ("state", "title", "submit", "close"),
    [
        ({}, "Answer for a deal", "Save", "Cancel"),
        ({"total": 5, "place": 3}, "Deal 3 of 5", "Save and next", "Not now"),
        ({"total": 5, "place": 5}, "Deal 5 of 5", "Save", "Not now"),
    ],
)
def test_a_walk_says_where_it_is_and_what_the_button_does(state, title, submit, close):
    view = form.modal(a_form(**state))
    assert [view[name]["text"] for name in ("title", "submit", "close")] == [title, submit, close]


def test_what_a_form_carries_fits_however_many_reviews_it_walks():
    page = a_form()
    state = page.state.model_copy(update={"walk": tuple(range(100_000, 100_200))})
    check_modal(form.modal(replace(page, state=state)))


def test_an_owner_nobody_knows_is_refused_and_an_empty_amount_is_unknown():
    view = form.modal(a_form())
    assert parsed(view, owner=None).unknown_owner
    assert parsed(view).unknown_owner == ""
    assert answers.with_amount(parsed(view, amount=None), "USD").fields.amount is None
    assert answers.with_amount(parsed(view, amount="412,000.50"), "USD").fields.amount == 41_200_050
    with pytest.raises(FieldErrors) as found:
        answers.with_amount(parsed(view, amount="a lot"), "USD")
    assert set(found.value.errors) == {"amount"}


def test_what_differs_from_the_crm_is_named_for_the_one_who_mends_it():
    said = {"amount": {"value": 500, "by": 2, "at": NOW.isoformat()},
            "close_date": {"value": "2026-04-01", "by": 2, "at": NOW.isoformat()},
            "category": {"value": "commit", "by": None, "at": NOW.isoformat()}}  # fmt: skip
    text = " ".join(limits.mrkdwn(form.modal(a_form(make.a_view(1, said=said)))))
    assert "Amount: CRM says USD 10,000, Bob Seller said USD 5" in text
    assert "Close date: CRM says 30 Mar 2026, Bob Seller said 1 Apr 2026" in text
    assert "Forecast category: CRM says pipeline, nobody said commit" in text


def test_both_values_of_a_conflict_stand_above_the_fields():
    page = a_form(conflicts=(Conflict("amount", "", "USD 1", "USD 2", "Bob Seller"),))
    first = check_modal(form.modal(page))["blocks"][0]["text"]["text"]
    assert "• Amount: Bob Seller set *USD 1*; you typed *USD 2*" in first


def test_every_category_is_a_choice():
    options = limits.block(form.modal(a_form()), "category")["element"]["options"]
    assert [option["value"] for option in options] == list(Category)


# /deals


def deals_page(number, *, words="", answered=(), query="", near=(), book=BOOK):
    views = tuple(make.a_view(place, words=words, of=make.a_partner(place % 7 + 1, words or "Acme"))
                  for place in range(1, number + 1))  # fmt: skip
    return DealsPage(query, views[: overview.MOST], {place: 100 + place for place in range(1, 8)}, frozenset(answered), book,
                     tuple(near), number)  # fmt: skip


@pytest.mark.parametrize("number", [0, 1, 40, 41, 200])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_any_number_of_my_deals_fits(number, name):
    view = check_modal(overview.modal(deals_page(number, words=make.HOSTILE.get(name, ""), answered={1, 2})))
    shown = limits.labels(view).count("Answer…")
    if name == "plain":
        assert shown == min(number, overview.MOST)
    if number > shown:
        assert f"… and {number - shown} more" in str(view)


def test_my_deals_lead_to_the_walk_and_to_each_form():
    view = check_modal(overview.modal(deals_page(3, answered={2})))
    assert limits.labels(view) == ["Review my deals", "Sign attribution…", "Answer…", "Answer…", "Answer…"]
    (walk,) = [held for held in limits.walk(view) if held.get("action_id") == Door.REVIEW_MY_DEALS]
    assert CardRef.load(walk["value"]).o == (102, 104)
    assert limits.labels(overview.modal(deals_page(3, query="acme"))) == ["Sign attribution…", *["Answer…"] * 3]


@pytest.mark.parametrize(
    ("query", "near", "said"),
    [
        ("", (), "You have no open deals."),
        ("acm", (), "No open deal of yours matches “acm”."),
        ("acm", ("Acme", "*Acme*"), "Did you mean `/deals Acme`"),
    ],
)
def test_nothing_found_offers_the_nearest_names(query, near, said):
    view = check_modal(overview.modal(deals_page(0, query=query, near=near)))
    assert said in limits.words(view["blocks"])[0]


def test_dates_in_the_answers_are_days_and_not_instants():
    assert parsed(form.modal(a_form()), next_due="2026-03-20").fields.next_due == date(2026, 3, 20)
