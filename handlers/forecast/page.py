"""`/forecast`: one quarter as its reader may see it, what waits for them, and the doors to everything that is done with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from handlers.forecast import render
from handlers.forecast import words as f
from handlers.forecast.ids import Action, Door, PartnerRef, QuarterRef, SnapshotRef, View
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.pages import crm_as_of, short
from models.domain.fiscal import Quarter
from models.domain.forecast.facts import PartnerPart, RollUpFacts
from models.domain.policy import Policy
from models.domain.text import count
from models.domain.zones import local_date
from models.forecast.signing import Mine
from models.people import Directory
from models.tables import QuarterClose, SignOff, Snapshot

MOST_PARTNERS = 45
MOST_SNAPSHOTS = 6
NOBODY = "No partner is yours to see here. A partner manager sees their own, leadership sees all."


@dataclass(frozen=True)
class Rights:
    """What the reader may do with this quarter, as the database knows them."""

    leads: bool = False
    adjusts: bool = False
    publishes: bool = False
    closes: bool = False
    sets_targets: bool = False
    sets_terms: bool = False
    signs_off: bool = False


@dataclass(frozen=True)
class QuarterPage:
    """One quarter for one reader: `facts` are all of it for a leader, their partners' for a partner manager."""

    quarter: Quarter
    before: Quarter
    after: Quarter
    facts: RollUpFacts
    mine: Sequence[Mine]
    snapshots: Sequence[tuple[Snapshot, Sequence[SignOff]]]
    closed: QuarterClose | None
    may: Rights
    book: Directory
    policy: Policy
    clocks: ZoneInfo
    over: bool
    said: str = ""


def modal(page: QuarterPage) -> dict[str, Any]:
    """What waits first, then the figures, the partners, what was published."""
    made: list[b.Block] = [b.section(page.said)] if page.said else []
    made += _head(page)
    made.append(b.actions(*_doors(page)))
    if page.may.leads:
        made += b.paragraphs(render.page_text(page.facts, page.book, page.policy, partners=False))
        made.append(b.divider())
    elif page.facts.blocked:
        made.append(b.section(f":warning: *No totals:* {w.escape(page.facts.blocked)}"))
    else:
        made += _changes(page)
    made += _partners(page)
    made += _published(page)
    ref = QuarterRef(q=page.quarter.label).dump()
    return b.modal(View.PAGE, f"Forecast {page.quarter.label}", made, metadata=ref)


def _head(page: QuarterPage) -> list[b.Block]:
    quarter, facts = page.quarter, page.facts
    stretch = f"{w.full_day(quarter.first)} to {w.full_day(quarter.last)}"
    as_of = crm_as_of(facts.crm_as_of, page.policy, stale=facts.crm_stale)
    made = [b.context(f"{stretch} · all amounts in {facts.currency} · {as_of}")]
    if page.closed is not None:
        by, when = w.escape(page.book.name(page.closed.by_id)), w.when(page.closed.at, page.clocks)
        made.append(
            b.section(f":lock: *Closed* by {by}, {when}. What changes now is a restatement of the next roll-up.")
        )
    elif page.mine:
        expected = [one for one in page.mine if one.expected]
        signed = sum(1 for one in expected if one.signed is not None and not one.signed.former)
        mark = ":white_check_mark: " if signed == len(expected) else ""
        what = f"{signed} of {count(len(expected), 'partner')} signed" if expected else "no number is expected of you"
        last = max((one.signed.at for one in expected if one.signed is not None), default=None)
        what += f", the last on {w.day(local_date(last, page.clocks))}" if last is not None else ""
        made.append(b.section(f"{mark}*{what}*"))
    return made


def _doors(page: QuarterPage) -> list[b.Block]:
    ref = QuarterRef(q=page.quarter.label, page=True).dump()
    made = []
    if page.may.publishes and page.closed is None:
        made.append(b.button("Review and publish…", Door.REVIEW_ROLL_UP, ref, style="primary"))
    if page.mine and page.closed is None:
        label, style = ("Sign as cover…", None) if page.may.publishes else ("Sign…", "primary")
        made.append(b.button(label, Door.SIGN_COMMIT, ref, style=style))
    if page.may.closes and page.closed is None and page.over:
        made.append(b.button("Close the quarter…", Door.CLOSE_QUARTER, ref, style="primary"))
    if page.may.sets_targets and page.closed is None:
        made.append(b.button("Targets and rates…", Action.TARGETS, ref))
    if page.may.leads:
        made.append(b.button("Definitions…", Action.TERMS, ref))
    return [
        *made,
        b.button(f"‹ {page.before.label}", f"{Action.QUARTER}.before", QuarterRef(q=page.before.label).dump()),
        b.button(f"{page.after.label} ›", f"{Action.QUARTER}.after", QuarterRef(q=page.after.label).dump()),
    ]


