"""Signing a deal's attribution: the list of what waits, the form and its parser, the receipt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from slack_sdk.models.blocks import ExternalDataSelectElement, PlainTextObject

from handlers.attribution import words
from handlers.attribution.ids import Action, CardRef, ClaimRef, DealRef, Door, Field, FormState, View
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Values
from models.attribution import Desk, Done, Given, Waiting
from models.domain.attribution import KIND_LABELS, KINDS, LONGEST_REASON, LONGEST_TOUCH, TOUCHED
from models.domain.deals import Attribution
from models.domain.errors import Conflict
from models.domain.forecast.facts import Terms
from models.domain.text import clip, count
from models.people import Names

MOST = 30
CONFIRM_LIMIT = 280


@dataclass(frozen=True)
class FormPage:
    """All that the form shows. `may_sign`: whether its reader (`reader_id`) has a side of it; `typed`: what stands in the fields."""

    desk: Desk
    book: Names
    zone: ZoneInfo
    may_sign: bool
    state: FormState
    reader_id: int = 0
    typed: "Typed | None" = None
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True)
class Typed:
    """What a form was submitted with."""

    kind: str = ""
    reason: str = ""
    touch: Given = field(default_factory=Given)


def parse(view: Mapping[str, Any]) -> Typed:
    """What was submitted; judged in `models.attribution`."""
    values = Values(view)
    return Typed(
        kind=values.option(Field.KIND),
        reason=values.text(Field.REASON),
        touch=Given(values.date(Field.TOUCH_DAY), values.text(Field.TOUCH_SAID)),
    )


def begin(desk: Desk, *, below: str = "") -> FormState:
    """What a form opened now remembers; the kind that waits, else the one in force, is chosen."""
    waiting = desk.waiting
    kind = waiting.kind if waiting is not None else desk.kind
    return FormState(d=desk.deal.id, seen=desk.print, kind=kind.value, below=below)


def modal(page: FormPage) -> dict[str, Any]:
    """What the deal is, who has signed, and the choice with its written definitions."""
    desk, state = page.desk, page.state
    made = [b.section(_conflict(page.conflicts))] if page.conflicts else []
    version = desk.version
    made.append(
        b.section(
            f"*{w.escape(clip(version.name, 150))}* · {w.escape(clip(desk.partner.name, 60))} · "
            f"{w.money(version.amount, version.currency)}\n{words.standing(desk)}"
        )
    )
    made.append(b.section(words.names(desk, page.book, page.zone)))
    made += _choice(page) if page.may_sign else _reading(desk.ground.terms)
    made.append(b.actions(b.button("Record a touch…", Action.TOUCH, DealRef(d=state.d).dump())))
    lines = words.history(desk, page.book, page.zone)
    if lines:
        made += [b.divider(), b.context("*History*\n" + "\n".join(lines))]
    return b.modal(View.FORM, "Attribution", made, metadata=state.dump(), submit="Sign" if page.may_sign else "")


def _conflict(conflicts: Sequence[Conflict]) -> str:
    moved = any(held.field == "partner" for held in conflicts)
    what = "The deal went to another partner" if moved else "Somebody signed"
    lines = [f":warning: *{what} while your form was open. Nothing is saved yet, and what you typed is still here.*"]
    lines += [
        f"• it was: {w.escape(clip(held.shown, 160))}\n• it is: {w.escape(clip(held.present, 160))}\n"
        f"• you chose: *{w.escape(clip(held.typed, 60))}*"
        for held in conflicts
    ]
    return "\n".join([*lines, "*Sign* again to say so all the same: the other side then has to sign yours."])


def _choice(page: FormPage) -> list[b.Block]:
    """The kinds, each with its definition beside it; what a choice needs follows it."""
    desk, state = page.desk, page.state
    typed, terms = page.typed or Typed(), desk.ground.terms
    labels = [(KIND_LABELS[kind].capitalize(), kind.value) for kind in KINDS]
    block = b.radio_input(
        f"{Field.KIND}:{state.d}", Action.KIND, "What is the partner's part?", labels, state.kind or None
    )
    for option in _options(block):
        option["description"] = _plain(terms.definition(Attribution(option["value"])))
    made = [block, *_long(terms)]
    chosen = Attribution(state.kind) if state.kind else None
    if chosen in TOUCHED and desk.deal.touched_on is None:
        made += touch_inputs(state.d, typed.touch)
    if _changes(desk, chosen, page.reader_id):
        made.append(
            b.text_input(
                f"{Field.REASON}:{state.d}", "Why does it change?", typed.reason, multiline=True, most=LONGEST_REASON,
                hint="Both have to sign the change; what both signed before stays until then. The reason is kept.",
            )
        )  # fmt: skip
    return made


def _options(block: b.Block) -> list[dict[str, Any]]:
    """Every option of a radio input, the one that is chosen too: Slack wants the two alike."""
    element = block["element"]
    return [*element["options"], *([element["initial_option"]] if "initial_option" in element else [])]


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": clip(text, b.OPTION_LIMIT)}


def _long(terms: Terms) -> list[b.Block]:
    """Definitions that are longer than an option has room for, in full."""
    cut = [kind for kind in KINDS if len(terms.definition(kind)) > b.OPTION_LIMIT]
    return [_definitions(terms, cut)] if cut else []


def _reading(terms: Terms) -> list[b.Block]:
    return [_definitions(terms, KINDS)]


def _definitions(terms: Terms, kinds: Sequence[Attribution]) -> b.Block:
    return b.context(
        "\n".join(
            f"*{KIND_LABELS[kind].capitalize()}*: {w.escape(clip(terms.definition(kind), 600))}" for kind in kinds
        )
    )


def touch_inputs(deal_id: int, touch: Given) -> list[b.Block]:
    """When and how the partner touched the deal."""
    return [
        b.date_input(f"{Field.TOUCH_DAY}:{deal_id}", "When did the partner touch this deal?", touch.day,
                     hint="The first touch that is recorded starts the clock of influenced and co-sold deals."),
        b.text_input(f"{Field.TOUCH_SAID}:{deal_id}", "What did the partner do?", touch.said, multiline=True,
                     most=LONGEST_TOUCH, placeholder="Introduced us to the buyer, ran a demo, …"),
    ]  # fmt: skip


def _changes(desk: Desk, chosen: Attribution | None, reader_id: int) -> bool:
    """Whether choosing this says otherwise than what both, or the other side, have signed, and nobody gave the reason yet."""
    if desk.in_force is None and chosen is not None and desk.overrules(chosen, reader_id):
        return True
    if desk.in_force is None or chosen is None or chosen == desk.in_force.kind:
        return False
    return desk.waiting is None or desk.waiting.kind != chosen


def list_modal(waiting: Waiting, book: Names, terms: Terms, *, lead: str = "") -> dict[str, Any]:
    """What waits for one's signature, the nearest due first; one click where the other side has said which kind."""
    made = [b.section(lead)] if lead else []
    if not waiting.total:
        made += [b.section(":white_check_mark: No attribution waits for your signature."), another()]
        return b.modal(View.LIST, "Attribution", made)
    made.append(b.context(f"*{count(waiting.total, 'deal waits', 'deals wait')} for your signature*, the nearest due first. "
                          f"Two people sign each, the AE and the partner manager, within {terms.attribution_days} days."))  # fmt: skip
    for item in waiting.items[:MOST]:
        open_one = b.button("Open…" if item.claim_id else "Sign…", Door.ATTRIBUTION, DealRef(d=item.deal_id).dump())
        text = words.item(item, book)
        if not item.claim_id:
            made.append(b.section(text, accessory=open_one))
            continue
        label = KIND_LABELS[item.kind]
        confirm = (f"Sign “{label}”?", clip(w.escape(terms.definition(item.kind)), CONFIRM_LIMIT), "Sign")
        sign = b.button(
            f"Sign “{label}”", Action.SIGN, ClaimRef(c=item.claim_id).dump(), style="primary", confirm=confirm
        )
        made += [b.section(text), b.actions(sign, open_one, block_id=f"claim:{item.claim_id}")]
    if waiting.total > MOST:
        made.append(b.context(f"… and {waiting.total - MOST} more: they move up as you sign."))
    made += [b.divider(), another()]
    return b.modal(View.LIST, "Attribution", made)


