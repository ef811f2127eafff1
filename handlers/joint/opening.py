"""What the desk's and the page's listeners show: views made from the present rows, and shown anew below a form."""

import re
from collections.abc import Sequence
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.joint import card, page, preview
from handlers.joint.ids import Action, JointRef, View
from handlers.kit.deps import Body, Deps, user_id
from handlers.kit.views import replace
from models import people
from models.domain.deals import OPEN
from models.domain.errors import UserError
from models.domain.policy import Policy
from models.domain.rights import Act
from models.domain.zones import zone
from models.joint import approving, checkin, counterparts, stages, views, waiting
from models.joint import page as joint_page
from models.tables import Person

REPLY_BUTTONS = re.compile(rf"^{re.escape(Action.REPLY_CONFIRM)}(:\d+)?$")
"""A reply that could mean several deals has a button for each: their ids differ, as Slack wants it in one block."""
BELOW = {View.DESK: "desk", View.PAGE: "page"}
"""Our views that a form can lie on top of, as its metadata names them."""


def under(body: Body) -> str:
    """Which of our views a button was pressed in, to be shown anew when the form above it is saved."""
    view = body.get("view") or {}
    return next((name for known, name in BELOW.items() if view.get("callback_id") == known), "")


async def desk_view(session: AsyncSession, deps: Deps, actor: Person) -> dict[str, Any]:
    return card.window(await waiting.waiting(session, actor, now=deps.now(), policy=deps.policy))


async def page_view(session: AsyncSession, deps: Deps, actor: Person, partner_id: int) -> dict[str, Any]:
    """The partner's page. Raises NotAllowed, UserError."""
    found = await joint_page.load(session, actor, partner_id, now=deps.now(), policy=deps.policy)
    return page.modal(found, zone(people.zone_of(actor, deps.policy)), deps.policy.stages)


async def page_or_list(session: AsyncSession, deps: Deps, actor: Person, partner_id: int) -> dict[str, Any]:
    """The page of one partner; of those somebody may open, where none is named and there are several."""
    if partner_id:
        return await page_view(session, deps, actor, partner_id)
    found = await joint_page.partners_for(session, actor, now=deps.now(), policy=deps.policy)
    if len(found) == 1:
        return await page_view(session, deps, actor, found[0].id)
    return page.listed(found)


async def words_of(session: AsyncSession, deps: Deps, partner_id: int) -> tuple[str, ...]:
    """The stages agreed with the partner, each once, in the order of ours: as the partner's own form lists them."""
    return stages.in_order(await stages.names(session, partner_id), deps.policy.stages)


def stages_to_name(listed: Sequence[str], policy: Policy) -> list[str]:
    """The stages that a word is asked for, in our order, those that end a deal included.

    Without a word for it the partner never reads that a joint deal was won.
    """
    table = policy.stages
    closing = [stage for stage, category in table.stages if category not in OPEN]
    ranks = {stage: table.rank(stage) for stage in (*listed, *closing)}
    return sorted(ranks, key=lambda stage: (ranks[stage] is None, ranks[stage] or 0))


async def channel_to_approve(session: AsyncSession, deps: Deps, actor: Person, partner_id: int) -> str:
    """The partner's joint channel, for somebody who may let Cadence post there. Raises NotAllowed, UserError."""
    partner = await approving.partner_for(
        session, actor, partner_id, Act.APPROVE_POST, now=deps.now(), policy=deps.policy, lock=False
    )
    if not partner.joint_channel:
        raise UserError(f"{partner.name} has no joint channel. Choose one on its page: `/cadence` → Joint channels…")
    return partner.joint_channel


async def preview_view(
    session: AsyncSession, deps: Deps, actor: Person, partner_id: int, *, under: str
) -> dict[str, Any]:
    """The post as it would be now, and who reads the channel. Raises NotAllowed, UserError."""
    channel = await channel_to_approve(session, deps, actor, partner_id)
    partner = await approving.partner_for(
        session, actor, partner_id, Act.APPROVE_POST, now=deps.now(), policy=deps.policy, lock=False
    )
    place = await approving.place(session, partner)
    if place is None:
        raise UserError(f"{partner.name} has no joint channel.")
    post = None
    occurrence = await checkin.present(session, partner_id, now=deps.now())
    if occurrence is not None:
        made = await views.check_in(session, occurrence.id, now=deps.now(), policy=deps.policy)
        post = deps.pages.check_in(made) if made is not None and made.deals else None
    found = await counterparts.of_partner(session, partner_id)
    return preview.modal(partner.name, partner_id, channel, place, post, under=under, known=page.workspaces(found))


async def refresh(client: AsyncWebClient, body: Body, deps: Deps) -> None:
    """Show the view anew that a button was pressed in; a card is edited by delivery."""
    view = body.get("view") or {}
    await _again(client, body, deps, under(body), str(view.get("id") or ""), _partner_of(view))


async def refresh_below(client: AsyncWebClient, body: Body, deps: Deps, name: str, partner_id: int) -> None:
    """Show the view anew that lay below a form which was saved."""
    await _again(client, body, deps, name, str(body["view"].get("previous_view_id") or ""), partner_id)


async def _again(client: AsyncWebClient, body: Body, deps: Deps, name: str, view_id: str, partner_id: int) -> None:
    if not name or not view_id:
        return
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        try:
            fresh = await _named(session, deps, actor, name, partner_id)
        except UserError:
            return  # what was decided took the page away from them; it closes as they close it
    await replace(client, view_id, fresh)


async def _named(session: AsyncSession, deps: Deps, actor: Person, name: str, partner_id: int) -> dict[str, Any]:
    if name == "desk":
        return await desk_view(session, deps, actor)
    return await page_view(session, deps, actor, partner_id)


def _partner_of(view: Body) -> int:
    return JointRef.load(view.get("private_metadata") or "").p if view.get("callback_id") == View.PAGE else 0
