"""Ids of attribution: what its blocks emit and its listeners catch."""

from enum import StrEnum

from handlers.kit.doors import CardRef, DealRef, Door
from handlers.kit.forms import Carried


class Shortcut(StrEnum):
    TOUCH = "attribution.touch"


class Action(StrEnum):
    KIND = "attribution.kind"
    SIGN = "attribution.sign"
    TOUCH = "attribution.record"
    DEAL = "attribution.deal"
    ANOTHER = "attribution.another"


class View(StrEnum):
    LIST = "attribution.list_page"
    FORM = "attribution.form"
    TOUCH = "attribution.touch_form"
    DONE = "attribution.done"


class Field(StrEnum):
    """The names of the fields are those of the errors of `models.attribution`."""

    KIND = "kind"
    REASON = "reason"
    TOUCH_DAY = "touch_day"
    TOUCH_SAID = "touch_said"
    DEAL = "deal"


class ClaimRef(Carried):
    """The claim that a click signs."""

    c: int = 0


class FormState(Carried):
    """What an open form remembers: its deal, what it showed (`Desk.print`), the kind chosen, the kind of view below it."""

    d: int = 0
    seen: str = ""
    kind: str = ""
    below: str = ""


class TouchState(Carried):
    """What an open touch form remembers: its deal (0: the form chooses), of a message where it was said; the form it goes back to."""

    d: int = 0
    channel: str = ""
    name: str = ""
    ts: str = ""
    form: FormState | None = None


__all__ = [
    "Action",
    "CardRef",
    "ClaimRef",
    "DealRef",
    "Door",
    "Field",
    "FormState",
    "Shortcut",
    "TouchState",
    "View",
]
