"""The PBR's form: numbers and what is missing on top, then what only people know. The modal and its parser."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from slack_sdk.models.blocks import InputBlock, PlainTextObject, StaticMultiSelectElement
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit import blocks as b
from handlers.kit import commitments
from handlers.kit import words as w
from handlers.kit.forms import Values
from handlers.kit.pages import crm_as_of, short
from handlers.pbr import render
from handlers.pbr.ids import Action, Field, FormState, View
from models.cadences import Side
from models.domain.errors import Conflict
from models.domain.money import short_money
from models.domain.pbr import (
    LONGEST_TYPED,
    MOST_CHANGES,
    Gap,
    Loss,
    LostFact,
    Pursued,
    Said,
    TypedPromise,
    TypedVerdict,
    next_month,
)
from models.domain.policy import Policy
from models.domain.text import clip, count
from models.pbr import Base, Desk, Submitted
from models.people import Directory

HELD, NOT_HELD = "held", "not_held"
PUBLISH, DRAFT = "publish", "draft"
SIDES = (
    ("Our side", Side.OURS.value),
    ("The partner's side", Side.PARTNER.value),
    ("A holiday", Side.HOLIDAY.value),
)
MOST_LOST = 12
MOST_SENTENCES = 8
MOST_CONFLICTS = 12
Ident = Callable[[str], str]


@dataclass(frozen=True)
class FormPage:
    """All that the form shows. `joint`: the partner gets a page of its own, so some is asked for its eyes."""

    desk: Desk
    state: FormState
    book: Directory
    policy: Policy
    clocks: ZoneInfo
    begun: bool = True
    conflicts: tuple[Conflict, ...] = ()
    overtaken: bool = False
    joint: bool = False

    @property
    def lost(self) -> Sequence[LostFact]:
        return self.desk.facts.lost[:MOST_LOST]

    @property
    def strict(self) -> bool:
        """Whether the person's client already asks for what publishing needs."""
        return self.state.publish


def begin(desk: Desk, *, publish: bool, below: str = "") -> FormState:
    """What a form opened now remembers. `publish`: what its last question begins with."""
    return FormState(
        o=desk.occurrence.id,
        n=desk.base.versions,
        d=desk.base.draft,
        c=tuple(item.id for item in desk.standing),
        l=tuple(deal.deal_id for deal in desk.facts.lost[:MOST_LOST]),
        held=desk.said.held,
        publish=publish,
        below=below,
    )


def modal(page: FormPage) -> dict[str, Any]:
    state = page.state

    def ident(name: str) -> str:
        """Of this PBR and of what the form stands on: Slack keeps what was typed as long as ids stay the same."""
        return f"{name}:{state.o}.{state.n}.{state.d}"

    made = [*_head(page), *_correction(page, ident), *_held(page, ident), *_lost(page, ident), *_pursuit(page, ident)]
    made += [*_motion(page, ident), *_for_the_partner(page, ident), *_commitments(page, ident), b.divider()]
    made += _how(page, ident)
    return b.modal(
        View.FORM,
        f"PBR of {page.desk.facts.month:%B %Y}",
        made,
        metadata=state.dump(),
        submit="Publish" if state.publish else "Save the draft",
        close="Cancel",
    )


def _head(page: FormPage) -> list[b.Block]:
    """Whose and when, the numbers, and what they lack."""
    facts, desk = page.desk.facts, page.desk
    when = w.when(desk.occurrence.starts_at, page.clocks)
    mark = f" · :warning: _{render.PROVISIONAL[facts.provisional]}_" if facts.provisional else ""
    as_of = crm_as_of(facts.crm_as_of, page.policy, stale=facts.crm_stale)
    made = [b.section(_conflict_text(page.conflicts))] if page.overtaken else []
    made.append(b.section(f"*{w.escape(clip(desk.partner.name, 100))}* · meeting {when}{mark}"))
    made += b.paragraphs(render.numbers_text(facts, page.book, page.policy))
    if facts.missing:
        made.append(b.section(missing_text(facts.missing)))
    earlier = next((one.month for one in desk.months if one.versions and one.month < facts.month), None)
    name = w.escape(short(desk.partner.name, 40))
    made.append(b.context(f"{as_of} · the one before: `/pbr {name} {earlier:%Y-%m}`" if earlier else as_of))
    return made


