"""People come in: an admin asks how the installation is."""

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from handlers.doctor import page
from handlers.doctor.ids import Door
from handlers.kit.deps import Body, deps_of, user_id
from handlers.kit.views import replace, show
from models import people
from models.domain.rights import Act, Subject, may, require


def register(app: AsyncApp) -> None:
    app.action(Door.EXAMINE)(examine)


async def examine(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Open the modal first, because looking takes longer than a trigger lives; then show what was found."""
    await ack()
    deps = deps_of(context)
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
    require(may(people.as_actor(actor), Act.EXAMINE, Subject()))
    view_id = await show(client, body, page.looking())
    await replace(client, view_id, page.found(await deps.examine()))
