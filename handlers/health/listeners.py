"""People come in: somebody looks at how the quarter's meetings go and what they cost."""

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from handlers.health import page
from handlers.health.ids import Door
from handlers.kit.deps import Body, deps_of, user_id
from handlers.kit.views import show
from models import people


def register(app: AsyncApp) -> None:
    app.action(Door.HEALTH)(open_health)


async def open_health(ack: AsyncAck, body: Body, client: AsyncWebClient, context: AsyncBoltContext) -> None:
    """Leadership and admins see everybody's, a partner manager their own, anybody else their own hours."""
    await ack()
    deps = deps_of(context)
    async with deps.db.read() as session:
        actor = await people.acting(session, user_id(body))
        found = await page.load(session, actor, now=deps.now(), policy=deps.policy)
    await show(client, body, page.modal(found))
