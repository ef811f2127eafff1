"""The screens of “Set up Cadence”: each step in words, with nothing there, one of each, and far too many of them."""

from datetime import date, time, timedelta

import pytest

from handlers.cadence import overview
from handlers.features import PAGES, RENDERERS
from handlers.first_run import forms, lists, messages, page, preview, slack
from handlers.first_run.ids import Action, CrmRef, Field, FormState, Row, Way
from handlers.first_run.page import SetUpPage
from handlers.home import page as home
from handlers.kit import blocks as b
from handlers.kit.doors import Door, SetUpRef
from handlers.kit.message import Message
from models.domain.errors import NotAllowed
from models.first_run import Asked, Facts, PartnerFact, PersonFact, ReviewFact, Room, Step
from tests import make
from tests.handlers import limits, test_cadence, test_home
from tests.handlers.limits import check_home, check_message, check_modal, words
from tests.make import NOW, POLICY

NAMES = ["plain", *make.HOSTILE]


def some(number, name="plain"):
    said = make.HOSTILE.get(name, "")
    rooms = [
        None, Room("C1", said or "partner-acme", seen=True), Room("C2", said or "team", seen=True, is_member=False),
        Room("C3", said or "joint", seen=True, is_shared=True), Room("C4", seen=True, absent=True, is_member=False),
        Room("p-acme", said or "", seen=False), Room("C5", said or "old", seen=True, is_archived=True),
    ]  # fmt: skip
    partners = tuple(
        PartnerFact(place, said or f"Partner {place}", 1 + place % 3 // 2, "MSP", 1, said or "Pat", rooms[place % 7],
                    date(2026, 3, 9) if place % 2 else None, "Thu 10:00" if place % 4 == 1 else "")
        for place in range(1, number + 1)
    )  # fmt: skip
    people = tuple(
        PersonFact(place, said or f"Person {place}", ("ae", "pm", "admin"), place % 2 == 0, said[:12] or "GB-ENG")
        for place in range(1, number + 1)
    )
    reviews = tuple(
        ReviewFact(said or f"Partner {place}", 3, time(10), 30, "Europe/London", NOW) for place in range(1, number + 1)
    )
    return Facts(
        deals=number, deal_partners=number, owned=True, crm_as_of=NOW if number else None, unmatched=number,
        partners=partners, people=people, reviews=reviews, leadership=rooms[number % 7],
    )  # fmt: skip


def prompts(number, name="plain"):
    said = make.HOSTILE.get(name, "")
    return tuple(
        Asked(place, said or f"Person {place}", "Europe/London", NOW, place % 2 == 0, place, place, (1,))
        for place in range(1, number + 1)
    )


def a_page(facts=None, *, all_=True, mine=None, asked=(), policy=POLICY):
    found = facts if facts is not None else Facts()
    own = frozenset(one.id for one in found.partners) if mine is None else frozenset(mine)
    return SetUpPage(found, policy, all_, own, tuple(asked))


def one_of_each(**more):
    """Acme with Pat, Ann and a channel: all but the review."""
    given = {
        "deals": 12, "deal_partners": 3, "crm_as_of": NOW,
        "partners": (PartnerFact(7, "Acme", 1, "", 1, "Pat", Room("C1", "partner-acme", seen=True)),),
        "people": (PersonFact(1, "Pat", ("pm",), reachable=True), PersonFact(2, "Ann", ("ae",), reachable=True)),
        "leadership": Room("leadership"), **more,
    }  # fmt: skip
    return Facts(**given)


def line(view, step):
    return next(block for block in view["blocks"] if block.get("block_id") == f"step:{step.name.lower()}")["text"][
        "text"
    ]


def button(view, step):
    block = next(block for block in view["blocks"] if block.get("block_id") == f"step:{step.name.lower()}")
    return block.get("accessory")


@pytest.mark.parametrize("number", [0, 1, 2, 7, 250])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("all_", [True, False])
def test_every_screen_is_one_that_slack_takes(number, name, all_):
    facts, asked = some(number, name), prompts(number, name)
    found = a_page(facts, all_=all_, asked=asked)
    check_modal(page.modal(found))
    for draw in (lists.partners, lists.people, lists.channels):
        for at in (0, 30, 240, 9999, -5):
            view = check_modal(draw(found, at))
            assert "None" not in " ".join(words(view))
    check_modal(lists.channels(found, 0, make.HOSTILE.get(name, "Could not invite Pat.")))


