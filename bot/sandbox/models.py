"""The things a workspace holds, and the shapes in which Slack shows them."""

from __future__ import annotations

import copy
import mimetypes
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
BLOCKS_ONLY_TEXT = "This content can't be displayed."


@dataclass
class User:
    id: str
    name: str
    real_name: str = ""
    email: str = ""
    tz: str = "America/New_York"
    title: str = ""
    team_id: str = ""
    is_bot: bool = False
    deleted: bool = False
    is_admin: bool = False
    is_owner: bool = False
    is_primary_owner: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False

    @property
    def label(self) -> str:
        return self.real_name or self.name

    @property
    def is_guest(self) -> bool:
        return self.is_restricted or self.is_ultra_restricted


@dataclass
class Message:
    ts: str
    channel: str
    user: str
    text: str
    at: datetime
    """Business time of posting."""
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    bot_id: str | None = None
    metadata: Json | None = None
    subtype: str | None = None
    ephemeral_to: str | None = None
    mentions: list[str] = field(default_factory=list)
    edits: list[Json] = field(default_factory=list)
    """What stood there before each edit, oldest first."""
    edited_at: datetime | None = None
    deleted: bool = False
    client_msg_id: str | None = None
    state: dict[str, dict[str, Json]] = field(default_factory=dict)
    """What was chosen in the selects of this message."""
    failed: dict[str, str] = field(default_factory=dict)
    """Per person: the warning their client shows at this message."""
    files: list[str] = field(default_factory=list)
    """Ids of the files shared with this message."""

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    def to_api(self, team_id: str, app_id: str, *, with_metadata: bool) -> Json:
        shown: Json = {"type": "message", "user": self.user, "text": self.text, "ts": self.ts, "team": team_id}
        optional: Json = {
            "subtype": self.subtype,
            "thread_ts": self.thread_ts,
            "blocks": self.blocks or None,
            "bot_id": self.bot_id,
            "app_id": app_id if self.bot_id else None,
            "client_msg_id": self.client_msg_id,
        }
        shown |= {name: value for name, value in optional.items() if value is not None}
        if self.edited_at is not None:
            shown["edited"] = {"user": self.user, "ts": f"{int(self.edited_at.timestamp())}.000000"}
        if self.metadata:
            shown["metadata"] = self.metadata if with_metadata else {"event_type": self.metadata["event_type"]}
        return shown


TEXT_TYPES = {"txt": "text", "md": "markdown", "jpeg": "jpg", "htm": "html"}
"""Slack's own names of some extensions."""


def kind_of(name: str) -> tuple[str, str]:
    """MIME type and Slack's file type of a file name."""
    mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    return mime, TEXT_TYPES.get(extension, extension or "binary")


@dataclass
class File:
    id: str
    name: str
    title: str
    mimetype: str
    filetype: str
    size: int
    user: str
    created: datetime
    """Business time, aware."""
    data: bytes = b""
    alt_txt: str = ""
    shares: dict[str, list[str]] = field(default_factory=dict)
    """Where it was shared: the ts of the messages, by channel id."""

    def to_api(self, base_url: str, team_id: str, channels: dict[str, Channel]) -> Json:
        """As files.info shows it; `channels` says which of the places are private."""
        there = {one: stamps for one, stamps in self.shares.items() if one in channels}
        public = {one for one in there if channels[one].kind == "channel"}
        address = f"{base_url}/files-pri/{team_id}-{self.id}"
        shown: Json = {
            "id": self.id,
            "created": int(self.created.timestamp()),
            "timestamp": int(self.created.timestamp()),
            "name": self.name,
            "title": self.title,
            "mimetype": self.mimetype,
            "filetype": self.filetype,
            "pretty_type": self.filetype.upper(),
            "user": self.user,
            "user_team": team_id,
            "size": self.size,
            "mode": "hosted",
            "is_external": False,
            "is_public": bool(public),
            "public_url_shared": False,
            "url_private": f"{address}/{self.name}",
            "url_private_download": f"{address}/download/{self.name}",
            "permalink": f"{base_url}/files/{self.id}/{self.name}",
            "channels": [one for one in there if channels[one].kind == "channel"],
            "groups": [one for one in there if channels[one].kind == "group"],
            "ims": [one for one in there if channels[one].kind == "im"],
            "shares": {
                kind: {one: [{"ts": ts} for ts in stamps] for one, stamps in there.items() if (one in public) is open_}
                for kind, open_ in (("public", True), ("private", False))
                if any((one in public) is open_ for one in there)
            },
            "file_access": "visible",
        }
        return shown | ({"alt_txt": self.alt_txt} if self.alt_txt else {})


