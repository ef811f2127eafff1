"""What all pages share: escaping, days and money in words, blocks at their limits, and reading a form back."""

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.deal_review.ids import FormState as AnswerState
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Carried, Values
from models.domain.errors import UserError
from models.domain.notes import MoneySum, MoveFact
from models.domain.zones import zone
from tests import make
from tests.handlers import limits

LONDON = zone("Europe/London")


@pytest.mark.parametrize("name", list(make.HOSTILE))
def test_no_text_becomes_a_mention_a_link_or_a_format(name):
    text = make.HOSTILE[name]
    safe = w.escape(text)
    assert not limits.MENTION.search(safe)
    for mark in "*_~`":
        assert safe.count(mark) == text.count(mark)
        assert f"{mark}b" not in safe.replace("\u200b", "|")


@given(st.text(max_size=100))
def test_escaping_keeps_every_character_a_reader_sees(text):
    seen = w.escape(text)
    for mark in (w.ZERO_WIDTH, w.LEFT_TO_RIGHT, w.ISOLATE, w.END_ISOLATE):
        seen, text = seen.replace(mark, ""), text.replace(mark, "")
    assert seen.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


def test_a_right_to_left_name_does_not_turn_the_line_around_it():
    safe = w.escape("שלום")
    assert (safe[0], safe[1], safe[-1]) == (w.LEFT_TO_RIGHT, w.ISOLATE, w.END_ISOLATE)
    assert w.escape("Acme") == "Acme"


def test_templates_escape_what_is_not_marked_safe_and_only_once():
    env = w.environment("handlers.notes")
    template = env.from_string("{{ one }} {{ two }}")
    assert template.render(one="<!here>", two=w.safe("<@U1>")) == "&lt;!here&gt; <@U1>"
    assert w.Mrkdwn.escape(w.safe("<@U1>")) == "<@U1>"
    assert w.Mrkdwn.escape("<") == "&lt;"


def test_days_and_hours_are_said_on_the_readers_clock():
    when = datetime(2026, 7, 2, 9, 5, tzinfo=UTC)
    assert w.day(date(2026, 11, 26)) == w.day("2026-11-26") == "Thu 26 Nov"
    assert (w.day(None), w.full_day(None)) == ("no date", "no close date")
    assert w.full_day("2027-01-06") == "6 Jan 2027"
    assert (w.clock(when, LONDON), w.when(when, LONDON)) == ("10:05", "Thu 2 Jul, 10:05")
    assert w.everywhere(when, LONDON) == "<!date^1782983100^{date_short_pretty} at {time}|Thu 2 Jul, 10:05>"


def total(amount, deals=1, unknown=0, currency="USD"):
    return MoneySum(currency=currency, amount=amount, deals=deals, unknown=unknown)


@pytest.mark.parametrize(
    ("totals", "long", "short"),
    [
        ([], "nothing", "nothing"),
        ([total(125_000_000, 8, 1)], "USD 1,250,000 (8 deals, 1 of unknown amount)", "USD 1.25M"),
        ([total(100, 1), total(5, 2, 0, "JPY")], "USD 1 (1 deal) + JPY 5 (2 deals)", "USD 1 + JPY 5"),
        ([total(0, 2, 2)], "unknown amount (2 deals)", "unknown amount"),
    ],
)
def test_sums_name_each_currency_and_what_is_unknown(totals, long, short):
    assert (w.sums(totals), w.sums(totals, short=True)) == (long, short)


def test_a_change_is_a_difference_unchanged_or_nothing_to_compare_with():
    assert w.change([total(5_00)], [total(3_00)]) == "+USD 2 since the last note"
    assert w.change([total(3_00)], [total(5_00)]) == "−USD 2 since the last note"
    assert w.change([total(3_00)], [total(3_00)]) == "unchanged since the last note"
    assert w.change([], None) == "first note, nothing to compare with"


@pytest.mark.parametrize(
    ("move", "said"),
    [
        (MoveFact(field="stage", forward=True, before="A", after="B"), "stage A → B"),
        (MoveFact(field="category", forward=True, before="pipeline", after="commit"), "pipeline → commit"),
        (MoveFact(field="amount", forward=True, before=100, after=None), "amount USD 1 → unknown"),
        (MoveFact(field="close_date", forward=False, before="2026-03-01", after="2026-04-01"),
         "close 1 Mar 2026 → 1 Apr 2026"),
        (MoveFact(field="action", forward=True, before="send pricing"), "done: send pricing"),
    ],
)  # fmt: skip
def test_a_movement_is_said_in_words(move, said):
    assert w.moved(move, "USD") == said


def test_people_are_mentioned_when_they_are_in_slack_and_named_otherwise():
    book = make.a_book(make.a_person(1, "Ann"), make.a_person(2, "<Bob>", slack_id=None))
    assert [w.mention(book, 1), w.mention(book, 2), w.mention(book, None)] == ["<@U00001>", "&lt;Bob&gt;", "nobody"]
    assert w.person(book, 1) == "Ann"


