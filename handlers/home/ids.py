"""Ids of the Home tab."""

from enum import StrEnum

from handlers.kit.doors import CardRef, DealRef, Door
from handlers.kit.forms import Carried


class Action(StrEnum):
    AWAY = "home.away"
    BACK = "home.back"
    MEND_FILE = "home.mend_file"


class View(StrEnum):
    AWAY = "home.away_form"


class Field(StrEnum):
    FIRST = "first"
    LAST = "last"
    COVER = "cover"


class AbsenceRef(Carried):
    a: int = 0


__all__ = ["AbsenceRef", "Action", "CardRef", "DealRef", "Door", "Field", "View"]
