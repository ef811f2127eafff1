"""Ids of one's own calendar."""

from enum import StrEnum

from handlers.kit.doors import Door
from handlers.kit.forms import Carried


class Action(StrEnum):
    RENEW = "calendar.renew"
    FILE = "calendar.file"


class View(StrEnum):
    PAGE = "calendar.page"


class Ref(Carried):
    """Nothing but the version: whose calendar it is says who pressed."""


__all__ = ["Action", "Door", "Ref", "View"]