def _conflict_text(conflicts: Sequence[Conflict]) -> str:
    lines = [
        ":warning: *Somebody else saved or published this while your form was open. What you typed is still here.*"
    ]
    lines += [
        f"• {w.escape(clip(held.field, 120))}: {w.escape(held.by)} has *{w.escape(clip(held.present, 80))}*; you typed "
        f"*{w.escape(clip(held.typed, 80))}*"
        for held in conflicts[:MOST_CONFLICTS]
    ]
    if len(conflicts) > MOST_CONFLICTS:
        lines.append(f"… and {len(conflicts) - MOST_CONFLICTS} more")
    lines.append("Keep yours or take theirs in the fields below, then submit again.")
    return "\n".join(lines)


def missing_text(gaps: Sequence[Gap]) -> str:
    """Each thing that is missing as a sentence, the first of them."""
    lines = [f"*Missing ({len(gaps)})*"]
    lines += [f"• {render.sentence(gap)}" for gap in gaps[:MOST_SENTENCES]]
    if len(gaps) > MOST_SENTENCES:
        lines.append(f"_… and {count(len(gaps) - MOST_SENTENCES, 'thing')} more_")
    lines.append("_Why a deal was lost is asked below; the rest is mended in the CRM and comes with its next export._")
    return "\n".join(lines)


def _correction(page: FormPage, ident: Ident) -> list[b.Block]:
    """What a version after the first has to say of itself."""
    if not page.state.n:
        return []
    hint = f"Version {page.state.n} stays as it is. The pipeline stays that of its day; won and lost are counted anew."
    text = page.desk.said.what_changed
    return [
        b.text_input(ident(Field.WHAT_CHANGED), "What changed?", text, optional=not page.strict, most=500, hint=hint)
    ]


def _held(page: FormPage, ident: Ident) -> list[b.Block]:
    said = page.desk.said
    if not page.begun and page.state.held:
        return []  # nobody can say before it began
    made = [
        b.radio_input(
            ident(Field.HELD), Action.HELD, "Was the PBR held?", (("Held", HELD), ("Not held", NOT_HELD)),
            HELD if page.state.held else NOT_HELD,
        ),
    ]  # fmt: skip
    if not page.state.held:
        made.append(b.select_input(ident(Field.SIDE), "Whose side?", SIDES, said.side or Side.OURS.value,
                                   hint="The partner's cancellations and holidays never count against the cadence."))  # fmt: skip
        made.append(b.text_input(ident(Field.REASON), "Why?", said.reason, optional=not page.strict, most=300))
    return made


def _lost(page: FormPage, ident: Ident) -> list[b.Block]:
    """Each lost deal: why, and whether the partner may see it."""
    facts = page.desk.facts
    if not facts.lost:
        return []
    made: list[b.Block] = [b.divider(), b.section(f"*Lost in {facts.month:%B}*: why?")]
    for deal in page.lost:
        typed = page.desk.said.lost.get(deal.deal_id, Loss())
        closed = w.full_day(deal.close_date)
        label = (
            f"{clip(deal.name, 100)} ({w.money(deal.amount, deal.currency)}, {page.book.name(deal.owner_id)}, {closed})"
        )
        made.append(b.text_input(ident(f"{Field.LOSS}_{deal.deal_id}"), label, typed.reason, optional=True))
        if page.joint:
            made.append(_tick(ident(f"{Field.SHARED}_{deal.deal_id}"), typed.shared))
    if len(facts.lost) > MOST_LOST:
        made.append(b.context(f"… and {count(len(facts.lost) - MOST_LOST, 'smaller deal')} lost"))
    return made


def _tick(block_id: str, ticked: bool) -> b.Block:
    made = b.checkbox_input(block_id, "Sharing", (("The partner may see this reason", "yes"),), optional=True)
    if not ticked:
        made["element"].pop("initial_options", None)
    return made