@pytest.mark.parametrize("number", [0, 1, 31, 250])
def test_a_long_list_is_turned_over_page_by_page_and_nobody_is_left_out(number):
    found, seen, at = a_page(some(number)), [], 0
    while True:
        view = lists.people(found, at)
        seen += [block["block_id"] for block in view["blocks"] if block.get("block_id", "").startswith("person:")]
        turns = {
            one["action_id"]: Row.load(one["value"]).at for one in limits.walk(view) if one.get("type") == "button"
        }
        if Action.TURN_ON not in turns:
            break
        at = turns[Action.TURN_ON]
    assert seen == [f"person:{place}" for place in range(1, number + 1)]
    assert (Action.TURN_BACK in turns) is (number > lists.PAGE)


def test_an_empty_workspace_is_led_to_its_first_partner():
    view = check_modal(page.modal(a_page()))
    assert limits.labels(view) == ["We have no CRM", "Partners…", "People…"]
    assert line(view, Step.FILE).startswith(":arrow_right: *1. The CRM's file*\nDrop the CRM's export (CSV)")
    assert line(view, Step.PARTNERS) == (
        ":white_circle: *2. Partners and tiers*\nNo partner yet. Begin with one, as Tier 1: one weekly review is enough to "
        "start."
    )
    assert button(view, Step.PARTNERS)["style"] == "primary"
    assert "style" not in button(view, Step.PEOPLE)
    assert line(view, Step.PEOPLE).endswith(
        "Nobody yet. Still missing: a partner manager and an AE. Nobody is head of partnerships yet."
    )
    assert [button(view, step) for step in (Step.CHANNELS, Step.REVIEW, Step.PREVIEW)] == [None, None, None]


def test_what_is_done_is_said_with_its_figures():
    view = page.modal(a_page(one_of_each()))
    assert view["blocks"][0]["text"]["text"].startswith("*4 of 6 done.*")
    assert (
        line(view, Step.FILE)
        == ":white_check_mark: *1. The CRM's file*\n12 open deals of 3 partners, CRM as of Mon 2 Mar, 08:00."
    )
    assert line(view, Step.PARTNERS).endswith("1 partner; it is Tier 1, of at most 6 for each partner manager.")
    assert line(view, Step.PEOPLE).endswith("2 people: 1 AE, 1 partner manager. Nobody is head of partnerships yet.")
    assert line(view, Step.CHANNELS).endswith("Acme: #partner-acme. Leadership: #leadership.")
    assert line(view, Step.REVIEW).startswith(":arrow_right: *5. Day and hour*\nNo weekly review runs yet.")
    assert SetUpRef.load(button(view, Step.REVIEW)["value"]) == SetUpRef(p=7, first_run=True)
    assert button(view, Step.REVIEW)["action_id"] == Door.SET_UP


def test_when_all_is_done_it_says_what_comes():
    review = ReviewFact("Acme", 3, time(10), 30, "Europe/London", NOW + timedelta(days=3, hours=2))
    asked = [Asked(2, "Ann", "America/New_York", NOW + timedelta(days=2, hours=7), False, 3, 3, (1,))]
    view = page.modal(a_page(one_of_each(reviews=(review,)), asked=asked))
    assert view["blocks"][0]["text"]["text"].startswith("*All six steps are done.* Cadence goes on by itself")
    assert line(view, Step.REVIEW).endswith(
        "Acme: Thursday 10:00, 30 minutes (Europe/London). The next one is Thu 5 Mar, 10:00."
    )
    assert line(view, Step.PREVIEW).endswith(
        "Scheduled: Ann is asked about 3 deals on Wed 4 Mar, 10:00 (America/New_York)."
    )
    nobody = page.modal(a_page(one_of_each(reviews=(review,))))
    assert nobody["blocks"][0]["text"]["text"].endswith(
        "Nobody is asked until there is an open deal of a partner under review."
    )


@pytest.mark.parametrize(
    ("more", "policy", "words_", "label"),
    [
        ({}, {}, "Drop the CRM's export (CSV) into your direct messages", "We have no CRM"),
        ({"without_crm": True}, {}, "You work without a CRM: deals are added here in Slack.", "We have a CRM"),
        ({"crm_stands": False}, {}, "None is needed: what people say in Slack is the truth here.", None),
        ({"crm_as_of": NOW}, {}, "No open deal, CRM as of Mon 2 Mar, 08:00.", None),
        (
            {"crm_as_of": NOW, "without_crm": True, "deals": 1, "deal_partners": 1},
            {},
            "1 open deal of 1 partner, CRM as of",
            None,
        ),
    ],
)
def test_the_file_is_one_of_several_answers(more, policy, words_, label):
    view = page.modal(a_page(Facts(**more)))
    assert words_ in line(view, Step.FILE)
    there = button(view, Step.FILE)
    assert (there["text"]["text"] if there else None) == label
    if label:
        assert CrmRef.load(there["value"]).without is (label == "We have no CRM")


