"""Opening a view where the person is: on top of an open modal, else as a new one."""

from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.kit.deps import Body, trigger


async def show(client: AsyncWebClient, body: Body, view: dict[str, Any]) -> str:
    """Push onto the modal that the click came from, or open a new one (from a message, a command or Home); its id."""
    inside = body.get("view") or {}
    if inside.get("type") == "modal":
        opened = await client.views_push(trigger_id=trigger(body), view=view)
    else:
        opened = await client.views_open(trigger_id=trigger(body), view=view)
    return str((opened.get("view") or {}).get("id") or "")


async def replace(client: AsyncWebClient, view_id: str, view: dict[str, Any]) -> None:
    """Show something else in a view that is open. Whoever has closed it meanwhile did not want to see it."""
    try:
        await client.views_update(view_id=view_id, view=view)
    except SlackApiError as refused:
        if refused.response.get("error") != "not_found":
            raise
