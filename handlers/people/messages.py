"""What people are told when people change: what a leaver left, and what came to a successor."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.message import Message
from handlers.people.form import counts, lines
from handlers.people.ids import Door, PeopleRef
from models import handover, orphans, people
from models.domain.policy import Policy
from models.domain.text import clip, count
from models.handover import InHand, Received, What
from models.orphans import Question

MOST_TO_MEND = 8


async def orphaned(
    session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy  # noqa: ARG001 - as every renderer
) -> Message | None:  # fmt: skip
    """The one question about a leaver; nothing when everything has found somebody before it was sent."""
    found = await orphans.question(session, args["person_id"], args["for_id"])
    return orphans_message(found) if found is not None else None


def orphans_message(asked: Question) -> Message:
    person, held = asked.person, asked.held
    name = w.escape(clip(person.name, 60))
    lead = f"*{name}* has left. Without an owner now: {counts(held)}. Who gets them?"
    shown = lines(held.items)
    if held.partners:
        names = ", ".join(w.escape(clip(one.name, 60)) for one in held.partners[:MOST_TO_MEND])
        more = f" and {len(held.partners) - MOST_TO_MEND} more" if len(held.partners) > MOST_TO_MEND else ""
        shown.append(f"• without a partner manager: {names}{more}")
    buttons = []
    if held.items:
        buttons.append(
            b.button("Give them to somebody…", Door.HAND_OVER, PeopleRef(f=person.id).dump(), style="primary")
        )
    if held.partners:
        style = None if held.items else "primary"
        buttons.append(b.button("New partner manager…", Door.NEW_MANAGER, PeopleRef(f=person.id).dump(), style=style))
    note = b.context("Until then you are asked in their place. This is said once.")
    made = [*b.paragraphs("\n".join([lead, *shown])), b.actions(*buttons), note]
    return Message(clip("\n".join([lead, *shown]), 3500), tuple(made))


async def handed_over(
    session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy  # noqa: ARG001 - as every renderer
) -> Message | None:  # fmt: skip
    """What came to a successor and is still theirs; nothing when nothing is."""
    successor = args["to_id"]
    found = await handover.received(session, successor, args, policy=policy)
    if found.held.empty:
        return None
    book = await people.directory(session)
    return handed_message(found, book.name(args["from_id"]), book.name(args["by_id"]), str(args.get("reason") or ""))


def handed_message(found: Received, before: str, by: str, reason: str) -> Message:
    held: InHand = found.held
    why = f" ({w.escape(clip(reason, 200))})" if reason else ""
    lead = f"{w.escape(by)} gave you {counts(held)} of *{w.escape(before)}*{why}:"
    text = "\n".join([lead, *lines(held.items, 12)])
    made = b.paragraphs(text)
    mend = [item for item in held.of(What.DEALS) if item.id in found.to_mend]
    if mend:
        names = ", ".join(w.escape(clip(item.words, 60)) for item in mend[:MOST_TO_MEND])
        more = f" and {len(mend) - MOST_TO_MEND} more" if len(mend) > MOST_TO_MEND else ""
        said = f"To mend in the CRM, which still names {w.escape(before)} as owner of {count(len(mend), 'deal')}: {names}{more}."
        made.append(b.context(said))
        text += f"\n{said}"
    made.append(b.context("`/deals` shows them; you are asked about them from now on."))
    return Message(clip(text, 3500), tuple(made))
