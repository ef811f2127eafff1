"""The closing card, its nudge, and the closing form with its parser."""

from datetime import date

import pytest

from handlers.closing import card, form, ids
from handlers.closing.card import ClosePage, Row
from handlers.closing.form import ClosingPage
from handlers.closing.ids import FormState
from handlers.kit.commitments import Field
from models.closing import MOST_JUDGED, MOST_NEW, Promise, Verdict
from models.domain.zones import zone
from models.tables import Commitment
from tests import make
from tests.handlers import limits
from tests.handlers.limits import check_message, check_modal
from tests.handlers.test_deal_review import submitted
from tests.make import NOW

LONDON = zone("Europe/London")
BOOK = make.a_book(make.a_person(1, "Pat Manager"))


def a_row(number, *, words="", closed=False, state="held"):
    more = {"closed_at": NOW, "closed_by_id": 1, "state": state, "skip_reason": words} if closed else {}
    return Row(make.a_week(number, **more), make.a_partner(number, words or f"Partner {number}"), 5, 3)


def a_page(*rows):
    return ClosePage(rows, LONDON, BOOK)


@pytest.mark.parametrize("number", [0, 1, 2, 15, 40])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_any_number_of_reviews_fits_on_the_closing_card(number, name):
    words = make.HOSTILE.get(name, "")
    rows = [a_row(place, words=words, closed=place % 3 == 0, state="skipped") for place in range(1, number + 1)]
    check_message(card.close_card(a_page(*rows)))
    check_message(card.close_nudge(a_page(*rows)))


def test_what_does_not_fit_on_the_card_is_counted():
    message = card.close_card(a_page(*(a_row(number) for number in range(1, 41))))
    assert "25 more" in str(message.blocks)


def test_one_review_has_its_button_and_several_have_one_for_all():
    one = card.close_card(a_page(a_row(1)))
    assert limits.labels(one.blocks) == ["Close…"]
    two = card.close_card(a_page(a_row(1), a_row(2), a_row(3, closed=True)))
    assert limits.labels(two.blocks) == ["Close all 2, one by one", "Close…", "Close…"]
    assert "1 of 3 closed" in two.text
    assert ":white_check_mark: *Partner 3* · Thu 5 Mar, 10:00 · held (closed by Pat Manager)" in two.text


def test_when_all_are_closed_the_card_and_the_nudge_say_thank_you():
    done = a_page(a_row(1, closed=True), a_row(2, closed=True, state="skipped", words="ill"))
    assert "All set: 2 reviews closed" in card.close_card(done).text
    assert card.close_nudge(done).text == ":white_check_mark: All your reviews are closed, thank you."
    assert limits.labels(card.close_card(done).blocks) == []


def test_the_nudge_names_what_is_missing():
    assert (
        card.close_nudge(a_page(a_row(1))).text
    ) == "*1 review not closed:* Partner 1. The Friday note says “waiting for you” for it until you close it."
    assert "for each until you close them" in card.close_nudge(a_page(a_row(1), a_row(2))).text


def a_form(number=0, *, words="", held=True, total=1, place=1):
    standing = [
        Commitment(id=place_ + 10, partner_id=1, text=words or f"promise {place_}", owner_id=1, due=date(2026, 3, 12),
                   state="open", made_in_id=1, made_at=NOW)
        for place_ in range(number)
    ]  # fmt: skip
    state = FormState(o=1, c=tuple(item.id for item in standing), held=held, total=total, place=place)
    return ClosingPage(
        make.a_week(), make.a_partner(1, words or "Acme"), standing, "3 of 5 deals answered", BOOK, state
    )


@pytest.mark.parametrize("number", [0, 1, 3, MOST_JUDGED])
@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_the_form_fits_with_any_number_of_commitments(number, held, name):
    view = check_modal(form.modal(a_form(number, words=make.HOSTILE.get(name, ""), held=held)))
    assert (limits.block(view, "reason") is None) is held
    assert limits.block(view, f"text_{MOST_NEW - 1}") is not None


def test_every_commitment_the_form_judges_has_its_fields_and_nothing_else_is_cut():
    view = form.modal(a_form(MOST_JUDGED))
    carried = FormState.load(view["private_metadata"]).c
    judged = [item for item in carried if limits.block(view, f"fate_{item}") is not None]
    assert judged == list(carried)


@pytest.mark.parametrize(
    ("state", "title", "submit"),
    [
        ({}, "Close the review", "Close and publish"),
        ({"total": 3, "place": 2}, "Close 2 of 3", "Publish and next"),
        ({"total": 3, "place": 3}, "Close 3 of 3", "Close and publish"),
    ],
)
def test_the_form_says_where_it_is(state, title, submit):
    view = form.modal(a_form(**state))
    assert (view["title"]["text"], view["submit"]["text"]) == (title, submit)


@pytest.fixture
async def session(sqlite):
    async with sqlite.write() as session:
        yield session


async def parsed(session, page, **changes):
    view = form.modal(page)
    body = submitted(view, **changes)
    return await form.parse(session, body, FormState.load(view["private_metadata"]))


async def test_an_untouched_form_is_held_without_promises(session):
    closing = await parsed(session, a_form(1))
    assert (closing.occurrence_id, closing.held, closing.reason, closing.verdicts) == (1, True, "", {})
    assert [promise.empty for promise in closing.promises] == [True] * MOST_NEW


async def test_what_was_typed_becomes_a_closing(session):
    ann = await make.person(session, "Ann")
    closing = await parsed(
        session, a_form(2), fate_10="moved", due_10="2026-03-20", fate_11="kept", text_0="send the deck", owner_0="UANN",
        promise_due_0="2026-03-12", owner_1="UNOBODY",
    )  # fmt: skip
    assert closing.verdicts == {10: Verdict("moved", date(2026, 3, 20)), 11: Verdict("kept", None)}
    assert closing.promises[0] == Promise("send the deck", ann.id, date(2026, 3, 12))
    assert closing.promises[1].refusal.startswith("Choose one named person")
    assert not closing.promises[1].empty


async def test_a_review_that_was_not_held_carries_its_side_and_reason(session):
    closing = await parsed(session, a_form(held=False), held="not_held", side="partner", reason="they were ill")
    assert (closing.held, closing.side, closing.reason) == (False, "partner", "they were ill")


def test_the_errors_of_the_model_name_fields_of_the_form():
    view = form.modal(a_form(1, held=False))
    fields = {block["block_id"].split(":")[0] for block in view["blocks"] if block["type"] == "input"}
    expected = {ids.Field.HELD, ids.Field.SIDE, ids.Field.REASON, "fate_10", "due_10"} | {
        f"{name}_{place}" for name in (Field.TEXT, Field.OWNER, Field.PROMISE_DUE) for place in range(MOST_NEW)
    }
    assert fields == expected
