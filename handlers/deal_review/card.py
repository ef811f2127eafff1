"""The prompt card and the nudge: every deal under review that waits for one person, edited in place as they answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.deal_review.ids import Action, CardRef, DealRef, Door, Unchanged
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.message import Message
from handlers.kit.said import whole
from models import answers, attribution, cards, people, reviews
from models.attribution import Waiting
from models.cadences import AHEAD, Kind
from models.domain.agenda import speaking_slots
from models.domain.notes import PartnerSays
from models.domain.policy import Policy
from models.domain.text import clip, count
from models.domain.zones import zone
from models.joint import says
from models.people import Directory, Names
from models.reviews import DealView
from models.tables import Answer, Cadence, Card, Occurrence, Partner

WELCOME = (
    "New to this? Once a week, on your last working day before a review, I ask about the deals you own: what happens next, who "
    "does it, by when. A click or a short form each; your answers are the note of the review. `/deals` works on any day."
)
MOST_DEALS = 12
MOST_TO_SIGN = 200
TEXT_LIMIT = 3500


@dataclass(frozen=True)
class Item:
    """One deal on somebody's card."""

    occurrence: Occurrence
    view: DealView
    answer: Answer | None
    unchanged: str
    owner_id: int | None
    kind: str


@dataclass(frozen=True)
class Review:
    """One review on somebody's card."""

    occurrence: Occurrence
    cadence: Cadence
    partner: Partner | None
    slot: tuple[datetime, datetime] | None
    items: tuple[Item, ...]


@dataclass(frozen=True)
class CardPage:
    """All that the card shows; built once from the rows, then turned into blocks."""

    person_id: int
    reviews: tuple[Review, ...]
    clocks: ZoneInfo
    book: Directory
    crm: bool = False
    """Whether there is a CRM that owns deals: one that is not in it is marked."""
    first: bool = False
    """Whether this person has never been asked before."""
    to_sign: Waiting = field(default_factory=Waiting)
    """The deals whose attribution waits for this person's signature, these and others."""
    says: Mapping[int, Sequence[PartnerSays]] = field(default_factory=dict)
    """What partners say of these deals."""

    @property
    def items(self) -> list[Item]:
        return [item for review in self.reviews for item in review.items]

    @property
    def open_items(self) -> list[Item]:
        return [item for item in self.items if item.answer is None]


async def load(session: AsyncSession, card: Card, *, now: datetime, policy: Policy) -> CardPage:
    """The present state of a card; a number of statements that does not grow with its deals."""
    ids = (await cards.occurrences_on(session, [card.id]))[card.id]
    return await page_for(session, card.person_id, ids, now=now, policy=policy)


async def page_for(
    session: AsyncSession, person_id: int, occurrence_ids: list[int], *, now: datetime, policy: Policy
) -> CardPage:
    pairs = await reviews.scope(session, occurrence_ids)
    listed = await reviews.under_review(session, occurrence_ids, now=now, policy=policy, among=pairs)
    done = await reviews.answered(session, occurrence_ids)
    staff = await reviews.staff(session, policy)
    book = Directory(staff.people)
    shown: list[Review] = []
    for occurrence, cadence in pairs:
        duties = reviews.duties(occurrence, cadence.pm_id, listed[occurrence.id], staff)
        mine = {
            deal_id: duty.owner_id for duty in duties if duty.responder_id == person_id for deal_id in duty.deal_ids
        }
        items = [
            _item(occurrence, cadence, view, done[occurrence.id], mine, book)
            for view in listed[occurrence.id]
            if view.id in mine
        ]
        if not items:
            continue
        by_person: dict[int, int] = {}
        for duty in duties:
            by_person[duty.responder_id] = by_person.get(duty.responder_id, 0) + len(duty.deal_ids)
        slot = speaking_slots(occurrence.starts_at, cadence.minutes, by_person).get(person_id)
        shown.append(Review(occurrence, cadence, items[0].view.partner, slot, tuple(items)))
    person = staff.people[person_id]
    waiting = await attribution.waiting_for(session, person, now=now, policy=policy, most=MOST_TO_SIGN)
    joint = [item.view.id for review in shown for item in review.items if item.view.deal.joint]
    return CardPage(
        person_id, tuple(shown), zone(people.zone_of(person, policy)), book, policy.crm_is_truth, to_sign=waiting,
        says=await says.of_deals(session, joint, policy=policy),
    )  # fmt: skip


def _item(
    occurrence: Occurrence,
    cadence: Cadence,
    view: DealView,
    done: Mapping[int, Answer],
    mine: Mapping[int, int | None],
    book: Directory,
) -> Item:
    owner = book.people.get(view.action.owner_id) if view.action else None
    refusal = answers.why_not_unchanged(view.action, view.today, owner, missing=view.deal.missing_since is not None)
    return Item(occurrence, view, done.get(view.id), refusal, mine[view.id], cadence.kind)


