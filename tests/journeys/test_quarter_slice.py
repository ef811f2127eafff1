"""One week of the quarter that `make bench` lives, by the same hands: what came of it, not how long it took."""

from datetime import date

from tests.driving import Company, demo, driver


async def test_a_week_of_the_demo_company_driven_from_event_to_event(tmp_path):
    async with demo(tmp_path / "demo.db", date(2026, 9, 7)) as url, driver(url) as slack:
        company = Company(slack)
        await company.meet()
        week = await company.live_a_week()
        messages = [row for row in await slack.get("log", kind="api", method="chat.postMessage") if row["ok"]]
    assert week.slot == "2026-W37"
    assert (week.forms, week.unchanged, week.closed) == (50, 0, 9)
    assert (len(week.asked), len(week.closers), len(week.noted)) == (6, 2, 9)
    assert week.below == 9 + len(week.closers), "every partner's note, and each manager's other partners"
    assert week.messages == len(messages)
    assert "9 of 9 partners closed" in week.friday["text"]
