"""One translator for everything that goes wrong in a listener: words for the person, one line with ids for us.

A user-facing error is said where it happened: on the field of the form, else as an answer only the person sees. Anything
else becomes a reference number for them and a full line in our log. Nothing is swallowed.
"""

import json
import logging
import secrets
from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.kit import told
from handlers.kit.caller import KEY as CALLER
from handlers.kit.caller import Caller
from handlers.kit.deps import Deps, deps_of, user_id
from handlers.kit.forms import Values
from handlers.kit.told import APART, plain
from models import people
from models.domain.errors import FieldErrors, ForPartner, NotAllowed, UserError

logger = logging.getLogger("cadence.errors")
DM = "D"
"""How the id of a conversation of two begins: Cadence can answer in none but its own."""
SUGGESTION, CLOSED = "block_suggestion", "view_closed"
FOR_THEM = (NotAllowed, ForPartner, FieldErrors)
NOT_FOR_THEM = "This did not work, and nothing was saved. A reply in the check-in's thread always reaches us."
"""What somebody of another company is told where the sentence is not one that was written for them."""


def register(app: AsyncApp) -> None:
    app.error(translate)


async def translate(
    error: Exception, body: dict[str, Any], client: AsyncWebClient, context: AsyncBoltContext
) -> BoltResponse | None:
    """Say it to the person, log it for us. Whoever only types into a menu, or closes a form, is told nothing."""
    words = sentence(error, body)
    if isinstance(error, UserError) and not isinstance(error, FOR_THEM) and not _one_of_us(context):
        words = NOT_FOR_THEM
    kind = body.get("type") or ("command" if "command" in body else "unknown")
    if kind == "view_submission":
        return _on_the_form(error, words, body) if context.ack.response is None else None
    if kind == "event_callback":
        return None
    if kind == SUGGESTION:
        return _json({"options": []}) if context.ack.response is None else None
    try:
        if kind != CLOSED:
            await _only_to_them(client, body, words, context)
    except SlackApiError as refused:
        logger.warning("could not tell %s what went wrong: %s", user_id(body), slack_code(refused))
    return BoltResponse(status=200, body="") if context.ack.response is None else None


def _one_of_us(context: AsyncBoltContext) -> bool:
    """Whether the caller was found to be of our company. Who failed before that could be found is not."""
    caller = context.get(CALLER)
    return isinstance(caller, Caller) and caller.ours


def slack_code(error: SlackApiError, field: str = "error") -> str:
    """Slack's word for what went wrong; the kind of answer where it gave no word, such as a proxy's page."""
    answer = error.response
    return str(answer.get(field) or "") if hasattr(answer, "get") else "an answer that is not Slack's"


def sentence(error: Exception, body: Mapping[str, Any]) -> str:
    """What the person is told."""
    if isinstance(error, UserError):
        logger.info("refused: user=%s kind=%s reason=%s", user_id(body), _what(body), type(error).__name__)
        return str(error)
    reference = secrets.token_hex(4)
    # The exception's text may quote a deal; its type and place may not.
    logger.error(
        "failed: reference=%s user=%s kind=%s error=%s at=%s",
        reference, user_id(body), _what(body), type(error).__name__, _place(error),
    )  # fmt: skip
    logger.debug("reference=%s", reference, exc_info=error)
    return (
        f"Something went wrong on our side; it is logged as {reference}. Nothing was saved. Try again, and if it "
        "happens again give that number to whoever runs Cadence."
    )


def _what(body: Mapping[str, Any]) -> str:
    if "command" in body:
        return str(body["command"])
    actions = body.get("actions") or [{}]
    return str(body.get("view", {}).get("callback_id") or actions[0].get("action_id") or body.get("type"))


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    places: list[str] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno}:{code.co_name}")
        trace = trace.tb_next
    return " < ".join(reversed(places[-4:]))


def _on_the_form(error: Exception, words: str, body: Mapping[str, Any]) -> BoltResponse:
    """Errors stand on their fields, and what was typed stays."""
    values = Values(body["view"])
    named = error.errors if isinstance(error, FieldErrors) else {"": words}
    blocks = values.on_blocks(named)
    if blocks.keys() - {""}:
        return _json({"response_action": "errors", "errors": {key: text for key, text in blocks.items() if key}})
    return _json({"response_action": "update", "view": error_view(words)})


def _json(payload: dict[str, Any]) -> BoltResponse:
    return BoltResponse(
        status=200, body=json.dumps(payload), headers={"content-type": ["application/json;charset=utf-8"]}
    )


def error_view(words: str) -> dict[str, Any]:
    """A modal that says only this."""
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": "That did not work"},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": plain(words)[:2900], "verbatim": True}}],
    }


async def _only_to_them(client: AsyncWebClient, body: Mapping[str, Any], words: str, context: AsyncBoltContext) -> None:
    """An answer only they see: in the channel, or on top of the view they clicked in."""
    view = body.get("view") or {}
    if view.get("type") == "modal":
        await _in_view(client, body, words, push=True)
        return
    channel = _channel(body)
    if not channel:
        await _in_view(client, body, words, push=False)
        return
    if _one_of_us(context) and not channel.startswith(DM) and not await deps_of(context).ours_alone(channel):
        if not await _owe(deps_of(context), body, words):
            await _in_view(client, body, words, push=False)
            return
        words = APART
    try:
        await client.chat_postEphemeral(channel=channel, user=user_id(body), text=plain(words))
    except SlackApiError as refused:
        # A command can come from a channel the bot is not in; its trigger may still open a view.
        if slack_code(refused) not in ("not_in_channel", "channel_not_found", "user_not_in_channel"):
            raise
        await _in_view(client, body, words, push=False)


def _channel(body: Mapping[str, Any]) -> str:
    channel = body.get("channel")
    return str(channel.get("id") or "") if isinstance(channel, Mapping) else str(body.get("channel_id") or "")


async def _owe(deps: Deps, body: Mapping[str, Any], words: str) -> bool:
    """Say it in their direct messages instead; False where they are nobody whom Cadence writes to."""
    async with deps.db.write() as session:
        person = await people.by_slack_id(session, user_id(body))
        if not people.is_ours(person):
            return False
        await told.owe(session, person, words, str(body.get("trigger_id") or secrets.token_hex(8)), now=deps.now())
    deps.wake()
    return True


async def _in_view(client: AsyncWebClient, body: Mapping[str, Any], words: str, *, push: bool) -> None:
    opener = client.views_push if push else client.views_open
    await opener(trigger_id=str(body.get("trigger_id")), view=error_view(words))
