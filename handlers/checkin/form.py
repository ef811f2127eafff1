"""The counterpart's form: shared facts and shared fields, nothing else. The modal and its parser, side by side.

It is made of `SharedDeal` alone. The ids of its fields end in the mark and in the answer that stood when it was drawn: so a
form knows what it showed, and carries nothing but the id of the mark.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handlers.checkin import card
from handlers.checkin.ids import BEYOND, Door, Field, MarkRef
from handlers.kit import blocks as b
from handlers.kit.forms import Values
from models.domain.shared import SharedDeal, SharedStep
from models.domain.text import clip
from models.joint.answers import LONGEST, Said

KEEP = "keep"
WORD = "word:"
"""How the value of a stage begins that was chosen by its word."""
MOST_CHOICES = 100


@dataclass(frozen=True)
class FormPage:
    """All that the form shows. `words`: the stages agreed with the partner; `last`: the answer that stands, 0 for none.

    `choices`: all of the partner's joint deals, where the form lets people choose.
    """

    partner: str
    deal: SharedDeal
    words: tuple[str, ...]
    last: int
    choices: tuple[SharedDeal, ...] = ()


def modal(page: FormPage) -> dict[str, Any]:
    """One joint deal: what both sides see of it, and what the partner says of it."""
    deal, theirs = page.deal, page.deal.theirs or SharedStep()
    made: list[b.Block] = [_chooser(page)] if page.choices else []
    made += [b.section("\n".join(card.lines(deal, page.partner))), b.divider()]
    if page.words or deal.their_stage:
        made.append(b.select_input(_id(Field.STAGE, page), "Stage, as you see it", _stages(page), KEEP))
    made += [
        b.text_input(_id(Field.ACTION, page), "What do you do next?", theirs.text, optional=True,
                     most=LONGEST["action"], placeholder="In one line"),
        b.text_input(_id(Field.OWNER, page), "Who of you does it?", theirs.owner, optional=True,
                     most=LONGEST["owner"], placeholder="One named person"),
        b.date_input(_id(Field.DUE, page), "By when?", theirs.due, optional=True),
        b.text_input(_id(Field.ASK, page), "What do you ask of us?", deal.ask, multiline=True, optional=True,
                     most=LONGEST["ask"], hint="Everybody in the channel sees what you say here."),
    ]  # fmt: skip
    return b.modal(
        Door.ANSWER_JOINT, clip(deal.account, 24), made, metadata=MarkRef(m=deal.ref).dump(), submit="Save",
        close="Cancel",
    )  # fmt: skip


def _id(name: Field, page: FormPage) -> str:
    return f"{name}:{page.deal.ref}:{page.last}"


def _stages(page: FormPage) -> Sequence[tuple[str, str]]:
    said = page.deal.their_stage
    keep = f"Keep: {said}" if said else "Not said yet"
    return [(keep, KEEP), *((word, f"{WORD}{word}") for word in page.words if word != said)]


def _chooser(page: FormPage) -> b.Block:
    """Which deal; pressing it draws the form of that one. Its id is the card's button: all that an outsider may press."""
    options = [b.option(deal.account, str(deal.ref)).to_dict() for deal in page.choices[:MOST_CHOICES]]
    chosen = next((one for one in options if one["value"] == str(page.deal.ref)), None)
    element: b.Block = {"type": "static_select", "action_id": str(Door.CHECK_IN), "options": options}
    if chosen is not None:
        element["initial_option"] = chosen
    return {**b.section("Which deal?"), "block_id": f"deal:{page.deal.ref}:{page.last}", "accessory": element}


def generation(view: Mapping[str, Any]) -> int:
    """The answer that stood when this form was drawn, 0 for none: it says what the form showed."""
    block_id = Values(view).blocks.get(Field.ACTION, "")
    last = block_id.rsplit(":", 1)[-1]
    return int(last) if last.isdecimal() and int(last) < BEYOND else 0


def parse(view: Mapping[str, Any], shown: Said) -> Said:
    """What was submitted; a stage that was kept is the one that the form showed."""
    values = Values(view)
    chosen = values.option(Field.STAGE)
    return Said(
        stage=chosen.removeprefix(WORD) if chosen.startswith(WORD) else shown.stage,
        action=values.text(Field.ACTION),
        owner=values.text(Field.OWNER),
        due=values.date(Field.DUE),
        ask=values.text(Field.ASK),
    )
