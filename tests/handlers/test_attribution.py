"""The list, the form and the receipts of attribution, and the touch form: at Slack's limits, with hostile words."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from handlers.attribution import form, touch, words
from handlers.attribution.form import FormPage, Typed
from handlers.attribution.ids import FormState, TouchState
from handlers.attribution.touch import TouchPage
from handlers.deal_review import card as deal_card
from handlers.home import page as home_page
from handlers.notes.render import weekly_text
from models.attribution import Choice, Claim, Desk, Done, Given, Ground, Item, Signature, Waiting
from models.domain.attribution import Side
from models.domain.deals import Attribution
from models.domain.errors import Conflict
from models.domain.forecast.facts import AttributionState, Terms
from models.domain.notes import WeeklyFacts
from models.domain.rights import Subject
from models.domain.zones import zone
from models.notes import deal_fact
from models.tables import AttributionClaim, Touch
from tests import make
from tests.handlers import limits
from tests.handlers.limits import check_modal
from tests.handlers.test_home import a_page

LONDON = zone("Europe/London")
NOW, TODAY = make.NOW, make.TODAY
ANN, PAT = make.a_person(1, "Ann Seller"), make.a_person(2, "Pat Manager")
BOOK = make.a_book(ANN, PAT)
BANDS = {"commit": (), "best_case": (), "pipeline": ()}


def a_claim(
    number=1,
    kind="sourced",
    sides=(Side.AE,),
    *,
    reason="",
    in_force=False,
    replaced=False,
    at=NOW,
    partner=1,
    late=False,
):
    row = AttributionClaim(id=number, deal_id=1, kind=kind, reason=reason, opened_at=at, opened_by_id=1, late=late,
                           partner_id=partner, due=TODAY + timedelta(days=14), in_force_at=at if in_force else None,
                           replaced_at=at if replaced else None)  # fmt: skip
    return Claim(row, tuple(Signature(side, 1 if side is Side.AE else 2, None, at) for side in sides))


def both(number=1, kind="sourced", **more):
    return a_claim(number, kind, (Side.AE, Side.PM), in_force=True, **more)


def a_touch(number=1, said="a demo"):
    return Touch(id=number, deal_id=1, partner_id=1, day=TODAY, said=said, source="form", at=NOW, by_id=1)


def a_desk(*claims, said="", touches=(), crm="", state="", terms=None, created=TODAY):
    view = make.a_view(1, words=said, of=make.a_partner(1, said or "Acme"), attribution=crm, created_date=created)
    standing = next((claim for claim in claims if claim.live and claim.row.in_force_at), None) or next(
        (claim for claim in claims if claim.live), None
    )
    view.deal.attribution = standing.kind.value if standing else ""
    view.deal.attribution_state = state or (
        "" if standing is None else "signed" if not standing.missing else "one_sided"
    )
    view.deal.touched_on = TODAY if touches else None
    subject = Subject(owner_id=1, pm_id=2, owner_name="Ann Seller", pm_name="Pat Manager")
    ground = Ground(terms or Terms(), TODAY, TODAY, "Europe/London")
    return Desk(view.deal, view.version, view.partner, claims, tuple(touches), subject, {1: ANN, 2: PAT}, ground)


def a_form(desk=None, *, kind=None, may_sign=True, **more):
    desk = desk or a_desk()
    state = form.begin(desk)
    state = state if kind is None else state.model_copy(update={"kind": kind})
    return form.modal(FormPage(desk, BOOK, LONDON, may_sign, state, **more))


def inputs(view):
    return [held["block_id"].split(":")[0] for held in view["blocks"] if held["type"] == "input"]


def an_item(number=1, *, said="", **more):
    return Item(**{
        "deal_id": number, "name": said or f"Deal {number}", "partner": said or "Acme", "amount": 100, "currency": "USD",
        "kind": Attribution.SOURCED, "claim_id": number if number % 2 else 0, "by_id": 1, "reason": said, "changes": None,
        "days_left": 5, "due": TODAY + timedelta(days=5), "legacy": False, **more,
    })  # fmt: skip


# The form.


def test_each_kind_stands_with_its_written_definition_beside_it():
    block = limits.block(check_modal(a_form()), "kind")
    assert [(one["text"]["text"], one["description"]["text"]) for one in block["element"]["options"]] == [
        ("Sourced", "The partner brought the lead."),
        ("Influenced", "The partner touched an existing opportunity in a measurable way."),
        ("Co-sold", "Partner and AE worked the deal jointly in a defined motion."),
    ]
    assert "initial_option" not in block["element"]


def test_a_definition_too_long_for_a_choice_stands_in_full_below_it():
    terms = Terms(sourced="x" * 200)
    view = check_modal(a_form(a_desk(a_claim(), terms=terms)))
    assert "x" * 200 in str(view["blocks"])
    chosen = limits.block(view, "kind")["element"]
    assert chosen["initial_option"] == chosen["options"][0], "Slack wants the two alike"


@pytest.mark.parametrize(
    ("desk", "kind", "fields"),
    [
        (a_desk(), None, ["kind"]),
        (a_desk(), "sourced", ["kind"]),
        (a_desk(), "influenced", ["kind", "touch_day", "touch_said"]),
        (a_desk(touches=[a_touch()]), "co_sold", ["kind"]),
        (a_desk(both()), "sourced", ["kind"]),
        (a_desk(both()), "influenced", ["kind", "touch_day", "touch_said", "reason"]),
        (a_desk(both(), touches=[a_touch()]), "co_sold", ["kind", "reason"]),
        (a_desk(both(), a_claim(2, "co_sold", reason="x"), touches=[a_touch()]), None, ["kind"]),
    ],
)
def test_the_form_asks_for_a_touch_and_a_reason_only_where_the_choice_needs_them(desk, kind, fields):
    assert inputs(check_modal(a_form(desk, kind=kind))) == fields


def test_who_may_not_sign_reads_definitions_names_and_history_and_may_record_a_touch():
    view = check_modal(a_form(a_desk(both(), touches=[a_touch()]), may_sign=False))
    assert (inputs(view), "submit" in view, limits.labels(view)) == ([], False, ["Record a touch…"])
    text = "\n".join(limits.mrkdwn(view["blocks"]))
    assert "*Co-sold*: Partner and AE worked the deal jointly" in text
    assert "Ann Seller (AE) signed Mon 2 Mar, 08:00" in text
    assert "Touch 2 Mar 2026: a demo (recorded by Ann Seller)" in text


@pytest.mark.parametrize(
    ("desk", "expected"),
    [
        (a_desk(), "*not known* · not signed yet · both signatures are due by 16 Mar 2026 (in 14 days)"),
        (a_desk(crm="sourced"), "*sourced* (the CRM's column; nobody has signed it) · not signed yet"),
        (a_desk(crm="influenced"), "no touch recorded · the clock begins with the first touch"),
        (a_desk(a_claim()), "*sourced* · one signature · both signatures are due by 16 Mar 2026"),
        (a_desk(both()), "*sourced* · signed in time · both signatures were due by 16 Mar 2026"),
        (a_desk(both(), state="late"), ":warning: *sourced* · signed late"),
        (a_desk(created=date(2026, 1, 1)), "legacy · created before Cadence came"),
    ],
)
def test_where_the_deal_stands_is_said_in_a_line(desk, expected):
    assert expected in words.standing(desk)


def test_days_left_read_as_a_person_would_say_them():
    for days, said in (
        (0, "(today)"),
        (1, "(tomorrow)"),
        (2, "(in 2 days)"),
        (-1, "(yesterday)"),
        (-3, "(3 days ago)"),
    ):
        desk = a_desk(created=TODAY + timedelta(days=days - 14))
        desk = Desk(**{**vars(desk), "ground": Ground(Terms(), None, TODAY, "Europe/London")})
        assert said in words.standing(desk), days


def test_a_change_that_waits_shows_its_reason_and_that_the_old_kind_stays():
    text = words.names(a_desk(both(), a_claim(2, "co_sold", reason="joint demo"), touches=[a_touch()]), BOOK, LONDON)
    assert "A change to *co-sold* waits: “joint demo”. Until both have signed it, sourced stays." in text
    assert "Pat Manager (partner manager) has to sign." in text


def test_the_history_says_what_came_of_each_claim():
    desk = a_desk(
        a_claim(1, "influenced", replaced=True), both(2, replaced=True), both(3, "co_sold", reason="why", late=True)
    )
    lines = words.history(desk, BOOK, LONDON)
    assert lines[0].endswith("“why” · in force, signed late")
    assert "in force until Mon 2 Mar, 08:00" in lines[1]
    assert "never in force, until Mon 2 Mar, 08:00" in lines[2]


def test_what_is_about_a_partner_whom_the_deal_has_left_names_them_and_counts_no_more():
    gone = a_touch()
    gone.partner_id = 9
    desk = replace(a_desk(both(1, partner=9), touches=[gone], crm="influenced"), partners={9: "Left & Co"})
    desk.deal.attribution, desk.deal.attribution_state, desk.deal.touched_on = "", "", None
    lines = words.history(desk, BOOK, LONDON)
    assert lines[0].startswith("Left &amp; Co: sourced, signed by Ann Seller and Pat Manager")
    assert lines[0].endswith("· does not count: the deal is with Acme now")
    assert lines[1].startswith("Left &amp; Co: Touch 2 Mar 2026")
    assert "*influenced* (the CRM's column; nobody has signed it)" in words.standing(desk)
    assert words.names(desk, BOOK, LONDON).count("has to sign.") == 2


def test_a_form_whose_deal_went_to_another_partner_says_so():
    conflicts = (Conflict("partner", "a deal of Left", "a deal of Acme, and nobody had signed", "sourced", ""),)
    text = "\n".join(limits.mrkdwn(check_modal(a_form(conflicts=conflicts))["blocks"]))
    assert "*The deal went to another partner while your form was open." in text
    assert "it was: a deal of Left" in text


@pytest.mark.parametrize("said", make.HOSTILE.values(), ids=make.HOSTILE)
def test_hostile_words_stay_words_in_form_list_receipt_and_touch(said):
    claims = [a_claim(n, "influenced", reason=said, replaced=True) for n in range(1, 30)]
    desk = a_desk(*claims, both(40), a_claim(41, "co_sold", reason=said), said=said, touches=[a_touch(n, said) for n in range(30)],
                  terms=Terms(sourced=said or "x", influenced=said or "x", co_sold=said or "x"))  # fmt: skip
    conflicts = (Conflict("kind", said, said, said, said),)
    for kind in ("sourced", "influenced"):
        check_modal(a_form(desk, kind=kind, conflicts=conflicts, typed=Typed(kind, said, Given(TODAY, said))))
    check_modal(a_form(desk, may_sign=False))
    done = Done(1, said, Attribution.SOURCED, AttributionState.ONE_SIDED, in_force=False, waits_for=said)
    items = tuple(an_item(n, said=said, changes=Attribution.CO_SOLD) for n in range(1, 51))
    check_modal(form.list_modal(Waiting(items, 999), BOOK, desk.ground.terms, lead=form.receipt(done)))
    check_modal(touch.receipt(desk, may_sign=True))
    check_modal(touch.modal(TouchPage(TouchState(d=1), Given(TODAY, said[:500]), desk=desk)))
    choice = Choice(1, said or "x", said or "x")
    check_modal(
        touch.modal(TouchPage(TouchState(channel="C1", ts="1.1"), Given(TODAY, touch.plain(said, {})), first=choice))
    )
    assert all(len(one["text"]["text"]) <= 75 for one in touch.options([choice])["options"])
    check_modal(form.done_modal(done, listed=False))


def test_a_form_that_was_overtaken_shows_both_values_and_keeps_what_was_typed():
    desk = a_desk(both())
    conflicts = (Conflict("kind", "nobody had signed", "sourced, signed by Ann Seller", "co-sold", "Ann Seller"),)
    typed = Typed("co_sold", "we sold it together", Given(TODAY, "joint demo"))
    view = check_modal(a_form(desk, kind="co_sold", conflicts=conflicts, typed=typed))
    text = limits.mrkdwn(view["blocks"])[0]
    assert "it was: nobody had signed" in text
    assert "it is: sourced, signed by Ann Seller" in text
    assert "you chose: *co-sold*" in text
    assert limits.block(view, "reason")["element"]["initial_value"] == "we sold it together"
    assert limits.block(view, "touch_day")["element"]["initial_date"] == "2026-03-02"
    assert limits.block(view, "kind")["element"]["initial_option"]["value"] == "co_sold"


def test_what_is_submitted_comes_back_as_it_was_typed():
    def held(**value):
        return {"value": value}

    view = {"state": {"values": {
        "kind:1": {"attribution.kind": {"selected_option": {"value": "co_sold"}}}, "reason:1": held(value="why"),
        "touch_day:1": held(selected_date="2026-03-02"), "touch_said:1": held(value="demo"),
    }}}  # fmt: skip
    assert form.parse(view) == Typed("co_sold", "why", Given(TODAY, "demo"))
    assert form.parse({"state": {"values": {}}}) == Typed()


# The list and the receipts.


def test_the_list_offers_one_click_where_the_other_side_has_signed_and_the_form_elsewhere():
    view = check_modal(form.list_modal(Waiting((an_item(1), an_item(2)), 2), BOOK, Terms()))
    assert limits.labels(view) == ["Sign “sourced”", "Open…", "Sign…"]
    text = limits.mrkdwn(view["blocks"])
    assert "Ann Seller has signed *sourced* · 5 days left (by Sat 7 Mar)" in text[1]
    (sign,) = [one for one in limits.walk(view) if one.get("action_id") == "attribution.sign"]
    assert sign["confirm"]["text"]["text"] == "The partner brought the lead."


def test_an_empty_list_says_so_and_still_leads_to_every_deal():
    view = check_modal(form.list_modal(Waiting(), BOOK, Terms()))
    assert "No attribution waits for your signature." in str(view)
    assert "external_select" in str(view)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"days_left": 1}, "1 day left"), ({"days_left": 0}, "due today"), ({"days_left": -2}, "2 days overdue"),
        ({"days_left": None, "due": None}, "no touch recorded yet"), ({"legacy": True, "due": None}, "older than Cadence"),
    ],
)  # fmt: skip
def test_a_countdown_says_how_much_time_is_left(more, said):
    assert said in words.item(an_item(**more), BOOK)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"in_force": True, "state": AttributionState.LATE}, "*Deal* is *sourced*, signed by both: signed late."),
        ({"withdrawn": True, "in_force": True}, "*Deal* stays sourced; the change that waited is taken back."),
        ({"replaced": Attribution.CO_SOLD, "waits_for": "Pat has to sign."},
         "It replaces co-sold, which only one side had signed. Pat has to sign."),
    ],
)  # fmt: skip
def test_a_receipt_says_what_the_signature_did(more, said):
    given = {
        "deal_id": 1,
        "name": "Deal",
        "kind": Attribution.SOURCED,
        "state": AttributionState.SIGNED,
        "in_force": False,
    }
    assert said in form.receipt(Done(**{**given, **more}))


# Touches.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<@U1> met <@U2|zoe> &amp; &lt;won&gt;", "@Ann met @somebody & <won>"),
        ("see <https://e.com|the deck> and <https://f.com>", "see the deck and https://f.com"),
        ("two\nlines   here", "two lines here"),
        ("x" * 600, "x" * 499 + "…"),
        ("", ""),
    ],
)
def test_a_messages_text_is_prefilled_as_a_person_would_type_it(text, said):
    assert touch.plain(text, {"U1": "Ann"}) == said


def test_the_touch_forms_deal_and_message_come_back():
    view = {"state": {"values": {
        "deal": {"attribution.deal": {"selected_option": {"value": "7"}}}, "touch_day:0": {"value": {"selected_date": "2026-03-02"}},
        "touch_said:0": {"value": {"value": "demo"}},
    }}}  # fmt: skip
    assert touch.parse(view, TouchState(channel="C1", ts="1.1")) == (7, Given(TODAY, "demo", "C1", "1.1"))
    assert touch.parse(view, TouchState(d=3)) == (3, Given(TODAY, "demo"))
    view["state"]["values"]["deal"]["attribution.deal"]["selected_option"]["value"] = "x"
    assert touch.parse(view, TouchState())[0] == 0


def test_a_touchs_receipt_offers_to_sign_unless_a_kind_that_rests_on_it_is_signed():
    for desk, offered in ((a_desk(), True), (a_desk(both()), True), (a_desk(both(kind="co_sold")), False)):
        view = check_modal(touch.receipt(desk, may_sign=True))
        assert ("Sign attribution…" in limits.labels(view)) is offered
    assert limits.labels(touch.receipt(a_desk(), may_sign=False)) == []


# Elsewhere.


def test_the_prompt_card_counts_down_what_the_reader_has_to_sign():
    view = make.a_view(1, of=make.a_partner())
    item = deal_card.Item(make.a_week(), view, None, "", 1, "weekly_review")
    review = deal_card.Review(make.a_week(), make.a_cadence(), make.a_partner(), None, (item,))
    waiting = Waiting((an_item(1, days_left=-2),), 3)
    page = deal_card.CardPage(1, (review,), LONDON, BOOK, to_sign=waiting)
    message = limits.check_message(deal_card.prompt(page, 1))
    text = "\n".join(limits.mrkdwn(list(message.blocks)))
    assert ":warning: attribution: 2 days overdue, by Sat 7 Mar, your signature is missing" in text
    assert "Sign attribution (3)…" in limits.labels(list(message.blocks))
    answered = deal_card.CardPage(1, (), LONDON, BOOK, to_sign=Waiting())
    assert "Sign attribution" not in str(deal_card.prompt(answered, 1).blocks)


@pytest.mark.parametrize("said", ["", *make.HOSTILE.values()])
def test_home_lists_the_nearest_and_counts_the_rest(said):
    items = (an_item(1, said=said, days_left=-1), an_item(2, said=said, days_left=None, due=None))
    blocks = limits.check_home(home_page.blocks(a_page(words=said, to_sign=Waiting(items, 7)), NOW, make.POLICY))
    text = "\n".join(limits.words(blocks))
    assert "*Attribution to sign (7)*" in text
    assert "… and 5 more" in text
    if not said:
        assert "• Deal 1 · Acme: :warning: 1 day overdue, Ann has signed sourced" in text
        assert "• Deal 2 · Acme: no touch recorded yet" in text
        assert "Attribution to sign" not in str(home_page.blocks(a_page(), NOW, make.POLICY))


@pytest.mark.parametrize(
    ("kind", "state", "said"),
    [("co_sold", "late", " · co-sold, signed late"), ("", "open", " · not known, not signed yet"), ("sourced", "", "")],
)
def test_a_won_deal_on_a_note_says_what_it_counts_as_and_how_far_that_is_signed(kind, state, said):
    view = make.a_view(1, attribution=kind, category="won")
    fact = deal_fact(view, None, ()).model_copy(update={"attribution_state": state})
    facts = WeeklyFacts(partner_id=1, partner="Acme", pm_id=2, slot="2026-W10", day=TODAY, state="held", closed=(fact,),
                        by_category=BANDS)  # fmt: skip
    assert f":tada: *Won* Deal 1, USD 10,000{said}\n" in weekly_text(facts, BOOK, make.POLICY)


def test_a_note_adds_up_how_far_its_deals_are_signed():
    facts = [deal_fact(make.a_view(n), None, ()).model_copy(update={"attribution_state": state})
             for n, state in enumerate(("late", "signed", "late", "legacy"), 1)]  # fmt: skip
    note = WeeklyFacts(
        partner_id=1,
        partner="Acme",
        pm_id=2,
        slot="2026-W10",
        day=TODAY,
        state="held",
        deals=tuple(facts),
        by_category=BANDS,
    )
    text = weekly_text(note, BOOK, make.POLICY)
    assert "Attribution: signed in time $20k (1) · signed late $40k (2) · legacy $40k (1)" in text.replace("USD ", "$")


def test_what_a_form_remembers_fits_and_comes_back():
    state = TouchState(d=1, form=FormState(d=1, seen="1.2.2026-03-02", kind="co_sold", below="attribution.list_page"))
    assert TouchState.load(state.dump()) == state
    assert len(state.dump()) < 300
