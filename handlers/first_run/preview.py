"""The first prompt before it is sent: whose it is, when it comes, and the card itself with its buttons as words."""

from collections.abc import Iterator, Sequence
from typing import Any

from handlers.first_run.ids import Action, View
from handlers.first_run.page import SHORT, when_words
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.message import Message
from models.domain.text import clip, count
from models.first_run import Asked

NOBODY = (
    "*Nobody would be asked yet.* No open deal of a partner under review is known: drop the CRM's export into your direct "
    "messages with Cadence, or add a deal here in Slack."
)
TITLE = "The first prompt"


def modal(asked: Sequence[Asked], chosen: Asked | None, card: Message | None) -> dict[str, Any]:
    if chosen is None or card is None:
        return b.modal(View.PREVIEW, TITLE, [b.section(NOBODY)], close="Back")
    made: list[b.Block] = [b.section(when_words(chosen), accessory=_who(asked, chosen) if len(asked) > 1 else None)]
    made += [b.divider(), *_still(card), b.divider()]
    made.append(
        b.context("This is how the message will look if nothing changes until then; what is in `[ ]` are its buttons.")
    )
    return b.modal(View.PREVIEW, TITLE, made, close="Back")


def _who(asked: Sequence[Asked], chosen: Asked) -> b.Block:
    """Somebody else's card; at most a hundred people, those with most deals first."""
    options = [
        b.option(f"{clip(one.name, SHORT - 10)} ({count(one.deals, 'deal')})", str(one.person_id)).to_dict()
        for one in asked[:100]
    ]
    made: b.Block = {"type": "static_select", "action_id": str(Action.WHO), "options": options}
    initial = next((one for one in options if one["value"] == str(chosen.person_id)), None)
    return {**made, "initial_option": initial} if initial else made


def _still(card: Message) -> Iterator[b.Block]:
    """The card's blocks with nothing to press: a button here would answer for somebody else."""
    for block in card.blocks:
        if block["type"] == "actions":
            labels = [w.escape(one["text"]["text"]) for one in block["elements"]]
            yield b.context("   ".join(f"`[ {label} ]`" for label in labels))
        else:
            yield {name: value for name, value in block.items() if name not in ("accessory", "block_id")}
