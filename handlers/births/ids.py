"""Ids of deals born in Slack: the form that makes one, the question whether the CRM has it too."""

from enum import StrEnum

from handlers.kit.doors import Door, MatchRef
from handlers.kit.forms import Carried


class View(StrEnum):
    NEW = "births.new_form"
    DONE = "births.done"


class Field(StrEnum):
    """The names of the fields are those of `models.births.Birth` and of its errors."""

    NAME = "name"
    ACCOUNT = "account"
    PARTNER = "partner"
    OWNER = "owner"
    STAGE = "stage"
    AMOUNT = "amount"
    CURRENCY = "currency"
    CLOSE_DATE = "close_date"
    NEXT_TEXT = "next_text"
    NEXT_DUE = "next_due"
    NEXT_OWNER = "next_owner"


class FormState(Carried):
    """The words that narrowed the partners, and the deals that were pointed out as near."""

    q: str = ""
    seen: tuple[int, ...] = ()


__all__ = ["Door", "Field", "FormState", "MatchRef", "View"]
