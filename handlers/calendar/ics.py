"""A calendar as an iCalendar file (RFC 5545, names and refresh as RFC 7986 has them). Pure: entries in, bytes out.

Times are UTC instants: each meeting is an event of its own at an instant that is known already, so that a program needs
neither our time zone data nor its own to show it at the right local hour, on either side of a clock change.
"""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID, uuid5

from icalendar import Calendar, Event, vDuration

from models.calendars import Entry
from models.domain.text import clean, clip
from models.domain.zones import zone

NAME = "Cadence meetings"
MAKER = "-//Cadence//Meeting cadence//EN"
REFRESH = timedelta(hours=1)
SPACE = UUID("7c5d1f0a-2f55-4f0e-9d3b-6c1b7f4f0c41")
"""What our UIDs are made in; another one would double every meeting in everybody's calendar."""
LONGEST_NAME, LONGEST_LINE = 120, 500
SIDES = {"ours": "our side", "partner": "the partner's side", "holiday": "a holiday"}


def write(entries: Iterable[Entry]) -> bytes:
    """The file; the same bytes for the same entries."""
    calendar = Calendar()
    calendar.add("PRODID", MAKER)
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("METHOD", "PUBLISH")
    calendar.add("NAME", NAME)
    calendar.add("X-WR-CALNAME", NAME)
    calendar.add("REFRESH-INTERVAL", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", vDuration(REFRESH))
    for entry in entries:
        calendar.add_component(_event(entry))
    made: bytes = calendar.to_ical()
    return made


def uid(entry: Entry) -> str:
    """One meeting's name for good: a bump or an edited rule moves its event instead of adding another one."""
    return str(uuid5(SPACE, f"{entry.cadence_id} {entry.since.isoformat()} {entry.slot}"))


def _event(entry: Entry) -> Event:
    event = Event()
    event.add("UID", uid(entry))
    event.add("SEQUENCE", entry.revision)
    event.add("DTSTAMP", entry.changed_at)
    event.add("LAST-MODIFIED", entry.changed_at)
    event.add("DTSTART", entry.starts_at)
    event.add("DTEND", entry.ends_at)
    event.add("SUMMARY", summary(entry))
    event.add("DESCRIPTION", description(entry))
    event.add("CATEGORIES", ["Cadence", _said(entry.meeting, LONGEST_NAME)])
    event.add("STATUS", "CANCELLED" if entry.is_cancelled else "CONFIRMED")
    event.add("TRANSP", "TRANSPARENT" if entry.is_cancelled else "OPAQUE")
    return event


def summary(entry: Entry) -> str:
    """`Acme: Weekly deal review`. A cancelled one says so in words too: some programs do not show the status."""
    named = ": ".join(_said(name, LONGEST_NAME) for name in (entry.partner, entry.meeting) if name)
    return f"Cancelled: {named}" if entry.is_cancelled else named


def description(entry: Entry) -> str:
    """What became of it, when it is by its own clock, and what it is about."""
    clocks = zone(entry.zone)
    begins, ends = entry.starts_at.astimezone(clocks), entry.ends_at.astimezone(clocks)
    lines = [f"{begins:%a} {begins.day} {begins:%b %Y}, {begins:%H:%M}–{ends:%H:%M} in {entry.zone}"]
    if entry.is_cancelled:
        what = "Skipped" if entry.side == "ours" else "No meeting"
        lines.append(_with_reason(f"{what}, {SIDES.get(entry.side, 'nobody says why')}", entry.reason))
    elif entry.state == "held_late":
        lines.append("Held late")
    if entry.moved_by or entry.moved_reason:
        who = f" by {_said(entry.moved_by, LONGEST_NAME)}" if entry.moved_by else ""
        lines.append(_with_reason(f"Moved{who}", entry.moved_reason))
    if entry.agenda:
        lines += ["", "Agenda", *(f"• {_said(line, LONGEST_LINE)}" for line in entry.agenda)]
    return "\n".join(lines)


def _with_reason(words: str, reason: str) -> str:
    return f"{words}: {_said(reason, LONGEST_LINE)}" if reason else words


def _said(text: str, most: int) -> str:
    """One line without control characters: what is typed must not begin a line of the file."""
    return clip(clean(text), most)
