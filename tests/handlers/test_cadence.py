"""`/cadence` and its forms: from nothing planned to a hundred reviews, hostile words, and what the forms give back."""

from datetime import date, time, timedelta

import pytest

from handlers.cadence import forms, overview
from handlers.cadence.forms import Moved, SetUp, SetUpPage
from handlers.cadence.ids import Field, MenuRef, Ref
from handlers.cadence.overview import CadencePage
from models.cadences import Planned
from models.domain.notes import Health
from models.domain.zones import zone
from tests import make
from tests.handlers import limits
from tests.handlers.limits import check_modal
from tests.handlers.test_deal_review import submitted
from tests.make import NOW, POLICY

LONDON = zone("Europe/London")


def a_page(number=0, *, words="", actor=None, **more):
    book = make.a_book(*(make.a_person(place, words or f"Person {place}") for place in range(1, 20)))
    planned = tuple(
        Planned(make.a_week(place, **more.get(f"week_{place}", {})), make.a_cadence(place),
                make.a_partner(place, words or f"Partner {place}"))
        for place in range(1, number + 1)
    )  # fmt: skip
    more = {name: value for name, value in more.items() if not name.startswith("week_")}
    return CadencePage(**{
        "actor": actor or make.a_person(1, "Pat", "pm"), "planned": planned, "unanswered": {}, "waiting": (),
        "allowed": frozenset(range(1, number + 1)), "problems": (), "health": Health(), "week": "Week 9 of 2026Q1",
        "clocks": LONDON, "book": book, **more,
    })  # fmt: skip


def text_of(view):
    return "\n".join(limits.words(view["blocks"]))


@pytest.mark.parametrize("number", [0, 1, 20, 21, 100])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_any_number_of_reviews_fits(number, name):
    words = make.HOSTILE.get(name, "")
    page = a_page(
        number, words=words, problems=(words or "x",) * 30, paused=(words or "x",) * 200, near=(words or "x",), query=words,
        waiting=tuple((make.a_week(place), make.a_partner(place, words or "x")) for place in range(1, number + 1)),
        unanswered={place: tuple(range(1, 20)) for place in range(1, number + 1)}, health=Health(held=3, streak=3),
        week_1={"moved_at": NOW, "moved_reason": words, "moved_by_id": 1}, week_2={"state": "skipped", "skip_reason": words},
    )  # fmt: skip
    view = check_modal(overview.modal(page))
    if number > overview.MOST_ROWS:
        assert f"… and {number - overview.MOST_ROWS} more. `/cadence acme` shows one partner." in text_of(view)
        assert f"*Not closed* ({number} reviews)" in text_of(view)
    assert "… and 22 more" in text_of(view)


@pytest.mark.parametrize(
    ("week", "said"),
    [
        ({"state": "planned"}, "planned"),
        ({"state": "prompted"}, "prompts are out"),
        ({"state": "skipped", "skip_reason": "ill"}, ":warning: skipped: ill"),
        ({"state": "no_meeting", "skip_reason": "Easter"}, "no meeting: Easter"),
        ({"state": "held"}, "held"),
        ({"state": "held_late"}, "held late"),
        ({"moved_at": NOW, "moved_by_id": 2, "moved_reason": "ill"}, "prompts are out · moved by Person 2: ill"),
        ({"nominal_day": date(2026, 3, 6)}, "prompts are out · instead of Fri 6 Mar, a holiday"),
    ],
)
def test_each_review_says_how_it_stands(week, said):
    text = text_of(overview.modal(a_page(1, week_1=week)))
    assert f"*Partner 1* · Thu 5 Mar, 10:00–10:30 · Person 1\n{said}" in text


def test_who_has_not_answered_is_named_and_the_rest_counted():
    text = text_of(overview.modal(a_page(2, unanswered={1: tuple(range(1, 10)), 2: ()})))
    assert "waiting for Person 1, Person 2, Person 3, Person 4, Person 5, Person 6 and 3 more" in text
    assert "everybody has answered" in text


