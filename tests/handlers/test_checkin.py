"""The check-in's card and form: written from the boundary's type alone, at every limit Slack has."""

import json
from datetime import date

import pytest

from handlers.checkin import form, strangers
from handlers.checkin.card import MOST_DEALS, blocks
from handlers.checkin.ids import MarkRef
from handlers.kit.doors import PARTNERS
from models.domain.errors import UserError
from models.domain.shared import SharedCheckIn, SharedDeal, SharedStep
from models.joint.answers import Said
from tests.handlers import limits
from tests.make import HOSTILE

DEAL = SharedDeal(
    ref=7, account="Globex", stage="Qualified", their_stage="Verbal", amount=1_000_000, currency="USD",
    ours=SharedStep(text="Send the offer", owner="Ann Seller", due=date(2026, 3, 12)),
    theirs=SharedStep(text="Confirm the budget", owner="Colin Partner", due=date(2026, 3, 9)), ask="A reference",
    said_by="Cora Counterpart", said_on=date(2026, 3, 4), answered=True,
)  # fmt: skip
BARE = SharedDeal(ref=8, account="Initech")


def check_in(*deals, **more):
    return SharedCheckIn(
        **{"partner": "Acme", "day": date(2026, 3, 5), "time": "10:00 London time", "deals": deals, **more}
    )


def hostile(ref, words):
    step = SharedStep(text=words, owner=words, due=date(2026, 3, 9))
    return SharedDeal(
        ref=ref, account=words, stage=words, their_stage=words, amount=10**15, currency="USD", ours=step, theirs=step,
        ask=words, said_by=words, said_on=date(2026, 3, 4), answered=ref % 2 == 0,
    )  # fmt: skip


def buttons(message):
    return [held for held in limits.walk(list(message.blocks)) if held.get("type") == "button"]


def text_of(message):
    return "\n".join(limits.words(list(message.blocks)))


def test_each_joint_deal_has_one_button_and_says_what_both_sides_do():
    made = limits.check_message(blocks(check_in(DEAL, BARE)))
    shown = text_of(made)
    for words in ("Check-in before our review: Thu 5 Mar, 10:00 London time", "2 joint deals, 1 answered", "*Globex*",
                  "stage Qualified", "Acme says Verbal", "USD 10,000", "From us: Send the offer (Ann Seller, by Thu 12 Mar)",
                  "From Acme: Confirm the budget (Colin Partner, by Mon 9 Mar)", "Acme asks: A reference",
                  ":white_check_mark: Answered by Cora Counterpart, 4 Mar", "*Initech*", "or reply in this thread"):  # fmt: skip
        assert words in shown
    assert [(one["text"]["text"], one["value"]) for one in buttons(made)] == [
        ("Change", MarkRef(m=7).dump()), ("Update", MarkRef(m=8).dump()),
    ]  # fmt: skip


def test_what_was_said_for_an_earlier_review_is_shown_as_such():
    made = blocks(check_in(DEAL.model_copy(update={"answered": False})))
    assert "_Last said by Cora Counterpart, 4 Mar_" in text_of(made)
    assert limits.labels(list(made.blocks)) == ["Update"]


def test_every_button_is_a_door_that_partners_may_pass_and_says_nothing_but_the_mark():
    many = tuple(SharedDeal(ref=n, account=f"A{n}", amount=n, currency="USD") for n in range(1, 80))
    for one in buttons(blocks(check_in(*many))):
        assert one["action_id"] in PARTNERS
        assert set(json.loads(one["value"])) <= {"m", "more"}


def test_an_action_without_owner_or_day_is_said_without_brackets():
    deal = BARE.model_copy(
        update={"theirs": SharedStep(text="Call them"), "ours": SharedStep(text="Wait", owner="Ann")}
    )
    assert "From Acme: Call them\n" in f"{text_of(blocks(check_in(deal)))}\n"
    assert "From us: Wait (Ann)" in text_of(blocks(check_in(deal)))


def test_when_all_have_answered_it_says_so():
    assert "all set: 1 joint deal answered" in text_of(blocks(check_in(DEAL)))


def test_once_the_review_has_begun_it_is_over_and_has_no_buttons():
    many = tuple(SharedDeal(ref=n, account=f"A{n}") for n in range(1, 80))
    for deals in ((DEAL, BARE), many):
        made = limits.check_message(blocks(check_in(*deals, state="over")))
        assert buttons(made) == []
        assert "This check-in is over" in text_of(made)
        assert "is over" in made.text
        assert "Answer with a button" not in text_of(made)


def test_without_any_joint_deal_left_it_stays_a_message():
    made = limits.check_message(blocks(check_in()))
    assert "No joint deal is open here" in text_of(made)
    assert buttons(made) == []


@pytest.mark.parametrize("number", [1, MOST_DEALS, MOST_DEALS + 1, 400])
def test_however_many_deals_the_card_fits_and_all_can_be_answered(number):
    deals = tuple(SharedDeal(ref=n, account=f"Account {n}", answered=n > MOST_DEALS + 1) for n in range(1, number + 1))
    made = limits.check_message(blocks(check_in(*deals)))
    labels = limits.labels(list(made.blocks))
    assert labels.count("Update") == min(number, MOST_DEALS)
    hidden = number - MOST_DEALS
    if hidden <= 0:
        assert "More deals…" not in labels
    else:
        assert labels[-1] == "More deals…"
        more = "1 more joint deal, 0" if hidden == 1 else f"{hidden} more joint deals, {hidden - 1}"
        assert f"{more} answered" in text_of(made)
        assert MarkRef.load(buttons(made)[-1]["value"]) == MarkRef(m=MOST_DEALS + 1, more=True)


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE.keys())
def test_whatever_people_type_the_card_is_one_that_slack_takes_and_mentions_nobody(words):
    deals = tuple(hostile(n, words) for n in range(1, 60))
    for state in ("open", "over"):
        limits.check_message(blocks(check_in(*deals, partner=words, state=state)))


