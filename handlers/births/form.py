"""The form that makes a deal: the modal and its parser, side by side; what it says of a near one; its receipt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.births.ids import Field, FormState, View
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Values
from models import people
from models.births import LONGEST_ACCOUNT, LONGEST_ACTION, LONGEST_NAME, Birth, Born, Near
from models.domain.text import clip
from models.people import Names
from models.tables import Partner, Person

MOST_PARTNERS = 100
MOST_NEAR = 3
MOST_SEEN = 200
LONGEST_VALUE = 150
LONGEST_QUERY = 80


@dataclass(frozen=True)
class FormPage:
    """All that the form shows. `typed` stands in the fields; `me` is the actor's Slack id."""

    partners: Sequence[Partner]
    stages: Sequence[str]
    currency: str
    may_name_owner: bool
    me: str | None
    state: FormState = field(default_factory=FormState)
    typed: Birth | None = None
    near: tuple[Near, ...] = ()
    book: Names = field(default_factory=lambda: Names({}))


def modal(page: FormPage) -> dict[str, Any]:
    """What it is, where it stands, what happens next."""
    typed = page.typed or Birth(currency=page.currency)
    made: list[b.Block] = [b.section(near_text(page.near, page.book))] if page.near else []
    made += [*_what(page, typed), *_where(page, typed), b.divider(), *_next(typed)]
    return b.modal(View.NEW, "New deal", made, metadata=page.state.dump(), submit="Create", close="Cancel")


def _what(page: FormPage, typed: Birth) -> list[b.Block]:
    partners = page.partners[:MOST_PARTNERS]
    options = [(clip(one.name, b.OPTION_LIMIT), str(one.id)) for one in partners]
    chosen = str(typed.partner_id) if typed.partner_id else options[0][1] if len(options) == 1 else None
    hint = (
        f"The first {MOST_PARTNERS} of {len(page.partners)}. `/deals new` and a part of its name narrows this list."
        if len(page.partners) > MOST_PARTNERS
        else ""
    )
    made = [
        b.text_input(Field.NAME, "Deal", typed.name, most=LONGEST_NAME, placeholder="As it will be called in the CRM"),
        b.text_input(Field.ACCOUNT, "Account", typed.account, most=LONGEST_ACCOUNT, placeholder="The customer"),
        b.select_input(Field.PARTNER, "Partner", options, chosen, hint=hint),
    ]
    if page.may_name_owner:
        owner = typed.owner.slack_id if typed.owner is not None else page.me
        made.append(
            b.user_input(Field.OWNER, "Owner: one named person", owner, hint="They are asked about it from now on.")
        )
    return made


def _where(page: FormPage, typed: Birth) -> list[b.Block]:
    stages = [(clip(name, b.OPTION_LIMIT), name[:LONGEST_VALUE]) for name in page.stages]
    return [
        b.select_input(Field.STAGE, "Stage", stages, typed.stage or (stages[0][1] if stages else None)),
        b.text_input(Field.AMOUNT, "Amount", typed.amount, optional=True, most=40, hint="Leave empty if nobody knows yet."),
        b.text_input(Field.CURRENCY, "Currency", typed.currency or page.currency, most=3, hint="Its code, such as USD or EUR."),
        b.date_input(Field.CLOSE_DATE, "Expected close date", typed.close_date, optional=True),
    ]  # fmt: skip


def _next(typed: Birth) -> list[b.Block]:
    owner = typed.next_owner.slack_id if typed.next_owner is not None else None
    return [
        b.text_input(Field.NEXT_TEXT, "Next action", typed.next_text, optional=True, most=LONGEST_ACTION,
                     placeholder="What happens next, in one line"),
        b.date_input(Field.NEXT_DUE, "Due", typed.next_due, optional=True),
        b.user_input(Field.NEXT_OWNER, "Who does it?", owner, optional=True, hint="Left empty, the deal's owner."),
    ]  # fmt: skip


def near_text(near: Sequence[Near], book: Names) -> str:
    """“There is already *Acme – Pumps* (USD 40,000, Ann)”, and what saving again means."""
    lines = [_near_line(one, book) for one in near[:MOST_NEAR]]
    if len(near) > MOST_NEAR:
        lines.append(f"{len(near) - MOST_NEAR} more")
    lead = (
        f"There is already {lines[0]}."
        if len(lines) == 1
        else f"There are already {', '.join(lines[:-1])} and {lines[-1]}."
    )
    return f":warning: {lead} Nothing is saved yet: *Create* again to create it all the same."


def _near_line(near: Near, book: Names) -> str:
    owner = w.escape(book.name(near.owner_id))
    if near.traits is None:
        return f"a deal much like this one ({owner}: ask them)"
    amount = w.money(near.traits.amount, near.traits.currency)
    return f"*{w.escape(clip(near.traits.name, 100))}* ({amount}, {owner})"


async def parse(session: AsyncSession, view: Mapping[str, Any]) -> Birth:
    """What was submitted, people looked up; judged in `models.births`."""
    values, state = Values(view), FormState.load(view["private_metadata"])
    chosen = {name: values.user(name) for name in (Field.OWNER, Field.NEXT_OWNER)}
    known = await people.by_slack_ids(session, {slack_id for slack_id in chosen.values() if slack_id})
    partner = values.option(Field.PARTNER)
    return Birth(
        name=values.text(Field.NAME),
        account=values.text(Field.ACCOUNT),
        partner_id=int(partner) if partner.isdecimal() else 0,
        owner=known.get(chosen[Field.OWNER]),
        stage=values.option(Field.STAGE),
        amount=values.text(Field.AMOUNT),
        currency=values.text(Field.CURRENCY),
        close_date=values.date(Field.CLOSE_DATE),
        next_text=values.text(Field.NEXT_TEXT),
        next_due=values.date(Field.NEXT_DUE),
        next_owner=known.get(chosen[Field.NEXT_OWNER]),
        strangers=frozenset(str(name) for name, slack_id in chosen.items() if slack_id and slack_id not in known),
        seen=frozenset(state.seen),
    )


@dataclass(frozen=True)
class Receipt:
    """What was made, and when somebody is asked about it. `starts_at`: its next review; None: it has none."""

    born: Born
    actor: Person
    starts_at: datetime | None
    meets: bool
    clocks: ZoneInfo
    crm: bool


def receipt(page: Receipt) -> dict[str, Any]:
    born = page.born
    partner = w.escape(clip(born.partner.name, 60))
    who = "You are" if born.owner.id == page.actor.id else f"{w.escape(clip(born.owner.name, 60))} is"
    made = [b.section(f":white_check_mark: *{w.escape(clip(born.name, 150))}* is here, with {partner}.")]
    if page.starts_at is None:
        made.append(
            b.section(f"{partner} has no review yet, so nobody is asked about it. `/cadence setup` starts one.")
        )
    else:
        what = f"the {partner} review" if page.meets else "the Friday note's *other partners*"
        made.append(
            b.section(f"{who} asked about it before {what}, {w.when(page.starts_at, page.clocks)}. `/deals` shows it.")
        )
    if page.crm:
        made.append(b.context("It counts from now on, marked as not in the CRM yet. When an import brings it, the partner's "
                              "manager is asked whether the two are one deal."))  # fmt: skip
    return b.modal(View.DONE, "New deal", made)
