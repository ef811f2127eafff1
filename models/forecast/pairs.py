"""Deals as they stood in a snapshot and as they stand now (or in a later one), side by side: the ground of what changed.

Two selects: `kept` are the deals of the snapshot that may differ, wherever they are now; `come` are deals that count now and
did not then. Both have the columns of `Pair`: `b_…` as it was, `n_…` as it is.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    Subquery,
    and_,
    case,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.orm import aliased

from models.domain.fiscal import Quarter
from models.forecast.counting import COUNTED, names_of, shared_ids
from models.tables import Deal, DealVersion, ImportRun, Partner, Snapshot, SnapshotLine

_HIDDEN = ("staging", "abandoned")
IN, AFTER, BEFORE, NEVER = 0, 1, -1, 2
"""Where a close date lies: in the quarter, after it, before it, or nowhere."""


def kept(base: Snapshot, quarter: Quarter, into: str, now: Snapshot | None = None, *, every: bool = False) -> Subquery:
    """The deals of `base` that may differ, with what they are now: live, or in the snapshot `now`, as of its cut-off.

    Most stand as they stood, which the number of their version says without a look at it; `every` looks at all the same.
    """
    if now is None and not every:
        return _moved(base, quarter, into)
    line, deal, version, partner, later = _tables()
    query = select(
        line.deal_id.label("deal_id"), *_was_counted(line), *_is(version, later, partner, quarter, now)
    ).select_from(line)
    query = query.join(deal, deal.id == line.deal_id)
    if now is None:
        query = query.outerjoin(version, version.id == deal.version_id)
    else:
        query = query.outerjoin(later, and_(later.snapshot_id == now.id, later.deal_id == line.deal_id)).outerjoin(
            version, version.id == func.coalesce(later.version_id, _as_of(line.deal_id, now.cut_off))
        )
    query = query.outerjoin(partner, partner.id == version.partner_id)
    return query.where(line.snapshot_id == base.id).subquery("kept")


def _moved(base: Snapshot, quarter: Quarter, into: str) -> Subquery:
    """`kept` without most of the deals that stand as they stood.

    They are left out first, with all that is asked of the others, since a planner would look at every version otherwise.
    """
    line, deal, version, partner, later = _tables()
    manager = aliased(Partner, name="manager")
    shared = line.deal_id.in_(shared_ids())
    moved = (
        select(
            line.deal_id, line.category, line.close_date, line.currency, line.amount, line.value, line.rate_day,
            line.plain, line.partner_id, line.pm_id, deal.version_id, shared.label("shared"),
        )
        .join(deal, deal.id == line.deal_id)
        .outerjoin(manager, manager.id == line.partner_id)
        .where(
            line.snapshot_id == base.id,
            or_(
                line.version_id.is_distinct_from(deal.version_id),
                line.pm_id.is_distinct_from(manager.pm_id),
                line.currency != into,
                line.plain.is_(False),
                shared,
            ),
        )
        .cte("moved")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )  # fmt: skip
    was = moved.c
    return (
        select(
            was.deal_id.label("deal_id"), *_was_counted(was),
            *_is(version, later, partner, quarter, None, shared=was.shared),
        )
        .select_from(moved)
        .outerjoin(version, _stands(version, was.version_id))
        .outerjoin(partner, partner.id == version.partner_id)
        .subquery("kept")
    )  # fmt: skip


def come(base: Snapshot, quarter: Quarter, now: Snapshot | None = None, *, lately: bool = False) -> Subquery:
    """Every deal that counts now and does not in `base`, with what it was at its cut-off.

    `lately`: only those whose version began since. All do, but for those of a file that was read before and appeared after.
    """
    line, deal, version, partner, later = _tables()
    before = aliased(DealVersion, name="before")
    deal_id = deal.id if now is None else later.deal_id
    query = select(deal_id.label("deal_id"), *_is(version, later, partner, quarter, now))
    if now is None:
        query = query.select_from(deal).join(version, _stands(version, deal.version_id))
        there: ColumnElement[bool] = _counts(version, quarter)
    else:
        query = query.select_from(later).join(deal, deal.id == later.deal_id)
        query = query.join(version, version.id == later.version_id)
        there = later.snapshot_id == now.id
    if lately:
        there = and_(version.valid_from >= base.cut_off, there)
    query = (
        query.join(partner, partner.id == version.partner_id)
        .outerjoin(line, and_(line.snapshot_id == base.id, line.deal_id == deal_id))
        .where(there, line.deal_id.is_(None))
    )
    was, past = _was(before, quarter), _as_of(deal_id, base.cut_off)
    if not lately:
        first, *now_columns = query.selected_columns
        return query.with_only_columns(first, *was, *now_columns).outerjoin(before, before.id == past).subquery("come")
    # Few: found first, or a planner would look at every version for what these were.
    came = query.add_columns(past.label("past")).cte("came").prefix_with("MATERIALIZED", dialect="postgresql")
    first_kept, *kept_columns = (column for column in came.c if column.key != "past")
    return select(first_kept, *was, *kept_columns).outerjoin(before, before.id == came.c.past).subquery("come")


def simple(pair: Subquery, into: str) -> ColumnElement[bool]:
    """Both sides are one partner's, in the reporting currency: they can be added up before they are compared."""
    columns = pair.c
    return and_(
        or_(not_(columns.b_there), and_(columns.b_plain, columns.b_currency == into)),
        or_(not_(columns.n_there), and_(columns.n_plain, columns.n_currency == into)),
    )


