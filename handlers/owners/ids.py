"""Ids of saying who the CRM's owners are."""

from enum import StrEnum

from handlers.kit.doors import Door
from handlers.kit.forms import Carried


class View(StrEnum):
    MATCH = "owners.match_form"
    DONE = "owners.done"


class Field(StrEnum):
    """Each stands several times, with a number behind an underscore."""

    OWNER = "owner"


class FormState(Carried):
    """The words on this page and those that were passed over, by their prints; how many were settled so far."""

    w: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    page: int = 1
    named: int = 0
    deals: int = 0


__all__ = ["Door", "Field", "FormState", "View"]
