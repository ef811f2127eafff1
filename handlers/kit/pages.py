"""What every written page says in the same words: money, actions, commitments, whether it was held, how old the CRM is."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Protocol

from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.doors import Door
from handlers.kit.message import Message
from models.domain.attribution import KIND_LABELS, by_state
from models.domain.deals import Attribution
from models.domain.forecast.facts import AttributionState
from models.domain.notes import CommitmentFact, DealFact
from models.domain.policy import Policy
from models.domain.text import clean, clip
from models.domain.zones import zone
from models.people import Directory

MARKS = {"kept": ":white_check_mark: kept:", "moved": ":calendar: moved:", "dropped": ":x: dropped:",
         "carried": ":arrow_right: not yet due:"}  # fmt: skip
STANDING = ("new", "moved", "carried")
LEAST_PROMISES = 3
SIDES = {"ours": "our side", "partner": "the partner's side", "holiday": "holiday"}
NOT_IN_CRM = "not in the CRM yet"


def message(text: str, title: str) -> Message:
    """The page as blocks, and as text for screen readers and notifications."""
    return Message(text=text or title, blocks=tuple(b.paragraphs(text)))


def with_pdf(made: Message) -> Message:
    """The page with a button that brings it as a file into its thread."""
    button = b.button("As PDF", Door.PDF, "pdf")
    return Message(text=made.text, blocks=(*made.blocks, b.actions(button)))


def words_for(book: Directory, policy: Policy) -> dict[str, Any]:
    """What every template may say."""
    return {
        "clip": short,
        "money": w.money,
        "name": lambda person_id: w.person(book, person_id),
        "amount": _amount,
        "action": lambda deal: _action(deal, book),
        "moves": lambda moves, currency: short("; ".join(w.moved(move, currency) for move in moves), 110),
        "fate_note": fate_note,
        "attributed": _attributed,
        "mark": lambda deal: f" ({NOT_IN_CRM})" if policy.crm_is_truth and not deal.in_crm else "",
    }


def short(text: str, length: int) -> str:
    """One line, clipped, and further where escaping would make it much longer: what Slack counts is the escaped text."""
    line = clean(text)
    shown = clip(line, length)
    while len(w.escape(shown)) > length * 3 // 2 and len(shown) > 1:
        shown = clip(line, len(shown) * 2 // 3)
    return shown


def _amount(deal: DealFact) -> str:
    return w.money(deal.amount, deal.currency)


def _action(deal: DealFact, book: Directory) -> w.Mrkdwn:
    if deal.action is None:
        return w.safe("*no next action*")
    overdue = ":warning: overdue since" if deal.action.overdue else "by"
    text = w.escape(short(deal.action.text, 70))
    return w.safe(f"{text} ({w.escape(book.name(deal.action.owner_id))}, {overdue} {w.day(deal.action.due)})")


def signatures(deals: Iterable[DealFact]) -> str:
    """How far the attribution of deals is signed: `signed in time USD 1.2M (3) · overdue USD 200k (1)`; "" where nobody asked."""
    return " · ".join(
        f"{state.label} {w.sums(total, short=True)} ({sum(one.deals for one in total)})"
        for state, total in by_state(deals).items()
    )


def _attributed(deal: DealFact) -> str:
    """` · co-sold, signed late`; nothing where nobody asked."""
    if not deal.attribution_state:
        return ""
    kind = KIND_LABELS[Attribution(deal.attribution)] if deal.attribution in tuple(Attribution) else "not known"
    return f" · {kind}, {AttributionState(deal.attribution_state).label}"


def fate_note(item: CommitmentFact) -> str:
    if item.fate == "moved":
        return f", from {w.day(item.due_before)} to {w.day(item.due)}"
    return f", by {w.day(item.due)}" if item.fate == "carried" else ""


class Held(Protocol):
    """What a page knows of its meeting."""

    @property
    def state(self) -> str: ...
    @property
    def side(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def moved_reason(self) -> str: ...
    @property
    def moved_by(self) -> int | None: ...
    @property
    def closed_by(self) -> int | None: ...
    @property
    def day(self) -> date: ...


def status_of(facts: Held, book: Directory) -> w.Mrkdwn:
    """Whether it was held, and if not, whose side and why."""
    by = f" (closed by {w.escape(book.name(facts.closed_by))})" if facts.closed_by else ""
    if facts.state == "held":
        return w.safe(f"Held {w.day(facts.day)}{by}")
    if facts.state == "held_late":
        who = w.escape(book.name(facts.moved_by))
        return w.safe(f"Held late, {w.day(facts.day)}: moved by {who}, {w.escape(short(facts.moved_reason, 120))}{by}")
    if facts.state in ("skipped", "no_meeting"):
        word = "Skipped" if facts.state == "skipped" else "No meeting"
        side = SIDES.get(facts.side, facts.side)
        why = w.escape(short(facts.reason, 200))
        return w.safe(f":warning: {word}: {side}, {why}{by}")
    return w.safe(f"Planned for {w.day(facts.day)}")


def crm_as_of(as_of: datetime | None, policy: Policy, *, stale: bool) -> str:
    if as_of is None:
        return "no CRM import yet"
    flag = ":warning: " if stale else ""
    old = ", more than two working days old" if stale else ""
    return f"{flag}CRM as of {w.when(as_of, zone(policy.zone))}{old}"