def _pursuit(page: FormPage, ident: Ident) -> list[b.Block]:
    choice, said = page.desk.choice, page.desk.said
    ahead = next_month(page.desk.facts.month)
    made: list[b.Block] = [b.divider()]
    if choice.offered:
        hint = f"Open deals due by the end of {ahead:%B}, accounts of the overlap, open deals without a close date."
        if choice.left_out:
            hint += f" The first {len(choice.offered)}; {choice.left_out} more can be typed below."
        made.append(
            _choose(ident(Field.PURSUIT), f"Pursuit list for {ahead:%B %Y}", choice.offered, said.pursuit, hint)
        )
    else:
        made.append(
            b.section(f"*Pursuit list for {ahead:%B %Y}*: no deal is due by then, and no overlap was imported.")
        )
    made.append(b.text_input(ident(Field.ACCOUNTS), "More accounts, one a line", said.accounts, multiline=True,
                             optional=True, most=1000))  # fmt: skip
    return made


def _choose(block_id: str, label: str, offered: Sequence[Pursued], chosen: Sequence[str], hint: str) -> b.Block:
    options = {item.key: b.option(_offer(item), item.key) for item in offered}
    ticked = [options[key] for key in chosen if key in options]
    element = StaticMultiSelectElement(
        action_id=b.VALUE, options=list(options.values()), initial_options=ticked or None,
        placeholder=PlainTextObject(text="Choose deals and accounts"),
    )  # fmt: skip
    made: b.Block = InputBlock(
        block_id=block_id, label=PlainTextObject(text=label), element=element, hint=PlainTextObject(text=hint),
        optional=True,
    ).to_dict()  # fmt: skip
    return made


def _offer(item: Pursued) -> str:
    """One option: 75 characters hold the account, what it is, and when."""
    if not item.deal:
        return f"{clip(item.account, 45)} · overlap"
    money = "amount unknown" if item.amount is None else short_money(item.amount, item.currency)
    due = f"{item.close_date.day} {item.close_date:%b}" if item.close_date else "no close date"
    return f"{clip(item.deal, 40)} · {money} · {due}"


def _motion(page: FormPage, ident: Ident) -> list[b.Block]:
    """One or two things that are done differently from now on."""
    said, before = page.desk.said, page.desk.facts.changes_before
    made: list[b.Block] = [b.divider(), b.section("*Changes to the motion*: one or two, written down")]
    if before:
        made.append(b.context("Last time: " + "; ".join(w.escape(short(text, 200)) for text in before)))
    for place in range(MOST_CHANGES):
        text = said.changes[place] if place < len(said.changes) else ""
        needed = place == 0 and page.strict and page.state.held
        label = f"Change {place + 1}" + (", if there is one" if place else "")
        made.append(b.text_input(ident(f"{Field.CHANGE}_{place}"), label, text, optional=not needed, most=500,
                                 placeholder="What we do differently from now on"))  # fmt: skip
    return made


def _for_the_partner(page: FormPage, ident: Ident) -> list[b.Block]:
    """What is typed for the partner's own page: of the lists above nothing crosses."""
    if not page.joint:
        return []
    said, name = page.desk.said, w.escape(clip(page.desk.partner.name, 100))
    ahead = next_month(page.desk.facts.month)
    return [
        b.divider(),
        b.section(f"*What {name} may read*: what you type here, joint deals, ticked reasons and worded commitments"),
        b.text_input(ident(Field.SHARED_PURSUIT), f"Accounts we go after in {ahead:%B}", said.shared_pursuit,
                     multiline=True, optional=True, most=600, hint="One a line."),
        b.text_input(ident(Field.SHARED_CHANGES), "What we do differently from now on", said.shared_changes,
                     multiline=True, optional=True, most=600, hint="One a line."),
    ]  # fmt: skip


def _commitments(page: FormPage, ident: Ident) -> list[b.Block]:
    desk, state = page.desk, page.state
    need = commitments.NEED if state.held else "none needed when the PBR was not held"
    if desk.promised:
        need = f"{count(desk.promised, 'stands', 'stand')} already; add what a correction adds"
    wanted = max(0, commitments.expected(desk.standing) - desk.promised) if state.held and page.strict else 0
    made = commitments.standing(desk.standing, page.book, ident, optional=not (state.held and page.strict))
    made += commitments.promises("Commitments", need, ident, expected=wanted, joint=page.joint)
    _fill(made, _typed(desk.said, page.book), ident)
    return made