def test_only_who_may_plan_gets_the_menu_and_the_button():
    planner = overview.modal(a_page(1))
    assert sum(held.get("type") == "overflow" for held in limits.walk(planner)) == 1
    reader = overview.modal(a_page(1, actor=make.a_person(1, "Ann", "ae"), allowed=frozenset()))
    assert not any(held.get("type") == "overflow" for held in limits.walk(reader))
    assert "Set up a weekly review" not in limits.labels(reader)
    settled = overview.modal(a_page(1, week_1={"state": "skipped"}))
    assert not any(held.get("type") == "overflow" for held in limits.walk(settled))


def test_the_menu_remembers_what_it_asks_for():
    (menu,) = [held for held in limits.walk(overview.modal(a_page(1))) if held.get("type") == "overflow"]
    assert [MenuRef.load(option["value"]).m for option in menu["options"]] == ["bump", "skip", "change", "pause"]


@pytest.mark.parametrize(("role", "may"), [("pm", True), ("head", True), ("admin", False)])
def test_closing_is_offered_to_those_who_may_close(role, may):
    waiting = ((make.a_week(1), make.a_partner(1)),)
    view = overview.modal(a_page(1, actor=make.a_person(1, "Pat", role), waiting=waiting))
    assert ("Close…" in limits.labels(view)) is may


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "Nothing is planned in the next two weeks. Start with one cadence"),
        ({"query": "acm", "near": ("Acme",)}, "No partner of yours matches “acm”. Did you mean `/cadence Acme`?"),
        ({"query": "acm"}, "No partner of yours matches “acm”, or nothing is planned for it."),
    ],
)
def test_nothing_planned_says_what_to_do(more, said):
    assert said in text_of(overview.modal(a_page(**more)))


def test_health_is_said_when_there_is_any():
    assert overview.health_line(Health()) == "No review has been due yet this quarter."
    assert overview.health_line(Health(held=4, late=1, streak=3)) == (
        "This quarter: 4 held · 3 in a row · 1 late · 0 skipped · 0 without meeting"
    )


def a_set_up(number=1, *, words="", **more):
    partners = [make.a_partner(place, words or f"Partner {place}") for place in range(1, number + 1)]
    return SetUpPage(**{
        "partners": partners, "running": {1: make.a_cadence(1)}, "chosen": partners[0] if partners else None, "weekday": 3,
        "at": time(10), "minutes": 30, "zone": "Europe/London", **more,
    })  # fmt: skip


@pytest.mark.parametrize("number", [1, 23, 300])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_the_set_up_form_fits_and_gives_back_what_it_showed(number, name):
    words = make.HOSTILE.get(name, "")
    view = check_modal(forms.set_up(a_set_up(number, words=words, warning=words, free=(time(10), time(10, 30)))))
    assert forms.parse_set_up(submitted(view), POLICY) == SetUp(1, 3, time(10), 30)
    assert {block["block_id"].split(":")[0] for block in view["blocks"] if block["type"] == "input"} == {
        Field.PARTNER, Field.WEEKDAY, Field.AT, Field.MINUTES,
    }  # fmt: skip


def test_an_hour_or_length_of_an_imported_cadence_that_is_no_choice_falls_back_to_the_defaults():
    view = check_modal(forms.set_up(a_set_up(minutes=20)))
    assert forms.parse_set_up(submitted(view), POLICY).minutes in (20, POLICY.review_minutes)
    assert forms.parse_set_up({"state": {"values": {}}}, POLICY) == SetUp(0, 3, time(10), 30)


@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_the_small_forms_fit_and_name_the_review(name):
    words = make.HOSTILE.get(name, "")
    week, partner = make.a_week(7), make.a_partner(1, words or "Acme")
    for view in (
        forms.bump(week, partner.name, LONDON),
        forms.skip(week, partner.name, LONDON),
        forms.pause(week, partner),
    ):
        check_modal(view)
        assert Ref.load(view["private_metadata"]).o == 7


def test_a_bump_starts_from_where_the_review_stands_in_the_meetings_own_zone():
    auckland = zone("Pacific/Auckland")
    view = forms.bump(make.a_week(), make.a_partner().name, auckland)
    assert forms.parse_bump(submitted(view)) == Moved(date(2026, 3, 5), time(23), "")
    assert forms.parse_bump(submitted(view, day=None, at=None, reason="ill")) == Moved(None, None, "ill")
    assert timedelta(minutes=30) == make.a_week().ends_at - make.a_week().starts_at
