"""The check-in's card: one partner's joint deals, a button each, edited in place. Written from the boundary's type alone."""

from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.checkin.ids import Door, MarkRef
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.message import Message
from handlers.kit.pages import short
from models.domain.policy import Policy
from models.domain.shared import SharedCheckIn, SharedDeal, SharedStep
from models.domain.text import clip, count
from models.joint import checkin

MOST_DEALS = 44
"""A message takes fifty blocks: two above the deals, one for those that do not fit, one below, and some to spare."""
TEXT_LIMIT = 3000
LONGEST = 250
OVER = (
    ":checkered_flag: This check-in is over; what was said until then stands here. "
    "Is something missing? Reply in this thread."
)
FOOTER = "Answer with a button, or reply in this thread. Only what both sides may see stands here."


async def render(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:
    """The card as it is now; None where its review is not there any more."""
    made = await checkin.shown_on(session, card_id, now=now, policy=policy)
    return blocks(made) if made is not None else None


def blocks(check_in: SharedCheckIn) -> Message:
    """The card's blocks; what does not fit is counted, and one button leads to it."""
    is_open = check_in.state == "open"
    title = f"Check-in before our review: {w.day(check_in.day)}, {check_in.time}"
    made = [b.header(title), b.context(_progress(check_in) if is_open else OVER)]
    if not check_in.deals:
        made.append(b.section("No joint deal is open here at the moment."))
    shown, hidden = check_in.deals[:MOST_DEALS], check_in.deals[MOST_DEALS:]
    made += [_row(deal, check_in.partner, is_open=is_open) for deal in shown]
    if hidden:
        made.append(_more(hidden, is_open=is_open))
    if is_open and check_in.deals:
        made.append(b.context(FOOTER))
    return Message(clip(w.escape(checkin.plain(check_in)), TEXT_LIMIT), tuple(made))


def _progress(check_in: SharedCheckIn) -> str:
    total, done = len(check_in.deals), sum(1 for deal in check_in.deals if deal.answered)
    if not total:
        return w.escape(check_in.partner)
    name = w.escape(short(check_in.partner, 80))
    if done == total:
        return f"{name} · :white_check_mark: all set: {count(total, 'joint deal')} answered. An answer can still be changed."
    return f"{name} · {count(total, 'joint deal')}, {done} answered. What is new with them, who does what next, and by when?"


def _row(deal: SharedDeal, partner: str, *, is_open: bool) -> b.Block:
    """One deal, and the button to answer for it."""
    text = "\n".join(lines(deal, partner))
    if not is_open:
        return b.section(text)
    label = "Change" if deal.answered else "Update"
    return b.section(text, accessory=b.button(label, Door.CHECK_IN, MarkRef(m=deal.ref).dump()))


def lines(deal: SharedDeal, partner: str) -> list[str]:
    """A joint deal in a few short lines: what it is, what each side does, what they ask, who said so."""
    name = w.escape(short(partner, 40))
    found = [" · ".join(_head(deal, name))]
    if deal.ours is not None:
        found.append(f"From us: {_step(deal.ours)}")
    if deal.theirs is not None:
        found.append(f"From {name}: {_step(deal.theirs)}")
    if deal.ask:
        found.append(f"{name} asks: {w.escape(short(deal.ask, LONGEST))}")
    if deal.said_on is not None:
        found.append(_said(deal))
    return found


def _head(deal: SharedDeal, partner: str) -> list[str]:
    parts = [f"*{w.escape(short(deal.account, 120))}*"]
    if deal.stage:
        parts.append(f"stage {w.escape(short(deal.stage, 75))}")
    if deal.their_stage:
        parts.append(f"{partner} says {w.escape(short(deal.their_stage, 75))}")
    if deal.amount is not None:
        parts.append(w.money(deal.amount, deal.currency))
    return parts


def _step(step: SharedStep) -> str:
    more = [w.escape(short(step.owner, 60))] if step.owner else []
    if step.due is not None:
        more.append(f"by {w.day(step.due)}")
    return f"{w.escape(short(step.text, LONGEST))}{_in_brackets(more)}"


def _in_brackets(parts: list[str]) -> str:
    return f" ({', '.join(parts)})" if parts else ""


def _said(deal: SharedDeal) -> str:
    who = w.escape(short(deal.said_by, 60)) or "somebody"
    on = _short_day(deal.said_on)
    return f":white_check_mark: Answered by {who}, {on}" if deal.answered else f"_Last said by {who}, {on}_"


def _short_day(day: date | None) -> str:
    return f"{day.day} {day:%b}" if day is not None else ""


def _more(hidden: tuple[SharedDeal, ...], *, is_open: bool) -> b.Block:
    done = sum(1 for deal in hidden if deal.answered)
    text = f"… and {count(len(hidden), 'more joint deal')}, {done} answered."
    if not is_open:
        return b.section(text)
    return b.section(text, accessory=b.button("More deals…", Door.CHECK_IN, MarkRef(m=hidden[0].ref, more=True).dump()))
