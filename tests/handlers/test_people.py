"""When people change: the question, the two forms, the news for a successor, the page of a new manager."""

from datetime import date

import pytest

from handlers.notes import handover as page_of
from handlers.people import form, messages
from handlers.people.ids import Field, FormState, PeopleRef
from models import notes
from models.domain.notes import CommitmentFact, Health
from models.handover import EVERYTHING, Held, InHand, Received, What
from models.managers import Page
from models.orphans import Question
from tests import make
from tests.handlers import limits
from tests.handlers.limits import check_message, check_modal
from tests.make import NOW, POLICY

ARGS = {"partner_id": 1, "from_id": 2, "by_id": 3, "for_id": 1, "reason": ""}


def held(number, words="", *, partners=0):
    items = [
        Held(what, place, words or f"{what.value} {place}", 1, words or "Acme", 1, place)
        for what in What
        for place in range(1, number + 1)
    ]
    return InHand(
        tuple(items), tuple(make.a_partner(place, words or f"Partner {place}") for place in range(1, partners + 1))
    )


def submitted(view, **given):
    """The view as Slack sends it back, with what each field holds."""
    inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    values = {block_id: {"value": given.get(block_id.split(":")[0], {})} for block_id in inputs}
    return {"state": {"values": values}, "private_metadata": view["private_metadata"]}


@pytest.mark.parametrize(("number", "partners"), [(0, 1), (1, 0), (1, 1), (2, 3), (50, 40)])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_the_question_fits_and_offers_what_mends_it(number, partners, name):
    words = make.HOSTILE.get(name, "")
    asked = Question(make.a_person(2, words or "Ann"), held(number, words, partners=partners))
    message = check_message(messages.orphans_message(asked))
    offered = [
        label for label, there in (("Give them to somebody…", number), ("New partner manager…", partners)) if there
    ]
    assert limits.labels(message.blocks) == offered


def test_the_question_counts_what_it_does_not_name():
    text = messages.orphans_message(Question(make.a_person(2, "Ann"), held(3, partners=9))).text
    assert text.startswith(
        "*Ann* has left. Without an owner now: 3 open deals, 3 next actions, 3 commitments and 9 partners. Who gets them?"
    )
    assert "• deals 1 · deal · Acme" in text
    assert "… and 3 more" in text
    assert "Partner 8 and 1 more" in text


@pytest.mark.parametrize(
    ("number", "partners", "words"),
    [(0, 0, ""), (1, 0, "1 open deal, 1 next action and 1 commitment"), (0, 1, "1 partner"), (0, 2, "2 partners")],
)
def test_what_there_is_none_of_is_not_counted(number, partners, words):
    assert form.counts(held(number, partners=partners)) == words


@pytest.mark.parametrize("number", [1, 2, 200])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_the_form_shows_what_goes_over_all_of_it_ticked(number, name):
    words = make.HOSTILE.get(name, "")
    view = check_modal(form.hand_over(make.a_person(2, words or "Ann"), held(number, words), FormState(f=2)))
    assert limits.ids(view["blocks"]) == [Field.TO, Field.WHAT, Field.REASON]
    element = limits.block(view, Field.WHAT)["element"]
    assert element["options"] == element["initial_options"]
    assert len(element["options"]) == 3


def test_only_kinds_that_there_are_can_be_ticked():
    view = form.hand_over(make.a_person(2, "Ann"), InHand(held(2).of(What.COMMITMENTS)), FormState(f=2))
    assert [one["text"]["text"] for one in limits.block(view, Field.WHAT)["element"]["options"]] == ["2 commitments"]


def test_without_a_person_the_form_asks_whose_work_it_is():
    view = check_modal(form.hand_over(None, InHand(), FormState()))
    assert limits.ids(view["blocks"]) == [Field.PERSON, Field.TO, Field.WHAT, Field.REASON]


