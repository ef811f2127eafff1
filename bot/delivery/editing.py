"""One card or Home tab that is behind: shown anew, in place. Edits are idempotent, so they are simply repeated."""

import hashlib
import json
import logging
import time
from typing import Any

from bot.clock import real_now
from bot.delivery import channels, places
from bot.delivery.calls import INSTALLATION, CallFailed, RateLimited, Refused
from bot.delivery.desk import Desk, Ends, Later, where
from bot.delivery.sentences import sentence
from bot.failpoints import here
from handlers.kit.message import Message
from models import boundary, cards, outbox
from models.cards import Wish

logger = logging.getLogger(__name__)


async def edit(desk: Desk, wish: Wish, claimed: float) -> None:
    """Show a claimed card anew, or say why not and when again. Raises nothing but cancellation.

    `claimed` is the monotonic instant at which its lease began.
    """
    try:
        await _ended(desk, wish, claimed)
    except Exception as error:  # noqa: BLE001 - a fault of one card must not end the others; the line says what happened
        logger.error("card %d: %s", wish.card_id, where(error))  # noqa: TRY400 - could carry contents


async def _ended(desk: Desk, wish: Wish, claimed: float) -> None:
    try:
        try:
            await _show(desk, wish, claimed)
        except Ends as end:
            await _give_up(desk, wish, end)
    except (Later, CallFailed) as later:
        await _wait(desk, wish, later)
    except Exception as error:  # noqa: BLE001 - whatever it was, the card is tried again
        logger.error("card %d: %s", wish.card_id, where(error))  # noqa: TRY400 - could carry contents
        await _wait(desk, wish, Later(type(error).__name__))


async def _give_up(desk: Desk, wish: Wish, end: Ends) -> None:
    async with desk.db.write() as session:
        ours = await cards.give_up(session, wish, end.problem)
        if ours and end.state == "held":
            row = await outbox.edit_held(session, wish.card_id, end.problem)
            if row is not None:
                await boundary.tell(session, row, now=desk.clock.now(), policy=desk.policy)
    desk.strikes.clear("card", wish.card_id)
    logger.warning("card %d is given up: %s", wish.card_id, end.code)


async def _show(desk: Desk, wish: Wish, claimed: float) -> None:
    render = (desk.card_renderers if wish.partner_id is None else desk.shared_cards).get(wish.kind)
    if render is None:
        raise Later("no_renderer")
    async with desk.db.read() as session:
        message = await render(session, wish.card_id, now=desk.clock.now(), policy=desk.policy)
    said = _digest(message) if message is not None and wish.kind != cards.HOME else b""
    known = desk.known
    if message is not None and not known.says(wish.card_id, (wish.ts, wish.shown, said)):
        known.heard(wish.card_id, None)
        await _call(desk, wish, message, claimed)
        here("edit.called")
    async with desk.db.write() as session:
        spaced = None
        if not desk.clock.simulated:
            spaced = await outbox.database_now(session, real_now()) + desk.limits.edit_spacing
        ours = await cards.shown(session, wish, not_before=spaced)
    known.heard(wish.card_id, (wish.ts, wish.version, said) if ours and said else None)
    here("edit.committed")
    desk.strikes.clear("card", wish.card_id)
    logger.info("card %d shows version %d: channel %s, ts %s", wish.card_id, wish.version, wish.channel_id, wish.ts)


def _digest(message: Message) -> bytes:
    """What a message says, short. A row that changed does not always change what a card shows of it."""
    blocks = json.dumps([dict(block) for block in message.blocks], sort_keys=True)
    return hashlib.blake2b(f"{message.text}\0{blocks}".encode(), digest_size=16).digest()


async def _call(desk: Desk, wish: Wish, message: Message, claimed: float) -> None:
    blocks = [dict(block) for block in message.blocks]
    if wish.kind == cards.HOME:
        user = await places.reader(desk, wish.person_id)
        arguments: dict[str, Any] = {"user_id": user, "view": {"type": "home", "blocks": blocks}}
    else:
        if wish.channel_id is None or wish.ts is None:
            raise Ends("failed", "no_message", "The card was never posted.")
        if wish.partner_id is not None or not wish.channel_id.startswith("D"):
            problem = await channels.may_edit(desk, wish.channel_id, wish.partner_id)
            if problem is not None:
                raise problem
        else:
            await places.reader(desk, wish.person_id)
        # Text without blocks would take the blocks away: always both.
        arguments = {"channel": wish.channel_id, "ts": wish.ts, "text": message.text, "blocks": blocks}
    if time.monotonic() - claimed > (desk.limits.lease - desk.limits.margin).total_seconds() - desk.call.timeout:
        raise Later("slow")  # another holder could edit at the same time, and the older words could win
    try:
        await desk.call("views.publish" if wish.kind == cards.HOME else "chat.update", **arguments)
    except RateLimited as limited:
        await _hold_back(desk, wish, limited)
        raise
    except Refused as refused:
        if refused.passes:
            raise
        raise Ends("failed", refused.code, sentence("failed", refused.code)) from None


async def _hold_back(desk: Desk, wish: Wish, limited: RateLimited) -> None:
    """The limit is the method's, not the card's."""
    async with desk.db.write() as session:
        real = await outbox.database_now(session, real_now())
        await cards.hold_back(session, homes=wish.kind == cards.HOME, not_before=real + desk.hold_back(limited.wait))


async def _wait(desk: Desk, wish: Wish, why: Later | CallFailed) -> None:
    pause = desk.strikes.backoff("card", wish.card_id)
    if isinstance(why, RateLimited):
        pause = desk.hold_back(why.wait)
    elif why.code in INSTALLATION:
        pause = desk.limits.most_backoff
    async with desk.db.write() as session:
        real = await outbox.database_now(session, real_now())
        await cards.retry_later(session, wish, not_before=real + pause)
    logger.warning("card %d waits %g s: %s", wish.card_id, pause.total_seconds(), why.code)
