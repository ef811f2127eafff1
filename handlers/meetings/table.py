"""“Meetings of the quarter”: every row on or off, changed, or added. The form of a row and its parser."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import time
from typing import Any

from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Values
from handlers.meetings.ids import Action, Field, RowRef, View
from models import meetings
from models.cadences import WEEKDAYS
from models.domain.errors import FieldErrors
from models.domain.meetings import BUILT_IN, Clock, Ends, Leaves, Per, Place, Question, Spec
from models.domain.policy import Policy
from models.domain.rules import Bound, Spread
from models.domain.text import clip, key
from models.tables import MeetingKind

WHEN = (
    ("Every week", "weekly"),
    ("Every month, on the first such weekday", "monthly_1"),
    ("Every month, on the second", "monthly_2"),
    ("Every month, on the third", "monthly_3"),
    ("Every month, on the last", "monthly_-1"),
    ("In certain weeks of the quarter", "weeks"),
    ("In the quarter's last full week", "last_whole_week"),
)
LEADS = (
    ("The partner's manager", "pm"),
    ("Head of partnerships", "head"),
    ("CRO", "cro"),
    ("CFO", "cfo"),
    ("CEO", "ceo"),
)
PEOPLE = (*LEADS, ("The partner's counterpart", "counterpart"), ("Admins", "admin"), ("AEs", "ae"))
PERS = (
    ("One for the company", Per.COMPANY.value),
    ("One for each Tier 1 partner", Per.TIER1.value),
    ("One for each other partner", Per.OTHERS.value),
)
PLACES = {Place.INTERNAL.value: "the partner's internal channel", Place.TEAM.value: "the team channel",
          Place.LEADERSHIP.value: "the leadership channel", Place.EXECUTIVE.value: "the executive channel",
          Place.LEAD.value: "direct messages of who leads it"}  # fmt: skip
FRIDAY = 4
MOST_WEEKS = 14
MOST_ROWS = 90
MOST_QUESTIONS, LONGEST_QUESTION, LONGEST_AGENDA = 6, 80, 120
SPREADS = {
    "weekly": Spread(until=Bound.WEEK, per_day=3),
    "nth_weekday": Spread(until=Bound.MONTH, per_day=2),
    "quarter_week": Spread(days=2, per_day=3),
    "last_whole_week": Spread(until=Bound.WEEK, per_day=3),
    "closing_month": Spread(until=Bound.QUARTER, per_day=2),
}
"""Over which days the meetings of several partners are spread, where their row does not say so itself."""


def modal(rows: Sequence[tuple[MeetingKind, Spec]]) -> dict[str, Any]:
    on = sum(1 for row, _ in rows if row.enabled)
    made: list[b.Block] = [
        b.section(
            f"*{on} of {len(rows)} are on.* The weekly deal review is set up partner by partner. Everything else is off until "
            "you turn it on: one cadence at a time."
        ),
        b.actions(b.button("Add a meeting…", Action.ADD, RowRef().dump())),
    ]
    made += [_row(row, spec) for row, spec in rows[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        made.append(b.context(f"… and {len(rows) - MOST_ROWS} more"))
    return b.modal(View.TABLE, "Meetings", made)


def _row(row: MeetingKind, spec: Spec) -> b.Block:
    mark = ":large_green_circle:" if row.enabled else ":white_circle:"
    turn = ("Turn it off", "off") if row.enabled else ("Turn it on", "on")
    options = [(turn[0], RowRef(k=spec.key, m=turn[1]).dump())]
    if spec.leaves != Leaves.PULSE:  # a pulse has neither hour, channel nor agenda
        options.append(("Change it…", RowRef(k=spec.key, m="change").dump()))
    text = f"{mark} *{w.escape(clip(spec.name, 60))}* · {describe(spec)}"
    return b.section(text, accessory=b.overflow(Action.ROW, options), block_id=f"row:{spec.key}:{int(row.enabled)}")


def describe(spec: Spec) -> str:
    """`weeks 1, 5, 9, from Monday on, first at 10:30, 30 minutes, for each Tier 1 partner`."""
    per = {Per.COMPANY: "", Per.TIER1: "for each Tier 1 partner", Per.OTHERS: "for each other partner"}[spec.per]
    spread = getattr(spec.rule, "spread", None) is not None
    hour = f"{'first at ' if spread else ''}{spec.at:%H:%M}" if spec.minutes else ""
    length = f"{spec.minutes} minutes" if spec.minutes else ""
    return ", ".join(part for part in (rule_in_words(spec), hour, length, per) if part)


def rule_in_words(spec: Spec) -> str:
    """When it is, without the hour."""
    rule = spec.rule
    if rule.kind == "quarter":
        return "once a quarter, two a week for one manager"
    day = WEEKDAYS[rule.weekday]
    if getattr(rule, "spread", None) is not None:
        day = f"from {day} on" if rule.kind == "quarter_week" else f"{day} on"
    if rule.kind == "weekly":
        return f"every {day}"
    if rule.kind == "nth_weekday":
        return f"{_from(rule.spread)}the {_nth(rule.nth)} {day.removesuffix(' on')} of the month{_on(rule.spread)}"
    if rule.kind == "quarter_week":
        weeks = ", ".join(str(week) if week > 0 else f"{-week} from the end" for week in rule.weeks)
        return f"week{'s' if len(rule.weeks) > 1 else ''} {weeks}, {day}"
    if rule.kind == "last_whole_week":
        return f"last full week, {day}"
    return f"{_from(rule.spread)}the {_nth(rule.nth)} {day.removesuffix(' on')} of the closing month{_on(rule.spread)}"


def _from(spread: object) -> str:
    return "from " if spread is not None else ""


def _on(spread: object) -> str:
    return " on" if spread is not None else ""


def _nth(number: int) -> str:
    return {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}[number]


def fingerprint(spec: Spec) -> str:
    """What a row says, short: a form that was opened on another one overwrites nothing."""
    return hashlib.blake2b(spec.model_dump_json().encode(), digest_size=8).hexdigest()


def row_modal(spec: Spec | None, opened_on: str = "") -> dict[str, Any]:
    """The form of a row: all of it for one of one's own; weekday, hour, channel and agenda for a built-in one.

    `opened_on` says when the row was changed last, so that nobody overwrites what they have not seen.
    """
    given = spec.key if spec is not None else ""

    def ident(name: str) -> str:
        return f"{name}:{given or 'new'}"

    built_in = spec is not None and spec.key in BUILT_IN_KEYS
    made: list[b.Block] = []
    if spec is not None:
        made.append(b.section(f"*{w.escape(spec.name)}* · {describe(spec)}"))
    if not built_in:
        made += _own_fields(spec, ident)
    elif spec is not None and spec.rule.kind != "quarter":
        made.append(_weekday(spec, ident))
    if spec is None or spec.minutes:
        made.append(b.time_input(ident(Field.AT), "Hour", f"{spec.at:%H:%M}" if spec else "14:00",
                                 hint="A meeting of several partners takes the first free half hour from here on."))  # fmt: skip
        made.append(b.text_input(ident(Field.MINUTES), "Minutes", str(spec.minutes if spec else 30), most=3))
        made.append(b.text_input(ident(Field.PREPARATION), "Minutes of preparation for each of its people",
                                 str(spec.preparation if spec else 0), most=3))  # fmt: skip
    channel = spec.channel if spec is not None else Place.LEADERSHIP.value
    options = [(label[:1].upper() + label[1:], value or "lead") for value, label in PLACES.items()]
    if channel not in PLACES:
        options.append((f"#{channel}", channel))
    if spec is None or spec.leaves != Leaves.PBR:  # a PBR's page goes to its partner's channel
        made.append(b.select_input(ident(Field.CHANNEL), "Agenda and page go to", options, channel or "lead"))
    made.append(b.text_input(ident(Field.AGENDA), "Agenda, a line each", "\n".join(spec.agenda) if spec else "",
                             multiline=True, optional=True, most=1500))  # fmt: skip
    title = "Change the meeting" if spec is not None else "Add a meeting"
    return b.modal(View.ROW, title, made, metadata=RowRef(k=given, at=opened_on).dump(), submit="Save", close="Cancel")


BUILT_IN_KEYS = frozenset(spec.key for spec in BUILT_IN)


def _weekday(spec: Spec | None, ident: Any) -> b.Block:
    chosen = getattr(spec.rule, "weekday", 1) if spec is not None else 1
    days = [(name, str(number)) for number, name in enumerate(WEEKDAYS[: FRIDAY + 1])]
    return b.select_input(ident(Field.WEEKDAY), "Weekday", days, str(chosen))


def _own_fields(spec: Spec | None, ident: Any) -> list[b.Block]:
    made = [b.text_input(ident(Field.NAME), "What it is called", spec.name if spec else "", most=60,
                         placeholder="Partner enablement")]  # fmt: skip
    same = ((f"As it is: {rule_in_words(spec)}", SAME),) if spec is not None and _when(spec) == SAME else ()
    made.append(b.select_input(ident(Field.WHEN), "When", (*same, *WHEN), _when(spec)))
    weeks = ", ".join(map(str, spec.rule.weeks)) if spec is not None and spec.rule.kind == "quarter_week" else ""
    made.append(b.text_input(ident(Field.WEEKS), "Weeks, if in certain weeks of the quarter", weeks, optional=True, most=40,
                             hint="Such as 1, 5, 9; -1 is the last week."))  # fmt: skip
    made.append(_weekday(spec, ident))
    made.append(b.select_input(ident(Field.PER), "How many", PERS, spec.per if spec else Per.COMPANY.value))
    made.append(b.select_input(ident(Field.LEAD), "Who leads and closes it", LEADS, spec.lead if spec else "head"))
    chosen = [option for option in PEOPLE if spec is None or option[1] in spec.people]
    made.append(b.multi_select_input(ident(Field.PEOPLE), "Who is in it", PEOPLE,
                                     [value for _, value in chosen] if spec else ["head", "pm"]))  # fmt: skip
    questions = "\n".join(question.label for question in spec.questions) if spec else "Decisions"
    made.append(b.text_input(ident(Field.QUESTIONS), "What is written down when it is closed, a line each", questions,
                             multiline=True, optional=True, most=500,
                             hint="Its page ends in two or three commitments besides."))  # fmt: skip
    return made


SAME = "same"
"""A rule that the form has no words for stays what it is."""


def _when(spec: Spec | None) -> str:
    if spec is None:
        return "weekly"
    rule = spec.rule
    if rule.kind == "nth_weekday":
        chosen = f"monthly_{rule.nth}"
    else:
        chosen = "weeks" if rule.kind == "quarter_week" else rule.kind
    odd = rule.kind == "weekly" and rule.every != 1
    return chosen if not odd and chosen in {value for _, value in WHEN} else SAME


def parse(view: Mapping[str, Any], known: Spec | None, keys: Collection[str], policy: Policy) -> Spec:
    """The row a form describes. Raises FieldErrors on the fields, UserError where nothing fits."""
    values, errors = Values(view), dict[str, str]()
    fields = known.model_dump() if known is not None else _blank()
    built_in = known is not None and known.key in BUILT_IN_KEYS
    if not built_in:
        fields |= _parse_own(values, known, keys, errors)
    elif values.has(Field.WEEKDAY):
        fields["rule"] |= {"weekday": int(values.option(Field.WEEKDAY) or 0)}
    if values.has(Field.MINUTES):
        fields |= _parse_hour(values, policy, errors)
    if values.has(Field.CHANNEL):
        channel = values.option(Field.CHANNEL)
        fields["channel"] = "" if channel == "lead" else channel
    if fields["channel"] == Place.INTERNAL and fields["per"] == Per.COMPANY:
        errors[Field.CHANNEL] = "A meeting of the company has no partner's channel. Choose another one."
    fields["agenda"] = _lines(values.text(Field.AGENDA))
    if any(len(line) > LONGEST_AGENDA for line in fields["agenda"]):
        errors[Field.AGENDA] = f"A line of an agenda has at most {LONGEST_AGENDA} characters."
    if errors:
        raise FieldErrors(errors)
    return meetings.checked(**fields)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _blank() -> dict[str, Any]:
    return {"leaves": Leaves.NOTE, "ends_in": Ends.COMMITMENTS, "rule": {}, "per": Per.COMPANY, "clock": Clock.COMPANY}


def _parse_own(values: Values, known: Spec | None, keys: Collection[str], errors: dict[str, str]) -> dict[str, Any]:
    name = values.text(Field.NAME).strip()
    if not name:
        errors[Field.NAME] = "Say what it is called."
    per = Per(values.option(Field.PER) or Per.COMPANY)
    lead = values.option(Field.LEAD) or "head"
    if lead == "pm" and per == Per.COMPANY:
        errors[Field.LEAD] = "A meeting of the company is led by one role: head, CRO, CFO or CEO."
    labels = _lines(values.text(Field.QUESTIONS))
    if len(labels) > MOST_QUESTIONS or any(len(label) > LONGEST_QUESTION for label in labels):
        errors[Field.QUESTIONS] = (
            f"At most {MOST_QUESTIONS} lines, of {LONGEST_QUESTION} characters each: it is one page."
        )
        labels = ()
    questions = tuple(Question(key=f"q{place}", label=label) for place, label in enumerate(labels))
    people = tuple(role for _, role in PEOPLE if role in values.options(Field.PEOPLE))
    if not people:
        errors[Field.PEOPLE] = "Choose who is in it."
    return {
        "key": known.key if known is not None else _fresh_key(name, keys),
        "name": name or "-",
        "rule": _parse_rule(values, known, errors, spread=per != Per.COMPANY),
        "per": per,
        "clock": Clock.COMPANY if per == Per.COMPANY else Clock.PM,
        "lead": lead,
        "people": people,
        "questions": questions,
    }


def _fresh_key(name: str, keys: Collection[str]) -> str:
    """A key nobody has: letters of the name, and a number where it is taken."""
    stem = "".join(char if char.isascii() and char.isalnum() else "_" for char in key(name)).strip("_")[:20] or "own"
    place = 1
    while (made := stem if place == 1 else f"{stem}_{place}") in keys:
        place += 1
    return made


def _parse_rule(values: Values, known: Spec | None, errors: dict[str, str], *, spread: bool) -> dict[str, Any]:
    """The rule of the form; what the form does not show of a known one stays."""
    weekday = int(values.option(Field.WEEKDAY) or 0)
    when = values.option(Field.WHEN) or "weekly"
    if known is not None and when == _when(known):
        rule = known.rule.model_dump()
    elif when.startswith("monthly_"):
        rule = {"kind": "nth_weekday", "nth": int(when.removeprefix("monthly_"))}
    else:
        rule = {"kind": "quarter_week" if when == "weeks" else when}
    rule["weekday"] = weekday
    if rule["kind"] == "quarter_week":
        rule["weeks"] = _parse_weeks(values.text(Field.WEEKS), errors)
    rule["spread"] = (rule.get("spread") or SPREADS.get(rule["kind"])) if spread else None
    return rule


def _parse_weeks(text: str, errors: dict[str, str]) -> tuple[int, ...]:
    parts = [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]
    weeks = tuple(int(part) for part in parts if part.removeprefix("-").isdecimal())
    if not weeks or len(weeks) < len(parts) or any(not week or abs(week) > MOST_WEEKS for week in weeks):
        errors[Field.WEEKS] = "Write weeks of the quarter as numbers with commas: 1, 5, 9; -1 is the last one."
        return (1,)
    return weeks


def _parse_hour(values: Values, policy: Policy, errors: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, least, most in ((Field.MINUTES, 5, 480), (Field.PREPARATION, 0, 480)):
        text = values.text(name).strip()
        if not text.isdecimal() or not least <= int(text) <= most:
            errors[name] = f"A number of minutes from {least} to {most}."
        else:
            found[name.value] = int(text)
    at = values.time(Field.AT)
    hours = f"between {policy.work_start:%H:%M} and {policy.work_end:%H:%M}"
    if at is None or not policy.work_start <= at < policy.work_end:
        errors[Field.AT] = f"Meetings begin {hours}."
    elif _minute(at) + found.get(Field.MINUTES.value, 0) > _minute(policy.work_end):
        errors[Field.AT] = f"Meetings begin and end {hours}."
    else:
        found["at"] = at
    return found


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute
