from __future__ import annotations

import time
from typing import Any

from bot.sandbox import outsiders
from bot.sandbox import views as opened
from bot.sandbox.api.base import ApiError, Call, Json, Method, invalid
from bot.sandbox.blocks import check_view, is_too_large, uses_of_view
from bot.sandbox.models import Trigger, View


def view_of(call: Call, *, kind: str = "modal") -> Json:
    """The view given, checked."""
    view = checked(call.data("view"), kind)
    call.accepted.append(uses_of_view(view))
    return view


def checked(view: Any, kind: str) -> Json:
    if not isinstance(view, dict):
        raise invalid("invalid_arguments", ["[ERROR] must provide an object [json-pointer:/view]"])
    if is_too_large(view):
        raise ApiError("view_too_large")
    problems = check_view(view)
    if not problems and view["type"] != kind:
        problems = [f"[ERROR] must be a valid enum value ({kind}) [json-pointer:/view/type]"]
    if problems:
        raise invalid("invalid_arguments", problems)
    return view


def trigger_of(call: Call) -> Trigger:
    """Take the trigger: it works once, for three seconds."""
    trigger = call.world.triggers.get(call.text("trigger_id") or call.need("interactivity_pointer"))
    if trigger is None:
        raise ApiError("invalid_trigger_id")
    if trigger.used:
        raise ApiError("exchanged_trigger_id")
    if time.monotonic() - trigger.born > call.world.options.trigger_seconds:
        raise ApiError("expired_trigger_id")
    if not call.world.switches.outsiders_forms and outsiders.is_outsider(call.world, call.world.users[trigger.user]):
        raise ApiError("not_allowed")
    return trigger


def free_external_id(call: Call, view: Json, own: View | None = None) -> None:
    external_id = view.get("external_id")
    holder = call.world.by_external_id(external_id) if external_id else None
    if holder is not None and holder is not own:
        raise ApiError("duplicate_external_id")


def answer(call: Call, view: View) -> Json:
    return {"view": call.world.view_api(view)}


async def open_(call: Call) -> Json:
    trigger = trigger_of(call)
    view = view_of(call)
    free_external_id(call, view)
    trigger.used = True
    return answer(call, opened.open_modal(call.world, trigger.user, view))


async def push(call: Call) -> Json:
    trigger = trigger_of(call)
    view = view_of(call)
    free_external_id(call, view)
    stack = call.world.stack(trigger.user)
    if trigger.inside is None or not stack:
        raise ApiError("not_found")
    if len(stack) >= opened.DEPTH:
        raise ApiError("push_limit_reached")
    trigger.used = True
    return answer(call, opened.push_modal(call.world, trigger.user, view))


async def update(call: Call) -> Json:
    view_id, external_id = call.text("view_id"), call.text("external_id")
    if not view_id and not external_id:
        raise invalid("invalid_arguments", ["[ERROR] missing required field: view_id or external_id"])
    current = call.world.find_view(view_id) if view_id else call.world.by_external_id(external_id)
    if current is None:
        raise ApiError("not_found")
    view = view_of(call, kind=current.type)
    if call.text("hash") and call.text("hash") != current.hash:
        raise ApiError("hash_conflict")
    free_external_id(call, view, current)
    opened.replace(call.world, current, view)
    return answer(call, current)


async def publish(call: Call) -> Json:
    world = call.world
    user = world.users.get(call.need("user_id"))
    if user is None or user.is_bot or user.deleted:
        raise invalid("invalid_arguments", ["[ERROR] invalid user_id [json-pointer:/user_id]"])
    if not world.manifest.home_enabled:
        raise ApiError("not_enabled")
    view = view_of(call, kind="home")
    current = world.homes.get(user.id)
    if call.text("hash") and (current is None or call.text("hash") != current.hash):
        raise ApiError("hash_conflict")
    free_external_id(call, view, current)
    return answer(call, opened.publish_home(world, user.id, view))


METHODS = {
    "views.open": Method(open_),
    "views.push": Method(push),
    "views.update": Method(update),
    "views.publish": Method(publish),
}
