"""Definitions, ratios and thresholds: written down in versions, changed by CRO or CFO, each with a reason."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.errors import FieldErrors, UserError
from models.domain.forecast.facts import Terms
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clean
from models.domain.zones import local_date, zone
from models.forecast.holding import hold
from models.people import as_actor
from models.tables import Person, TermsVersion

_WHO = ("version", "since", "by_id")


async def current(session: AsyncSession) -> Terms:
    """What is written down now; the defaults where nobody has changed anything."""
    return _terms(await session.scalar(select(TermsVersion).order_by(TermsVersion.number.desc()).limit(1)))


async def at(session: AsyncSession, moment: datetime) -> Terms:
    """What was written down at that moment."""
    newest = select(TermsVersion).where(TermsVersion.at <= moment).order_by(TermsVersion.number.desc()).limit(1)
    return _terms(await session.scalar(newest))


async def versions(session: AsyncSession) -> list[TermsVersion]:
    """Every change there was, the newest first; version 1 is the defaults and has no row."""
    return list(await session.scalars(select(TermsVersion).order_by(TermsVersion.number.desc())))


async def change(
    session: AsyncSession,
    actor: Person,
    terms: Terms,
    reason: str,
    *,
    now: datetime,
    policy: Policy | None = None,
    seen: int | None = None,
) -> Terms:
    """Write a new version down; who and since when (in the company's zone) are filled in here.

    `seen` is the version that the form showed, where one did.

    Raises:
        NotAllowed: says who can.
        FieldErrors: on "reason", when there is none.
        UserError: nothing differs from what is written down, or somebody has written another version than was seen.
    """
    require(may(as_actor(actor), Act.SET_TERMS, Subject()))
    why = clean(reason)
    if not why:
        raise FieldErrors({"reason": "Say why: the reason stands beside the new terms."})
    await hold(session, now=now)
    before = await current(session)
    if seen is not None and before.version != seen:
        raise UserError(
            f"Somebody has written version {before.version} while your form was open. Open *Definitions…* again: it shows both."
        )
    same = dict.fromkeys(_WHO)
    wanted = terms.model_copy(
        update={name: clean(getattr(terms, name)) for name in ("sourced", "influenced", "co_sold")}
    )
    empty = [name for name in ("sourced", "influenced", "co_sold") if not getattr(wanted, name)]
    if empty:
        raise FieldErrors(dict.fromkeys(empty, "A definition is in writing: say in a sentence what counts."))
    if wanted.model_copy(update=same) == before.model_copy(update=same):
        raise UserError("Nothing was changed: these are the terms that stand.")
    number = before.version + 1
    stored = wanted.model_copy(
        update={"version": number, "since": local_date(now, zone((policy or Policy()).zone)), "by_id": actor.id}
    )
    session.add(TermsVersion(number=number, terms=stored.model_dump(mode="json"), reason=why, at=now, by_id=actor.id))
    await session.flush()
    return stored


def _terms(row: TermsVersion | None) -> Terms:
    return Terms.model_validate(row.terms) if row is not None else Terms()
