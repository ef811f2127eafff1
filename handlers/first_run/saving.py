"""What the forms of the set-up save. What Slack has to be asked is asked before the transaction; the commit is before the ack.

Then the list below the form, and the page below the list, are drawn anew.
"""

from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.first_run import forms, lists, page, slack
from handlers.first_run.forms import ChannelSaid, PartnerSaid
from handlers.first_run.ids import Field, FormState, Way
from handlers.first_run.page import SetUpPage
from handlers.kit.deps import Body, Deps, deps_of, user_id
from handlers.kit.once import Effect, once
from handlers.kit.views import replace
from models import first_run, managers, people, roster
from models.domain.errors import FieldErrors, NotAllowed
from models.domain.rights import Act
from models.handover import EVERYTHING
from models.managers import NewManager
from models.people import SlackUser
from models.roster import Alike, NewPartner
from models.tables import ChannelState, Person

Draw = Callable[[SetUpPage], dict[str, Any]]


async def redraw(client: AsyncWebClient, deps: Deps, body: Body, views: Mapping[str, Draw]) -> None:
    """Draw these views and the page at the bottom anew, as they are for the person now."""
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        try:
            fresh = await page.load(session, actor, now=deps.now(), policy=deps.policy)
        except NotAllowed:
            return  # they have just given away the right to look at it: what stands there is their receipt
    drawn = {view_id: draw(fresh) for view_id, draw in views.items() if view_id}
    root = str(body["view"].get("root_view_id") or "")
    for view_id, view in ({root: page.modal(fresh)} | drawn).items():
        await replace(client, view_id, view)


async def _save(
    ack: AsyncAck, client: AsyncWebClient, deps: Deps, body: Body, effect: Effect, draw: Draw
) -> Mapping[str, Any]:
    """Commit, ack, and draw what lies below; the response, which is empty when the form was closed."""
    view = body["view"]
    response = await once(deps, body, f"view:{view['id']}:{view['hash']}", effect)
    await ack(**response)
    deps.wake()
    if not response:
        await redraw(client, deps, body, {str(view.get("previous_view_id") or ""): draw})
    return response


async def _require(deps: Deps, body: Body, act: Act) -> None:
    """Raises NotAllowed before Slack is asked anything."""
    async with deps.db.read() as session:
        page.require_all(await people.acting(session, user_id(body)), act)


async def save_partner(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """A partner that is added or changed; whoever is named its manager becomes one of ours with the role pm."""
    deps, view = deps_of(context), body["view"]
    said, state = forms.parse_partner(view), FormState.load(view["private_metadata"])
    await _require(deps, body, Act.ADD_PARTNER)
    named = await slack.user(client, said.manager, field=Field.MANAGER) if said.manager or not state.i else None

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        pm = await _manager(session, deps, actor, named)
        if state.i:
            await _change_partner(session, deps, actor, state.i, said, pm)
        else:
            wanted = NewPartner(said.name, said.tier, said.archetype, pm, said.sure)
            await roster.add_partner(session, actor, wanted, now=deps.now(), policy=deps.policy)
        if said.others and pm is not None:
            await roster.manage_the_rest(session, actor, pm, now=deps.now(), policy=deps.policy)
        return {}

    try:
        await _save(ack, client, deps, body, effect, lambda fresh: lists.partners(fresh, state.at))
    except Alike as like:
        form = forms.PartnerForm(deps.policy, state, None, said.manager, said.tier, str(like))
        await ack(response_action="update", view=forms.partner(form))


async def _manager(session: AsyncSession, deps: Deps, actor: Person, named: SlackUser | None) -> Person | None:
    if named is None:
        return None
    try:
        return await roster.admit(
            session, named, roles=["pm"], by=actor, now=deps.now(), team_id=deps.team_id(),
            enterprise_id=deps.enterprise_id(),
        )  # fmt: skip
    except FieldErrors as refused:
        raise FieldErrors({Field.MANAGER: str(refused)}) from None


async def _change_partner(
    session: AsyncSession, deps: Deps, actor: Person, partner_id: int, said: PartnerSaid, pm: Person | None
) -> None:  # fmt: skip
    """Tier and kind here; a new manager gets what a new manager gets everywhere: the reviews and a page."""
    partner = await roster.change_partner(
        session, actor, partner_id, tier=said.tier, archetype=said.archetype, pm=pm, now=deps.now(), policy=deps.policy
    )
    if pm is not None and pm.id != partner.pm_id:
        wanted = NewManager(partner.id, pm, EVERYTHING)
        await managers.name_manager(session, actor, wanted, now=deps.now(), policy=deps.policy)


async def save_person(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Somebody who is added, or whose roles and holidays change."""
    deps, view = deps_of(context), body["view"]
    said, state = forms.parse_person(view), FormState.load(view["private_metadata"])
    await _require(deps, body, Act.ADD_PERSON)
    user = await slack.user(client, said.person, field=Field.PERSON) if not state.i else None

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        if user is None:
            await roster.change_person(
                session, actor, state.i, roles=said.roles, holidays=said.holidays, now=deps.now()
            )  # fmt: skip
        else:
            await roster.add_person(
                session, actor, user, roles=said.roles, holidays=said.holidays, now=deps.now(), team_id=deps.team_id(),
                enterprise_id=deps.enterprise_id(),
            )  # fmt: skip
        return {}

    await _save(ack, client, deps, body, effect, lambda fresh: lists.people(fresh, state.at))


async def save_channel(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """The internal channel of a partner: one that exists, or one that Cadence creates and invites people to."""
    deps, view = deps_of(context), body["view"]
    said, state = forms.parse_channel(view), FormState.load(view["private_metadata"])
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        await first_run.partner_of(session, actor, state.i, now=deps.now(), policy=deps.policy)
    room = await _room(client, context, said)
    inside: list[tuple[str, str]] = []

    async def effect(session: AsyncSession) -> Mapping[str, Any]:
        actor = await people.acting(session, user_id(body))
        if said.way == Way.CREATE and await first_run.taken_by(session, room.slack_id) not in (None, state.i):
            raise FieldErrors({Field.NAME: f"#{room.name} is another partner's channel already. Take another name."})
        partner = await first_run.set_channel(session, actor, state.i, room, now=deps.now(), policy=deps.policy)
        manager = await session.get(Person, partner.pm_id) if partner.pm_id is not None else None
        inside.extend((one.slack_id, one.name) for one in (actor, manager) if one is not None and one.slack_id)
        return {}

    at = state.at
    await _save(ack, client, deps, body, effect, lambda fresh: lists.channels(fresh, at))
    if said.way == Way.CREATE:
        left = await slack.invite(client, room.slack_id, [slack_id for slack_id, _ in inside])
        if left:
            names = roster.listed([name for slack_id, name in dict(inside).items() if slack_id in left])
            words = f"Cadence could not bring {names} into #{room.name}. Ask somebody who is in it to add them."
            previous = str(view.get("previous_view_id") or "")
            await redraw(client, deps, body, {previous: lambda fresh: lists.channels(fresh, at, words)})


async def _room(client: AsyncWebClient, context: AsyncBoltContext, said: ChannelSaid) -> ChannelState:
    """The channel that was chosen or created, as Slack says it is. Raises FieldErrors."""
    if said.way == Way.CREATE:
        return await slack.create(client, said.name, private=said.private, bot_user_id=str(context.bot_user_id or ""))
    if not said.channel:
        raise FieldErrors({Field.CHANNEL: "Choose a channel."})
    return await slack.room(client, said.channel)
