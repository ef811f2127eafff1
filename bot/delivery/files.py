"""A message that brings a file, in Slack's three steps; only the last one can be seen by anybody.

The file's id is committed before Slack is asked to share it: after a lost answer or a crash, the file itself says where
it was shared, and nothing has to be looked for among the messages.
"""

import asyncio
from contextlib import suppress
from typing import Any

from bot.delivery.calls import CallFailed, NotAnswered, Refused
from bot.delivery.desk import Desk
from handlers.kit.message import Message
from models.outbox import Sent
from models.tables import Outbox

NOT_THERE = frozenset({"file_not_found", "file_deleted"})


async def bring(desk: Desk, message: Message) -> str:
    """The first two steps: the file is with Slack, and nobody sees it. Its id; may be repeated at will."""
    file = message.file
    if file is None:
        raise ValueError("this message brings no file")
    asked = await desk.call(
        "files.getUploadURLExternal", filename=file.name, length=len(file.data), alt_txt=file.alt or None
    )
    file_id, address = asked.get("file_id"), asked.get("upload_url")
    if not isinstance(file_id, str) or not isinstance(address, str):
        raise NotAnswered("unreadable")
    await desk.call.upload(address, file.data)
    return file_id


async def share(desk: Desk, message: Message, file_id: str, *, channel_id: str, thread_ts: str | None) -> Sent:
    """The last step: the file stands in the channel, below these words."""
    title = message.file.title if message.file is not None else ""
    await desk.call(
        "files.completeUploadExternal",
        files=[{"id": file_id, "title": title}],
        channel_id=channel_id,
        thread_ts=thread_ts,
        initial_comment=message.text,
    )
    # It is done: whatever goes wrong from here on must not have it done again.
    with suppress(CallFailed):
        return await _shared(desk, file_id, channel_id) or Sent(channel_id, None)
    return Sent(channel_id, None)


async def find(desk: Desk, row: Outbox) -> Sent | None:
    """Where the row's file was shared, if it was; None when Slack says that it was not.

    Raises Refused, RateLimited or NotAnswered when nobody can tell.
    """
    if row.file_id is None or row.channel_id is None:
        return None
    return await _shared(desk, row.file_id, row.channel_id)


async def _shared(desk: Desk, file_id: str, channel_id: str) -> Sent | None:
    pause = desk.limits.first_look.total_seconds()
    for look in range(desk.limits.looks):
        try:
            answer = await desk.call("files.info", file=file_id)
        except Refused as refused:
            if refused.code in NOT_THERE:
                return None  # never completed
            raise
        ts = _ts(answer.get("file"), channel_id)
        if ts is not None:
            return Sent(channel_id, ts)
        if look < desk.limits.looks - 1:
            await asyncio.sleep(pause)
            pause *= 2
    return None


def _ts(file: Any, channel_id: str) -> str | None:
    """The message that shares the file in this channel; public and private places stand apart in Slack's answer."""
    shares = file.get("shares") if isinstance(file, dict) else None
    for places in (shares or {}).values():
        for share_ in places.get(channel_id, []):
            if isinstance(share_.get("ts"), str):
                return str(share_["ts"])
    return None