def differs(pair: Subquery) -> ColumnElement[bool]:
    """Something that moves money, or a count: a close date within the quarter does not."""
    columns = pair.c
    return or_(
        not_(columns.b_there),
        not_(columns.n_there),
        columns.b_category != columns.n_category,
        columns.n_place != IN,
        columns.b_place != IN,
        columns.b_partner.is_distinct_from(columns.n_partner),
        columns.b_pm.is_distinct_from(columns.n_pm),
        columns.b_amount.is_distinct_from(columns.n_amount),
    )


def seen_in(pair: Subquery, partner_ids: frozenset[int]) -> ColumnElement[bool]:
    """Simple deals that were or are one of these partners'."""
    return or_(pair.c.b_partner.in_(partner_ids), pair.c.n_partner.in_(partner_ids))


def grouped(pair: Subquery, into: str) -> Select[*tuple[Any, ...]]:
    """Deals that changed in the same way, added up: what is said of one of them is true of each.

    Amounts of one group have one sign before, one after, and grew or shrank alike: no sum hides what its deals do. Of a deal
    that is not simple `one` is the id, and it is alone in its group.
    """
    columns = pair.c
    plain = simple(pair, into)
    one = case((plain, 0), else_=columns.deal_id).label("one")

    key = (  # what differs most comes first: rows are sorted by it
        columns.n_partner, columns.n_category, columns.b_category, columns.n_place,
        _sign(columns.n_amount - columns.b_amount).label("grown"), one, columns.b_partner, columns.b_there,
        columns.b_place, columns.b_pm, columns.n_there, columns.n_pm, _sign(columns.b_amount).label("b_sign"),
        _sign(columns.n_amount).label("n_sign"),
    )  # fmt: skip
    return (
        select(
            *key,
            func.sum(columns.b_amount).label("b_amount"),
            func.sum(columns.n_amount).label("n_amount"),
            func.count().label("deals"),
        )
        .where(or_(differs(pair), not_(plain)))
        .group_by(*names_of(key))
    )


def _stands(version: Any, version_id: Any) -> ColumnElement[bool]:
    """The version that stands. It has no end, which says nothing more: it halves what a planner takes for its candidates."""
    return and_(version.id == version_id, version.valid_to.is_(None))


def _tables() -> Any:
    return (
        aliased(SnapshotLine, name="line"),
        aliased(Deal, name="held"),
        aliased(DealVersion, name="version"),
        aliased(Partner, name="company"),
        aliased(SnapshotLine, name="later"),
    )


