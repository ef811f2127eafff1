"""`/deals`: every open deal I may answer for, mine first, each one click from its form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, true
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.deal_review import card
from handlers.deal_review.ids import CardRef, DealRef, Door, View
from handlers.kit import blocks as b
from handlers.kit import words as w
from models import answers, people, reviews
from models.cadences import AHEAD
from models.domain.policy import Policy
from models.domain.text import clip, count, key, near
from models.people import Names
from models.reviews import DealView
from models.tables import Partner, Person

MOST = 40


@dataclass(frozen=True)
class DealsPage:
    """The deals somebody may answer for; `answered` holds those already answered for their present review."""

    query: str
    views: tuple[DealView, ...]
    occurrence_of: Mapping[int, int]
    answered: frozenset[int]
    book: Names
    near: tuple[str, ...] = ()
    total: int = 0
    waiting: int = 0
    """How many of all of them, shown or not, wait for an answer."""
    crm: bool = False
    may_create: bool = False


async def load(session: AsyncSession, actor: Person, query: str, *, now: datetime, policy: Policy) -> DealsPage:
    """Mine, those I cover, those of my partners (all, for the head), by the words of the command."""
    covered = [
        away for away, cover in (await people.covers(session, now=now, policy=policy)).items() if cover == actor.id
    ]
    if actor.has("head"):
        found = await reviews.views(session, true(), now=now, policy=policy)
    else:
        found = await reviews.in_hands(session, [actor.id, *covered], now=now, policy=policy)
    wanted = key(query)
    hits = [view for view in found if not wanted or any(wanted in key(name) for name in _names(view))]
    hits.sort(key=lambda view: (view.version.owner_id != actor.id, not view.stalled, reviews.weight(view)))
    partners = {view.partner.id: view.partner for view in hits if view.partner}
    occurrence_of = {
        partner_id: occurrence.id
        for partner_id, occurrence in (await answers.occurrences_for(session, list(partners.values()), now=now)).items()
    }
    answered = await reviews.answered_deals(session, set(occurrence_of.values()))
    shown = hits[:MOST]
    suggestions = near(query, {name for view in found for name in _names(view)}) if wanted and not hits else []
    return DealsPage(
        query=query,
        views=tuple(shown),
        occurrence_of=occurrence_of,
        answered=answered,
        book=await people.names(
            session,
            [
                person_id
                for view in shown
                for person_id in (view.version.owner_id, view.action.owner_id if view.action else None)
            ],
            known=actor,
        ),
        near=tuple(suggestions),
        total=len(hits),
        waiting=sum(
            1 for view in hits if view.id not in answered and view.partner and view.partner.id in occurrence_of
        ),
        crm=policy.crm_is_truth,
        may_create=actor.has("ae", "pm", "head"),
    )


def _names(view: DealView) -> list[str]:
    return [view.version.name, view.version.account, view.partner.name if view.partner else ""]


def modal(page: DealsPage) -> dict[str, Any]:
    if not page.views:
        return b.modal(View.DEALS, "Your deals", [b.section(_nothing(page)), *_buttons(page, ())])
    waiting = [view for view in page.views if view.id not in page.answered and _occurrence(page, view)]
    made: list[b.Block] = [b.context(_summary(page)), *_buttons(page, waiting)]
    shown, room = 0, b.VIEW_WEIGHT
    for view in page.views:
        row = _row(page, view)
        room -= b.weight(row)
        if room < 0:
            break
        made.append(row)
        shown += 1
    if page.total > shown:
        made.append(b.context(f"… and {page.total - shown} more. Add part of a name: `/deals acme`."))
    return b.modal(View.DEALS, "Your deals", made)


def _buttons(page: DealsPage, waiting: Sequence[DealView]) -> list[b.Block]:
    """The walk through what waits, and a new deal for whoever can have one."""
    made = []
    if waiting and not page.query:
        occurrences = tuple(sorted({_occurrence(page, view) for view in waiting}))
        made.append(b.button("Review my deals", Door.REVIEW_MY_DEALS, CardRef(o=occurrences).dump(), style="primary"))
    if page.may_create:
        made.append(b.button("New deal…", Door.NEW_DEAL, CardRef().dump()))
    if page.views:
        made.append(b.button("Sign attribution…", Door.SIGN_ATTRIBUTION, CardRef().dump()))
    return [b.actions(*made)] if made else []


def _row(page: DealsPage, view: DealView) -> b.Block:
    mark = ":white_check_mark: " if view.id in page.answered else ""
    ref = DealRef(o=_occurrence(page, view), d=view.id)
    owner = f"\n_{w.escape(page.book.name(view.version.owner_id))}_"
    return b.section(
        mark + card.deal_text(view, page.book, crm=page.crm) + owner,
        accessory=b.button("Answer…", Door.ANSWER_DEAL, ref.dump()),
    )


def _occurrence(page: DealsPage, view: DealView) -> int:
    return page.occurrence_of.get(view.partner.id, 0) if view.partner else 0


def _summary(page: DealsPage) -> str:
    return f"{count(page.total, 'open deal')} · {page.waiting} not answered for the next review"


def _nothing(page: DealsPage) -> str:
    if page.near:
        names = ", ".join(f"`/deals {w.escape(clip(name, 60))}`" for name in page.near)
        return f"No open deal of yours matches “{w.escape(clip(page.query, 100))}”. Did you mean {names}?"
    if page.query:
        return f"No open deal of yours matches “{w.escape(clip(page.query, 100))}”."
    return "You have no open deals. When one is yours in the CRM, the next import brings it here."


async def current_occurrences(session: AsyncSession, *, now: datetime) -> tuple[int, ...]:
    """The reviews that answers given now belong to, for everybody."""
    partners = list(await session.scalars(select(Partner)))
    found = await answers.occurrences_for(session, partners, now=now)
    ids = sorted({occurrence.id for occurrence in found.values() if occurrence.state in AHEAD})
    return tuple(ids)