def receipt(done: Done) -> str:
    """What a signature did, and what is still to come."""
    name, kind = w.escape(clip(done.name, 120)), KIND_LABELS[done.kind]
    if done.withdrawn:
        return f":white_check_mark: *{name}* stays {kind}; the change that waited is taken back."
    if done.in_force:
        return f":white_check_mark: *{name}* is *{kind}*, signed by both: {done.state.label}."
    replaced = f" It replaces {KIND_LABELS[done.replaced]}, which only one side had signed." if done.replaced else ""
    return f":white_check_mark: You have signed *{name}* as *{kind}*.{replaced} {w.escape(done.waits_for)}"


def done_modal(done: Done, *, listed: bool) -> dict[str, Any]:
    """The receipt; `listed`: the list of what else waits lies below it."""
    rest = b.button("What else waits…", Door.SIGN_ATTRIBUTION, CardRef().dump())
    return b.modal(View.DONE, "Attribution", [b.section(receipt(done)), *([] if listed else [b.actions(rest)])])


def another() -> b.Block:
    """A menu of every deal one may look at, not only of those that wait."""
    menu = ExternalDataSelectElement(
        action_id=Action.ANOTHER,
        min_query_length=0,
        placeholder=PlainTextObject(text="Part of a deal, account or partner"),
    )
    return b.section("*Another deal*: a change, a touch, or who signed", accessory=menu.to_dict(), block_id="another")
