"""The page and the agenda of a meeting of the quarter's table: one template each, whatever the row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit import words as w
from handlers.kit.fit import Cut, cut, fit, fits
from handlers.kit.message import Message
from handlers.kit.pages import (
    LEAST_PROMISES,
    MARKS,
    STANDING,
    crm_as_of,
    fate_note,
    message,
    short,
    status_of,
    words_for,
)
from handlers.notes.render import ENV, add_up
from models import people
from models.domain.minutes import DealLine, Figure, MeetingFacts, PartnerFigures, Said, Section, Signature
from models.domain.notes import CommitmentFact, Health, MoneySum, sums
from models.domain.policy import Policy
from models.domain.text import count
from models.domain.zones import zone
from models.people import Directory
from models.tables import Artifact

ROLES = {"head": "Head of partnerships", "cro": "CRO", "cfo": "CFO", "ceo": "CEO", "pm": "Partner manager"}
MOST_LINES_SAID = 6
MOST_CURRENCIES = 3
"""As many currencies as one line says; the others are counted."""


@dataclass(frozen=True)
class Room:
    """How much of what is not a deal or a partner a page has room for, and how far its texts are cut."""

    figures: int = 100
    agenda: int = 20
    last: int = LEAST_PROMISES
    scale: float = 1.0

    @property
    def tight(self) -> bool:
        return self.scale < 1

    def short(self, text: str, length: int) -> str:
        return short(text, max(12, int(length * self.scale)))


ROOMS = (
    Room(),
    Room(figures=4, agenda=10, scale=0.6),
    Room(figures=2, agenda=6, last=1, scale=0.35),
    Room(figures=1, agenda=3, last=0, scale=0.2),
)
"""From the usual page to the one that is left when answers, figures and titles alone would be longer than a page."""


@dataclass(frozen=True)
class Shown:
    """A section cut to the room there is, for the template."""

    section: Section
    figures: Cut[Figure]
    deals: Cut[DealLine]
    partners: Cut[PartnerFigures]

    @property
    def title(self) -> str:
        return self.section.title

    @property
    def empty(self) -> bool:
        return self.section.empty

    @property
    def nothing(self) -> str:
        return self.section.nothing

    @property
    def more(self) -> int:
        return self.section.more

    @property
    def hidden(self) -> int:
        return self.deals.hidden + self.section.more

    @property
    def hidden_sum(self) -> tuple[MoneySum, ...]:
        rest = sums(line.deal for line in self.deals.items[self.deals.room :])
        return add_up((rest, self.section.more_sum))


async def minutes(session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy) -> Message | None:
    """The one page of a meeting."""
    artifact = await session.get(Artifact, args["artifact_id"])
    if artifact is None:
        return None
    facts = MeetingFacts.model_validate(artifact.facts)
    return message(page_text(facts, await people.directory(session), policy), title(facts))


async def agenda(session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy) -> Message | None:
    """What the meeting is about, and the figures it looks at."""
    artifact = await session.get(Artifact, args["artifact_id"])
    if artifact is None:
        return None
    facts = MeetingFacts.model_validate(artifact.facts)
    return message(agenda_text(facts, await people.directory(session), policy), f"{title(facts)}: agenda")


def title(facts: MeetingFacts) -> str:
    """`Acme · Forecast and acquisition 1:1`."""
    return " · ".join(part for part in (short(facts.partner, 80), short(facts.name, 80)) if part)


def page_text(facts: MeetingFacts, book: Directory, policy: Policy) -> str:
    """At most 40 lines and 3,800 characters."""
    return _fitted("minutes.j2", facts, book, policy)


def agenda_text(facts: MeetingFacts, book: Directory, policy: Policy) -> str:
    return _fitted("meeting_agenda.j2", facts, book, policy)


def _fitted(template_name: str, facts: MeetingFacts, book: Directory, policy: Policy) -> str:
    template = ENV.get_template(template_name)
    longest = max([0, *(max(len(part.deals), len(part.partners)) for part in facts.sections)])

    def render(room: int, side: int, rest: Room) -> str:
        return template.render(
            words_for(book, policy) | {"clip": rest.short},
            facts=facts,
            title=w.safe(w.joined(rest.short(facts.partner, 80), rest.short(facts.name, 80))),
            side=side,
            tight=rest.tight,
            starts=w.everywhere(facts.starts_at, zone(policy.zone)),
            status=status_of(facts, book),
            sponsors=w.safe(" and ".join(w.person(book, who) for who in facts.sponsors)),
            agenda=cut(facts.agenda, rest.agenda),
            sections=[
                Shown(part, cut(part.figures, rest.figures), cut(part.deals, room), cut(part.partners, room))
                for part in facts.sections
            ],
            figure_line=lambda figure: figure_line(figure, first=facts.first, room=rest),
            several=lambda money: w.safe(several(money)),
            deal_line=lambda line: deal_line(line, book),
            partner_line=partner_line,
            told=lambda item: told(item, side, rest),
            absent=w.safe(" ".join(w.escape(rest.short(text, 160)) for text in facts.absent)),
            fate=lambda item: w.safe(_fate(item, facts)),
            fate_note=fate_note,
            last=cut(_last(facts), rest.last + side),
            promised=cut(_promised(facts), LEAST_PROMISES + side),
            signature=lambda item: signature(item, book, policy),
            footer=footer(facts.health, facts.crm_as_of, policy, stale=facts.crm_stale),
        )

    text = ""
    for rest in ROOMS:
        text = fit(partial(render, rest=rest), longest)
        if fits(text):
            break
    return text


def _last(facts: MeetingFacts) -> list[CommitmentFact]:
    return [item for item in facts.commitments if item.fate != "new"]


def _promised(facts: MeetingFacts) -> list[CommitmentFact]:
    """The new ones first, then those that are carried."""
    return sorted((item for item in facts.commitments if item.fate in STANDING), key=lambda item: item.fate != "new")


def _fate(item: CommitmentFact, facts: MeetingFacts) -> str:
    if item.fate == "carried" and item.due < facts.day:
        return ":warning: not judged, overdue:"
    return MARKS.get(item.fate, "•")


def figure_line(figure: Figure, *, first: bool, room: Room = ROOMS[0]) -> w.Mrkdwn:
    """`commit: USD 40,000 (2 deals), +USD 10,000 since the last page`."""
    label = w.escape(room.short(figure.label, 80))
    if figure.said:
        return w.safe(f"{label}: {w.escape(room.short(figure.said, 160))}")
    since = ""
    if not first and figure.before is not None:
        said = {part.currency for part in figure.money[:MOST_CURRENCIES]}
        gone = len(said) < MOST_CURRENCIES  # then a currency that is no more has room too
        before = [part for part in figure.before if gone or part.currency in said][:MOST_CURRENCIES]
        since = f" · {w.change(figure.money[:MOST_CURRENCIES], before)}".replace("last note", "last page")
    return w.safe(f"{label}: {several(figure.money)}{since}")


def several(money: Sequence[MoneySum], *, brief: bool = False) -> str:
    """Sums by currency, the largest first; more than a line has room for are counted."""
    listed = tuple(money)
    more = len(listed) - MOST_CURRENCIES
    rest = f" + {count(more, 'more currency', 'more currencies')}" if more > 0 else ""
    return w.sums(listed[:MOST_CURRENCIES], short=brief) + rest


def deal_line(line: DealLine, book: Directory) -> w.Mrkdwn:
    """One deal: partner, name, amount, close date, owner, and what is asked for."""
    deal = line.deal
    parts = [w.escape(short(deal.name, 60)), w.money(deal.amount, deal.currency), w.full_day(deal.close_date),
             w.escape(book.name(deal.owner_id))]  # fmt: skip
    if line.partner:
        parts.insert(0, w.escape(short(line.partner, 40)))
    if deal.help_needed:
        parts.append(f":sos: {w.escape(short(deal.help_needed, 80))}")
    elif deal.stalled:
        parts.append(f":hourglass: {deal.days} days without movement")
    return w.safe(" · ".join(parts))


def partner_line(line: PartnerFigures) -> w.Mrkdwn:
    """`*Acme*: won USD 10k · commit USD 40k · best case nothing · pipeline USD 90k`."""
    parts = [
        f"{label} {several(money, brief=True)}"
        for label, money in (
            ("won", line.won), ("commit", line.commit), ("best case", line.best_case), ("pipeline", line.pipeline),
        )
        if money
    ]  # fmt: skip
    return w.safe(f"*{w.escape(short(line.partner, 60))}*: {' · '.join(parts)}")


def told(item: Said, side: int, rest: Room = ROOMS[0]) -> w.Mrkdwn:
    """What was typed, its line breaks kept; less of it where the page is full, and a single line where it is tight."""
    if rest.tight:
        lines = [line for line in item.text.splitlines() if line.strip()]
        more = f" _(and {count(len(lines) - 1, 'more line')})_" if len(lines) > 1 else ""
        return w.safe(w.escape(rest.short(lines[0] if lines else "", 120)) + more)
    room = (1 + side) if side < MOST_LINES_SAID else MOST_LINES_SAID
    lines = [line for line in item.text.splitlines() if line.strip()]
    shown = [w.escape(short(line, 120 + 60 * side)) for line in lines[:room]]
    if len(lines) > room:
        shown.append(f"_… and {len(lines) - room} more lines_")
    return w.safe("\n".join(shown))


def signature(item: Signature, book: Directory, policy: Policy) -> w.Mrkdwn:
    """Who has to sign and has not: signing comes with the forecast, and a page says what is not there."""
    who = w.escape(book.name(item.person_id)) if item.person_id is not None else "nobody has this role"
    when = f"signed {w.when(item.at, zone(policy.zone))}" if item.at is not None else "not signed"
    return w.safe(f"{ROLES.get(item.role, item.role)}, {who}: {when}")


def footer(health: Health, as_of: datetime | None, policy: Policy, *, stale: bool) -> w.Mrkdwn:
    """The series so far this fiscal year, and how old the CRM's word is."""
    if not any((health.held, health.late, health.skipped, health.no_meeting)):
        return w.safe(crm_as_of(as_of, policy, stale=stale))
    streak = f", {health.streak} in a row" if health.streak > 1 else ""
    held = (
        f"This fiscal year: {health.held} held{streak}, {health.late} late, {health.skipped} skipped, "
        f"{health.no_meeting} without meeting"
    )
    return w.safe(f"{held} · {crm_as_of(as_of, policy, stale=stale)}")
