"""Ids of closing a review."""

from enum import StrEnum

from handlers.kit.doors import CardRef, Door
from handlers.kit.forms import Carried


class Action(StrEnum):
    HELD = "closing.held"


class View(StrEnum):
    CLOSE = "closing.close"


class Field(StrEnum):
    """Those of the commitments are `handlers.kit.commitments.Field`."""

    HELD = "held"
    SIDE = "side"
    REASON = "reason"


class OneRef(Carried):
    """One review to close, and the walk it is part of."""

    o: int = 0
    walk: bool = False


class FormState(Carried):
    """What an open closing form remembers. Commitments by id: what it showed is what it judges."""

    o: int = 0
    c: tuple[int, ...] = ()
    held: bool = True
    place: int = 1
    total: int = 1


__all__ = ["Action", "CardRef", "Door", "Field", "FormState", "OneRef", "View"]
