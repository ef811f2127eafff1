"""The forms behind the lists: a partner, a person, a partner's internal channel. Modals and their parsers."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.first_run.ids import Action, Field, FormState, View, Way
from handlers.first_run.inputs import channel_input, chosen_channel, ticks_input
from handlers.first_run.page import SHORT, room_name
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Values
from models.domain.files.partners import ARCHETYPES
from models.domain.policy import Policy
from models.domain.text import clean, clip, count, key
from models.first_run import PartnerFact, Room, is_channel_id
from models.roster import LONGEST, ROLES, TIERS, ceiling_words
from models.tables import Person

YES = "yes"
PRIVATE, PUBLIC = "private", "public"
LONGEST_NAME = 80
DUTIES = {
    "ae": ("AE", "owns deals and is asked about them"),
    "pm": ("Partner manager", "leads and closes the reviews of their partners"),
    "head": ("Head of partnerships", "sees and may do everything; asked where nobody else is"),
    "cro": ("CRO", "reads every partner"),
    "cfo": ("CFO", "reads every partner"),
    "ceo": ("CEO", "reads every partner"),
    "admin": ("Admin", "sets Cadence up; sees no deals by that alone"),
}


@dataclass(frozen=True)
class PartnerForm:
    """A partner as a form shows it; `present` None: a new one. `like` is said when its name is nearly another's."""

    policy: Policy
    state: FormState
    present: PartnerFact | None = None
    manager: str | None = None
    """The manager's Slack id."""
    tier: int = 1
    like: str = ""
    bare: int = 0
    """Other partners without a manager: whoever is named may have them too."""


def partner(page: PartnerForm) -> dict[str, Any]:
    present = page.present
    made: list[b.Block] = []
    if present is None:
        if page.like:
            made.append(
                b.section(f":warning: {w.escape(page.like)} If it is another company, say so below and add it.")
            )
        made.append(
            b.text_input(
                Field.NAME, "Name", most=LONGEST, hint="As your CRM writes it: its file is matched by this name."
            )
        )
        if page.like:
            made.append(
                ticks_input(Field.SURE, "The same company?", [("It is another company", YES, "")], optional=True)
            )
    else:
        made.append(b.section(f"*{w.escape(clip(present.name, SHORT))}*"))
    tier = present.tier if present else page.tier
    hint = ceiling_words(page.policy)
    if present is not None:
        hint += " A change starts on the next Monday; for a partner without a review that is new this week, at once."
    made += [
        b.select_input(Field.TIER, "Tier", [(f"Tier {one}", str(one)) for one in TIERS], str(tier), hint=hint),
        b.user_input(Field.MANAGER, "Partner manager", page.manager,
                     optional=present is not None and not present.manager,
                     hint="One named person. Whoever you name becomes a partner manager here, if they are not yet."),
        *_others(page.bare),
        b.select_input(Field.ARCHETYPE, "What kind of partner?", [(one, one) for one in ARCHETYPES],
                       present.archetype if present else None, optional=True),
    ]  # fmt: skip
    title, submit = ("Add a partner", "Add") if present is None else ("Change a partner", "Save")
    return b.modal(View.PARTNER, title, made, metadata=page.state.dump(), submit=submit, close="Cancel")


def _others(bare: int) -> list[b.Block]:
    """Offered, not ticked: whoever manages none is asked about nothing."""
    if not bare:
        return []
    words = f"the {count(bare, 'other partner')} without a manager"
    return [ticks_input(Field.OTHERS, "Do they manage others, too?", [(f"Also {words}", YES, "")], optional=True)]


@dataclass(frozen=True)
class PartnerSaid:
    """What was submitted of a partner; `manager` is a Slack id."""

    name: str
    tier: int
    archetype: str
    manager: str
    sure: bool
    others: bool = False


def parse_partner(view: Mapping[str, Any]) -> PartnerSaid:
    values = Values(view)
    tier = values.option(Field.TIER)
    return PartnerSaid(
        name=values.text(Field.NAME),
        tier=int(tier) if tier.isdecimal() else 0,
        archetype=values.option(Field.ARCHETYPE),
        manager=values.user(Field.MANAGER),
        sure=YES in values.options(Field.SURE),
        others=YES in values.options(Field.OTHERS),
    )