async def test_what_was_submitted_is_read(sqlite):
    async with sqlite.write() as session:
        ann, bob = await make.person(session, "Ann"), await make.person(session, "Bob")
        view = form.hand_over(ann, held(1), FormState(f=ann.id))
        ticked = {"selected_options": [{"value": "deals"}, {"value": "nonsense"}]}
        given = submitted(view, to={"selected_user": "UBOB"}, what=ticked, reason={"value": "left"})
        found = await form.parse_hand_over(session, given)
        assert (found.person, found.to, found.what, found.reason) == (ann, bob, frozenset({What.DEALS}), "left")
        view = form.hand_over(None, InHand(), FormState())
        found = await form.parse_hand_over(session, submitted(view, person={"selected_user": "UANN"}))
        assert (found.person, found.to, found.what) == (ann, None, frozenset())
        view = form.new_manager(form.ManagerPage([make.a_partner(7)], None, FormState()))
        named = await form.parse_new_manager(
            session,
            submitted(view, partner={"selected_option": {"value": "7"}}, manager={"selected_user": "UBOB"},
                      what={"selected_options": [{"value": one.value} for one in EVERYTHING]}),
        )  # fmt: skip
        assert (named.partner_id, named.to, named.what, named.reason) == (7, bob, EVERYTHING, "")
        with pytest.raises(form.FieldErrors) as refused:
            await form.parse_new_manager(session, submitted(view, manager={"selected_user": "UNOBODY"}))
        assert "somebody Cadence does not know" in refused.value.errors[Field.MANAGER]


@pytest.mark.parametrize("number", [1, 2, 100, 250])
@pytest.mark.parametrize("before", [None, "Pat", make.HOSTILE["3000 characters"], make.HOSTILE["channel mention"]])
@pytest.mark.parametrize("words", ["", make.HOSTILE["3000 characters"], make.HOSTILE["formats"]])
def test_the_managers_form_fits_any_number_of_partners(number, before, words):
    partners = [make.a_partner(place, words or f"Partner {place}") for place in range(1, number + 1)]
    person = make.a_person(2, before) if before else None
    page = form.ManagerPage(partners, person, FormState(f=2), "U00003", words[:300], words)
    view = check_modal(form.new_manager(page))
    assert len(limits.block(view, Field.PARTNER)["element"]["options"]) == min(number, 100)
    assert ("narrows this list" in str(view)) is (number > 100)


def test_the_next_partner_of_a_walk_is_chosen_and_nothing_typed_is_taken_for_it():
    partners = [make.a_partner(1, "Acme"), make.a_partner(2, "Beta")]
    first = form.new_manager(form.ManagerPage(partners, make.a_person(2, "Pat"), FormState(f=2)))
    second = form.new_manager(
        form.ManagerPage(partners[1:], make.a_person(2, "Pat"), FormState(f=2, place=2), "U00003")
    )
    assert limits.block(first, Field.PARTNER)["element"]["initial_option"]["value"] == "1"
    assert limits.block(second, Field.PARTNER)["element"]["initial_option"]["value"] == "2"
    assert limits.block(second, Field.MANAGER)["element"]["initial_user"] == "U00003"
    assert not set(limits.ids(first["blocks"])) & set(limits.ids(second["blocks"]))
    alone = form.new_manager(form.ManagerPage(partners, None, FormState()))
    assert "initial_option" not in limits.block(alone, Field.PARTNER)["element"], "of several none is guessed"


@pytest.mark.parametrize("words", ["plain", *make.HOSTILE.values()])
def test_a_breach_is_named_in_the_receipt(words):
    assert words[:5].strip("<&*\u202e") in str(check_modal(form.done("Quinn manages Acme.", words))) or words


@pytest.mark.parametrize("number", [1, 2, 60])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_the_news_of_a_successor_fits(number, name):
    words = make.HOSTILE.get(name, "")
    found = Received(held(number, words), frozenset(range(1, number + 1)))
    message = check_message(messages.handed_message(found, words or "Ann", words or "Pat", words))
    assert "To mend in the CRM" in message.text or number == 60 or words


def test_the_news_says_what_is_to_mend_in_the_crm_only_if_there_is_something():
    plain = messages.handed_message(Received(held(1), frozenset()), "Ann", "Pat", "")
    assert plain.text.startswith("Pat gave you 1 open deal, 1 next action and 1 commitment of *Ann*:")
    assert "CRM" not in plain.text
    text = messages.handed_message(Received(held(10), frozenset(range(1, 11))), "Ann", "Pat", "left").text
    assert "of *Ann* (left):" in text
    assert "owner of 10 deals: deals 1, deals 2" in text
    assert "deals 8 and 2 more." in text


