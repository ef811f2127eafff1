"""How attribution is said: what a deal is, who has signed and who has to, its history. Pure functions of a desk."""

from datetime import date
from zoneinfo import ZoneInfo

from handlers.kit import words as w
from models.attribution import Claim, Desk, Signature
from models.attribution.waiting import Item
from models.domain.attribution import KIND_LABELS, Side, has_to_sign
from models.domain.forecast.facts import AttributionState
from models.domain.text import clip
from models.people import Names

MARKS = {
    AttributionState.SIGNED: ":white_check_mark:",
    AttributionState.LATE: ":warning:",
    AttributionState.ONE_SIDED: ":hourglass_flowing_sand:",
    AttributionState.OPEN: ":hourglass_flowing_sand:",
    AttributionState.OVERDUE: ":warning:",
    AttributionState.NO_CLOCK: ":grey_question:",
    AttributionState.LEGACY: ":grey_question:",
}
NEAR = {-1: "yesterday", 0: "today", 1: "tomorrow"}
MOST_CLAIMS, MOST_TOUCHES = 8, 5


def standing(desk: Desk) -> str:
    """What the deal counts as today, and how far that is signed."""
    kind, state = KIND_LABELS[desk.kind], desk.state
    signed = desk.in_force is not None or desk.waiting is not None
    by = "" if signed or not desk.kind else " (the CRM's column; nobody has signed it)"
    return f"{MARKS[state]} *{kind}*{by} · {state.label} · {clock(desk)}"


def clock(desk: Desk) -> str:
    """The day both have to have signed by, or why there is none."""
    state = desk.state
    if state is AttributionState.LEGACY:
        return "created before Cadence came, so it has no clock and is reported apart"
    if desk.in_force is not None:
        return (
            f"both signatures were due by {w.full_day(desk.in_force.row.due)}" if desk.in_force.row.due else "no clock"
        )
    due, left = _due(desk)
    if due is None or left is None:
        return "the clock begins with the first touch that is recorded"
    days = NEAR.get(left) or (f"in {left} days" if left > 0 else f"{-left} days ago")
    return f"both signatures {'were' if left < 0 else 'are'} due by {w.full_day(due)} ({days})"


def _due(desk: Desk) -> tuple[date | None, int | None]:
    found = desk.ground.clock(desk.deal, desk.version)
    return found.due(desk.ground.days), found.days_left(desk.ground.today, desk.ground.days)


def names(desk: Desk, book: Names, zone: ZoneInfo) -> str:
    """Both sides: who has signed, and who has to."""
    claim = desk.waiting or desk.in_force
    lines = []
    if desk.waiting is not None and desk.in_force is not None:
        lines.append(
            f"A change to *{KIND_LABELS[desk.waiting.kind]}* waits: “{w.escape(clip(desk.waiting.row.reason, 200))}”. Until both "
            f"have signed it, {KIND_LABELS[desk.in_force.kind]} stays."
        )
    elif desk.waiting is not None:
        lines.append(f"*{KIND_LABELS[desk.waiting.kind].capitalize()}* waits for its second signature.")
    for side in Side:
        held = next((one for one in claim.signatures if one.side is side), None) if claim is not None else None
        lines.append(f"• {_signed(held, book, zone) if held else w.escape(has_to_sign(desk.who(side)))}")
    return "\n".join(lines)


def _signed(held: Signature, book: Names, zone: ZoneInfo) -> str:
    covered = f" for {w.escape(book.name(held.for_id))}" if held.for_id else ""
    name = w.escape(book.name(held.person_id))
    return f"{name} ({held.side.label}{covered}) signed {w.when(held.at, zone)}"


def history(desk: Desk, book: Names, zone: ZoneInfo) -> list[str]:
    """Every claim there was, the newest first, and the touches: a line each. Those of a partner who has left name them."""
    lines = [_claim(claim, desk, book, zone) for claim in reversed(desk.claims)]
    more = len(lines) - MOST_CLAIMS
    found = lines[:MOST_CLAIMS] + ([f"… and {more} before"] if more > 0 else [])
    for touch in desk.touches[:MOST_TOUCHES]:
        said, who = w.escape(clip(touch.said, 120)), _of(touch.partner_id, desk)
        found.append(f"{who}Touch {w.full_day(touch.day)}: {said} (recorded by {w.escape(book.name(touch.by_id))})")
    if len(desk.touches) > MOST_TOUCHES:
        found.append(f"… and {len(desk.touches) - MOST_TOUCHES} more touches")
    return found


def _claim(claim: Claim, desk: Desk, book: Names, zone: ZoneInfo) -> str:
    row = claim.row
    by = " and ".join(w.escape(book.name(held.person_id)) for held in claim.signatures)
    why = f", “{w.escape(clip(row.reason, 120))}”" if row.reason else ""
    if not claim.live:
        end = f"until {w.when(row.replaced_at, zone)}" if row.replaced_at else ""
        fate = f"in force {end}" if row.in_force_at is not None else f"never in force, {end}"
    else:
        fate = "in force" if row.in_force_at is not None else "waits"
        fate += ", signed late" if row.late else ""
    if claim.live and not desk.counts(claim):
        fate = f"does not count: the deal is with {w.escape(clip(desk.partner.name, 60))} now"
    who = _of(row.partner_id, desk)
    return f"{who}{KIND_LABELS[claim.kind]}, signed by {by} {w.when(row.opened_at, zone)}{why} · {fate}"


def _of(partner_id: int, desk: Desk) -> str:
    """Whose part a line is about, where it is not that of the partner whom the deal is sold with."""
    return "" if partner_id == desk.partner.id else f"{w.escape(clip(desk.partner_name(partner_id), 60))}: "


def item(found: Item, book: Names) -> str:
    """A deal of the list: what it is, what waits, how much time is left."""
    title = f"*{w.escape(clip(found.name, 120))}* · {w.escape(clip(found.partner, 60))} · {w.money(found.amount, found.currency)}"
    kind = KIND_LABELS[found.kind]
    if found.claim_id:
        by = w.escape(book.name(found.by_id))
        what = f"{by} has signed *{kind}*"
        if found.changes:
            what += f" instead of {KIND_LABELS[found.changes]}: “{w.escape(clip(found.reason, 160))}”"
    else:
        what = f"nobody has signed; the CRM says {kind}" if found.kind else "nobody has said which kind it is"
    mark = ":warning: " if found.days_left is not None and found.days_left < 0 else ""
    due = f" (by {w.day(found.due)})" if found.due is not None else ""
    return f"{title}\n{what} · {mark}{found.countdown}{due}"
