"""Artifacts as messages: frozen facts in, one page out. Names are looked up when the page is sent."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.fit import cut, fit
from handlers.kit.message import Message
from handlers.kit.pages import (
    LEAST_PROMISES,
    MARKS,
    NOT_IN_CRM,
    SIDES,
    STANDING,
    crm_as_of,
    message,
    short,
    signatures,
    status_of,
    with_pdf,
    words_for,
)
from handlers.kit.said import to_speak_about
from models import notes, people
from models.domain.notes import (
    CommitmentFact,
    DealFact,
    FridayFacts,
    Health,
    MoneySum,
    OtherFacts,
    PartnerLine,
    WeeklyFacts,
    merge_health,
)
from models.domain.policy import Policy
from models.domain.text import count
from models.domain.zones import zone
from models.people import Directory
from models.tables import Artifact, Occurrence, Outbox

ENV = w.environment("handlers.notes")
ENV.filters["count_of"] = lambda items, one="partner": count(len(items), one)


def _spoken_of(facts: WeeklyFacts) -> list[DealFact]:
    """The deals of which the partner says something to speak about: another stage than ours, or an ask."""
    return [
        deal
        for deal in (*facts.deals, *facts.uncounted)
        if deal.partner_says is not None and deal.partner_says.asks_something
    ]


def _says(deal: DealFact) -> w.Mrkdwn:
    return w.safe(to_speak_about(deal.partner_says) if deal.partner_says is not None else "")


def _mark(item: CommitmentFact, facts: WeeklyFacts) -> str:
    """What became of it; a review that was not held judged nothing, so what is overdue then is said to be open."""
    if item.fate == "carried" and item.due < facts.day:
        return ":warning: not judged, overdue:"
    return MARKS.get(item.fate, "•")


async def weekly(session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy) -> Message | None:
    """The weekly note of one partner; `thread` when it stands below the Friday note."""
    artifact = await session.get(Artifact, args["artifact_id"])
    if artifact is None:
        return None
    facts = WeeklyFacts.model_validate(artifact.facts)
    book = await people.directory(session)
    text = weekly_text(facts, book, policy, late=_lateness(artifact, policy, facts))
    return with_pdf(message(text, f"{facts.partner}: weekly note {facts.slot}"))


def _lateness(artifact: Artifact, policy: Policy, facts: WeeklyFacts) -> str:
    return f"closed {w.when(artifact.created_at, zone(policy.zone))}" if facts.late else ""


def weekly_text(facts: WeeklyFacts, book: Directory, policy: Policy, *, late: str = "") -> str:
    template = ENV.get_template("weekly.j2")
    moved = [deal for deal in facts.deals if deal.forward]
    slipped = [deal for deal in facts.deals if deal.slips]
    stalled = [deal for deal in facts.deals if deal.stalled]
    needing = [deal for deal in facts.deals if deal.help_needed]

    def render(room: int, side: int) -> str:
        return template.render(
            words_for(book, policy),
            facts=facts,
            late=late,
            not_in_crm=facts.not_in_crm if policy.crm_is_truth else (),
            fate=lambda item: w.safe(_mark(item, facts)),
            status=status_of(facts, book),
            pipeline_change=w.change(facts.joint, facts.joint_before),
            signatures=w.safe(signatures(facts.deals)),
            deals=cut(facts.deals, room),
            moved=cut(moved, side),
            slipped=cut(slipped, side),
            stalled=cut(stalled, side),
            help=cut(needing, side),
            spoken=cut(_spoken_of(facts), side),
            says=_says,
            closed=cut(facts.closed, side),
            uncounted=cut(facts.uncounted, min(side, 2)),
            last=cut([item for item in facts.commitments if item.fate != "new"], LEAST_PROMISES + side),
            promised=cut(_promised(facts), LEAST_PROMISES + side),
            more=w.safe(f"; `/deals {w.escape(short(facts.partner, 40))}` shows them"),
            footer=footer([facts.health], facts.crm_as_of, policy, stale=facts.crm_stale),
        )

    return fit(render, len(facts.deals))


def _promised(facts: WeeklyFacts) -> list[CommitmentFact]:
    """This week's commitments: the new ones first, then those that are carried."""
    return sorted((item for item in facts.commitments if item.fate in STANDING), key=lambda item: item.fate != "new")


def footer(parts: list[Health], as_of: datetime | None, policy: Policy, *, stale: bool) -> w.Mrkdwn:
    found = merge_health(parts)
    streak = f", {found.streak} in a row" if len(parts) == 1 and found.streak > 1 else ""
    cadence = (
        f"Cadence this quarter: {found.held} held{streak}, {found.late} late, {found.skipped} skipped, "
        f"{found.no_meeting} without meeting"
    )
    return w.safe(f"{cadence} · {crm_as_of(as_of, policy, stale=stale)}")


