"""The desk card and the page of a joint channel: empty, full, hostile, within Slack's limits, each thing with its buttons."""

from datetime import date, datetime, timedelta

import pytest

from handlers.checkin import card as checkin_card
from handlers.events import replies as events
from handlers.joint import card, forms, opening, page, preview, sections
from handlers.joint.ids import Action, Field
from models.boundary import Guest, Held, Lost, Offer, Opened
from models.domain.errors import FieldErrors
from models.domain.policy import Policy
from models.domain.replies import Understood
from models.domain.shared import SharedCheckIn, SharedDeal
from models.domain.zones import zone
from models.joint.answers import Said
from models.joint.approving import Place
from models.joint.counterparts import People
from models.joint.page import Happening, JointPage
from models.joint.replies import Proposed
from models.joint.waiting import Asking, Decided, Desk, FirstPost, ToCopy
from models.shared.copying import Copyable
from models.tables import Card, Counterpart, JointAnswer, JointDeal, ReplyProposal
from tests import make
from tests.handlers.limits import check_message, check_modal, labels, words
from tests.make import HOSTILE, NOW

LONDON = zone("Europe/London")
PAT, CORA = make.a_person(1, "Pat Manager", "pm"), make.a_person(2, "Cora Counterpart", side="theirs")
BOOK = make.a_book(PAT, CORA)
PLACE = Place("joint-acme", "joint-acme", seen=True, connected=("T2",))


def a_counterpart(number=1, text="", *, state="proposed", team="T2"):
    return Counterpart(
        id=number, partner_id=1, slack_id=f"U{number:05d}", slack_team_id=team, name=text or f"Cora {number}", state=state,
        how="clicked", proposed_at=NOW, decided_by_id=1, person_id=2,
    )  # fmt: skip


def a_reply(number=1, text="", *, deals=1, understood=None, whole=True):
    refs = {ref: text or f"Account {ref}" for ref in range(1, deals + 1)}
    row = ReplyProposal(
        id=number, partner_id=1, counterpart_id=1, channel_id="C1", message_ts=f"{number}.1", words=text or "Carl will call",
        joint_deal_id=1 if deals == 1 else None, candidates=list(refs), state="open", at=NOW,
    )  # fmt: skip
    told = (
        understood
        if understood is not None
        else Understood("Discovery", text or "call", "Carl", date(2026, 3, 12), text)
    )
    said = {ref: Said(action="call") for ref in refs} if whole else {}
    return Proposed(row, make.a_partner(1, text or "Acme"), a_counterpart(1, text), refs, told, said)


def a_held(number=1, text="", offers=tuple(Offer)):
    return Held(
        number, text or "Weekly note of Acme, 5 Mar", "#p-acme", text or "#p-acme is shared.", offers, NOW, below=2
    )


def a_desk(number=0, text="", **more):
    partner = make.a_partner(1, text or "Acme")
    each = range(1, number + 1)
    return Desk(PAT, **{
        "people": tuple(Asking(a_counterpart(n, text), partner, PLACE) for n in each),
        "first": tuple(FirstPost(partner, PLACE, again=n % 2 == 0) for n in each),
        "replies": tuple(a_reply(n, text, deals=n % 3 + 1) for n in each),
        "copies": tuple(ToCopy(partner, make.a_week(), date(2026, 3, 5), (Copyable(1, text or "Note", "x"),)) for n in each),
        "held": tuple(a_held(n, text) for n in each),
        "guests": tuple(Guest(f"C{n}", f"U{n:05d}", text or "Gus Guest", NOW, "#p-acme") for n in each),
        "lost": tuple(Lost(n, text or "Acme", "#joint-acme", text or "It is archived.", NOW) for n in each),
        "opened": tuple(Opened(n, text or "Acme", "#p-acme", pending=n % 2 == 0) for n in each),
        "decided": tuple(Decided(NOW + timedelta(minutes=n), "confirmed", text or "Cora", "Acme", "Pat") for n in each),
        **more,
    })  # fmt: skip


@pytest.mark.parametrize("number", [0, 1, 2, 5, 40])
@pytest.mark.parametrize("text", ["", *HOSTILE.values()], ids=["plain", *HOSTILE])
def test_the_card_and_its_window_fit_whatever_waits_and_whatever_it_is_called(number, text):
    found = a_desk(number, text)
    check_message(card.message(found))
    check_modal(card.window(found))
    check_message(card.moved_on(found, Card(id=2, day=date(2026, 3, 4), created_at=NOW + timedelta(days=1))))