async def test_messages_are_made_from_the_rows_and_say_nothing_when_there_is_nothing(sqlite):
    async with sqlite.write() as session:
        team = await make.small(session)
        ann = {"person_id": team.ann.id, "for_id": team.pm.id}
        assert await messages.orphaned(session, ann, now=NOW, policy=POLICY) is None
        team.ann.active = False
        await session.flush()
        assert "*Ann Seller* has left" in (await messages.orphaned(session, ann, now=NOW, policy=POLICY)).text
        args = {"from_id": team.ann.id, "to_id": team.bob.id, "by_id": team.pm.id, "reason": ""}
        assert await messages.handed_over(session, args | {"deals": []}, now=NOW, policy=POLICY) is None
        given = args | {"deals": [team.deals["Deal 1"].id]}
        assert (
            "1 open deal of *Ann Seller*:" in (await messages.handed_over(session, given, now=NOW, policy=POLICY)).text
        )
        args = {"partner_id": team.acme.id, "from_id": None, "by_id": team.head.id, "for_id": team.pm.id}
        assert "*Acme* is yours" in (await page_of.handover(session, args, now=NOW, policy=POLICY)).text
        for other in ({"for_id": team.head.id}, {"partner_id": 99}):
            assert await page_of.handover(session, args | other, now=NOW, policy=POLICY) is None


def a_page(number, words="", **more):
    partner = make.a_partner(1, words or "Acme", archetype=words, stage=words)
    deals = tuple(
        notes.deal_fact(make.a_view(place, words=words, of=partner), None, ()) for place in range(1, number + 1)
    )
    promised = tuple(
        CommitmentFact(
            commitment_id=place, text=words or f"promise {place}", owner_id=1, due=date(2026, 3, 12), fate="carried"
        )
        for place in range(1, number + 1)
    )
    return Page(**{
        "partner": partner, "deals": deals, "commitments": promised, "counterparts": (words or "Cal",) * number,
        "review": "Thursday 10:00, 30 minutes, Europe/London", "next_at": NOW, "health": Health(held=2),
        "last_note": date(2026, 2, 26), "unclosed": (date(2026, 2, 26),) * number, "orphans": held(number, words).items,
        "crm_as_of": NOW, "crm_stale": False, **more,
    })  # fmt: skip


def text_of(page, book=None, **args):
    return page_of.handover_text(page, ARGS | args, book or make.a_book(*(make.a_person(n) for n in (1, 2, 3))), POLICY)


@pytest.mark.parametrize("number", [0, 1, 2, 12, 200])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_the_handover_is_one_page(number, name):
    words = make.HOSTILE.get(name, "")
    book = make.a_book(*(make.a_person(place, words or "Ann") for place in (1, 2, 3)))
    text = text_of(a_page(number, words), book, reason=words)
    assert text.count("\n") + 1 <= 40
    assert len(text) <= 3800
    check_message(page_of.message(text, "Handover"))


def test_the_handover_counts_what_it_does_not_show_and_ties_out():
    text = text_of(a_page(200))
    assert "*Open pipeline* USD 201,000,000 (200 deals)" in text or "(200 deals)" in text
    assert "more deals, USD" in text
    assert "`/deals Acme` shows them" in text
    assert ":warning: *Without an owner (600)*: who had them has left" in text
    assert "Cal, Cal, Cal, Cal, Cal and 195 more" in text
    assert "200 reviews not closed" in text
    assert "and 195 before" in text


def test_a_page_about_nothing_says_so():
    bare = a_page(0, review="", next_at=None, last_note=None, crm_as_of=None)
    text = text_of(bare, from_id=None)
    for words in ("*Acme* is yours · named by", "Tier 1 · no archetype · no journey stage", "nobody is named in the people file",
                  "no weekly review. Start one with `/cadence setup`.", "*Open pipeline* nothing · no note yet",
                  "_No open deals with this partner._", "_no CRM import yet_"):  # fmt: skip
        assert words in text, text
    bare.partner.tier = 2
    assert "no weekly review.\n" in text_of(bare)


def test_an_old_button_still_says_what_it_meant():
    assert PeopleRef.load('{"f":3,"new":1}') == PeopleRef(f=3)
    assert PeopleRef.load(PeopleRef(p=(1, 2)).dump()).p == (1, 2)
