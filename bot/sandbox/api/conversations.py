from __future__ import annotations

import re

from bot.sandbox import outsiders
from bot.sandbox.api.base import ApiError, Call, Json, Method, page
from bot.sandbox.api.users import cursor
from bot.sandbox.models import Channel, Message, User
from bot.sandbox.world import SLACKBOT, World

KINDS = {"public_channel": "channels", "private_channel": "groups", "im": "im", "mpim": "mpim"}
LONGEST_NAME = 80
MOST_INVITED = 1000
_PUNCTUATION = re.compile(r"[-_]+")
_NAME = re.compile(r"[\w-]+")
"""Letters of any script, digits, hyphens and underscores; capitals are looked for apart."""


def open_im(world: World, user_id: str) -> Channel:
    """The bot's DM with a person. Raises ApiError for those it cannot write to.

    That bots, deactivated people and strangers are refused is documented; under which name for a stranger is not.
    """
    user = world.users.get(user_id)
    if user is None:
        raise ApiError("user_not_found")
    if user.is_bot or user_id in (SLACKBOT, world.app.bot_user_id):
        raise ApiError("cannot_dm_bot")
    if user.deleted:
        raise ApiError("user_disabled")
    if outsiders.is_stranger(world, user):
        raise ApiError("user_not_visible")
    return world.im(user_id)


async def open_(call: Call) -> Json:
    call.require_scope("im:write", "mpim:write")
    if call.text("channel"):
        channel = call.channel()
        return {"channel": {"id": channel.id}}
    people = [one for one in call.text("users").replace(" ", "").split(",") if one]
    if not people:
        raise ApiError("users_list_not_supplied")
    if len(people) > 1:
        call.require_scope("mpim:write")
        raise ApiError("method_not_supported_for_channel_type")
    before = call.world.find_im(people[0])
    channel = open_im(call.world, people[0])
    if call.flag("return_im"):
        return {"channel": described(call, channel, full=True), "already_open": before is not None}
    again: Json = {"no_op": True, "already_open": True} if before else {}
    return {"channel": {"id": channel.id}, **again}


def described(call: Call, channel: Channel, *, full: bool) -> Json:
    world = call.world
    shown = world.channel_api(channel, full=full)
    if full and not call.flag("include_num_members"):
        shown.pop("num_members", None)
    return shown


async def info(call: Call) -> Json:
    channel = call.channel()
    call.require_scope(f"{channel.scope_family}:read")
    return {"channel": described(call, channel, full=True)}


async def everything(call: Call) -> Json:
    """conversations.list: of private channels and DMs only those the bot is in."""
    kinds = [one.strip() for one in (call.text("types") or "public_channel").split(",")]
    if any(kind not in KINDS for kind in kinds):
        raise ApiError("invalid_types")
    for kind in kinds:
        call.require_scope(f"{KINDS[kind]}:read")
    families = {KINDS[kind] for kind in kinds}
    rows = [
        described(call, channel, full=False)
        for channel in call.world.channels.values()
        if channel.scope_family in families
        and (channel.kind == "channel" or call.world.is_bot_member(channel))
        and not (call.flag("exclude_archived") and channel.is_archived)
    ]
    found, following = page(call, rows, 100, 1000)
    return {"channels": found, **cursor(following)}


async def members(call: Call) -> Json:
    """conversations.members: the ids of all who are in, people of other companies and the app included."""
    channel = call.channel()
    call.require_scope(f"{channel.scope_family}:read")
    rows, following = page(call, [{"id": one} for one in channel.members], 100, 1000)
    return {"members": [row["id"] for row in rows], **cursor(following)}


def in_window(call: Call, messages: list[Message]) -> list[Message]:
    """Messages between `oldest` and `latest`; the ends themselves only if `inclusive`."""
    low, high = call.text("oldest", "0"), call.text("latest")
    try:
        oldest, latest = float(low or 0), float(high) if high else None
    except ValueError as bad:
        raise ApiError("invalid_ts_oldest" if not high else "invalid_ts_latest") from bad
    exact = {low, high} if call.flag("inclusive") else set()

    def inside(ts: str) -> bool:
        return ts in exact or (ts not in (low, high) and float(ts) > oldest and (latest is None or float(ts) < latest))

    return [message for message in messages if inside(message.ts)]


def readable(call: Call) -> Channel:
    channel = call.channel(member=True)
    call.require_scope(f"{channel.scope_family}:history")
    return channel


def with_replies(call: Call, channel: Channel, message: Message) -> Json:
    shown = call.world.message_api(message, with_metadata=call.flag("include_all_metadata"))
    replies = [one for one in channel.messages.values() if one.is_reply and one.thread_ts == message.ts]
    replies = [one for one in replies if not one.deleted and one.ephemeral_to is None]
    if replies and not message.is_reply:
        shown |= {
            "reply_count": len(replies),
            "reply_users": list(dict.fromkeys(one.user for one in replies)),
            "latest_reply": replies[-1].ts,
        }
    return shown


