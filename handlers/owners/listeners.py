"""People come in: saying who the owners are that a CRM's file names and nobody here is known by."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit.deps import Body, Deps, deps_of, user_id
from handlers.kit.once import once
from handlers.kit.slack_users import slack_user
from handlers.kit.views import show
from handlers.owners import form
from handlers.owners.ids import Door, Field, FormState, View
from models import drafts, owners, people, roster
from models.domain.errors import FieldErrors, UserError
from models.domain.rights import Act, Subject, may, require
from models.owners import OpenOwner
from models.people import SlackUser
from models.tables import Person

PATIENCE = 2.0
"""Seconds for asking Slack who somebody is: a form is acknowledged within three."""


def register(app: AsyncApp) -> None:
    app.action(Door.MATCH_OWNERS)(open_form)
    app.view(View.MATCH)(save)


async def open_form(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """“Say who they are…” on an import's card, in `/cadence` or in the first steps."""
    await ack()
    deps = deps_of(context)
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        require(may(people.as_actor(actor), Act.IMPORT, Subject()))
        listed = await owners.list_open(session, actor, now=deps.now(), policy=deps.policy)
        if not listed:
            raise UserError("Every owner the CRM names is somebody here: there is nobody left to name.")
        view = await _page(session, listed, FormState())
    await show(client, body, view)


async def _page(session: AsyncSession, listed: Sequence[OpenOwner], state: FormState) -> dict[str, Any]:
    shown = form.page_of(listed, state)
    likeliest = {one.near[0].id for one in shown if one.near}
    book = await people.directory(session) if likeliest else None
    slack_ids = {person_id: book.slack_id(person_id) for person_id in likeliest} if book is not None else {}
    return form.modal(shown, len(listed), slack_ids, state)


async def save(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Settle those that were chosen, then show the next page. Acks after the commit."""
    deps, view = deps_of(context), body["view"]
    picked = form.chosen(view)
    strangers = await _strangers(deps, client, picked)

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        return await _settle(session, deps, actor, FormState.load(view["private_metadata"]), picked, strangers)

    await ack(**await once(deps, body, f"view:{view['id']}:{view['hash']}", effect))
    deps.wake()


async def _strangers(deps: Deps, client: AsyncWebClient, picked: Mapping[int, str]) -> dict[str, SlackUser]:
    """What Slack says of those who were chosen and whom Cadence does not know; asked before anything is locked."""
    async with deps.db.read() as session:
        known = await people.by_slack_ids(session, list(picked.values()))
    found: dict[str, SlackUser] = {}
    errors: dict[str, str] = {}
    for place, slack_id in picked.items():
        if slack_id in known or slack_id in found:
            continue
        try:
            async with asyncio.timeout(PATIENCE):
                found[slack_id] = slack_user((await client.users_info(user=slack_id))["user"])
        except SlackApiError:
            errors[f"{Field.OWNER}_{place}"] = (
                "Slack does not show this person to Cadence. Choose one of our own people."
            )
        except (TimeoutError, aiohttp.ClientError, OSError):
            raise UserError("Slack did not answer in time. Nothing was saved; try again in a moment.") from None
    if errors:
        raise FieldErrors(errors)
    return found


async def _settle(
    session: AsyncSession,
    deps: Deps,
    actor: Person,
    state: FormState,
    picked: Mapping[int, str],
    strangers: Mapping[str, SlackUser],
) -> Mapping[str, Any]:
    require(may(people.as_actor(actor), Act.IMPORT, Subject()))
    listed = await owners.list_open(session, actor, now=deps.now(), policy=deps.policy)
    by_print = {form.print_of(one.said): one for one in listed}
    named = deals = 0
    errors: dict[str, str] = {}
    for place, slack_id in picked.items():
        one = by_print.get(state.w[place])
        if one is None:
            continue  # somebody else has named them meanwhile
        try:
            person = await _person(session, deps, actor, slack_id, strangers)
            deals += await owners.settle(session, actor, one.said, person, now=deps.now(), policy=deps.policy)
            named += 1
        except UserError as refused:
            errors[f"{Field.OWNER}_{place}"] = str(refused)
    if errors:
        raise FieldErrors(errors)
    if named:
        await drafts.show_results_anew(session)
    passed = tuple(mark for place, mark in enumerate(state.w) if place not in picked)
    after = state.model_copy(
        update={
            "named": state.named + named, "deals": state.deals + deals, "page": state.page + 1,
            "past": (*state.past, *passed)[-form.MOST_PASSED :],
        }
    )  # fmt: skip
    return await _next(session, deps, actor, after)


async def _next(session: AsyncSession, deps: Deps, actor: Person, state: FormState) -> Mapping[str, Any]:
    """The next page; the receipt when there is none."""
    left = await owners.list_open(session, actor, now=deps.now(), policy=deps.policy)
    view = await _page(session, left, state) if form.page_of(left, state) else form.done(state, len(left))
    return {"response_action": "update", "view": view}


async def _person(
    session: AsyncSession, deps: Deps, actor: Person, slack_id: str, strangers: Mapping[str, SlackUser]
) -> Person:
    """Whom the choice means; somebody of our own workspace who is not known yet comes in as an AE."""
    person = await people.by_slack_id(session, slack_id)
    if person is not None:
        return person
    if slack_id not in strangers:
        raise FieldErrors({"person": people.why_no_owner(None)})
    return await roster.admit(
        session, strangers[slack_id], roles=("ae",), by=actor, now=deps.now(), team_id=deps.team_id(),
        enterprise_id=deps.enterprise_id(),
    )  # fmt: skip