@pytest.mark.parametrize(
    ("room", "words_"),
    [
        (None, "Acme: no internal channel yet. Leadership: no channel is set."),
        (
            Room("C1", "a", seen=True, is_member=False),
            ":warning: Cadence is not in #a yet. Type `/invite @Cadence` there.",
        ),
        (
            Room("C1", "a", seen=True, is_shared=True),
            ":warning: #a is shared with another company, so nothing internal is posted",
        ),
        (
            Room("C1", "a", seen=True, is_archived=True),
            ":warning: #a is archived. Unarchive it in Slack, or choose another.",
        ),
        (
            Room("C1", seen=True, is_member=False, absent=True),
            ":warning: Cadence cannot see the private channel that was chosen.",
        ),
    ],
)
def test_what_is_wrong_with_a_channel_is_said_with_what_mends_it(room, words_):
    acme = PartnerFact(7, "Acme", 1, "", 1, "Pat", room)
    found = a_page(one_of_each(partners=(acme,), leadership=None))
    assert words_ in line(page.modal(found), Step.CHANNELS)
    assert words_.split(". ")[0].split(": ", 1)[-1] in " ".join(words(lists.channels(found))).replace(
        "No internal", "no internal"
    )


def test_a_breach_of_the_ceiling_is_named_not_refused():
    partners = tuple(PartnerFact(place, f"P{place}", 1, "", 1, "Pat", None) for place in range(1, 8))
    found = a_page(one_of_each(partners=partners))
    words_ = ":warning: Pat: 7 Tier 1 partners for one partner manager; the ceiling is 6."
    assert words_ in line(page.modal(found), Step.PARTNERS)
    assert any(words_ in text for text in words(lists.partners(found)))


def test_owners_whom_nobody_knows_are_counted_and_have_a_door():
    view = lists.people(a_page(one_of_each(unmatched=3)))
    [named] = [one for one in limits.walk(view) if one.get("action_id") == Door.MATCH_OWNERS]
    assert named["value"] == "{}"
    assert ":warning: *3 owners in the CRM's file are nobody here yet.*" in " ".join(words(view))
    assert not any(
        one.get("action_id") == Door.MATCH_OWNERS for one in limits.walk(lists.people(a_page(one_of_each())))
    )


def test_a_partner_manager_sees_what_is_theirs_to_do():
    found = a_page(one_of_each(people=(PersonFact(1, "Ada", ("admin",), reachable=True),)), all_=False, mine=[7])
    view = page.modal(found)
    assert limits.labels(view) == ["Channels…", "Set up…"]
    assert (
        "You choose the channels of your partners and plan their reviews; Ada does the rest."
        in view["blocks"][0]["text"]["text"]
    )
    elsewhere = a_page(one_of_each(), all_=False, mine=[99])
    assert limits.labels(page.modal(elsewhere)) == []
    assert "No Tier 1 partner yet" in " ".join(words(lists.channels(elsewhere)))


async def test_who_has_nothing_to_do_here_hears_who_has(sqlite):
    async with sqlite.write() as session:
        await make.person(session, "Ada", "admin")
        bob = await make.person(session, "Bob", "ae")
        with pytest.raises(NotAllowed) as refused:
            await PAGES.set_up(session, bob, now=NOW, policy=POLICY)
        assert str(refused.value) == (
            "You cannot set up Cadence. The head of partnerships and admins can. Here that is Ada."
        )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("like", ["", "Acme is there already."])
