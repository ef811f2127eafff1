"""Ids of handing over work and naming a partner manager."""

from enum import StrEnum

from handlers.kit.doors import Door, PeopleRef
from handlers.kit.forms import Carried


class View(StrEnum):
    HAND_OVER = "people.hand_over_form"
    NEW_MANAGER = "people.new_manager_form"
    DONE = "people.done"


class Field(StrEnum):
    """The names of the fields are those of the errors in `models.handover` and `models.managers`."""

    PERSON = "person"
    TO = "to"
    WHAT = "what"
    PARTNER = "partner"
    MANAGER = "manager"
    REASON = "reason"


class FormState(Carried):
    """Whose work (0: the form asks), the partners left to name a manager for, and where a walk through them stands."""

    f: int = 0
    p: tuple[int, ...] = ()
    place: int = 1


__all__ = ["Door", "Field", "FormState", "PeopleRef", "View"]
