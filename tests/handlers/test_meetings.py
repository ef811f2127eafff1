"""Meetings of the quarter as people see them: cards, forms, table, quarter and pages, at Slack's limits and hostile words."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.closing import card as closing_card
from handlers.kit import words as w
from handlers.kit.commitments import Field as Promised
from handlers.kit.fit import fits
from handlers.meetings import card, form, quarter, table
from handlers.meetings.card import PreparePage, Row
from handlers.meetings.form import ClosePage
from handlers.meetings.ids import Action, CloseState, Door, Field, OneRef, QuarterRef, RowRef
from handlers.notes import minutes
from models.closing import MOST_JUDGED, Verdict
from models.domain.errors import FieldErrors
from models.domain.fiscal import FiscalYear
from models.domain.meetings import BUILT_IN, Clock, Ends, Per, Place, Question
from models.domain.minutes import DealLine, Figure, MeetingFacts, PartnerFigures, Said, Section, Signature
from models.domain.notes import CommitmentFact, DealFact, Health, MoneySum
from models.domain.policy import Policy
from models.domain.rules import ClosingMonthRule, NthWeekdayRule, QuarterWeekRule, Spread, WeeklyRule
from models.domain.zones import zone
from models.pulses import Asked, Pulse
from models.quarter import Collision, Line, QuarterPage, Week
from models.tables import Commitment, MeetingKind, PulseAnswer
from tests import make
from tests.handlers import limits
from tests.handlers.limits import check_message, check_modal
from tests.handlers.test_closing import a_row as a_review
from tests.handlers.test_deal_review import submitted as plainly
from tests.make import NOW, POLICY
from tests.table import SPECS, own

LONDON = zone("Europe/London")
BOOK = make.a_book(make.a_person(1, "Pat Manager"), make.a_person(2, "Ann Seller"))
HOSTILE = ["plain", *make.HOSTILE]
NUMBERS = [0, 1, 2, 20, 60]


def submitted(view, **changes):
    """The view as Slack sends it back, choices of several included."""
    body = plainly(view, **{name: value for name, value in changes.items() if not isinstance(value, list)})
    for block in view["blocks"]:
        if block["type"] == "input" and block["element"]["type"] in ("multi_static_select", "checkboxes"):
            name, element = block["block_id"].split(":")[0], block["element"]
            chosen = changes.get(name, [option["value"] for option in element.get("initial_options", [])])
            held = {"type": element["type"], "selected_options": [{"value": value} for value in chosen]}
            body["state"]["values"][block["block_id"]] = {element["action_id"]: held}
    return body


def text_of(view):
    return "\n".join(limits.words(view["blocks"]))


# What is to be prepared.


def an_answer(number=1, *, words="", **more):
    return PulseAnswer(**{
        "id": number, "occurrence_id": number, "partner_id": number, "at": NOW, "by_id": 1, "active": True,
        "next_deal": words, "verdict": "keep", "why": words, **more,
    })  # fmt: skip


def a_row(number, *, words="", pulse=True, answer=None, **week):
    return Row(make.a_week(number, **week), make.a_partner(number, words or f"Partner {number}"), words or "Monthly PBR", pulse,
               answer)  # fmt: skip


def prepare(*rows):
    return card.prepare_card(PreparePage(rows, LONDON, BOOK))


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", HOSTILE)
def test_any_number_of_things_to_prepare_fits_on_the_card(number, name):
    words = make.HOSTILE.get(name, "")
    rows = [
        a_row(place, words=words, pulse=place % 2 == 0, answer=an_answer(place, words=words) if place % 4 == 0 else None,
              closed_at=NOW if place % 3 == 0 else None)
        for place in range(1, number + 1)
    ]  # fmt: skip
    message = check_message(prepare(*rows))
    if number > card.MOST_ROWS:
        assert f"… and {number - card.MOST_ROWS} more" in str(message.blocks)


def test_each_thing_to_prepare_has_its_button_until_it_is_done():
    message = prepare(
        a_row(1), a_row(2, pulse=False), a_row(3, answer=an_answer(3, verdict="raise")), a_row(4, pulse=False, closed_at=NOW),
        a_row(5, closed_at=NOW, state="skipped"),
    )  # fmt: skip
    assert limits.labels(message.blocks) == ["Answer…", "Open the draft", "Change…", "Answer…"]
    assert "3 things to look at" in message.text
    assert ":white_check_mark: *Partner 3* · pulse: active, *raise to Tier 1*" in message.text
    assert "*Partner 5* · pulse: not answered in time" in message.text
    assert "All done, thank you." in prepare(a_row(1, closed_at=NOW, answer=an_answer())).text


@pytest.mark.parametrize("number", [0, 1, 40, 90])
@pytest.mark.parametrize("name", HOSTILE)
def test_any_number_of_pulses_fits_on_the_heads_card(number, name):
    words = make.HOSTILE.get(name, "")
    found = [
        Asked(make.a_week(place), make.a_partner(place, words or f"Partner {place}"), 1,
              an_answer(place, words=words, verdict="off_board") if place % 2 else None)
        for place in range(1, number + 1)
    ]  # fmt: skip
    message = check_message(card.report_card(found, BOOK))
    if number > card.MOST_REPORTED:
        assert f"… and {number - card.MOST_REPORTED} more" in str(message.blocks)


def test_the_heads_card_says_who_said_what_and_who_was_asked_when():
    found = [
        Asked(
            make.a_week(1), make.a_partner(1, "Acme"), 1, an_answer(active=False, verdict="off_board", why="gone quiet")
        ),
        Asked(make.a_week(2), make.a_partner(2, "Beta"), 1, None),
        Asked(make.a_week(3, closed_at=NOW), make.a_partner(3, "Gamma"), 1, None),
    ]
    text = card.report_card(found, BOOK).text
    assert "1 of 3 partners answered" in text
    assert "• *Acme* · Pat Manager: *not active*, *off-board*: gone quiet" in text
    assert "• *Beta* · Pat Manager: is asked on Thu 5 Mar" in text
    assert "• *Gamma* · Pat Manager: not answered" in text


# Closing.


def a_commitment(number, words=""):
    return Commitment(id=number, partner_id=1, text=words or f"promise {number}", owner_id=1, due=date(2026, 3, 12),
                      state="open", made_in_id=1, made_at=NOW)  # fmt: skip


def a_close(spec=None, *, number=0, words="", held=True, partner=True, said=None):
    standing = [a_commitment(place + 10, words) for place in range(number)]
    state = CloseState(o=7, c=tuple(item.id for item in standing), held=held)
    return ClosePage(
        make.a_week(7), spec or SPECS["forecast_one_on_one"], make.a_partner(1, words or "Acme") if partner else None, standing,
        said if said is not None else {}, "Thu 5 Mar, 10:00", BOOK, state,
    )  # fmt: skip


@pytest.mark.parametrize("number", [0, 1, MOST_JUDGED])
@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("name", HOSTILE)
def test_the_closing_form_fits_for_any_row_and_any_words(number, held, name):
    words = make.HOSTILE.get(name, "")
    questions = tuple(Question(key=f"q{place}", label=words[:80] or "x", hint=words) for place in range(6))
    spec = own(name=words[:60] or "x", questions=questions)
    said = {question.key: words for question in questions} if number < MOST_JUDGED else {}
    view = check_modal(form.close_modal(a_close(spec, number=number, words=words, held=held, said=said)))
    assert (limits.block(view, "reason") is None) is held
    assert (limits.block(view, "said_q5") is not None) is held
    assert limits.block(view, "text_2") is not None


@pytest.mark.parametrize("spec", [spec for spec in BUILT_IN if spec.is_closed_by_hand], ids=lambda spec: spec.key)
def test_every_row_asks_its_questions_and_for_what_it_ends_in(spec):
    view = check_modal(form.close_modal(a_close(spec)))
    fields = {block["block_id"].split(":")[0] for block in view["blocks"] if block["type"] == "input"}
    expected = {"held"} | {f"said_{question.key}" for question in spec.questions}
    if spec.ends_in == Ends.COMMITMENTS:
        expected |= {
            f"{name}_{place}" for name in (Promised.TEXT, Promised.OWNER, Promised.PROMISE_DUE) for place in range(3)
        }
    assert fields == expected
    assert ("It ends in signatures" in text_of(view)) is (spec.ends_in == Ends.SIGNATURES)


def test_a_meeting_of_the_company_has_no_partners_side():
    def sides(partner):
        view = form.close_modal(a_close(held=False, partner=partner))
        return [option["value"] for option in limits.block(view, "side")["element"]["options"]]

    assert sides(partner=True) == ["ours", "partner", "holiday"]
    assert sides(partner=False) == ["ours", "holiday"]


async def parsed(session, page, **changes):
    view = form.close_modal(page)
    return await form.parse_close(
        session, submitted(view, **changes), CloseState.load(view["private_metadata"]), page.spec
    )


async def test_what_was_typed_becomes_a_closing_with_its_answers(sqlite):
    async with sqlite.write() as session:
        ann = await make.person(session, "Ann")
        closing, said = await parsed(
            session, a_close(number=2), said_validated="40 of 50\nsure", fate_10="kept", fate_11="moved", due_11="2026-03-20",
            text_0="send the deck", owner_0="UANN", promise_due_0="2026-03-12", owner_1="UNOBODY",
        )  # fmt: skip
    assert (closing.occurrence_id, closing.held, said) == (7, True, {"validated": "40 of 50\nsure", "goals": ""})
    assert closing.verdicts == {10: Verdict("kept", None), 11: Verdict("moved", date(2026, 3, 20))}
    assert (closing.promises[0].text, closing.promises[0].owner_id) == ("send the deck", ann.id)
    assert closing.promises[1].refusal


async def test_a_meeting_that_was_not_held_carries_its_side_and_reason_and_says_nothing_else(sqlite):
    async with sqlite.write() as session:
        page = a_close(SPECS["leadership_roll_up"], held=False, partner=False)
        closing, said = await parsed(session, page, held="not_held", side="holiday", reason="Easter")
    assert (closing.held, closing.side, closing.reason, closing.promises, said) == (False, "holiday", "Easter", (), {})


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("answered", [True, False])
def test_the_pulse_form_fits_and_gives_back_what_it_showed(name, answered):
    words = make.HOSTILE.get(name, "x")
    last = an_answer(words=words[:150], verdict="raise") if answered else None
    view = check_modal(form.pulse_modal(make.a_week(7), make.a_partner(1, words, tier=2), last, w.escape(words)))
    found = form.parse_pulse(submitted(view))
    assert found == (
        Pulse(7, active=True, next_deal=words[:150], verdict="raise", why=words[:150])
        if answered
        else Pulse(7, active=None, next_deal="", verdict="", why="")
    )


# The closing card with reviews and meetings.


def a_meeting(number, *, words="", pbr=False, closed=False, company=False):
    more = {"closed_at": NOW, "closed_by_id": 1, "state": "skipped", "skip_reason": words} if closed else {}
    partner = None if company else make.a_partner(number, words or f"Partner {number}")
    door = Door.OPEN_PBR if pbr else Door.CLOSE_MEETING
    return closing_card.Row(make.a_week(number, **more), partner, 0, 0, words[:60] or "Team call", door)


def close_page(*rows):
    return closing_card.ClosePage(rows, LONDON, BOOK)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", HOSTILE)
def test_reviews_and_meetings_fit_on_one_closing_card(number, name):
    words = make.HOSTILE.get(name, "")
    rows = [
        a_review(place, words=words, closed=place % 5 == 0) if place % 3 == 0
        else a_meeting(place, words=words, pbr=place % 4 == 0, closed=place % 7 == 0, company=place % 2 == 0)
        for place in range(1, number + 1)
    ]  # fmt: skip
    message = check_message(closing_card.close_card(close_page(*rows)))
    nudge = check_message(closing_card.close_nudge(close_page(*rows)))
    if number > closing_card.MOST_ROWS:
        assert f"… and {number - closing_card.MOST_ROWS} more" in str(message.blocks)
    open_ = [row for row in rows if row.occurrence.closed_at is None]
    if len(open_) > closing_card.MOST_NAMES:
        assert f"and {len(open_) - closing_card.MOST_NAMES} more" in nudge.text


def test_a_mixed_card_closes_reviews_one_by_one_and_meetings_by_their_own_buttons():
    page = close_page(a_review(1), a_review(2), a_meeting(3, company=True), a_meeting(4, pbr=True))
    message = check_message(closing_card.close_card(page))
    assert limits.labels(message.blocks) == ["Close the weekly reviews: 2, one by one", *["Close…"] * 4]
    buttons = [held for held in limits.walk(message.blocks) if held.get("type") == "button"]
    assert [held["action_id"] for held in buttons] == [
        Door.CLOSE_REVIEWS, Door.CLOSE_ONE, Door.CLOSE_ONE, Door.CLOSE_MEETING, Door.OPEN_PBR,
    ]  # fmt: skip
    assert message.text.startswith("Close your meetings: 0 of 4 closed")
    assert "*Team call* · Thu 5 Mar, 10:00" in message.text
    assert "*Partner 4 · Team call*" in message.text


def test_the_nudge_says_what_each_kind_holds_up():
    alone = closing_card.close_nudge(close_page(a_meeting(1, company=True)))
    assert alone.text == "*1 meeting not closed:* Team call. Nobody has its page until you close it."
    both = closing_card.close_nudge(close_page(a_review(1), a_meeting(2)))
    assert "The Friday note says “waiting for you”" in both.text
    assert limits.labels(both.blocks) == ["Close now", "Close…"]
    done = closing_card.close_nudge(close_page(a_meeting(1, closed=True)))
    assert done.text == ":white_check_mark: All your meetings are closed, thank you."


# The table.


def a_kind(number, spec, *, enabled=True):
    return MeetingKind(id=number, key=spec.key, name=spec.name, position=number, enabled=enabled), spec


@pytest.mark.parametrize("number", [0, 1, 13, 89, 200])
@pytest.mark.parametrize("name", HOSTILE)
def test_any_number_of_rows_fits_into_the_table_and_what_does_not_is_counted(number, name):
    words = make.HOSTILE.get(name, "")
    rows = [a_kind(place, own(f"k{place}", name=words[:60] or "x"), enabled=place % 2 == 0) for place in range(number)]
    view = check_modal(table.modal(rows))
    assert f"*{(number + 1) // 2} of {number} are on.*" in text_of(view)
    if number > 90:
        assert f"… and {number - 90} more" in text_of(view)


def test_every_row_says_when_it_is_and_has_its_menu():
    view = check_modal(table.modal([a_kind(place, spec) for place, spec in enumerate(BUILT_IN)]))
    text = text_of(view)
    for line in (
        "*Partner team call* · every Monday, 09:30, 30 minutes",
        "*Forecast and acquisition 1:1* · weeks 1, 5, 9, from Monday on, first at 10:30, 30 minutes, for each Tier 1 partner",
        "*Monthly partner business review* · from the first Friday of the month on, first at 10:00, 60 minutes, for each",
        "*Monthly business review (MBR)* · week 8, Tuesday, 14:00, 60 minutes",
        "*Quarterly business review (QBR)* · last full week, Tuesday, 14:00, 90 minutes",
        "*Executive readout* · from the third Tuesday of the closing month on, first at 11:00, 90 minutes, for each",
        "*Quarterly pulse* · once a quarter, two a week for one manager, for each other partner",
    ):
        assert line in text, line
    menus = [held for held in limits.walk(view) if held.get("type") == "overflow"]
    assert len(menus) == len(BUILT_IN)
    assert [RowRef.load(option["value"]) for option in menus[0]["options"]] == [
        RowRef(k="team_call", m="off"), RowRef(k="team_call", m="change"),
    ]  # fmt: skip
    off = table.modal([a_kind(1, SPECS["mbr"], enabled=False)])
    assert (
        RowRef.load(next(held for held in limits.walk(off) if held.get("type") == "overflow")["options"][0]["value"]).m
        == "on"
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_the_form_of_a_row_fits_with_any_words(name):
    words = make.HOSTILE.get(name, "x")
    spec = own(
        name=words[:60], agenda=(words[:120],) * 20, channel=words[:70], people=("head",),
        questions=tuple(Question(key=f"q{place}", label=words[:80]) for place in range(6)),
    )  # fmt: skip
    check_modal(table.row_modal(spec))
    check_modal(table.row_modal(None))


def test_a_pbrs_row_offers_no_channel():
    """Its page goes to its partner's channel."""
    with_channel = {spec.key for spec in BUILT_IN if limits.block(table.row_modal(spec), "channel") is not None}
    assert "pbr" not in with_channel
    assert "team_call" in with_channel


