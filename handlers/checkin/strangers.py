"""Somebody of another company whom nobody has confirmed presses a button: their partner's manager is asked, once."""

from collections.abc import Mapping

from handlers.kit.caller import Caller
from handlers.kit.deps import Body, Deps
from models.domain.errors import NotAllowed
from models.joint import checkin, counterparts, marks

ASKED = (
    "We do not know yet that you speak for your company here. The partner manager has been asked; as soon as they say yes, "
    "you can answer. Until then Cadence does not read your replies here either."
)
DECLINED = "You are not among those who answer for your company here. Ask the partner manager you work with."
UNKNOWN = "This deal is not shared with you, so you cannot answer for it."
NO_COMPANY = (
    "Slack does not say which company you are of, so nobody can be sure who answers. Reply in the thread instead."
)


async def ask_about(deps: Deps, body: Body, caller: Caller, mark_id: int) -> None:
    """Ask the manager of the partner in whose channel the button stands, and tell the person. Always raises NotAllowed.

    A button that was copied to another place, or made up, asks nobody: it would let a stranger choose whom to disturb.
    """
    async with deps.db.write() as session:
        mark = await marks.one_standing(session, mark_id)
        if mark is None or not await checkin.stands_in(session, mark.partner_id, _channel(body)):
            raise NotAllowed(UNKNOWN)
        row = await counterparts.propose(
            session, slack_id=caller.slack_id, team_id=caller.team_id, name=_name(body), partner_id=mark.partner_id,
            how=counterparts.CLICKED, now=deps.now(), policy=deps.policy,
        )  # fmt: skip
        words = NO_COMPANY if row is None else ASKED if row.state == counterparts.PROPOSED else DECLINED
    deps.wake()
    raise NotAllowed(words)


def _channel(body: Body) -> str:
    for part in (body.get("channel"), body.get("container")):
        found = (part.get("id") or part.get("channel_id")) if isinstance(part, Mapping) else None
        if found:
            return str(found)
    return ""


def _name(body: Body) -> str:
    user = body.get("user")
    return str(user.get("name") or user.get("username") or "") if isinstance(user, Mapping) else ""