async def history(call: Call) -> Json:
    """Newest first, replies in threads left out."""
    channel = readable(call)
    rows = [one for one in channel.messages.values() if not (one.deleted or one.ephemeral_to or one.is_reply)]
    rows = sorted(in_window(call, rows), key=lambda one: float(one.ts), reverse=True)
    found, following = page(call, [with_replies(call, channel, one) for one in rows], 100, 999)
    more: Json = cursor(following) if following else {}
    return {"messages": found, "has_more": bool(following), "pin_count": 0, **more}


async def replies(call: Call) -> Json:
    """The parent first, then the replies, oldest first."""
    channel = readable(call)
    parent = channel.messages.get(call.need("ts"))
    if parent is None or parent.deleted or parent.ephemeral_to:
        raise ApiError("thread_not_found")
    root = parent.thread_ts or parent.ts
    thread = [one for one in channel.messages.values() if one.is_reply and one.thread_ts == root and not one.deleted]
    thread = [one for one in thread if one.ephemeral_to is None]
    rows = [channel.messages[root], *in_window(call, thread)]
    found, following = page(call, [with_replies(call, channel, one) for one in rows], 1000, 1000)
    more: Json = cursor(following) if following else {}
    return {"messages": found, "has_more": bool(following), **more}


def named(call: Call) -> str:
    """The name of a new channel, by Slack's rules. Raises ApiError for one it would refuse."""
    name = call.text("name").strip()
    if not name:
        raise ApiError("invalid_name_required")
    if len(name) > LONGEST_NAME:
        raise ApiError("invalid_name_maxlength")
    if _PUNCTUATION.fullmatch(name):
        raise ApiError("invalid_name_punctuation")
    if not _NAME.fullmatch(name) or name != name.lower():
        raise ApiError("invalid_name_specials")
    if any(one.name == name and not one.is_im for one in call.world.channels.values()):
        raise ApiError("name_taken")
    return name


async def create(call: Call) -> Json:
    """A new channel, whose first member is the app."""
    private = call.flag("is_private")
    call.require_scope("groups:write" if private else "channels:manage")
    world = call.world
    channel = Channel(
        world.new_id("C"), named(call), is_private=private, creator=world.app.bot_user_id,
        created=int(world.clock.now().timestamp()),
    )  # fmt: skip
    world.channels[channel.id] = channel
    joined(call, channel, world.users[world.app.bot_user_id])
    world.watches.touch()
    return {"channel": described(call, channel, full=False)}


def joined(call: Call, channel: Channel, user: User, *, inviter: str = "") -> None:
    """Somebody is in the channel from now on, and the app hears of it."""
    channel.members = [*channel.members, user.id]
    event: Json = {
        "type": "member_joined_channel",
        "user": user.id,
        "channel": channel.id,
        "channel_type": "G" if channel.is_private else "C",
        "team": user.team_id,
    }
    call.events.emit(event | ({"inviter": inviter} if inviter else {}))


async def invite(call: Call) -> Json:
    """Bring people into a channel that the app is in: all of them or, without `force`, nobody."""
    channel = call.channel()
    if channel.is_im:
        raise ApiError("method_not_supported_for_channel_type")
    call.require_scope("groups:write" if channel.is_private else "channels:manage")
    if channel.is_archived:
        raise ApiError("is_archived")
    if not call.world.is_bot_member(channel):
        raise ApiError("not_in_channel")
    wanted = list(dict.fromkeys(one for one in call.text("users").replace(" ", "").split(",") if one))
    if not wanted:
        raise ApiError("no_user")
    if len(wanted) > MOST_INVITED:
        raise ApiError("too_many_users")
    refused = [(one, why) for one in wanted if (why := why_not_invited(call, channel, one))]
    if refused and (len(refused) == len(wanted) or not call.flag("force")):
        errors = [{"user": one, "ok": False, "error": why} for one, why in refused]
        raise ApiError(refused[0][1], errors=errors)
    out = {one for one, _ in refused}
    for one in wanted:
        if one not in out:
            joined(call, channel, call.world.users[one], inviter=call.world.app.bot_user_id)
    call.world.reached.look()
    call.world.watches.touch()
    return {"channel": described(call, channel, full=False)}


def why_not_invited(call: Call, channel: Channel, user_id: str) -> str:
    """Slack's word for why this user cannot be brought in; empty when they can."""
    user = call.world.users.get(user_id)
    if user is None or outsiders.is_stranger(call.world, user) or user_id == SLACKBOT:
        return "user_not_found"
    if user_id == call.world.app.bot_user_id:
        return "cant_invite_self"
    if user_id in channel.members:
        return "already_in_channel"
    if user.is_ultra_restricted and any(
        user_id in one.members for one in call.world.channels.values() if not one.is_im
    ):
        return "ura_max_channels"
    return "cant_invite" if user.deleted or user.team_id != call.world.team.id else ""


METHODS = {
    "conversations.create": Method(create),
    "conversations.invite": Method(invite),
    "conversations.open": Method(open_),
    "conversations.info": Method(info),
    "conversations.list": Method(everything),
    "conversations.members": Method(members),
    "conversations.history": Method(history),
    "conversations.replies": Method(replies),
}
