"""Every table, importable from one place."""

from models.tables.base import Base, UtcDateTime
from models.tables.cadence import Answer, Artifact, Cadence, Commitment, CommitmentFate, Occurrence, Step
from models.tables.deals import Deal, DealPartner, DealVersion, NextAction
from models.tables.delivery import Card, CardOccurrence, Inbox, Outbox, Pace, Submission
from models.tables.imports import CrmRecord, DealMatch, ImportChange, ImportDraft, ImportPart, ImportRun, Target
from models.tables.people import Absence, Change, ChannelState, Partner, Person, PersonRole, Setting

__all__ = [
    "Absence",
    "Answer",
    "Artifact",
    "Base",
    "Cadence",
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
    "ImportChange",
    "ImportDraft",
    "ImportPart",
    "ImportRun",
    "Inbox",
    "NextAction",
    "Occurrence",
    "Outbox",
    "Pace",
    "Partner",
    "Person",
    "PersonRole",
    "Setting",
    "Step",
    "Submission",
    "Target",
    "UtcDateTime",
]
