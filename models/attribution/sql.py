"""Kind and state of attribution as SQL, equal to `models.domain.attribution.Clock`, for sums over all deals.

Dates are compared with bound ones; the database computes none, so that SQLite and PostgreSQL agree.
"""

from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, or_

from models.domain.attribution import SIGNED, TOUCHED
from models.domain.forecast.facts import AttributionState
from models.domain.policy import Policy
from models.domain.zones import local_to_utc, zone
from models.tables import Deal, DealVersion


def kind(deal: Any = Deal, version: Any = DealVersion) -> ColumnElement[str]:
    """The kind in force: what somebody has signed for, else the CRM's column. "" where nobody knows.

    `deal` and `version` may be aliases; the statement joins them.
    """
    return case((deal.attribution != "", deal.attribution), else_=version.attribution)


def legacy(installed_on: date | None, version: Any = DealVersion) -> ColumnElement[bool]:
    """Created before the installation. A deal without a creation date is as old as our knowledge of it, so never legacy."""
    if installed_on is None:
        return false()
    return and_(version.created_date.is_not(None), version.created_date < installed_on)


def state(
    today: date,
    installed_on: date | None,
    days: int,
    policy: Policy,
    deal: Any = Deal,
    version: Any = DealVersion,
) -> ColumnElement[str]:
    """The value of the deal's `AttributionState` on `today`, of `days` days for both signatures."""
    last = today - timedelta(days=days)  # what began before it is overdue
    touched = kind(deal, version).in_([found.value for found in TOUCHED])
    seen_before = deal.first_seen_at < local_to_utc(last, time(0), zone(policy.zone))
    created_before = or_(
        version.created_date < last,
        and_(version.created_date.is_(None), seen_before),
    )
    whens: list[tuple[ColumnElement[bool], Any]] = [
        (deal.attribution_state.in_([found.value for found in SIGNED]), deal.attribution_state),
        (and_(touched, deal.touched_on.is_(None)), AttributionState.NO_CLOCK.value),
        (and_(touched, deal.touched_on < last), AttributionState.OVERDUE.value),
        (touched, AttributionState.OPEN.value),
        (created_before, AttributionState.OVERDUE.value),
    ]
    if installed_on is not None:
        whens.insert(0, (legacy(installed_on, version), AttributionState.LEGACY.value))
    return case(*whens, else_=AttributionState.OPEN.value)
