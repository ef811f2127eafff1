"""Ids of the check-in: what its card and form emit and its listeners catch. All of them may come from another company."""

from enum import StrEnum

from pydantic import Field as PydanticField

from handlers.kit.doors import Door
from handlers.kit.forms import Carried

BEYOND = 10**18
"""No id is as large, and no database takes one that is."""


class Field(StrEnum):
    """The form's fields; they carry the names of `models.joint.answers.Said`, so that an error finds its block."""

    STAGE = "stage"
    ACTION = "action"
    OWNER = "owner"
    DUE = "due"
    ASK = "ask"


class MarkRef(Carried):
    """A joint deal, by the id of its mark: all that a button or form in a shared channel ever says.

    `more`: the button of the deals the card has no room for; its form lets people choose.
    """

    m: int = PydanticField(default=0, ge=0, lt=BEYOND)
    more: bool = False


__all__ = ["BEYOND", "Door", "Field", "MarkRef"]
