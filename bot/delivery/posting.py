"""One claimed row of the outbox, to its end or to its next try.

The order is what makes it exactly once, as far as Slack allows: what may have been said already is looked for; only
when it was looked for and not found is the attempt committed, and only then is Slack called.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

from bot.clock import real_now
from bot.delivery import endings, files, places, readback
from bot.delivery.calls import INSTALLATION, CallFailed, NotAnswered, RateLimited, Refused
from bot.delivery.contract import CardRenderer, Renderer
from bot.delivery.desk import PASSING, Desk, Ends, Later, LeaseLost, where
from bot.delivery.places import Place
from bot.delivery.sentences import sentence
from bot.failpoints import here
from handlers.kit.message import Message
from models import outbox
from models.outbox import INTERNAL, PARTNER, Sent
from models.tables import Card, Outbox

logger = logging.getLogger(__name__)


@dataclass
class Turn:
    """One row in our hands. `doubtful`: a message may stand already, so that only a look can tell."""

    row: Outbox
    doubtful: bool

    @property
    def waits_as(self) -> str:
        """The state in which the row waits for its next turn."""
        return "sending" if self.doubtful else "pending"


async def deliver(desk: Desk, row: Outbox) -> None:
    """Send a claimed row, or say why not and when again. Raises nothing but cancellation."""
    turn = Turn(row, doubtful=row.state == "sending")
    try:
        await _ended(desk, turn)
    except LeaseLost:
        logger.warning("outbox %d %s: its lease was lost to another holder", row.id, row.key)
    except Exception as error:  # noqa: BLE001 - a fault of one row must not end the others; the line says what happened
        logger.error("outbox %d %s: %s", row.id, row.key, where(error))  # noqa: TRY400 - could carry contents


async def _ended(desk: Desk, turn: Turn) -> None:
    try:
        try:
            await _turn(desk, turn)
        except Ends as end:
            await endings.settle(desk, turn.row, end)
    except (Later, CallFailed) as later:
        await _wait(desk, turn, later)
    except LeaseLost:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it was, the row is tried again
        logger.error("outbox %d %s: %s", turn.row.id, turn.row.key, where(error))  # noqa: TRY400 - could carry contents
        await _wait(desk, turn, Later(type(error).__name__))


async def _turn(desk: Desk, turn: Turn) -> None:
    if turn.doubtful and await _stands_already(desk, turn):
        return
    _not_too_late(desk, turn)
    message, version = await _written(desk, turn.row)
    place = await places.of(desk, turn.row)
    await _post(desk, turn, place, message, version)


def _not_too_late(desk: Desk, turn: Turn) -> None:
    row, now = turn.row, desk.clock.now()
    if row.void_at is not None and row.void_at <= now:
        before = f"; the last problem was {row.problem}" if row.problem else ""
        raise Ends("void", "too_late", f"too late: it was not to be sent after {row.void_at.isoformat()}{before}")
    if row.void_at is None and row.first_try_at is not None and now - row.first_try_at > desk.limits.keep_trying:
        raise Ends("failed", "given_up", f"Slack did not take it for {desk.limits.keep_trying.days} days.")


async def _written(desk: Desk, row: Outbox) -> tuple[Message, int | None]:
    """The words, and for a card the version they show. A fault in a renderer ends the row and reaches a person."""
    try:
        message, version = await _rendered(desk, row)
    except (Ends, Later, *PASSING):
        raise
    except Exception as error:  # noqa: BLE001 - a renderer may fail in any way
        logger.error("outbox %d %s is not written: %s", row.id, row.key, where(error))  # noqa: TRY400 - contents
        raise Ends(
            "failed", "not_written", f"Cadence could not write it ({type(error).__name__}); the log has the line."
        ) from None
    if message is None:
        raise Ends("void", "nothing_to_say", "there was nothing to say any more")
    return message, version


async def _rendered(desk: Desk, row: Outbox) -> tuple[Message | None, int | None]:
    now = desk.clock.now()
    messages, cards_ = _registries(desk, row)
    async with desk.db.read() as session:
        if row.card_id is None:
            render = messages.get(row.template)
            if render is None:
                raise _no_renderer(desk, row, row.template)
            return await render(session, row.args, now=now, policy=desk.policy), None
        card = await session.get(Card, row.card_id)
        if card is None:
            raise Ends("void", "no_card", "the card is gone")
        if card.partner_id != (row.partner_id if row.audience == PARTNER else None):
            raise Ends("failed", "another_audience", "The card is not for who would read it.")
        render_card = cards_.get(card.kind)
        if render_card is None:
            raise _no_renderer(desk, row, card.kind)
        # Read before the rows it shows: what changes in between is shown now and edited once more.
        version = card.wanted
        return await render_card(session, card.id, now=now, policy=desk.policy), version


def _registries(desk: Desk, row: Outbox) -> tuple[Mapping[str, Renderer], Mapping[str, CardRenderer]]:
    """Who may write for this audience. What is internal and what is a partner's never stand in for one another."""
    if row.audience == INTERNAL:
        return desk.renderers, desk.card_renderers
    if row.audience == PARTNER and row.partner_id is not None:
        return desk.shared_renderers, desk.shared_cards
    raise Ends("failed", "no_audience", "It does not say who may read it.")


def _no_renderer(desk: Desk, row: Outbox, name: str) -> Exception:
    """Nobody here can write it: a newer version of Cadence may. What others could write is for another audience."""
    others = (
        (desk.shared_renderers, desk.shared_cards)
        if row.audience == INTERNAL
        else (desk.renderers, desk.card_renderers)
    )
    if any(name in registry for registry in others):
        return Ends("failed", "another_audience", "It is not for who would read it.")
    return Later("no_renderer")


