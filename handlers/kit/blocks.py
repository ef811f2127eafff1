"""Blocks as functions: small wrappers around slack_sdk's models, which refuse what Slack would refuse.

Block text is verbatim, so that nothing in it is turned into a mention by Slack's own parsing.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from slack_sdk.models.blocks import (
    CheckboxesElement,
    ConfirmObject,
    DatePickerElement,
    InputBlock,
    MarkdownTextObject,
    Option,
    OverflowMenuElement,
    PlainTextInputElement,
    PlainTextObject,
    RadioButtonsElement,
    StaticMultiSelectElement,
    StaticSelectElement,
    TimePickerElement,
    UserSelectElement,
)

from models.domain.text import clip

Block = dict[str, Any]
SECTION_LIMIT = 2900
BUTTON_LIMIT = 75
HEADER_LIMIT = 150
CONTEXT_LIMIT = 2000
VALUE_LIMIT = 2000
LABEL_LIMIT = 1900
OPTION_LIMIT = 75
INPUT_LIMIT = 3000
VIEW_WEIGHT = 240_000
"""Bytes of blocks in one view, below the 250 kB at which Slack refuses it: room for what stands around them."""


def mrkdwn(text: str) -> MarkdownTextObject:
    return MarkdownTextObject(text=text, verbatim=True)


# The blocks that every page repeats are plain dicts, cut to Slack's limits here: building them through slack_sdk's models
# was a quarter of the time a page takes. Inputs, of which a form has a few, go through the models.


def _text(text: str, length: int) -> Block:
    return {"type": "mrkdwn", "text": clip(text, length) or " ", "verbatim": True}


def _plain(text: str, length: int) -> Block:
    return {"type": "plain_text", "text": clip(text, length) or " ", "emoji": True}


def header(text: str) -> Block:
    return {"type": "header", "text": _plain(text, HEADER_LIMIT)}


def section(text: str, *, accessory: Block | None = None, block_id: str | None = None) -> Block:
    made: Block = {"type": "section", "text": _text(text, SECTION_LIMIT)}
    if accessory is not None:
        made["accessory"] = accessory
    if block_id is not None:
        made["block_id"] = block_id
    return made


def context(text: str) -> Block:
    return {"type": "context", "elements": [_text(text, CONTEXT_LIMIT)]}


def divider() -> Block:
    return {"type": "divider"}


def paragraphs(text: str) -> list[Block]:
    """A long mrkdwn text as sections, cut between lines and never inside one."""
    blocks: list[Block] = []
    page: list[str] = []
    for line in text.split("\n"):
        if page and sum(len(held) + 1 for held in page) + len(line) > SECTION_LIMIT:
            blocks.append(section("\n".join(page)))
            page = []
        page.append(clip(line, SECTION_LIMIT))
    kept = "\n".join(page)
    return [*blocks, section(kept)] if kept.strip() else blocks


def button(
    text: str, action_id: str, value: str, *, style: str | None = None, confirm: tuple[str, str, str] | None = None
) -> Block:
    """A button; `confirm` is (title, text, yes). Raises ValueError for a value that Slack would refuse."""
    if len(value) > VALUE_LIMIT:
        raise ValueError(f"a button's value has at most {VALUE_LIMIT} characters, not {len(value)}")
    made: Block = {"type": "button", "text": _plain(text, BUTTON_LIMIT), "action_id": str(action_id), "value": value}
    if style is not None:
        made["style"] = style
    if confirm is not None:
        title, words, yes = confirm
        made["confirm"] = ConfirmObject(title=title, text=mrkdwn(words), confirm=yes, deny="Cancel").to_dict()
    return made


def actions(*elements: Block, block_id: str | None = None) -> Block:
    made: Block = {"type": "actions", "elements": list(elements)}
    return made if block_id is None else {**made, "block_id": block_id}


def overflow(action_id: str, options: Iterable[tuple[str, str]]) -> Block:
    made: Block = OverflowMenuElement(
        action_id=str(action_id), options=[option(text, value) for text, value in options]
    ).to_dict()
    return made


def option(text: str, value: str, description: str | None = None) -> Option:
    return Option(
        text=PlainTextObject(text=clip(text, OPTION_LIMIT)),
        value=value,
        description=clip(description, OPTION_LIMIT) if description else None,
    )


def _input(block_id: str, label: str, element: Any, *, hint: str = "", optional: bool = False, dispatch: bool = False
           ) -> Block:  # fmt: skip
    return InputBlock(
        block_id=block_id,
        label=PlainTextObject(text=clip(label, LABEL_LIMIT), emoji=True),
        element=element,
        hint=PlainTextObject(text=clip(hint, LABEL_LIMIT)) if hint else None,
        optional=optional,
        dispatch_action=dispatch,
    ).to_dict()


def weight(block: Block) -> int:
    """The bytes a block is sent as: an emoji in a name counts a dozen."""
    return len(json.dumps(block)) + 2


VALUE = "value"  # every input's action_id: the block says which field it is


def text_input(
    block_id: str,
    label: str,
    initial: str = "",
    *,
    multiline: bool = False,
    optional: bool = False,
    hint: str = "",
    placeholder: str = "",
    most: int = INPUT_LIMIT,
) -> Block:
    element = PlainTextInputElement(
        action_id=VALUE,
        initial_value=initial[:most] or None,
        multiline=multiline,
        max_length=most,
        placeholder=PlainTextObject(text=placeholder) if placeholder else None,
    )
    return _input(block_id, label, element, hint=hint, optional=optional)


def date_input(
    block_id: str, label: str, initial: date | None = None, *, optional: bool = False, hint: str = ""
) -> Block:
    element = DatePickerElement(action_id=VALUE, initial_date=initial.isoformat() if initial else None)
    return _input(block_id, label, element, optional=optional, hint=hint)


def time_input(block_id: str, label: str, initial: str, *, hint: str = "") -> Block:
    return _input(block_id, label, TimePickerElement(action_id=VALUE, initial_time=initial), hint=hint)


def user_input(
    block_id: str, label: str, initial: str | None = None, *, optional: bool = False, hint: str = ""
) -> Block:
    element = UserSelectElement(action_id=VALUE, initial_user=initial)
    return _input(block_id, label, element, optional=optional, hint=hint)


def select_input(
    block_id: str,
    label: str,
    options: Sequence[tuple[str, str]],
    initial: str | None = None,
    *,
    optional: bool = False,
    hint: str = "",
    dispatch: bool = False,
) -> Block:
    """A select of (text, value); at most 100 options, which is Slack's limit."""
    made = [option(text, value) for text, value in options[:100]]
    chosen = next((held for held in made if held.value == initial), None)
    element = StaticSelectElement(action_id=VALUE, options=made, initial_option=chosen)
    return _input(block_id, label, element, optional=optional, hint=hint, dispatch=dispatch)