def page(deal=DEAL, **more):
    return form.FormPage(
        **{"partner": "Acme", "deal": deal, "words": ("Qualified", "Verbal", "Offer"), "last": 3, **more}
    )


def typed(view, **values):
    """The view as it comes back with these values in its fields, the rest as it was drawn."""
    state = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        name, element = block["block_id"].split(":")[0], block["element"]
        kind = element["type"]
        if kind == "static_select":
            option = values.get(name) or element["initial_option"]["value"]
            value = {"selected_option": {"value": option}}
        elif kind == "datepicker":
            value = {"selected_date": values.get(name, element.get("initial_date"))}
        else:
            value = {"value": values.get(name, element.get("initial_value"))}
        state[block["block_id"]] = {element["action_id"]: {"type": kind, **value}}
    return {**view, "state": {"values": state}}


SHOWN = Said("Verbal", "Confirm the budget", "Colin Partner", date(2026, 3, 9), "A reference")


def test_the_form_shows_shared_facts_and_takes_shared_fields_and_carries_the_mark_alone():
    view = limits.check_modal(form.modal(page()))
    assert view["callback_id"] in PARTNERS
    assert json.loads(view["private_metadata"]) == {"m": 7}
    inputs = [block["block_id"] for block in view["blocks"] if block["type"] == "input"]
    assert inputs == ["stage:7:3", "action:7:3", "owner:7:3", "due:7:3", "ask:7:3"]
    assert form.parse(typed(view), SHOWN) == SHOWN, "sent back untouched it says what it showed"
    assert form.generation(typed(view)) == 3


def test_what_is_typed_is_what_is_read():
    view = typed(form.modal(page()), stage="word:Offer", action="Call", owner="Cleo", due="2026-03-11", ask="Nothing")
    assert form.parse(view, SHOWN) == Said("Offer", "Call", "Cleo", date(2026, 3, 11), "Nothing")
    emptied = form.parse(typed(form.modal(page()), action=None, owner=None, due=None, ask=None), SHOWN)
    assert emptied == Said("Verbal")


def test_a_stage_is_chosen_among_the_agreed_words_or_kept():
    view = form.modal(page())
    options = [one["text"]["text"] for one in limits.block(view, "stage")["element"]["options"]]
    assert options == ["Keep: Verbal", "Qualified", "Offer"]
    fresh = form.modal(page(BARE, last=0))
    assert limits.block(fresh, "stage")["element"]["initial_option"]["text"]["text"] == "Not said yet"
    assert limits.block(form.modal(page(BARE, words=())), "stage") is None
    assert form.parse(typed(form.modal(page(BARE, words=(), last=0)), action="Call"), Said()) == Said(action="Call")


def test_the_fields_of_another_answer_or_deal_have_other_ids_so_that_nothing_typed_is_carried_over():
    ids = [
        set(limits.ids(form.modal(page(deal, last=last))["blocks"])) for deal, last in ((DEAL, 3), (DEAL, 4), (BARE, 3))
    ]
    assert not (ids[0] & ids[1] or ids[0] & ids[2] or ids[1] & ids[2])


def test_the_form_of_what_has_no_room_lets_people_choose_by_the_partners_own_door():
    choices = tuple(SharedDeal(ref=n, account=f"Account {n}") for n in range(1, 140))
    view = limits.check_modal(form.modal(page(choices[4], choices=choices)))
    element = view["blocks"][0]["accessory"]
    assert element["action_id"] in PARTNERS
    assert len(element["options"]) == 100
    assert element["initial_option"]["value"] == "5"


@pytest.mark.parametrize("value", ['{"m":-1}', f'{{"m":{10**30}}}', '{"m":"x"}', "[]", "{", "\x00"])
def test_a_made_up_mark_is_no_mark(value):
    with pytest.raises(UserError):
        MarkRef.load(value)


@pytest.mark.parametrize(
    ("body", "channel"),
    [
        ({"channel": {"id": "C1"}, "container": {"channel_id": "C2"}}, "C1"),
        ({"container": {"type": "message", "channel_id": "C2"}}, "C2"),
        ({"channel": None, "container": {"type": "view"}}, ""),
        ({}, ""),
    ],
)
def test_where_a_button_was_pressed_is_read_from_what_slack_says(body, channel):
    assert strangers._channel(body) == channel


@pytest.mark.parametrize("last", ["", "x", "-1", "9" * 30])
def test_a_made_up_generation_is_a_number_or_none(last):
    view = typed(form.modal(page()))
    values = {key.rsplit(":", 1)[0] + f":{last}": value for key, value in view["state"]["values"].items()}
    assert form.generation({"state": {"values": values}}) == 0


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE.keys())
def test_whatever_was_said_the_form_is_one_that_slack_takes(words):
    deal = hostile(1, words)
    limits.check_modal(form.modal(page(deal, partner=words, words=(words[:75] or "x",), choices=(deal,))))
