"""Deals born in Slack: the form, what it says of a near deal, its receipt, the question, its mark; empty, full, hostile."""

from dataclasses import replace
from datetime import date

import pytest

from handlers.births import card, form, listeners
from handlers.births.form import FormPage, Receipt
from handlers.births.ids import Door, Field, FormState, MatchRef
from handlers.deal_review import card as deal_card
from handlers.deal_review import overview
from handlers.deal_review.overview import DealsPage
from handlers.home import page as home_page
from handlers.notes import render
from models import births, notes
from models.births import Birth, Born, Near, Pair
from models.domain.likeness import Traits
from models.domain.notes import FridayFacts, OtherFacts, PartnerLine, WeeklyFacts, sums
from models.domain.zones import zone
from models.tables import DealMatch
from tests import make
from tests.handlers import limits
from tests.handlers.limits import check_home, check_message, check_modal
from tests.handlers.test_home import a_page as a_home
from tests.make import NOW, POLICY

LONDON = zone("Europe/London")
ANN, PAT = make.a_person(1, "Ann Seller"), make.a_person(2, "Pat Manager")
BOOK = make.a_book(ANN, PAT)
SLACK = POLICY.model_copy(update={"crm_is_truth": False})


def a_form(number=1, words="", **more):
    partners = [make.a_partner(place, words or f"Partner {place}") for place in range(1, number + 1)]
    return FormPage(partners, births.open_stages(POLICY.stages), "USD", may_name_owner=True, me="U00001", **more)


def a_pair(number=1, words="", *, state="open", theirs=True, **more):
    match = DealMatch(id=number, deal_id=number, other_id=900 + number, import_id=1, state=state, made_at=NOW,
                      decided_by_id=2 if state != "open" else None)  # fmt: skip
    ours = make.a_view(number, words=words, crm=False).version
    other = make.a_view(900 + number, words=words).version if theirs else None
    return Pair(match, ours, other, make.a_partner(1, words or "Acme"), words or f"D-{number}", 2, **more)


# The form.


@pytest.mark.parametrize("number", [1, 2, 100, 101, 400])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_the_form_fits_any_number_of_partners(number, name):
    view = check_modal(form.modal(a_form(number, make.HOSTILE.get(name, ""))))
    assert limits.ids(view["blocks"]) == [str(one) for one in Field]
    element = limits.block(view, Field.PARTNER)["element"]
    assert len(element["options"]) == min(number, 100)
    assert ("initial_option" in element) is (number == 1), "of several none is guessed"
    assert ("narrows this list" in str(view)) is (number > 100)
    assert [one["value"] for one in limits.block(view, Field.STAGE)["element"]["options"]][-1] == "Negotiation/Review"


def test_who_can_only_have_deals_of_their_own_is_not_asked_whose():
    view = check_modal(form.modal(replace(a_form(), may_name_owner=False)))
    assert Field.OWNER not in limits.ids(view["blocks"])


@pytest.mark.parametrize("name", list(make.HOSTILE))
@pytest.mark.parametrize("number", [1, 2, 3, 40])
def test_a_near_deal_is_named_above_what_was_typed(name, number):
    words = make.HOSTILE[name]
    typed = Birth(words[:150], words[:100], 1, ANN, "Qualification", words[:40], "EUR", date(2026, 3, 30), words[:500],
                  date(2026, 3, 30), PAT)  # fmt: skip
    near = tuple(
        Near(place, 1, Traits(words, words, 5, "USD") if place % 2 else None) for place in range(1, number + 1)
    )
    book = make.a_book(make.a_person(1, words))
    state = FormState(q=words[:80], seen=tuple(range(100_000, 100_200)))
    view = check_modal(form.modal(a_form(2, words, typed=typed, near=near, book=book, state=state)))
    assert limits.block(view, Field.PARTNER)["element"]["initial_option"]["value"] == "1"
    assert limits.block(view, Field.CURRENCY)["element"]["initial_value"] == "EUR"
    assert limits.block(view, Field.NEXT_OWNER)["element"]["initial_user"] == "U00002"
    assert "Nothing is saved yet" in limits.words(view["blocks"])[0]


def test_what_is_said_of_near_deals():
    one = Near(1, 1, Traits("Acme – Pumps", "Pumps Ltd", 40_000_00, "USD"))
    assert form.near_text([one], BOOK) == (
        ":warning: There is already *Acme – Pumps* (USD 40,000, Ann Seller). Nothing is saved yet: *Create* again to "
        "create it all the same."
    )
    unread = Near(2, 1, None)
    assert "There is already a deal much like this one (Ann Seller: ask them)." in form.near_text([unread], BOOK)
    many = form.near_text([one, unread, replace(one, deal_id=3), one, one], BOOK)
    assert "There are already *Acme – Pumps* (USD 40,000, Ann Seller), a deal much like" in many
    assert "and 2 more. Nothing" in many


