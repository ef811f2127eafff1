"""The files below a published roll-up: what changed and pipeline by week as pictures, and the workbook finance audits."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.files import chart
from handlers.files.canvas import Picture
from handlers.forecast import book
from handlers.forecast import words as f
from handlers.kit.message import Attached, Message
from models import people
from models.domain.forecast.facts import RollUpFacts
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may
from models.forecast import finding
from models.tables import Person

ON_ITS_WAY = ":white_check_mark: *The workbook is on its way* to your direct messages."


async def changes(session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy) -> Message | None:  # noqa: ARG001 - renderers share one signature
    """What changed since the roll-up before, as a picture; nothing below a quarter's first roll-up."""
    facts = finding.facts_of(await finding.snapshot(session, int(args["snapshot_id"])))
    if facts.changes is None or not facts.changes.lines:
        return None
    before, after = facts.changes.before.total, facts.changes.after.total
    words = f"*What changed* in {facts.period} since {facts.changes.since_label}: {facts.currency} {_from_to(before, after, facts)}"
    return _picture(words, await asyncio.to_thread(chart.what_changed, facts))


def _from_to(before: int, after: int, facts: RollUpFacts) -> str:
    return f"{f.amount(before, facts.currency)} → {f.amount(after, facts.currency)}"


async def weeks(session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy) -> Message | None:  # noqa: ARG001 - renderers share one signature
    """Closed won and open pipeline by week."""
    facts = finding.facts_of(await finding.snapshot(session, int(args["snapshot_id"])))
    picture = await asyncio.to_thread(chart.by_week, facts)
    return _picture(f"*Pipeline by week*, {facts.period}", picture) if picture is not None else None


def _picture(words: str, picture: Picture) -> Message:
    return Message(words, file=Attached(picture.name, picture.title, picture.data, alt=picture.alt))


async def workbook(session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy) -> Message | None:  # noqa: ARG001 - renderers share one signature
    """The workbook: every total a formula over deals, changes and signatures. Asked for by somebody, it goes to them alone."""
    snapshot = await finding.snapshot(session, int(args["snapshot_id"]))
    if "person" in args and not await _reads(session, int(args["person"])):
        return None
    facts = finding.facts_of(snapshot)
    data = await book.written(session, snapshot, policy)
    words = f"*Workbook of the roll-up* {facts.period}, {facts.label}: every number down to its deals, changes and signatures."
    file = Attached(book.name_of(snapshot), f"Partner forecast {facts.period}, {facts.label}", data)
    return Message(words, file=file)


async def _reads(session: AsyncSession, person_id: int) -> bool:
    """Whether they may still read all of it when it is written."""
    person = await session.get(Person, person_id)
    return person is not None and may(people.as_actor(person), Act.SEE_ALL, Subject()).allowed
