"""Ids of the examination."""

from enum import StrEnum

from handlers.kit.doors import Door


class View(StrEnum):
    FOUND = "doctor.found"


__all__ = ["Door", "View"]