async def test_what_was_submitted_is_read_and_strangers_are_named(sqlite):
    async with sqlite.write() as session:
        ann = await make.person(session, "Ann", "ae")
        values = {
            "name": {"value": "Pumps"}, "account": {"value": "Halyard"}, "partner": {"selected_option": {"value": "7"}},
            "owner": {"selected_user": "UANN"}, "stage": {"selected_option": {"value": "Prospecting"}},
            "amount": {"value": "5"}, "currency": {"value": "EUR"}, "close_date": {"selected_date": "2026-03-30"},
            "next_text": {"value": "call"}, "next_due": {"selected_date": "2026-03-12"},
            "next_owner": {"selected_user": "UNOBODY"},
        }  # fmt: skip
        view = {"state": {"values": {name: {"value": held} for name, held in values.items()}},
                "private_metadata": FormState(seen=(3,)).dump()}  # fmt: skip
        assert await form.parse(session, view) == Birth(
            "Pumps", "Halyard", 7, ann, "Prospecting", "5", "EUR", date(2026, 3, 30), "call", date(2026, 3, 12), None,
            frozenset({"next_owner"}), frozenset({3}),
        )  # fmt: skip
        bare = await form.parse(session, {"state": {"values": {}}, "private_metadata": ""})
        assert bare == Birth()
        forged = {
            "state": {"values": {"partner": {"value": {"selected_option": {"value": "x1"}}}}},
            "private_metadata": "",
        }
        assert (await form.parse(session, forged)).partner_id == 0


@pytest.mark.parametrize("words", ["plain", *make.HOSTILE.values()])
def test_the_receipt_says_when_somebody_is_asked(words):
    born = Born(1, words[:150], make.a_partner(1, words), make.a_person(3, words))
    for starts in (None, NOW):
        for meets in (True, False):
            check_modal(form.receipt(Receipt(born, ANN, starts, meets, LONDON, crm=True)))


def test_the_receipt_in_its_words():
    mine = Receipt(Born(1, "Pumps", make.a_partner(), ANN), ANN, NOW, meets=True, clocks=LONDON, crm=True)
    text = "\n".join(limits.words(form.receipt(mine)))
    assert "*Pumps* is here, with Acme." in text
    assert "You are asked about it before the Acme review, Mon 2 Mar, 08:00." in text
    assert "marked as not in the CRM yet" in text
    other = replace(mine, born=replace(mine.born, owner=PAT), meets=False, crm=False)
    text = "\n".join(limits.words(form.receipt(other)))
    assert "Pat Manager is asked about it before the Friday note's *other partners*" in text
    assert "CRM" not in text
    assert "nobody is asked about it" in str(form.receipt(replace(mine, starts_at=None)))


async def test_the_commands_words_narrow_the_partners_or_mean_something_else(sqlite):
    async with sqlite.write() as session:
        team = await make.small(session, deals=0)
        await make.partner(session, "Beta", team.pm)
        for query, names in {"": ["Acme", "Beta"], " BET ": ["Beta"]}.items():
            view = check_modal(await listeners.new_deal(session, team.head, query, now=NOW, policy=POLICY))
            options = limits.block(view, Field.PARTNER)["element"]["options"]
            assert [one["text"]["text"] for one in options] == names
        assert await listeners.new_deal(session, team.head, "york", now=NOW, policy=POLICY) is None


# The question.


@pytest.mark.parametrize("number", [1, 2, 12, 13, 200])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_any_number_of_questions_fits_and_what_does_not_is_counted(number, name):
    words = make.HOSTILE.get(name, "")
    book = make.a_book(make.a_person(1, words or "Ann"), make.a_person(2, words or "Pat"))
    pairs = [a_pair(place, words) for place in range(1, number + 1)]
    settled = [a_pair(500 + place, words, state="different") for place in range(number)]
    message = check_message(card.message(pairs + settled, book))
    assert limits.labels(message.blocks) == ["Same deal", "Different"] * min(number, card.MOST)
    assert (f"… and {number - card.MOST} more" in str(message.blocks)) is (number > card.MOST)
    assert all(len(one["text"]) <= 2000 for block in message.blocks for one in block.get("fields", ()))


def test_both_deals_stand_side_by_side():
    message = card.message([a_pair(1)], BOOK)
    [block] = [one for one in message.blocks if "fields" in one]
    assert [one["text"].split("\n") for one in block["fields"]] == [
        ["_Made here · Acme_", "*Deal 1*", "Account 1", "USD 10,000", "closes 30 Mar 2026", "Qualification", "Ann Seller"],
        ["_In the CRM · D-1_", "*Deal 901*", "Account 901", "USD 9,010,000", "closes 30 Mar 2026", "Qualification",
         "Ann Seller"],
    ]  # fmt: skip
    [same, different] = [one for one in limits.walk(message.blocks) if one.get("type") == "button"]
    assert (same["action_id"], different["action_id"]) == (Door.SAME_DEAL, Door.DIFFERENT_DEAL)
    assert MatchRef.load(same["value"]) == MatchRef.load(different["value"]) == MatchRef(m=1)
    assert message.text.startswith("The last import brought what may be a deal that you have here already.")
    assert "• Deal 1 (USD 10,000) and in the CRM Deal 901 (USD 9,010,000)" in message.text
    assert "what may be 2 deals" in card.message([a_pair(1), a_pair(2)], BOOK).text