LONG = "x" * 5000


def test_every_block_cuts_its_words_to_what_slack_takes():
    made = [
        b.header(LONG), b.section(LONG, accessory=b.button(LONG, "a", "v", confirm=("Sure?", "Really", "Yes"))),
        b.context(LONG), b.divider(), b.actions(b.button(LONG, "a", "v", style="primary"), block_id="x"),
        b.section("x", block_id="y", accessory=b.overflow("o", [(LONG, "1"), ("b", "2")])),
    ]  # fmt: skip
    assert limits.check_blocks(made, "message") == []
    inputs = [
        b.text_input("t", LONG, LONG, hint=LONG, most=300, placeholder="p"), b.date_input("d", LONG, date(2026, 3, 2)),
        b.time_input("h", LONG, "10:00", hint=LONG), b.user_input("u", LONG, "U00001", hint=LONG),
        b.select_input("s", LONG, [(LONG, str(number)) for number in range(300)], "5", hint=LONG),
        b.radio_input("r", "act", LONG, [(LONG, "1"), ("b", "2")], "1"),
    ]  # fmt: skip
    limits.check_modal(b.modal("c", LONG, inputs, submit=LONG, close=LONG))


def test_a_view_never_has_more_than_a_hundred_blocks():
    assert len(limits.check_modal(b.modal("c", "t", [b.divider()] * 300))["blocks"]) == 100


def test_a_button_that_carries_too_much_is_a_mistake_of_ours():
    with pytest.raises(ValueError, match="at most 2000 characters"):
        b.button("x", "a", "v" * 2001)


def test_empty_words_are_still_a_block_slack_takes():
    assert limits.check_blocks([b.section(""), b.context(""), b.header("")], "message") == []


@given(st.lists(st.text(alphabet="ab \n", max_size=400), max_size=60))
def test_long_text_is_cut_between_lines_and_no_line_is_lost(lines):
    text = "\n".join(line.replace("\n", " ") for line in lines)
    made = b.paragraphs(text)
    assert all(len(block["text"]["text"]) <= 3000 for block in made)
    if text.strip():
        kept = "\n".join(block["text"]["text"] for block in made)
        assert [line for line in kept.split("\n") if line.strip()] == [
            line for line in text.split("\n") if line.strip()
        ]
    else:
        assert made == []


VIEW = {
    "state": {
        "values": {
            "text:7": {"value": {"type": "plain_text_input", "value": " hello "}},
            "none:7": {"value": {"type": "plain_text_input", "value": None}},
            "day:7:again": {"value": {"type": "datepicker", "selected_date": "2026-03-12"}},
            "noday": {"value": {"type": "datepicker", "selected_date": None}},
            "hour": {"value": {"type": "timepicker", "selected_time": "10:30"}},
            "nohour": {"value": {"type": "timepicker", "selected_time": None}},
            "who": {"value": {"type": "users_select", "selected_user": "U1"}},
            "choice": {"value": {"type": "static_select", "selected_option": {"value": "done"}}},
            "nochoice": {"value": {"type": "static_select", "selected_option": None}},
            "empty": {},
        }
    }
}


def test_a_form_is_read_back_by_the_names_of_its_fields():
    values = Values(VIEW)
    assert (values.text("text").strip(), values.text("none"), values.text("absent"), values.text("empty")) == (
        "hello", "", "", "",
    )  # fmt: skip
    assert (values.date("day"), values.date("noday")) == (date(2026, 3, 12), None)
    assert (values.time("hour"), values.time("nohour")) == (time(10, 30), None)
    assert (values.user("who"), values.user("absent")) == ("U1", "")
    assert (values.option("choice"), values.option("nochoice")) == ("done", "")
    assert (values.has("text"), values.has("absent")) == (True, False)


def test_errors_stand_on_their_blocks_and_one_without_a_block_on_the_first():
    values = Values(VIEW)
    assert values.on_blocks({"day": "Choose it.", "who": "Nobody."}) == {"day:7:again": "Choose it.", "who": "Nobody."}
    assert values.on_blocks({"partner": "Lost otherwise."}) == {"text:7": "Lost otherwise."}
    assert Values({"state": {"values": {}}}).on_blocks({"x": "No form."}) == {"": "No form."}


def test_two_errors_for_one_block_are_both_said():
    found = Values(VIEW).on_blocks({"text": "One.", "partner": "Two."})
    assert found == {"text:7": "One. Two."}


def test_what_a_form_carries_comes_back_and_old_or_foreign_text_is_refused_kindly():
    state = AnswerState(o=1, d=2, shown={"amount": "ab"}, walk=(1, 2), outcome="done")
    assert AnswerState.load(state.dump()) == state
    assert AnswerState.load("") == AnswerState()
    assert AnswerState.load('{"o": 1, "a field of the future": 2}').o == 1
    for text in ("{", "[]", '{"o": "x"}'):
        with pytest.raises(UserError, match="older version of Cadence"):
            AnswerState.load(text)
    assert Carried().dump() == "{}"