def test_every_kind_of_thing_is_on_a_full_card_and_what_has_no_room_is_counted_and_reached():
    found = a_desk(40)
    made = card.message(found)
    text = "\n".join(words(made.blocks))
    for title in ("Held messages", "Replies from partners", "People who want to speak", "First posts", "Guests",
                  "that are gone", "without a joint channel"):  # fmt: skip
        assert title in text
    assert labels(made.blocks)[-2:] == ["Show everything…", "Joint channels…"]
    assert "more things that wait" in text


def test_nothing_left_says_so_and_keeps_what_was_decided():
    made = card.message(a_desk(decided=(Decided(NOW, "confirmed", "Cora", "Acme", "Pat Manager"),)))
    text = "\n".join(words(made.blocks))
    assert "All decided, thank you" in text
    assert "Cora speaks for Acme (Pat Manager)" in text
    assert labels(made.blocks) == []


def test_each_decision_has_words():
    for what in ("confirmed", "declined", "revoked", "reply", "dropped", "approved", "withdrawn", "safe", "moved", "posted",
                 "held_dropped", "allowed"):  # fmt: skip
        line = card.decided_line(Decided(NOW, what, "Cora", "Acme", "Pat"))
        assert line.endswith("(Pat)")
        assert "{" not in line


def test_somebody_is_shown_with_their_workspace_and_what_speaks_against_them():
    acme = make.a_partner()

    def said(**more):
        return "\n".join(
            words(sections.person(Asking(**{"row": a_counterpart(), "partner": acme, "place": PLACE} | more)))
        )

    assert "`T2`, connected to #joint-acme" in said()
    assert "`T2`, as Carl, who was confirmed" in said(like="Carl")
    assert ":warning: which is another one" in said(unlike=True)
    assert ":warning: which is not connected" in said(row=a_counterpart(team="T9"))
    assert "not known yet" in said(row=a_counterpart(team=""))
    assert labels(sections.person(Asking(a_counterpart(), acme))) == ["Confirm", "Not theirs"]


def test_a_reply_says_whose_words_they_are_which_deal_and_what_was_understood():
    made = sections.reply(a_reply())
    text = "\n".join(words(made))
    assert "*Cora 1* (Acme) wrote below the check-in:\n> Carl will call" in text
    assert "Understood for *Account 1*: stage Discovery · next: call · by Carl · due Thu 12 Mar" in text
    assert labels(made) == ["Confirm", "Edit…", "Drop"]


def test_a_reply_that_could_mean_several_deals_has_a_button_for_each():
    made = sections.reply(a_reply(deals=3))
    assert labels(made) == ["It is Account 1", "It is Account 2", "It is Account 3", "Edit…", "Drop"]
    ids = [one["action_id"] for one in made[-1]["elements"]]
    assert len(set(ids)) == len(ids)


def test_what_is_no_whole_answer_is_edited_or_dropped_only():
    assert labels(sections.reply(a_reply(whole=False))) == ["Edit…", "Drop"]
    made = sections.reply(a_reply(deals=0))
    assert labels(made) == ["Drop"]
    assert "None of the deals it could mean is joint any more" in "\n".join(words(made))
    nothing = a_reply(understood=Understood(), whole=False)
    assert "nothing. Press Edit…" in "\n".join(words(sections.reply(nothing)))


def test_a_held_message_shows_what_where_and_why_and_only_what_can_be_done():
    made = sections.held(a_held(offers=(Offer.MOVE, Offer.DROP)))
    text = words(made)[0]
    assert text == f"*Weekly note of Acme, 5 Mar*, with 2 messages below it: #p-acme is shared.\n{sections.WAITS}"
    assert labels(made) == ["Move to another channel…", "Drop"]
    free = sections.held(a_held())
    assert words(free)[0].endswith(sections.FREE)
    assert labels(free) == [
        "Post it now",
        "Send the partner-safe version",
        "Move to another channel…",
        "Drop",
    ]