def _was_counted(line: Any) -> tuple[ColumnElement[Any], ...]:
    """The side of a deal that stood in the snapshot."""
    return (
        true().label("b_there"), line.category.label("b_category"), literal(IN).label("b_place"),
        line.close_date.label("b_close"), line.currency.label("b_currency"), line.amount.label("b_amount"),
        line.value.label("b_value"), line.rate_day.label("b_rate_day"), line.plain.label("b_plain"),
        line.partner_id.label("b_partner"), line.pm_id.label("b_pm"),
    )  # fmt: skip


def _was(before: Any, quarter: Quarter) -> tuple[ColumnElement[Any], ...]:
    """The side of a deal that did not count. One that should have, since its past became known later, is new."""
    there = and_(before.id.is_not(None), not_(_counts(before, quarter)))
    return (
        func.coalesce(there, literal(False)).label("b_there"), before.category.label("b_category"),
        _place(before.close_date, quarter).label("b_place"), before.close_date.label("b_close"),
        before.currency.label("b_currency"), before.amount.label("b_amount"), null().cast(Integer).label("b_value"),
        null().cast(Date).label("b_rate_day"), literal(True).label("b_plain"), before.partner_id.label("b_partner"),
        null().cast(Integer).label("b_pm"),
    )  # fmt: skip


def _is(
    version: Any, later: Any, partner: Any, quarter: Quarter, now: Snapshot | None, *, shared: Any = None
) -> tuple[ColumnElement[Any], ...]:
    """The other side: live, or of a snapshot. `shared`: whether several have the deal, where that is known."""
    shared = version.deal_id.in_(shared_ids()) if shared is None else shared
    there: ColumnElement[bool] = version.id.is_not(None)
    plain, pm = not_(shared), partner.pm_id
    value: ColumnElement[Any] = null().cast(Integer)
    rate_day: ColumnElement[Any] = null().cast(Date)
    if now is not None:
        stands = later.deal_id.is_not(None)
        alive = or_(version.valid_to.is_(None), version.valid_to > now.cut_off)
        there = or_(stands, and_(there, alive, not_(_counts(version, quarter))))
        plain = case((stands, later.plain), else_=literal(True))
        pm, value, rate_day = case((stands, later.pm_id), else_=partner.pm_id), later.value, later.rate_day
    return (
        func.coalesce(there, literal(False), type_=Boolean).label("n_there"), version.category.label("n_category"),
        _place(version.close_date, quarter).label("n_place"), version.close_date.label("n_close"),
        version.currency.label("n_currency"), version.amount.label("n_amount"), value.label("n_value"),
        rate_day.label("n_rate_day"), plain.label("n_plain"), version.partner_id.label("n_partner"),
        pm.label("n_pm"), func.coalesce(version.name, "", type_=String).label("name"),
    )  # fmt: skip


def _counts(version: Any, quarter: Quarter) -> ColumnElement[bool]:
    return and_(
        func.coalesce(version.partner_id, 0) != 0,  # as in `counting.with_partner`
        version.category.in_(COUNTED),
        version.close_date.is_not(None),
        version.close_date.between(quarter.first, quarter.last),
    )


def _as_of(deal_id: Any, moment: datetime) -> Any:
    """The version of a deal that was the newest at a moment, as far as it was known then."""
    past = aliased(DealVersion, name="past")
    unseen = select(ImportRun.id).where(or_(ImportRun.state.in_(_HIDDEN), ImportRun.at > moment))
    return (
        select(past.id)
        .where(
            past.deal_id == deal_id,
            past.valid_from <= moment,
            or_(past.import_id.is_(None), past.import_id.not_in(unseen)),
        )
        .order_by(past.valid_from.desc(), past.id.desc())
        .limit(1)
        .correlate_except(past)
        .scalar_subquery()
    )


def _place(day: Any, quarter: Quarter) -> ColumnElement[int]:
    return case((day.is_(None), NEVER), (day < quarter.first, BEFORE), (day > quarter.last, AFTER), else_=IN)


def _sign(amount: Any) -> ColumnElement[int | None]:
    return case((amount > 0, 1), (amount < 0, -1), (amount == 0, 0), else_=None)