def test_what_was_said_takes_the_place_of_the_buttons():
    done = card.message([a_pair(1, state="same", theirs=False), a_pair(2, state="different"),
                         a_pair(3, state="different", merged=True)], BOOK)  # fmt: skip
    assert limits.labels(done.blocks) == []
    assert check_message(done).text.split("\n") == [
        ":white_check_mark: All answered, thank you.",
        ":white_check_mark: *Deal 1* (D-1) is one deal now, as Pat Manager said",
        ":heavy_multiplication_x: *Deal 2* and *Deal 902* are two deals, as Pat Manager said",
    ]


@pytest.mark.parametrize("number", [0, 1, 3, 4, 50])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_home_lists_the_open_questions(number, name):
    words = make.HOSTILE.get(name, "")
    page = a_home(9, words, same=tuple(a_pair(place, words) for place in range(1, number + 1)))
    blocks = check_home(home_page.blocks(page, NOW, POLICY))
    assert limits.labels(blocks).count("Same deal") == min(number, 3)
    assert (f"Is this the same deal? ({number})" in str(blocks)) is (number > 0)


# The mark.


def test_a_deal_that_is_not_in_the_crm_says_so_where_there_is_one():
    view = make.a_view(1, crm=False)
    assert deal_card.deal_text(view, BOOK, crm=True).split("\n")[1].endswith(" · _not in the CRM yet_")
    assert "CRM" not in deal_card.deal_text(view, BOOK)
    assert "not in the CRM" not in deal_card.deal_text(make.a_view(1), BOOK, crm=True)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("may_create", [True, False])
def test_the_overview_offers_a_new_deal_to_whoever_can_have_one(number, may_create):
    views = tuple(make.a_view(place, crm=False, of=make.a_partner()) for place in range(1, number + 1))
    page = DealsPage(
        "", views, {1: 1}, frozenset(), BOOK, total=number, waiting=number, crm=True, may_create=may_create
    )
    view = check_modal(overview.modal(page))
    assert ("New deal…" in limits.labels(view["blocks"])) is may_create
    assert str(view).count("not in the CRM yet") == number


def facts(number, *, here):
    deals = tuple(notes.deal_fact(make.a_view(place, crm=place > here), None, ()) for place in range(1, number + 1))
    return WeeklyFacts(partner_id=1, partner="Acme", pm_id=2, slot="2026-W10", day=date(2026, 3, 5), state="held",
                       joint=sums(deals), by_category=dict.fromkeys(("commit", "best_case", "pipeline"), ()), deals=deals)  # fmt: skip


@pytest.mark.parametrize("number", [3, 200])
@pytest.mark.parametrize("policy", [POLICY, SLACK])
def test_the_notes_let_finance_tie_out(number, policy):
    held = facts(number, here=2)
    text = render.weekly_text(held, BOOK, policy)
    line = "_Not in the CRM yet, and counted above: USD 30,000 (2 deals)_"
    assert (line in text) is policy.crm_is_truth
    assert text.count("\n") < 40
    assert len(text) <= 3800
    assert ("Deal 1 (not in the CRM yet)" in render.weekly_text(facts(3, here=2), BOOK, policy)) is policy.crm_is_truth
    row = PartnerLine(occurrence_id=1, partner_id=1, partner="Acme", pm_id=2, state="held", closed=True, joint=held.joint,
                      not_in_crm=held.not_in_crm)  # fmt: skip
    friday = FridayFacts(slot="2026-W10", day=date(2026, 3, 6), partners=(row, row))
    both = "_Not in the CRM yet, and counted above: USD 60,000 (4 deals)_"
    assert (both in render.friday_text(friday, BOOK, policy)) is policy.crm_is_truth
    other = OtherFacts(pm_id=2, slot="2026-W10", deals=held.deals[:3], partners={1: "Acme"}, partner_of={1: 1})
    assert render.others_text(other, BOOK, policy).count("(not in the CRM yet)") == (2 if policy.crm_is_truth else 0)


def test_a_note_without_such_deals_says_nothing_and_an_old_one_can_still_be_read():
    assert "Not in the CRM" not in render.weekly_text(facts(3, here=0), BOOK, POLICY)
    old = facts(3, here=0).model_dump(mode="json")
    for deal in old["deals"]:
        del deal["in_crm"]
    assert WeeklyFacts.model_validate(old).not_in_crm == ()