def _typed(said: Said, book: Directory) -> dict[str, str]:
    """What the fields of the commitments hold, by name."""
    names = commitments.Field
    found: dict[str, str | None] = {}
    for commitment_id, verdict in said.verdicts.items():
        found[f"{names.FATE}_{commitment_id}"] = verdict.fate
        found[f"{names.DUE}_{commitment_id}"] = _iso(verdict.due)
    for place, one in enumerate(said.promises):
        found[f"{names.TEXT}_{place}"] = one.text
        found[f"{names.OWNER}_{place}"] = book.slack_id(one.owner_id)
        found[f"{names.PROMISE_DUE}_{place}"] = _iso(one.due)
        found[f"{names.SHARED}_{place}"] = one.shared
    return {name: value for name, value in found.items() if value}


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


INITIAL = {
    "plain_text_input": "initial_value",
    "datepicker": "initial_date",
    "users_select": "initial_user",
    "static_select": "initial_option",
}


def _fill(blocks: Sequence[b.Block], typed: Mapping[str, str], ident: Ident) -> None:
    """Put a draft's words into fields that begin empty."""
    by_id = {ident(name): value for name, value in typed.items()}
    for block in blocks:
        value = by_id.get(str(block.get("block_id")))
        if value is None:
            continue
        element = block["element"]
        chosen = next((one for one in element.get("options", ()) if one["value"] == value), None)
        if element["type"] != "static_select" or chosen is not None:
            element[INITIAL[element["type"]]] = chosen or value


def _how(page: FormPage, ident: Ident) -> list[b.Block]:
    chosen = PUBLISH if page.state.publish else DRAFT
    options = (("Publish", PUBLISH), ("Save as draft: nobody is told", DRAFT))
    made = [b.radio_input(ident(Field.HOW), Action.HOW, "What now?", options, chosen)]
    if not page.begun:
        when = w.when(page.desk.occurrence.starts_at, page.clocks)
        made.append(b.context(f"It can be published as soon as the meeting has begun, {when}."))
    return made


async def parse(session: AsyncSession, view: Mapping[str, Any], state: FormState) -> Submitted:
    """What was submitted, owners looked up; judged in `models.pbr`."""
    values = Values(view)
    promises = await commitments.parse_promises(session, values)
    verdicts = commitments.parse_verdicts(values, state.c)
    held = values.option(Field.HELD) != NOT_HELD
    said = Said(
        held=held,
        side="" if held else values.option(Field.SIDE) or Side.OURS,
        reason=values.text(Field.REASON),
        lost={
            deal_id: Loss(
                reason=values.text(f"{Field.LOSS}_{deal_id}")[:LONGEST_TYPED],
                shared=bool(values.options(f"{Field.SHARED}_{deal_id}")),
            )
            for deal_id in state.l
            if values.has(f"{Field.LOSS}_{deal_id}")
        },
        pursuit=tuple(sorted(values.options(Field.PURSUIT))),
        accounts=values.text(Field.ACCOUNTS),
        changes=tuple(values.text(f"{Field.CHANGE}_{place}") for place in range(MOST_CHANGES)),
        verdicts={key: TypedVerdict(fate=verdict.fate, due=verdict.due) for key, verdict in verdicts.items()},
        promises=tuple(
            TypedPromise(text=one.text, owner_id=one.owner_id, due=one.due, shared=one.shared) for one in promises
        ),
        shared_pursuit=values.text(Field.SHARED_PURSUIT),
        shared_changes=values.text(Field.SHARED_CHANGES),
        what_changed=values.text(Field.WHAT_CHANGED),
    )
    refusals = {place: one.refusal for place, one in enumerate(promises) if one.refusal}
    return Submitted(occurrence_id=state.o, base=Base(state.n, state.d), said=said, refusals=refusals)


def wants_publishing(view: Mapping[str, Any]) -> bool:
    return Values(view).option(Field.HOW) != DRAFT