@dataclass
class Channel:
    id: str
    name: str = ""
    is_private: bool = False
    members: list[str] = field(default_factory=list)
    is_archived: bool = False
    is_ext_shared: bool = False
    is_pending_ext_shared: bool = False
    is_shared: bool = False
    is_org_shared: bool = False
    connected_team_ids: list[str] = field(default_factory=list)
    """The other companies it is shared with: their workspace, or on Grid their organisation."""
    pending_connected_team_ids: list[str] = field(default_factory=list)
    org_team_ids: list[str] = field(default_factory=list)
    """The other workspaces of our own Grid organisation that have it too."""
    host_team_id: str = ""
    """The company whose channel it is; empty is our own."""
    invites: dict[str, Json] = field(default_factory=dict)
    """Invitations to other companies under way, by the id of who is invited ("" where Slack knows only an address)."""
    topic: str = ""
    creator: str = ""
    created: int = 1_700_000_000
    im_user: str | None = None
    """The person of a direct message with the bot."""
    messages: dict[str, Message] = field(default_factory=dict)
    read: dict[str, str] = field(default_factory=dict)
    """Per person: the last ts they have seen."""

    @property
    def is_im(self) -> bool:
        return self.im_user is not None

    @property
    def kind(self) -> str:
        """The word events use: channel, group or im."""
        return "im" if self.is_im else "group" if self.is_private else "channel"

    @property
    def scope_family(self) -> str:
        """The word scopes use: channels, groups or im."""
        return {"im": "im", "group": "groups", "channel": "channels"}[self.kind]

    def shown_to(self, user: str) -> list[Message]:
        """What this person sees here, oldest first, other people's ephemeral messages left out."""
        return [m for m in self.messages.values() if not m.deleted and m.ephemeral_to in (None, user)]


@dataclass
class View:
    id: str
    type: str
    user: str
    body: Json
    """What the app sent, with block ids filled in."""
    hash: str
    state: dict[str, dict[str, Json]]
    root_view_id: str
    previous_view_id: str | None = None
    external_id: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    """Shown at the inputs, by block id; "" is the banner at the top."""

    def to_api(self, team_id: str, app_id: str, bot_id: str) -> Json:
        body = self.body
        return {
            "id": self.id,
            "team_id": team_id,
            "type": self.type,
            "blocks": body.get("blocks", []),
            "private_metadata": body.get("private_metadata", ""),
            "callback_id": body.get("callback_id", ""),
            "state": {"values": copy.deepcopy(self.state)},
            "hash": self.hash,
            "title": body.get("title") or {"type": "plain_text", "text": "View Title", "emoji": True},
            "clear_on_close": bool(body.get("clear_on_close")),
            "notify_on_close": bool(body.get("notify_on_close")),
            "close": body.get("close"),
            "submit": body.get("submit"),
            "previous_view_id": self.previous_view_id,
            "root_view_id": self.root_view_id,
            "app_id": app_id,
            "external_id": self.external_id,
            "app_installed_team_id": team_id,
            "bot_id": bot_id,
        }


@dataclass
class Trigger:
    id: str
    user: str
    born: float
    """time.monotonic()."""
    used: bool = False
    inside: str | None = None
    """The open modal in which it arose."""


@dataclass
class Upload:
    """The first step of an upload: a place for `length` bytes."""

    id: str
    file: File
    length: int
    done: bool = False
    """Whether the bytes are there."""


@dataclass
class ResponseUrl:
    id: str
    user: str
    channel: str
    born: float
    message_ts: str | None = None
    uses: int = 0


def utc_iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