@pytest.mark.parametrize("spec", BUILT_IN, ids=lambda spec: spec.key)
def test_a_built_in_row_comes_back_from_its_form_as_it_was_shown(spec):
    view = check_modal(table.row_modal(spec))
    assert table.parse(submitted(view), spec, frozenset(SPECS), POLICY) == spec


OWN_ROWS = [
    own(),
    own(
        rule=NthWeekdayRule(weekday=2, nth=-1),
        lead="cro",
        people=("cro", "admin"),
        questions=(Question(key="q0", label="Plan"),),
    ),
    own(rule=QuarterWeekRule(weeks=(2, -1), weekday=4)),
    own(
        rule=QuarterWeekRule(weeks=(2,), weekday=3, spread=Spread(days=3, per_day=2)),
        per=Per.TIER1,
        clock=Clock.PM,
        lead="pm",
    ),
    own(rule=WeeklyRule(weekday=1, every=2, anchor=date(2026, 3, 2))),
    own(rule=ClosingMonthRule(weekday=1, nth=2)),
    own(rule=NthWeekdayRule(weekday=1, nth=4)),
]


@pytest.mark.parametrize("spec", OWN_ROWS, ids=lambda spec: spec.rule.kind)
def test_a_row_of_ones_own_comes_back_from_its_form_as_it_was_shown(spec):
    view = check_modal(table.row_modal(spec))
    assert table.parse(submitted(view), spec, frozenset({"enablement"}), POLICY) == spec


