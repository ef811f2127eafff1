"""The page on the cadence's health and hours, and the message on skipped meetings: none, one, too many, hostile, by right."""

from datetime import date, timedelta

import pytest

from handlers.health import messages, page
from handlers.health.page import HealthPage
from models import cadence_health
from models.cadence_health import Happening, Met, Series, Stretch, Told
from models.costs import ChannelCost
from models.domain.notes import Health
from models.domain.zones import zone
from models.hours import Hours
from models.tables import Outbox
from tests import make
from tests.handlers import limits
from tests.handlers.limits import check_message, check_modal
from tests.make import NOW, POLICY

LONDON = zone("Europe/London")
KEPT = Health(held=5, late=1, skipped=2, no_meeting=1, streak=3)


def a_happening(number=1, words="ill", **more):
    return Happening(**{"what": "skipped", "day": date(2026, 2, 12), "at": NOW - timedelta(days=number), "by_id": 1,
                        "side": "ours", "reason": words, **more})  # fmt: skip


def a_series(number=1, words="", **more):
    return Series(**{
        "cadence_id": number, "meeting": words or "Weekly deal review", "partner": words or f"Partner {number}",
        "partner_id": number, "owner_id": number % 25 + 1, "is_review": True, "health": KEPT, "skips_in_a_row": 0,
        "happenings": (), **more,
    })  # fmt: skip


def some_hours(number=1, **more):
    return Hours(**{"person_id": number, "this_week": 310, "total": 310 * 13, "weeks": 13, "peak": 450, "peak_week": 9,
                    "tier1": 3, **more})  # fmt: skip


def a_page(number=0, words="", **more):
    book = make.a_book(*(make.a_person(place, words or f"Person {place}") for place in range(1, 400)))
    return HealthPage(**{
        "week": "2026Q1, week 9 of 13",
        "series": tuple(a_series(place, words, partner_id=None if place % 7 == 0 else place,
                                 happenings=tuple(a_happening(each, words) for each in range(min(number, 20))))
                        for place in range(1, number + 1)),
        "hours": tuple(some_hours(place) for place in range(1, number + 1)), "book": book, "clocks": LONDON,
        "messages": tuple((place, 3) for place in range(1, number + 1)),
        "channels": tuple(ChannelCost(f"C{place}", words or f"channel-{place}", 2) for place in range(1, number + 1)),
        **more,
    })  # fmt: skip


def text_of(view):
    return "\n".join(limits.words(view["blocks"]))


@pytest.mark.parametrize("number", [0, 1, 3, 40, 350])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_any_number_of_series_fits(number, name):
    view = check_modal(page.modal(a_page(number, make.HOSTILE.get(name, ""))))
    assert "Messages sent this week" in text_of(view), "nothing was cut by the last resort"
    text = text_of(view)
    assert "Messages sent this week" in text
    if number > page.MOST_PEOPLE:
        assert f"… and {number - page.MOST_PEOPLE} more people" in text
        assert f" · and {number - page.MOST_SENT} more" in text
        assert "more series of" in text


def test_nothing_planned_says_so():
    text = text_of(page.modal(a_page()))
    assert "No meeting is planned this quarter." in text
    assert "To people: none\nTo channels: none" in text


def test_each_series_is_one_line_and_what_happened_names_who_when_whose_side_and_why():
    one = a_series(
        skips_in_a_row=2,
        happenings=(
            a_happening(1, by_id=None, reason="not closed"),
            a_happening(2, what="no_meeting", side="partner", words="they are away"),
            a_happening(3, what="moved", side="", words="travel"),
        ),
    )
    text = text_of(page.modal(a_page(series=(one, a_series(2, owner_id=2, health=Health())))))
    assert (
        "• *Partner 1*, Weekly deal review: 5 held · 1 late · 2 skipped · 1 without meeting · 3 held in a row · "
        ":warning: 2 skipped in a row" in text
    )
    assert "*Partner 1*, Weekly deal review, Thu 12 Feb: skipped on Sun 1 Mar, our side: “not closed”" in text
    assert "Thu 12 Feb: called off by Person 1 on Sat 28 Feb, the partner's side: “they are away”" in text
    assert "Thu 12 Feb: moved by Person 1 on Fri 27 Feb: “travel”" in text
    assert "_1 series with nothing due yet this quarter_" in text


