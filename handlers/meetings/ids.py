"""Ids of the quarter's meetings."""

from enum import StrEnum

from handlers.kit.doors import CardRef, Door
from handlers.kit.forms import Carried


class Action(StrEnum):
    HELD = "meetings.held"
    ROW = "meetings.row"
    ADD = "meetings.add"
    QUARTER_BEFORE = "meetings.quarter_before"
    QUARTER_AFTER = "meetings.quarter_after"


class View(StrEnum):
    CLOSE = "meetings.close_form"
    PULSE = "meetings.pulse_form"
    TABLE = "meetings.table_view"
    ROW = "meetings.row_form"
    QUARTER = "meetings.quarter_view"


class Field(StrEnum):
    """`said` carries a question's key behind an underscore."""

    HELD = "held"
    SIDE = "side"
    REASON = "reason"
    SAID = "said"
    ACTIVE = "active"
    NEXT_DEAL = "next_deal"
    VERDICT = "verdict"
    WHY = "why"
    NAME = "name"
    WHEN = "when"
    WEEKS = "weeks"
    WEEKDAY = "weekday"
    AT = "at"
    MINUTES = "minutes"
    PREPARATION = "preparation"
    LEAD = "lead"
    PEOPLE = "people"
    CHANNEL = "channel"
    AGENDA = "agenda"
    QUESTIONS = "questions"
    PER = "per"
    CLOCK = "clock"


class OneRef(Carried):
    """One meeting."""

    o: int = 0


class CloseState(Carried):
    """What an open closing form remembers. Commitments by id: what it showed is what it judges."""

    o: int = 0
    c: tuple[int, ...] = ()
    held: bool = True


class RowRef(Carried):
    """A row of the table by its key, and what its menu asks for: on, off or change."""

    k: str = ""
    m: str = ""
    at: str = ""
    """A fingerprint of the row as the form was opened."""


class QuarterRef(Carried):
    """Which quarter is shown: 0 the present one, 1 the next, -1 the one before."""

    n: int = 0


__all__ = ["Action", "CardRef", "CloseState", "Door", "Field", "OneRef", "QuarterRef", "RowRef", "View"]
