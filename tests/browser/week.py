"""A partnerships team's week, by hand in a browser. The test plays it; `make pictures` keeps what it looked like."""

from contextlib import AbstractAsyncContextManager
from datetime import date
from pathlib import Path

from playwright.async_api import expect

from tests import driving
from tests.browser.hands import PATIENCE, Hands

TODAY = date(2026, 11, 23)
AE, PM, HEAD, COUNTERPART = "Siobhán", "Amara", "Ingrid", "Cora"
AE_ID = "U00000003"


def demo(database: Path) -> AbstractAsyncContextManager[str]:
    """The demo company in a local Slack with the bot beside it, on free ports; the URL of its page."""
    return driving.demo(database, TODAY)


async def play(me: Hands) -> None:
    """Wednesday's prompt, Thursday's closing, Friday's note; every door a person uses."""
    await me.open()
    await me.page.get_by_role("button", name="Hide the guide").click()
    await me.clock_to("2026-11-25T10:00")
    await wednesday(me)
    await joint_channel(me)
    await thursday(me)
    await friday(me)
    await next_week(me)


async def wednesday(me: Hands) -> None:
    """The AE is asked, answers two deals, makes a mistake on the third and mends it."""
    await me.act_as(AE)
    await me.messages()
    await me.see("0 of 12 answered")
    await me.picture("prompt")
    await me.press("Review my deals")
    await me.title("Deal 1 of 12")
    await me.picture("answer")
    for number, due in ((1, "2026-12-02"), (2, "2026-12-03")):
        await me.title(f"Deal {number} of 12")
        await me.field("next_text").fill("Send the pilot plan to the steering group")
        await me.field("next_due").fill(due)
        if number == 2:
            await me.field("help_needed").fill("Legal is stuck on the data residency clause")
            await me.field("stage").select_option(label="Proposal/Price Quote")
        await me.submit()
    await me.title("Deal 3 of 12")
    await me.field("next_text").fill("Call the economic buyer")
    await me.field("next_due").fill("2026-11-20")
    await me.submit()
    await expect(me.modal.get_by_text("20 Nov 2026 is in the past")).to_be_visible(timeout=PATIENCE)
    await me.picture("refused")
    await me.field("next_due").fill("2026-12-01")
    await me.submit()
    await me.title("Deal 4 of 12")
    await me.close()
    await me.see("3 of 12 answered")
    await me.home()
    await me.see("9 deals waiting for your answer")
    await me.picture("home-ae")


async def joint_channel(me: Hands) -> None:
    """The PM looks at what the partner would read and lets it be posted; the partner's own person answers."""
    await me.act_as(PM)
    await me.messages()
    await me.see("First post to #joint-acme")
    await me.press("Look at it…")
    await me.title("What they would read")
    await me.picture("first-post")
    await me.submit()
    await me.see("All decided, thank you")
    await me.act_as(COUNTERPART)
    await me.channel("joint-acme")
    await me.see("3 joint deals, 0 answered")
    await me.press("Update")
    await me.title("Jacaranda Mining")
    await me.field("stage").select_option(label="Offer is out")
    await me.field("action").fill("Introduce you to their head of procurement")
    await me.field("owner").fill("Cora Counterpart")
    await me.field("due").fill("2026-12-01")
    await me.field("ask").fill("A reference from mining that we may name")
    await me.submit()
    await me.see("Answered by Cora Counterpart")
    await me.picture("check-in")


async def thursday(me: Hands) -> None:
    """The agenda names who has not answered; the PM closes the first review, held, with two commitments."""
    await me.clock_to("2026-11-26T12:40")
    await me.act_as(AE)
    await me.channel("partner-acme")
    await me.see("Not answered yet")
    await me.picture("agenda")
    await me.act_as(PM)
    await me.messages()
    await me.see("Close your reviews")
    await me.press("Close all 5, one by one")
    await me.title("Close 1 of 5")
    await me.field("text_0").fill("Agree the joint plan with their alliance lead")
    await me.field("owner_0").select_option(label="Siobhán Ní Bhriain (Account executive, UK and Ireland)")
    await me.field("promise_due_0").fill("2026-12-03")
    await me.field("shared_text_0").fill("Agree the joint plan with your alliance lead")
    await me.submit()
    await expect(me.modal.get_by_text("Please complete this required field.").first).to_be_visible(timeout=PATIENCE)
    await me.field("text_1").fill("Name an executive sponsor on both sides")
    await me.field("owner_1").select_option(label="Amara Okafor (Partner manager, EMEA)")
    await me.field("promise_due_1").fill("2026-12-03")
    await me.picture("close")
    await me.submit()
    await me.title("Close 2 of 5")
    await me.close()
    await me.see("1 of 5 closed")
    await me.channel("partner-acme")
    await me.see("weekly deal review 2026-W48")
    await me.see("Acme says")
    await me.picture("note")
    await me.act_as(COUNTERPART)
    await me.channel("joint-acme")
    await me.see("Agree the joint plan with your alliance lead")
    await expect(me.page.get_by_text("Name an executive sponsor")).to_have_count(0)
    await me.picture("partner-note")


async def friday(me: Hands) -> None:
    """The consolidated note stands in the leadership channel, with what is not closed named."""
    await me.clock_to("2026-11-27T15:01")
    await me.act_as(HEAD)
    await me.channel("leadership")
    await me.see("Partnerships week 2026-W48")
    await expect(me.page.get_by_text("not closed, waiting for Amara Okafor").first).to_be_visible()
    await me.page.get_by_text("3 replies").first.click()
    await me.see("Other partners of")
    await me.picture("friday")
    await me.home()
    await me.see("Three numbers")
    await me.picture("home-leader")


async def next_week(me: Hands) -> None:
    """A week later the action stands: one click says that nothing has changed; `/cadence` shows what is next."""
    await me.clock_to("2026-12-02T10:01")
    await me.act_as(AE)
    await me.messages()
    unchanged = me.page.get_by_role("button", name="No change: Send the pilot plan").first
    await unchanged.scroll_into_view_if_needed()
    await me.picture("no-change")
    await unchanged.click()
    await me.see("1 of 12 answered")
    await me.act_as(PM)
    await me.command("/cadence")
    await me.title("Cadence")
    await me.see("Week 9 of 2026Q4")
    await me.picture("cadence")
    await me.close()
    await me.home()
    await me.see("My Tier 1 partners")
    await me.picture("home-pm")
