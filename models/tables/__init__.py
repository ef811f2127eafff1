"""Every table, importable from one place."""

from models.tables.base import Base, UtcDateTime
from models.tables.cadence import Answer, Artifact, Cadence, Commitment, CommitmentFate, Occurrence, Step
from models.tables.deals import Deal, DealPartner, DealVersion, NextAction
from models.tables.delivery import Card, CardOccurrence, Inbox, Outbox, Pace, Submission
from models.tables.fiscal import FiscalQuarter
from models.tables.imports import CrmRecord, DealMatch, ImportChange, ImportDraft, ImportPart, ImportRun, Target
from models.tables.meetings import CalendarFeed, LossReason, MeetingKind, Minutes, PulseAnswer
from models.tables.people import Absence, Change, ChannelState, Partner, Person, PersonRole, Setting

__all__ = [
    "Absence",
    "Answer",
    "Artifact",
    "Base",
    "Cadence",
    "CalendarFeed",
    "Card",
    "CardOccurrence",
    "Change",
    "ChannelState",
    "Commitment",
    "CommitmentFate",
    "CrmRecord",
    "Deal",
    "DealMatch",
    "DealPartner",
    "DealVersion",
    "FiscalQuarter",
    "ImportChange",
    "ImportDraft",
    "ImportPart",
    "ImportRun",
    "Inbox",
    "LossReason",
    "MeetingKind",
    "Minutes",
    "NextAction",
    "Occurrence",
    "Outbox",
    "Pace",
    "Partner",
    "Person",
    "PersonRole",
    "PulseAnswer",
    "Setting",
    "Step",
    "Submission",
    "Target",
    "UtcDateTime",
]