def _changes(page: QuarterPage) -> list[b.Block]:
    changes = page.facts.changes
    if changes is None:
        return [b.context("What changed: nothing of this quarter has been published yet.")]
    if not changes.lines:
        return [b.context(f"Nothing of yours changed since {w.escape(changes.since_label)}.")]
    lines = [f.change(line, page.facts.currency) for line in changes.lines]
    totals = (
        f"{f.amount(changes.before.total, page.facts.currency)} → {f.amount(changes.after.total, page.facts.currency)}"
    )
    return [b.section(f"*What changed since {w.escape(changes.since_label)}*: {totals}\n" + "\n".join(lines))]


def _partners(page: QuarterPage) -> list[b.Block]:
    """Each partner with its deals, its number and what the head made of it."""
    listed = sorted((part for part in page.facts.partners if part.partner_id), key=render.rank)
    if not listed:
        return [b.section(NOBODY if not page.may.leads else "No partner has a deal that closes in this quarter.")]
    made = [_partner(part, page) for part in listed[:MOST_PARTNERS]]
    if len(listed) > MOST_PARTNERS:
        made.append(
            b.context(f"… and {len(listed) - MOST_PARTNERS} more; the workbook in the thread of a roll-up has all")
        )
    return made


def _partner(part: PartnerPart, page: QuarterPage) -> b.Block:
    currency = page.facts.currency
    lines = [
        f"*{w.escape(short(part.name, 80))}*" + (f" · {w.escape(page.book.name(part.pm_id))}" if page.may.leads else "")
    ]
    if not page.facts.blocked:  # a part of the money is no total
        lines.append(f"deals: {f.bands(part.bands, currency)} ({f.deals(part.bands)})")
    mark = ":warning: " if part.expected and part.commit is None else ""
    if part.signed is not None or part.expected:
        lines.append(mark + render.number(part, currency, page.book, page.clocks))
    else:
        lines.append("_no number expected: no deal closes in this quarter_")
    if part.quota is not None:
        attained = f", {f.percent(part.attainment)} attained" if part.attainment is not None else ""
        lines.append(f"target {f.amount(part.quota, currency)}{attained}")
    button = None
    if page.may.adjusts and page.closed is None and (part.expected or part.signed is not None):
        button = b.button("Adjust…", Action.ADJUST, PartnerRef(q=page.quarter.label, p=part.partner_id).dump())
    return b.section("\n".join(lines), accessory=button)


def _published(page: QuarterPage) -> list[b.Block]:
    if not page.may.leads:
        return []
    if not page.snapshots:
        return [b.divider(), b.context(f"No roll-up of {page.quarter.label} has been published yet.")]
    made: list[b.Block] = [b.divider(), b.section("*Published*")]
    for snapshot, offs in page.snapshots[:MOST_SNAPSHOTS]:
        signed = [f"{f.ROLES[off.role]} signed {w.when(off.at, page.clocks)}" for off in offs]
        waiting = [
            f"{f.ROLES[role]} has not signed" for role in render.SIGNERS if role not in {off.role for off in offs}
        ]
        state = ", ".join([*signed, *waiting]) if snapshot.kind == "roll_up" else ""
        by = w.escape(page.book.name(snapshot.made_by_id))
        line = f"*{w.escape(snapshot.label)}* · {w.when(snapshot.cut_off, page.clocks)} · {by}" + (
            f"\n{state}" if state else ""
        )
        made.append(b.section(line, accessory=b.button("Open…", Action.SNAPSHOT, SnapshotRef(s=snapshot.id).dump())))
    if len(page.snapshots) > MOST_SNAPSHOTS:
        made.append(b.context(f"… and {len(page.snapshots) - MOST_SNAPSHOTS} earlier"))
    return made