async def friday(session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy) -> Message | None:
    """The consolidated note for leadership."""
    artifact = await session.get(Artifact, args["artifact_id"])
    if artifact is None:
        return None
    facts = FridayFacts.model_validate(artifact.facts)
    late = f"written {w.when(artifact.created_at, zone(policy.zone))}" if facts.late else ""
    text = friday_text(facts, await people.directory(session), policy, late=late)
    return message(text, f"Partnerships week {facts.slot}")


def friday_text(facts: FridayFacts, book: Directory, policy: Policy, *, late: str = "") -> str:
    template = ENV.get_template("friday.j2")
    ranked = sorted(facts.partners, key=lambda line: (line.closed, -sum(total.amount for total in line.joint)))
    total = add_up(line.joint for line in facts.partners)
    with_before = [line for line in facts.partners if line.joint_before is not None]
    before = add_up(line.joint_before or () for line in with_before) if with_before else None

    def render(room: int, side: int) -> str:
        lines = cut(ranked, room)
        return template.render(
            words_for(book, policy),
            facts=facts,
            late=late,
            not_in_crm=add_up(line.not_in_crm for line in facts.partners) if policy.crm_is_truth else (),
            total=total,
            total_change=w.change(add_up(line.joint for line in with_before), before),
            closed_count=sum(1 for line in facts.partners if line.closed),
            moved=sum(line.moved for line in facts.partners),
            slipped=sum(line.slipped for line in facts.partners),
            stalled=sum(line.stalled for line in facts.partners),
            lines=_HiddenLines(lines.shown, lines.hidden, add_up(line.joint for line in ranked[room:])),
            partner_line=lambda line: partner_line(line, book),
            answered=lambda other: sum(1 for deal in other.deals if deal.answered),
            footer=footer([line.health for line in facts.partners], facts.crm_as_of, policy, stale=facts.crm_stale),
        )

    return fit(render, len(ranked))


class _HiddenLines:
    def __init__(self, shown: tuple[PartnerLine, ...], hidden: int, hidden_sum: tuple[MoneySum, ...]) -> None:
        self.shown, self.hidden, self.hidden_sum = shown, hidden, hidden_sum


def add_up(parts: Iterable[Iterable[MoneySum]]) -> tuple[MoneySum, ...]:
    """The sums of several, by currency."""
    cells: dict[str, list[int]] = {}
    for part in parts:
        for total in part:
            cell = cells.setdefault(total.currency, [0, 0, 0])
            cell[0] += total.amount
            cell[1] += total.deals
            cell[2] += total.unknown
    return tuple(
        MoneySum(currency=currency, amount=cell[0], deals=cell[1], unknown=cell[2]) for currency, cell in cells.items()
    )


def partner_line(line: PartnerLine, book: Directory) -> w.Mrkdwn:
    """One partner in one line; one that is not closed says whom it waits for."""
    name = f"*{w.escape(short(line.partner, 60))}*"
    if not line.closed:
        return w.safe(f":hourglass_flowing_sand: {name}: not closed, waiting for {w.escape(book.name(line.pm_id))}")
    counts = [
        count(number, word, word)
        for number, word in ((line.moved, "moved"), (line.slipped, "slipped"), (line.stalled, "stalled"))
        if number
    ]
    if line.help:
        counts.append(f"{line.help} need help" if line.help > 1 else "1 needs help")
    tail = f" · {', '.join(counts)}" if counts else ""
    held = ""
    if line.state in ("skipped", "no_meeting"):
        word = "skipped" if line.state == "skipped" else "no meeting"
        held = f" · :warning: {word}: {SIDES.get(line.side, line.side)}, {w.escape(short(line.reason, 80))}"
    elif line.state == "held_late":
        held = " · held late"
    return w.safe(f"{name} · {w.sums(line.joint, short=True)}{tail} · {count(line.commitments, 'commitment')}{held}")


async def others(session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy) -> Message | None:
    """The *other partners* of one PM, a section of the Friday thread."""
    artifact = await session.get(Artifact, args["artifact_id"])
    if artifact is None:
        return None
    facts = next(
        (part for part in FridayFacts.model_validate(artifact.facts).others if part.pm_id == args["pm_id"]), None
    )
    if facts is None:
        return None
    return message(others_text(facts, await people.directory(session), policy), "Other partners")


