"""The answer form: one deal at a time, saved as it is submitted. The modal and its parser, side by side."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.deal_review import card
from handlers.deal_review.ids import Action, Field, FormState, View
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Values
from models import people
from models.answers import Fields, Given, Outcome, present_fields, with_amount
from models.domain.deals import Category
from models.domain.errors import Conflict, Stale
from models.domain.money import format_money
from models.domain.notes import PartnerSays
from models.domain.policy import Policy
from models.domain.text import clip
from models.joint import says
from models.people import Directory
from models.reviews import DealView
from models.tables import Person

LONGEST_VALUE = 150
KEPT = "\u2026"
"""The value of a stage whose name is longer than Slack takes: chosen, it is left as it is."""
OUTCOMES = ((Outcome.OPEN, "Not yet: it goes on"), (Outcome.DONE, "Done"), (Outcome.DROPPED, "Dropped"))
LABELS = {
    "next_text": "Next action",
    "next_owner": "Owner",
    "next_due": "Due",
    "shared_text": "What the partner may read",
    "partner_owner": "Partner's owner",
    "stage": "Stage",
    "category": "Forecast category",
    "amount": "Amount",
    "close_date": "Close date",
    "help_needed": "Risk or help needed",
}


@dataclass(frozen=True)
class FormPage:
    """All that the form shows."""

    view: DealView
    fields: Fields
    book: Directory
    contacts: tuple[str, ...]
    stages: tuple[str, ...]
    state: FormState
    me: str | None = None
    conflicts: tuple[Conflict, ...] = ()
    crm: bool = False
    """Whether there is a CRM that owns deals."""
    says: tuple[PartnerSays, ...] = ()
    """What partners say of this deal."""
    renewed: frozenset[str] = frozenset()
    """Fields that somebody else changed and this person did not: shown anew, under another id."""


async def load(
    session: AsyncSession, view: DealView, state: FormState, *, policy: Policy, me: str | None = None
) -> FormPage:
    """What the form needs beyond the deal: names, the partner's people, the stages."""
    contacts = await session.scalars(
        select(Person.name)
        .where(Person.side == "theirs", Person.active.is_(True), Person.partner_id == view.version.partner_id)
        .order_by(Person.name)
    )
    fields = present_fields(view.deal, view.version, view.action)
    return FormPage(
        view=view,
        fields=fields,
        book=await people.directory(session),
        contacts=tuple(contacts),
        stages=policy.stages.names,
        state=state.model_copy(update={"shown": fields.prints(), "a": view.action.id if view.action else None}),
        me=me,
        crm=policy.crm_is_truth,
        says=tuple((await says.of_deals(session, [view.id], policy=policy)).get(view.id, ()))
        if view.deal.joint
        else (),
    )


def modal(page: FormPage) -> dict[str, Any]:
    """One deal: what became of the last action, what happens next, what changed, what is needed."""
    state, view = page.state, page.view
    made: list[b.Block] = []
    if page.conflicts:
        made.append(b.section(conflict_text(page.conflicts)))
    made += [b.section(card.deal_text(view, page.book, crm=page.crm)), *_said(page)]
    made += [*(b.context(line) for line in card.partner_lines(page.says)), b.divider()]
    if view.action is not None:
        made.append(_outcome(page))
    made += _next_action(page)
    if view.deal.joint:
        made.append(_shared_wording(page))
    made += [*_partner_owner(page), b.divider(), *_standing(page)]
    made.append(
        b.text_input(_id(Field.HELP, page), "Risk or help needed", page.fields.help_needed, multiline=True,
                     optional=True, most=1000, hint="Stands in the Friday note until you clear it.")
    )  # fmt: skip
    last = state.place >= state.total
    return b.modal(
        View.ANSWER,
        f"Deal {state.place} of {state.total}" if state.total > 1 else "Answer for a deal",
        made,
        metadata=state.dump(),
        submit="Save" if last else "Save and next",
        close="Cancel" if state.total == 1 else "Not now",
    )


