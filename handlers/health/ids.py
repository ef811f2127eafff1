"""Ids of the cadence's health."""

from enum import StrEnum

from handlers.kit.doors import Door


class View(StrEnum):
    HEALTH = "health.shown"


__all__ = ["Door", "View"]