def others_text(facts: OtherFacts, book: Directory, policy: Policy) -> str:
    template = ENV.get_template("others.j2")
    # What somebody answered stands first: that is what the section is for.
    ranked = sorted(facts.deals, key=lambda deal: (not deal.answered, deal.amount is None, -(deal.amount or 0)))

    def render(room: int, side: int) -> str:
        return template.render(
            words_for(book, policy),
            facts=facts,
            answered=sum(1 for deal in facts.deals if deal.answered),
            deals=cut(ranked, room),
            signatures=w.safe(signatures(facts.deals)),
            says=_says,
            partner=lambda deal: facts.partners.get(facts.partner_of.get(deal.deal_id, 0), ""),
        )

    return fit(render, len(ranked))


async def agenda(session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy) -> Message | None:
    """The agenda: stalled first, then unanswered, then by amount; who has not answered is named."""
    artifact = await session.get(Artifact, args["artifact_id"])
    if artifact is None:
        return None
    facts = WeeklyFacts.model_validate(artifact.facts)
    occurrence = await session.get_one(Occurrence, artifact.occurrence_id)
    book = await people.directory(session)
    template = ENV.get_template("agenda.j2")
    ranked = notes.in_agenda_order(facts.deals)

    def render(room: int, side: int) -> str:
        return template.render(
            words_for(book, policy),
            facts=facts,
            starts=w.everywhere(occurrence.starts_at, zone(policy.zone)),
            waiting=w.safe(
                ", ".join(
                    w.mention(book, person_id) if person_id in args.get("call", ()) else w.person(book, person_id)
                    for person_id in args["waiting"]
                )
            ),
            absent=w.safe(", ".join(w.person(book, person_id) for person_id in args["absent"])),
            deals=cut(ranked, room),
            uncounted=cut(facts.uncounted, min(side, 3)),
            spoken=cut(_spoken_of(facts), side),
            says=_says,
            last=cut([item for item in facts.commitments if item.fate != "new"], LEAST_PROMISES + side),
            flags=lambda deal: _flags(deal, policy),
        )

    return message(fit(render, len(ranked)), f"{facts.partner}: agenda")


def _flags(deal: DealFact, policy: Policy) -> w.Mrkdwn:
    parts = []
    if deal.stalled:
        parts.append(f":hourglass: {count(deal.days, 'day')}")
    if not deal.answered:
        parts.append("not answered")
    if deal.missing:
        parts.append("not in the CRM's export")
    if policy.crm_is_truth and not deal.in_crm:
        parts.append(NOT_IN_CRM)
    return w.safe(f"_{', '.join(parts)}_ · " if parts else "")


async def report(session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy) -> Message | None:
    """What could not be sent, said to the person who can mend it: what, where, why, and what to do."""
    row = await session.get(Outbox, args["outbox_id"])
    if row is None:
        return None
    what = {"weekly_note": "a weekly note", "friday_note": "the Friday note", "agenda": "an agenda",
            "other_partners": "the section on other partners", "differences": "the list to mend in the CRM",
            "meeting_agenda": "an agenda", "minutes": "a meeting's page", "pbr": "a PBR", "pulses": "the quarter's pulses",
            "prepare": "what to prepare", "escalation": "what was skipped in a row",
            "calendar": "a calendar", "checkin": "a check-in"}.get(row.template, "a message")  # fmt: skip
    # A private channel's name is nobody's business but its members'; an id is shown as a link Slack resolves.
    ref = row.channel_id or row.channel_ref
    place = f"<#{ref}>" if ref[:1] in ("C", "G") and ref[1:].isalnum() and ref.isupper() else f"#{w.escape(ref)}"
    state = {"held": "was held back", "failed": "could not be sent", "undetermined": "may or may not have been sent"}
    mend = {
        "held": "Nothing internal is posted where people outside our company may read it. "
        + (
            "Choose another channel for leadership (CADENCE_LEADERSHIP_CHANNEL)."
            if _for_leadership(row)
            else "Choose an internal channel for this partner in `/cadence start`."
        ),
        "failed": "Once that is mended, the next one goes there.",
        "undetermined": "Please look whether it is there.",
    }
    text = (
        f":warning: {what[0].upper()}{what[1:]} {state.get(row.state, row.state)} in "
        f"{place if ref else 'a direct message'}: {w.escape(row.problem.rstrip('.'))}. {mend.get(row.state, '')}"
    )
    return Message(text, (b.section(text),))


def _for_leadership(row: Outbox) -> bool:
    return row.template in ("friday_note", "other_partners") or bool(row.args.get("thread"))
