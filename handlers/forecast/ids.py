"""Ids of the forecast: signing, adjusting, publishing, signing off, closing, targets, rates and terms."""

from enum import StrEnum

from handlers.kit.doors import Door, QuarterRef
from handlers.kit.forms import Carried


class Action(StrEnum):
    ADJUST = "forecast.adjust"
    SIGN_OFF = "forecast.sign_off"
    TARGETS = "forecast.targets"
    RATES = "forecast.rates"
    TERMS = "forecast.terms"
    SNAPSHOT = "forecast.snapshot"
    QUARTER = "forecast.quarter"
    WORKBOOK = "forecast.workbook"


class View(StrEnum):
    PAGE = "forecast.page"
    SNAPSHOT = "forecast.snapshot_page"
    SIGN = "forecast.sign_form"
    ADJUST = "forecast.adjust_form"
    REVIEW = "forecast.review_form"
    CLOSE = "forecast.close_form"
    TARGETS = "forecast.targets_form"
    RATES = "forecast.rates_form"
    TERMS = "forecast.terms_form"
    DONE = "forecast.done"


class Field(StrEnum):
    """Fields that repeat carry a partner's id behind an underscore."""

    COMMIT = "commit"
    BEST_CASE = "best_case"
    PARTNER = "partner"
    REASON = "reason"
    AMOUNT = "amount"
    CURRENCY = "currency"
    DAY = "day"
    RATE = "rate"
    SOURCED = "sourced"
    INFLUENCED = "influenced"
    CO_SOLD = "co_sold"
    RATIO = "ratio"
    DAYS = "attribution_days"
    CLOSE_DAYS = "close_days"
    RESIGN_DAYS = "resign_days"
    LANDING_DEALS = "landing_deals"
    LANDING_QUARTERS = "landing_quarters"


class PartnerRef(Carried):
    """A partner in a quarter."""

    q: str = ""
    p: int = 0


class SnapshotRef(Carried):
    """A published roll-up."""

    s: int = 0


class SignState(Carried):
    """What an open form for signing shows.

    The quarter, the latest signature of each partner by its id (0: none), and those whose fields were filled in.
    """

    q: str = ""
    shown: tuple[tuple[int, int], ...] = ()
    filled: tuple[int, ...] = ()
    page: bool = False


class TargetState(Carried):
    """What an open form of targets shows: the quarter, and each partner (0: the program) with its target's row (0: none)."""

    q: str = ""
    p: tuple[tuple[int, int], ...] = ()
    page: bool = False


class TermsState(Carried):
    """The version of the terms that a form shows."""

    n: int = 1


__all__ = [
    "Action", "Door", "Field", "PartnerRef", "QuarterRef", "SignState", "SnapshotRef", "TargetState", "TermsState",
    "View",
]  # fmt: skip
