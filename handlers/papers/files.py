"""Which file a frozen page becomes, and what it is called. Plain and blocking: called in a worker thread."""

import re
from dataclasses import dataclass, field

from handlers.files import deck, paper
from models import notes
from models.domain.meetings import THEIR_SPONSOR
from models.domain.minutes import MeetingFacts
from models.domain.notes import WeeklyFacts
from models.domain.pbr import PbrFacts
from models.domain.policy import Policy
from models.minutes import gather
from models.pbr import KIND as PBR
from models.people import Directory
from models.tables import Artifact

_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Made:
    """A file with its name, its title in Slack, and the words above it."""

    name: str
    title: str
    words: str
    data: bytes = field(repr=False)


def paper_of(artifact: Artifact, book: Directory, policy: Policy) -> Made | None:
    """A weekly note or a PBR as a PDF of one page; None for another kind of page."""
    if artifact.kind == notes.WEEKLY_NOTE:
        weekly = WeeklyFacts.model_validate(artifact.facts)
        title = f"{weekly.partner}: weekly note {weekly.slot}"
        return _made("pdf", title, paper.weekly_note(weekly, book, policy))
    if artifact.kind == PBR:
        pbr = PbrFacts.model_validate(artifact.facts)
        title = f"{pbr.partner}: PBR {pbr.month:%Y-%m}"
        return _made("pdf", title, paper.pbr(pbr, book, policy))
    return None


def deck_of(artifact: Artifact, book: Directory, policy: Policy) -> Made:
    """A readout's page as a deck."""
    if artifact.kind != gather.KIND:
        raise ValueError(f"an artifact of kind {artifact.kind} is no readout")
    facts = MeetingFacts.model_validate(artifact.facts)
    title = f"{facts.partner or 'Program'}: readout {facts.slot}"
    sponsor = next((item.text for item in facts.said if item.label == THEIR_SPONSOR), "")
    return _made("pptx", title, deck.readout(facts, book, policy, partner_sponsor=sponsor))


def _made(suffix: str, title: str, data: bytes) -> Made:
    return Made(f"{file_name(title)}.{suffix}", title, title, data)


def file_name(title: str) -> str:
    """A title as a file's name: letters and digits of any script stay, what a path could stumble over does not."""
    return _NOT_IN_NAMES.sub("-", title).strip("-.")[:100] or "page"