def radio_input(
    block_id: str,
    action_id: str | None,
    label: str,
    options: Sequence[tuple[str, str]],
    initial: str | None,
    *,
    dispatch: bool = True,
) -> Block:
    """Radio buttons that tell the bot at once, because the form below depends on the choice; silent without an action."""
    made = [option(text, value) for text, value in options]
    chosen = next((held for held in made if held.value == initial), None)
    element = RadioButtonsElement(action_id=action_id or VALUE, options=made, initial_option=chosen)
    dispatch = dispatch and action_id is not None
    return _input(block_id, label, element, dispatch=dispatch)


def checkbox_input(
    block_id: str, label: str, options: Sequence[tuple[str, str]], *, optional: bool = False, hint: str = ""
) -> Block:
    """Checkboxes, all of them ticked to begin with; at most ten, which is Slack's limit."""
    made = [option(text, value) for text, value in options[:10]]
    element = CheckboxesElement(action_id=VALUE, options=made, initial_options=made)
    return _input(block_id, label, element, optional=optional, hint=hint)


def multi_select_input(
    block_id: str,
    label: str,
    options: Sequence[tuple[str, str]],
    initial: Sequence[str] = (),
    *,
    optional: bool = False,
    hint: str = "",
) -> Block:
    """Several of (text, value); at most 100 options, which is Slack's limit."""
    made = [option(text, value) for text, value in options[:100]]
    chosen = [held for held in made if held.value in initial] or None
    element = StaticMultiSelectElement(action_id=VALUE, options=made, initial_options=chosen)
    return _input(block_id, label, element, optional=optional, hint=hint)


def modal(
    callback_id: str, title: str, blocks: list[Block], *, metadata: str = "", submit: str = "", close: str = "Close"
) -> dict[str, Any]:
    view: dict[str, Any] = {
        "type": "modal",
        "callback_id": callback_id,
        "title": {"type": "plain_text", "text": clip(title, 24)},
        "close": {"type": "plain_text", "text": clip(close, 24)},
        "blocks": blocks[:100],
        "private_metadata": metadata,
    }
    if submit:
        view["submit"] = {"type": "plain_text", "text": clip(submit, 24)}
    return view
