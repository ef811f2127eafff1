"""What a person puts into an input, and what the person's client checks before it sends."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from bot.sandbox.elements import TYPED_INPUTS, all_options
from bot.sandbox.models import View
from bot.sandbox.refused import Refused
from bot.sandbox.views import INITIAL
from bot.sandbox.world import World

Json = dict[str, Any]
REQUIRED = "Please complete this required field."
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
LONGEST = 3000
GIVEN = ("value", "selected", *dict.fromkeys(name for name, _, _ in INITIAL.values() if name != "value"))
"""The names under which a driver may give what was chosen."""


def given(spec: Json) -> Any:
    """What was chosen, whichever name it came under."""
    found = [spec[name] for name in GIVEN if spec.get(name) is not None]
    return found[0] if found else None


def _option(element: Json, wanted: Any) -> Json:
    options = all_options(element)
    if isinstance(wanted, dict):
        wanted = wanted.get("value")
    for one in options:
        if wanted in (one["value"], one["text"]["text"]):
            return one
    there = ", ".join(f"{one['value']} ({one['text']['text']})" for one in options)
    raise Refused(f"no option {wanted!r} in {element['action_id']}; there are: {there}")


def _user(world: World, wanted: str) -> str:
    if wanted in world.users:
        return wanted
    named = [one.id for one in world.users.values() if wanted in (one.name, one.real_name)]
    if len(named) != 1:
        raise Refused(f"no person {wanted!r} to choose")
    return named[0]


def _place(world: World, wanted: str) -> str:
    plain = wanted.removeprefix("#")
    if wanted in world.channels:
        return wanted
    named = [one.id for one in world.channels.values() if one.name == plain and not one.is_im]
    if len(named) != 1:
        raise Refused(f"no channel {wanted!r} to choose")
    return named[0]


def _single(world: World, element: Json, wanted: Any) -> Any:
    kind = element["type"].removeprefix("multi_")
    if kind in ("static_select", "radio_buttons", "checkboxes", "overflow"):
        return _option(element, wanted)
    if kind == "external_select":
        return wanted if isinstance(wanted, dict) else {"text": {"type": "plain_text", "text": wanted}, "value": wanted}
    if kind == "users_select":
        return _user(world, str(wanted))
    if kind in ("conversations_select", "channels_select"):
        return _place(world, str(wanted))
    return str(wanted)


def chosen(world: World, element: Json, wanted: Any) -> Json:
    """The part of `state` or of an action that says what was chosen. Raises Refused for what is not offered."""
    kind = element["type"]
    if kind == "button":
        return {}
    if kind == "overflow":
        return {"selected_option": _option(element, wanted)}
    if kind not in INITIAL:
        raise Refused(f"{kind} takes no input")
    name, _, empty = INITIAL[kind]
    if isinstance(empty, list):
        several = wanted if isinstance(wanted, list) else [] if wanted in (None, "") else [wanted]
        return {name: [_single(world, element, one) for one in several]}
    return {name: None if wanted in (None, "") else _single(world, element, wanted)}


def client_errors(view: View) -> dict[str, str]:
    """What the client complains of before anything is sent, by block id."""
    found: dict[str, str] = {}
    for block in view.body["blocks"]:
        if block["type"] == "input":
            element = block["element"]
            value = view.state.get(block["block_id"], {}).get(element["action_id"], {})
            complaint = _complaint(
                element, value.get(INITIAL[element["type"]][0]), optional=bool(block.get("optional"))
            )
            if complaint:
                found[block["block_id"]] = complaint
    return found


def _complaint(element: Json, value: Any, *, optional: bool) -> str | None:
    if value in (None, "", []):
        return None if optional else REQUIRED
    kind = element["type"]
    if kind in TYPED_INPUTS:
        return _typed_complaint(element, str(value))
    if kind == "datepicker":
        try:
            date.fromisoformat(value)
        except ValueError:
            return "Please enter a valid date."
    if kind == "timepicker" and not TIME.fullmatch(value):
        return "Please enter a valid time."
    most = element.get("max_selected_items")
    if most and isinstance(value, list) and len(value) > most:
        return f"Please select no more than {most} items."
    return None


def _typed_complaint(element: Json, value: str) -> str | None:
    kind = element["type"]
    if kind == "email_text_input" and not EMAIL.fullmatch(value):
        return "Please enter a valid email address."
    if kind == "url_text_input" and not re.fullmatch(r"https?://\S+", value):
        return "Please enter a valid URL."
    if kind == "number_input":
        return _number_complaint(element, value)
    most, least = element.get("max_length", LONGEST), element.get("min_length", 0)
    if len(value) > most:
        return f"Please use no more than {most} characters."
    if len(value) < least:
        return f"Please use at least {least} characters."
    return None


def _number_complaint(element: Json, value: str) -> str | None:
    pattern = r"-?\d+(\.\d+)?" if element.get("is_decimal_allowed") else r"-?\d+"
    if not re.fullmatch(pattern, value):
        return "Please enter a valid number." if element.get("is_decimal_allowed") else "Please enter a whole number."
    low, high = element.get("min_value"), element.get("max_value")
    if low is not None and float(value) < float(low):
        return f"Please enter a number of at least {low}."
    if high is not None and float(value) > float(high):
        return f"Please enter a number of at most {high}."
    return None