def test_partner_managers_come_first_the_most_skipped_on_top_and_company_meetings_by_their_lead():
    series = (
        a_series(1, owner_id=1),
        a_series(2, owner_id=2, skips_in_a_row=3),
        a_series(3, owner_id=3, partner="", partner_id=None, meeting="Partner team call", skips_in_a_row=4),
    )
    text = text_of(page.modal(a_page(series=series)))
    titles = ["*Partners of Person 2*", "*Partners of Person 1*", "*Company meetings led by Person 3*"]
    assert [text.index(title) for title in titles] == sorted(text.index(title) for title in titles)
    assert "• *Partner team call*: 5 held" in text


def test_too_many_series_and_happenings_of_one_manager_are_counted():
    series = tuple(a_series(place, owner_id=1, happenings=(a_happening(place),)) for place in range(1, 21))
    text = text_of(page.modal(a_page(series=series)))
    assert f"… and {20 - page.MOST_SERIES} more series, {2 * (20 - page.MOST_SERIES)} skipped in them" in text
    assert f"… and {20 - page.MOST_HAPPENINGS} more" in text


def test_hours_say_this_week_average_peak_and_what_a_managers_partners_may_cost():
    spent = (some_hours(1), some_hours(2, total=380 * 13), some_hours(3, tier1=0), some_hours(4, tier1=5))
    lines = text_of(page.modal(a_page(hours=spent))).split("\n")
    start = next(place for place, line in enumerate(lines) if line.startswith("• *Person 2*"))
    assert lines[start : start + 7] == [
        "• *Person 2*: 5 h 10 this week · 6 h 20 on average · peak week 9: 7 h 30",
        "   :warning: 6 h 20 a week on average; 6 h is what three Tier 1 partners may cost",
        "• *Person 1*: 5 h 10 this week · 5 h 10 on average · peak week 9: 7 h 30",
        "   5 h 10 a week on average; 6 h is what three Tier 1 partners may cost",
        "• *Person 3*: 5 h 10 this week · 5 h 10 on average · peak week 9: 7 h 30",
        "• *Person 4*: 5 h 10 this week · 5 h 10 on average · peak week 9: 7 h 30",
        "   5 h 10 a week on average; 10 h is what 5 Tier 1 partners may cost",
    ]


def test_a_private_channel_that_only_its_id_is_known_of_is_not_named():
    text = text_of(page.modal(a_page(channels=(ChannelCost("C2", "", 4), ChannelCost("C1", "p-acme", 2)))))
    assert "To channels: a private channel 4 · #p-acme 2" in text


@pytest.mark.parametrize("role", ["head", "cro", "cfo", "ceo", "admin", "pm", "ae"])
async def test_leaders_see_all_a_manager_their_own_and_a_seller_their_own_hours(sqlite, role):
    async with sqlite.write() as session:
        team = await make.small(session)
        other = await make.person(session, "Olga Other", "pm")
        await make.review(session, await make.partner(session, "Second", other))
        session.add(Outbox(key="k", nonce="n", template="agenda", channel_ref="p-acme", due_at=NOW, created_at=NOW,
                           state="sent", sent_at=NOW))  # fmt: skip
        own = {"head": team.head, "pm": team.pm, "ae": team.ann}
        actor = own.get(role) or await make.person(session, "Cleo Chief", role)
        found = await page.load(session, actor, now=NOW, policy=POLICY)
    view = check_modal(page.modal(found))
    text = text_of(view)
    wide = role not in ("pm", "ae")
    assert ("Partners of Olga Other" in text, "*Olga Other*: " in text) == (wide, wide)
    assert ("Partners of Pat Manager" in text) is (role != "ae")
    assert ("#p-acme 1" in text) is ("Messages sent this week" in text) is wide
    assert ("*Ann Seller*: 20 min this week" in text) is (role != "pm")
    assert ("*Pat Manager*: 40 min this week" in text) is (role != "ae")
    assert "2026Q1, week 9 of 13" in text


