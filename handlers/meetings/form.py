"""The forms of a meeting: closing it, and a partner's pulse. Modals and their parsers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit import blocks as b
from handlers.kit import commitments
from handlers.kit import words as w
from handlers.kit.forms import Values
from handlers.meetings.ids import Action, CloseState, Field, OneRef, View
from models.cadences import Side
from models.closing import Closing
from models.domain.meetings import FOR_THE_PARTNER, Ends, Spec
from models.domain.text import clip
from models.minutes.closing import LONGEST
from models.people import Directory
from models.pulses import Pulse
from models.tables import Commitment, Occurrence, Partner, PulseAnswer

HELD, NOT_HELD = "held", "not_held"
OUR_SIDES = (("Our side", Side.OURS.value), ("A holiday", Side.HOLIDAY.value))
SIDES = (OUR_SIDES[0], ("The partner's side", Side.PARTNER.value), OUR_SIDES[1])
CHOICES = (("Keep as it is", "keep"), ("Raise to Tier 1", "raise"), ("Off-board", "off_board"))
YES_NO = (("Active", "yes"), ("Not active", "no"))


@dataclass(frozen=True)
class ClosePage:
    """All that the closing form shows. `said` is what was typed before, by question; `joint`: the partner gets a page."""

    occurrence: Occurrence
    spec: Spec
    partner: Partner | None
    commitments: Sequence[Commitment]
    said: Mapping[str, str]
    when: str
    book: Directory
    state: CloseState
    joint: bool = False


def close_modal(page: ClosePage) -> dict[str, Any]:
    state, spec = page.state, page.spec

    def ident(name: str) -> str:
        return f"{name}:{state.o}"

    made: list[b.Block] = [
        b.section(f"*{w.joined(page.partner.name if page.partner else '', spec.name)}* · {page.when}"),
        b.radio_input(
            ident(Field.HELD), Action.HELD, "Was it held?", (("Held", HELD), ("Not held", NOT_HELD)),
            HELD if state.held else NOT_HELD,
        ),
    ]  # fmt: skip
    if not state.held:
        sides = SIDES if page.partner is not None else OUR_SIDES
        made.append(b.select_input(ident(Field.SIDE), "Whose side?", sides, Side.OURS.value,
                                   hint="The partner's cancellations and holidays never count against the cadence."))  # fmt: skip
        made.append(b.text_input(ident(Field.REASON), "Why?", most=300))
    else:
        made += [
            b.text_input(
                ident(f"{Field.SAID}_{question.key}"), question.label, initial=page.said.get(question.key, ""),
                optional=not question.required, most=LONGEST, multiline=True, hint=question.hint,
            )
            for question in spec.questions
        ]  # fmt: skip
        made += _for_the_partner(page, ident)
    made += commitments.standing(page.commitments, page.book, ident, optional=not state.held)
    if spec.ends_in == Ends.COMMITMENTS:
        need = commitments.NEED if state.held else "none needed when it was not held"
        expected = commitments.expected(page.commitments) if state.held else 0
        made += commitments.promises("Commitments", need, ident, expected=expected, joint=page.joint)
    elif spec.ends_in == Ends.SIGNATURES:
        made.append(
            b.context("It ends in signatures: the page names who has to sign. Signing comes with the forecast.")
        )
    return b.modal(View.CLOSE, "Close the meeting", made, metadata=state.dump(), submit="Close and publish",
                   close="Cancel")  # fmt: skip


def _for_the_partner(page: ClosePage, ident: Callable[[str], str]) -> list[b.Block]:
    """What is typed for the partner's own page of a readout: nothing else of the form crosses but their sponsor's name."""
    if not page.joint or page.partner is None:
        return []
    name = w.escape(clip(page.partner.name, 100))
    return [
        b.divider(),
        b.section(f"*What {name} may read*: their sponsor's name, what you type here, joint deals and worded commitments"),
        *(
            b.text_input(
                ident(f"{Field.SAID}_{question.key}"), question.label, initial=page.said.get(question.key, ""),
                optional=True, most=600, multiline=True, hint=question.hint,
            )
            for question in FOR_THE_PARTNER
        ),
    ]  # fmt: skip


async def parse_close(
    session: AsyncSession, view: Mapping[str, Any], state: CloseState, spec: Spec
) -> tuple[Closing, dict[str, str]]:
    """What was submitted, owners looked up; judged in `models.minutes.closing`."""
    values = Values(view)
    promised = await commitments.parse_promises(session, values) if spec.ends_in == Ends.COMMITMENTS else ()
    submitted = Closing(
        occurrence_id=state.o,
        held=values.option(Field.HELD) != NOT_HELD,
        side=values.option(Field.SIDE) or Side.OURS,
        reason=values.text(Field.REASON),
        verdicts=commitments.parse_verdicts(values, state.c),
        promises=promised,
    )
    asked = (*spec.questions, *(one for one in FOR_THE_PARTNER if values.has(f"{Field.SAID}_{one.key}")))
    return submitted, {question.key: values.text(f"{Field.SAID}_{question.key}") for question in asked}


def pulse_modal(occurrence: Occurrence, partner: Partner, last: PulseAnswer | None, before: str) -> dict[str, Any]:
    """Three questions about one partner. `before` says what was said last time."""

    def ident(name: str) -> str:
        return f"{name}:{occurrence.id}:{last.id if last else 0}"

    made = [b.section(f"*{w.escape(clip(partner.name, 100))}* · Tier {partner.tier} · pulse of {occurrence.slot}")]
    if before:
        made.append(b.context(before))
    made += [
        b.radio_input(ident(Field.ACTIVE), None, "Anything going on in the last 90 days?", YES_NO,
                      None if last is None else ("yes" if last.active else "no")),
        b.text_input(ident(Field.NEXT_DEAL), "Next deal", initial=last.next_deal if last else "", optional=True, most=200,
                     placeholder="account, or what it waits for"),
        b.radio_input(ident(Field.VERDICT), None, "What should become of it?", CHOICES, last.verdict if last else None),
        b.text_input(ident(Field.WHY), "Why", initial=last.why if last else "", optional=True, most=300,
                     hint="Needed for raising and off-boarding: the head of partnerships decides by it."),
    ]  # fmt: skip
    return b.modal(View.PULSE, "Partner pulse", made, metadata=OneRef(o=occurrence.id).dump(), submit="Save",
                   close="Cancel")  # fmt: skip


def parse_pulse(view: Mapping[str, Any]) -> Pulse:
    values = Values(view)
    active = values.option(Field.ACTIVE)
    return Pulse(
        occurrence_id=OneRef.load(view["private_metadata"]).o,
        active=None if not active else active == "yes",
        next_deal=values.text(Field.NEXT_DEAL),
        verdict=values.option(Field.VERDICT),
        why=values.text(Field.WHY),
    )
