"""The Home tab: mine today, my partners, a leader's numbers; empty, full and hostile."""

from datetime import date

import pytest

from handlers.home import listeners, page
from handlers.home.ids import Field
from models import homes
from models.cadences import Planned
from models.costs import Cost
from models.domain.fiscal import FiscalYear
from models.domain.notes import Health, MoneySum
from models.homes import DueAction, HomePage, Numbers, PartnerState
from models.tables import Absence, Commitment
from tests import make
from tests.handlers import limits
from tests.handlers.limits import check_home, check_modal
from tests.make import NOW, POLICY

SAID = {"amount": {"value": 5, "by": 1, "at": NOW.isoformat()}}
QUARTER = FiscalYear().quarter_of(date(2026, 3, 2))


def a_page(number=0, words="", **more):
    person = make.a_person(1, words or "Ann", "pm")
    book = make.a_book(person, make.a_person(2, words or "Bob"))
    partners = [make.a_partner(place, words or f"Partner {place}") for place in range(1, number + 1)]
    return HomePage(**{
        "person": person, "book": book, "today": make.TODAY,
        "waiting": tuple((1, make.a_view(place, words=words, days=20)) for place in range(1, number + 1)),
        "actions": tuple(DueAction(make.a_view(place, words=words).action, words or "D") for place in range(1, number + 1)),
        "commitments": tuple(
            (Commitment(id=place, partner_id=1, text=words or "promise", owner_id=1, due=date(2026, 3, 1), state="open",
                        made_in_id=1, made_at=NOW), words or "Acme") for place in range(1, number + 1)),
        "meetings": tuple(Planned(make.a_week(place), make.a_cadence(place), one) for place, one in enumerate(partners, 1)),
        "absences": tuple(Absence(id=place, person_id=1, first_day=date(2026, 4, 1), last_day=date(2026, 4, 2),
                                  cover_id=2 if place % 2 else None, recorded_at=NOW) for place in range(1, number + 1)),
        "covering": (2,) * number,
        "partners": tuple(PartnerState(one, make.a_week() if place % 2 else None, 5, 3, 1, "2 not answered")
                          for place, one in enumerate(partners, 1)),
        "unclosed": tuple((make.a_week(place), one) for place, one in enumerate(partners, 1)),
        "numbers": None, "health": None, "crm_as_of": None, "breach": "", "cost": Cost(number, number * 30),
        "to_mend": tuple(make.a_view(place, words=words, said=SAID) for place in range(1, number + 1)),
        "to_mend_all": number, **more,
    })  # fmt: skip


def shown(home):
    return check_home(page.blocks(home, NOW, POLICY))


def text_of(blocks):
    return "\n".join(limits.words(blocks))


def test_a_quiet_day_says_so():
    text = text_of(shown(a_page()))
    assert "No deal waits for your answer" in text
    assert "Nothing in the next eight days." in text
    assert "No absence planned." in text
    assert "no CRM file yet" in text


@pytest.mark.parametrize("number", [1, 8, 9, 40, 200])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_a_full_day_fits(number, name):
    words = make.HOSTILE.get(name, "")
    total = (MoneySum(currency="USD", amount=5, deals=2, unknown=1),)
    home = a_page(number, words, numbers=Numbers(QUARTER, total, (), None), health=Health(held=1, streak=1),
                  breach="7 Tier 1 partners for one partner manager.",
                  crm_as_of=NOW)  # fmt: skip
    blocks = shown(home)
    assert len(blocks) <= 100
    if number > page.MOST:
        assert f"… and {number - page.MOST} more" in text_of(blocks)


def test_the_numbers_say_when_they_have_no_data():
    total = (MoneySum(currency="USD", amount=5_00, deals=2, unknown=1),)
    text = text_of(shown(a_page(numbers=Numbers(QUARTER, total, (), None), health=Health())))
    assert "closing in 2026Q1: *USD 5 (2 deals, 1 of unknown amount)*" in text
    assert "closed-won in 2025Q4: *nothing*" in text
    assert "closing in 2026Q2: _no data: no imported deal says “sourced” yet_" in text
    assert "no meeting has been due yet this quarter" in text


def test_each_partner_says_what_blocks_its_next_note():
    text = text_of(shown(a_page(2)))
    assert (
        "• *Partner 1*: Thu 5 Mar, 10:00 · 3 of 5 deals answered · 1 stalled · :hourglass_flowing_sand: 2 not answered"
        in text
    )
    assert "• *Partner 2*: :warning: 2 not answered" in text


def test_one_review_to_close_opens_it_and_several_walk():
    assert "Close…" in limits.labels(shown(a_page(1)))
    assert "Close 3…" in limits.labels(shown(a_page(3)))


def test_what_is_overdue_is_marked():
    text = text_of(shown(a_page(1)))
    assert "send pricing, by Thu 12 Mar" in text
    assert "promise, :warning: overdue since Sun 1 Mar · commitment to Acme" in text


def test_the_absence_form_has_its_three_fields():
    view = check_modal(listeners.away_form())
    assert limits.ids(view["blocks"]) == list(Field)


@pytest.mark.parametrize("role", ["ae", "pm", "head"])
async def test_the_page_is_made_from_the_rows(sqlite, role):
    async with sqlite.write() as session:
        team = await make.small(session, deals=4)
        team.week.state = "prompted"
        await make.action(session, team.deals["Deal 0"], team.ann, due=date(2026, 3, 4))
        (await make.current(session, team.deals["Deal 0"])).attribution = "sourced"
        await session.flush()
        person = {"ae": team.ann, "pm": team.pm, "head": team.head}[role]
        home = await homes.load(session, person, now=NOW, policy=POLICY)
    text = text_of(shown(home))
    assert ("2 deals waiting for your answer" in text) is (role == "ae")
    assert ("send pricing, by Wed 4 Mar" in text) is (role == "ae")
    assert ("My Tier 1 partners" in text) is (role == "pm")
    assert ("Three numbers" in text) is (role == "head")
    assert "Thu 5 Mar, 10:00 · Acme" in text


async def test_home_costs_the_same_number_of_statements_however_many_deals(tmp_path):
    found = []
    for number in (3, 150):
        async with make.opened(f"sqlite:///{tmp_path / f'{number}.db'}") as db:
            async with db.write() as session:
                team = await make.small(session, deals=number)
                team.week.state = "prompted"
            with make.counting(db) as statements:
                async with db.read() as session:
                    for who in (team.ann, team.pm, team.head):
                        await homes.load(session, who, now=NOW, policy=POLICY)
            found.append(len(statements))
    assert found[0] == found[1]


async def test_a_deal_asked_for_in_two_weeks_waits_once(sqlite):
    """Nobody closed last week's review, this week's prompt is out: it is one deal, not two."""
    async with sqlite.write() as session:
        team = await make.small(session, deals=4)
        team.week.state = "prompted"
        following = await make.occurrence(session, team.cadence, "2026-W11")
        following.state = "prompted"
        await session.flush()
        home = await homes.load(session, team.ann, now=NOW, policy=POLICY)
    assert len(home.waiting) == 2
    assert {occurrence_id for occurrence_id, _ in home.waiting} == {following.id}, "the newer question stands"
