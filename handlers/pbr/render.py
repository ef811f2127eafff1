"""The PBR's one page, and the few lines of numbers that stand above its form."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit import words as w
from handlers.kit.fit import cut, fit, tidy
from handlers.kit.message import Message
from handlers.kit.pages import (
    LEAST_PROMISES,
    MARKS,
    SIDES,
    STANDING,
    crm_as_of,
    message,
    short,
    signatures,
    with_pdf,
    words_for,
)
from models import people
from models.domain.forecast.facts import AttributionState
from models.domain.notes import CommitmentFact, DealFact, MoneySum, difference
from models.domain.pbr import Gap, LostFact, PbrFacts, Pursued, kind_of, next_month
from models.domain.policy import Policy
from models.domain.text import count
from models.people import Directory
from models.tables import Artifact

ENV = w.environment("handlers.pbr")
KINDS = {"sourced": "sourced", "influenced": "influenced", "co_sold": "co-sold", "": "no attribution"}
GAPS = {
    "reason": "no reason",
    "undated": "closed, no close date",
    "attribution": "no attribution",
    "amount": "no amount",
    "close_date": "no close date",
    "said": "said to be closed, open in the CRM",
}
PROVISIONAL = {
    "month": "provisional: the month is not over",
    "crm": "provisional: the CRM's export is from before its end",
}
ROOM = 5
"""As many lines of a list as a page always has room for, but for the fullest pages."""


async def pbr(
    session: AsyncSession,
    args: Mapping[str, Any],
    *,
    now: datetime,  # noqa: ARG001 - as every renderer
    policy: Policy,
) -> Message | None:
    """One published version as a message."""
    artifact = await session.get(Artifact, args["artifact_id"])
    if artifact is None:
        return None
    facts = PbrFacts.model_validate(artifact.facts)
    text = page_text(facts, await people.directory(session), policy)
    return with_pdf(message(text, f"{facts.partner}: PBR {facts.month:%Y-%m}"))


def page_text(facts: PbrFacts, book: Directory, policy: Policy, *, draft: bool = False) -> str:
    """The page: numbers, what was lost and why, what is pursued, what changes, commitments. `draft`: not published."""
    template = ENV.get_template("page.j2")
    standing = [item for item in facts.commitments if item.fate in STANDING]
    judged = [item for item in facts.commitments if item.fate != "new"]

    def render(room: int, side: int) -> str:
        return template.render(
            _words(facts, book, policy)
            | {
                "clip": lambda text, length: short(text, length if side else length * 2 // 3)
            },  # a full page's last resort
            draft=draft,
            brief=False,
            won=cut(facts.won, side),
            lost=cut(facts.lost, room),
            pursuit=cut(facts.pursuit, 1 + 2 * side),
            gaps=w.safe(gap_line(facts.missing, side)),
            last=cut(judged, LEAST_PROMISES + side),
            promised=cut(sorted(standing, key=lambda item: item.fate != "new"), LEAST_PROMISES + side),
            footer=_footer(facts, policy),
        )

    return fit(render, len(facts.lost))


def numbers_text(facts: PbrFacts, book: Directory, policy: Policy) -> str:
    """The numbers alone, in a few lines."""
    template = ENV.get_template("numbers.j2")
    return tidy(template.render(_words(facts, book, policy), brief=True, won=cut((), 0), lost=cut((), 0)))


def whole(facts: PbrFacts, book: Directory) -> list[str]:
    """The lists that a page may have cut, each whole: what one page has no room for is still there to be read."""
    lists = (
        (f"Every deal won in {month(facts.month)}", [_won_line(deal, book) for deal in facts.won]),
        (f"Every deal lost in {month(facts.month)}", [_lost_line(deal, book) for deal in facts.lost]),
        (f"The whole pursuit list for {month(next_month(facts.month))}", [pursued(item) for item in facts.pursuit]),
        ("Everything that is missing", [sentence(gap) for gap in facts.missing]),
    )
    return [
        "\n".join([f"*{title} ({len(lines)})*", *(f"• {line}" for line in lines)])
        for title, lines in lists
        if len(lines) > ROOM
    ]


def _won_line(deal: DealFact, book: Directory) -> str:
    owner = w.escape(book.name(deal.owner_id))
    kind = KINDS[kind_of(deal)]
    state = f", {AttributionState(deal.attribution_state).label}" if deal.attribution_state else ""
    return f"{w.escape(short(deal.name, 60))} · {w.money(deal.amount, deal.currency)} · {owner} · {kind}{state}"


def _lost_line(deal: LostFact, book: Directory) -> str:
    owner = w.escape(book.name(deal.owner_id))
    return f"{w.escape(short(deal.name, 60))} · {w.money(deal.amount, deal.currency)} · {owner}: {_reason(deal)}"


def sentence(gap: Gap) -> str:
    """What is missing, the deal's name clipped."""
    return f"{w.escape(short(gap.name, 60))}{gap.sentence.removeprefix(gap.name)}"