def test_the_form_of_a_partner(name, like):
    said = make.HOSTILE.get(name, "")
    new = check_modal(forms.partner(forms.PartnerForm(POLICY, FormState(), like=said or like)))
    fields = [Field.NAME, *([Field.SURE] if said or like else []), Field.TIER, Field.MANAGER, Field.ARCHETYPE]
    assert limits.ids(new["blocks"]) == fields
    present = PartnerFact(7, said or "Acme", 2, "MSP", 1, "Pat", None)
    view = check_modal(forms.partner(forms.PartnerForm(POLICY, FormState(i=7), present, "U00001")))
    assert limits.ids(view["blocks"]) == [Field.TIER, Field.MANAGER, Field.ARCHETYPE]
    assert limits.block(view, Field.TIER)["element"]["initial_option"]["value"] == "2"
    assert limits.block(view, Field.MANAGER)["element"]["initial_user"] == "U00001"
    assert "4 to 6 for each partner manager" in limits.block(view, Field.TIER)["hint"]["text"]


@pytest.mark.parametrize("name", NAMES)
def test_the_form_of_a_person(name):
    ann = make.a_person(2, make.HOSTILE.get(name, "Ann"), "ae", "cro")
    ann.calendar = "GB-ENG"
    view = check_modal(forms.person(ann, FormState(i=2), POLICY))
    assert limits.ids(view["blocks"]) == [Field.ROLES, Field.HOLIDAYS]
    element = limits.block(view, Field.ROLES)["element"]
    assert [one["value"] for one in element["initial_options"]] == ["ae", "cro"]
    assert [one["value"] for one in element["options"]] == ["ae", "pm", "head", "cro", "cfo", "ceo", "admin"]
    new = check_modal(forms.person(None, FormState(), POLICY.model_copy(update={"holidays": "GB-ENG"})))
    assert limits.ids(new["blocks"]) == [Field.PERSON, Field.ROLES, Field.HOLIDAYS]
    assert "initial_options" not in limits.block(new, Field.ROLES)["element"]
    assert "Empty: the company's (GB-ENG)." in limits.block(new, Field.HOLIDAYS)["hint"]["text"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("room", [None, Room("C1", "partner-acme"), Room("p-acme"), Room("C1", "x" * 300)])
def test_the_form_of_a_channel_shows_the_fields_of_one_way(name, room):
    said = make.HOSTILE.get(name, "Acme")
    use = check_modal(forms.channel(said, room, FormState(i=7)))
    assert limits.ids(use["blocks"]) == [Field.WAY, Field.CHANNEL]
    element = limits.block(use, Field.CHANNEL)["element"]
    assert element["filter"] == {"include": ["public", "private"], "exclude_external_shared_channels": True}
    assert element.get("initial_conversation") == ("C1" if room is not None and room.ref == "C1" else None)
    new = check_modal(forms.channel(said, room, FormState(i=7, way=Way.CREATE)))
    assert limits.ids(new["blocks"]) == [Field.WAY, Field.NAME, Field.PRIVACY]
    assert slack.why_no_name(limits.block(new, Field.NAME)["element"]["initial_value"]) == ""


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("Acme", "partner-acme"), ("Acme GmbH & Co. KG", "partner-acme-gmbh-co-kg"), ("Ünïted_Systems", "partner-united-systems"),
        ("株式会社", "partner-株式会社"), ("!!!", "partner"), ("x" * 90, "partner-" + "x" * 72),
    ],
)  # fmt: skip
def test_the_name_that_is_suggested_is_one_that_slack_takes(name, channel):
    assert forms.suggestion(name) == channel
    assert slack.why_no_name(channel) == ""


@pytest.mark.parametrize("name", ["", "Partner", "a b", "a.b", "-_-", "x" * 81, "#a"])
def test_a_name_that_slack_would_refuse_is_refused_before_it_is_asked(name):
    assert slack.why_no_name(name)


def submitted(view, **given):
    values = {
        block["block_id"]: {b.VALUE: given.get(block["block_id"], {})}
        for block in view["blocks"]
        if block["type"] == "input"
    }
    return {"state": {"values": values}, "private_metadata": view["private_metadata"]}


def test_what_was_submitted_is_read_and_what_is_not_offered_is_not_believed():
    view = forms.partner(forms.PartnerForm(POLICY, FormState(), like="x"))
    said = forms.parse_partner(submitted(
        view, name={"value": "Acme"}, tier={"selected_option": {"value": "2"}}, manager={"selected_user": "U1"},
        sure={"selected_options": [{"value": "yes"}]},
    ))  # fmt: skip
    assert said == forms.PartnerSaid("Acme", 2, "", "U1", sure=True)
    assert forms.parse_partner(submitted(view)) == forms.PartnerSaid("", 0, "", "", sure=False)
    ticked = {"selected_options": [{"value": "king"}, {"value": "pm"}, {"value": "ae"}]}
    view = forms.person(None, FormState(), POLICY)
    assert forms.parse_person(submitted(view, roles=ticked)).roles == ("ae", "pm")
    view = forms.channel("Acme", None, FormState(i=7))
    said = forms.parse_channel(submitted(view, channel={"selected_conversation": "C1"}))
    assert said == forms.ChannelSaid(Way.USE, "C1", "", private=True)
    view = forms.channel("Acme", None, FormState(i=7, way=Way.CREATE))
    said = forms.parse_channel(submitted(
        view, way={"selected_option": {"value": "create"}}, name={"value": " #team "},
        privacy={"selected_option": {"value": "public"}},
    ))  # fmt: skip
    assert said == forms.ChannelSaid(Way.CREATE, "", "team", private=False)


