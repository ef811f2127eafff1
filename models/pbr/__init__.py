"""The monthly partner business review (PBR): which there are, their facts, the draft, and publishing."""

from models.pbr.choices import MOST_CHOICES, Choice, choices_of
from models.pbr.desk import MOST_JUDGED, Desk, desk_of
from models.pbr.facts import gather, gather_all
from models.pbr.finding import (
    Found,
    Month,
    current,
    current_of,
    find,
    lock,
    months,
    of_month,
    read,
    refuse_absent,
    visible,
)
from models.pbr.publishing import Submitted, publish, save_draft
from models.pbr.stored import KIND, Base, newest, versions_of
from models.pbr.summary import summaries, summary

__all__ = [
    "KIND",
    "MOST_CHOICES",
    "MOST_JUDGED",
    "Base",
    "Choice",
    "Desk",
    "Found",
    "Month",
    "Submitted",
    "choices_of",
    "current",
    "current_of",
    "desk_of",
    "find",
    "gather",
    "gather_all",
    "lock",
    "months",
    "newest",
    "of_month",
    "publish",
    "read",
    "refuse_absent",
    "save_draft",
    "summaries",
    "summary",
    "versions_of",
    "visible",
]
