"""The rows of a comparison: tuples whose fields are found many times faster than those of a row of the database."""

from datetime import date
from typing import NamedTuple


class Pair(NamedTuple):
    """A deal on both sides: the columns of `pairs.kept` and `pairs.come` in their order."""

    deal_id: int
    b_there: bool
    b_category: str
    b_place: int
    b_close: date | None
    b_currency: str
    b_amount: int | None
    b_value: int | None
    b_rate_day: date | None
    b_plain: bool
    b_partner: int | None
    b_pm: int | None
    n_there: bool
    n_category: str
    n_place: int
    n_close: date | None
    n_currency: str
    n_amount: int | None
    n_value: int | None
    n_rate_day: date | None
    n_plain: bool
    n_partner: int | None
    n_pm: int | None
    name: str


class Group(NamedTuple):
    """Deals that changed alike: the columns of `pairs.grouped` in their order. Amounts are sums."""

    n_partner: int | None
    n_category: str
    b_category: str
    n_place: int
    grown: int | None
    one: int
    b_partner: int | None
    b_there: bool
    b_place: int
    b_pm: int | None
    n_there: bool
    n_pm: int | None
    b_sign: int | None
    n_sign: int | None
    b_amount: int | None
    n_amount: int | None
    deals: int
