"""Partner-safe pages as messages and files, from nothing to two hundred deals; and what is asked for the partner's eyes."""

import io
from datetime import date
from itertools import pairwise

import pytest
from pptx import Presentation

from handlers.closing import form as closing_form
from handlers.files import partner as files
from handlers.files.fonts import Faces
from handlers.kit import commitments
from handlers.meetings import form as meeting_form
from handlers.pbr import form as pbr_form
from handlers.pbr.ids import FormState as PbrState
from handlers.shared import page
from models.domain.meetings import FOR_THE_PARTNER, JOINT_FORECAST
from models.domain.shared import (
    SharedChange,
    SharedClosed,
    SharedCommitment,
    SharedDeal,
    SharedNote,
    SharedPbr,
    SharedReadout,
    SharedStep,
)
from models.shared import words
from models.shared.copying import MOST_CHARACTERS, MOST_LINES
from tests import make
from tests.files import office
from tests.handlers import limits
from tests.handlers import test_closing as closing_room
from tests.handlers import test_meetings as meeting_room
from tests.handlers import test_pbr as pbr_room

DAY, BARE = date(2026, 3, 5), Faces(system=False)
HOSTILE = {"plain": "", **make.HOSTILE}


def a_deal(number, text="", **more):
    return SharedDeal(**{
        "ref": number, "account": text or f"Account {number}", "stage": text or "Qualified", "their_stage": text or "Offer",
        "amount": 1_000_000 * number, "currency": "USD",
        "ours": SharedStep(text=text or "send pricing", owner=text or "Ann Seller", due=DAY),
        "theirs": SharedStep(text=text or "meet the CFO", owner=text or "Cora", due=DAY), "ask": text or "a reference",
        "said_by": text or "Cora", "said_on": DAY, **more,
    })  # fmt: skip


def a_promise(text="send the deck", fate="new", **more):
    return SharedCommitment(text=text or "send the deck", owner="Ann Seller", due=DAY, fate=fate, **more)


def pages(number, text=""):
    """A note, a PBR and a readout with so many of everything."""
    deals = tuple(a_deal(place, text) for place in range(1, number + 1))
    closed = tuple(
        SharedClosed(ref=place, account=text or f"Won {place}", outcome="won", stage=text or "Ordered", reason=text)
        for place in range(number)
    )
    texts = tuple(text or f"text {place}" for place in range(min(number, 12)))
    same = {
        "partner": text[:200] or "Acme", "deals": deals, "closed": closed,
        "commitments": tuple(a_promise(text, fate) for fate in ("new", "kept", "moved", "carried", "dropped")[:number]),
    }  # fmt: skip
    change = (SharedChange(currency="USD", amount=-5_000, deals=1),) if number else ()
    return (
        SharedNote(day=DAY, change=change, **same),
        SharedPbr(month=date(2026, 2, 1), day=DAY, version=2, change=change, pursuit=texts, changes=texts, **same),
        SharedReadout(quarter="2026Q1", day=DAY, our_sponsors=("Hedda Lead", "Cara Revenue"), their_sponsor=text or "Jo",
                      forecast=text or "three orders", forecast_by="Hedda Lead", our_asks=texts, their_asks=texts, **same),
    )  # fmt: skip


@pytest.mark.parametrize("number", [0, 1, 5, 40, 200])
@pytest.mark.parametrize("name", HOSTILE)
def test_any_page_is_one_page_that_slack_takes(number, name):
    for made in pages(number, HOSTILE[name]):
        message = page.message(made)
        limits.check_message(message)
        assert message.text.count("\n") < 40
        assert len(message.text) <= 3800


def test_a_note_says_both_sides_actions_asks_and_what_is_promised():
    note = SharedNote(
        partner="Acme", day=DAY, change=(SharedChange(currency="USD", amount=250_000, deals=1),),
        deals=(a_deal(2), a_deal(1, amount=None, currency="", ours=None, theirs=None, ask="", their_stage="Qualified")),
        closed=(SharedClosed(ref=3, account="Halyard", outcome="lost", reason="the project was stopped"),),
        commitments=(a_promise("book a demo", "moved", due_before=date(2026, 2, 26)), a_promise()),
    )  # fmt: skip
    assert page.message(note).text.splitlines() == [
        "*Acme · our review of Thu 5 Mar*",
        "Held",
        "*Our joint deals* (2): USD 20,000 · the shared amounts of 1 deal · +USD 2,500 since the last note",
        "• *Account 2* · Qualified · Acme says: Offer · USD 20,000",
        "      ◦ From us: send pricing (Ann Seller, by Thu 5 Mar)",
        "      ◦ From Acme: meet the CFO (Cora, by Thu 5 Mar)",
        "      ◦ Acme asks: a reference (Cora)",
        "• *Account 1* · Qualified",
        "*Closed since the last note*",
        "• *Halyard* · lost: the project was stopped",
        "*What we promised last time*",
        "• book a demo · Ann Seller, moved from Thu 26 Feb to Thu 5 Mar",
        "*What we promise* (2)",
        "1. send the deck · Ann Seller, by Thu 5 Mar",
        "2. book a demo · Ann Seller, by Thu 5 Mar",
    ]


def test_a_page_of_many_deals_still_ends_in_what_is_promised_and_counts_the_rest():
    text = page.message(pages(200)[0]).text
    assert "*Our joint deals* (200)" in text
    assert "more_" in text
    assert text.splitlines()[-1].endswith("send the deck · Ann Seller, by Thu 5 Mar")


def test_a_review_without_a_meeting_says_so_and_no_more():
    assert page.message(SharedNote(partner="Acme", day=DAY, held=False)).text == (
        "*Acme · our review of Thu 5 Mar*\nThere was no meeting"
    )