async def test_the_page_costs_the_same_number_of_statements_however_many_partners(tmp_path):
    found = []
    for number in (1, 25):
        async with make.opened(f"sqlite:///{tmp_path / f'{number}.db'}") as db:
            async with db.write() as session:
                team = await make.small(session)
                for place in range(number):
                    other = await make.person(session, f"P{place} X", "pm")
                    await make.review(session, await make.partner(session, f"N{place}", other))
            with make.counting(db) as statements:
                async with db.read() as session:
                    await page.load(session, team.head, now=NOW, policy=POLICY)
            found.append(len(statements))
    assert found[0] == found[1]


# The message.


def skips(number, words="", **more):
    return tuple(
        Met(**{"id": place, "cadence_id": 1, "day": date(2026, 2, 5) + timedelta(weeks=place), "starts_at": NOW,
               "state": "skipped", "side": "ours", "reason": words or f"why {place}", "recorded_at": NOW, "by_id": 1, **more})
        for place in range(number)
    )  # fmt: skip


def told(*stretches, owner=1, level=2):
    return Told(owner, level, tuple(stretches))


def a_stretch(number=2, words="", partner="Acme", **more):
    return Stretch(1, words or "Weekly deal review", words or partner, 1, skips(number, words, **more))


BOOK = make.a_book(make.a_person(1, "Pat Manager"))


def test_the_message_says_what_for_how_long_whose_side_why_and_what_to_do():
    found = check_message(messages.message(told(a_stretch()), BOOK))
    assert found.text.split("\n") == [
        "*Meetings skipped in a row* · partner manager Pat Manager",
        "• *Acme*, Weekly deal review: 2 skipped in a row since Thu 5 Feb, our side",
        "   Thu 12 Feb: “why 1” (Pat Manager) · Thu 5 Feb: “why 0” (Pat Manager)",
        "   To move it, change its hour or pause it: `/cadence Acme`",
        "Two in a row reach the head of partnerships. Holidays and the partner's cancellations are not counted.",
    ]
    assert limits.labels(found.blocks) == ["All meetings…"]


def test_a_company_meeting_is_led_by_somebody_and_what_nobody_closed_has_no_name():
    one = a_stretch(3, partner="", by_id=None, reason="not closed")
    text = check_message(messages.message(told(one, level=3), BOOK)).text
    assert text.startswith(
        "*Meetings skipped in a row* · led by Pat Manager\n• *Weekly deal review*: 3 skipped in a row"
    )
    assert "Thu 19 Feb: “not closed” · Thu 12 Feb: “not closed” · Thu 5 Feb: “not closed”\n" in text
    assert "change its hour or pause it: `/cadence`\n" in text
    assert "Three in a row reach the CRO as well as the head of partnerships." in text


def test_a_long_row_is_quoted_in_part_and_counted():
    text = messages.message(told(a_stretch(10)), BOOK).text
    assert "10 or more skipped in a row" in text
    assert " · and 7 before\n" in text


@pytest.mark.parametrize("number", [1, 2, 40])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_any_number_of_series_fits_into_the_message(number, name):
    words = make.HOSTILE.get(name, "")
    book = make.a_book(make.a_person(1, words or "Pat"))
    found = check_message(messages.message(told(*(a_stretch(5, words) for _ in range(number)), level=3), book))
    if number > messages.MOST_SERIES:
        assert " more series; `/cadence` shows them" in found.text


async def test_the_message_is_made_from_the_rows_and_nothing_is_said_of_what_is_gone(sqlite):
    async with sqlite.write() as session:
        team = await make.small(session, deals=0)
        ids = []
        for slot in ("2026-W10", "2026-W11"):
            week = await make.occurrence(session, team.cadence, slot)
            week.state, week.skip_side, week.skip_reason, week.closed_by_id = (
                "skipped",
                "ours",
                "<!here> ill",
                team.pm.id,
            )
            ids.append(week.id)
        await session.flush()
        args = {"owner": team.pm.id, "level": 2, "series": [[team.cadence.id, ids]]}
        found = check_message(await messages.render(session, args, now=NOW, policy=POLICY))
        args = {"owner": team.pm.id, "level": 2, "series": [[999, [998]]]}
        assert await messages.render(session, args, now=NOW, policy=POLICY) is None
        assert (await cadence_health.told(session, args)).stretches == ()
    assert "*Acme*, Weekly deal review: 2 skipped in a row since Thu 5 Mar" in found.text
    assert "“&lt;!here&gt; ill” (Pat Manager)" in found.text