async def _post(desk: Desk, turn: Turn, place: Place, message: Message, version: int | None) -> None:
    row = turn.row
    was_doubtful = turn.doubtful
    file_id = None
    if message.file is not None:
        file_id = await files.bring(desk, message)
        # Bringing it took its time, and only the step that comes now can be seen: who reads the channel by now?
        place = await places.of(desk, row)
    began = await _begin(desk, turn, place, file_id)
    if time.monotonic() - began > (desk.limits.lease - desk.limits.margin).total_seconds() - desk.call.timeout:
        # The machine slept between the commit and here: the lease could end while Slack still works on the call.
        turn.doubtful = was_doubtful
        raise Later("slow")
    try:
        sent = await _say(desk, row, place, message, version, file_id)
    except RateLimited as limited:
        turn.doubtful = was_doubtful
        await _hold_back(desk, limited)
        raise
    except Refused as refused:
        turn.doubtful = was_doubtful
        raise await _refusal(desk, turn, place, refused) from None
    except NotAnswered as lost:
        logger.warning("outbox %d %s: no answer (%s) from channel %s", row.id, row.key, lost.code, place.channel_id)
        await asyncio.sleep(desk.limits.read_back_after.total_seconds())
        if not await _stands_already(desk, turn, None if was_doubtful else version):
            raise
        return
    here("post.called")
    await _finish(desk, turn, sent)


async def _say(
    desk: Desk, row: Outbox, place: Place, message: Message, version: int | None, file_id: str | None
) -> Sent:
    if file_id is not None:
        return await files.share(desk, message, file_id, channel_id=place.channel_id, thread_ts=place.thread_ts)
    answer = await desk.call(
        "chat.postMessage",
        channel=place.channel_id,
        thread_ts=place.thread_ts,
        text=message.text,
        blocks=[dict(block) for block in message.blocks] or None,
        unfurl_links=False,
        unfurl_media=False,
        metadata={"event_type": readback.EVENT_TYPE, "event_payload": {"key": row.nonce}},
    )
    ts = answer.get("ts")
    if not isinstance(ts, str):
        raise NotAnswered("unreadable")
    return Sent(str(answer.get("channel") or place.channel_id), ts, version)


async def _begin(desk: Desk, turn: Turn, place: Place, file_id: str | None) -> float:
    """Commit the attempt and a whole new lease; the monotonic instant before which that lease began."""
    began = time.monotonic()
    async with desk.db.write() as session:
        lease_until = await outbox.database_now(session, real_now()) + desk.limits.lease
        begun = await outbox.begin_attempt(
            session,
            turn.row.id,
            turn.row.fence,
            now=desk.clock.now(),
            lease_until=lease_until,
            channel_id=place.channel_id,
            file_id=file_id,
        )
        here("attempt.before_commit")
    if not begun:
        raise LeaseLost
    turn.doubtful = True
    here("attempt.committed")
    return began


async def _stands_already(desk: Desk, turn: Turn, version: int | None = None) -> bool:
    """Read the channel back. True when the message was found and the row is finished; False when it is not there.

    Ends the row as undetermined when Slack will not let us read; raises what else the reading fails with.
    """
    here("readback.before")
    try:
        row = await readback.fresh(desk, turn.row)
        found = await (files.find if row.file_id is not None else readback.find)(desk, row)
    except Refused as refused:
        if refused.passes:
            raise
        raise Ends("undetermined", refused.code, sentence("undetermined", refused.code)) from None
    here("readback.after")
    if found is None:
        logger.info("outbox %d %s: read back, it is not there", turn.row.id, turn.row.key)
        return False
    await _finish(desk, turn, Sent(found.channel_id, found.ts, version))
    return True


async def _finish(desk: Desk, turn: Turn, sent: Sent) -> None:
    row = turn.row
    async with desk.db.write() as session:
        done = await outbox.finish(session, row, row.fence, sent, now=desk.clock.now())
        here("finish.before_commit")
    if not done:
        raise LeaseLost
    here("finish.committed")
    desk.strikes.clear("row", row.id)
    logger.info("outbox %d %s is sent: channel %s, ts %s", row.id, row.key, sent.channel_id, sent.ts)


async def _refusal(desk: Desk, turn: Turn, place: Place, refused: Refused) -> Exception:
    """What a definite no means for the row."""
    if refused.passes:
        return refused
    if refused.code == "channel_not_found" and place.remembered:
        # A DM of an earlier installation: forget it and open a new one.
        await places.forget_dm(desk, turn.row)
        return Later("dm_forgotten")
    return Ends("failed", refused.code, sentence("failed", refused.code))


async def _hold_back(desk: Desk, limited: RateLimited) -> None:
    """The limit is the method's, not the row's: what else is due waits too, in every replica."""
    async with desk.db.write() as session:
        real = await outbox.database_now(session, real_now())
        await outbox.hold_back(session, now=desk.clock.now(), not_before=real + desk.hold_back(limited.wait))


async def _wait(desk: Desk, turn: Turn, why: Later | CallFailed) -> None:
    row = turn.row
    pause = desk.strikes.backoff("row", row.id)
    if isinstance(why, RateLimited):
        pause = desk.hold_back(why.wait)
    elif why.code in INSTALLATION:
        pause = desk.limits.most_backoff
    async with desk.db.write() as session:
        real = await outbox.database_now(session, real_now())
        await outbox.release(session, row.id, row.fence, state=turn.waits_as, not_before=real + pause, problem=why.code)
    logger.warning("outbox %d %s waits %g s: %s", row.id, row.key, pause.total_seconds(), why.code)
