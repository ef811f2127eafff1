"""The shapes of commands and interactions, as Slack sends them."""

from __future__ import annotations

import time
from typing import Any

from bot.sandbox import outsiders
from bot.sandbox.models import Channel, Message, User, View
from bot.sandbox.world import World

Json = dict[str, Any]


def command(world: World, user: User, channel: Channel, name: str, text: str) -> Json:
    return {
        "token": "local",
        "team_id": world.team.id,
        "team_domain": world.team.domain,
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.is_im else channel.name,
        "user_id": user.id,
        "user_name": user.name,
        "command": name,
        "text": text,
        "api_app_id": world.app.app_id,
        "is_enterprise_install": "false",
        **_grid_fields(world),
        "response_url": world.new_response_url(user.id, channel.id),
        "trigger_id": world.new_trigger(user.id).id,
    }


def _grid_fields(world: World) -> Json:
    grid = world.team.enterprise_id
    return {"enterprise_id": grid, "enterprise_name": world.team.name} if grid else {}


def _grid(world: World) -> Json | None:
    grid = world.team.enterprise_id
    return {"id": grid, "name": world.team.name} if grid else None


def _of_view(world: World, user: User, view: View) -> Json:
    """The view, and whose the payload calls itself: the installing company's, or (`outsiders_views`) the person's own.

    `app_installed_team_id` names the installing one in any case.
    """
    shown = world.view_api(view)
    if not (world.switches.outsiders_views and outsiders.is_outsider(world, user)):
        return {"view": shown}
    own = world.company(user.team_id)
    return {"view": shown | {"team_id": own.id}, "team": {"id": own.id, "domain": own.domain}}


def _common(world: World, user: User, kind: str) -> Json:
    return {
        "type": kind,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
        "api_app_id": world.app.app_id,
        "token": "local",
        "team": {"id": world.team.id, "domain": world.team.domain},
        "enterprise": _grid(world),
        "is_enterprise_install": False,
    }


def action(element: Json, block_id: str, chosen: Json) -> Json:
    """One entry of `actions`: what was pressed or chosen."""
    shown: Json = {"type": element["type"], "action_id": element["action_id"], "block_id": block_id}
    if element["type"] == "button":
        shown["text"] = element["text"]
        if element.get("value") is not None:
            shown["value"] = element["value"]
    for name in ("placeholder", "style"):
        if element.get(name):
            shown[name] = element[name]
    return shown | chosen | {"action_ts": f"{time.time():.6f}"}


def message_action(world: World, user: User, message: Message, done: Json, state: Json) -> Json:
    channel = world.channels[message.channel]
    hidden = message.ephemeral_to is not None
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": hidden,
    }
    if message.is_reply:
        container["thread_ts"] = message.thread_ts
    payload = _common(world, user, "block_actions") | {
        "container": container,
        "trigger_id": world.new_trigger(user.id).id,
        "channel": {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name},
        "state": {"values": state},
        "response_url": world.new_response_url(user.id, channel.id, message.ts),
        "actions": [done],
    }
    if not hidden:
        payload["message"] = world.message_api(message, with_metadata=True)
    return payload


def shortcut(world: World, user: User, message: Message, callback_id: str) -> Json:
    """A shortcut chosen in the menu of a message."""
    channel = world.channels[message.channel]
    return _common(world, user, "message_action") | {
        "callback_id": callback_id,
        "trigger_id": world.new_trigger(user.id).id,
        "channel": {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name},
        "message": world.message_api(message, with_metadata=True),
        "message_ts": message.ts,
        "response_url": world.new_response_url(user.id, channel.id, message.ts),
        "action_ts": f"{time.time():.6f}",
    }


def view_action(world: World, user: User, view: View, done: Json) -> Json:
    inside = view.id if view.type == "modal" else None
    return _common(world, user, "block_actions") | {
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": world.new_trigger(user.id, inside).id,
        **_of_view(world, user, view),
        "hash": view.hash,
        "actions": [done],
    }


def suggestion(world: World, user: User, view: View, block_id: str, *, action_id: str, typed: str) -> Json:
    return _common(world, user, "block_suggestion") | {
        "container": {"type": "view", "view_id": view.id},
        **_of_view(world, user, view),
        "action_id": action_id,
        "block_id": block_id,
        "value": typed,
    }


def submission(world: World, user: User, view: View) -> Json:
    return _common(world, user, "view_submission") | {
        "trigger_id": world.new_trigger(user.id, view.id).id,
        **_of_view(world, user, view),
        "response_urls": [],
    }


def closed(world: World, user: User, view: View, *, cleared: bool) -> Json:
    return _common(world, user, "view_closed") | _of_view(world, user, view) | {"is_cleared": cleared}
