"""From a cast and its deals to CSV files, a workspace and settings. Knows nothing of who is in the cast."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from bot.demo.workspace import EXECUTIVES, TEAM_CHANNEL, workspace
from models.domain.workdays import WorkCalendar, previous_business_day

LEADERSHIP = "leadership"
DAYS_BEFORE = timedelta(days=19)
DEAL_HEADERS = (
    "crm_id",
    "name",
    "account",
    "partner",
    "partner_role",
    "share",
    "owner_email",
    "stage",
    "category",
    "amount",
    "currency",
    "close_date",
    "created_date",
    "next_step",
    "attribution",
)
PARTNER_HEADERS = ("name", "tier", "archetype", "stage", "pm_email", "internal_channel", "joint_channel")
PEOPLE_HEADERS = ("name", "email", "role", "partner", "slack_id", "time_zone", "holidays")

Lines = Iterable[Mapping[str, str]]


@dataclass(frozen=True)
class Human:
    """One person of the cast; `roles` as in a people file, `partner` for a counterpart."""

    name: str
    email: str
    zone: str
    title: str
    roles: str
    partner: str = ""
    holidays: str = ""


@dataclass(frozen=True)
class Firm:
    """A partner of the cast. `slug` names its channels and its e-mail domain."""

    name: str
    slug: str
    tier: int
    archetype: str
    stage: str
    pm: str
    internal: bool = False
    joint: bool = False
    private: bool = False
    counterparts: tuple[Human, ...] = ()

    @property
    def internal_channel(self) -> str:
        return f"partner-{self.slug}" if self.internal else ""

    @property
    def joint_channel(self) -> str:
        return f"joint-{self.slug}" if self.joint else ""


@dataclass(frozen=True)
class Cast:
    name: str
    domain: str
    zone: str
    holidays: str
    ours: tuple[Human, ...]
    firms: tuple[Firm, ...]


@dataclass(frozen=True)
class Company:
    """Four CSV texts for the real import, the seed of a local Slack, and the settings of the installation.

    `before` is the day of the first deals file, about twenty days earlier: `deals_csv_before` as of 09:00 UTC then,
    `deals_csv` as of 07:00 UTC `today`. `settings` are fields of `models.domain.policy.Policy`.
    """

    today: date
    before: date
    people_csv: str
    partners_csv: str
    deals_csv_before: str
    deals_csv: str
    workspace: dict[str, Any] = field(hash=False)
    settings: dict[str, str] = field(hash=False)


@dataclass(frozen=True)
class Deals:
    """The rows of the two deals files."""

    before: tuple[dict[str, str], ...]
    after: tuple[dict[str, str], ...]


def first_file(cast: Cast, today: date) -> date:
    """The day of the first deals file, which is that of the installation."""
    return previous_business_day(WorkCalendar(code=cast.holidays), today - DAYS_BEFORE + timedelta(days=1))


def build(cast: Cast, *, today: date, deals: Deals) -> Company:
    return Company(
        today=today,
        before=first_file(cast, today),
        people_csv=to_csv(PEOPLE_HEADERS, (_person(human) for human in people(cast))),
        partners_csv=to_csv(PARTNER_HEADERS, (_partner(firm) for firm in cast.firms)),
        deals_csv_before=to_csv(DEAL_HEADERS, deals.before),
        deals_csv=to_csv(DEAL_HEADERS, deals.after),
        workspace=workspace(cast, owners=_owners(deals)),
        settings={
            "zone": cast.zone,
            "holidays": cast.holidays,
            "leadership_channel": LEADERSHIP,
            "team_channel": TEAM_CHANNEL,
            "executive_channel": EXECUTIVES,
        },
    )


def people(cast: Cast) -> list[Human]:
    return [*cast.ours, *(human for firm in cast.firms for human in firm.counterparts)]


def to_csv(headers: Sequence[str], rows: Lines) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, headers, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _owners(deals: Deals) -> dict[str, set[str]]:
    """Partner name to the e-mails of the AEs on its deals: they are members of its internal channel."""
    found: dict[str, set[str]] = {}
    for row in (*deals.before, *deals.after):
        for partner in row["partner"].split(";"):
            found.setdefault(partner, set()).add(row["owner_email"])
    return found


def _person(human: Human) -> dict[str, str]:
    return {
        "name": human.name,
        "email": human.email,
        "role": human.roles,
        "partner": human.partner,
        "slack_id": "",  # the bot finds everybody in Slack by e-mail
        "time_zone": human.zone,
        "holidays": human.holidays,
    }


def _partner(firm: Firm) -> dict[str, str]:
    return {
        "name": firm.name,
        "tier": str(firm.tier),
        "archetype": firm.archetype,
        "stage": firm.stage,
        "pm_email": firm.pm,
        "internal_channel": f"#{firm.internal_channel}" if firm.internal else "",
        "joint_channel": f"#{firm.joint_channel}" if firm.joint else "",
    }
