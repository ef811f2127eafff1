"""The facts a meeting of the quarter's table leaves behind: frozen, with person ids where a name would grow stale.

One shape for every row: figures, deals, partners, what was said, and what it ends in. Amounts are integer minor units.
"""

from datetime import date, datetime

from pydantic import BaseModel

from models.domain.notes import CommitmentFact, DealFact, Frozen, Health, MoneySum


class Figure(BaseModel):
    """One number in words: sums by currency, what they were the time before, or a sentence instead of a number.

    `of` names the quarter it is about: two pages of a series compare only figures of the same quarter.
    """

    model_config = Frozen
    label: str
    of: str = ""
    money: tuple[MoneySum, ...] = ()
    before: tuple[MoneySum, ...] | None = None
    said: str = ""


class DealLine(BaseModel):
    """A deal on a page of several partners."""

    model_config = Frozen
    deal: DealFact
    partner: str = ""


class PartnerFigures(BaseModel):
    """One partner's quarter: closed-won and the open categories, exclusive of one another."""

    model_config = Frozen
    partner: str
    pm_id: int | None
    won: tuple[MoneySum, ...] = ()
    commit: tuple[MoneySum, ...] = ()
    best_case: tuple[MoneySum, ...] = ()
    pipeline: tuple[MoneySum, ...] = ()


class Section(BaseModel):
    """One topic of a page. `nothing` is what it says when it has neither figures, deals, partners nor texts.

    `more` deals of the list are not in it: counted, with their sum in `more_sum`.
    """

    model_config = Frozen
    title: str
    figures: tuple[Figure, ...] = ()
    deals: tuple[DealLine, ...] = ()
    more: int = 0
    more_sum: tuple[MoneySum, ...] = ()
    partners: tuple[PartnerFigures, ...] = ()
    texts: tuple[str, ...] = ()
    nothing: str = ""

    @property
    def empty(self) -> bool:
        return not (self.figures or self.deals or self.partners or self.texts)


class Said(BaseModel):
    """What was typed when the meeting was closed, under its question."""

    model_config = Frozen
    label: str
    text: str


class Signature(BaseModel):
    """Who has to sign a roll-up, and when they did; None while they have not."""

    model_config = Frozen
    role: str
    person_id: int | None
    at: datetime | None = None


class MeetingFacts(BaseModel):
    """The one page of one meeting.

    `absent` says in words what figures are not there yet, and why; `first` that no page before can be compared with.
    """

    model_config = Frozen
    schema_version: int = 1
    kind: str
    leaves: str
    name: str
    slot: str
    day: date
    starts_at: datetime
    minutes: int
    partner_id: int | None = None
    partner: str = ""
    lead_id: int | None = None
    sponsors: tuple[int, ...] = ()
    state: str = ""
    side: str = ""
    reason: str = ""
    moved_reason: str = ""
    moved_by: int | None = None
    closed_by: int | None = None
    agenda: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    said: tuple[Said, ...] = ()
    commitments: tuple[CommitmentFact, ...] = ()
    ends_in: str = ""
    signatures: tuple[Signature, ...] = ()
    absent: tuple[str, ...] = ()
    first: bool = True
    health: Health = Health()
    crm_as_of: datetime | None = None
    crm_stale: bool = False

    def figure(self, label: str, of: str = "") -> tuple[MoneySum, ...] | None:
        """A figure's sums, for the next page's “was”; None where this page had none of that name and quarter."""
        figures = (figure for section in self.sections for figure in section.figures)
        return next((figure.money for figure in figures if (figure.label, figure.of) == (label, of)), None)