def card(number=3):
    made = [b.header("Your deals"), b.actions(b.button("Review my deals (3)", Door.REVIEW_MY_DEALS, "{}"))]
    for place in range(number):
        made += [
            b.section(f"*Deal {place}*"),
            b.actions(b.button("No change: `x`", "a", "{}"), b.button("Answer…", "b", "{}")),
        ]
    return Message("Your deals", tuple(made[:50]))


@pytest.mark.parametrize("number", [1, 2, 250])
@pytest.mark.parametrize("name", NAMES)
def test_the_preview_shows_the_card_with_nothing_to_press(number, name):
    asked = prompts(number, name)
    view = check_modal(preview.modal(asked, asked[0], card(30)))
    assert limits.labels(view) == []
    assert (view["blocks"][0].get("accessory") is not None) is (number > 1)
    assert any("`[ Review my deals (3) ]`" in text for text in words(view))


def test_without_anything_to_ask_the_preview_says_why():
    for given in (((), None, None), (prompts(1), prompts(1)[0], None)):
        assert "Nobody would be asked yet." in " ".join(words(check_modal(preview.modal(*given))))
    out = page.when_words(prompts(2)[1])
    assert out == "Sent: Person 2 has been asked about 2 deals."


async def test_the_welcome_is_one_message_with_one_button(sqlite):
    message = check_message(messages.welcome_message())
    assert limits.labels(message.blocks) == ["Set up Cadence"]
    assert message.text.startswith("*Cadence is installed, and you are its first admin.*")
    async with sqlite.write() as session:
        ada = await make.person(session, "Ada", "admin")
        render = RENDERERS["welcome"]
        assert await render(session, {"person_id": ada.id}, now=NOW, policy=POLICY) == message
        assert await render(session, {"person_id": 99}, now=NOW, policy=POLICY) is None


async def test_the_preview_of_the_real_card_is_the_card(sqlite):
    async with sqlite.write() as session:
        small = await make.small(session)
        found = await PAGES.prompt(session, small.ann.id, [small.week.id], now=NOW, policy=POLICY)
        assert "Your deals for the next review" in found.text
        assert await PAGES.prompt(session, small.head.id, [small.week.id], now=NOW, policy=POLICY) is None


def test_the_home_tab_begins_with_what_is_left_to_set_up():
    blocks = check_home(home.blocks(test_home.a_page(set_up=one_of_each()), NOW, POLICY))
    assert blocks[0]["text"]["text"] == "*Set up Cadence: 4 of 6 done*"
    assert blocks[0]["accessory"]["action_id"] == Door.FIRST_RUN
    assert "Set up Cadence" not in " ".join(words(home.blocks(test_home.a_page(), NOW, POLICY)))


@pytest.mark.parametrize("name", NAMES)
def test_the_overview_says_where_to_go_on_or_who_is_at_it(name):
    said = make.HOSTILE.get(name, "Ada")
    people = (PersonFact(1, said, ("admin",), reachable=True),)
    for actor, there in ((make.a_person(1, "Ada", "admin"), True), (make.a_person(1, "Ann", "ae"), False)):
        shown = test_cadence.a_page(actor=actor, set_up=one_of_each(people=people))
        view = check_modal(overview.modal(shown))
        assert ("Set up Cadence" in limits.labels(view)) is there
        text = " ".join(words(view["blocks"][0]))
        assert ("*Set up Cadence: 3 of 6 done*" in text) if there else ("setting Cadence up: 3 of 6 done." in text)
    nobody = test_cadence.a_page(actor=make.a_person(1, "Ann", "ae"), set_up=Facts())
    assert "setting Cadence up" not in " ".join(words(check_modal(overview.modal(nobody))))