def _words(facts: PbrFacts, book: Directory, policy: Policy) -> dict[str, Any]:
    return words_for(book, policy) | {
        "facts": facts,
        "status": status(facts, book),
        "month": month(facts.month),
        "ahead": month(next_month(facts.month)),
        "change": change(facts),
        "more": w.safe(f"; `/pbr {w.escape(short(facts.partner, 40))} {facts.month:%Y-%m}` shows them"),
        "split": split,
        "total": _sums,
        "won_line": lambda deal: w.safe(_won_line(deal, book)),
        "lost_line": lambda deal: w.safe(_lost_line(deal, book)),
        "pursued": lambda item: w.safe(pursued(item)),
        "recount": w.safe(_recount(facts)),
        "fate": lambda item: w.safe(_mark(item, facts)),
        "not_in_crm": _not_in_crm(facts) if policy.crm_is_truth else (),
        "provisional": PROVISIONAL.get(facts.provisional, ""),
        "signatures": w.safe(signatures(facts.deals)),
    }


def month(first: Any) -> str:
    return f"{first:%B %Y}"


def status(facts: PbrFacts, book: Directory) -> w.Mrkdwn:
    """Whether it was held, and if not, whose side and why."""
    by = f" (closed by {w.escape(book.name(facts.closed_by))})" if facts.closed_by else ""
    if facts.state == "held":
        return w.safe(f"Held {w.day(facts.day)}{by}")
    if facts.state == "held_late":
        who, why = w.escape(book.name(facts.moved_by)), w.escape(short(facts.moved_reason, 120))
        return w.safe(f"Held late, {w.day(facts.day)}: moved by {who}, {why}{by}")
    if facts.state in ("skipped", "no_meeting"):
        side = SIDES.get(facts.side, facts.side)
        why = w.escape(short(facts.reason, 160))
        return w.safe(f":warning: Not held: {', '.join(part for part in (side, why) if part)}{by}")
    return w.safe(f"The meeting is on {w.day(facts.day)}")


def change(facts: PbrFacts) -> str:
    """By how much the joint pipeline changed since the PBR before this one."""
    if facts.joint_before is None or facts.before_month is None:
        return "first PBR, nothing to compare with"
    parts = [
        f"{'+' if value > 0 else '−'}{w.money(abs(value), currency)}"
        for currency, value in difference(facts.joint, facts.joint_before).items()
        if value
    ]
    since = f"since the PBR of {month(facts.before_month)}"
    return f"{', '.join(parts)} {since}" if parts else f"unchanged {since}"


def split(parts: Mapping[str, tuple[MoneySum, ...]]) -> str:
    """`sourced USD 1.2M · co-sold USD 300k`: the kinds there are, and what has none."""
    return " · ".join(f"{words} {w.sums(parts[kind], short=True)}" for kind, words in KINDS.items() if parts.get(kind))


def _reason(deal: LostFact) -> str:
    if not deal.reason:
        return "*no reason yet*"
    return w.escape(short(deal.reason, 140)) + (" _(the partner may see this)_" if deal.shared else "")


def pursued(item: Pursued) -> str:
    """`Halyard: Pumps, USD 42,000, closes 12 Nov 2026`."""
    name = w.escape(short(item.account, 60))
    if item.deal:
        what = "" if item.deal == item.account else f"{w.escape(short(item.deal, 60))}, "
        return f"{name}: {what}{w.money(item.amount, item.currency)}, {_closes(item)}"
    return f"{name} _({w.escape(short(item.note, 80))})_" if item.note else name


def _closes(item: Pursued) -> str:
    return f"closes {w.full_day(item.close_date)}" if item.close_date else "no close date"


def gap_line(gaps: tuple[Gap, ...], side: int) -> str:
    """What is missing, by kind: the first names of each, the others counted. With no room the counts alone."""
    parts = []
    for kind, words in GAPS.items():
        names = [w.escape(short(gap.name, 40)) for gap in gaps if gap.kind == kind]
        if not names:
            continue
        more = f" and {len(names) - side} more" if len(names) > side else ""
        parts.append(f"{words}: {', '.join(names[:side])}{more}" if side else f"{words}: {count(len(names), 'deal')}")
    return " · ".join(parts)


def _recount(facts: PbrFacts) -> str:
    """What was won or lost by the version before, where a correction counts it differently."""
    parts = [
        f"{words} {w.sums(before, short=True)}"
        for words, before, now in (
            ("won", facts.won_before, _sums(facts.won)),
            ("lost", facts.lost_before, _sums(facts.lost)),
        )
        if before is not None and before != now
    ]
    return f"Version {facts.version - 1} said: {', '.join(parts)}" if parts else ""


def _sums(deals: tuple[DealFact, ...]) -> tuple[MoneySum, ...]:
    return cut(deals, 0).hidden_sum


def _not_in_crm(facts: PbrFacts) -> tuple[MoneySum, ...]:
    return _sums(tuple(deal for deal in facts.deals if not deal.in_crm))


def _mark(item: CommitmentFact, facts: PbrFacts) -> str:
    if item.fate == "carried" and item.due_before is None and item.due < facts.day:
        return ":warning: not judged, overdue:"
    return MARKS.get(item.fate, "•")


def _footer(facts: PbrFacts, policy: Policy) -> w.Mrkdwn:
    found = facts.health
    streak = f", {found.streak} in a row" if found.streak > 1 else ""
    series = (
        f"PBRs of twelve months: {found.held} held{streak}, {found.late} late, {found.skipped} skipped, "
        f"{found.no_meeting} without meeting"
    )
    return w.safe(f"{series} · {crm_as_of(facts.crm_as_of, policy, stale=facts.crm_stale)}")
