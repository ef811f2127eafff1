"""The closing form: held or not, what became of last week's commitments, what is promised now. Modal and parser."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.closing.ids import Action, Field, FormState, View
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Values
from models import people
from models.cadences import Side
from models.closing import LEAST, MOST_NEW, Closing, Promise, Verdict
from models.domain.text import clip
from models.people import Directory
from models.tables import Commitment, Occurrence, Partner

HELD = "held"
NOT_HELD = "not_held"
FATES = (
    ("Kept", "kept"),
    ("Not yet due: carry on", "carried"),
    ("Moved to a new date", "moved"),
    ("Dropped", "dropped"),
)
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
    made += _standing(page)
    made += _promises(page)
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


def _standing(page: ClosingPage) -> list[b.Block]:
    if not page.commitments:
        return []
    made: list[b.Block] = [b.divider(), b.section("*Last commitments*: what became of each?")]
    for item in page.commitments:
        label = f"{clip(item.text, 300)} ({page.book.name(item.owner_id)}, by {w.day(item.due)})"
        made.append(
            b.select_input(_id(f"{Field.FATE}_{item.id}", page), label, FATES, None, optional=not page.state.held)
        )
        made.append(b.date_input(_id(f"{Field.DUE}_{item.id}", page), "New date, if it moved", optional=True))
    return made


def _promises(page: ClosingPage) -> list[b.Block]:
    need = "two or three, carried ones included" if page.state.held else "none needed when the review was not held"
    made: list[b.Block] = [b.divider(), b.section(f"*This week's commitments*: {need}")]
    expected = max(0, LEAST - len(page.commitments)) if page.state.held else 0
    for place in range(MOST_NEW):
        free = place >= expected
        number = f"Commitment {place + 1}" + (", if there is one" if free else "")
        made.append(b.text_input(_id(f"{Field.TEXT}_{place}", page), number, optional=free, most=300,
                                 placeholder="What is promised"))  # fmt: skip
        made.append(b.user_input(_id(f"{Field.OWNER}_{place}", page), "Owner: one named person", optional=free))
        made.append(b.date_input(_id(f"{Field.PROMISE_DUE}_{place}", page), "Due", optional=free))
    return made


async def parse(session: AsyncSession, view: Mapping[str, Any], state: FormState) -> Closing:
    """What was submitted, owners looked up; judged in `models.closing`."""
    values = Values(view)
    verdicts = {
        commitment_id: Verdict(fate, values.date(f"{Field.DUE}_{commitment_id}"))
        for commitment_id in state.c
        if (fate := values.option(f"{Field.FATE}_{commitment_id}"))
    }
    promises: list[Promise] = []
    for place in range(MOST_NEW):
        slack_id = values.user(f"{Field.OWNER}_{place}")
        owner = await people.by_slack_id(session, slack_id) if slack_id else None
        refusal = people.why_no_owner(None) if slack_id and owner is None else ""
        promises.append(
            Promise(
                text=values.text(f"{Field.TEXT}_{place}"),
                owner_id=owner.id if owner else None,
                due=values.date(f"{Field.PROMISE_DUE}_{place}"),
                refusal=refusal,
            )
        )
    return Closing(
        occurrence_id=state.o,
        held=values.option(Field.HELD) != NOT_HELD,
        side=values.option(Field.SIDE) or Side.OURS,
        reason=values.text(Field.REASON),
        verdicts=verdicts,
        promises=tuple(promises),
    )
