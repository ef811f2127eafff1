"""Somebody who has never seen the project opens a browser and watches the week happen."""

from pathlib import Path

from playwright.async_api import expect

from tests.browser import first_day, week
from tests.browser.hands import browser_path, hands


async def test_a_week_by_hand_in_a_browser(tmp_path: Path) -> None:
    browser_path()
    async with week.demo(tmp_path / "demo.db") as url, hands(url) as me:
        problems: list[str] = []
        me.page.on("pageerror", lambda error: problems.append(str(error)))
        await week.play(me)
        assert not problems


async def test_the_first_day_by_hand_in_a_browser(tmp_path: Path) -> None:
    browser_path()
    async with first_day.empty(tmp_path / "empty.db") as url, hands(url) as me:
        problems: list[str] = []
        me.page.on("pageerror", lambda error: problems.append(str(error)))
        await first_day.live(me, tmp_path / "deals.csv")
        assert not problems


async def test_the_card_and_the_form_fit_a_telephone(tmp_path: Path) -> None:
    browser_path()
    async with week.demo(tmp_path / "demo.db") as url, hands(url, width=390, height=800, dark=True) as me:
        await me.open()
        await me.page.goto(f"{url}/?as=U00000003")
        await expect(me.page.get_by_test_id("not-slack")).to_be_visible()
        wide = await me.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390
