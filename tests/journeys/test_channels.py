"""Channels that were archived, left, shared, or are private: nothing internal goes astray, and a person hears of it once."""

from datetime import timedelta
from typing import Any

import pytest

from tests.journeys.support import journey, outbox, promise_two, shown
from tests.world import BOT_TOKEN, BOT_USER, Local, small_team

TROUBLE = [
    ("archive", {}, "failed", "archived"),
    ("kick", {"user": BOT_USER}, "failed", "not in"),
    ("share", {}, "held", "shared"),
    ("share", {"pending": True}, "held", "shared"),
]

DESK = "Nothing of it reaches a partner before that"


async def reported(local: Local, name: str, state: str = "held") -> list[dict[str, Any]]:
    """What somebody was told of messages that failed; the cards on which those that are held wait for them."""
    words = DESK if state == "held" else ":warning:"
    return [row for row in await local.dms(name) if words in row["text"]]


@pytest.mark.parametrize(
    ("action", "args", "state", "words"), TROUBLE, ids=["archived", "left", "shared", "pending shared"]
)
async def test_a_channel_in_trouble_before_the_agenda_and_the_note_is_reported_once_each(
    sqlite_url, action, args, state, words
):
    async with journey(small_team(), sqlite_url) as local:
        await local.to("Thu 09:00")
        await local.post(f"admin/{action}", {"channel": "p-acme", **args})
        await local.to("Thu 10:30")
        (agenda,) = await outbox(local, "agenda")
        assert agenda.state == state, agenda.problem
        assert await local.bot_messages("p-acme") == []
        reports = await reported(local, "Pat Manager", state)
        assert len(reports) == 1
        assert words in reports[0]["text"]
        assert "Deal" not in reports[0]["text"], "a report quotes nothing"
        await promise_two(local, "Pat Manager", "2026-03-12")
        (note,) = await outbox(local, "weekly_note")
        assert note.state == agenda.state
        assert await local.bot_messages("p-acme") == []
        reports = await reported(local, "Pat Manager", state)
        # What waits for a decision is one card a day; what failed is a message each.
        assert len(reports) == (1 if state == "held" else 2)
        if state == "held":
            (card,) = reports
            assert ("Agenda of Acme, 5 Mar" in card["text"], "Weekly note of Acme, 5 Mar" in card["text"]) == (
                True,
                True,
            )
        await local.command("Pat Manager", "/cadence")
        trouble = shown(await local.view("Pat Manager"))
        for row in (agenda, note):
            what = {"agenda": "the agenda", "weekly_note": "the weekly note"}[row.template]
            how = {"held": "was held back", "failed": "was not sent"}[state]
            assert f"Acme, 2026-W10: {what} {how}: {row.problem.rstrip('.')}." in trouble
        assert ".." not in trouble
        assert not [row["text"] for row in reports if ".." in row["text"]]
        await local.to("Fri 15:00")
        assert len(await local.bot_messages("leadership")) == 2, "leadership has its own channel"


async def test_a_shared_leadership_channel_holds_the_friday_note_and_the_head_is_told(sqlite_url):
    team = small_team()
    async with journey(team, sqlite_url) as local:
        await local.to("Thu 10:30")
        await promise_two(local, "Pat Manager", "2026-03-12")
        await local.post("admin/share", {"channel": "leadership"})
        await local.to("Fri 15:01")
        assert await local.bot_messages("leadership") == []
        assert {row.state for row in await outbox(local, "friday_note")} == {"held"}
        (told,) = await reported(local, "Hedda Lead", "held")
        assert "Friday note, 6 Mar" in told["text"]
        assert "#leadership is shared with another company" in told["text"]
        await local.command("Hedda Lead", "/cadence")
        assert "the Friday note was held back" in shown(await local.view("Hedda Lead"))


async def test_a_private_leadership_channel_takes_the_friday_note(sqlite_url):
    team = small_team(leadership="board", private=("board",))
    async with journey(team, sqlite_url) as local:
        await local.to("Fri 15:00")
        (root,) = await local.bot_messages("board")
        assert "not closed, waiting for Pat Manager" in root["text"]


async def test_without_a_leadership_channel_the_head_gets_the_friday_note_by_direct_message(sqlite_url):
    team = small_team(leadership="")
    team.people[3].zone = "Pacific/Auckland"
    async with journey(team, sqlite_url) as local:
        await local.to("Thu 10:30")
        await promise_two(local, "Pat Manager", "2026-03-12")
        await local.to("Sun 18:59")
        assert await local.dms("Hedda Lead") == [], "three on a Friday in London is four on a Saturday morning there"
        await local.to("Sun 19:00")
        root, below = await local.dms("Hedda Lead")
        assert root["text"].startswith("*Partnerships week")
        assert below["thread_ts"] == root["ts"]
        await local.command("Hedda Lead", "/cadence")
        assert "No leadership channel is set" in shown(await local.view("Hedda Lead"))


async def test_a_channel_that_has_had_enough_at_this_instant_is_waited_for_in_its_own_time(sqlite_url):
    """The local Slack counts messages in business time; on a clock that stands still a real wait would never end."""
    async with journey(small_team(), sqlite_url) as local:
        await local.to((await local.moment("Thu 09:50")) - timedelta(milliseconds=100))
        headers = {"Authorization": f"Bearer {BOT_TOKEN}"}
        for number in range(10):
            body = {"channel": "#p-acme", "text": f"noise {number}"}
            async with local.http.post(f"{local.url}/api/chat.postMessage", json=body, headers=headers) as answer:
                assert answer.status == 200
        await local.to("Thu 09:51")
        (agenda,) = await outbox(local, "agenda")
        assert agenda.state == "sent"
        limited = [row for row in await local.get("log", method="chat.postMessage") if row["error"] == "ratelimited"]
        assert len(limited) == 1, "it was refused once, and waited as long as it was told"
        sent = [row for row in await local.bot_messages("p-acme") if "noise" not in row["text"]]
        assert [row["posted"] for row in sent] == ["2026-03-05T09:50:01+00:00"]
