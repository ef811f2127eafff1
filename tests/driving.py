"""The demo company, driven week by week over the local Slack's HTTP driver, as a script of somebody else would.

Nothing here looks into the bot or its database: time is moved from event to event, people press what they were sent, and
what came of it is read from the driver. `python -m tests.driving DATABASE DAY` serves such a company in a process of its
own until its input ends.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp

from bot import trying
from bot.cli import collect_seldom
from tests.world import MANIFEST

PROMPT, CLOSE = "Your deals for the next review", "Close your reviews"
FRIDAY, NOTE = "Partnerships week ", "weekly deal review "
LEADERSHIP = "leadership"
Json = dict[str, Any]


@asynccontextmanager
async def demo(database: Path, today: date, *, empty: bool = False, quarter: bool = False) -> AsyncIterator[str]:
    """The demo company in a local Slack with the bot beside it, on free ports; the URL of its page.

    `empty`: Cadence knows nobody yet, and the CRM's export lies beside the database. `quarter`: every meeting is on.
    """
    options = trying.Trying(
        port=0, no_bot=False, bot_url="", http=False, keep=None, seed=1, manifest=MANIFEST, empty=empty, quarter=quarter
    )
    company = trying.make_company(trying.first_monday(today), 1)
    url = f"sqlite:///{database}"
    if empty:
        await trying.begin(url)
        (database.parent / trying.EXPORT).write_text(company.deals_csv, encoding="utf-8")
    else:
        await trying.prepare(url, company, quarter=quarter)
    local, bot = await trying.together(options, company, url)
    try:
        yield local.url
    finally:
        await bot.stop()
        await local.close()


async def serve(database: Path, today: date) -> None:
    collect_seldom()  # as `cadence sandbox` does
    async with demo(database, today) as url:
        print(url, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@dataclass
class Week:
    """What one week came to."""

    slot: str = ""
    events: int = 0
    """Instants that the clock went to."""
    messages: int = 0
    forms: int = 0
    unchanged: int = 0
    closed: int = 0
    asked: set[str] = field(default_factory=set)
    closers: set[str] = field(default_factory=set)
    noted: set[str] = field(default_factory=set)
    """Channels that got a partner's note."""
    friday: Json = field(default_factory=dict)
    below: int = 0
    """Notes in the thread of the Friday note."""

    @property
    def not_closed(self) -> list[str]:
        return [line for line in self.friday["text"].splitlines() if "not closed" in line]