def fresh(keys=frozenset(SPECS), policy=POLICY, **changes):
    return table.parse(submitted(table.row_modal(None), **{"name": "Enablement", **changes}), None, keys, policy)


def refused(**changes):
    with pytest.raises(FieldErrors) as found:
        fresh(**changes)
    return {str(name): words for name, words in found.value.errors.items()}


def test_a_new_row_is_what_was_typed():
    spec = fresh(when="weeks", weeks="1; 5, -1", weekday="3", at="11:30", minutes="45", preparation="15", lead="cro",
                 people=["head", "cro"], channel=Place.EXECUTIVE, agenda="One\n\n Two ", questions="Decisions\nPlan")  # fmt: skip
    assert spec.rule == QuarterWeekRule(weeks=(1, 5, -1), weekday=3)
    assert (spec.key, spec.name, spec.at, spec.minutes, spec.preparation) == (
        "enablement",
        "Enablement",
        time(11, 30),
        45,
        15,
    )
    assert (spec.lead, spec.people, spec.channel, spec.agenda) == ("cro", ("head", "cro"), "executive", ("One", "Two"))
    assert [(question.key, question.label) for question in spec.questions] == [("q0", "Decisions"), ("q1", "Plan")]
    assert (spec.per, spec.clock, spec.leaves, spec.ends_in) == (Per.COMPANY, Clock.COMPANY, "note", Ends.COMMITMENTS)


