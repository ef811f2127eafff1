"""The three lists behind the steps: partners with their tiers, people with their roles, channels. A page of rows at a time."""

from collections.abc import Sequence
from typing import Any, TypeVar

from handlers.first_run.ids import Action, Door, Row, View
from handlers.first_run.page import (
    ROLES,
    SHORT,
    SetUpPage,
    breaches,
    partner_state,
    room_name,
    trouble_words,
)
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Carried
from models.domain.text import clip, count
from models.first_run import PartnerFact, PersonFact
from models.roster import ceiling_words

PAGE = 30
T = TypeVar("T")


def partners(page: SetUpPage, at: int = 0) -> dict[str, Any]:
    made: list[b.Block] = [
        b.context(ceiling_words(page.policy)),
        b.actions(b.button("Add a partner…", Action.ADD_PARTNER, Row(at=at).dump(), style="primary"), block_id="add"),
        *(b.context(f":warning: {w.escape(words)}") for words in breaches(page)[:PAGE]),
    ]
    if not page.facts.partners:
        made.append(b.section("No partner yet."))
    shown, turn = _turn(page.facts.partners, at)
    for one in shown:
        change = b.button("Change…", Action.CHANGE_PARTNER, Row(i=one.id, at=at).dump())
        text = f"*{w.escape(clip(one.name, SHORT))}*\n{partner_state(one)}"
        made.append(b.section(text, accessory=change, block_id=f"partner:{one.id}"))
    return b.modal(View.PARTNERS, "Partners and tiers", made + turn, metadata=Row(at=at).dump(), close="Back")


def people(page: SetUpPage, at: int = 0) -> dict[str, Any]:
    found = page.facts
    made: list[b.Block] = [
        b.context("Cadence asks, and takes answers from, the people named here. Roles say what each may do; one person can "
                  "have several."),
        b.actions(b.button("Add a person…", Action.ADD_PERSON, Row(at=at).dump(), style="primary"), block_id="add"),
    ]  # fmt: skip
    if found.unmatched:
        many = found.unmatched != 1
        text = (
            f":warning: *{count(found.unmatched, 'owner')} in the CRM's file {'are' if many else 'is'} nobody here yet.* "
            f"Until somebody says who {'they are, their' if many else 'it is, the'} deals are asked of the partner's manager."
        )
        made.append(b.section(text, accessory=b.button("Say who they are…", Door.MATCH_OWNERS, Carried().dump())))
    if not found.people:
        made.append(b.section("Nobody yet."))
    shown, turn = _turn(found.people, at)
    for one in shown:
        change = b.button("Change…", Action.CHANGE_PERSON, Row(i=one.id, at=at).dump())
        text = f"*{w.escape(clip(one.name, SHORT))}*\n{_person_state(one)}"
        made.append(b.section(text, accessory=change, block_id=f"person:{one.id}"))
    return b.modal(View.PEOPLE, "People and roles", made + turn, metadata=Row(at=at).dump(), close="Back")


def _person_state(one: PersonFact) -> str:
    parts = [", ".join(ROLES[role] for role in one.roles) or "no role yet"]
    if one.calendar:
        parts.append(f"holidays {w.escape(clip(one.calendar, 20))}")
    if not one.reachable:
        parts.append(":warning: not found in Slack yet")
    return " · ".join(parts)


def channels(page: SetUpPage, at: int = 0, said: str = "") -> dict[str, Any]:
    """The internal channel of each Tier 1 partner that is the person's to choose, and the leadership channel."""
    rows = [one for one in page.facts.tier1 if one.id in page.mine]
    made: list[b.Block] = [
        b.context("Agenda and note of a partner go to its internal channel: ours alone, never one that is shared with "
                  "another company.")
    ]  # fmt: skip
    if said:
        made.append(b.context(f":warning: {w.escape(said)}"))
    if not rows:
        made.append(b.section("No Tier 1 partner yet: they come first."))
    shown, turn = _turn(rows, at)
    first = next((one for one in rows if one.room is None), None)
    made += [_channel_row(one, at, "primary" if one is first else None) for one in shown]
    made += turn
    made += [b.divider(), b.section(f"*Leadership*\n{_leadership(page)}")]
    again = b.button("Look again", Action.LOOK_AGAIN, Row(at=at).dump())
    made += [
        b.actions(again, block_id="again"),
        b.context("Cadence looks when this page opens, and when you press that."),
    ]
    return b.modal(View.CHANNELS, "Channels", made, metadata=Row(at=at).dump(), close="Back")


def _channel_row(one: PartnerFact, at: int, style: str | None) -> b.Block:
    label, text = "Choose…", "No internal channel yet: agenda and note would go to its partner manager alone."
    if one.room is not None:
        trouble = trouble_words(one.room)
        good = f":white_check_mark: {room_name(one.room)}" + (", and Cadence is in it" if one.room.seen else "")
        label, text = "Change…", f":warning: {trouble}" if trouble else good
    button = b.button(label, Action.CHANNEL, Row(i=one.id, at=at).dump(), style=style)
    return b.section(f"*{w.escape(clip(one.name, SHORT))}*\n{text}", accessory=button, block_id=f"channel:{one.id}")


def _leadership(page: SetUpPage) -> str:
    room = page.facts.leadership
    if room is None:
        return (
            "No channel is set, so the Friday note goes to the head of partnerships by direct message. Whoever runs Cadence "
            "sets `CADENCE_LEADERSHIP_CHANNEL`."
        )
    trouble = trouble_words(room)
    if trouble:
        return f":warning: {trouble}"
    return f":white_check_mark: {room_name(room)} gets the Friday note" + (
        ", and Cadence is in it" if room.seen else ""
    )


def _turn(rows: Sequence[T], at: int) -> tuple[Sequence[T], list[b.Block]]:
    """The rows of one page, and the buttons to those before and after it."""
    start = min(max(at, 0), max(len(rows) - 1, 0)) // PAGE * PAGE
    shown = rows[start : start + PAGE]
    if len(rows) <= PAGE:
        return shown, []
    turns = []
    if start:
        turns.append(b.button("Earlier", Action.TURN_BACK, Row(at=start - PAGE).dump()))
    if start + PAGE < len(rows):
        turns.append(b.button("More", Action.TURN_ON, Row(at=start + PAGE).dump()))
    words = b.context(f"{start + 1} to {start + len(shown)} of {len(rows)}")
    return shown, [words, b.actions(*turns, block_id="turn")]
