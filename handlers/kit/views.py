"""Opening a view where the person is: on top of an open modal, else as a new one."""

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from handlers.kit.deps import Body, trigger


async def show(client: AsyncWebClient, body: Body, view: dict[str, Any]) -> None:
    """Push onto the modal that the click came from, or open a new one (from a message, a command or Home)."""
    inside = body.get("view") or {}
    if inside.get("type") == "modal":
        await client.views_push(trigger_id=trigger(body), view=view)
    else:
        await client.views_open(trigger_id=trigger(body), view=view)
