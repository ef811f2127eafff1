"""The question whether a deal that was born here and one that an import brought are the same: both, side by side."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.births.ids import Door, MatchRef
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.message import Message
from models import births, people
from models.births import Pair, State
from models.domain.policy import Policy
from models.domain.text import clip, count
from models.people import Names
from models.tables import Card, DealVersion

MOST = 12
MOST_SETTLED = 20
TEXT_LIMIT = 3500


async def render(
    session: AsyncSession, card_id: int, *, now: datetime, policy: Policy  # noqa: ARG001 - as every renderer
) -> Message | None:  # fmt: skip
    """What the card says now; nothing when everything was settled before it was sent."""
    card = await session.get_one(Card, card_id)
    found = await births.on_card(session, card_id)
    if not found or (card.ts is None and not any(pair.open for pair in found)):
        return None
    return message(found, await people.directory(session))


def message(found: list[Pair], book: Names) -> Message:
    """The open pairs with their two buttons, then what was said of the others."""
    waiting = [pair for pair in found if pair.open]
    settled = [line for pair in found if not pair.open and (line := settled_line(pair, book))]
    lead = lead_line(waiting)
    made = [b.header("Is this the same deal?" if waiting else "The same deal?"), b.section(lead)]
    for pair in waiting[:MOST]:
        made += [b.divider(), _side_by_side(pair, book), _buttons(pair)]
    if len(waiting) > MOST:
        made.append(b.context(f"… and {len(waiting) - MOST} more: they stand here as soon as these are answered."))
    if settled:
        made.append(b.context("\n".join(settled[:MOST_SETTLED])))
    if len(settled) > MOST_SETTLED:
        made.append(b.context(f"… and {len(settled) - MOST_SETTLED} more answered"))
    text = "\n".join([lead, *(f"• {pair_line(pair)}" for pair in waiting), *settled])
    return Message(clip(text, TEXT_LIMIT), tuple(made))


def lead_line(waiting: list[Pair]) -> str:
    if not waiting:
        return ":white_check_mark: All answered, thank you."
    number = len({pair.match.deal_id for pair in waiting})
    ours = "a deal" if number == 1 else count(number, "deal")
    return (
        f"The last import brought what may be {ours} that you have here already. Until you say so, both are counted. "
        "*Same deal* makes them one, with everything that was said here; it cannot be taken back."
    )


def pair_line(pair: Pair) -> str:
    """Both in one line, for a notification."""
    theirs = pair.theirs
    if theirs is None:
        return w.escape(clip(pair.ours.name, 80))
    return (
        f"{w.escape(clip(pair.ours.name, 80))} ({w.money(pair.ours.amount, pair.ours.currency)}) and in the CRM "
        f"{w.escape(clip(theirs.name, 80))} ({w.money(theirs.amount, theirs.currency)})"
    )


def _side_by_side(pair: Pair, book: Names) -> b.Block:
    partner = f" · {w.escape(clip(pair.partner.name, 40))}" if pair.partner is not None else ""
    here = _side(f"Made here{partner}", pair.ours, book)
    there = _side(f"In the CRM · {w.escape(clip(pair.crm_id, 40))}", pair.theirs or pair.ours, book)
    texts = [{"type": "mrkdwn", "text": clip(text, 1900), "verbatim": True} for text in (here, there)]
    return {"type": "section", "fields": texts}


def _side(title: str, version: DealVersion, book: Names) -> str:
    close = f"closes {w.full_day(version.close_date)}" if version.close_date else "no close date"
    return "\n".join([
        f"_{title}_",
        f"*{w.escape(clip(version.name, 120))}*",
        w.escape(clip(version.account, 80)) or "no account",
        w.money(version.amount, version.currency),
        close,
        w.escape(clip(version.stage, 60)) or "no stage",
        w.escape(book.name(version.owner_id)),
    ])  # fmt: skip


def _buttons(pair: Pair) -> b.Block:
    ref = MatchRef(m=pair.match.id).dump()
    return b.actions(
        b.button("Same deal", Door.SAME_DEAL, ref, style="primary"),
        b.button("Different", Door.DIFFERENT_DEAL, ref),
        block_id=f"match:{pair.match.id}",
    )


def settled_line(pair: Pair, book: Names) -> str:
    """What was said, and by whom; nothing for a question that only lost its other side."""
    by, name = w.escape(book.name(pair.match.decided_by_id)), w.escape(clip(pair.ours.name, 80))
    if pair.match.state == State.SAME:
        return f":white_check_mark: *{name}* ({w.escape(clip(pair.crm_id, 40))}) is one deal now, as {by} said"
    # One that was settled because its deal is another one of the CRM: nobody has said that, and the line above does.
    if pair.match.state == State.DIFFERENT and pair.theirs is not None and not pair.merged:
        return f":heavy_multiplication_x: *{name}* and *{w.escape(clip(pair.theirs.name, 80))}* are two deals, as {by} said"
    return ""
