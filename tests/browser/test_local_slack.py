"""The local Slack as its users meet it: by the page alone, by keyboard alone, as a film, and under its bonnet."""

import re
from pathlib import Path

from playwright.async_api import Page, expect

from tests.browser import week
from tests.browser.hands import PATIENCE, Hands, browser_path, hands

MOST_TABS = 160
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)


async def stands_at(me: Hands, hour: str) -> None:
    await expect(me.page.get_by_test_id("clock-now")).to_contain_text(hour, timeout=4 * PATIENCE)


async def test_a_newcomer_is_led_to_the_friday_note_by_the_page_alone(tmp_path: Path) -> None:
    """Nothing is pressed that the guide or the message itself does not name."""
    browser_path()
    async with week.demo(tmp_path / "demo.db") as url, hands(url) as me:
        there, onward = me.page.get_by_test_id("guide-go"), me.page.get_by_test_id("guide-next")
        await me.open()
        await me.see("1 of 7")
        await there.click()
        await stands_at(me, "10:00")
        await me.press("Review my deals")
        await me.title("Deal 1 of 12")
        await me.field("next_text").fill("Send the pilot plan")
        await me.field("next_due").fill("2026-12-02")
        await me.submit()
        await me.title("Deal 2 of 12")
        await me.press("Not now", inside=me.modal)
        await me.see("1 of 12 answered")
        await onward.click()
        await there.click()
        await me.press("Look at it")
        await me.title("What they would read")
        await me.submit()
        await onward.click()
        await there.click()
        await stands_at(me, "10:05")
        await expect(me.page.get_by_test_id("outside")).to_be_visible()
        await me.press("Update")
        await me.field("action").fill("Book the joint workshop")
        await me.submit()
        await me.see("Book the joint workshop")
        await onward.click()
        await there.click()
        await stands_at(me, "09:51")
        await me.see("Not answered yet")
        await onward.click()
        await there.click()
        await stands_at(me, "12:40")
        await me.press("Close all 5, one by one")
        for number in (0, 1):
            await me.field(f"text_{number}").fill(f"Promise number {number + 1}")
            await me.field(f"owner_{number}").select_option(index=1)
            await me.field(f"promise_due_{number}").fill("2026-12-03")
        await me.submit()
        await me.title("Close 2 of 5")
        await me.close()
        await onward.click()
        await there.click()
        await stands_at(me, "15:01")
        await me.see("Partnerships week 2026-W48")
        await me.page.get_by_test_id("thread-link").first.click()
        await expect(me.page.get_by_test_id("thread").get_by_text("Promise number 2").first).to_be_visible()
        await onward.click()
        await there.click()
        await me.see("Three numbers")


