"""Ids of the monthly partner business review."""

from enum import StrEnum

from handlers.kit.doors import CardRef, Door
from handlers.kit.forms import Carried


class Action(StrEnum):
    HELD = "pbr.held"
    HOW = "pbr.how"
    CORRECT = "pbr.correct"
    VERSION = "pbr.version"


class View(StrEnum):
    LIST = "pbr.list"
    PAGE = "pbr.page"
    FORM = "pbr.form"
    SAVED = "pbr.saved"


class Field(StrEnum):
    """Fields that repeat carry a number behind an underscore: a deal's id, or a place.

    Those of the commitments are `handlers.kit.commitments.Field`.
    """

    HOW = "how"
    HELD = "held"
    SIDE = "side"
    REASON = "reason"
    WHAT_CHANGED = "what_changed"
    LOSS = "loss"
    SHARED = "shared"
    PURSUIT = "pursuit"
    ACCOUNTS = "accounts"
    CHANGE = "change"
    SHARED_PURSUIT = "shared_pursuit"
    SHARED_CHANGES = "shared_changes"


class FormState(Carried):
    """What an open form remembers.

    The PBR, what the form stands on (versions published `n`, state of the draft `d`), the commitments `c` and lost deals
    `l` it shows, how the two radios stand, and the kind of view below it that has to be drawn anew.
    """

    o: int = 0
    n: int = 0
    d: int = 0
    c: tuple[int, ...] = ()
    l: tuple[int, ...] = ()  # noqa: E741 - one letter, as the others: it is sent with every click
    held: bool = True
    publish: bool = True
    below: str = ""


__all__ = ["Action", "CardRef", "Door", "Field", "FormState", "View"]
