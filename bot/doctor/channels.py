"""The channels that internal notes go to: there, ours alone, and the bot in them. A page of Slack's list for a thousand."""

from collections.abc import Collection, Iterable, Mapping

from slack_sdk.web.async_client import AsyncWebClient

from bot.delivery.calls import CallFailed, RateLimited, SlackCalls
from bot.delivery.channels import PAGE, why_not
from bot.settings import Settings
from models.channels import IS_ID, Seen
from models.checkup import Check, Finding, Place, good, listed, look, wrong
from models.domain.text import count

MOST_PAGES = 10
LEADERSHIP = "leadership"


async def examine(
    client: AsyncWebClient, places: Collection[Place], settings: Settings, outside: Mapping[str, int] | None = None
) -> list[Finding]:
    """One finding for each channel in trouble, and one for all that are well.

    `outside`: how many guests whom nobody allowed are in which channel (id), as was seen last.
    """
    found = []
    if not settings.leadership_channel:
        found.append(
            look(
                Check.CHANNELS,
                "No leadership channel is set: the Friday note goes to the head of partnerships by direct message.",
                "Set CADENCE_LEADERSHIP_CHANNEL to a channel's name and start the bot again.",
            )
        )
    if not places:
        return found
    call = SlackCalls(client)
    try:
        seen, whole = await _list(call, {_key(place.ref) for place in places})
        grid = await _on_grid(call, seen.values())
    except RateLimited as limited:
        seconds = round(limited.wait.total_seconds())
        return [*found, look(Check.CHANNELS, "Slack asks us to wait before it lists the channels.",
                             f"Look again in {count(seconds, 'second')}.")]  # fmt: skip
    except CallFailed as failed:
        return [*found, look(Check.CHANNELS, f"Slack does not list the channels ({failed.code}).",
                             "Mend what is said of token and scopes first, then look again.")]  # fmt: skip
    well = 0
    for place in places:
        one = seen.get(_key(place.ref))
        problem = _problem(place, one, whole=whole, grid=grid) or _guests(place, one, outside or {})
        if problem is None:
            well += 1
        else:
            found.append(problem)
    if well:
        what = f"Cadence is in {count(well, 'internal channel')}, none of them archived or shared."
        found.append(good(Check.CHANNELS, what))
    return found


async def _list(call: SlackCalls, wanted: set[str]) -> tuple[dict[str, Seen], bool]:
    """The wanted channels by id and name, and whether Slack's list was read as far as it matters."""
    found: dict[str, Seen] = {}
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await call("conversations.list", types="public_channel,private_channel", limit=PAGE, cursor=cursor)
        for seen in (Seen.of(channel) for channel in page.get("channels") or ()):
            for key in {seen.slack_id, seen.name.casefold()} & wanted:
                held = found.get(key)
                if held is None or (held.is_archived and not seen.is_archived):
                    found[key] = seen
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
        if cursor is None or wanted <= found.keys():
            return found, True
    return found, False


async def _on_grid(call: SlackCalls, seen: Iterable[Seen]) -> bool:
    """Whether a channel that only workspaces of one enterprise share is ours: asked where there is one."""
    if not any(one.is_shared and not one.is_ext_shared for one in seen):
        return False
    return bool((await call("auth.test")).get("enterprise_id"))


def _key(ref: str) -> str:
    return ref if IS_ID.fullmatch(ref) else ref.casefold()


def _problem(place: Place, seen: Seen | None, *, whole: bool, grid: bool) -> Finding | None:
    if seen is None:
        return _unseen(place, whole=whole)
    end = why_not(seen, grid=grid)
    if end is None:
        return None
    name, whose = f"#{seen.name}", listed(place.whose)
    if end.code == "not_in_channel":
        mend = f"Invite @Cadence to {name}: type /invite @Cadence there."
        return wrong(Check.CHANNELS, f"Cadence is not in {name} ({whose}).", mend)
    if end.code == "is_archived":
        return wrong(
            Check.CHANNELS, f"{name} is archived ({whose}).", f"Unarchive {name}, or {_elsewhere(place.whose)}."
        )
    return wrong(
        Check.CHANNELS,
        f"{end.problem.rstrip('.')} ({whose}), so nothing internal is posted there.",
        f"Stop sharing {name}, or {_elsewhere(place.whose)}.",
    )


def _guests(place: Place, seen: Seen | None, outside: Mapping[str, int]) -> Finding | None:
    number = outside.get(seen.slack_id, 0) if seen is not None else 0
    if seen is None or not number:
        return None
    return wrong(
        Check.CHANNELS,
        f"{count(number, 'guest is', 'guests are')} in #{seen.name} ({listed(place.whose)}) whom no admin has allowed there, so "
        "nothing internal is posted.",
        f"Take them out of #{seen.name}, or let an admin allow them: what waits stands on their Home tab.",
    )


def _unseen(place: Place, *, whole: bool) -> Finding:
    name = place.ref if IS_ID.fullmatch(place.ref) else f"#{place.ref}"
    if not whole:
        return look(Check.CHANNELS, f"{name} ({listed(place.whose)}) is not among the first {MOST_PAGES * PAGE:,} channels.",
                    "Look there whether Cadence is a member: /invite @Cadence")  # fmt: skip
    return wrong(
        Check.CHANNELS,
        f"Cadence sees no channel {name} ({listed(place.whose)}).",
        f"If it is private, invite @Cadence to {name}: type /invite @Cadence there. If it has another name, "
        f"{_elsewhere(place.whose)}.",
    )


def _elsewhere(whose: Iterable[str]) -> str:
    """Where another channel is named."""
    held = list(whose)
    parts = ["CADENCE_LEADERSHIP_CHANNEL"] if held[0] == LEADERSHIP else []
    parts += ["internal_channel in the partners file"] if held != [LEADERSHIP] else []
    return f"name the right one in {' and '.join(parts)}"