def _id(name: Field, page: FormPage, variant: str = "") -> str:
    """Ids differ from deal to deal, because Slack would keep what was typed for the one before."""
    renewed = page.state.shown.get(name, "") if name in page.renewed else ""
    return ":".join(part for part in (name, str(page.state.d), variant, renewed) if part)


def conflict_text(conflicts: tuple[Conflict, ...]) -> str:
    lines = [":warning: *Somebody else changed this while your form was open. Nothing of yours is lost.*"]
    lines += [
        f"• {LABELS.get(held.field, held.field)}: {w.escape(held.by)} set *{w.escape(clip(held.present, 300))}*; "
        f"you typed *{w.escape(clip(held.typed, 300))}*"
        for held in conflicts
    ]
    lines.append("Keep yours or take theirs in the fields below, then save again.")
    return "\n".join(lines)


def _said(page: FormPage) -> list[b.Block]:
    said = page.view.version.said
    if not said:
        return []
    version = page.view.version
    lines = [
        f"{LABELS[name]}: CRM says {w.said(name, _iso(getattr(version, name)), version.currency)}, "
        f"{w.escape(page.book.name(held.get('by')))} said {w.said(name, held['value'], version.currency)}"
        for name, held in sorted(said.items())
    ]
    return [b.context("To mend in the CRM: " + "; ".join(w.escape(line) for line in lines))]


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _outcome(page: FormPage) -> b.Block:
    action = page.view.action
    text = clip(action.text, 150) if action else ""
    due = w.day(action.due) if action else ""
    options = [(label, value) for value, label in OUTCOMES]
    # The id names the action: a verdict on one action must not become the verdict on the one that replaced it.
    variant = str(action.id) if action else ""
    return b.radio_input(
        _id(Field.OUTCOME, page, variant),
        Action.OUTCOME,
        f"What became of “{text}”, due {due}?",
        options,
        page.state.outcome,
    )


def _next_action(page: FormPage) -> list[b.Block]:
    state, fields = page.state, page.fields
    replaces = state.outcome != Outcome.OPEN or page.view.action is None
    variant = f"after-{state.outcome}" if replaces else ""
    made: list[b.Block] = []
    if state.outcome == Outcome.DROPPED:
        made.append(b.text_input(_id(Field.DROP_REASON, page), "Why was it dropped?", most=300))
    text, hint = ("", "") if replaces else (fields.next_text, "")
    if page.view.action is None and page.view.version.next_step:
        text, hint = page.view.version.next_step, "As the CRM says it: make it one thing that one person does."
    owner = page.book.slack_id(fields.next_owner) or page.book.slack_id(page.view.version.owner_id) or page.me
    made.append(b.text_input(_id(Field.NEXT_TEXT, page, variant), "Next action", text, hint=hint, most=500,
                             placeholder="What happens next, in one line"))  # fmt: skip
    made.append(b.user_input(_id(Field.NEXT_OWNER, page, variant), "Owner: one named person", owner))
    made.append(b.date_input(_id(Field.NEXT_DUE, page, variant), "Due", None if replaces else fields.next_due))
    return made


def _shared_wording(page: FormPage) -> b.Block:
    """What crosses of the next action; another action has other words, so nobody shares the last one's by accident."""
    replaces = page.state.outcome != Outcome.OPEN
    return b.text_input(
        _id(Field.SHARED_TEXT, page, f"after-{page.state.outcome}" if replaces else ""),
        "What the partner may read of this action", "" if replaces else page.fields.shared_text, optional=True, most=500,
        hint="These words, the owner's name and the due day stand in the joint channel. Empty: nothing of the action does.",
    )  # fmt: skip


def _partner_owner(page: FormPage) -> list[b.Block]:
    present = page.fields.partner_owner
    # The one who stands comes first: a select takes a hundred.
    names = list(dict.fromkeys([*([present] if present else []), *page.contacts]))
    if not names:
        return [
            b.text_input(_id(Field.PARTNER_OWNER, page), "Partner's owner", present, optional=True, most=100,
                         hint="The person at the partner who has this deal.")
        ]  # fmt: skip
    return [
        b.select_input(_id(Field.PARTNER_OWNER, page), "Partner's owner",
                       [(name, _value(name) if name == present else name[:LONGEST_VALUE]) for name in names],
                       _value(present) or None, optional=True)
    ]  # fmt: skip


