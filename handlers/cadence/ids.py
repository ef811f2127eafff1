"""Ids of `/cadence`."""

from enum import StrEnum

from handlers.kit.doors import Door
from handlers.kit.forms import Carried


class Action(StrEnum):
    MENU = "cadence.menu"
    PARTNER = "cadence.partner"


class View(StrEnum):
    OVERVIEW = "cadence.overview"
    SET_UP = "cadence.set_up_form"
    BUMP = "cadence.bump_form"
    SKIP = "cadence.skip_form"
    PAUSE = "cadence.pause_form"


class Field(StrEnum):
    PARTNER = "partner"
    WEEKDAY = "weekday"
    AT = "at"
    MINUTES = "minutes"
    DAY = "day"
    SIDE = "side"
    REASON = "reason"


class MenuRef(Carried):
    """What an overflow menu asks for: one of bump, skip, pause, change, and the occurrence."""

    m: str = ""
    o: int = 0


class Ref(Carried):
    """The occurrence or partner a form is about."""

    o: int = 0
    p: int = 0


__all__ = ["Action", "Door", "Field", "MenuRef", "Ref", "View"]
