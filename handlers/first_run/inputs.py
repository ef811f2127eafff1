"""Inputs that only the set-up has: a channel, and checkboxes of which some are ticked."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from handlers.first_run.ids import Field
from handlers.kit import blocks as b
from models.domain.text import clip


def channel_input(block_id: str, label: str, initial: str | None = None, *, hint: str) -> b.Block:
    """Public and private channels that the person is in; those shared with other companies are not offered."""
    element: dict[str, Any] = {
        "type": "conversations_select",
        "action_id": b.VALUE,
        "placeholder": {"type": "plain_text", "text": "Select a channel"},
        "filter": {"include": ["public", "private"], "exclude_external_shared_channels": True},
    }
    if initial:
        element["initial_conversation"] = initial
    return _input(block_id, label, element, hint=hint)


def ticks_input(
    block_id: str,
    label: str,
    options: Sequence[tuple[str, str, str]],
    ticked: Collection[str] = (),
    *,
    optional: bool = False,
    hint: str = "",
) -> b.Block:
    """Checkboxes of (text, value, description); at most ten, which is Slack's limit."""
    made = [b.option(text, value, description or None).to_dict() for text, value, description in options[:10]]
    element: dict[str, Any] = {"type": "checkboxes", "action_id": b.VALUE, "options": made}
    chosen = [one for one in made if one["value"] in ticked]
    if chosen:
        element["initial_options"] = chosen
    return _input(block_id, label, element, hint=hint, optional=optional)


def _input(block_id: str, label: str, element: dict[str, Any], *, hint: str = "", optional: bool = False) -> b.Block:
    made: b.Block = {
        "type": "input",
        "block_id": block_id,
        "label": {"type": "plain_text", "text": clip(label, b.LABEL_LIMIT), "emoji": True},
        "element": element,
        "optional": optional,
    }
    return {**made, "hint": {"type": "plain_text", "text": clip(hint, b.LABEL_LIMIT)}} if hint else made


def chosen_channel(view: Mapping[str, Any]) -> str:
    """The channel that was chosen in a submitted view; empty for none."""
    for block_id, elements in view["state"]["values"].items():
        if block_id.split(":")[0] == Field.CHANNEL:
            held: Mapping[str, Any] = next(iter(elements.values()), {})
            return str(held.get("selected_conversation") or "")
    return ""