async def render_prompt(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:
    card = await session.get_one(Card, card_id)
    page = await load(session, card, now=now, policy=policy)
    earlier = select(Card.id).where(Card.person_id == card.person_id, Card.kind == cards.PROMPT, Card.id < card_id)
    first = await session.scalar(earlier.limit(1)) is None
    return prompt(replace(page, first=first), card_id) if page.items else _nothing_left()


async def render_nudge(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:
    card = await session.get_one(Card, card_id)
    page = await load(session, card, now=now, policy=policy)
    return nudge(page) if page.items else _nothing_left()


def _nothing_left() -> Message:
    text = "Nothing waits for you here any more: these deals were closed or have another owner now."
    return Message(text, (b.section(text),))


def progress(page: CardPage) -> str:
    total, left = len(page.items), len(page.open_items)
    if not left:
        return f":white_check_mark: All set: {count(total, 'deal')} answered. You can still change an answer."
    return f"{total - left} of {total} answered"


def prompt(page: CardPage, card_id: int) -> Message:
    """The prompt card's blocks: one button each for what is unchanged, a form for the rest."""
    left = page.open_items
    occurrences = tuple(review.occurrence.id for review in page.reviews)
    made = [b.header("Your deals for the next review"), b.context(progress(page))]
    if page.first:
        made.append(b.context(WELCOME))
    buttons = []
    if left:
        walk = CardRef(o=occurrences).dump()
        buttons.append(b.button(f"Review my deals ({len(left)})", Door.REVIEW_MY_DEALS, walk, style="primary"))
    if page.to_sign.total:
        label = f"Sign attribution ({page.to_sign.total})…"
        buttons.append(b.button(label, Door.SIGN_ATTRIBUTION, CardRef().dump()))
    if buttons:
        made.append(b.actions(*buttons, block_id=f"walk:{card_id}"))
    room = MOST_DEALS
    for review in page.reviews:
        waiting = [item for item in review.items if item.answer is None]
        made.append(b.section(_review_line(review, page)))
        for item in waiting[: max(room, 0)]:
            made += _deal_blocks(item, page)
        if len(waiting) > max(room, 0):
            made.append(b.context(f"… and {count(len(waiting) - max(room, 0), 'more deal')} here. "
                                  "*Review my deals* walks through all of them."))  # fmt: skip
        room -= len(waiting)
        answered = [item for item in review.items if item.answer is not None]
        if answered:
            made.append(b.context(_answered_line(answered, page)))
    return Message(_plain(page), tuple(made[:50]))


def nudge(page: CardPage) -> Message:
    """One line that a person can act on, edited to "all set" when they have."""
    left = page.open_items
    if not left:
        text = f":white_check_mark: All set, thank you: {count(len(page.items), 'deal')} answered."
        return Message(text, (b.section(text),))
    first = min(review.occurrence.starts_at for review in page.reviews)
    names = ", ".join(w.escape(clip(item.view.version.name, 60)) for item in left[:3])
    more = f" and {len(left) - 3} more" if len(left) > 3 else ""  # noqa: PLR2004 - three are named
    text = (
        f"*{count(len(left), 'deal')} still open* before {w.when(first, page.clocks)}: {names}{more}. "
        "It takes a click each if nothing changed."
    )
    occurrences = tuple(review.occurrence.id for review in page.reviews)
    walk = b.button("Review my deals", Door.REVIEW_MY_DEALS, CardRef(o=occurrences).dump(), style="primary")
    return Message(text, (b.section(text), b.actions(walk)))


def _review_line(review: Review, page: CardPage) -> str:
    if review.cadence.kind == Kind.OTHER_PARTNERS:
        pm = w.escape(page.book.name(review.cadence.pm_id))
        return f"*Other partners of {pm}* · no meeting, your answers go into the Friday note"
    name = w.escape(clip(review.partner.name if review.partner else "Review", 200))
    if review.occurrence.state not in AHEAD:
        return f"*{name}* · {review.occurrence.state.replace('_', ' ')}"
    starts = w.when(review.occurrence.starts_at, page.clocks)
    ends = w.clock(review.occurrence.ends_at, page.clocks)
    line = f"*{name}* · {starts}–{ends}"
    if review.slot is not None and len(page.reviews) > 1:
        line += f" · you: {w.clock(review.slot[0], page.clocks)}–{w.clock(review.slot[1], page.clocks)}"
    if review.occurrence.moved_at is not None:
        line += f" · moved: {w.escape(clip(review.occurrence.moved_reason, 120))}"
    return line


def _deal_blocks(item: Item, page: CardPage) -> list[b.Block]:
    ref = DealRef(o=item.occurrence.id, d=item.view.id)
    elements = []
    action = item.view.action
    if not item.unchanged and action is not None:
        value = Unchanged(o=item.occurrence.id, d=item.view.id, a=action.id, r=action.revision)
        elements.append(
            b.button(
                f"No change: {clip(action.text, 46)} by {action.due.day} {action.due:%b}",
                Action.NO_CHANGE,
                value.dump(),
            )
        )
    elements.append(b.button("Answer…", Door.ANSWER_DEAL, ref.dump()))
    block_id = f"deal:{item.occurrence.id}:{item.view.id}:{action.revision if action else 0}"
    grouped = item.kind == Kind.WEEKLY_REVIEW
    text = deal_text(item.view, page.book, for_id=_for(item, page), with_partner=not grouped, crm=page.crm)
    return [
        b.section("\n".join([text, *partner_lines(page.says.get(item.view.id, ())), *_countdown(item, page)])),
        b.actions(*elements, block_id=block_id),
    ]


def partner_lines(said: Sequence[PartnerSays]) -> list[str]:
    """What the partner says of a joint deal, a line each."""
    return [f":handshake: {whole(one)}" for one in said]


def _countdown(item: Item, page: CardPage) -> list[str]:
    """How long the reader has to sign this deal's attribution; nothing where their signature is not missing."""
    waits = page.to_sign.of(item.view.id)
    if waits is None:
        return []
    mark = ":warning: " if waits.days_left is not None and waits.days_left < 0 else ""
    due = f", by {w.day(waits.due)}" if waits.due is not None else ""
    return [f"{mark}attribution: {waits.countdown}{due}, your signature is missing"]


def _for(item: Item, page: CardPage) -> int | None:
    return item.owner_id if item.owner_id != page.person_id else None


def deal_text(
    view: DealView, book: Names, *, for_id: int | None = None, with_partner: bool = True, crm: bool = False
) -> str:
    """A deal in three short lines: what it is, where it stands, what was promised. `crm`: there is one that owns deals."""
    version, now_is = view.version, view.standing
    title = w.escape(clip(version.name, 150))
    # Most CRMs name a deal after its account: said once is enough.
    said = not version.account or version.name.casefold().startswith(version.account.casefold())
    account = "" if said else f" · {w.escape(clip(version.account, 80))}"
    partner = f" · {w.escape(clip(view.partner.name, 60))}" if view.partner and with_partner else ""
    lines = [f"*{title}*{account}{partner}"]
    lines.append(
        " · ".join(
            [
                w.escape(clip(now_is.stage, 60) or "no stage") + _crm(view, "stage"),
                w.category(now_is.category) + _crm(view, "category"),
                w.money(now_is.amount, now_is.currency) + _crm(view, "amount"),
                (f"closes {w.full_day(now_is.close_date)}" if now_is.close_date else "no close date")
                + _crm(view, "close_date"),
                *(["_not in the CRM yet_"] if crm and view.deal.crm_id is None else []),
            ]
        )
    )
    lines.append(f"{action_text(view, book)} · {stall_text(view)}")
    if view.deal.missing_since is not None:
        lines.append(
            f":grey_question: not in the CRM's export since {w.day(view.deal.missing_since.date())}: "
            "won, lost, or a mistake there? Say so in its stage."
        )
    if for_id is not None:
        lines.append(f"_for {w.escape(book.name(for_id))}_" if for_id else "")
    return "\n".join(line for line in lines if line)


def _crm(view: DealView, field: str) -> str:
    """` (CRM: USD 80,000)` where somebody here said otherwise: totals keep the CRM's value."""
    if field not in view.version.said:
        return ""
    value = getattr(view.version, field)
    shown = value.isoformat() if isinstance(value, date) else value
    return f" (CRM: {w.escape(clip(w.said(field, shown, view.version.currency), 60))})"


def action_text(view: DealView, book: Names) -> str:
    action = view.action
    if action is None:
        step = f" (CRM: {w.escape(clip(view.version.next_step, 120))})" if view.version.next_step else ""
        return f"_no next action yet_{step}"
    overdue = f":warning: overdue since {w.day(action.due)}" if view.overdue else f"by {w.day(action.due)}"
    return f"Next: {w.escape(clip(action.text, 200))} ({w.escape(book.name(action.owner_id))}, {overdue})"


def stall_text(view: DealView) -> str:
    days = count(view.days, "day")
    if view.stalled:
        return f":hourglass: no movement for {days}"
    if not view.has_moved:
        return f"known for {days}" if view.days else "new here"
    return "moved today" if view.days == 0 else f"moved {days} ago"


def _answered_line(answered: list[Item], page: CardPage) -> str:
    names = []
    for item in answered[:8]:
        by = item.answer.by_id if item.answer else None
        who = "" if by == page.person_id else f" ({w.escape(page.book.name(by))})"
        names.append(f"{w.escape(clip(item.view.version.name, 60))}{who}")
    more = f" and {len(answered) - 8} more" if len(answered) > 8 else ""  # noqa: PLR2004 - eight are named
    return f":white_check_mark: {', '.join(names)}{more}"


def _plain(page: CardPage) -> str:
    """What a notification and a screen reader say: the whole card without its buttons."""
    lines = [f"Your deals for the next review: {progress(page).removesuffix('.')}."]
    for review in page.reviews:
        lines.append(_review_line(review, page))
        lines += [f"• {w.escape(clip(item.view.version.name, 100))}" for item in review.items if item.answer is None]
    return clip("\n".join(lines), TEXT_LIMIT)
