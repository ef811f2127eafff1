"""The joint channel of the demo company: what its partner manager has said of Acme before the week begins.

Three of its deals are joint, one of them with its amount, some stages have a name that both sides use, and Cora Counterpart
speaks for Acme. The first post is left for the manager to look at, as it is for everybody.
"""

from datetime import UTC, datetime, time

from sqlalchemy import select

from bot.demo.build import Company
from models.db import Database
from models.domain.policy import Policy
from models.joint import binding, marks, stages
from models.people import SlackUser
from models.tables import Partner, Person

PARTNER, SPEAKS = "Acme", "Cora Counterpart"
MOST = 3
"""Joint deals; the others stay ours alone."""
WORDS = {
    "Qualification": "First meetings",
    "Needs Analysis": "First meetings",
    "Value Proposition": "Working on the offer",
    "Perception Analysis": "Working on the offer",
    "Proposal/Price Quote": "Offer is out",
    "Negotiation/Review": "Closing together",
    "Closed Won": "Won together",
}
"""Our stages as both sides call them; any other crosses as blank."""


async def share(db: Database, company: Company) -> None:
    """Say it, in one transaction, by the functions that forms call. A company without such a partner stays as it is."""
    policy = Policy.model_validate(company.settings)
    now = datetime.combine(company.today, time(7), UTC)  # as of the newest deals file
    async with db.write() as session:
        partner = await session.scalar(select(Partner).where(Partner.name == PARTNER))
        if partner is None:
            return
        pm = await session.get_one(Person, partner.pm_id)
        for place, deal in enumerate((await marks.candidates(session, partner.id, now=now, policy=policy))[:MOST]):
            await marks.mark(session, pm, deal.deal.id, partner.id, amount_shared=place == 0, now=now, policy=policy)
        await stages.set_names(session, pm, partner.id, WORDS, now=now, policy=policy)
        speaker = next(one for one in company.workspace["users"] if one["real_name"] == SPEAKS)
        await binding.name_user(session, pm, partner.id, _as_slack_says(speaker), ours=False, now=now, policy=policy)


def _as_slack_says(user: dict[str, str]) -> SlackUser:
    """Somebody of another company: no zone, and an address that Slack shows."""
    return SlackUser(
        slack_id=user["id"], team_id=user["team_id"], name=user["real_name"], email=user["email"], zone="",
        is_bot=False, deleted=False, guest=False, stranger=False,
    )  # fmt: skip