class Keys:
    """A person without a mouse. Only keys are pressed; where the focus is decides what they do."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def write(self, text: str) -> None:
        await self.page.keyboard.type(text)

    async def tab_to(self, selector: str, *, back: bool = False) -> None:
        """Press Tab until the focus is on what the selector names; it must be reachable, and it must show."""
        for _ in range(MOST_TABS):
            if await self.page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
                assert await self.page.evaluate(
                    "() => document.activeElement.getClientRects().length > 0 && document.activeElement.matches(':focus-visible')"
                ), f"the focus on {selector} cannot be seen"
                return
            await self.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"{selector} is not reached by Tab")

    async def act_as(self, name: str) -> None:
        """Choose a person in the list by typing the beginning of their name."""
        await self.tab_to("#who")
        await self.write(name)
        await expect(self.page.locator("#who option:checked")).to_contain_text(name)

    async def day(self, text: str) -> None:
        """Fill a date field the way this browser takes it: month, day, year."""
        year, month, day = text.split("-")
        await self.write(f"{month}{day}{year}")


async def test_a_week_by_keyboard_alone(tmp_path: Path) -> None:
    """The AE answers, the partner manager closes, the leader reads: without touching the mouse."""
    browser_path()
    async with week.demo(tmp_path / "demo.db") as url, hands(url) as me:
        keys = Keys(me.page)
        await me.open()
        await keys.tab_to("[data-testid=guide-go]", back=True)
        await keys.press("Enter")
        await stands_at(me, "10:00")
        await me.see("0 of 12 answered")
        await keys.tab_to("#say")
        await keys.write("/dea")
        await expect(me.page.get_by_role("option", name="/deals")).to_have_attribute("aria-selected", "true")
        await keys.press("Tab", "Enter")
        await me.title("Your deals")
        await keys.press("Escape")
        await expect(me.page.locator("#say")).to_be_focused()
        await keys.tab_to("#part-main [data-press].primary", back=True)
        await keys.press("Enter")
        await me.title("Deal 1 of 12")
        await expect(me.field("next_text")).to_be_focused()
        await keys.write("Send the pilot plan")
        await keys.tab_to("[data-block-id^='next_due:'][data-field]")
        await keys.day("2026-11-20")
        await keys.press("Control+Enter")
        await expect(me.modal.get_by_text("20 Nov 2026 is in the past")).to_be_visible(timeout=PATIENCE)
        await expect(me.field("next_due")).to_be_focused()
        await keys.day("2026-12-02")
        await keys.press("Control+Enter")
        await me.title("Deal 2 of 12")
        await keys.press("Escape")
        await expect(me.page.get_by_test_id("modal")).to_have_count(0)
        await me.see("1 of 12 answered")
        await expect(me.page.locator("#part-main [data-press].primary")).to_be_focused()
        await closes_by_keyboard(me, keys)
        await reads_by_keyboard(me, keys)


async def closes_by_keyboard(me: Hands, keys: Keys) -> None:
    for steps, hour in ((3, "09:51"), (1, "12:40")):  # past the two of the joint channel
        await keys.tab_to("[data-testid=guide-next]")
        await keys.press(*["Enter"] * steps)
        await keys.tab_to("[data-testid=guide-go]", back=True)
        await keys.press("Enter")
        await stands_at(me, hour)
    await keys.act_as("Amara")
    await me.see("Close your reviews")
    await keys.tab_to("#part-main [data-press][data-action-id='closing.walk'].primary")
    await keys.press("Enter")
    await me.title("Close 1 of 5")
    for number in (0, 1):
        await keys.tab_to(f"[data-block-id^='text_{number}:'][data-field]")
        await keys.write(f"Promise number {number + 1}")
        await keys.tab_to(f"[data-block-id^='owner_{number}:'][data-field]")
        await keys.write("Amara")
        await keys.tab_to(f"[data-block-id^='promise_due_{number}:'][data-field]")
        await keys.day("2026-12-03")
    await keys.tab_to("[data-testid=modal-submit]")
    await keys.press("Enter")
    await me.title("Close 2 of 5")
    await keys.press("Escape")
    await me.see("1 of 5 closed")


async def reads_by_keyboard(me: Hands, keys: Keys) -> None:
    await keys.tab_to("[data-testid=clock-friday]", back=True)
    await keys.press("Enter")
    await stands_at(me, "16:00")
    await keys.act_as("Ingrid")
    await keys.tab_to("#go-C00000002")
    await keys.press("Enter")
    await me.see("Partnerships week 2026-W48")
    await keys.tab_to("[data-testid=thread-link]")
    await keys.press("Enter")
    await expect(me.page.get_by_test_id("thread").get_by_text("Promise number 1").first).to_be_visible()


async def test_a_week_is_played_from_event_to_event_until_the_friday_note(tmp_path: Path) -> None:
    browser_path()
    async with week.demo(tmp_path / "demo.db") as url, hands(url) as me:
        await me.open()
        await expect(me.page.get_by_test_id("coming").get_by_text("prompt to 2 people").first).to_be_visible()
        await me.page.get_by_test_id("clock-speed").select_option("0")
        await me.page.get_by_test_id("clock-play").click()
        await expect(me.page.get_by_test_id("clock-play")).to_contain_text("Pause")
        await expect(me.page.get_by_test_id("clock-play")).to_contain_text("Play", timeout=4 * PATIENCE)
        await expect(me.page.get_by_test_id("clock-now")).to_contain_text("Fri, 27 Nov 2026, 16:00")
        sent = me.page.get_by_test_id("happened")
        await expect(sent).to_contain_text("Partnerships week 2026-W48")
        await expect(sent).to_contain_text("Your deals for the next review")
        await sent.get_by_role("link", name="#leadership").first.click()
        await me.see("not closed, waiting for Amara Okafor")
        await me.page.get_by_test_id("news").get_by_role("link").first.click()
        await expect(me.page.locator(".fresh-line")).to_be_visible()


async def test_the_inspector_shows_the_wire_sends_an_event_again_and_breaks_a_call(tmp_path: Path) -> None:
    browser_path()
    async with week.demo(tmp_path / "demo.db") as url, hands(url) as me:
        await me.open()
        await me.home()
        await me.page.goto(f"{url}/inspector")
        entries = me.page.get_by_test_id("entries")
        await expect(entries.get_by_text("app_home_opened").first).to_be_visible()
        await me.page.get_by_label("Kind").select_option("event")
        await expect(entries.get_by_text("views.publish")).to_have_count(0)
        row = entries.get_by_role("listitem").filter(has_text="app_home_opened").first
        opened = entries.locator("summary").filter(has_text="app_home_opened")
        before = await opened.count()
        await row.locator("summary").click()
        await expect(row).to_contain_text('"event_id"')
        await row.get_by_test_id("replay").click()
        await expect(opened).to_have_count(before + 1)
        faults = me.page.get_by_test_id("fault-form")
        await faults.get_by_label("What").select_option("ratelimited")
        await faults.get_by_label(re.compile("Method")).fill("views.publish")
        await faults.get_by_role("button", name="Set").click()
        await expect(me.page.get_by_test_id("faults")).to_contain_text("views.publish")
        await me.page.goto(f"{url}/?at=home")
        await me.see("Home of")
        await me.page.goto(f"{url}/inspector?words=views.publish")
        await expect(entries.get_by_text("ratelimited").first).to_be_visible()


async def test_files_are_attached_shown_and_opened(tmp_path: Path) -> None:
    browser_path()
    async with week.demo(tmp_path / "demo.db") as url, hands(url) as me:
        await me.page.goto(f"{url}/?as=U00000001&at=C00000001")
        await me.page.get_by_test_id("say").fill("the numbers")
        await me.page.get_by_test_id("attach").set_input_files(
            [
                {
                    "name": "deals.csv",
                    "mimeType": "text/csv",
                    "buffer": b"name;amount\n<b>Kiwi</b>;100\n" + b"x;1\n" * 20,
                },
                {"name": "chart.png", "mimeType": "image/png", "buffer": PIXEL},
                {"name": "wrong.txt", "mimeType": "text/plain", "buffer": b"no"},
                {"name": "page.svg", "mimeType": "image/svg+xml", "buffer": b"<svg onload='alert(1)'/>"},
            ]
        )
        await expect(me.page.get_by_label("Files to send").get_by_role("listitem")).to_have_count(4)
        await me.page.get_by_label("Do not send wrong.txt").click()
        await me.page.get_by_test_id("say-send").click()
        files = me.page.get_by_test_id("file")
        await expect(files).to_have_count(3)
        await expect(files.first.get_by_role("cell", name="<b>Kiwi</b>")).to_be_visible()
        await expect(files.first).to_contain_text("14 more lines")
        await expect(files.nth(1).get_by_role("img", name="chart.png")).to_be_visible()
        assert await files.nth(1).locator("img").evaluate("one => one.complete && one.naturalWidth === 1")
        await me.see("the numbers")
        await expect(me.page.get_by_test_id("say")).to_have_value("")
        svg = await me.page.request.get(url + (await files.nth(2).locator("a").first.get_attribute("href") or ""))
        assert "attachment" in svg.headers["content-disposition"]
        stranger = await me.page.request.get(
            url + (await files.first.locator("a").first.get_attribute("href") or "").replace("U00000001", "U90000004")
        )
        assert not stranger.ok
