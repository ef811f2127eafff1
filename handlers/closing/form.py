"""The closing form: held or not, what became of last week's commitments, what is promised now. Modal and parser."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.closing.ids import Action, Field, FormState, View
from handlers.kit import blocks as b
from handlers.kit import commitments
from handlers.kit import words as w
from handlers.kit.forms import Values
from models.cadences import Side
from models.closing import Closing
from models.domain.text import clip
from models.people import Directory
from models.tables import Commitment, Occurrence, Partner

HELD = "held"
NOT_HELD = "not_held"
SIDES = (
    ("Our side", Side.OURS.value),
    ("The partner's side", Side.PARTNER.value),
    ("A holiday", Side.HOLIDAY.value),
)


@dataclass(frozen=True)
class ClosingPage:
    """All that the form shows."""

    occurrence: Occurrence
    partner: Partner
    commitments: Sequence[Commitment]
    summary: str
    book: Directory
    state: FormState
    joint: bool = False


def modal(page: ClosingPage) -> dict[str, Any]:
    state = page.state
    made: list[b.Block] = [
        b.section(f"*{w.escape(clip(page.partner.name, 100))}* · {page.summary}"),
        b.radio_input(
            _id(Field.HELD, page), Action.HELD, "Was the review held?",
            (("Held", HELD), ("Not held", NOT_HELD)), HELD if state.held else NOT_HELD,
        ),
    ]  # fmt: skip
    if not state.held:
        made.append(b.select_input(_id(Field.SIDE, page), "Whose side?", SIDES, Side.OURS.value,
                                   hint="The partner's cancellations and holidays never count against the cadence."))  # fmt: skip
        made.append(b.text_input(_id(Field.REASON, page), "Why?", most=300))

    def ident(name: str) -> str:
        return _id(name, page)

    made += commitments.standing(page.commitments, page.book, ident, optional=not state.held)
    need = commitments.NEED if state.held else "none needed when the review was not held"
    wanted = commitments.expected(page.commitments) if state.held else 0
    made += commitments.promises("This week's commitments", need, ident, expected=wanted, joint=page.joint)
    last = state.place >= state.total
    return b.modal(
        View.CLOSE,
        f"Close {state.place} of {state.total}" if state.total > 1 else "Close the review",
        made,
        metadata=state.dump(),
        submit="Close and publish" if last else "Publish and next",
        close="Cancel" if state.total == 1 else "Not now",
    )


def _id(name: str, page: ClosingPage) -> str:
    return f"{name}:{page.state.o}"


async def parse(session: AsyncSession, view: Mapping[str, Any], state: FormState) -> Closing:
    """What was submitted, owners looked up; judged in `models.closing`."""
    values = Values(view)
    return Closing(
        occurrence_id=state.o,
        held=values.option(Field.HELD) != NOT_HELD,
        side=values.option(Field.SIDE) or Side.OURS,
        reason=values.text(Field.REASON),
        verdicts=commitments.parse_verdicts(values, state.c),
        promises=await commitments.parse_promises(session, values),
    )
