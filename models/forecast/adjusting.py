"""The head's number for a partner beside the signed one, with the reason. The latest row counts."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.errors import FieldErrors
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clean
from models.forecast import numbers, signing
from models.forecast.holding import hold
from models.people import as_actor
from models.tables import Adjustment, Partner, Person


async def adjust(
    session: AsyncSession, actor: Person, period_label: str, partner_id: int, commit: int | None, reason: str, *,
    now: datetime, policy: Policy,
) -> Adjustment | None:  # fmt: skip
    """Put another commit beside the partner's signed one; `commit` None takes it back. None when nothing differs.

    Raises:
        NotAllowed: says who can.
        FieldErrors: on "commit" (negative, or nothing to take back), "reason" (none) or "partner" (no such partner).
        UserError: no such quarter, or it is closed.
    """
    require(may(as_actor(actor), Act.ADJUST_ROLL_UP, Subject()))
    await hold(session, now=now)
    quarter = await signing.open_quarter(session, period_label, now=now, policy=policy)
    stands = (await numbers.adjusted(session, quarter.label, [partner_id], currency=policy.currency)).get(partner_id)
    why = clean(reason)
    errors: dict[str, str] = {}
    if await session.get(Partner, partner_id) is None:
        errors["partner"] = "This partner does not exist any more. Choose another."
    if commit is not None and commit < 0:
        errors["commit"] = "A commit is not below zero."
    if commit is None and stands is None:
        errors["commit"] = "There is no adjustment to take back. Write the number you adjust to."
    if not why:
        errors["reason"] = "Say why: the reason stands beside the signed number."
    if errors:
        raise FieldErrors(errors)
    if stands is not None and (stands.commit, stands.reason) == (commit, why):
        return None
    row = Adjustment(
        period=quarter.label, partner_id=partner_id, by_id=actor.id, at=now, currency=policy.currency, commit=commit,
        reason=why,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    return row
