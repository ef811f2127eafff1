"""Ids of bringing a file in a direct message."""

from enum import StrEnum

from handlers.kit.doors import Door
from handlers.kit.forms import Carried


class Action(StrEnum):
    IMPORT = "imports.import"
    ANSWER = "imports.answer"
    WITHDRAW = "imports.withdraw"
    AGAIN = "imports.again"


class View(StrEnum):
    QUESTIONS = "imports.questions"


class Field(StrEnum):
    """The fields of the form; those that stand several times carry a number behind an underscore."""

    DATES = "dates"
    DECIMAL = "decimal"
    NEEDED = "needed"
    COLUMN = "column"
    PARTNER = "partner"
    NAME = "name"
    REST = "rest"
    OWNER = "owner"
    CURRENCY = "currency"
    COMPLETE = "complete"


class DraftRef(Carried):
    """A dropped file, the dry run that was shown, and whether its bad lines are left out."""

    d: int = 0
    n: int = 0
    skip: bool = False


__all__ = ["Action", "Door", "DraftRef", "Field", "View"]
