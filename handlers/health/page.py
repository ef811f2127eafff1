"""How the quarter's meetings go: each partner manager's series, what was moved and skipped and why, hours, messages."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.health.ids import View
from handlers.health.words import LONGEST_NAME, SIDES, named, person, quoted, short
from handlers.kit import blocks as b
from handlers.kit import words as w
from models import cadence_health, costs, hours, people
from models.cadence_health import TO_HEAD, Happening, Series
from models.costs import ChannelCost
from models.domain.policy import Policy
from models.domain.text import count
from models.domain.zones import local_date, zone
from models.hours import ALLOWED_PARTNERS, Hours, spell
from models.people import Names
from models.tables import Person

TITLE = "Health and hours"
VIEW_BLOCKS = 100
"""Slack takes no more in a modal."""
MOST_GROUPS = 10
MOST_SERIES = 12
MOST_HAPPENINGS = 6
MOST_PEOPLE = 20
MOST_SENT = 15
SEES_ALL = ("head", "cro", "cfo", "ceo", "admin")


@dataclass(frozen=True)
class HealthPage:
    """All that one person may see. `messages` and `channels` are this week's; empty for who does not see everything."""

    week: str
    series: tuple[Series, ...]
    hours: tuple[Hours, ...]
    book: Names
    clocks: ZoneInfo
    shows_series: bool = True
    messages: tuple[tuple[int, int], ...] = ()
    channels: tuple[ChannelCost, ...] = ()
    shows_messages: bool = True


async def load(session: AsyncSession, actor: Person, *, now: datetime, policy: Policy) -> HealthPage:
    """Everything for leadership and admins; a partner manager's own series and hours; an AE's own hours."""
    wide = actor.has(*SEES_ALL)
    spent = await hours.of_quarter(session, now=now, policy=policy)
    manages = wide or actor.has("pm")
    kept = (await cadence_health.of_quarter(session, now=now, policy=policy)).series if manages else ()
    sent = await costs.messages_this_week(session, now=now, policy=policy) if wide else {}
    return HealthPage(
        week=f"{spent.quarter.label}, week {spent.week} of {policy.fiscal.weeks_in(spent.quarter)}",
        series=tuple(one for one in kept if wide or one.owner_id == actor.id),
        hours=tuple(one for one in spent.people if wide or one.person_id == actor.id),
        book=await people.directory(session),
        clocks=zone(people.zone_of(actor, policy)),
        shows_series=manages,
        messages=tuple(sorted(sent.items(), key=lambda row: (-row[1], row[0]))),
        channels=tuple(await costs.channels_this_week(session, now=now, policy=policy)) if wide else (),
        shows_messages=wide,
    )


def modal(page: HealthPage) -> dict[str, Any]:
    """As many partner managers as Slack has room for; who is left out is counted."""
    room = MOST_GROUPS
    made = _blocks(page, room)
    while room > 1 and (len(made) > VIEW_BLOCKS or sum(map(b.weight, made)) > b.VIEW_WEIGHT):
        room -= 1
        made = _blocks(page, room)
    return b.modal(View.HEALTH, TITLE, made)


def _blocks(page: HealthPage, room: int) -> list[b.Block]:
    return [
        b.section(f"*{short(page.week, LONGEST_NAME)}*"),
        *(_kept(page, room) if page.shows_series else ()),
        *_hours(page),
        *(_messages(page) if page.shows_messages else ()),
    ]


# How the meetings go.


def _kept(page: HealthPage, room: int) -> list[b.Block]:
    groups = _groups(page.series)
    if not groups:
        return [
            b.context("No meeting is planned this quarter. `/cadence` sets up the weekly review of a Tier 1 partner.")
        ]
    made: list[b.Block] = []
    for (is_company, owner_id), listed in list(groups.items())[:room]:
        name = person(page.book, owner_id)
        made += [b.divider(), b.section(f"*Company meetings led by {name}*" if is_company else f"*Partners of {name}*")]
        made += b.paragraphs("\n".join(_series_lines(listed)))
        made += _happenings(listed, page)
    if len(groups) > room:
        hidden = sum(len(listed) for listed in list(groups.values())[room:])
        made.append(b.context(f"… and {hidden} more series of {len(groups) - room} more people. `/cadence acme` "
                              "shows one partner."))  # fmt: skip
    return made


def _groups(series: Sequence[Series]) -> Mapping[tuple[bool, int | None], list[Series]]:
    """By partner manager, then the company's meetings by who leads them; the most skipped first."""
    found: dict[tuple[bool, int | None], list[Series]] = defaultdict(list)
    for one in series:
        found[one.partner_id is None, one.owner_id].append(one)
    ranked = sorted(found.items(), key=lambda row: (row[0][0], *min(map(_weight, row[1])), row[0][1] or 0))
    return dict(ranked)


