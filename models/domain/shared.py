"""The boundary as a type: everything a partner may ever see, and nothing else.

Whatever is posted, edited, uploaded or opened for people of another company is written from these classes alone. They are
built from an allow-list: a field that is not here cannot cross, and one that is added here stands in the README's list of
what crosses (a test keeps the two alike). Text is what somebody of ours chose to share, or what the partner said itself;
amounts are integer minor units and only those whose sharing was marked.

Pure: filled by `models.joint.views` and `models.shared`, written by `handlers.checkin` and `handlers.shared`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
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


class SharedClosed(Shared):
    """A joint deal that was won or lost, once both sides have words for that: a stage's name, or a reason we shared."""

    ref: int = Field(description="the number of the deal's mark")
    account: str = Field(description="the customer's name; a second deal of one account is numbered")
    outcome: Literal["won", "lost"] = Field(
        description="whether a joint deal was won or lost, only where that stage has words agreed with this partner or we "
        "ticked that the partner may see why it was lost"
    )
    stage: str = Field(default="", description="the stage it ended in, in the words agreed with this partner")
    amount: int | None = Field(default=None, description="the amount, only where its sharing was marked")
    currency: str = Field(default="", description="the shared amount's currency")
    reason: str = Field(default="", description="why it was lost, only where we ticked that the partner may see it")


class SharedCommitment(Shared):
    """Something we promised, in the words the partner may read; a commitment without such words never crosses."""

    text: str = Field(description="our shared wording of the commitment")
    owner: str = Field(description="the name of who promised it")
    due: date = Field(description="the day it is due")
    due_before: date | None = Field(default=None, description="the day it was due before it was moved")
    fate: Literal["new", "carried", "moved", "kept", "dropped"] = Field(description="what became of it")


class SharedChange(Shared):
    """By how much shared amounts changed. Only amounts that this partner was shown both times are compared."""

    currency: str = Field(description="the currency of a change")
    amount: int = Field(description="by how much the amounts that were shared both times changed")
    deals: int = Field(description="how many deals were compared")


class SharedNote(Shared):
    """The partner-safe note of one review. A review that was not held says so and nothing of why."""

    partner: str = Field(description="the partner's own name")
    day: date = Field(description="the day of the review")
    held: bool = Field(default=True, description="whether the review or meeting was held")
    deals: tuple[SharedDeal, ...] = Field(default=(), description="this partner's joint deals")
    closed: tuple[SharedClosed, ...] = Field(default=(), description="joint deals won or lost since the last note")
    change: tuple[SharedChange, ...] = Field(default=(), description="the change of shared amounts since the last note")
    commitments: tuple[SharedCommitment, ...] = Field(default=(), description="our commitments with a shared wording")


class SharedPbr(Shared):
    """The partner-safe page of one monthly business review, one version of it."""

    partner: str = Field(description="the partner's own name")
    month: date = Field(description="the month reviewed, by its first day")
    day: date = Field(description="the day of the meeting")
    version: int = Field(default=1, description="the version of this page, as the partner got them")
    held: bool = Field(default=True, description="whether the review or meeting was held")
    deals: tuple[SharedDeal, ...] = Field(default=(), description="this partner's joint deals")
    closed: tuple[SharedClosed, ...] = Field(default=(), description="joint deals won or lost in the month")
    change: tuple[SharedChange, ...] = Field(default=(), description="the change of shared amounts since the last PBR")
    pursuit: tuple[str, ...] = Field(default=(), description="next month's accounts, typed for the partner")
    changes: tuple[str, ...] = Field(default=(), description="changes to how we work together, typed for the partner")
    commitments: tuple[SharedCommitment, ...] = Field(default=(), description="our commitments with a shared wording")


