"""The weekly note and the PBR as one page of paper: the words of the messages, set as a page one would hand over."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from handlers.files.fonts import Faces, Setter
from handlers.files.page import DATA, footer, lines, noon, one_page, pair, person, promises, short, sums, tile, words
from handlers.files.words import KINDS, plain, soft
from handlers.kit import words as w
from handlers.kit.fit import cut
from handlers.kit.pages import SIDES, signatures, status_of
from models.domain.forecast.facts import AttributionState
from models.domain.notes import DealFact, MoneySum, WeeklyFacts, difference
from models.domain.notes import sums as added
from models.domain.pbr import Gap, LostFact, PbrFacts, Pursued, kind_of, next_month
from models.domain.policy import Policy
from models.domain.text import clean, clip, count
from models.people import Directory

GAPS: Final = {
    "reason": "no reason", "undated": "closed, no close date", "attribution": "no attribution", "amount": "no amount",
    "close_date": "no close date", "said": "said to be closed, open in the CRM",
}  # fmt: skip
PROVISIONAL: Final = {
    "month": "provisional: the month is not over", "crm": "provisional: the CRM's export is from before its end",
}  # fmt: skip


def weekly_note(
    facts: WeeklyFacts, book: Directory, policy: Policy, *, late: str = "", faces: Faces | None = None
) -> bytes:
    """The weekly note of one partner as a PDF of one page. `late`: when it was closed, of a late note."""
    setter = Setter("paper.typ", noon(facts.day), faces or Faces())

    def render(room: int, side: int, scale: float) -> DATA:
        return _weekly(facts, book, policy, late, room, side) | {"scale": scale}

    return one_page(setter, render, len(facts.deals))


def pbr(
    facts: PbrFacts,
    book: Directory,
    policy: Policy,
    *,
    draft: bool = False,
    faces: Faces | None = None,
) -> bytes:
    """A PBR as a PDF of one page."""
    setter = Setter("paper.typ", noon(facts.day), faces or Faces())

    def render(room: int, side: int, scale: float) -> DATA:
        return _pbr(facts, book, policy, draft, room, side) | {"scale": scale}

    return one_page(setter, render, len(facts.lost))


def _weekly(facts: WeeklyFacts, book: Directory, policy: Policy, late: str, room: int, side: int) -> DATA:
    return {
        "title": f"{clip(clean(facts.partner), 80)}: weekly note {facts.slot}",
        "heading": short(facts.partner, 70),
        "kicker": f"weekly deal review {facts.slot}" + (f" · late: {late}" if late else ""),
        "status": soft(plain(status_of(facts, book))), "bad": facts.state in ("skipped", "no_meeting"),
        "blocks": [*_numbers(facts, policy), *_movement(facts, book, side), *_actions(facts, book, policy, room),
                   *_uncounted(facts, side), *promises(facts.commitments, lambda item: item.due < facts.day, book, side)],
        "footer": footer("Cadence this quarter", facts.health, facts.crm_as_of, policy, stale=facts.crm_stale),
    }  # fmt: skip


def _numbers(facts: WeeklyFacts, policy: Policy) -> list[DATA]:
    found = facts.by_category
    blocks: list[DATA] = [{"kind": "tiles", "items": [
        tile("Joint pipeline", facts.joint, strong=True, wide=1.7, note=w.change(facts.joint, facts.joint_before)),
        *(tile(label, found.get(band, ())) for band, label in (("commit", "commit"), ("best_case", "best case"), ("pipeline", "pipeline"))),
    ]}]  # fmt: skip
    signed = signatures(facts.deals)
    outside = policy.crm_is_truth and facts.not_in_crm
    said = f"Not in the CRM yet, and counted above: {w.sums(facts.not_in_crm)}" if outside else ""
    return [*blocks, *words(f"Attribution: {signed}" if signed else "", said)]


def _movement(facts: WeeklyFacts, book: Directory, side: int) -> list[DATA]:
    """What was won and lost, moved, slipped, stalled, and where help is needed: two columns."""

    def moved(deal: DealFact, moves: Any) -> str:
        return short("; ".join(w.moved(move, deal.currency) for move in moves), 110)

    def named(deal: DealFact) -> DATA:
        return {"text": short(deal.name, 60)}

    deals = facts.deals
    left = [
        *lines("Won and lost", cut(facts.closed, side), lambda deal: named(deal) | {
            "mark": "Won" if deal.category == "won" else "Lost", "bad": deal.category != "won",
            "note": w.money(deal.amount, deal.currency)}),
        *_titled("Moved", [deal for deal in deals if deal.forward], side, lambda deal: named(deal) | {"note": moved(deal, deal.forward)}),
        *_titled("Slipped", [deal for deal in deals if deal.slips], side, lambda deal: named(deal) | {
            "note": f"{moved(deal, deal.slips)} ({person(book, deal.owner_id)})"}),
    ]  # fmt: skip
    right = [
        *_titled("Stalled", [deal for deal in deals if deal.stalled], side, lambda deal: named(deal) | {
            "note": f"{count(deal.days, 'day')} without movement ({person(book, deal.owner_id)})"}),
        *_titled("Help needed", [deal for deal in deals if deal.help_needed], side, lambda deal: named(deal) | {
            "note": short(deal.help_needed, 140)}),
    ]  # fmt: skip
    return pair(left, right)


def _titled(title: str, items: Sequence[DealFact], side: int, line: Callable[[Any], DATA]) -> list[DATA]:
    return lines(f"{title} ({len(items)})", cut(items, side), line)


def _actions(facts: WeeklyFacts, book: Directory, policy: Policy, room: int) -> list[DATA]:
    if not facts.deals:
        return words("No open deals with this partner.")
    shown = cut(facts.deals, room)
    more = f"… and {count(shown.hidden, 'more deal')}, {w.sums(shown.hidden_sum)}" if shown.hidden else ""
    columns = [{"head": "Deal", "width": 2.9}, {"head": "Amount", "width": 1.75, "right": True},
               {"head": "Next action", "width": 2.7}, {"head": "Owner", "width": 1.6}, {"head": "Due", "width": 2.35}]  # fmt: skip
    title = f"Next actions · {facts.answered} of {len(facts.deals)} answered"
    rows = [_action_row(deal, book, policy) for deal in shown.shown]
    return [{"kind": "table", "title": title, "columns": columns, "rows": rows, "more": more}]


def _action_row(deal: DealFact, book: Directory, policy: Policy) -> list[DATA]:
    tags = [
        word
        for word, true in (("joint", deal.joint), ("not in the CRM yet", policy.crm_is_truth and not deal.in_crm))
        if true
    ]
    first: list[DATA] = [{"text": short(deal.name, 60), "tag": ", ".join(tags)},
             {"text": w.money(deal.amount, deal.currency), "quiet": deal.amount is None}]  # fmt: skip
    if deal.action is None:
        return [*first, {"text": "no next action", "bad": True}, {"text": ""}, {"text": ""}]
    due = w.day(deal.action.due).replace(" ", "\u00a0")
    return [*first, {"text": short(deal.action.text, 70)}, {"text": person(book, deal.action.owner_id)},
            {"text": f"overdue since {due}" if deal.action.overdue else due, "bad": deal.action.overdue}]  # fmt: skip


def _uncounted(facts: WeeklyFacts, side: int) -> list[DATA]:
    shown = cut(facts.uncounted, min(side, 2))
    more = f"… and {count(shown.hidden, 'more deal')} of other partners" if shown.hidden else ""
    return words(*(f"{short(deal.name, 60)}: another partner's deal, not counted here" for deal in shown.shown), more)


def _pbr(facts: PbrFacts, book: Directory, policy: Policy, draft: bool, room: int, side: int) -> DATA:
    version = "draft" if draft else f"version {facts.version}" if facts.version > 1 else ""
    kicker = [f"PBR of {facts.month:%B %Y}", version, PROVISIONAL.get(facts.provisional, "")]
    changed = f"What changed in version {facts.version}: {short(facts.what_changed, 200)}"
    return {
        "title": f"{clip(clean(facts.partner), 80)}: PBR {facts.month:%Y-%m}",
        "heading": short(facts.partner, 70), "kicker": " · ".join(part for part in kicker if part),
        "status": _pbr_status(facts, book), "bad": facts.state in ("skipped", "no_meeting"),
        "blocks": [*words(changed if facts.version > 1 and facts.what_changed else ""), *_pbr_numbers(facts, policy),
                   *_won_and_lost(facts, book, room, side), *_ahead(facts, draft, side), *_missing(facts, side),
                   *promises(facts.commitments, lambda item: item.due_before is None and item.due < facts.day, book, side)],
        "footer": footer("PBRs of twelve months", facts.health, facts.crm_as_of, policy, stale=facts.crm_stale),
    }  # fmt: skip


def _pbr_status(facts: PbrFacts, book: Directory) -> str:
    if facts.state in ("held", "held_late"):
        return soft(plain(status_of(facts, book)))
    if facts.state in ("skipped", "no_meeting"):
        by = f" (closed by {book.name(facts.closed_by)})" if facts.closed_by else ""
        why = [SIDES.get(facts.side, facts.side), short(facts.reason, 160)]
        return f"Not held: {', '.join(part for part in why if part)}{by}"
    return f"The meeting is on {w.day(facts.day)}"


def _pbr_numbers(facts: PbrFacts, policy: Policy) -> list[DATA]:
    if not facts.has_deals:
        return words("No deals with this partner.")
    month, bands, won, lost = f"{facts.month:%B %Y}", facts.by_category, added(facts.won), added(facts.lost)
    tiles: list[DATA] = [{"kind": "tiles", "items": [
        tile("Joint pipeline", facts.joint, strong=True, wide=1.6, note=_since(facts)),
        tile(f"Won in {month}", won, note=count(len(facts.won), "deal")),
        tile(f"Lost in {month}", lost, note=count(len(facts.lost), "deal")),
    ]}]  # fmt: skip
    signed = signatures(facts.deals)
    imported = "" if signed else ", as imported"
    said = [f"By attribution{imported}: {_split(facts.by_attribution)}"] if facts.deals else []
    said += [f"of it {signed}"] if signed else []
    if facts.deals:
        tiles.append({"kind": "tiles", "items": [
            tile(label, bands.get(band, ())) for band, label in (("commit", "commit"), ("best_case", "best case"), ("pipeline", "pipeline"))
        ]})  # fmt: skip
    outside = added(deal for deal in facts.deals if not deal.in_crm)
    if policy.crm_is_truth and outside:
        said.append(f"Not in the CRM yet, and counted above: {w.sums(outside)}")
    if facts.won:
        said.append(f"Won by attribution: {_split(facts.won_by_attribution)}")
    moved = f"{count(facts.moved, 'deal')} moved forward, {facts.slipped} slipped in {month}"
    return [*tiles, *words(*said, _recount(facts), moved)]


def _since(facts: PbrFacts) -> str:
    """By how much the joint pipeline changed since the PBR before this one."""
    if facts.joint_before is None or facts.before_month is None:
        return "first PBR, nothing to compare with"
    since = f"since the PBR of {facts.before_month:%B %Y}"
    parts = [f"{'+' if value > 0 else '−'}{w.money(abs(value), currency)}"
             for currency, value in difference(facts.joint, facts.joint_before).items() if value]  # fmt: skip
    return f"{', '.join(parts)} {since}" if parts else f"unchanged {since}"


def _split(parts: Mapping[str, tuple[MoneySum, ...]]) -> str:
    """`sourced USD 1.2M · co-sold USD 300k`: the kinds there are, and what has none."""
    return " · ".join(f"{name} {sums(parts[kind])}" for kind, name in KINDS.items() if parts.get(kind))


def _recount(facts: PbrFacts) -> str:
    """What was won or lost by the version before, where a correction counts it differently."""
    pairs = (("won", facts.won_before, added(facts.won)), ("lost", facts.lost_before, added(facts.lost)))
    parts = [f"{name} {sums(before)}" for name, before, now in pairs if before is not None and before != now]
    return f"Version {facts.version - 1} said: {', '.join(parts)}" if parts else ""


def _won_and_lost(facts: PbrFacts, book: Directory, room: int, side: int) -> list[DATA]:
    def won(deal: DealFact) -> DATA:
        note = f"{w.money(deal.amount, deal.currency)} · {person(book, deal.owner_id)} · {KINDS[kind_of(deal)]}"
        state = f", {AttributionState(deal.attribution_state).label}" if deal.attribution_state else ""
        return {"text": short(deal.name, 60), "note": note + state}

    def lost(deal: LostFact) -> DATA:
        reason = (
            short(deal.reason, 140) + (" (the partner may see this)" if deal.shared else "")
            if deal.reason
            else "no reason yet"
        )
        return {
            "text": short(deal.name, 60),
            "note": f"{w.money(deal.amount, deal.currency)} · {person(book, deal.owner_id)}: {reason}",
        }

    month = f"{facts.month:%B %Y}"
    return pair(_summed(f"Won in {month}", facts.won, side, won), _summed(f"Lost in {month}", facts.lost, room, lost))


def _summed(title: str, deals: Sequence[Any], room: int, line: Callable[[Any], DATA]) -> list[DATA]:
    """A list of deals; the hidden ones are counted with their sum."""
    shown = cut(deals, room)
    more = f"… and {count(shown.hidden, 'more deal')}, {w.sums(shown.hidden_sum)}" if shown.hidden else ""
    return lines(f"{title} ({len(deals)})", shown, line, more=more)


def _ahead(facts: PbrFacts, draft: bool, side: int) -> list[DATA]:
    ahead = f"{next_month(facts.month):%B %Y}"
    pursuit = lines(f"Pursuit list for {ahead} ({len(facts.pursuit)})", cut(facts.pursuit, 1 + 2 * side), _pursued)
    if not pursuit and not draft:
        pursuit = words(f"Pursuit list for {ahead}: nothing chosen")
    before = "; ".join(short(text, 60) for text in facts.changes_before)
    changes = lines(
        "Changes to the motion",
        cut(facts.changes, len(facts.changes)),
        lambda text: {"text": short(text, 160)},
        numbered=True,
    )
    return pair(pursuit, [*changes, *words(f"Last time: {before}" if before else "")])


def _pursued(item: Pursued) -> DATA:
    name = short(item.account, 60)
    if not item.deal:
        return {"text": name, "note": short(item.note, 80)}
    closes = f"closes {w.full_day(item.close_date)}" if item.close_date else "no close date"
    what = "" if item.deal == item.account else f"{short(item.deal, 60)}, "
    return {"text": name, "note": f"{what}{w.money(item.amount, item.currency)}, {closes}"}


def _missing(facts: PbrFacts, side: int) -> list[DATA]:
    """What is missing, by kind: the first names of each, the others counted."""
    parts = [_gap(name, [gap for gap in facts.missing if gap.kind == kind], side) for kind, name in GAPS.items()]
    said = " · ".join(part for part in parts if part)
    return [{"kind": "words", "items": [{"label": f"Missing ({len(facts.missing)})", "text": said}]}] if said else []


def _gap(name: str, found: Sequence[Gap], side: int) -> str:
    if not found:
        return ""
    if not side:
        return f"{name}: {count(len(found), 'deal')}"
    more = f" and {len(found) - side} more" if len(found) > side else ""
    return f"{name}: {', '.join(short(gap.name, 40) for gap in found[:side])}{more}"