class Driver:
    """The driver's JSON, over one connection."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._base = http, f"{url}/_local/"
        self.requests = 0

    async def get(self, path: str, **query: Any) -> Any:
        self.requests += 1
        async with self._http.get(self._base + path, params=query) as answer:
            assert answer.status == 200, (path, await answer.text())
            return await answer.json()

    async def post(self, path: str, **body: Any) -> Json:
        self.requests += 1
        async with self._http.post(self._base + path, json=body) as answer:
            found = await answer.json()
            assert answer.status == 200, (path, body, found)
            return found


@asynccontextmanager
async def driver(url: str) -> AsyncIterator[Driver]:
    async with aiohttp.ClientSession() as session:
        yield Driver(session, url)


class Company:
    """Everybody of the company. They do at once what they are asked, and nothing else."""

    def __init__(self, slack: Driver) -> None:
        self.slack = slack
        self.now = datetime.min.replace(tzinfo=UTC)
        self.zone = ZoneInfo("UTC")
        self._seen = 0
        self._of_dm: dict[str, str] = {}
        self._names: dict[str, str] = {}

    async def meet(self) -> None:
        """Who is there, and what time it is."""
        state = await self.slack.get("state")
        owner = next(user for user in state["users"] if user.get("is_primary_owner"))
        self.zone = ZoneInfo(owner["tz"])
        self.now = datetime.fromisoformat(state["clock"]["now"])
        self._of_dm = {one["id"]: one["user"] for one in state["channels"] if one.get("is_im")}
        self._names = {one["id"]: one["name"] for one in state["channels"] if not one.get("is_im")}

    async def live_a_week(self) -> Week:
        """From here to the Friday note, everybody doing what they are asked on the way; then what it came to."""
        week = Week()
        while not week.friday:
            moved = await self.slack.post("clock/next")
            assert moved["note"] is None, moved["note"]
            self.now = datetime.fromisoformat(moved["now"])
            week.events += 1
            for channel, message in await self._posted():
                await self._react(week, channel, message)
        await self._check(week)
        return week

    async def _check(self, week: Week) -> None:
        """Nothing was left out: what people see now says so."""
        for who in week.asked:
            assert "All set" in await self._newest(who, PROMPT), who
        for who in week.closers:
            assert "All set" in await self._newest(who, CLOSE), who
        notes = [
            row["text"]
            for channel in week.noted
            for row in await self.slack.get("messages", channel=channel)
            if NOTE + week.slot in row["text"]
        ]
        assert len(notes) == week.closed, (len(notes), week.closed)
        assert not week.not_closed, week.not_closed
        roots = [
            row for row in await self.slack.get("messages", channel=LEADERSHIP) if FRIDAY + week.slot in row["text"]
        ]
        assert [row["ts"] for row in roots] == [week.friday["ts"]]
        state = await self.slack.get("state")
        assert state["problems"] == []

    async def _newest(self, who: str, words: str) -> str:
        """What the person's newest card of this kind says now."""
        return next(row["text"] for row in reversed(await self.slack.get("inbox", user=who)) if words in row["text"])

    async def _posted(self) -> list[tuple[str, Json]]:
        """What the bot has posted since the last look, oldest first."""
        found = []
        for entry in await self.slack.get("log", since=self._seen, kind="api", method="chat.postMessage"):
            self._seen = entry["n"]
            if entry["ok"]:
                found.append((entry["response"]["channel"], entry["response"]["message"]))
        return found

    async def _react(self, week: Week, channel: str, message: Json) -> None:
        week.messages += 1
        text = message["text"]
        if channel not in self._of_dm and channel not in self._names:
            await self.meet()
        who = self._of_dm.get(channel)
        if who is not None and PROMPT in text:
            await self._answer(week, who, channel, message)
        elif who is not None and text.startswith(CLOSE):
            await self._close(week, who, channel, message)
        elif FRIDAY in text.partition("\n")[0]:
            week.friday, week.slot = message, text.partition(FRIDAY)[2].split()[0].strip("*")
        elif self._names.get(channel) == LEADERSHIP:
            week.below += 1
        elif who is None and NOTE in text:
            week.noted.add(channel)

    # account executives

    async def _answer(self, week: Week, who: str, channel: str, message: Json) -> None:
        """Every deal on a prompt: where the card offers it, what has not changed by a click; the rest by the form."""
        for block, button in _buttons(message):
            if button["text"]["text"].startswith("No change"):
                await self.slack.post(
                    "click", user=who, channel=channel, ts=message["ts"], block_id=block["block_id"],
                    action_id=button["action_id"],
                )  # fmt: skip
                week.unchanged += 1
        card = await self._fresh(who, message["ts"])
        for _, button in _buttons(card):
            if button["text"]["text"].startswith("Review my deals"):
                opened = await self.slack.post(
                    "click", user=who, channel=channel, ts=message["ts"], action_id=button["action_id"]
                )
                await self._walk(week, who, _only(opened["views"]))
        week.asked.add(who)

    async def _walk(self, week: Week, who: str, view: Json | None) -> None:
        while view is not None:
            view = await self._submit(who, await self._settle_action(week, who, view), self._said(week, view))
            week.forms += 1

    async def _settle_action(self, week: Week, who: str, view: Json) -> Json:
        """The last action, where the form asks for it, is done; the form then wants the next one."""
        for block in view["blocks"]:
            if _field(block) == "outcome":
                redrawn = await self.slack.post(
                    "view_action", user=who, view_id=view["id"], block_id=block["block_id"],
                    action_id=block["element"]["action_id"], selected="done",
                )  # fmt: skip
                return _only(redrawn["views"])
        return view

    def _said(self, week: Week, view: Json) -> Json:
        """What is typed: the next action, due in two weeks or three, so that some weeks bring no change."""
        due = self._day(11 + 7 * (week.forms % 2))
        return {"next_text": f"Take step {week.forms + 1} with their team", "next_due": due}

    # partner managers

    async def _close(self, week: Week, who: str, channel: str, message: Json) -> None:
        """Every review on a closing card, one after the other: held, old promises judged, two new ones made."""
        week.closers.add(who)
        buttons = [button for _, button in _buttons(message) if button["text"]["text"].startswith("Close")]
        opened = await self.slack.post(
            "click", user=who, channel=channel, ts=message["ts"], action_id=buttons[0]["action_id"],
            value=buttons[0]["value"],
        )  # fmt: skip
        view: Json | None = _only(opened["views"])
        while view is not None:
            view = await self._submit(who, view, self._promised(view, who))
            week.closed += 1

    def _promised(self, view: Json, who: str) -> Json:
        fates = {_field(block): "kept" for block in view["blocks"] if _field(block).startswith("fate_")}
        return fates | {
            name: value
            for place in (0, 1)
            for name, value in (
                (f"text_{place}", f"Promise {place + 1} of this week"),
                (f"owner_{place}", who),
                (f"promise_due_{place}", self._day(7 + place)),
            )
        }

    # hands

    async def _submit(self, who: str, view: Json, given: Json) -> Json | None:
        """Fill by field (the part of the block id before the colon), submit, and the form that then stands on top."""
        there = {_field(block): block["block_id"] for block in view["blocks"] if block["type"] == "input"}
        values = {there[name]: value for name, value in given.items() if name in there}
        found = await self.slack.post("submit", user=who, view_id=view["id"], values=values)
        assert found["result"] in ("closed", "updated"), (found["result"], found["errors"], view["title"])
        return found["view"]

    def _day(self, ahead: int) -> str:
        return (self.now.astimezone(self.zone).date() + timedelta(days=ahead)).isoformat()

    async def _fresh(self, who: str, ts: str) -> Json:
        """The message as it stands now."""
        return next(row for row in reversed(await self.slack.get("inbox", user=who)) if row["ts"] == ts)


def _buttons(message: Json) -> list[tuple[Json, Json]]:
    return [
        (block, one)
        for block in message.get("blocks", [])
        for one in (*block.get("elements", []), *([block["accessory"]] if block.get("accessory") else []))
        if one.get("type") == "button"
    ]


def _field(block: Json) -> str:
    return str(block["block_id"]).partition(":")[0]


def _only(views: list[Json]) -> Json:
    modals = [view for view in views if view["type"] == "modal"]
    assert len(modals) == 1, views
    return modals[0]


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), date.fromisoformat(sys.argv[2])))
