"""The modal of the examination: from nothing found to more than fits, with hostile words in every finding."""

import pytest

from handlers.cadence import overview
from handlers.doctor import page
from models.checkup import Check, good, look, wrong
from tests import make
from tests.handlers import limits
from tests.handlers.limits import check_modal
from tests.handlers.test_cadence import a_page


def text_of(view):
    return "\n".join(limits.words(view["blocks"]))


def some(number, words=""):
    return [
        made
        for place in range(number)
        for made in (
            good(Check.DEALS, words or f"good {place}"),
            look(Check.PEOPLE, words or f"odd {place}", words or "look there"),
            wrong(Check.CHANNELS, words or f"bad {place}", words or "mend this"),
        )
    ]


@pytest.mark.parametrize("number", [0, 1, 10, 28, 29, 300])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_any_number_of_findings_fits(number, name):
    check_modal(page.found(some(number, make.HOSTILE.get(name, ""))))


def test_what_stands_there_can_be_copied_as_it_is():
    view = page.found([look(Check.PEOPLE, "x", "Set CADENCE_LEADERSHIP_CHANNEL; pm_email, *.csv")])
    assert "Set CADENCE_LEADERSHIP_CHANNEL; pm_email, *.csv" in text_of(view)


def test_while_it_looks_it_says_so():
    assert text_of(check_modal(page.looking())).endswith("Looking…")


def test_the_worst_stands_first_and_each_says_how_to_mend_it():
    view = page.found(some(1))
    assert limits.words(view["blocks"]) == [
        "*1 wrong, 1 to look at, 1 good*", "*Wrong*", ":x: bad 0\n→ mend this", "*Worth a look*",
        ":warning: odd 0\n→ look there", "*Good*", ":white_check_mark: good 0",
    ]  # fmt: skip


def test_only_good_findings_need_no_headings_of_trouble():
    text = text_of(page.found([good(Check.DEALS, "fine"), good(Check.CRM, "fresh")]))
    assert text.startswith("*All is well: 2 checks.*")
    assert "Wrong" not in text
    assert "Worth a look" not in text


def test_what_does_not_fit_is_counted_under_its_heading():
    view = page.found(some(300))
    text = text_of(view)
    assert "*300 wrong, 300 to look at, 300 good*" in text
    more = [line for line in text.splitlines() if line.startswith("… and ")]
    shown = text.count(":x: bad") + text.count(":warning: odd") + text.count(":white_check_mark: good")
    assert sum(int(line.split()[2]) for line in more) + shown == 900
    assert all("`cadence doctor`" in line for line in more)
    assert "*Good*" in text, "nothing is left out in silence"


@pytest.mark.parametrize(
    ("role", "offered"),
    [("admin", True), ("head", True), ("pm", False), ("ae", False), ("cro", False), ("cfo", False), ("ceo", False)],
)
def test_it_is_offered_to_those_who_may(role, offered):
    view = check_modal(overview.modal(a_page(1, actor=make.a_person(1, "Pat", role))))
    assert ("Check the installation…" in limits.labels(view)) is offered
