"""The quarter, by hand: its table, a meeting of one's own, a partner manager's PBR, and the forecast with its signatures."""

from contextlib import AbstractAsyncContextManager
from datetime import date
from pathlib import Path

from playwright.async_api import expect

from tests import driving
from tests.browser.first_day import choose
from tests.browser.hands import PATIENCE, Hands

FIRST = date(2026, 9, 28)
HEAD, MANAGER, PARTNER = "Ingrid", "Amara", "acme"
CRO, CFO = "Marcus", "Yūko"


def demo(database: Path) -> AbstractAsyncContextManager[str]:
    """The demo company with every meeting of the quarter on, from the Monday before the first Friday of October."""
    return driving.demo(database, FIRST, quarter=True)


async def live(me: Hands) -> None:
    await me.open()
    await me.page.get_by_role("button", name="Hide the guide").click()
    await me.act_as(HEAD)
    await me.messages()
    await table(me)
    await own_meeting(me)
    await me.act_as(MANAGER)
    await me.messages()
    await pbr(me)
    await forecast(me)


async def table(me: Hands) -> None:
    """Week, meeting, state; this quarter and the next."""
    await me.command("/cadence")
    await me.press("The quarter…", inside=me.modal)
    await me.title("Quarter 2026Q3")
    await me.press("Next quarter →", inside=me.modal)
    await me.title("Quarter 2026Q4")
    await expect(me.modal.get_by_text("9 times Forecast and acquisition 1:1").first).to_be_visible(timeout=PATIENCE)
    await me.picture("quarter")
    await me.close()


async def own_meeting(me: Hands) -> None:
    """One that is in nobody's table, and no code for it."""
    await me.command("/cadence")
    await me.press("Meetings of the quarter…", inside=me.modal)
    await me.title("Meetings")
    await expect(me.modal.get_by_text("13 of 13 are on.")).to_be_visible(timeout=PATIENCE)
    await me.press("Add a meeting…", inside=me.modal)
    await me.title("Add a meeting")
    await me.field("name").fill("Partner enablement")
    await choose(me, "when", "In certain weeks")
    await me.submit()
    await me.see("Write weeks of the quarter as numbers with commas")
    await me.field("weeks").fill("2, 6")
    await me.submit()
    await me.title("Meetings")
    await me.see("weeks 2, 6, Tuesday, 14:00, 30 minutes")
    await me.picture("meetings")
    await me.close()


async def pbr(me: Hands) -> None:
    """The first Friday, after the meeting: numbers filled in, what is missing named, and out."""
    await me.clock_to("2026-10-02T12:30")
    card = me.page.get_by_role("heading", name="Close your meetings").last
    await expect(card).to_be_visible(timeout=4 * PATIENCE)  # the meeting is over by the bot's clock as well
    await me.command(f"/pbr {PARTNER}")
    await me.title("PBR of September 2026")
    await me.field("change_0").fill("Both sides on the first call of every joint deal")
    for place, words in enumerate(("Send the joint price list", "Name one reference in each region")):
        await me.field(f"text_{place}").fill(words)
        await choose(me, f"owner_{place}", MANAGER)
        await me.field(f"promise_due_{place}").fill("2026-10-16")
    await me.modal.evaluate("one => one.querySelectorAll('*').forEach(part => part.scrollTo && part.scrollTo(0, 0))")
    await me.picture("pbr")
    await me.submit()
    await me.see("kept for good.")
    await me.close()
    await me.channel(f"partner-{PARTNER}")
    await me.see("Both sides on the first call")
    await me.page.get_by_text("Name one reference").filter(visible=True).last.scroll_into_view_if_needed()
    await me.picture("pbr-page")


async def forecast(me: Hands) -> None:
    """Monday of week 1: the manager signs from the card, the head publishes, CRO and CFO put their names below it."""
    await me.clock_to("2026-10-05T10:05")
    await me.act_as(MANAGER)
    await me.messages()
    await me.see("partners signed this week: commit and best case")
    await me.page.get_by_role("button", name="Sign…").last.click()
    await me.title("Sign 2026Q4")
    fields = me.modal.locator("input[type=text]")
    for place, amount in enumerate(("120,000", "240,000", "60,000", "90,000")):
        await fields.nth(place).fill(amount)
    await me.picture("sign")
    await me.submit()
    await expect(me.page.get_by_test_id("modal")).to_have_count(0)
    await me.act_as(HEAD)
    await me.messages()
    await me.command("/forecast")
    await me.press("Review and publish…", inside=me.modal)
    await me.see("Not submitted:")
    await me.submit()
    await me.see("and frozen.")
    await me.close()
    for who in (CRO, CFO):
        await me.act_as(who)
        await me.channel("executives")
        await me.see("Sign-off")
        await me.press("Sign off")
        await me.page.get_by_role("dialog").get_by_role("button", name="Sign off").last.click()
        await me.see(f"{'CRO' if who == CRO else 'CFO'}: signed by {who}")
    await me.page.get_by_text("CFO: signed by").filter(visible=True).last.scroll_into_view_if_needed()
    await me.picture("roll-up")
