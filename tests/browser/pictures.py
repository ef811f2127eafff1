"""`make pictures`: plays the week and keeps the README's pictures."""

import asyncio
import subprocess
import tempfile
from pathlib import Path

from playwright.async_api import expect

from handlers.files import chart
from tests.browser import first_day, quarter, week
from tests.browser.hands import Hands, hands
from tests.files import office, opened, samples

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "pictures"


async def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        async with week.demo(Path(name) / "demo.db") as url:
            async with hands(url, pictures=FOLDER) as me:
                await me.open()
                await me.picture("local-slack")
                await week.play(me)
                await inspector(me)
            async with first_day.empty(Path(name) / "empty.db") as blank, hands(blank, pictures=FOLDER) as new:
                await first_day.live(new, Path(name) / "deals.csv")
            async with quarter.demo(Path(name) / "quarter.db") as whole, hands(whole, pictures=FOLDER) as lead:
                await quarter.live(lead)
            files(Path(name))
            async with hands(url, pictures=FOLDER, width=390, height=844, dark=True) as phone:
                await on_a_phone(phone)


def files(folder: Path) -> None:
    """The files of a generated quarter: what changed, and the workbook's first page as another program prints it."""
    made = samples.quarter(1)
    (FOLDER / "what-changed.png").write_bytes(chart.what_changed(made.facts).data)
    opened.write(str(folder / "workbook.xlsx"), made)
    office.convert([folder / "workbook.xlsx"], "pdf", folder, folder / "office")
    subprocess.run(
        ["pdftoppm", "-png", "-r", "110", "-singlefile", str(folder / "workbook.pdf"), str(FOLDER / "workbook")],
        check=True,
    )


async def inspector(me: Hands) -> None:
    """What a click looks like on the wire."""
    await me.page.goto(f"{me.url}/inspector?kind=interaction")
    entry = me.page.get_by_test_id("entries").get_by_role("listitem").filter(has_text="No change").first
    await entry.locator("summary").click()
    await me.picture("inspector")


async def on_a_phone(me: Hands) -> None:
    await me.page.goto(f"{me.url}/?as={week.AE_ID}&at=bot")
    await me.page.get_by_role("button", name="Hide the guide").click()
    await me.page.get_by_role("button", name="Review my deals").last.click()
    await expect(me.modal).to_be_visible()
    await me.picture("phone")


if __name__ == "__main__":
    asyncio.run(main())