def person(present: Person | None, state: FormState, policy: Policy) -> dict[str, Any]:
    """Who, as what, and whose holidays; of somebody who is known their Slack account is not asked for."""
    made: list[b.Block] = []
    if present is None:
        made.append(
            b.user_input(
                Field.PERSON, "Who?", hint="A full member of this workspace: no app, no guest, nobody of a partner."
            )
        )
    else:
        made.append(b.section(f"*{w.escape(clip(present.name, SHORT))}*"))
    company = f"the company's ({policy.holidays})" if policy.holidays else "none, as the company has none"
    made += [
        ticks_input(Field.ROLES, "Roles", [(words, role, duty) for role, (words, duty) in DUTIES.items()],
                    [role for role in ROLES if present is not None and present.has(role)]),
        b.text_input(Field.HOLIDAYS, "Holiday calendar", present.calendar if present else "", optional=True, most=12,
                     hint=f"A country or region such as US or GB-ENG. Empty: {company}."),
    ]  # fmt: skip
    title, submit = ("Add a person", "Add") if present is None else ("Change a person", "Save")
    return b.modal(View.PERSON, title, made, metadata=state.dump(), submit=submit, close="Cancel")


@dataclass(frozen=True)
class PersonSaid:
    """What was submitted of a person; `person` is a Slack id, `roles` only those there are."""

    person: str
    roles: tuple[str, ...]
    holidays: str


def parse_person(view: Mapping[str, Any]) -> PersonSaid:
    values = Values(view)
    ticked = values.options(Field.ROLES)
    return PersonSaid(
        person=values.user(Field.PERSON),
        roles=tuple(role for role in ROLES if role in ticked),
        holidays=values.text(Field.HOLIDAYS),
    )


def channel(name: str, room: Room | None, state: FormState) -> dict[str, Any]:
    """A channel that exists or a new one: the fields of the other way are not there."""
    lead = f"*{w.escape(clip(name, SHORT))}*: agenda before each review, note after it."
    if room is not None:
        lead += f" Now: {room_name(room)}."
    ways = [("Use a channel that exists", Way.USE.value), ("Create a new one", Way.CREATE.value)]
    made: list[b.Block] = [
        b.section(lead),
        b.radio_input(Field.WAY, Action.WAY, "Internal channel", ways, state.way),
    ]
    if state.way == Way.CREATE:
        choices = [("Private: only who is invited", PRIVATE), ("Public: everybody in this workspace", PUBLIC)]
        made += [
            b.text_input(Field.NAME, "Its name", suggestion(name), most=LONGEST_NAME,
                         hint="Small letters, digits, hyphens and underscores."),
            b.select_input(Field.PRIVACY, "Who can see it?", choices, PRIVATE,
                           hint="Cadence creates it and invites you and the partner manager."),
        ]  # fmt: skip
    else:
        present = room.ref if room is not None and is_channel_id(room.ref) else None
        made.append(
            channel_input(Field.CHANNEL, "Channel", present,
                          hint="Ours alone: channels shared with other companies are not offered. Where Cadence is not a "
                               "member, it says so and waits to be invited.")
        )  # fmt: skip
    submit = "Create" if state.way == Way.CREATE else "Use"
    return b.modal(View.CHANNEL, "Internal channel", made, metadata=state.dump(), submit=submit, close="Cancel")


@dataclass(frozen=True)
class ChannelSaid:
    """What was submitted: the id of a channel that exists, or the name of a new one."""

    way: Way
    channel: str
    name: str
    private: bool


def parse_channel(view: Mapping[str, Any]) -> ChannelSaid:
    values = Values(view)
    way = Way.CREATE if values.option(Field.WAY) == Way.CREATE else Way.USE
    name = clean(values.text(Field.NAME)).removeprefix("#")
    return ChannelSaid(way, chosen_channel(view), name, values.option(Field.PRIVACY) != PUBLIC)


def suggestion(name: str) -> str:
    """`partner-acme-gmbh`: what Slack takes as a channel's name, as near to the partner's as that allows."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", key(name)) if not unicodedata.combining(char))
    slug = re.sub(r"[^\w]+|_+", "-", plain).strip("-")
    return f"partner-{slug}"[:LONGEST_NAME].rstrip("-").lower()
