"""How days, hours, money and people are said: the same words everywhere."""

import unicodedata
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from models.domain.deals import Category
from models.domain.money import format_money, short_money
from models.domain.notes import MoneySum
from models.domain.text import clip, count
from models.people import Names

ZERO_WIDTH = "\u200b"
LEFT_TO_RIGHT, ISOLATE, END_ISOLATE = "\u200e", "\u2068", "\u2069"


def escape(text: str) -> str:
    """User text for mrkdwn: nothing in it may become a mention, a link or a format.

    Slack's three characters are escaped, and the marks that would make text bold, struck or code are kept apart from
    their word by a zero-width space; block text is sent verbatim besides, so that `@here` stays a word.
    """
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in "*_~`":
        safe = safe.replace(mark, f"{ZERO_WIDTH}{mark}{ZERO_WIDTH}") if mark in safe else safe
    if any(unicodedata.bidirectional(char) in ("R", "AL") for char in safe):
        # A right-to-left name must not turn the line around it: isolated, after a mark that keeps the line left to right.
        return f"{LEFT_TO_RIGHT}{ISOLATE}{safe}{END_ISOLATE}"
    return safe


def joined(*parts: str, most: int = 100) -> str:
    """`Acme · Forecast 1:1`: each part escaped by itself, so that a right-to-left name turns nothing but itself."""
    return " · ".join(escape(clip(part, most)) for part in parts if part)


class Mrkdwn(Markup):
    """Markup whose escaping is Slack's, so that Jinja2's autoescape means mrkdwn."""

    @classmethod
    def escape(cls, s: Any, /) -> "Mrkdwn":
        if hasattr(s, "__html__"):
            return cls(s.__html__())
        return cls(escape(str(s)))


def environment(package: str) -> Environment:
    """The templates beside a feature's blocks; whatever is not marked safe is escaped for mrkdwn."""
    env = Environment(
        loader=PackageLoader(package, "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - not HTML: `finalize` escapes for Slack
        finalize=lambda value: value if isinstance(value, Mrkdwn) else escape(str(value)),
    )
    env.filters.update(
        day=day, short=lambda total: safe(sums(total, short=True)), sums=lambda total: safe(sums(total)), count=count
    )
    return env


def safe(text: str) -> Mrkdwn:
    """Text that is mrkdwn on purpose."""
    return Mrkdwn(text)


def day(value: date | str | None) -> str:
    """`Thu 26 Nov`; a missing day is named."""
    if value is None:
        return "no date"
    found = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{found:%a} {found.day} {found:%b}"


def full_day(value: date | str | None) -> str:
    """`26 Nov 2026`, for dates that may lie in another year."""
    if value is None:
        return "no close date"
    found = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{found.day} {found:%b %Y}"


def clock(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%H:%M}"


def when(instant: datetime, zone: ZoneInfo) -> str:
    """`Thu 26 Nov, 10:00` on the reader's clock."""
    local = instant.astimezone(zone)
    return f"{day(local.date())}, {local:%H:%M}"


def everywhere(instant: datetime, zone: ZoneInfo) -> Mrkdwn:
    """An instant in a channel: each reader sees it on their own clock; the fallback is the given zone's."""
    return safe(f"<!date^{int(instant.timestamp())}^{{date_short_pretty}} at {{time}}|{when(instant, zone)}>")


def money(amount: int | None, currency: str) -> str:
    return "amount unknown" if amount is None else format_money(amount, currency)


def sums(totals: Iterable[MoneySum], *, short: bool = False) -> str:
    """`USD 1,250,000 (8 deals, 1 of unknown amount)`, each currency by itself: nothing is converted here."""
    listed = list(totals)
    if not listed:
        return "nothing"
    write = short_money if short else format_money
    parts = []
    for total in listed:
        known = write(total.amount, total.currency) if total.deals > total.unknown else "unknown amount"
        note = "" if short else f" ({count(total.deals, 'deal')}"
        if not short:
            note += f", {total.unknown} of unknown amount)" if total.unknown and total.deals > total.unknown else ")"
        parts.append(known + note)
    return " + ".join(parts)


def change(now: Iterable[MoneySum], before: Iterable[MoneySum] | None) -> str:
    """`+ USD 40,000 since last week`; said in words when there is nothing to compare with."""
    from models.domain.notes import difference  # noqa: PLC0415 - keeps the names of this module to words

    if before is None:
        return "first note, nothing to compare with"
    parts = [
        f"{'+' if value > 0 else '−'}{format_money(abs(value), currency)}"
        for currency, value in difference(now, before).items()
        if value
    ]
    return f"{', '.join(parts)} since the last note" if parts else "unchanged since the last note"


def category(value: str) -> str:
    return Category(value).label


def mention(book: Names, person_id: int | None) -> Mrkdwn:
    """A mention for somebody who is in Slack, else their name."""
    slack_id = book.slack_id(person_id)
    return safe(f"<@{slack_id}>") if slack_id else safe(escape(book.name(person_id)))


def person(book: Names, person_id: int | None) -> Mrkdwn:
    """A name without a notification: for pages that are read, not answered."""
    return safe(escape(book.name(person_id)))


def moved(move: Any, currency: str) -> str:
    """One movement in words: `stage Qualification → Proposal`."""
    if move.field == "action":
        return f"done: {move.before}"
    names = {"stage": "stage", "category": "", "amount": "amount", "close_date": "close"}
    before, after = (_value(move.field, value, currency) for value in (move.before, move.after))
    return f"{names[move.field]} {before} → {after}".strip()


def _value(field: str, value: Any, currency: str) -> str:
    if value is None:
        return "unknown"
    if field == "amount":
        return format_money(int(value), currency)
    if field == "category":
        return category(value)
    return full_day(value) if field == "close_date" else str(value)


def said(field: str, value: Any, currency: str) -> str:
    return _value(field, value, currency)
