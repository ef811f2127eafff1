"""Block elements and what Slack accepts in them, as tables."""

from __future__ import annotations

from typing import Any

from bot.sandbox.checks import (
    Both,
    Check,
    Json,
    Problems,
    Rule,
    Shape,
    a_date,
    anything,
    boolean,
    integer,
    items,
    matching,
    one_of,
    say,
    string,
    text,
)

LABEL, OPTION, PLACEHOLDER = 75, 75, 150
WORDS = ("mrkdwn", "plain_text")

confirm = Shape(
    {
        "title": text(100),
        "text": text(300, *WORDS),
        "confirm": text(30),
        "deny": text(30),
        "style": one_of("primary", "danger"),
    },
    ("title", "text", "confirm", "deny"),
)


def option(*kinds: str) -> Shape:
    """One choice; selects and overflow take plain text only, radios and checkboxes also mrkdwn."""
    return Shape(
        {
            "text": text(OPTION, *kinds),
            "value": string(150),
            "description": text(75, *kinds),
            "url": string(3000),
        },
        ("text", "value"),
    )


PLAIN_OPTION, RICH_OPTION = option(), option(*WORDS)
GROUP = Shape({"label": text(75), "options": items(PLAIN_OPTION, 100)}, ("label", "options"))


SUGGESTED = Shape({"options": items(PLAIN_OPTION, 100, least=0), "option_groups": items(GROUP, 100)})
"""What an app may answer to what was typed into an external select."""


def all_options(element: Json) -> list[Json]:
    """The options of an element, those of its groups included."""
    grouped = [one for group in element.get("option_groups") or [] for one in group["options"]]
    return [*(element.get("options") or []), *grouped]


def _key(one: Any) -> tuple[Any, Any]:
    return (one.get("value"), (one.get("text") or {}).get("text")) if isinstance(one, dict) else (None, None)


def initial_is_there(element: Json, at: str) -> Problems:
    """What is chosen at first must be one of the choices, word for word."""
    there = {_key(one) for one in all_options(element)}
    if element.get("initial_option") and _key(element["initial_option"]) not in there:
        yield say("initial_option must be one of the options", f"{at}/initial_option")
    for index, one in enumerate(element.get("initial_options") or []):
        if _key(one) not in there:
            yield say("initial_options must be among the options", f"{at}/initial_options/{index}")


def options_or_groups(element: Json, at: str) -> Problems:
    if bool(element.get("options")) == bool(element.get("option_groups")):
        yield say("exactly one of options and option_groups must be given", at)


def values_differ(element: Json, at: str) -> Problems:
    values = [one["value"] for one in all_options(element)]
    for value in {value for value in values if values.count(value) > 1}:
        yield say(f"option values must be unique: {value}", f"{at}/options")


def initial_fits(element: Json, at: str) -> Problems:
    initial = element.get("initial_value")
    most, least = element.get("max_length"), element.get("min_length")
    if most is not None and least is not None and least > most:
        yield say("min_length must not be greater than max_length", f"{at}/min_length")
    if isinstance(initial, str) and most is not None and len(initial) > most:
        yield say("initial_value must not be longer than max_length", f"{at}/initial_value")


def numbers_fit(element: Json, at: str) -> Problems:
    for name in ("initial_value", "min_value", "max_value"):
        value = element.get(name)
        try:
            number = float(value) if value is not None else 0.0
        except ValueError:
            yield say("must be a number", f"{at}/{name}")
            continue
        if value is not None and not element["is_decimal_allowed"] and number != int(number):
            yield say("must be a whole number", f"{at}/{name}")