@pytest.mark.parametrize("number", [0, 1, 200])
def test_the_text_to_copy_fits_a_field_and_is_without_marks(number):
    for made in pages(number):
        text = words.plain(words.sheet(made), MOST_LINES, MOST_CHARACTERS)
        assert len(text) <= MOST_CHARACTERS
        assert text.count("\n") < MOST_LINES
        assert "*" not in text


@pytest.mark.parametrize("number", [0, 1, 12, 200])
def test_a_note_and_a_pbr_are_one_sheet_of_paper(number):
    for made in pages(number)[:2]:
        file = files.made_of(made, faces=BARE)
        assert file.name.endswith(".pdf")
        assert office.pages(file.data) == 1


def test_the_paper_says_what_the_page_says():
    text = office.text_of(files.made_of(pages(2)[1], faces=BARE).data)
    for said in ("Acme", "business review of February 2026", "Account 2", "From us: send pricing", "Acme asks: a reference",
                 "What we go after in March 2026", "send the deck"):  # fmt: skip
        assert said in " ".join(text.split()), said


def test_the_deck_has_one_page_a_topic_the_sponsors_first_and_no_speaker_s_notes():
    made = files.made_of(pages(3)[2])
    deck = Presentation(io.BytesIO(made.data))
    assert (made.name, made.title) == ("Acme-executive-readout-2026Q1.pptx", "Acme: executive readout 2026Q1")
    titles = [slide.shapes.title.text_frame.text for slide in deck.slides]
    assert titles == [
        "Acme", "Won together in 2026Q1 (3)", "Our joint deals (3): USD 60,000", "Joint forecast: approved by Hedda Lead",
        "What we ask of Acme (3)", "What Acme asks of us (3)", "What we promised last time (2)", "What we promise (2)",
    ]  # fmt: skip
    first = " ".join(shape.text_frame.text for shape in deck.slides[0].shapes if shape.has_text_frame)
    assert all(name in first for name in ("Hedda Lead", "Cara Revenue", "Jo"))
    assert not any(slide.notes_slide.notes_text_frame.text for slide in deck.slides)


def test_a_deck_of_hostile_words_and_of_nothing_is_made():
    for name in ("formats", "right to left", "3000 characters", "lines"):
        for number, text in ((0, ""), (6, HOSTILE[name])):
            assert files.made_of(pages(number, text)[2]).data.startswith(b"PK")


# What is asked for the partner's eyes, and only where there is a partner to read it.


def shared_fields(view):
    return [block["block_id"].split(":")[0] for block in view["blocks"] if "shared_" in block.get("block_id", "")]


def test_a_closing_form_asks_for_words_for_the_partner_only_where_something_is_joint():
    bare = closing_room.a_form()
    assert shared_fields(closing_form.modal(bare)) == []
    joint = closing_form.ClosingPage(**{**vars(bare), "joint": True})
    view = closing_form.modal(joint)
    limits.check_modal(view)
    assert shared_fields(view) == ["shared_text_0", "shared_text_1", "shared_text_2"]
    asked = [block for block in view["blocks"] if block.get("block_id", "").startswith("shared_text_")]
    assert all(block["optional"] and block["label"]["text"] == commitments.PARTNER_READS for block in asked)
    names = [block["block_id"].split(":")[0] for block in view["blocks"] if block["type"] == "input"]
    assert ("promise_due_0", "shared_text_0") in pairwise(names), "below the commitment it words"


def test_the_form_of_a_readout_asks_for_asks_and_forecast_and_no_other_meeting_does():
    bare = meeting_room.a_close(said={JOINT_FORECAST: "typed before"})
    assert shared_fields(meeting_form.close_modal(bare)) == []
    joint = meeting_form.ClosePage(**{**vars(bare), "joint": True})
    view = meeting_form.close_modal(joint)
    limits.check_modal(view)
    blocks = {block.get("block_id", "").split(":")[0]: block for block in view["blocks"]}
    assert [blocks[f"said_{one.key}"]["optional"] for one in FOR_THE_PARTNER] == [True] * 3
    assert blocks[f"said_{JOINT_FORECAST}"]["element"]["initial_value"] == "typed before"


def test_the_pbr_s_form_asks_whether_the_partner_may_see_a_reason_only_where_it_reads_anything():
    view = pbr_form.modal(pbr_room.a_form(pbr_room.a_desk(pbr_room.facts(2)), joint=False))
    assert shared_fields(view) == []
    assert "The partner may see this reason" not in str(view)
    joint = pbr_form.modal(pbr_room.a_form(pbr_room.a_desk(pbr_room.facts(2))))
    limits.check_modal(joint)
    assert {"shared_pursuit", "shared_changes", "shared_text_0"} <= set(shared_fields(joint))


async def test_words_for_the_partner_come_back_from_the_forms_as_they_were_typed(sqlite):
    typed = {"shared_text_0": "send the deck", "shared_pursuit": "Halyard\nBorealis", "shared_changes": "demo together"}
    view = pbr_form.modal(pbr_room.a_form(pbr_room.a_desk()))
    async with sqlite.read() as session:
        submitted = await pbr_form.parse(
            session, pbr_room.sent_back(view, **typed), PbrState.load(view["private_metadata"])
        )
    said = submitted.said
    assert (said.promises[0].shared, said.shared_pursuit, said.shared_changes) == tuple(typed.values())
    again = pbr_form.modal(pbr_room.a_form(pbr_room.a_desk(said=said)))
    assert pbr_room.inputs(again)["shared_text_0"]["element"]["initial_value"] == "send the deck", "a draft keeps it"