def _weight(one: Series) -> tuple[int, int]:
    return -one.skips_in_a_row, -one.health.skipped


def _series_lines(listed: Sequence[Series]) -> list[str]:
    ranked = [one for one in sorted(listed, key=_weight) if _has_happened(one)]
    lines = [f"• {named(one.meeting, one.partner)}: {_tally(one)}" for one in ranked[:MOST_SERIES]]
    if len(ranked) > MOST_SERIES:
        rest = ranked[MOST_SERIES:]
        skipped = sum(one.health.skipped for one in rest)
        lines.append(f"… and {len(rest)} more series, {skipped} skipped in them")
    ahead = len(listed) - len(ranked)
    if ahead:
        lines.append(f"_{count(ahead, 'series', 'series')} with nothing due yet this quarter_")
    return lines


def _has_happened(one: Series) -> bool:
    """Whether a meeting of it was due this quarter, or its skips of the last one still count."""
    found = one.health
    return bool(found.held or found.late or found.skipped or found.no_meeting or one.skips_in_a_row)


def _tally(one: Series) -> str:
    found = one.health
    tally = (
        f"{found.held} held · {found.late} late · {found.skipped} skipped · {found.no_meeting} without meeting · "
        f"{found.streak} held in a row"
    )
    return f"{tally} · :warning: {one.skips_in_a_row} skipped in a row" if one.skips_in_a_row >= TO_HEAD else tally


def _happenings(listed: Sequence[Series], page: HealthPage) -> list[b.Block]:
    found = sorted(
        ((one, what) for one in listed for what in one.happenings),
        key=lambda row: (row[1].at, row[1].day),
        reverse=True,
    )
    if not found:
        return []
    lines = [f"{named(one.meeting, one.partner)}, {_happening(what, page)}" for one, what in found[:MOST_HAPPENINGS]]
    if len(found) > MOST_HAPPENINGS:
        lines.append(f"… and {len(found) - MOST_HAPPENINGS} more")
    return b.paragraphs("_Moved and skipped_\n" + "\n".join(lines))


def _happening(what: Happening, page: HealthPage) -> str:
    """`Thu 12 Feb: skipped by Pat on Wed 11 Feb, our side: “ill”`."""
    on = w.day(local_date(what.at, page.clocks))
    by = f" by {person(page.book, what.by_id)}" if what.by_id is not None else ""
    word = {"moved": "moved", "skipped": "skipped"}.get(what.what, "called off")
    side = "" if what.what == "moved" else f", {SIDES.get(what.side, 'nobody knows whose side')}"
    return f"{w.day(what.day)}: {word}{by} on {on}{side}: {quoted(what.reason)}"


# What they cost.


def _hours(page: HealthPage) -> list[b.Block]:
    made: list[b.Block] = [b.divider(), b.section("*Hours of meetings a week, preparation included*")]
    if not page.hours:
        return [*made, b.context("No meeting is planned this quarter.")]
    ranked = sorted(page.hours, key=lambda one: not one.is_over)
    lines = [_hours_line(one, page) for one in ranked[:MOST_PEOPLE]]
    if len(ranked) > MOST_PEOPLE:
        lines.append(f"… and {count(len(ranked) - MOST_PEOPLE, 'more person', 'more people')}")
    return [*made, *b.paragraphs("\n".join(lines))]


def _hours_line(one: Hours, page: HealthPage) -> str:
    """This week, average and peak; for a partner manager beside what their Tier 1 partners may cost."""
    average = spell(one.average)
    line = (
        f"• *{person(page.book, one.person_id)}*: {spell(one.this_week)} this week · {average} on average · "
        f"peak week {one.peak_week}: {spell(one.peak)}"
    )
    if one.allowance is None:
        return line
    partners = "three" if one.tier1 <= ALLOWED_PARTNERS else str(one.tier1)
    mark = ":warning: " if one.is_over else ""
    return f"{line}\n   {mark}{average} a week on average; {spell(one.allowance)} is what {partners} Tier 1 partners may cost"


def _messages(page: HealthPage) -> list[b.Block]:
    to_people = [f"{person(page.book, person_id)} {number}" for person_id, number in page.messages]
    to_channels = [f"{_channel(one)} {one.messages}" for one in page.channels]
    lines = (f"To people: {_counted(to_people)}", f"To channels: {_counted(to_channels)}")
    return [b.divider(), b.section("*Messages sent this week*"), *b.paragraphs("\n".join(lines))]


def _channel(one: ChannelCost) -> str:
    return f"#{short(one.name, LONGEST_NAME)}" if one.name else "a private channel"


def _counted(parts: Sequence[str]) -> str:
    if not parts:
        return "none"
    more = f" · and {len(parts) - MOST_SENT} more" if len(parts) > MOST_SENT else ""
    return " · ".join(parts[:MOST_SENT]) + more
