"""What the first admin is told when Cadence has been installed: what it does, and where to begin."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.first_run.ids import Door, Row
from handlers.kit import blocks as b
from handlers.kit.message import Message
from models import first_run
from models.domain.policy import Policy
from models.tables import Person

LEAD = (
    "*Cadence is installed, and you are its first admin.* Once a week it asks the owner of every deal with a partner what "
    "happens next, and writes the one-page note that nobody has to write."
)
STEPS = (
    "Six steps lead to the first weekly review: the CRM's file, partners and tiers, people and roles, channels, day and hour, "
    "and a look at the first prompt. They take about ten minutes."
)
BACK = "Leave at any step; what is done stays done. My Home tab and `/cadence start` bring you back."


async def welcome(
    session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy
) -> Message | None:  # fmt: skip
    """Nothing when somebody has set everything up before it could be sent."""
    person = await session.get(Person, int(args["person_id"]))
    if person is None or (await first_run.facts(session, now=now, policy=policy)).finished:
        return None
    return welcome_message()


def welcome_message() -> Message:
    button = b.button("Set up Cadence", Door.FIRST_RUN, Row().dump(), style="primary")
    made = (b.section(f"{LEAD}\n\n{STEPS}"), b.actions(button), b.context(BACK))
    return Message(f"{LEAD}\n{STEPS}\n{BACK}", made)
