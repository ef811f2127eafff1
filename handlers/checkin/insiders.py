"""One of our own people presses a check-in's button: it is the partner's, and they are told where theirs is."""

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.checkin.ids import Door
from handlers.kit import blocks as b
from handlers.kit import views
from handlers.kit import words as w
from handlers.kit.deps import Body, Deps, user_id
from handlers.kit.doors import JointRef
from models import people
from models.domain.errors import UserError
from models.domain.rights import Act, may
from models.domain.text import clip
from models.joint import marks
from models.tables import Partner, Person

NOT_JOINT = "This deal is not joint any more. The card shows it in a moment."


async def show(client: AsyncWebClient, body: Body, deps: Deps, mark_id: int) -> None:
    """A window, since what is said into a shared channel is read in it. Raises NotAllowed, UserError."""
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        view = await _view(session, deps, actor, mark_id)
    await views.show(client, body, view)


async def _view(session: AsyncSession, deps: Deps, actor: Person, mark_id: int) -> dict[str, Any]:
    mark = await marks.one_standing(session, mark_id)
    if mark is None:
        raise UserError(NOT_JOINT)
    partner = await session.get_one(Partner, mark.partner_id)
    subject = await people.subject_of(session, partner=partner, now=deps.now(), policy=deps.policy)
    name = w.escape(clip(partner.name, 80))
    text = f"This button is for the people of {name}: what they say of a joint deal comes through it. "
    made: list[b.Block] = []
    if may(people.as_actor(actor), Act.RECORD_REPORTED, subject).allowed:
        made.append(b.section(f"{text}Told you something in a call or by e-mail? Write it down for them."))
        made.append(b.actions(b.button("Joint channel…", Door.JOINT, JointRef(p=partner.id).dump())))
    else:
        pm = w.escape(subject.pm_name) or "The partner's manager"
        made.append(b.section(f"{text}{pm} can write down what they said elsewhere."))
    made.append(
        b.context("Your own answers go into `/deals`: the partner never sees them but for their shared wording.")
    )
    return b.modal("checkin.ours", "Check-in", made)
