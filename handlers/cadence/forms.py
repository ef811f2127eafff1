"""The forms of `/cadence`: set up (or change) a weekly review, move one, skip one, pause. Modals and parsers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

from handlers.cadence.ids import Field, Ref, View
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Values
from models.cadences import WEEKDAYS, Side
from models.domain.policy import Policy
from models.domain.text import clip
from models.tables import Cadence, Occurrence, Partner

LENGTHS = (15, 30, 45, 60)
SIDES = (("Our side", Side.OURS.value), ("The partner's side", Side.PARTNER.value), ("A holiday", Side.HOLIDAY.value))


@dataclass(frozen=True)
class SetUpPage:
    """The partners the person may plan for, Tier 1 first, and where the form stands."""

    partners: Sequence[Partner]
    running: Mapping[int, Cadence]
    chosen: Partner | None
    weekday: int
    at: time
    minutes: int
    zone: str
    warning: str = ""
    free: tuple[time, ...] = ()


def set_up(page: SetUpPage) -> dict[str, Any]:
    made: list[b.Block] = []
    if page.warning:
        made.append(b.context(f":warning: {w.escape(page.warning)}"))
    options = [
        (f"{clip(partner.name, 60)}" + (" (running)" if partner.id in page.running else ""), str(partner.id))
        for partner in page.partners
    ]
    chosen = str(page.chosen.id) if page.chosen else None
    made.append(
        b.select_input(Field.PARTNER, "Partner (Tier 1)", options, chosen, dispatch=False,
                       hint="Weekly reviews are for Tier 1 partners; the others are asked without a meeting.")
    )  # fmt: skip
    weekdays = [(name, str(number)) for number, name in enumerate(WEEKDAYS[:5])]
    made.append(b.select_input(Field.WEEKDAY, "Day", weekdays, str(page.weekday)))
    hint = f"In the partner manager's time zone, {page.zone}."
    if page.free:
        hint += f" Next free: {', '.join(f'{at:%H:%M}' for at in page.free)}."
    made.append(b.time_input(Field.AT, "Hour", f"{page.at:%H:%M}", hint=hint))
    lengths = [(f"{minutes} minutes", str(minutes)) for minutes in LENGTHS]
    made.append(b.select_input(Field.MINUTES, "Length", lengths, str(page.minutes)))
    made.append(b.context("Owners are asked at 10:00 on their last working day before it. Always at the same time: "
                          "that is what makes it a cadence."))  # fmt: skip
    return b.modal(View.SET_UP, "Weekly deal review", made, metadata=Ref().dump(), submit="Set up", close="Cancel")


@dataclass(frozen=True)
class SetUp:
    partner_id: int
    weekday: int
    at: time
    minutes: int


def parse_set_up(view: Mapping[str, Any], policy: Policy) -> SetUp:
    values = Values(view)
    return SetUp(
        partner_id=int(values.option(Field.PARTNER) or 0),
        weekday=int(values.option(Field.WEEKDAY) or policy.review_weekday),
        at=values.time(Field.AT) or policy.review_at,
        minutes=int(values.option(Field.MINUTES) or policy.review_minutes),
    )


def bump(occurrence: Occurrence, title: str, clocks: ZoneInfo, reach: str = "week") -> dict[str, Any]:
    """Move one meeting; `reach` is how far it may go: week, month or quarter."""
    local = occurrence.starts_at.astimezone(clocks)
    made = [
        b.section(f"*{w.escape(clip(title, 120))}* is planned for {w.when(occurrence.starts_at, clocks)}. "
                  f"Moved within its {reach} it counts as held late."),
        b.date_input(Field.DAY, "New day", local.date()),
        b.time_input(Field.AT, "New hour", f"{local:%H:%M}", hint=f"In {clocks.key}."),
        b.text_input(Field.REASON, "Why?", most=300, hint="The reason and your name stand in the note."),
    ]  # fmt: skip
    return b.modal(
        View.BUMP, "Move one meeting", made, metadata=Ref(o=occurrence.id).dump(), submit="Move", close="Cancel"
    )


@dataclass(frozen=True)
class Moved:
    day: date | None
    at: time | None
    reason: str


def parse_bump(view: Mapping[str, Any]) -> Moved:
    values = Values(view)
    return Moved(values.date(Field.DAY), values.time(Field.AT), values.text(Field.REASON))


def skip(
    occurrence: Occurrence, title: str, clocks: ZoneInfo, *, review: bool = True, partner: bool = True
) -> dict[str, Any]:
    """Call one meeting off. `review`: a weekly one; `partner`: it has a side that is not ours."""
    rest = (
        " Answers and carried commitments still reach the Friday note."
        if review
        else (" Its commitments wait for the next one.")
    )
    sides = SIDES if partner else (SIDES[0], SIDES[2])
    made = [
        b.section(f"*{w.escape(clip(title, 120))}*, {w.when(occurrence.starts_at, clocks)}, will not be held.{rest}"),
        b.select_input(Field.SIDE, "Whose side?", sides, Side.OURS.value,
                       hint="The partner's cancellations and holidays never count against the cadence."),
        b.text_input(Field.REASON, "Why?", most=300, hint="The reason and your name stand in the note."),
    ]  # fmt: skip
    return b.modal(
        View.SKIP, "Skip one meeting", made, metadata=Ref(o=occurrence.id).dump(), submit="Skip", close="Cancel"
    )


def pause(occurrence: Occurrence, partner: Partner) -> dict[str, Any]:
    made = [
        b.section(f"The weekly review of *{w.escape(clip(partner.name, 80))}* stops until somebody sets it up again. "
                  "Its deals move to *other partners* meanwhile."),
        b.text_input(Field.REASON, "Why?", most=300),
    ]  # fmt: skip
    return b.modal(
        View.PAUSE, "Pause the review", made, metadata=Ref(o=occurrence.id).dump(), submit="Pause", close="Cancel"
    )
