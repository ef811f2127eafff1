"""The first day, by hand: from an empty workspace to the first prompt, as its admin."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from playwright.async_api import expect

from tests import driving
from tests.browser.hands import PATIENCE, Hands
from tests.browser.week import TODAY

ADMIN, PARTNER, MANAGER = "Kofi Mensah", "Nordlys Konsult", "Amara Okafor"


def empty(database: Path) -> AbstractAsyncContextManager[str]:
    """The demo company's workspace with a Cadence that knows nobody; its CRM's export lies beside the database."""
    return driving.demo(database, TODAY, empty=True)


async def live(me: Hands, export: Path) -> None:
    """A file, three forms, and the first prompt."""
    await me.open()
    await me.page.get_by_role("button", name="Hide the guide").click()
    await me.act_as(ADMIN)
    await me.messages()
    await me.see("you are its first admin")
    await drop(me, export)
    await set_up(me)
    await prompt(me)


async def drop(me: Hands, export: Path) -> None:
    """The file brings sixty deals, twenty partners and six owners."""
    await me.page.set_input_files("input[type=file]", export)
    await me.page.get_by_test_id("say-send").click()
    await me.see("20 names are no partners here")
    await me.press("Answer the questions")
    await me.title("How to read this file")
    await me.submit()
    await me.see("It would create 60 deals.")
    await me.see("6 owners are in Slack but not known here yet:")
    await me.picture("file")
    await me.page.get_by_role("button", name="Import", exact=True).click()
    await me.see("is imported: 60 deals created.")


async def set_up(me: Hands) -> None:
    """A Tier 1 partner with its manager, a channel, day and hour."""
    await me.page.get_by_role("button", name="Set up Cadence").last.click()
    await me.title("Set up Cadence")
    await me.press("Partners…", inside=me.modal)
    await me.title("Partners and tiers")
    await beside(me, PARTNER, "Change…")
    await me.title("Change a partner")
    await choose(me, "tier", "Tier 1")
    await choose(me, "manager", MANAGER)
    await me.submit()
    await me.title("Partners and tiers")
    await back(me)
    await me.press("Channels…", inside=me.modal)
    await me.title("Channels")
    await beside(me, PARTNER, "Choose…")
    await me.modal.get_by_text("Create").first.click()
    await expect(me.field("name")).to_be_visible(timeout=PATIENCE)
    await me.submit()
    await me.see("and Cadence is in it")
    await back(me)
    await me.press("Set up…", inside=me.modal)
    await me.title("Weekly deal review")
    await me.submit()
    await me.title("Set up Cadence")
    await me.see("All six steps are done.")
    await me.picture("first-day")
    await me.press("Preview…", inside=me.modal)
    await me.see("Your deals for the next review")
    await me.close()


async def prompt(me: Hands) -> None:
    """Somebody who owns a deal of the partner is asked on Wednesday."""
    await me.clock_to("2026-11-25T10:00")
    sent = me.page.get_by_text("Your deals for the next review").first
    await expect(sent).to_be_visible(timeout=PATIENCE)


async def choose(me: Hands, field: str, label: str) -> None:
    select = me.field(field)
    options = await select.locator("option").all_text_contents()
    await select.select_option(label=next(one for one in options if label in one))


async def beside(me: Hands, words: str, label: str) -> None:
    """Press the button of the row that has these words."""
    row = me.modal.locator(".section, .block, [data-block-id]").filter(has_text=words)
    await row.get_by_role("button", name=label).first.click()


async def back(me: Hands) -> None:
    await me.modal.get_by_role("button", name="Back").click()
    await me.title("Set up Cadence")