def test_a_preview_shows_who_reads_it_and_is_posted_only_where_that_is_known():
    deal = SharedDeal(ref=1, account="Globex", amount=1_000_000, currency="USD")
    post = checkin_card.blocks(
        SharedCheckIn(partner="Acme", day=date(2026, 3, 5), time="10:00 London time", deals=(deal,))
    )
    invited = Place("joint-acme", "joint-acme", seen=True, connected=("T2",), pending=("T3",))
    made = check_modal(preview.modal("Acme", 1, "joint-acme", invited, post, under="", known={"T2": "Cora"}))
    text = "\n".join(words(made["blocks"]))
    assert "`T2`, connected (that of Cora)" in text
    assert "`T3`, invited and not there yet (nobody of it is confirmed yet)" in text
    assert "*Globex* · USD 10,000" in text
    assert made["submit"]["text"] == "Post it here"
    assert labels(made["blocks"]) == []
    for place in (
        Place("joint-acme"),
        Place("j", "j", seen=True, is_member=False),
        Place("j", "j", seen=True, gone=True),
    ):
        assert "submit" not in preview.modal("Acme", 1, "j", place, post, under="")
    assert "submit" not in preview.modal("Acme", 1, "j", PLACE, None, under="")


def a_page(number=0, text="", **more):
    each = range(1, number + 1)
    acme = make.a_partner(1, text or "Acme", joint_channel="joint-acme", joint_approved_by_id=1)
    views = tuple(make.a_view(n, words=text, of=acme) for n in each)
    marks = tuple(JointDeal(id=n, deal_id=n, partner_id=1, amount_shared=n % 2 == 0, valid_from=NOW) for n in each)
    said = {n: JointAnswer(id=n, joint_deal_id=n, at=NOW, by_id=None, said_by=text or "Cora", recorded_by_id=1, source="reported",
                           stage="", action=text or "call", owner="", due=None, ask="", changed={}) for n in each}  # fmt: skip
    return JointPage(**{
        "partner": acme, "place": PLACE, "approved": True, "deals": tuple(zip(marks, views, strict=True)), "candidates": views,
        "said": said, "words": {text[:70] or f"Stage {n}": text[:70] or f"Word {n}" for n in each},
        "people": People(
            tuple(a_counterpart(n, text, state="confirmed") for n in each), tuple(a_counterpart(100 + n, text) for n in each),
            tuple(a_counterpart(200 + n, text, state="declined") for n in each),
            tuple(make.a_person(n + 10, text or f"Contact {n}", side="theirs") for n in each),
        ),
        "owners": tuple(text or f"Owner {n}" for n in each), "history": tuple(Happening(NOW, "joint", text or "Globex", 1) for n in each[:12]), "book": BOOK, **more,
    })  # fmt: skip


@pytest.mark.parametrize("number", [0, 1, 3, 120])
@pytest.mark.parametrize("text", ["", *HOSTILE.values()], ids=["plain", *HOSTILE])
def test_the_page_and_its_forms_fit_whatever_a_partner_has(number, text):
    found = a_page(number, text)
    check_modal(page.modal(found, LONDON))
    check_modal(page.modal(a_page(number, text, place=None, approved=False), LONDON))
    check_modal(page.listed([make.a_partner(n, text or f"P{n}") for n in range(number)]))
    check_modal(forms.stages_form(found, [text[:300] or f"Stage {n}" for n in range(number)], under="page"))
    check_modal(forms.name_person(found, under="page"))
    check_modal(forms.choose_channel(found, under="page"))
    check_modal(forms.copy(text or "Acme", [(text or "Check-in", "x" * 2900)] * min(number, 9)))
    check_modal(forms.move(a_held(1, text), under=""))
    if number:
        check_modal(forms.choose_deals(found, under="page"))
        check_modal(forms.edit_reply(a_reply(1, text, deals=number), ["Discovery"], under=""))
        accounts = {n: text or f"Account {n}" for n in range(1, number + 1)}
        check_modal(forms.write_down(text or "Acme", 1, accounts, ["Cora"], ["Discovery"], under=""))


def test_the_page_says_who_reads_the_channel_who_approved_it_and_who_said_what():
    text = "\n".join(words(page.modal(a_page(1), LONDON)["blocks"]))
    assert "*#joint-acme* · read by the workspace `T2` (that of Cora 1)" in text
    assert "Pat Manager looked at the first post" in text
    assert "Cora, Mon 2 Mar, written down by Pat Manager: next: call" in text
    assert "workspace `T2` · confirmed by Pat Manager" in text
    unseen = "\n".join(words(page.modal(a_page(1, approved=False), LONDON)["blocks"]))
    assert "Nothing is posted there yet" in unseen


