"""The demo company: made for a day, the same for the same seed."""

from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class Company:
    """Four CSV texts for the real import, the seed of a local Slack, and the settings of the installation.

    `before` is the day of the first deals file, about twenty days earlier: `deals_csv_before` as of then,
    `deals_csv` as of today. `settings`: company zone, holidays and leadership channel by name.
    """

    today: date
    before: date
    people_csv: str
    partners_csv: str
    deals_csv_before: str
    deals_csv: str
    workspace: dict[str, Any]
    settings: dict[str, str]


def make_company(today: date, seed: int = 1) -> Company:
    raise NotImplementedError
