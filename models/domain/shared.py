"""The boundary as a type: everything a partner may ever see, and nothing else.

Whatever is posted, edited, uploaded or opened for people of another company is written from these classes alone. They are
built from an allow-list: a field that is not here cannot cross, and one that is added here stands in the README's list of
what crosses (a test keeps the two alike). Text is what somebody of ours chose to share, or what the partner said itself;
amounts are integer minor units and only those whose sharing was marked.

Pure: filled by `models.joint.views` and `models.shared`, written by `handlers.checkin` and `handlers.shared`.
"""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Shared(BaseModel):
    """What every class of the boundary is: frozen, and closed against fields that nobody decided about."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SharedStep(Shared):
    """What one side does next on a joint deal."""

    text: str = Field(default="", description="our shared wording of the next action, or the partner's own words")
    owner: str = Field(default="", description="the name of who does it")
    due: date | None = Field(default=None, description="the day it is due")


class SharedDeal(Shared):
    """One joint deal of one partner. `ref` is the id of its mark, which means nothing without the rights to it."""

    ref: int = Field(description="the number of the deal's mark, on its button")
    account: str = Field(description="the customer's name; a second deal of one account is numbered")
    stage: str = Field(
        default="", description="our stage in the words agreed with this partner; blank without such words"
    )
    their_stage: str = Field(default="", description="the stage the partner says")
    amount: int | None = Field(default=None, description="the amount, only where its sharing was marked")
    currency: str = Field(default="", description="the shared amount's currency")
    ours: SharedStep | None = Field(default=None, description="our next action, only where it has a shared wording")
    theirs: SharedStep | None = Field(default=None, description="the partner's next action, as the partner said it")
    ask: str = Field(default="", description="what the partner asks of us")
    said_by: str = Field(default="", description="who of the partner said so")
    said_on: date | None = Field(default=None, description="the day they said so")
    answered: bool = Field(default=False, description="whether the partner has answered for this review")


class SharedSum(Shared):
    """A sum of shared amounts in one currency; amounts that are not shared are in no sum."""

    currency: str = Field(description="the currency of a sum")
    amount: int = Field(description="the sum of the shared amounts of joint deals")
    deals: int = Field(description="how many deals are in the sum")


class SharedCheckIn(Shared):
    """The check-in before one review: one partner's joint deals."""

    partner: str = Field(description="the partner's own name")
    day: date = Field(description="the day of the review")
    time: str = Field(description="the hour of the review, with its time zone")
    deals: tuple[SharedDeal, ...] = Field(default=(), description="this partner's joint deals")
    state: Literal["open", "over"] = Field(default="open", description="whether answers still count for this review")


def sums(deals: "tuple[SharedDeal, ...] | list[SharedDeal]") -> tuple[SharedSum, ...]:
    """The shared amounts by currency, the biggest first. A deal whose amount is not shared is in none of them."""
    totals: dict[str, list[int]] = {}
    for deal in deals:
        if deal.amount is not None:
            cell = totals.setdefault(deal.currency, [0, 0])
            cell[0] += deal.amount
            cell[1] += 1
    return tuple(
        SharedSum(currency=currency, amount=amount, deals=number)
        for currency, (amount, number) in sorted(totals.items(), key=lambda item: (-item[1][0], item[0]))
    )
