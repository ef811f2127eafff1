"""Files in three steps: an address for the bytes, the bytes, and the message that shares them."""

from __future__ import annotations

import secrets
from typing import Any

from bot.sandbox.api.base import ApiError, Call, Json, Method, invalid
from bot.sandbox.api.chat import blocks_of, writable
from bot.sandbox.api.conversations import open_im
from bot.sandbox.limits import TEXT_KEPT, uses_of_message
from bot.sandbox.models import Channel, File, Upload, kind_of


async def get_upload_url(call: Call) -> Json:
    """The first step: an address that takes exactly `length` bytes."""
    name, length = call.need("filename"), _length(call)
    world = call.world
    mimetype, filetype = kind_of(name)
    file = File(
        id=world.new_id("F"),
        name=name,
        title=name,
        mimetype=mimetype,
        filetype=call.text("snippet_type") or filetype,
        size=length,
        user=world.app.bot_user_id,
        created=world.clock.now(),
        alt_txt=call.text("alt_txt"),
    )
    upload = Upload(secrets.token_urlsafe(18), file, length)
    world.uploads[upload.id] = upload
    return {"upload_url": f"{world.url}/upload/v1/{upload.id}", "file_id": file.id}


def _length(call: Call) -> int:
    given = call.need("length")
    try:
        length = int(given)
    except ValueError:
        length = 0
    if length <= 0:
        raise invalid("invalid_arguments", ["[ERROR] must be a positive number [json-pointer:/length]"])
    return length


async def complete_upload(call: Call) -> Json:
    """The last step: one message with all the files in each channel; no channel keeps them private."""
    uploads = _uploads(call)
    places = _places(call)
    if call.text("thread_ts") and any(call.text("thread_ts") not in place.messages for place in places):
        raise ApiError("thread_not_found")
    comment = call.text("initial_comment")[:TEXT_KEPT]
    # Slack ignores the blocks where there is a comment.
    blocks = [] if comment else blocks_of(call) or []
    if places:
        call.accepted.append(uses_of_message(comment, blocks))
    world = call.world
    for upload in uploads:
        world.files[upload.file.id] = upload.file
        world.uploads.pop(upload.id)
    files = [upload.file.id for upload in uploads]
    for place in places:
        _share(call, place, comment, blocks, files)
    return {"files": [world.file_api(upload.file) for upload in uploads]}


def _share(call: Call, place: Channel, comment: str, blocks: list[Json], files: list[str]) -> None:
    world = call.world
    thread_ts = call.text("thread_ts") or None
    bot = world.app.bot_user_id
    message = world.post(place, bot, comment, blocks=blocks, thread_ts=thread_ts, files=files)
    call.events.message_posted(message)


def _uploads(call: Call) -> list[Upload]:
    """The uploads named, with their titles. Raises file_not_found for one that never arrived."""
    rows = call.data("files")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) and row.get("id") for row in rows):
        raise invalid("invalid_arguments", ["[ERROR] must provide an array of {id, title} [json-pointer:/files]"])
    found = [_upload(call, row) for row in rows]
    for upload, row in zip(found, rows, strict=True):
        upload.file.title = str(row.get("title") or upload.file.name)
    return found


def _upload(call: Call, row: Json) -> Upload:
    for upload in call.world.uploads.values():
        if upload.file.id == row["id"] and upload.done:
            return upload
    raise ApiError("file_not_found")


def _places(call: Call) -> list[Channel]:
    """Where the files go: `channel_id`, or ids of channels and people in `channels`. The app must be there already."""
    named = call.text("channel_id")
    names = [named] if named else [one for one in call.text("channels").replace(" ", "").split(",") if one]
    return [_place(call, name) for name in dict.fromkeys(names)]


def _place(call: Call, name: str) -> Channel:
    if name in call.world.users:
        return open_im(call.world, name)
    call.args["channel"] = name
    channel = writable(call)
    if not call.world.is_bot_member(channel):
        raise ApiError("not_in_channel")
    return channel


async def info(call: Call) -> Json:
    """A file that the app may see: its own, or one shared where it is."""
    file = call.world.files.get(call.need("file"))
    if file is None or not visible_to_app(call.world, file):
        raise ApiError("file_not_found")
    paging = {"count": 100, "total": 0, "page": 1, "pages": 0}
    return {
        "file": call.world.file_api(file),
        "comments": [],
        "paging": paging,
        "response_metadata": {"next_cursor": ""},
    }


def visible_to_app(world: Any, file: File) -> bool:
    if file.user == world.app.bot_user_id:
        return True
    places = [world.channels[one] for one in file.shares if one in world.channels]
    return any(world.is_bot_member(one) or one.kind == "channel" for one in places)


WRITE, READ = ("files:write",), ("files:read",)
METHODS = {
    "files.getUploadURLExternal": Method(get_upload_url, WRITE),
    "files.completeUploadExternal": Method(complete_upload, WRITE),
    "files.info": Method(info, READ),
}
