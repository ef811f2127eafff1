"""axe-core finds nothing serious on any page, in light and in dark, on a desk and on a telephone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, expect

from bot.sandbox import SandboxOptions, Seed, start
from tests.browser import axe, week
from tests.browser.hands import browser_path, hands
from tests.world import MANIFEST

DESK = {"width": 1400, "height": 1000}
TELEPHONE = {"width": 390, "height": 844}


class Company:
    """The demo company by its driver: everything here is brought about without the page that is looked at."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http, self.url = http, url
        self.state: dict[str, Any] = {}

    async def get(self, path: str, **query: str) -> Any:
        async with self.http.get(f"{self.url}/_local/{path}", params=query) as answer:
            return await answer.json()

    async def post(self, path: str, **body: Any) -> Any:
        async with self.http.post(f"{self.url}/_local/{path}", json=body) as answer:
            found = await answer.json()
            assert answer.status == 200, (path, body, found)
            return found

    async def meet(self) -> None:
        self.state = await self.get("state")

    def person(self, name: str) -> str:
        return next(str(one["id"]) for one in self.state["users"] if one["real_name"].startswith(name))

    def channel(self, name: str) -> str:
        return next(str(one["id"]) for one in self.state["channels"] if one.get("name") == name)

    async def open_form_with_an_error(self, who: str) -> None:
        """The first deal's form, with a date that has passed."""
        card = (await self.get("inbox", user=who))[-1]
        opened = await self.post(
            "click", user=who, channel=card["channel"], ts=card["ts"], label="Review my deals (12)"
        )
        there = {one["block_id"].partition(":")[0]: one["block_id"] for one in opened["views"][0]["blocks"]}
        values = {there["next_text"]: "Call the economic buyer", there["next_due"]: "2026-11-20"}
        assert (await self.post("submit", user=who, values=values))["result"] == "errors"

    async def open_form_on_a_list(self, who: str) -> None:
        """What the bot has planned, and on top of it the form that moves a review."""
        listed = (await self.post("command", user=who, command="/cadence"))["views"][0]
        menu = next(one for one in listed["blocks"] if one.get("accessory", {}).get("type") == "overflow")
        choice = next(one for one in menu["accessory"]["options"] if one["text"]["text"] == "Move this one")
        done = await self.post(
            "view_action",
            user=who,
            block_id=menu["block_id"],
            action_id=menu["accessory"]["action_id"],
            selected=choice["value"],
        )
        assert len(await self.get("views", user=who)) == 2, done

    async def thread(self, channel: str) -> str:
        """The message of a channel that has answers below it."""
        rows = await self.get("messages", channel=channel)
        return next(str(row["thread_ts"]) for row in rows if row["thread_ts"] and row["thread_ts"] != row["ts"])


class Eyes:
    """Looks at what the page shows now, in both colours, and keeps what is found: each fault once, with its places."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.found: dict[str, list[str]] = {}

    async def can_see(self) -> None:
        """A button without a name is found, and so is grey on grey."""
        await self.page.set_content("<button></button><p style='color: #999; background: #aaa'>words</p>")
        lines = await axe.violations(self.page)
        assert {"button-name", "color-contrast"} <= {line.split()[0] for line in lines}

    async def go(self, query: str, *testids: str) -> None:
        await self.page.set_viewport_size(DESK)
        await self.page.goto(f"{self.url}/{query}")
        await self.see(*testids)

    async def see(self, *testids: str) -> None:
        for testid in testids:
            await expect(self.page.get_by_test_id(testid).first).to_be_visible()

    async def look(self, name: str, *sizes: dict[str, int]) -> None:
        for size in sizes or (DESK,):
            await self.page.set_viewport_size(size)
            for colours in ("light", "dark"):
                await self.page.emulate_media(color_scheme=colours, reduced_motion="reduce")
                for line in await axe.violations(self.page):
                    self.found.setdefault(line, []).append(f"{name}, {colours}, {size['width']} wide")

    def said(self) -> str:
        return "\n".join(f"{line}\n    on {'; '.join(places)}" for line, places in self.found.items())


@asynccontextmanager
async def company(database: Path) -> AsyncIterator[Company]:
    async with week.demo(database) as url, aiohttp.ClientSession() as http:
        yield Company(http, url)


@asynccontextmanager
async def nobody() -> AsyncIterator[str]:
    """A workspace without people; the URL of its page."""
    local = await start(SandboxOptions(port=0, manifest=MANIFEST), Seed.from_dict({}))
    try:
        yield local.url
    finally:
        await local.close()


async def test_nothing_on_any_page_keeps_somebody_out(tmp_path: Path) -> None:
    """All in one browser and one company: opening them anew for each page would take minutes."""
    browser_path()
    axe.source()
    async with company(tmp_path / "demo.db") as local, hands(local.url) as me:
        eyes = Eyes(me.page, local.url)
        await eyes.can_see()
        await wednesday(local, eyes)
        await friday(local, eyes)
        await eyes.page.goto(local.url + str(await eyes.page.get_by_test_id("go-log").get_attribute("href")))
        await eyes.see("not-slack")
        await eyes.look("inspector")
        async with nobody() as url:
            await eyes.page.goto(url)
            await expect(eyes.page.locator("body")).to_contain_text("no people")
            await eyes.look("a workspace without people")
        if eyes.found:
            pytest.fail(eyes.said())


async def wednesday(local: Company, eyes: Eyes) -> None:
    """The prompt card, a form with an error on it, a form on top of another."""
    await local.post("clock/to", at="2026-11-25T10:00")
    await local.meet()
    ae, pm = local.person(week.AE), local.person(week.PM)
    await eyes.go(f"?as={ae}", "messages", "message")
    await eyes.look("messages", DESK, TELEPHONE)
    await local.open_form_with_an_error(ae)
    await eyes.go(f"?as={ae}", "modal", "input-error")
    await eyes.look("modal", DESK, TELEPHONE)
    await local.post("close", user=ae, all=True)
    await local.open_form_on_a_list(pm)
    await eyes.go(f"?as={pm}", "modal")
    await eyes.look("modal on a modal")
    await local.post("close", user=pm, all=True)


async def friday(local: Company, eyes: Eyes) -> None:
    """The Home tabs of all roles, and the leadership channel with the thread of its note."""
    await local.post("clock/to", at="2026-11-27T15:01")
    for name in (week.AE, week.PM, week.HEAD):
        who = local.person(name)
        await local.post("home", user=who)
        await eyes.go(f"?as={who}&at=home", "home")
        await eyes.look(f"Home of {name}", *((DESK, TELEPHONE) if name == week.PM else (DESK,)))
    head, place = local.person(week.HEAD), local.channel("leadership")
    await eyes.go(f"?as={head}&at={place}&thread={await local.thread(place)}", "messages", "thread")
    await eyes.look("channel with a thread", DESK, TELEPHONE)
