"""Finding what a person means on their screen; what is not there is refused with what is there instead."""

from __future__ import annotations

from typing import Any

from bot.sandbox.models import Channel, Message, User, View
from bot.sandbox.refused import Refused
from bot.sandbox.views import elements_of
from bot.sandbox.world import SLACKBOT, World

Json = dict[str, Any]


def person(world: World, user_id: str) -> User:
    """Somebody who can act. Raises Refused for bots, deactivated and unknown people."""
    user = world.users.get(user_id)
    if user is None:
        raise Refused(f"nobody has the id {user_id!r}")
    if user.is_bot or user.id == SLACKBOT:
        raise Refused(f"{user.label} is a bot and cannot act")
    if user.deleted:
        raise Refused(f"{user.label} is deactivated and cannot act")
    return user


def place(world: World, user: User, name: str) -> Channel:
    """A conversation this person can open: an id, a #name, or "bot" for the direct message with the app."""
    if name == "bot":
        return world.im(user.id)
    plain = name.removeprefix("#")
    found = world.channels.get(name) or next(
        (one for one in world.channels.values() if one.name == plain and not one.is_im), None
    )
    if found is None or not world.sees(user, found):
        seen = ", ".join(f"#{one.name}" for one in world.channels.values() if not one.is_im and world.sees(user, one))
        raise Refused(f"{user.label} sees no channel {name!r}; there are: bot, {seen}")
    return found


def message(channel: Channel, user: User, ts: str) -> Message:
    found = channel.messages.get(ts)
    if found is None or found.deleted or found.ephemeral_to not in (None, user.id):
        raise Refused(f"{user.label} sees no message {ts} in {channel.name or 'the direct message'}")
    return found


def view(world: World, user: User, view_id: str) -> View:
    """The view named, "home", or by default the topmost modal."""
    home = world.home_of(user)
    if view_id == "home":
        if home is None:
            raise Refused(f"no Home was published for {user.label} yet")
        return home
    stack = world.stack(user.id)
    for one in (*reversed(stack), *([home] if home else [])):
        if view_id in ("", one.id) and (view_id or one.type == "modal"):
            return one
    raise Refused(f"{user.label} has no open view {view_id}".strip())


def label_of(element: Json) -> str:
    return str((element.get("text") or element.get("placeholder") or {}).get("text", ""))


def element(blocks: list[Json], spec: Json) -> tuple[Json, Json]:
    """Block and element meant by action_id and/or label, told apart by block_id or value. Raises Refused."""
    everything = [(block, one) for block in blocks for one in elements_of(block)]
    found = [(block, one) for block, one in everything if _meant(block, one, spec)]
    if len(found) > 1 and spec.get("value") is not None:
        found = [(block, one) for block, one in found if one.get("value") == spec["value"]] or found
    if not found:
        raise Refused(f"no such element; there are: {described(everything)}")
    if len(found) > 1:
        raise Refused(f"several elements fit, give block_id or value: {described(found)}")
    return found[0]


def _meant(block: Json, one: Json, spec: Json) -> bool:
    if spec.get("action_id") and one["action_id"] != spec["action_id"]:
        return False
    if spec.get("label") and label_of(one) != spec["label"]:
        return False
    if spec.get("block_id") and block["block_id"] != spec["block_id"]:
        return False
    differs = one["type"] == "button" and spec.get("value") is not None and one.get("value") != spec["value"]
    return bool(spec.get("action_id") or spec.get("label")) and not differs


def described(found: list[tuple[Json, Json]]) -> str:
    if not found:
        return "none at all"
    return "; ".join(
        f"{one['type']} {one['action_id']} in {block['block_id']} {label_of(one)!r} value={one.get('value')!r}"
        for block, one in found
    )


def input_block(blocks: list[Json], name: str) -> tuple[Json, Json]:
    """The block and element of an input, by block_id, label, or action_id."""
    for block in blocks:
        elements = elements_of(block)
        names = {block["block_id"], *(one["action_id"] for one in elements)}
        if block["type"] == "input":
            names.add(block["label"]["text"])
        if name in names and elements:
            fitting = [one for one in elements if one["action_id"] == name] or elements
            return block, fitting[0]
    there = [
        f"{block['block_id']} ({block['label']['text']})" if block["type"] == "input" else block["block_id"]
        for block in blocks
        if elements_of(block)
    ]
    raise Refused(f"no input {name!r}; there are: {', '.join(there) or 'none'}")
