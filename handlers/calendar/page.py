"""The modal “My calendar”: the secret address to subscribe to, another one, and the calendar as a file."""

from typing import Any

from handlers.calendar.ids import Action, Ref, View
from handlers.kit import blocks as b

ANEW = (
    "A new address?",
    "The old one stops working at once. Every program that reads it has to be given the new one.",
    "New address",
)
SENT = ":white_check_mark: The file is on its way to your direct messages with Cadence."
RENEWED = ":white_check_mark: This is your new address. The old one does not work any more."


def address_of(public_url: str, secret: str) -> str:
    """The address to subscribe to; the bot's own server answers behind it."""
    return f"{public_url}/calendar/{secret}.ics"


def modal(address: str, *, said: str = "") -> dict[str, Any]:
    """The page; without an `address` only the file. `said` is what has just been done."""
    made = [b.context(said)] if said else []
    made += _subscribe(address) if address else _no_address()
    buttons = [b.button("Send me the file", Action.FILE, Ref().dump(), style="primary" if not address else None)]
    if address:
        buttons.insert(0, b.button("New address", Action.RENEW, Ref().dump(), confirm=ANEW))
    made.append(b.actions(*buttons))
    made.append(b.context("The file shows your meetings as they are now; import it again after something moved."))
    return b.modal(View.PAGE, "My calendar", made)


def _subscribe(address: str) -> list[b.Block]:
    return [
        b.section("*Your meetings in your own calendar program.* Subscribe to this address: what is moved or skipped here "
                  "follows there, as often as the program looks."),
        _as_it_is(address),
        b.context(":warning: Whoever has this address can read your meetings, without signing in. Keep it to yourself; "
                  "if it got out, a new one ends it."),
        b.context("Google Calendar: _Other calendars_, _From URL_. Outlook: _Add calendar_, _Subscribe from web_. "
                  "Apple Calendar: _File_, _New Calendar Subscription_."),
    ]  # fmt: skip


def _no_address() -> list[b.Block]:
    return [
        b.section("*Your meetings in your own calendar program.* An address that keeps itself up to date needs Cadence to "
                  "be reachable from there: whoever runs it sets `CADENCE_PUBLIC_URL`. Until then there is the file.")
    ]  # fmt: skip


def _as_it_is(address: str) -> b.Block:
    """Plain text, so that nothing in the address is taken for a format and it can be copied whole."""
    return {"type": "section", "text": {"type": "plain_text", "text": address, "emoji": False}}
