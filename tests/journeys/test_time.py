"""Hours: zones, holidays, clock changes, and a bot that was away. Nothing early, nothing doubled, nothing at night."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from models.domain.zones import zone
from tests.journeys.support import (
    journey,
    kinds,
    note_of,
    occurrences,
    posted,
    posted_local,
    press_row,
    promise_two,
    shown,
    steps,
)
from tests.world import Human, deal, small_team

AROUND = (
    ("Anna Auckland", "Pacific/Auckland"),
    ("Nora New York", "America/New_York"),
    ("Hoku Honolulu", "Pacific/Honolulu"),
)


def around_the_world(**more):
    people = [Human("Pat Manager", "pm"), Human("Hedda Lead", "head"), *(Human(name, zone=at) for name, at in AROUND)]
    deals = [deal(number, name) for number, (name, _) in enumerate(AROUND, 1)]
    return small_team(**({"people": people, "deals": deals} | more))


async def test_people_in_auckland_new_york_and_honolulu_are_each_asked_at_ten_of_their_own_day(sqlite_url):
    async with journey(around_the_world(), sqlite_url) as local:
        await local.to("Thu 10:30")
        for name, prompt, nudge in (
            ("Anna Auckland", "Wed 10:00", "Thu 08:00"),  # her review is on Thursday at 23:00
            ("Nora New York", "Wed 10:00", "Wed 15:00"),  # 05:00: nobody is nudged then
            ("Hoku Honolulu", "Wed 10:00", "Wed 15:00"),  # midnight
        ):
            assert await posted_local(local, name, "prompt") == [prompt], name
            assert await posted_local(local, name, "nudge") == [nudge], name
        agenda = (await local.bot_messages("p-acme"))[-1]
        assert "<!date^" in agenda["text"], "everybody reads the hour on their own clock"
        assert "Anna Auckland" in agenda["text"]
        assert agenda["mentions"] == [], "all three are named; nobody's telephone rings at night"
        assert "Wed 4 Mar, 23:00" in shown(
            await local.card("Hoku Honolulu", "Your deals")
        ) or "Thu 5 Mar, 00:00" in shown(await local.card("Hoku Honolulu", "Your deals"))


CHANGES = [
    ("Europe/London", datetime(2026, 3, 16, 8, tzinfo=UTC), "the EU's clocks go forward on 29 March"),
    ("Europe/Berlin", datetime(2026, 10, 12, 6, tzinfo=UTC), "the EU's clocks go back on 25 October"),
    ("America/New_York", datetime(2026, 2, 23, 13, tzinfo=UTC), "America's clocks go forward on 8 March"),
    ("America/Los_Angeles", datetime(2026, 10, 19, 15, tzinfo=UTC), "America's clocks go back on 1 November"),
]


@pytest.mark.parametrize(("place", "start", "why"), CHANGES, ids=[why for _, _, why in CHANGES])
async def test_three_weeks_around_a_clock_change_are_asked_at_ten_and_noted_at_three(sqlite_url, place, start, why):
    people = [
        Human("Pat Manager", "pm", place), Human("Ann Seller", zone=place), Human("Hedda Lead", "head", place),
        Human("Yuki Afar", zone="Asia/Tokyo"), Human("Lena London", zone="Europe/London"),
    ]  # fmt: skip
    deals = [
        deal(n, name, close_date="2026-12-15") for n, name in enumerate(("Ann Seller", "Yuki Afar", "Lena London"), 1)
    ]
    async with journey(small_team(people=people, deals=deals, zone=place, start=start), sqlite_url) as local:
        for number in range(3):
            await local.to("Fri 15:00")
            await local.to(await local.now() + timedelta(days=2 if number < 2 else 0))
        assert await posted_local(local, "Ann Seller", "prompt") == ["Wed 10:00"] * 3
        for name, at in (("Yuki Afar", "Asia/Tokyo"), ("Lena London", "Europe/London")):
            held = [row.starts_at.astimezone(zone(at)) for row in (await occurrences(local))[:3]]
            before = [f"{(one - timedelta(days=1)):%a} 10:00" for one in held]
            assert await posted_local(local, name, "prompt") == before, name
        notes = [row for row in await local.bot_messages("leadership") if row["text"].startswith("*Partnerships week")]
        assert [f"{posted(row).astimezone(zone(place)):%a %H:%M}" for row in notes] == ["Fri 15:00"] * 3
        agendas = [f"{posted(row).astimezone(zone(place)):%a %H:%M}" for row in await local.bot_messages("p-acme")]
        assert agendas == ["Thu 09:50"] * 3
        assert len({row.slot for row in await occurrences(local)}) == len(await occurrences(local))


HOLIDAYS = [
    # calendar, zone, the Monday, where the review goes, when the prompt was, when the Friday note
    (
        "US",
        "America/New_York",
        datetime(2026, 11, 23, 13, tzinfo=UTC),
        "Wed 25 Nov 10:00",
        "Tue 10:00",
        "Fri 27 Nov 15:00",
    ),
    (
        "GB-ENG",
        "Europe/London",
        datetime(2026, 3, 30, 8, tzinfo=UTC),
        "Thu 02 Apr 10:00",
        "Wed 10:00",
        "Thu 02 Apr 15:00",
    ),
    (
        "US",
        "America/New_York",
        datetime(2026, 6, 29, 12, tzinfo=UTC),
        "Thu 02 Jul 10:00",
        "Wed 10:00",
        "Thu 02 Jul 15:00",
    ),
    ("DE", "Europe/Berlin", datetime(2026, 5, 11, 7, tzinfo=UTC), "Wed 13 May 10:00", "Tue 10:00", "Fri 15 May 15:00"),
]


@pytest.mark.parametrize(
    ("code", "place", "start", "review", "prompt", "note"), HOLIDAYS,
    ids=["Thanksgiving", "Good Friday", "Independence Day on a Friday", "Ascension Day"],
)  # fmt: skip
async def test_a_holiday_moves_the_review_or_the_note_to_the_business_day_before(
    sqlite_url, code, place, start, review, prompt, note
):
    people = [Human("Pat Manager", "pm", place), Human("Ann Seller", zone=place), Human("Hedda Lead", "head", place)]
    team = small_team(
        people=people, deals=[deal(1, "Ann Seller", close_date="2026-12-15")], zone=place, holidays=code, start=start
    )
    async with journey(team, sqlite_url) as local:
        await local.to(start + timedelta(days=4, hours=10))
        clocks = zone(place)
        first = (await occurrences(local))[0]
        assert f"{first.starts_at.astimezone(clocks):%a %d %b %H:%M}" == review
        assert await posted_local(local, "Ann Seller", "prompt") == [prompt]
        (root,) = await local.bot_messages("leadership")
        assert f"{posted(root).astimezone(clocks):%a %d %b %H:%M}" == note
        assert "late" not in root["text"].split("\n")[0]
        assert (await kinds(local, "Pat Manager"))[0] == "close"


async def test_a_bot_that_was_off_from_wednesday_to_saturday_says_what_is_late_and_sends_nothing_in_a_burst(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        await local.to("Wed 09:00")
        await local.stop_bot()
        await local.to("Sat 11:00")
        await local.start_bot()
        await local.get("clock")
        await local.to("Sun 23:00")
        assert await local.get("messages") == [], "nothing on a weekend"
        for kind, number in (("prompt", 2), ("nudge", 2), ("agenda", 1), ("close_nudge", 1)):
            assert [row.state for row in await steps(local, kind)] == ["late"] * number, kind
        await local.to("Mon 07:59")
        assert await local.get("messages") == []
        await local.to("Mon 08:00")
        assert await kinds(local, "Pat Manager") == ["close"]
        assert await local.dms("Ann Seller") == []
        (root,) = await local.bot_messages("leadership")
        assert posted(root).isoformat() == "2026-03-09T08:00:00+00:00"
        assert "*Partnerships week 2026-W10*" in root["text"]
        assert "_late: written Mon 9 Mar, 08:00_" in root["text"]
        assert "not closed, waiting for Pat Manager" in root["text"]
        await local.command("Pat Manager", "/cadence")
        words = shown(await local.view("Pat Manager"))
        assert "To mend" in words
        for late in (
            "prompts for 2 people came too late",
            "the agenda came too late",
            "nudges for 2 people came too late",
        ):
            assert f"Acme, 2026-W10: {late}" in words, words
        await press_row(local, "Pat Manager", (await local.dms("Pat Manager"))[0], "Acme")
        await promise_two(local, "Pat Manager", "2026-03-19", open_=False)
        assert "late: closed Mon 9 Mar, 08:00" in (await note_of(local, "p-acme"))["text"]
        assert len(await local.bot_messages("leadership")) == 2
        # The week after is an ordinary one.
        await local.to("Fri 15:00")
        assert await posted_local(local, "Ann Seller", "prompt") == ["Wed 10:00"]
        assert Counter(await kinds(local, "Pat Manager")) == {"close": 2, "close_nudge": 1}


async def test_the_same_hour_lived_twice_by_a_restarted_bot_sends_nothing_twice(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        for stop in ("Wed 10:00", "Thu 08:00", "Thu 09:50", "Thu 10:30", "Fri 12:00", "Fri 15:00"):
            await local.to(stop)
            before = [(row["ts"], row["text"]) for row in await local.get("messages")]
            await local.stop_bot()
            await local.start_bot()
            await local.get("clock")
            await local.to(await local.now())
            assert [(row["ts"], row["text"]) for row in await local.get("messages")] == before, stop
