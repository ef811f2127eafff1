"""`make pictures`: plays the week and keeps the README's pictures."""

import asyncio
import tempfile
from pathlib import Path

from tests.browser import week
from tests.browser.hands import hands

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "pictures"


async def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        async with week.demo(Path(name) / "demo.db") as url, hands(url, pictures=FOLDER) as me:
            await week.play(me)


if __name__ == "__main__":
    asyncio.run(main())