@pytest.mark.parametrize(
    ("when", "rule"),
    [
        ("weekly", WeeklyRule(weekday=2)),
        ("monthly_1", NthWeekdayRule(weekday=2, nth=1)),
        ("monthly_-1", NthWeekdayRule(weekday=2, nth=-1)),
        ("last_whole_week", {"kind": "last_whole_week", "weekday": 2}),
    ],
)
def test_each_choice_of_when_is_a_rule(when, rule):
    found = fresh(when=when, weekday="2").rule
    assert found == rule or found.model_dump(include={"kind", "weekday"}) == rule


@pytest.mark.parametrize("per", [Per.TIER1, Per.OTHERS])
@pytest.mark.parametrize("when", ["weekly", "monthly_1", "weeks", "last_whole_week"])
def test_a_meeting_of_several_partners_is_spread_as_the_form_says(per, when):
    """“A meeting of several partners takes the first free half hour from here on.”"""
    spec = fresh(when=when, weeks="2", per=per, lead="pm")
    assert spec.rule.spread is not None
    assert spec.clock == Clock.PM


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"), ({"name": " \n"}, "name"),
        ({"minutes": "x"}, "minutes"), ({"minutes": ""}, "minutes"), ({"minutes": "4"}, "minutes"), ({"minutes": "481"}, "minutes"),
        ({"minutes": "-30"}, "minutes"), ({"minutes": "²"}, "minutes"),
        ({"preparation": "481"}, "preparation"), ({"preparation": "a lot"}, "preparation"),
        ({"at": None}, "at"), ({"at": "07:59"}, "at"), ({"at": "18:00"}, "at"), ({"at": "17:45", "minutes": "30"}, "at"),
        ({"at": "23:30", "minutes": "60"}, "at"),
        ({"when": "weeks", "weeks": ""}, "weeks"), ({"when": "weeks", "weeks": "1,x"}, "weeks"),
        ({"when": "weeks", "weeks": "0"}, "weeks"), ({"when": "weeks", "weeks": "15"}, "weeks"),
        ({"when": "weeks", "weeks": "1 5 9"}, "weeks"), ({"when": "weeks", "weeks": "1_0"}, "weeks"),
        ({"when": "weeks", "weeks": "-15"}, "weeks"), ({"when": "weeks", "weeks": "1.5"}, "weeks"),
        ({"people": []}, "people"), ({"lead": "pm"}, "lead"), ({"channel": Place.INTERNAL}, "channel"),
        ({"questions": "\n".join("abcdefg")}, "questions"), ({"questions": "x" * 81}, "questions"),
        ({"agenda": "x" * 121}, "agenda"),
    ],
)  # fmt: skip
def test_each_wrong_field_of_a_row_is_refused_on_it_in_a_sentence(change, field):
    errors = refused(**change)
    assert list(errors) == [field]
    assert errors[field].endswith(".")
    assert 15 < len(errors[field]) < 120


