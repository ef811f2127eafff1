"""Ids of the deal review: what its blocks emit and its listeners catch."""

from enum import StrEnum

from handlers.kit.doors import CardRef, DealRef, Door
from handlers.kit.forms import Carried


class Action(StrEnum):
    NO_CHANGE = "deal_review.no_change"
    OUTCOME = "deal_review.outcome"


class View(StrEnum):
    ANSWER = "deal_review.answer"
    DEALS = "deal_review.deals"


class Field(StrEnum):
    """The form's fields; those of `models.answers.Fields` carry its names, so that an error finds its block."""

    OUTCOME = "outcome"
    DROP_REASON = "drop_reason"
    NEXT_TEXT = "next_text"
    NEXT_OWNER = "next_owner"
    NEXT_DUE = "next_due"
    SHARED_TEXT = "shared_text"
    PARTNER_OWNER = "partner_owner"
    STAGE = "stage"
    CATEGORY = "category"
    AMOUNT = "amount"
    CLOSE_DATE = "close_date"
    HELP = "help_needed"


class Unchanged(Carried):
    """What a "no change" button said: the action, and the revision of it that it named."""

    o: int = 0
    d: int = 0
    a: int = 0
    r: int = 0


class FormState(Carried):
    """What an open answer form remembers: its deal, what it showed, and the walk it is part of."""

    o: int = 0
    d: int = 0
    a: int | None = None
    shown: dict[str, str] = {}  # noqa: RUF012 - pydantic copies defaults
    walk: tuple[int, ...] = ()
    place: int = 1
    total: int = 1
    outcome: str = "open"


__all__ = ["Action", "CardRef", "DealRef", "Door", "Field", "FormState", "Unchanged", "View"]
