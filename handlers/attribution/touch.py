"""Recording a touch: the form, from a deal's attribution or from a message, its parser and its receipt."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.models.blocks import ExternalDataSelectElement, InputBlock, PlainTextObject

from handlers.attribution import words
from handlers.attribution.form import touch_inputs
from handlers.attribution.ids import Action, DealRef, Door, Field, TouchState, View
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Values
from models.attribution import Choice, Desk, Given
from models.domain.attribution import LONGEST_TOUCH, TOUCHED
from models.domain.text import clean, clip

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_LINK = re.compile(r"<[^<>|]*\|([^<>]*)>")
_BARE = re.compile(r"<([^<>|]*)>")


@dataclass(frozen=True)
class TouchPage:
    """All that the form shows. `desk`: whose deal it is, None where the form chooses; `first`: what the menu begins with."""

    state: TouchState
    touch: Given
    desk: Desk | None = None
    first: Choice | None = None


def modal(page: TouchPage) -> dict[str, Any]:
    made: list[b.Block] = []
    if page.desk is not None:
        name, partner = w.escape(clip(page.desk.version.name, 150)), w.escape(clip(page.desk.partner.name, 60))
        made.append(b.section(f"*{name}* · {partner}"))
    else:
        made.append(_deals(page.first))
    made += touch_inputs(page.state.d, page.touch)
    return b.modal(
        View.TOUCH, "Record a partner touch", made, metadata=page.state.dump(), submit="Record", close="Cancel"
    )


def _deals(first: Choice | None) -> b.Block:
    """A menu that asks as one types: a head of partnerships may have more deals than any menu holds."""
    element = ExternalDataSelectElement(
        action_id=Action.DEAL,
        min_query_length=0,
        placeholder=PlainTextObject(text="Part of a deal, account or partner"),
        initial_option=option(first) if first is not None else None,
    )
    made: b.Block = InputBlock(block_id=Field.DEAL, label=PlainTextObject(text="Deal"), element=element).to_dict()
    return made


def option(choice: Choice) -> Any:
    partner = clip(choice.partner, 25)
    return b.option(f"{clip(choice.name, b.OPTION_LIMIT - len(partner) - 3)} · {partner}", str(choice.deal_id))


def options(choices: Sequence[Choice]) -> dict[str, Any]:
    """What an external menu is answered with."""
    return {"options": [option(choice).to_dict() for choice in choices]}


def parse(view: Mapping[str, Any], state: TouchState) -> tuple[int, Given]:
    """The deal and the touch that were submitted; judged in `models.attribution`."""
    values = Values(view)
    chosen = values.option(Field.DEAL)
    deal_id = state.d or (int(chosen) if chosen.isdecimal() else 0)
    touch = Given(values.date(Field.TOUCH_DAY), values.text(Field.TOUCH_SAID), channel_id=state.channel, ts=state.ts)
    return deal_id, touch


def mentioned(text: str) -> list[str]:
    """The Slack ids that a message mentions."""
    return list(dict.fromkeys(_MENTION.findall(text)))


def plain(text: str, names: Mapping[str, str]) -> str:
    """A message's text as a person would type it: names instead of ids, no markup, cut to what a touch holds."""
    said = _MENTION.sub(lambda found: f"@{names.get(found[1], 'somebody')}", text)
    said = _BARE.sub(r"\1", _LINK.sub(r"\1", said))
    return clip(clean(said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")), LONGEST_TOUCH)


def receipt(desk: Desk, *, may_sign: bool) -> dict[str, Any]:
    """What was recorded, what the clock says now, and the next step where there is one."""
    name = w.escape(clip(desk.version.name, 120))
    made = [b.section(f":white_check_mark: The touch is recorded on *{name}*.\n{words.standing(desk)}")]
    claim = desk.waiting or desk.in_force
    if may_sign and (claim is None or claim.kind not in TOUCHED or claim is desk.waiting):
        made.append(
            b.actions(b.button("Sign attribution…", Door.ATTRIBUTION, DealRef(d=desk.deal.id).dump(), style="primary"))
        )
    return b.modal(View.DONE, "Attribution", made)
