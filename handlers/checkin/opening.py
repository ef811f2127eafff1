"""Opening the counterpart's form: Slack may forbid it for people of another company, and says so only when it is tried."""

from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.kit.deps import Body, trigger
from models.domain.errors import ForPartner

REFUSED = "Slack does not let the form open for you here. Reply in the check-in's thread instead: that reaches us too."


async def open_for_them(client: AsyncWebClient, body: Body, view: dict[str, Any]) -> None:
    """Open the form, or draw the open one anew for another deal. Raises ForPartner where Slack refuses it."""
    inside = body.get("view") or {}
    try:
        if inside.get("type") == "modal":
            await client.views_update(view_id=inside["id"], hash=inside["hash"], view=view)
        else:
            await client.views_open(trigger_id=trigger(body), view=view)
    except SlackApiError as refused:
        raise ForPartner(REFUSED) from refused
