"""Somebody of another company at the page, and what an administrator does with a channel, by clicks alone."""

import re

import aiohttp
import pytest
from playwright.async_api import expect

from bot.sandbox import Seed, start
from tests.browser import axe
from tests.browser.hands import browser_path, hands
from tests.sandbox.support import CARD, options
from tests.sandbox.test_sharing import TWO


async def test_a_channel_is_shared_joined_and_disconnected_by_clicks() -> None:
    browser_path()
    slack = await start(options(), Seed.from_dict(TWO))
    try:
        async with hands(f"{slack.url}/?as=U1&at=C2") as me:
            page = me.page
            await me.open()
            await page.get_by_text("Administer").click()
            await page.locator("#share-team").select_option("T0ACME")
            await page.get_by_test_id("invite-company").click()
            await expect(page.get_by_test_id("badges")).to_have_text("Acme invited")
            assert slack.world.channels["C2"].is_pending_ext_shared
            await page.get_by_test_id("accept").click()
            await expect(page.get_by_test_id("badges")).to_have_text("shared with Acme")
            await page.locator("#come-user").select_option("U8")
            await page.get_by_test_id("bring-in").click()
            await expect(page.get_by_text("3 members")).to_be_visible()
            await me.act_as("Carl Colleague")
            await expect(page.get_by_test_id("outside")).to_have_text("Outside Home")
            await page.get_by_test_id("say").fill("hello from Acme")
            await page.get_by_test_id("say-send").click()
            await expect(page.get_by_test_id("company")).to_have_text("Acme")
            await page.get_by_test_id("change-id").click()
            await expect(page).to_have_url(re.compile(r"at=C0\w+"))
            await page.get_by_test_id("disconnect").click()
            await expect(page.get_by_test_id("badges")).to_have_count(0)
    finally:
        await slack.close()


@pytest.mark.parametrize("dark", [False, True])
async def test_nobody_is_kept_out_of_what_administrators_are_offered(dark: bool) -> None:
    browser_path()
    slack = await start(options(), Seed.from_dict(TWO))
    try:
        async with aiohttp.ClientSession() as http:
            for action, args in (("share", {"team": "T0BETA", "pending": True}), ("forbid_buttons", {})):
                async with http.post(f"{slack.url}/_local/admin/{action}", json=args | {"channel": "C1"}) as answer:
                    assert answer.status == 200
        async with hands(slack.url, width=390, dark=dark) as me:
            for path in ("/?as=U7&at=C1", "/inspector"):
                await me.page.goto(slack.url + path)
                if "at=" in path:
                    await me.page.get_by_text("Administer").click()
                    await expect(me.page.get_by_test_id("accept")).to_be_visible()
                assert await axe.violations(me.page) == []
    finally:
        await slack.close()


async def test_a_forbidden_button_says_who_forbids_it() -> None:
    browser_path()
    slack = await start(options(), Seed.from_dict(TWO))
    try:
        world = slack.world
        world.post(world.channels["C1"], world.app.bot_user_id, "card", blocks=CARD)
        async with hands(f"{slack.url}/?as=U7&at=C1", width=390) as me:
            await me.open()
            await me.page.get_by_text("Administer").click()
            await me.page.locator("#forbid-team").select_option("T0ACME")
            await me.page.get_by_test_id("forbid").click()
            await expect(me.page.get_by_test_id("badges")).to_contain_text("apps' buttons forbidden")
            await me.page.get_by_text("Administer").click()
            await me.press("Quiet")
            await expect(me.page.get_by_test_id("toast")).to_contain_text("an administrator forbids")
            assert await me.page.evaluate("document.documentElement.scrollWidth") == 390
    finally:
        await slack.close()
