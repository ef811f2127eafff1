"""The published roll-up's message: the page, and the buttons by which CRO and CFO sign it off. Edited as they sign."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.forecast import render as page
from handlers.forecast import words as f
from handlers.forecast.ids import Action, SnapshotRef
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.message import Message
from models import crews, people
from models.domain.forecast.facts import RollUpFacts
from models.domain.policy import Policy
from models.domain.zones import zone
from models.forecast import finding, signing_off
from models.people import Directory
from models.tables import Card, QuarterClose, SignOff, Snapshot


def sure(facts: RollUpFacts) -> tuple[str, str, str]:
    """What is asked before a name stands below a number."""
    commit = f"{facts.currency} {f.amount(facts.adjusted_commit, facts.currency)}"
    return (
        "Sign off?",
        (
            f"Commit *{commit}* of {facts.period}, {w.escape(facts.label)}. Your name and the time stand below it for good. It takes "
            "the CRO's and the CFO's: two different people."
        ),
        "Sign off",
    )


@dataclass(frozen=True)
class RollUpPage:
    """All that a published roll-up shows. `newer`: another one of the quarter came after it, so it is not signed any more."""

    snapshot: Snapshot
    facts: RollUpFacts
    offs: tuple[SignOff, ...]
    signers: dict[str, int | None]
    newer: bool
    closed: QuarterClose | None
    book: Directory
    policy: Policy


async def load(session: AsyncSession, snapshot_id: int, policy: Policy) -> RollUpPage:
    snapshot = await finding.snapshot(session, snapshot_id)
    crew = await crews.crew(session)
    newest = await session.scalar(
        select(Snapshot.number)
        .where(Snapshot.period == snapshot.period, Snapshot.kind != "restatement")
        .order_by(Snapshot.number.desc())
        .limit(1)
    )
    return RollUpPage(
        snapshot=snapshot,
        facts=finding.facts_of(snapshot),
        offs=tuple(await signing_off.sign_offs(session, snapshot_id)),
        signers={role: next(iter(crew.by_role.get(role, ())), None) for role in page.SIGNERS},
        newer=newest is not None and newest > snapshot.number,
        closed=await session.get(QuarterClose, snapshot.period),
        book=await people.directory(session),
        policy=policy,
    )


async def render(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:  # noqa: ARG001 - renderers share one signature
    card = await session.get_one(Card, card_id)
    return message(await load(session, card.snapshot_id or 0, policy))


def text_of(found: RollUpPage) -> str:
    signers = found.signers if found.snapshot.kind == "roll_up" else None
    return page.page_text(found.facts, found.book, found.policy, signers=signers, offs=found.offs)


def message(found: RollUpPage) -> Message:
    """The page with its buttons, while there is something to sign."""
    text = text_of(found)
    blocks = b.paragraphs(text)
    clocks = zone(found.policy.zone)
    by = w.escape(found.book.name(found.snapshot.made_by_id))
    if found.snapshot.kind == "closing":
        blocks.append(
            b.context(f"Closed by {by}, {w.when(found.snapshot.cut_off, clocks)}. What changes now is a restatement.")
        )
    elif found.newer:
        blocks.append(
            b.context(
                f"Published by {by}. A newer roll-up of {found.facts.period} has replaced it; `/forecast` shows it."
            )
        )
    else:
        blocks.append(
            b.context(
                f"Published by {by}. `/forecast {found.facts.period}` shows every partner; the files are in the thread."
            )
        )
        if buttons := _buttons(found):
            blocks.append(b.actions(*buttons))
    return Message(text=text, blocks=tuple(blocks))


def _buttons(found: RollUpPage) -> list[b.Block]:
    signed = {off.role for off in found.offs}
    if signed >= set(page.SIGNERS) or found.closed is not None:
        return []
    ref = SnapshotRef(s=found.snapshot.id).dump()
    return [b.button("Sign off", Action.SIGN_OFF, ref, style="primary", confirm=sure(found.facts))]
