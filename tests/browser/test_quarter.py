"""The quarter lived once in a browser, as the README's pictures show it."""

from tests.browser import quarter
from tests.browser.hands import hands


async def test_the_quarter_is_seen_changed_and_a_pbr_published_by_hand(tmp_path):
    async with quarter.demo(tmp_path / "demo.db") as url, hands(url) as me:
        await quarter.live(me)
