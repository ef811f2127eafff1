"""The part of every closing form that judges old commitments and takes new ones: blocks, and their parser."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Values
from models import people
from models.closing import LEAST, MOST_NEW, Promise, Verdict
from models.domain.text import clip
from models.people import Directory
from models.tables import Commitment

FATES = (
    ("Kept", "kept"),
    ("Not yet due: carry on", "carried"),
    ("Moved to a new date", "moved"),
    ("Dropped", "dropped"),
)
NEED = "two or three, carried ones included"
PARTNER_READS = "What the partner may read"
PARTNER_HINT = "With the owner's name and the date, in their page. Empty: nothing of this commitment."


class Field(StrEnum):
    """Fields that repeat carry a number behind an underscore: a commitment's id, or the place of a new promise."""

    FATE = "fate"
    DUE = "due"
    TEXT = "text"
    OWNER = "owner"
    PROMISE_DUE = "promise_due"
    SHARED = "shared_text"


def standing(
    commitments: Sequence[Commitment], book: Directory, ident: Callable[[str], str], *, optional: bool
) -> list[b.Block]:
    """What became of each of the last commitments. `ident` makes a field's block id."""
    if not commitments:
        return []
    made: list[b.Block] = [b.divider(), b.section("*Last commitments*: what became of each?")]
    for item in commitments:
        label = f"{clip(item.text, 300)} ({book.name(item.owner_id)}, by {w.day(item.due)})"
        made.append(b.select_input(ident(f"{Field.FATE}_{item.id}"), label, FATES, None, optional=optional))
        made.append(b.date_input(ident(f"{Field.DUE}_{item.id}"), "New date, if it moved", optional=True))
    return made


def promises(
    title: str, need: str, ident: Callable[[str], str], *, expected: int, joint: bool = False
) -> list[b.Block]:
    """Room for three new commitments, of which `expected` have to be filled in. `joint`: the partner may read some."""
    made: list[b.Block] = [b.divider(), b.section(f"*{title}*: {need}")]
    for place in range(MOST_NEW):
        free = place >= expected
        number = f"Commitment {place + 1}" + (", if there is one" if free else "")
        made.append(b.text_input(ident(f"{Field.TEXT}_{place}"), number, optional=free, most=300,
                                 placeholder="What is promised"))  # fmt: skip
        made.append(b.user_input(ident(f"{Field.OWNER}_{place}"), "Owner: one named person", optional=free))
        made.append(b.date_input(ident(f"{Field.PROMISE_DUE}_{place}"), "Due", optional=free))
        if joint:
            made.append(b.text_input(ident(f"{Field.SHARED}_{place}"), PARTNER_READS, optional=True, most=300,
                                     hint=PARTNER_HINT if place == 0 else ""))  # fmt: skip
    return made


def expected(standing_: Sequence[Commitment]) -> int:
    """How many new ones a meeting that was held needs, should all the old ones be carried."""
    return max(0, LEAST - len(standing_))


def parse_verdicts(values: Values, commitment_ids: Sequence[int]) -> Mapping[int, Verdict]:
    return {
        commitment_id: Verdict(fate, values.date(f"{Field.DUE}_{commitment_id}"))
        for commitment_id in commitment_ids
        if (fate := values.option(f"{Field.FATE}_{commitment_id}"))
    }


async def parse_promises(session: AsyncSession, values: Values) -> tuple[Promise, ...]:
    """The new ones, their owners looked up; judged in `models.closing`."""
    found: list[Promise] = []
    for place in range(MOST_NEW):
        slack_id = values.user(f"{Field.OWNER}_{place}")
        owner = await people.by_slack_id(session, slack_id) if slack_id else None
        found.append(
            Promise(
                text=values.text(f"{Field.TEXT}_{place}"),
                owner_id=owner.id if owner else None,
                due=values.date(f"{Field.PROMISE_DUE}_{place}"),
                refusal=people.why_no_owner(None) if slack_id and owner is None else "",
                shared=values.text(f"{Field.SHARED}_{place}"),
            )
        )
    return tuple(found)
