"""What comes near a limit: accepted today, refused when the company has grown a little.

The limits are those of the tables that enforce them; here stands only from which share on one is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.sandbox.blocks import uses_of_blocks, uses_of_view
from bot.sandbox.checks import Use, Uses
from bot.sandbox.world import World

Json = dict[str, Any]
NEAR_PERCENT = 80
TEXT_KEPT = 40_000
"""Longer texts of new messages are cut."""
UPDATE_TEXT = 4_000
"""Longer texts of edited messages are refused."""
MARKDOWN_TEXT = 12_000


def uses_of_message(text: str, blocks: list[Json], *, most: int = TEXT_KEPT) -> Uses:
    """What an accepted message uses of its limits."""
    yield Use("text of a message", len(text), most)
    yield from uses_of_blocks(blocks, "message")


def near(found: Iterable[Use]) -> list[Use]:
    """The uses of 80 % or more; of each limit only the largest."""
    largest: dict[str, Use] = {}
    for use in found:
        if use.limit > 0 and use.used * 100 >= use.limit * NEAR_PERCENT:
            before = largest.get(use.what)
            if before is None or use.used > before.used:
                largest[use.what] = use
    return list(largest.values())


def note(world: World, found: Iterable[Use], *, where: str, n: int) -> None:
    """Keep what comes near, for `GET /_local/limits`; `n` is the number of the call in the log."""
    at = world.clock.now().isoformat()
    for use in near(found):
        world.near.append({"what": use.what, "used": use.used, "limit": use.limit, "where": where, "n": n, "at": at})


def note_view(world: World, view: Json, *, by: str, n: int) -> None:
    """An accepted view, wherever it came in."""
    name = view.get("callback_id") or ("Home" if view["type"] == "home" else "a modal")
    note(world, uses_of_view(view), where=f"{by} of {name}", n=n)


def place(world: World, channel_id: str) -> str:
    """A conversation as people call it."""
    channel = world.channels.get(channel_id)
    if channel is None:
        return channel_id
    return f"the DM of {world.name_of(channel.im_user)}" if channel.im_user else f"#{channel.name}"
