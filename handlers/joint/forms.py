"""The desk's and the page's forms: what a partner said, which deals it sees, stages in its words, who speaks for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from handlers.joint import sections
from handlers.joint.ids import Field, Ref, View
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Values
from models.boundary import Held
from models.domain.errors import FieldErrors
from models.domain.replies import LONGEST_OWNER, LONGEST_TEXT, Understood
from models.domain.text import clip, count
from models.joint.answers import Said
from models.joint.page import JointPage
from models.joint.replies import Proposed, print_of

MOST_DEALS = 100
MOST_STAGES = 40
KEEP = "keep"
WORD = "word:"
LONGEST_WORD = 75
STAYS = "Left empty, it stays as it was."


def edit_reply(one: Proposed, words: Sequence[str], *, under: str) -> dict[str, Any]:
    """A reply's words, and what they mean: corrected and confirmed in one go."""
    row = one.row
    quoted = "\n".join(f"> {w.escape(line)}" for line in clip(row.words, sections.LONGEST_WORDS).split("\n"))
    said = one.understood
    made = [
        b.section(f"*{sections.name(one.by.name)}* ({sections.name(one.partner.name)}) wrote:\n{quoted}"),
        _deal_input(one.deals, row.joint_deal_id),
        *_said_inputs(Said(said.stage, said.action, said.owner, said.due, said.ask), words),
    ]
    metadata = Ref(r=row.id, k=print_of(row), under=under).dump()
    return b.modal(View.EDIT, "What they mean", made, metadata=metadata, submit="Confirm", close="Cancel")


def write_down(
    partner: str, partner_id: int, deals: Mapping[int, str], known: Sequence[str], words: Sequence[str], *, under: str
) -> dict[str, Any]:
    """What somebody of the partner said elsewhere, of one deal."""
    made = [
        b.section(
            f"What somebody of *{sections.name(partner)}* said in a call or by e-mail. It stands as reported by them, with "
            "your name as who wrote it down."
        ),
        _deal_input(deals, next(iter(deals)) if len(deals) == 1 else None),
        b.text_input(Field.SAID_BY, "Who said it?", known[0] if len(known) == 1 else "", most=LONGEST_OWNER,
                     placeholder="Their name"),
        *_said_inputs(Said(), words),
    ]  # fmt: skip
    metadata = Ref(p=partner_id, under=under).dump()
    return b.modal(View.WRITE, "What they said", made, metadata=metadata, submit="Save", close="Cancel")


def _deal_input(deals: Mapping[int, str], chosen: int | None) -> b.Block:
    options = [(clip(account, b.OPTION_LIMIT), str(ref)) for ref, account in deals.items()]
    return b.select_input(Field.DEAL, "Deal", options, str(chosen) if chosen is not None else None)


def _said_inputs(said: Said, words: Sequence[str]) -> list[b.Block]:
    made: list[b.Block] = []
    if words:
        options = [("As it was", KEEP), *((clip(word, b.OPTION_LIMIT), f"{WORD}{word}") for word in words)]
        made.append(
            b.select_input(Field.STAGE, "Stage, as they see it", options, f"{WORD}{said.stage}" if said.stage else KEEP)
        )
    return [
        *made,
        b.text_input(Field.ACTION, "What do they do next?", said.action, optional=True, most=LONGEST_TEXT, hint=STAYS),
        b.text_input(Field.OWNER, "Who of them does it?", said.owner, optional=True, most=LONGEST_OWNER),
        b.date_input(Field.DUE, "By when?", said.due, optional=True),
        b.text_input(Field.ASK, "What do they ask of us?", said.ask, multiline=True, optional=True, most=LONGEST_TEXT),
    ]


def parse_said(view: Mapping[str, Any]) -> tuple[int, Understood]:
    """The deal (its mark) and what is said of it. Raises FieldErrors where it says nothing."""
    values = Values(view)
    chosen, stage = values.option(Field.DEAL), values.option(Field.STAGE)
    said = Understood(
        stage=stage.removeprefix(WORD) if stage.startswith(WORD) else "",
        action=values.text(Field.ACTION).strip(),
        owner=values.text(Field.OWNER).strip(),
        due=values.date(Field.DUE),
        ask=values.text(Field.ASK).strip(),
    )
    if not said:
        raise FieldErrors(
            {Field.ACTION: "Say at least one thing: what they do next, the stage, or what they ask of us."}
        )
    return int(chosen) if chosen.isdecimal() else 0, said


def said_by(view: Mapping[str, Any]) -> str:
    """Whose words they are. Raises FieldErrors without a name."""
    found = Values(view).text(Field.SAID_BY).strip()
    if not found:
        raise FieldErrors({Field.SAID_BY: "Name who said it: one person of the partner."})
    return found


def move(held: Held, *, under: str) -> dict[str, Any]:
    """Where a held message goes instead."""
    made = [
        b.section(
            f"*{sections.name(held.what)}* waits, because {w.escape(held.where)} is not ours alone. Where does it go?"
        ),
        _channel_input(
            "Channel",
            "An internal one. What stands below it in its thread follows it. Only this message moves: the next one "
            "goes where this one was to go.",
            outside=False,
        ),
    ]
    metadata = Ref(h=held.id, under=under).dump()
    return b.modal(View.MOVE, "Move to a channel", made, metadata=metadata, submit="Move", close="Cancel")


def choose_channel(page: JointPage, *, under: str) -> dict[str, Any]:
    """Which channel is shared with the partner."""
    made = [
        b.section(
            f"The channel shared with *{sections.name(page.partner.name)}*. Nothing is posted there before you have looked at "
            "the first post, and Cadence has to be in it: `/invite @Cadence`."
        ),
        _channel_input("Channel", "One that is shared with this partner alone, or is going to be.", outside=True),
    ]
    metadata = Ref(p=page.partner.id, under=under).dump()
    return b.modal(View.CHANNEL, "Joint channel", made, metadata=metadata, submit="Save", close="Cancel")