def test_everything_wrong_is_said_at_once():
    assert set(refused(name="", minutes="x", at="07:00", when="weeks", weeks="x", people=[], lead="pm")) == {
        "name", "minutes", "at", "weeks", "people", "lead",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "taken", "key"),
    [
        ("MBR", {"mbr"}, "mbr_2"), ("x" * 60, set(), "x" * 20), ("שלום", set(), "own"), ("שלום", {"own"}, "own_2"),
        ("Q&A <now>", set(), "q_a__now"), ("x" * 60, {"x" * 20, "x" * 20 + "_2"}, "x" * 20 + "_3"), ("👩‍👧", set(), "own"),
    ],
)  # fmt: skip
def test_a_new_row_gets_a_key_nobody_has(name, taken, key):
    assert fresh(frozenset(taken), name=name).key == key


@settings(max_examples=150)
@given(name=st.text(min_size=1, max_size=60), weeks=st.text(max_size=12), minutes=st.text(max_size=3))
def test_whatever_is_typed_is_a_row_or_refused_on_its_fields(name, weeks, minutes):
    try:
        spec = fresh(name=name, when="weeks", weeks=weeks, minutes=minutes)
    except FieldErrors as refused_:
        assert {str(field) for field in refused_.errors} <= {"name", "weeks", "minutes", "at"}
    else:
        assert spec.key not in SPECS
        assert 5 <= spec.minutes <= 480


# The quarter.

FISCAL = FiscalYear()


def a_line(number=1, *, words="", name="", weekly=False, state="planned", **week):
    starts = datetime(2026, 3, 10, 10, tzinfo=UTC)
    found = make.a_week(
        number, **{"starts_at": starts, "ends_at": starts + timedelta(minutes=30), "state": state, **week}
    )
    return Line(found, name or words or "Team call", words or f"Partner {number}", 1, frozenset({1}), weekly)


