"""A person at the local Slack's page: finds things as a person does, by what they say."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, async_playwright, expect

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 30_000


def browser_path() -> str:
    """The machine's Chromium; a visible skip without one, a failure where all is required."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        reason = "no Chromium on this machine (Debian's package is called chromium)"
        if os.environ.get("CADENCE_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


class Hands:
    """One browser page. Every wait is for something that can be seen."""

    def __init__(self, page: Page, url: str, pictures: Path | None = None) -> None:
        self.page, self.url, self.pictures = page, url, pictures

    async def open(self) -> None:
        await self.page.goto(self.url)
        await expect(self.page.get_by_test_id("not-slack")).to_be_visible()

    async def act_as(self, name: str) -> None:
        """Choose a person by the beginning of their name."""
        options = await self.page.eval_on_selector_all(
            "[data-testid=person] option", "all => all.map(one => [one.value, one.textContent.trim()])"
        )
        value = next(value for value, text in options if text.startswith(name))
        await self.page.select_option("[data-testid=person]", value)
        await expect(self.page.locator("[data-testid=person]")).to_have_value(value)
        await self.page.wait_for_url(f"**as={value}**")
        # The sidebar's links are that person's only when it has been drawn for them.
        await expect(self.page.get_by_test_id("go-messages")).to_have_attribute("href", re.compile(f"as={value}"))

    async def clock_to(self, at: str) -> None:
        """Move the clock to `2026-11-25T10:00`, as shown in the clock bar's own zone, and wait until it stands there."""
        await self.page.get_by_test_id("clock-at").fill(at)
        await self.page.get_by_test_id("clock-go").click()
        hour = at.split("T")[1]
        await expect(self.page.get_by_test_id("clock-now")).to_contain_text(hour, timeout=4 * PATIENCE)

    async def messages(self) -> None:
        await self.page.get_by_test_id("go-messages").click()

    async def home(self) -> None:
        await self.page.get_by_test_id("go-home").click()
        await expect(self.page.get_by_text("Mine today")).to_be_visible(timeout=PATIENCE)

    async def channel(self, name: str) -> None:
        await self.page.locator("nav, aside, body").get_by_text(name, exact=True).first.click()

    async def press(self, label: str, *, inside: Locator | None = None) -> None:
        await (inside or self.page).get_by_role("button", name=label).first.click()

    @property
    def modal(self) -> Locator:
        return self.page.get_by_test_id("modal").last

    def field(self, name: str) -> Locator:
        """The input of the open form whose block id begins with this field's name."""
        return self.modal.locator(f"[data-field][data-block-id^='{name}:'], [data-field][data-block-id='{name}']").first

    async def title(self, text: str) -> None:
        await expect(self.modal.locator("#modal-title")).to_have_text(text, timeout=PATIENCE)

    async def submit(self) -> None:
        await self.modal.get_by_test_id("modal-submit").click()

    async def close(self) -> None:
        await self.modal.get_by_test_id("modal-close-all").click()
        await expect(self.page.get_by_test_id("modal")).to_have_count(0)

    async def command(self, text: str) -> None:
        await self.page.get_by_test_id("say").fill(text)
        await self.page.get_by_test_id("say-send").click()

    async def see(self, text: str) -> None:
        await expect(self.page.get_by_text(text).filter(visible=True).first).to_be_visible(timeout=PATIENCE)

    async def picture(self, name: str, *, full: bool = False) -> None:
        """A screenshot, where pictures are wanted."""
        if self.pictures is not None:
            await self.page.wait_for_timeout(400)
            await self.page.screenshot(path=self.pictures / f"{name}.png", full_page=full)


@asynccontextmanager
async def hands(url: str, *, width: int = 1400, height: int = 1000, pictures: Path | None = None,
                dark: bool = False) -> AsyncIterator[Hands]:  # fmt: skip
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=browser_path(), args=ARGUMENTS)
        page = await browser.new_page(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale="en-GB"
        )
        page.set_default_timeout(PATIENCE)
        try:
            yield Hands(page, url, pictures)
        finally:
            await browser.close()