def _channel_input(label: str, hint: str, *, outside: bool) -> b.Block:
    element: b.Block = {
        "type": "conversations_select",
        "action_id": b.VALUE,
        "placeholder": {"type": "plain_text", "text": "Select a channel"},
        "filter": {"include": ["public", "private"], "exclude_external_shared_channels": not outside},
    }
    return {
        "type": "input",
        "block_id": str(Field.CHANNEL),
        "label": {"type": "plain_text", "text": label},
        "hint": {"type": "plain_text", "text": hint},
        "element": element,
    }


def chosen_channel(view: Mapping[str, Any]) -> str:
    """The channel that was chosen. Raises FieldErrors without one."""
    held: Mapping[str, Any] = next(iter(view["state"]["values"].get(Field.CHANNEL, {}).values()), {})
    found = str(held.get("selected_conversation") or "")
    if not found:
        raise FieldErrors({Field.CHANNEL: "Choose a channel."})
    return found


def choose_deals(page: JointPage, *, under: str) -> dict[str, Any]:
    """Which of the partner's open deals it sees, and of which the amount too."""
    listed = page.candidates[:MOST_DEALS]
    options = [(_deal(view), str(view.id)) for view in listed]
    joint = {view.id: mark for mark, view in page.deals}
    seen = [str(view.id) for view in listed if view.id in joint]
    shared = [str(view.id) for view in listed if view.id in joint and joint[view.id].amount_shared]
    more = (
        f" The biggest {MOST_DEALS} of {len(page.candidates)} stand in the list."
        if len(page.candidates) > MOST_DEALS
        else ""
    )
    made = [
        b.section(
            f"*{sections.name(page.partner.name)}* sees of a joint deal: the account, the stage in its own words, the shared "
            f"wording of our next action with its owner and day, and what it said itself. Never the rest.{more}"
        ),
        b.multi_select_input(Field.DEALS, "Joint deals", options, seen, optional=True),
        b.multi_select_input(Field.AMOUNTS, "Of these, the amount too", options, shared, optional=True,
                             hint="The partner also reads sums of the amounts that are shared."),
    ]  # fmt: skip
    metadata = Ref(p=page.partner.id, under=under).dump()
    return b.modal(View.DEALS, "What the partner sees", made, metadata=metadata, submit="Save", close="Cancel")


def _deal(view: Any) -> str:
    amount = w.money(view.version.amount, view.version.currency)
    return f"{clip(view.version.name, 40)} · {clip(amount, 20)}"


def chosen_deals(view: Mapping[str, Any], name: Field) -> tuple[frozenset[int], frozenset[int]]:
    """What was ticked and what was unticked, against what this very form showed: nothing else is meant to change."""
    values, block = Values(view), next(one for one in view["blocks"] if one.get("block_id") == name)
    shown = {str(one["value"]) for one in block["element"].get("initial_options") or ()}
    now = values.options(name)
    return frozenset(int(one) for one in now - shown), frozenset(int(one) for one in shown - now)


def stages_form(page: JointPage, ours: Sequence[str], *, under: str) -> dict[str, Any]:
    """A field for each of our stages: what it is called together with the partner."""
    listed = ours[:MOST_STAGES]
    more = f" {count(len(ours) - len(listed), 'more stage')} have no room here." if len(ours) > len(listed) else ""
    made = [
        b.section(
            f"What our stages are called together with *{sections.name(page.partner.name)}*. A stage without such a word stays "
            f"blank for them, and that a deal was won is told only where that stage has one.{more}"
        ),
        *(
            b.text_input(f"{Field.WORD}_{place}", stage, page.words.get(stage, ""), optional=True, most=LONGEST_WORD)
            for place, stage in enumerate(listed)
        ),
    ]
    metadata = Ref(p=page.partner.id, under=under).dump()
    return b.modal(View.STAGES, "Stages in their words", made, metadata=metadata, submit="Save", close="Cancel")


def chosen_words(view: Mapping[str, Any]) -> dict[str, str]:
    """The partner's word by our stage, as the form named them."""
    values = Values(view)
    fields = {one["block_id"]: one["label"]["text"] for one in view["blocks"] if one["type"] == "input"}
    return {str(stage): values.text(block_id).strip() for block_id, stage in fields.items()}


def name_person(page: JointPage, *, under: str) -> dict[str, Any]:
    """Somebody of the partner who may answer, chosen in Slack."""
    made = [
        b.section(f"Who speaks for *{sections.name(page.partner.name)}*? They see and answer for its joint deals, nothing else."),
        b.user_input(Field.PERSON, "Person", hint="Somebody of the partner's own workspace. If Slack does not offer them, let "
                     "them press a button of the check-in or reply below it: you are asked then."),
    ]  # fmt: skip
    metadata = Ref(p=page.partner.id, under=under).dump()
    return b.modal(View.PERSON, "Who speaks for them", made, metadata=metadata, submit="Confirm", close="Cancel")


def copy(partner: str, texts: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Text to be copied: in fields, so that one click and a key select all of it. Nothing is saved."""
    made: list[b.Block] = [
        b.section(f"For *{sections.name(partner)}*: only what it may see. Select a text, copy it, send it as you like.")
    ]
    for place, (title, text) in enumerate(texts):
        made.append(b.text_input(f"text_{place}", clip(title, 150), text, multiline=True, optional=True))
    if not texts:
        made.append(b.section("Nothing is joint with it at the moment."))
    return b.modal(View.COPY, "Text to copy", made, submit="Done" if texts else "", close="Close")
