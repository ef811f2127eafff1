"""The two forms when people change: work to a successor, a partner to a new manager. Modals and their parsers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Values
from handlers.people.ids import Field, FormState, View
from models import people
from models.domain.errors import FieldErrors
from models.domain.text import clip, count
from models.handover import EVERYTHING, Give, Held, InHand, What
from models.managers import NewManager
from models.tables import Partner, Person

MOST_LINES = 6
MOST_PARTNERS = 100
ONES = {What.DEALS: "open deal", What.ACTIONS: "next action", What.COMMITMENTS: "commitment"}


def counts(held: InHand) -> str:
    """`3 open deals, 1 next action and 2 commitments`, as far as there are any."""
    parts = [count(len(held.of(what)), one) for what, one in ONES.items() if held.of(what)]
    if held.partners:
        parts.append(count(len(held.partners), "partner"))
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def lines(items: Sequence[Held], most: int = MOST_LINES) -> list[str]:
    """The first few things, one a line; the rest is counted."""
    names = {What.DEALS: "deal", What.ACTIONS: "next action", What.COMMITMENTS: "commitment"}
    found = [
        f"• {w.escape(clip(item.words, 100))} · {names[item.what]}"
        + (f" · {w.escape(clip(item.partner, 60))}" if item.partner_id is not None else "")
        for item in items[:most]
    ]
    return found + ([f"… and {len(items) - most} more"] if len(items) > most else [])


def hand_over(person: Person | None, held: InHand, state: FormState) -> dict[str, Any]:
    """Whose work (asked for when nobody is given), what of it, and the one person it goes to."""
    made: list[b.Block] = []
    if person is None:
        made.append(b.section("Open deals, next actions and commitments go to one named person. Of what belongs to a "
                              "partner you can give away what you may answer for."))  # fmt: skip
        made.append(b.user_input(Field.PERSON, "Whose work?"))
        offered = [(one.capitalize() + "s", what.value) for what, one in ONES.items()]
    else:
        lead = f"*{w.escape(clip(person.name, 60))}* has {counts(InHand(held.items))}:"
        made += b.paragraphs("\n".join([lead, *lines(held.items)]))
        offered = [
            (count(len(held.of(what)), one), what.value) for what, one in ONES.items() if held.of(what)
        ]  # fmt: skip
    made += [
        b.user_input(Field.TO, "Who has it from now on? One named person",
                     hint="They are told what came to them, and get its prompts."),
        b.checkbox_input(Field.WHAT, "What goes over?", offered),
        b.text_input(Field.REASON, "Why?", optional=True, most=300, hint="It stands in the trail of each change."),
    ]  # fmt: skip
    return b.modal(View.HAND_OVER, "Hand over work", made, metadata=state.dump(), submit="Hand over", close="Cancel")


async def parse_hand_over(session: AsyncSession, view: Mapping[str, Any]) -> Give:
    """What was submitted, people looked up; judged in `models.handover`."""
    values, state = Values(view), FormState.load(view["private_metadata"])
    if state.f:
        person: Person | None = await people.get(session, state.f)
    else:
        person = await _chosen(session, values, Field.PERSON)
    to = await _chosen(session, values, Field.TO)
    return Give(person, to, _what(values), values.text(Field.REASON))


async def _chosen(session: AsyncSession, values: Values, field: Field) -> Person | None:
    """The person behind a user field. Raises FieldErrors for somebody Cadence does not know."""
    slack_id = values.user(field)
    found = await people.by_slack_id(session, slack_id) if slack_id else None
    if slack_id and found is None:
        raise FieldErrors({field: people.why_no_owner(None)})
    return found


def _what(values: Values) -> frozenset[What]:
    return frozenset(what for what in EVERYTHING if what.value in values.options(Field.WHAT))


@dataclass(frozen=True)
class ManagerPage:
    """The partners the person may name a manager for, and what the last submission has to say."""

    partners: Sequence[Partner]
    before: Person | None
    state: FormState
    to: str | None = None
    reason: str = ""
    said: str = ""


def new_manager(page: ManagerPage) -> dict[str, Any]:
    """Which partner, who manages it from now on, and what of the old manager's goes along."""
    made: list[b.Block] = [b.context(f":white_check_mark: {w.escape(page.said)}")] if page.said else []
    if page.before is not None:
        lead = f"*{w.escape(clip(page.before.name, 60))}* manages {count(len(page.partners), 'partner')}"
        made.append(b.section(f"{lead}. Each gets a named manager, one after the other."))
    options = [(f"{clip(one.name, 60)} (Tier {one.tier})", str(one.id)) for one in page.partners]
    step = page.state.place  # the same field means another partner: Slack keeps what was chosen while the id stays
    first = options[0][1] if len(options) == 1 or page.before is not None else None
    hint = "`/cadence` and a part of its name narrows this list." if len(options) > MOST_PARTNERS else ""
    made += [
        b.select_input(f"{Field.PARTNER}:{step}", "Partner", options, first, hint=hint),
        b.user_input(f"{Field.MANAGER}:{step}", "New partner manager", page.to,
                     hint="They get a one-page handover, the weekly review from its next occurrence on, and what is not closed."),
        b.checkbox_input(f"{Field.WHAT}:{step}", "What the present manager has open with this partner goes along",
                         [(one.capitalize() + "s", what.value) for what, one in ONES.items()], optional=True),
        b.text_input(f"{Field.REASON}:{step}", "Why?", page.reason, optional=True, most=300),
    ]  # fmt: skip
    return b.modal(
        View.NEW_MANAGER, "New partner manager", made, metadata=page.state.dump(), submit="Name", close="Cancel"
    )


async def parse_new_manager(session: AsyncSession, view: Mapping[str, Any]) -> NewManager:
    values = Values(view)
    to = await _chosen(session, values, Field.MANAGER)
    return NewManager(int(values.option(Field.PARTNER) or 0), to, _what(values), values.text(Field.REASON))


def done(said: str, warning: str) -> dict[str, Any]:
    """A receipt that has something to say."""
    made = [b.section(f":white_check_mark: {w.escape(said)}"), b.section(f":warning: {w.escape(warning)}")]
    return b.modal(View.DONE, "New partner manager", made)