def test_words_for_stages_stand_in_the_order_of_our_stages_and_may_be_given_to_those_that_end_a_deal():
    agreed = {"Closed Won": "Won together", "Of the CRM": "Theirs", "Qualification": "First meetings"}
    text = "\n".join(words(page.modal(a_page(words=agreed), LONDON)["blocks"]))
    assert "Qualification → First meetings · Closed Won → Won together · Of the CRM → Theirs" in text
    offered = opening.stages_to_name(["Of the CRM", "Qualification"], Policy())
    assert offered == ["Qualification", "Closed Won", "Closed Lost", "Of the CRM"]


def test_the_history_says_who_was_named_and_a_form_that_sets_ten_words_is_one_line():
    happened = (*(Happening(NOW, "stage", "", 1) for _ in range(10)), Happening(NOW, "proposed", "Cora", 1),
                Happening(NOW, "proposed", "Carl", None))  # fmt: skip
    text = "\n".join(words(page.modal(a_page(history=happened), LONDON)["blocks"]))
    assert "Mon 2 Mar: a stage got another word · Pat Manager (10 times)" in text
    assert text.count("a stage got another word") == 1
    assert "Cora was named · Pat Manager" in text
    assert "Carl wants to speak for them" in text


def submitted(view, **values):
    """A form as Slack sends it back, its blocks in it."""
    state = {}
    for block in (one for one in view["blocks"] if one["type"] == "input"):
        given = values.get(block["block_id"])
        if isinstance(given, list):
            given = {"selected_options": [{"value": one} for one in given]}
        state[block["block_id"]] = {"value": given if isinstance(given, dict) else {"value": given}}
    return {**view, "state": {"values": state}}


def test_only_what_this_form_ticked_or_unticked_is_meant_to_change():
    view = forms.choose_deals(a_page(3), under="")
    assert forms.chosen_deals(submitted(view, deals=["1", "2", "3"]), Field.DEALS) == (frozenset(), frozenset())
    assert forms.chosen_deals(submitted(view, deals=["2"]), Field.DEALS) == (frozenset(), frozenset({1, 3}))
    assert forms.chosen_deals(submitted(view, amounts=["1", "2"]), Field.AMOUNTS) == (frozenset({1}), frozenset())


def test_what_they_said_has_to_say_something_and_who():
    view = forms.write_down("Acme", 1, {7: "Globex"}, [], ["Discovery"], under="")
    with pytest.raises(FieldErrors, match="at least one thing"):
        forms.parse_said(submitted(view, deal={"selected_option": {"value": "7"}}))
    chosen = {"deal": {"selected_option": {"value": "7"}}, "stage": {"selected_option": {"value": "word:Discovery"}}}
    assert forms.parse_said(submitted(view, **chosen)) == (7, Understood(stage="Discovery"))
    with pytest.raises(FieldErrors, match="Name who said it"):
        forms.said_by(submitted(view, said_by=" "))


def event(**more):
    return {"type": "message", "channel_type": "channel", "channel": "C1", "user": "U1", "ts": "2.0", "thread_ts": "1.0",
            "text": "hi", "user_team": "T2", **more}  # fmt: skip


def test_of_a_channels_messages_only_replies_are_looked_at():
    assert events.read(event()).reply.words == "hi"
    for other in (
        event(thread_ts=None), event(thread_ts="2.0"), event(bot_id="B1"), event(subtype="channel_join"), event(user=None),
        event(channel=None), event(subtype="message_changed", message={"text": "no thread", "ts": "2.0", "user": "U1"}),
    ):  # fmt: skip
        assert events.read(other) is None


def test_an_edit_and_a_deletion_are_read_of_the_message_they_are_about():
    inner = {"user": "U1", "ts": "2.0", "thread_ts": "1.0", "text": "new words"}
    changed = events.read({"type": "message", "subtype": "message_changed", "channel": "C1", "message": inner})
    assert (changed.what, changed.reply.words, changed.reply.team_id) == ("changed", "new words", "")
    gone = events.read({"type": "message", "subtype": "message_deleted", "channel": "C1", "previous_message": inner})
    assert (gone.what, gone.reply.words, gone.reply.ts) == ("deleted", "", "2.0")


def test_ids_of_actions_are_told_apart():
    assert len({str(one) for one in Action}) == len(list(Action))
    assert isinstance(NOW, datetime)