ACTION: dict[str, Check] = {"action_id": string(255), "confirm": confirm}
FOCUS: dict[str, Check] = {"focus_on_load": boolean}
SELECT: dict[str, Check] = {**ACTION, **FOCUS, "placeholder": text(PLACEHOLDER)}
MULTI: dict[str, Check] = {**SELECT, "max_selected_items": integer(1, 100)}
OPTIONS: dict[str, Check] = {"options": items(PLAIN_OPTION, 100), "option_groups": items(GROUP, 100)}
TYPED: dict[str, Check] = {
    "action_id": string(255),
    "placeholder": text(PLACEHOLDER),
    "dispatch_action_config": Shape(
        {"trigger_actions_on": items(one_of("on_enter_pressed", "on_character_entered"), 2)}
    ),
    **FOCUS,
}
CHOICE_RULES: tuple[Rule, ...] = (options_or_groups, values_differ, initial_is_there)
IDS = items(string(255), 100, least=0)
FILTER = Shape(
    {
        "include": items(one_of("im", "mpim", "private", "public"), 4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    }
)
CONVERSATIONS: dict[str, Check] = {"default_to_current_conversation": boolean, "filter": FILTER}
IMAGE_URL = Both(string(3000), matching(r"https?://\S+", "a valid URL"))

BUTTON = Shape(
    {
        **ACTION,
        "text": text(LABEL),
        "value": string(2000),
        "url": string(3000),
        "style": one_of("primary", "danger"),
        "accessibility_label": string(75),
    },
    ("text",),
)
IMAGE = Shape({"image_url": IMAGE_URL, "alt_text": string(2000)}, ("image_url", "alt_text"))
CHOICES = {"options": items(RICH_OPTION, 10)}

ELEMENTS: dict[str, Shape] = {
    "button": BUTTON,
    "overflow": Shape({**ACTION, "options": items(PLAIN_OPTION, 5)}, ("options",), (values_differ,)),
    "static_select": Shape({**SELECT, **OPTIONS, "initial_option": PLAIN_OPTION}, (), CHOICE_RULES),
    "multi_static_select": Shape({**MULTI, **OPTIONS, "initial_options": items(PLAIN_OPTION, 100)}, (), CHOICE_RULES),
    "external_select": Shape({**SELECT, "initial_option": PLAIN_OPTION, "min_query_length": integer(0, 255)}),
    "multi_external_select": Shape(
        {**MULTI, "initial_options": items(PLAIN_OPTION, 100), "min_query_length": integer(0, 255)}
    ),
    "users_select": Shape({**SELECT, "initial_user": string(255)}),
    "multi_users_select": Shape({**MULTI, "initial_users": IDS}),
    "conversations_select": Shape(
        {**SELECT, **CONVERSATIONS, "initial_conversation": string(255), "response_url_enabled": boolean}
    ),
    "multi_conversations_select": Shape({**MULTI, **CONVERSATIONS, "initial_conversations": IDS}),
    "channels_select": Shape({**SELECT, "initial_channel": string(255), "response_url_enabled": boolean}),
    "multi_channels_select": Shape({**MULTI, "initial_channels": IDS}),
    "datepicker": Shape({**SELECT, "initial_date": a_date}),
    "timepicker": Shape(
        {**SELECT, "initial_time": matching(r"([01]\d|2[0-3]):[0-5]\d", "a time HH:mm"), "timezone": string(255)}
    ),
    "checkboxes": Shape(
        {**ACTION, **FOCUS, **CHOICES, "initial_options": items(RICH_OPTION, 10)},
        ("options",),
        (values_differ, initial_is_there),
    ),
    "radio_buttons": Shape(
        {**ACTION, **FOCUS, **CHOICES, "initial_option": RICH_OPTION},
        ("options",),
        (values_differ, initial_is_there),
    ),
    "plain_text_input": Shape(
        {
            **TYPED,
            "initial_value": string(3000, least=0),
            "multiline": boolean,
            "min_length": integer(0, 3000),
            "max_length": integer(1, 3000),
        },
        (),
        (initial_fits,),
    ),
    "email_text_input": Shape({**TYPED, "initial_value": string(3000, least=0)}),
    "url_text_input": Shape({**TYPED, "initial_value": string(3000, least=0)}),
    "number_input": Shape(
        {
            **TYPED,
            "is_decimal_allowed": boolean,
            "initial_value": string(255),
            "min_value": string(255),
            "max_value": string(255),
        },
        ("is_decimal_allowed",),
        (numbers_fit,),
    ),
    "image": IMAGE,
    "mrkdwn": Shape({"text": string(3000), "verbatim": anything}, ("text",)),
    "plain_text": Shape({"text": string(3000), "emoji": anything}, ("text",)),
}

TYPED_INPUTS = frozenset({"plain_text_input", "email_text_input", "url_text_input", "number_input"})
SELECTS = frozenset(name for name in ELEMENTS if name.endswith("_select"))
PICKERS = SELECTS | {"datepicker", "timepicker", "checkboxes", "radio_buttons"}
IN_ACTIONS = PICKERS | {"button", "overflow"}
IN_INPUT = PICKERS | TYPED_INPUTS
IN_SECTION = IN_ACTIONS | {"image"}
IN_CONTEXT = frozenset({"image", "mrkdwn", "plain_text"})


def among(names: frozenset[str]) -> dict[str, Shape]:
    return {name: ELEMENTS[name] for name in names}