def _standing(page: FormPage) -> list[b.Block]:
    fields, version = page.fields, page.view.version
    stages = list(dict.fromkeys([*page.stages, *([fields.stage] if fields.stage else [])]))
    amount = (
        ""
        if fields.amount is None
        else format_money(fields.amount, version.currency).removeprefix(version.currency).strip()
    )
    note = (
        "Where this differs from the CRM it is shown beside it; totals keep the CRM's value."
        if page.view.deal.crm_id
        else ""
    )
    return [
        b.select_input(_id(Field.STAGE, page), "Stage", [(name, _value(name)) for name in stages],
                       _value(fields.stage) or None, hint=note),
        b.select_input(
            _id(Field.CATEGORY, page), "Forecast category", [(held.label.capitalize(), held.value) for held in Category],
            fields.category,
        ),
        b.text_input(_id(Field.AMOUNT, page), f"Amount in {version.currency}", amount, optional=True, most=40,
                     hint="Leave empty if nobody knows yet."),
        b.date_input(_id(Field.CLOSE_DATE, page), "Close date", fields.close_date, optional=True),
    ]  # fmt: skip


def _value(stage: str) -> str:
    return stage if len(stage) <= LONGEST_VALUE else KEPT


async def with_both(
    session: AsyncSession, page: FormPage, submitted: Mapping[str, Any], state: FormState, stale: Stale
) -> FormPage:
    """The page after two people changed one deal: what this one typed stays, everything else is shown as it is now.

    `state` is what the submitted form had shown. Slack keeps what a field held where its id stays, touched or not: so what must be shown anew gets another id.
    """
    known = await people.by_slack_ids(session, [owner_of(submitted)])
    given = with_amount(parse(submitted, state, known.get(owner_of(submitted))), page.view.version.currency)
    typed, now_is = given.fields.prints(), page.fields.prints()
    touched = {name for name, print_ in typed.items() if name not in given.absent and print_ != state.shown.get(name)}
    same_action = page.view.action is not None and page.view.action.id == given.action_id
    return replace(
        page,
        fields=page.fields.model_copy(update={name: getattr(given.fields, name) for name in touched}),
        conflicts=stale.conflicts,
        renewed=frozenset(name for name in typed if name not in touched and now_is[name] != state.shown.get(name)),
        state=page.state.model_copy(update={"outcome": given.outcome if same_action else Outcome.OPEN}),
    )


def owner_of(view: Mapping[str, Any]) -> str:
    """The Slack id of the chosen owner of the next action; empty when none is chosen."""
    return Values(view).user(Field.NEXT_OWNER)


def parse(view: Mapping[str, Any], state: FormState, owner: Person | None) -> Given:
    """What was submitted; `owner` is the person behind `owner_of`. Judged with the deal locked."""
    values = Values(view)
    fields = Fields(
        next_text=values.text(Field.NEXT_TEXT),
        next_owner=owner.id if owner else None,
        next_due=values.date(Field.NEXT_DUE),
        shared_text=values.text(Field.SHARED_TEXT),
        partner_owner=values.option(Field.PARTNER_OWNER) or values.text(Field.PARTNER_OWNER),
        stage=values.option(Field.STAGE),
        category=values.option(Field.CATEGORY),
        close_date=values.date(Field.CLOSE_DATE),
        help_needed=values.text(Field.HELP),
    )
    return Given(
        occurrence_id=state.o,
        deal_id=state.d,
        fields=fields,
        shown=state.shown,
        action_id=state.a,
        outcome=values.option(Field.OUTCOME) or Outcome.OPEN,
        drop_reason=values.text(Field.DROP_REASON),
        unknown_owner=people.why_no_owner(None) if owner is None else "",
        absent=frozenset(name for name in Fields.model_fields if not values.has(name) or values.option(name) == KEPT),
        amount_text=values.text(Field.AMOUNT) if values.has(Field.AMOUNT) else None,
    )
