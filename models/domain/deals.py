"""Deals: categories, the stage table, and what counts as movement.

Forward is: stage advanced, close date pulled in, category raised, amount raised, a next action completed. The reverse
is a slip; a slip does not stop the stall clock, because closing later must not hide a dead deal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Category(StrEnum):
    """Forecast categories, exclusive of one another; won is a line of its own."""

    PIPELINE = "pipeline"
    BEST_CASE = "best_case"
    COMMIT = "commit"
    WON = "won"
    LOST = "lost"

    @property
    def is_open(self) -> bool:
        return self not in (Category.WON, Category.LOST)

    @property
    def label(self) -> str:
        return LABELS[self]


LABELS = {
    Category.PIPELINE: "pipeline",
    Category.BEST_CASE: "best case",
    Category.COMMIT: "commit",
    Category.WON: "closed won",
    Category.LOST: "closed lost",
}
OPEN = tuple(category for category in Category if category.is_open)
_RANK = {Category.LOST: -1, Category.PIPELINE: 0, Category.BEST_CASE: 1, Category.COMMIT: 2, Category.WON: 3}


class Attribution(StrEnum):
    """How a partner takes part: brought the lead, touched it measurably, or worked it jointly."""

    SOURCED = "sourced"
    INFLUENCED = "influenced"
    CO_SOLD = "co_sold"
    NONE = ""


class StageTable(BaseModel):
    """Stages in their order, each with its category. The order decides what "advanced" means."""

    model_config = ConfigDict(frozen=True)
    stages: tuple[tuple[str, Category], ...]

    def find(self, stage: str) -> tuple[str, Category] | None:
        """The table's own spelling and category of `stage`, compared without case; None when it is unknown."""
        wanted = stage.strip().casefold()
        return next(((name, category) for name, category in self.stages if name.casefold() == wanted), None)

    def rank(self, stage: str) -> int | None:
        wanted = stage.strip().casefold()
        return next((place for place, (name, _) in enumerate(self.stages) if name.casefold() == wanted), None)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.stages)


DEFAULT_STAGES = StageTable(
    stages=(
        ("Prospecting", Category.PIPELINE),
        ("Qualification", Category.PIPELINE),
        ("Needs Analysis", Category.PIPELINE),
        ("Value Proposition", Category.PIPELINE),
        ("Id. Decision Makers", Category.PIPELINE),
        ("Perception Analysis", Category.PIPELINE),
        ("Proposal/Price Quote", Category.BEST_CASE),
        ("Negotiation/Review", Category.COMMIT),
        ("Closed Won", Category.WON),
        ("Closed Lost", Category.LOST),
    )
)


@dataclass(frozen=True)
class Standing:
    """What movement is judged by. `amount` in minor units of `currency`; None is unknown."""

    stage: str
    category: str
    amount: int | None
    currency: str
    close_date: date | None


@dataclass(frozen=True)
class Move:
    """One field that moved. Values are as stored: text, minor units, ISO dates."""

    field: Literal["stage", "category", "amount", "close_date", "action"]
    forward: bool
    before: Any
    after: Any

    def as_json(self) -> dict[str, Any]:
        return {"field": self.field, "forward": self.forward, "before": self.before, "after": self.after}


def moves_between(before: Standing, after: Standing, stages: StageTable = DEFAULT_STAGES) -> tuple[Move, ...]:
    """Every field that moved, each with its direction. Unknown before or after is no movement: it is a correction."""
    found: list[Move] = []
    old_rank, new_rank = stages.rank(before.stage), stages.rank(after.stage)
    if old_rank is not None and new_rank is not None and old_rank != new_rank:
        lost = after.category == Category.LOST
        reopened = before.category == Category.LOST and not lost
        forward = reopened or (new_rank > old_rank and not lost)
        found.append(Move("stage", forward, before.stage, after.stage))
    if before.category != after.category:
        forward = _RANK[Category(after.category)] > _RANK[Category(before.category)]
        found.append(Move("category", forward, before.category, after.category))
    known = before.amount is not None and after.amount is not None and before.currency == after.currency
    if known and before.amount != after.amount:
        found.append(Move("amount", (after.amount or 0) > (before.amount or 0), before.amount, after.amount))
    if before.close_date and after.close_date and before.close_date != after.close_date:
        forward = after.close_date < before.close_date
        found.append(Move("close_date", forward, before.close_date.isoformat(), after.close_date.isoformat()))
    return tuple(found)


def movement(moves: tuple[Move, ...]) -> str:
    """forward, slip, both or none, for the version row."""
    directions = {move.forward for move in moves}
    if directions == {True, False}:
        return "both"
    if not directions:
        return "none"
    return "forward" if True in directions else "slip"


def effective(standing: Standing, said: Mapping[str, Mapping[str, Any]]) -> Standing:
    """The standing as people speak of it: what was said in Slack stands over the CRM's value."""

    def of(field: str, value: Any) -> Any:
        return said[field]["value"] if field in said else value

    close = of("close_date", standing.close_date)
    return Standing(
        stage=of("stage", standing.stage),
        category=of("category", standing.category),
        amount=of("amount", standing.amount),
        currency=standing.currency,
        close_date=date.fromisoformat(close) if isinstance(close, str) else close,
    )