def a_quarter(lines=(), *, step=0, collisions=(), weeks=13):
    found = FISCAL.quarter(2026, 1)
    first = FISCAL.week_starts(found, 1)
    made = tuple(
        Week(number, first + timedelta(weeks=number - 1), first + timedelta(weeks=number, days=-1),
             tuple(lines) if number in (10, 11) else ())
        for number in range(1, weeks + 1)
    )  # fmt: skip
    return QuarterPage(found, step, made, 10 if step == 0 else 0, tuple(collisions))


@pytest.mark.parametrize("number", [0, 1, 14, 15, 200])
@pytest.mark.parametrize("weeks", [13, 53])
@pytest.mark.parametrize("name", HOSTILE)
def test_any_quarter_fits(number, weeks, name):
    words = make.HOSTILE.get(name, "")
    lines = [
        a_line(place, words=words, name=f"{words}{place}" if place % 5 else "", state=tuple(quarter.STATES)[place % 6], skip_reason=words,
               moved_at=NOW if place % 4 == 0 else None, moved_by_id=1)
        for place in range(number)
    ]  # fmt: skip
    hits = [Collision(lines[0], lines[-1], (1, 2))] * number if lines else []
    view = check_modal(quarter.modal(a_quarter(lines, weeks=weeks, collisions=hits), LONDON, BOOK))
    text = text_of(view)
    if number == 200:
        assert "Tue 10 Mar · 40 times " in text
        (week,) = [held for held in limits.words(view["blocks"]) if "*Week 10*" in held]
        (hidden,) = [int(held.split()[2]) for held in week.split("\n") if held.startswith("_… and ")]
        assert hidden + week.count("10:00–10:30") == 160
        assert f"… and {200 - quarter.MOST_COLLISIONS} more" in text
    for week in view["blocks"]:
        if "Week 10" in str(week):
            shown = week["text"]["text"]
            assert not shown.endswith("…"), "what does not fit is counted, never cut"


def test_a_quarter_says_its_weeks_where_we_are_and_how_each_meeting_stands():
    lines = [
        a_line(1), a_line(2, state="skipped", skip_reason="ill"), a_line(3, state="held_late", moved_at=NOW, moved_by_id=2),
        a_line(4, ends_at=datetime(2026, 3, 10, 10, tzinfo=UTC)),
    ]  # fmt: skip
    text = text_of(check_modal(quarter.modal(a_quarter(lines), LONDON, BOOK)))
    assert "*2026Q1* · 13 weeks, 5 Jan 2026 to 5 Apr 2026" in text
    assert "Money of 2026Q1: 1 Jan 2026 to 31 Mar 2026. Hours are yours: Europe/London." in text
    assert "*Week 10* · Mon 9 Mar to Sun 15 Mar  :point_left: this week" in text
    assert "Tue 10 Mar, 10:00–10:30 · Partner 1 · Team call · planned" in text
    assert "Partner 2 · Team call · :warning: skipped: ill" in text
    assert "Partner 3 · Team call · :white_check_mark: held late · moved by Ann Seller" in text
    assert "Tue 10 Mar · Partner 4 · Team call · planned" in text, "a question has a day and no hour"


def test_many_meetings_of_one_name_in_a_week_are_counted_by_state():
    lines = [a_line(place, state="held" if place % 2 else "skipped") for place in range(7)]
    text = text_of(quarter.modal(a_quarter([*lines, a_line(9, name="MBR")]), LONDON, BOOK))
    assert "Tue 10 Mar · 7 times Team call · 4 skipped, 3 held" in text
    assert "Partner 9 · MBR" in text
    assert "Partner 1 ·" not in text


@pytest.mark.parametrize(
    ("step", "said"),
    [(0, "No meeting of yours is in it."), (-1, "No meeting of yours"), (1, "Nothing is planned in it yet")],
)
def test_an_empty_quarter_says_why(step, said):
    assert said in text_of(quarter.modal(a_quarter(step=step), LONDON, BOOK))


def test_its_buttons_lead_to_its_neighbours():
    view = quarter.modal(a_quarter(step=2), LONDON, BOOK)
    steps = [
        held for held in limits.walk(view) if held.get("action_id") in (Action.QUARTER_BEFORE, Action.QUARTER_AFTER)
    ]
    assert [QuarterRef.load(held["value"]).n for held in steps] == [1, 3]


def test_a_collision_says_when_what_and_who():
    one, other = a_line(1), a_line(2)
    assert quarter.collision_line(Collision(one, other, (1, 2)), LONDON, BOOK) == (
        ":warning: Tue 10 Mar, 10:00: Partner 1 · Team call and Partner 2 · Team call (Pat Manager, Ann Seller)"
    )


# Pages.

