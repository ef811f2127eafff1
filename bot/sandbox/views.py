"""Open views: the stack of modals of each person, their Home, and what stands in the inputs."""

from __future__ import annotations

import secrets
import time
from typing import Any

from bot.sandbox.elements import all_options
from bot.sandbox.models import View
from bot.sandbox.watch import Effect
from bot.sandbox.world import World

Json = dict[str, Any]
DEPTH = 3
INITIAL: dict[str, tuple[str, str, Any]] = {
    "static_select": ("selected_option", "initial_option", None),
    "external_select": ("selected_option", "initial_option", None),
    "radio_buttons": ("selected_option", "initial_option", None),
    "multi_static_select": ("selected_options", "initial_options", []),
    "multi_external_select": ("selected_options", "initial_options", []),
    "checkboxes": ("selected_options", "initial_options", []),
    "users_select": ("selected_user", "initial_user", None),
    "multi_users_select": ("selected_users", "initial_users", []),
    "conversations_select": ("selected_conversation", "initial_conversation", None),
    "multi_conversations_select": ("selected_conversations", "initial_conversations", []),
    "channels_select": ("selected_channel", "initial_channel", None),
    "multi_channels_select": ("selected_channels", "initial_channels", []),
    "datepicker": ("selected_date", "initial_date", None),
    "timepicker": ("selected_time", "initial_time", None),
    "plain_text_input": ("value", "initial_value", None),
    "email_text_input": ("value", "initial_value", None),
    "url_text_input": ("value", "initial_value", None),
    "number_input": ("value", "initial_value", None),
}
"""Element type: the name of its value in `state`, the field it starts from, and its empty value."""


def elements_of(block: Json) -> list[Json]:
    """The interactive elements of a block, in order."""
    found = [block.get("element"), block.get("accessory"), *block.get("elements", [])]
    return [one for one in found if isinstance(one, dict) and "action_id" in one]


def initial_state(blocks: list[Json]) -> dict[str, dict[str, Json]]:
    state: dict[str, dict[str, Json]] = {}
    for block in blocks:
        if block["type"] not in ("input", "section", "actions"):
            continue
        for element in elements_of(block):
            if element["type"] in INITIAL:
                name, start, empty = INITIAL[element["type"]]
                value = element.get(start) or empty
                state.setdefault(block["block_id"], {})[element["action_id"]] = {"type": element["type"], name: value}
    return state


def _still_valid(value: Json, element: Json) -> bool:
    """Whether what was chosen is still offered."""
    chosen = value.get("selected_option")
    there = {one["value"] for one in all_options(element)}
    if element["type"] in ("external_select", "multi_external_select"):
        return True
    if chosen is not None:
        return chosen["value"] in there
    return all(one["value"] in there for one in value.get("selected_options") or [])


def carried_state(blocks: list[Json], old: dict[str, dict[str, Json]]) -> dict[str, dict[str, Json]]:
    """The state after an update: input survives where block_id and action_id are both unchanged."""
    state = initial_state(blocks)
    elements = {(b["block_id"], e["action_id"]): e for b in blocks for e in elements_of(b)}
    for block_id, actions in state.items():
        for action_id, value in actions.items():
            before = old.get(block_id, {}).get(action_id)
            element = elements[block_id, action_id]
            if before is not None and before["type"] == value["type"] and _still_valid(before, element):
                actions[action_id] = before
    return state


def _hash() -> str:
    return f"{int(time.time())}.{secrets.token_hex(4)}"


def _make(world: World, user: str, body: Json) -> View:
    body = {**body, "blocks": world.with_block_ids(body["blocks"])}
    view_id = world.new_id("V")
    external_id = body.get("external_id") or ""
    state = initial_state(body["blocks"])
    return View(view_id, body["type"], user, body, _hash(), state, view_id, None, external_id)


def open_modal(world: World, user: str, body: Json) -> View:
    """A new stack for this person."""
    view = _make(world, user, body)
    world.stacks[user] = [view]
    world.watches.emit(Effect("view", user, item=view))
    return view


def push_modal(world: World, user: str, body: Json) -> View:
    stack = world.stack(user)
    view = _make(world, user, body)
    view.root_view_id, view.previous_view_id = stack[0].id, stack[-1].id
    stack.append(view)
    world.watches.emit(Effect("view", user, item=view))
    return view


def replace(world: World, view: View, body: Json) -> None:
    """Put a new body into an open view."""
    view.body = {**body, "blocks": world.with_block_ids(body["blocks"])}
    view.state = carried_state(view.body["blocks"], view.state)
    view.external_id = body.get("external_id") or ""
    view.hash = _hash()
    view.errors = {}
    world.watches.emit(Effect("home" if view.type == "home" else "view", view.user, item=view))


def publish_home(world: World, user: str, body: Json) -> View:
    current = world.homes.get(user)
    if current is None:
        current = world.homes[user] = _make(world, user, body)
        world.watches.emit(Effect("home", user, item=current))
    else:
        replace(world, current, body)
    return current


def close_top(world: World, user: str) -> View | None:
    stack = world.stack(user)
    view = stack.pop() if stack else None
    world.watches.touch()
    return view


def clear(world: World, user: str) -> list[View]:
    """Close the whole stack; the views that were open, the root first."""
    stack = world.stack(user)
    world.stacks[user] = []
    world.watches.touch()
    return stack