class SharedReadout(Shared):
    """The partner-safe page and deck of an executive readout."""

    partner: str = Field(description="the partner's own name")
    quarter: str = Field(description="the label of the fiscal quarter")
    day: date = Field(description="the day of the readout")
    our_sponsors: tuple[str, ...] = Field(default=(), description="the names of our sponsors")
    their_sponsor: str = Field(default="", description="the partner's sponsor, as typed when the readout was closed")
    deals: tuple[SharedDeal, ...] = Field(default=(), description="this partner's joint deals")
    closed: tuple[SharedClosed, ...] = Field(default=(), description="joint deals won in the quarter")
    forecast: str = Field(
        default="", description="the joint forecast for executives, in words approved for the partner"
    )
    forecast_by: str = Field(default="", description="who of us approved the joint forecast")
    our_asks: tuple[str, ...] = Field(default=(), description="what we ask of the partner, typed for them, a line each")
    their_asks: tuple[str, ...] = Field(default=(), description="what the partner asks of us, a line each")
    commitments: tuple[SharedCommitment, ...] = Field(default=(), description="our commitments with a shared wording")


def sums(deals: Iterable[SharedDeal | SharedClosed]) -> tuple[SharedSum, ...]:
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


def compared(before: Iterable[SharedDeal], now: Iterable[SharedDeal]) -> tuple[SharedChange, ...]:
    """By how much the amounts changed that were shared then and are now; nothing where there is none to compare.

    A deal that came, went, was closed or was not shared both times is in no difference: what a difference tells is what
    both amounts told already.
    """
    shown = {deal.ref: deal for deal in before if deal.amount is not None}
    totals: dict[str, list[int]] = {}
    for deal in now:
        was = shown.get(deal.ref)
        if deal.amount is None or was is None or was.amount is None or was.currency != deal.currency:
            continue
        cell = totals.setdefault(deal.currency, [0, 0])
        cell[0] += deal.amount - was.amount
        cell[1] += 1
    return tuple(
        SharedChange(currency=currency, amount=amount, deals=number)
        for currency, (amount, number) in sorted(totals.items())
    )


@dataclass(frozen=True)
class Present:
    """What may cross of one partner's deals right now, for pages that were frozen earlier.

    `marks`: those that stand, and whether each shares its amount. `stages`: the words agreed for stages. `wordings`: the
    shared wording of next actions, by mark. `reasons`: the marks of lost deals whose reason is shared.
    """

    marks: Mapping[int, bool]
    stages: Collection[str]
    wordings: Collection[tuple[int, str]]
    reasons: Collection[int]


SharedPage = SharedNote | SharedPbr | SharedReadout


def narrowed(page: SharedPage, present: Present) -> SharedPage:
    """A page that was frozen earlier, without what was taken back since. Nothing is ever added.

    A change that an amount which is kept back by now is a part of goes as a whole.
    """
    deals = tuple(_deal(deal, present) for deal in page.deals if deal.ref in present.marks)
    left = (_closed(deal, present) for deal in page.closed if deal.ref in present.marks)
    closed = tuple(deal for deal in left if deal is not None)
    fresh: dict[str, object] = {"deals": deals, "closed": closed}
    if "change" in type(page).model_fields and _amounts(deals) != _amounts(page.deals):
        fresh["change"] = ()
    return page.model_copy(update=fresh)


def _amounts(deals: Iterable[SharedDeal]) -> list[tuple[int, int | None]]:
    return [(deal.ref, deal.amount) for deal in deals]


def _deal(deal: SharedDeal, present: Present) -> SharedDeal:
    fresh: dict[str, object] = {}
    if not present.marks[deal.ref]:
        fresh |= {"amount": None, "currency": ""}
    if deal.stage not in present.stages:
        fresh["stage"] = ""
    if deal.ours is not None and (deal.ref, deal.ours.text) not in present.wordings:
        fresh["ours"] = None
    return deal.model_copy(update=fresh)


def _closed(deal: SharedClosed, present: Present) -> SharedClosed | None:
    """What is left of it; None where neither a stage's words nor a shared reason says any more that it is closed."""
    fresh: dict[str, object] = {}
    if not present.marks[deal.ref]:
        fresh |= {"amount": None, "currency": ""}
    if deal.stage not in present.stages:
        fresh["stage"] = ""
    if deal.ref not in present.reasons:
        fresh["reason"] = ""
    left = deal.model_copy(update=fresh)
    return left if left.stage or left.reason else None