WORST = ["plain", "channel mention", "right to left", "3000 ampersands", "lines"]
"""A page is drawn many times until it fits: the words that differ most in what they ask of it."""


def a_deal(number, *, words="", currency="USD", **more):
    return DealFact(**{
        "deal_id": number, "name": words or f"Deal {number}", "account": words, "owner_id": 2, "stage": "", "category": "commit",
        "amount": (number + 1) * 100_00, "currency": currency, "close_date": date(2026, 3, 30), "days": 20, "stalled": number % 2 == 0,
        "action": None, "help_needed": words if number % 3 == 0 else "", **more,
    })  # fmt: skip


def sums(currencies, amount=1_000_000_00):
    return tuple(MoneySum(currency=f"{chr(65 + n % 26)}{chr(65 + n // 26)}X", amount=amount, deals=3, unknown=1)
                 for n in range(currencies))  # fmt: skip


def facts(
    *, deals=0, partners=0, words="", currencies=1, lists=5, said=2, promised=3, last=3, signatures=0, figures=4, **more
):
    """A page of which everything is to be said."""
    of, essay, words = sums(currencies), words * 5, words[:400]
    lines = tuple(
        DealLine(deal=a_deal(number, words=words), partner=words or "Acme") for number in range(min(deals, 40))
    )
    rest = (MoneySum(currency="USD", amount=1, deals=deals - 40, unknown=0),) if deals > 40 else ()
    parts = [
        Section(
            title=words or f"List {number}", deals=lines, more=max(0, deals - 40), more_sum=rest, nothing="Nothing."
        )
        for number in range(lists)
    ]
    parts.append(Section(title="Figures", figures=tuple(
        Figure(label=words or f"figure {number}", money=of, before=of if number % 2 else None) for number in range(figures))))  # fmt: skip
    parts.append(Section(title="By partner", nothing="Nobody.", partners=tuple(
        PartnerFigures(partner=words or f"Partner {number}", pm_id=1, won=of, commit=of, best_case=of, pipeline=of)
        for number in range(partners))))  # fmt: skip
    commitments = [
        CommitmentFact(commitment_id=number, text=words or f"promise {number}", owner_id=2, due=date(2026, 3, 26),
                       fate="new" if number < promised else "kept", due_before=None)
        for number in range(promised + last)
    ]  # fmt: skip
    starts = datetime(2026, 3, 9, 9, 30, tzinfo=UTC)
    return MeetingFacts(**{
        "kind": "team_call", "leaves": "team", "name": words[:60] or "Partner team call", "slot": "2026-W11", "day": starts.date(),
        "starts_at": starts, "minutes": 30, "partner": words, "lead_id": 1, "sponsors": (1, 2), "state": "held", "closed_by": 1,
        "agenda": (words or "Bookings",) * 8, "sections": tuple(parts), "first": False,
        "said": tuple(Said(label=words[:80] or f"Question {number}", text=essay or "one\ntwo") for number in range(said)),
        "commitments": tuple(commitments), "ends_in": "commitments", "absent": (words or "Nobody signs yet.",) * 3,
        "signatures": tuple(Signature(role="cro", person_id=1) for _ in range(signatures)), "health": Health(held=5, streak=3), **more,
    })  # fmt: skip


def check_page(text):
    assert fits(text), (len(text), text.count("\n") + 1)
    check_message(minutes.message(text, "x"))
    return text


@pytest.mark.parametrize(("deals", "partners"), [(0, 0), (1, 1), (40, 0), (200, 60)])
@pytest.mark.parametrize("name", WORST)
@pytest.mark.parametrize("ends", ["commitments", "signatures"])
def test_a_page_is_one_page_and_ends_in_its_decision(deals, partners, name, ends):
    words = make.HOSTILE.get(name, "")
    more = {"promised": 0, "last": 0, "signatures": 2, "ends_in": "signatures"} if ends == "signatures" else {}
    text = check_page(minutes.page_text(facts(deals=deals, partners=partners, words=words, **more), BOOK, POLICY))
    lines = text.split("\n")
    if ends == "signatures":
        assert lines[-4] == "*Signatures*"
        assert lines[-3] == "• CRO, Pat Manager: not signed"
    else:
        place = lines.index("*Commitments*")
        assert [line[:2] for line in lines[place + 1 : place + 4]] == ["1.", "2.", "3."]
        assert place == len(lines) - 5, "nothing but the footer follows"


@pytest.mark.parametrize("name", WORST)
@pytest.mark.parametrize(("said", "currencies", "figures"), [(6, 1, 4), (6, 12, 10), (2, 40, 12), (0, 1, 70)])
def test_long_answers_and_many_currencies_still_make_one_page_that_ends_in_its_commitments(
    name, said, currencies, figures
):
    words = make.HOSTILE.get(name, "")
    found = facts(deals=200, partners=60, words=words, said=said, currencies=currencies, figures=figures)
    text = check_page(minutes.page_text(found, BOOK, POLICY))
    assert "*Commitments*" in text.split("\n")
    check_page(minutes.agenda_text(found, BOOK, POLICY))


@pytest.mark.parametrize(("deals", "partners"), [(0, 0), (1, 1), (200, 60)])
@pytest.mark.parametrize("name", WORST)
def test_an_agenda_is_one_page_too(deals, partners, name):
    words = make.HOSTILE.get(name, "")
    text = check_page(
        minutes.agenda_text(facts(deals=deals, partners=partners, words=words, promised=0, last=30), BOOK, POLICY)
    )
    assert "1. " in text


def test_what_a_page_leaves_out_is_counted_and_ties_out():
    text = check_page(minutes.page_text(facts(deals=200, lists=1, figures=1, said=0), BOOK, POLICY))
    shown = [line for line in text.split("\n") if line.startswith("• Acme")]
    (more,) = [line for line in text.split("\n") if "more deal" in line]
    hidden = 200 - len(shown)
    assert f"… and {hidden} more deals, " in more
    # The 40 of the list amount to 100 … 4,000; the 160 beyond it to one cent.
    left = sum((number + 1) * 100 for number in range(len(shown), 40))
    assert f"USD {left:,}.01 ({hidden} deals)" in more


def test_a_text_of_several_lines_that_has_to_be_cut_short_stays_one_line():
    text = minutes.page_text(facts(deals=1, words="&\n" * 60), BOOK, POLICY)
    assert text.split("\n")[1].startswith("Held Mon 9 Mar")


def test_more_currencies_than_a_line_has_room_for_are_counted():
    line = Figure(label="commit", money=sums(5), before=sums(5, 1))
    text = minutes.figure_line(line, first=False)
    assert text.count("(3 deals, 1 of unknown amount)") == 3
    assert " + 2 more currencies · " in text
    assert minutes.figure_line(Figure(label="x", money=(), before=sums(1)), first=False).startswith("x: nothing · −AAX")


def test_a_page_says_what_changed_since_the_last_one_and_the_first_compares_with_nothing():
    before, now = (
        (MoneySum(currency="USD", amount=100_00, deals=1, unknown=0),),
        (MoneySum(currency="USD", amount=250_00, deals=2, unknown=0),),
    )
    line = Figure(label="commit", of="2026Q1", money=now, before=before)
    assert minutes.figure_line(line, first=False) == "commit: USD 250 (2 deals) · +USD 150 since the last page"
    assert minutes.figure_line(line, first=True) == "commit: USD 250 (2 deals)"
    assert minutes.figure_line(line.model_copy(update={"before": None}), first=False) == "commit: USD 250 (2 deals)"
    same = line.model_copy(update={"before": now})
    assert minutes.figure_line(same, first=False).endswith("· unchanged since the last page")
    assert minutes.figure_line(Figure(label="growth", said="+5 %"), first=False) == "growth: +5 %"


def test_a_page_reads_as_people_would_write_it():
    text = minutes.page_text(facts(deals=1, lists=1, figures=1, partners=1, said=1, last=1), BOOK, POLICY)
    lines = text.split("\n")
    assert lines[0] == "*Partner team call* · 2026-W11"
    assert lines[1] == "Held Mon 9 Mar (closed by Pat Manager)"
    assert "_Sponsors: Pat Manager and Ann Seller_" in lines
    assert "• Acme · Deal 0 · USD 100 · 30 Mar 2026 · Ann Seller · :hourglass: 20 days without movement" in lines
    assert "*Question 0*" in lines
    assert lines[lines.index("*Question 0*") + 1 :][:2] == ["one", "two"], "line breaks are kept"
    assert ":white_check_mark: kept: promise 3 (Ann Seller)" in lines
    assert "1. promise 0 (Ann Seller, by Thu 26 Mar)" in lines
    assert lines[-1].startswith("_This fiscal year: 5 held, 3 in a row, 0 late, 0 skipped, 0 without meeting")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            {"state": "skipped", "side": "ours", "reason": "ill"},
            ":warning: Skipped: our side, ill (closed by Pat Manager)",
        ),
        ({"state": "no_meeting", "side": "partner", "reason": "ill"}, ":warning: No meeting: the partner's side, ill"),
        (
            {"state": "held_late", "moved_by": 2, "moved_reason": "ill"},
            "Held late, Mon 9 Mar: moved by Ann Seller, ill",
        ),
    ],
)
def test_a_page_says_how_the_meeting_went(state, said):
    assert said in minutes.page_text(facts(**state), BOOK, POLICY)


def test_the_small_references_survive_their_button():
    for ref in (OneRef(o=7), CloseState(o=7, c=(1, 2), held=False), RowRef(k="mbr", m="on"), QuarterRef(n=-3)):
        assert type(ref).load(ref.dump()) == ref
    assert {field.value for field in Field} >= {"said", "held"}
    assert isinstance(POLICY, Policy)
