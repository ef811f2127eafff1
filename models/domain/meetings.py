"""The table of the quarter: every meeting a partnerships team has, as data.

The rows are those of the partner sales management system and of the field guide to execution discipline. A row is a rule
with an hour, people, a channel, an agenda, questions asked when it is closed, and what it leaves behind. Those here
are built in; others are added to a running installation with the same fields and no code.
"""

from datetime import time
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.domain.rules import (
    Bound,
    ClosingMonthRule,
    LastWholeWeekRule,
    NthWeekdayRule,
    QuarterRule,
    QuarterWeekRule,
    Rule,
    Spread,
    WeeklyRule,
)

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = range(5)
FORECAST_WEEKS, PIPELINE_WEEKS = (1, 5, 9), (3, 7, 11)
MOST_KEY = 24


class Per(StrEnum):
    """How many cadences a row has: one, or one for each partner of Tier 1, or of the other tiers."""

    COMPANY = "company"
    TIER1 = "tier1"
    OTHERS = "others"


class Clock(StrEnum):
    """Whose clock and holidays the hour follows."""

    COMPANY = "company"
    PM = "pm"


class Place(StrEnum):
    """Where agenda and artifact go. A channel's own name may stand instead."""

    INTERNAL = "internal"
    TEAM = "team"
    LEADERSHIP = "leadership"
    EXECUTIVE = "executive"
    LEAD = ""


class Leaves(StrEnum):
    """What a meeting leaves behind: whose facts its one page shows."""

    NOTE = "note"
    TEAM = "team"
    FORECAST = "forecast"
    PIPELINE = "pipeline"
    PBR = "pbr"
    ROLL_UP = "roll_up"
    BUSINESS = "business"
    GOALS = "goals"
    READOUT = "readout"
    PULSE = "pulse"
    NOTHING = ""


class Ends(StrEnum):
    """What an artifact ends in: "an artifact without a decision is theater"."""

    COMMITMENTS = "commitments"
    SIGNATURES = "signatures"
    NOTHING = ""


class Question(BaseModel):
    """What is asked when a meeting is closed, and stands in its artifact under `label`."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(pattern=r"^[a-z0-9_]{1,24}$")
    label: str = Field(min_length=1, max_length=80)
    hint: str = ""
    required: bool = False


class Spec(BaseModel):
    """One row. `minutes` is its length, `preparation` the minutes each of its people spends before it.

    `lead` is the role that leads and closes it (`pm`: the partner's manager). `people` are roles; `counterpart` names the
    partner's. `channel` is a `Place` or a channel's name.
    """

    model_config = ConfigDict(frozen=True)

    key: str = Field(pattern=r"^[a-z0-9_]{1,24}$")
    name: str = Field(min_length=1, max_length=60)
    rule: Rule
    at: time
    minutes: int = Field(ge=0, le=480)
    preparation: int = Field(default=0, ge=0, le=480)
    clock: Clock = Clock.COMPANY
    per: Per = Per.COMPANY
    lead: Literal["pm", "head", "cro", "cfo", "ceo"] = "head"
    people: tuple[str, ...] = ()
    channel: str = Place.LEADERSHIP
    agenda: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    leaves: str = Leaves.NOTE
    ends_in: Ends = Ends.COMMITMENTS

    @property
    def is_meeting(self) -> bool:
        """Whether people meet: a pulse is a question and has no length."""
        return self.minutes > 0

    @property
    def is_closed_by_hand(self) -> bool:
        """Whether somebody is asked whether it was held: what leaves nothing is over when its time is."""
        return self.is_meeting and self.leaves != Leaves.NOTHING


_GOALS = Question(key="goals", label="Acquisition goals", hint="new partners and regions, with a number")
_VALIDATED = Question(
    key="validated", label="Forecast as validated", hint="what we agreed on, and what we doubt", required=True
)
_PLAN = Question(key="plan", label="Account plan", hint="which accounts, who does what", required=True)
_COMMON = Question(key="common", label="Common goals", hint="what both of us want of next quarter")
_DECISIONS = Question(key="decisions", label="Decisions", hint="one a line; a decision has an owner", required=True)

THEIR_SPONSOR = "Their executive sponsor"
"""The question whose answer stands beside our own sponsors on a readout's deck."""

SPONSOR = "sponsor"
OUR_ASKS, THEIR_ASKS, JOINT_FORECAST = "shared_our_asks", "shared_their_asks", "shared_forecast"
FOR_THE_PARTNER: tuple[Question, ...] = (
    Question(key=OUR_ASKS, label="What we ask of them, as they may read it", hint="one a line"),
    Question(key=THEIR_ASKS, label="What they ask of us, as they may read it", hint="one a line"),
    Question(
        key=JOINT_FORECAST,
        label="Joint forecast for both sides' executives",
        hint="As agreed with them: it never is the signed commit. Typing it here, you approve it for them.",
    ),
)
"""What is asked besides when a readout with a partner is closed. Only this, and the sponsor, is typed for the partner."""

BUILT_IN: tuple[Spec, ...] = (
    Spec(
        key="team_call",
        name="Partner team call",
        rule=WeeklyRule(weekday=MONDAY),
        at=time(9, 30),
        minutes=30,
        preparation=5,
        people=("head", "pm"),
        channel=Place.TEAM,
        agenda=(
            "Last week's bookings",
            "Due to close this week",
            "Changes to the quarter's forecast",
            "Risks and help needed",
        ),
        questions=(Question(key="help", label="Help needed", hint="from whom, by when"),),
        leaves=Leaves.TEAM,
    ),
    Spec(
        key="forecast_one_on_one",
        name="Forecast and acquisition 1:1",
        rule=QuarterWeekRule(weeks=FORECAST_WEEKS, weekday=MONDAY, spread=Spread(days=2, per_day=3)),
        at=time(10, 30),
        minutes=30,
        preparation=10,
        clock=Clock.PM,
        per=Per.TIER1,
        lead="pm",
        people=("pm", "counterpart"),
        channel=Place.INTERNAL,
        agenda=("Deals that close this quarter, one by one", "What is in doubt, and why", "New partners and regions"),
        questions=(_VALIDATED, _GOALS),
        leaves=Leaves.FORECAST,
    ),
    Spec(
        key="pipeline_one_on_one",
        name="Pipeline and account planning 1:1",
        rule=QuarterWeekRule(weeks=PIPELINE_WEEKS, weekday=MONDAY, spread=Spread(days=2, per_day=3)),
        at=time(10, 30),
        minutes=30,
        preparation=10,
        clock=Clock.PM,
        per=Per.TIER1,
        lead="pm",
        people=("pm", "counterpart"),
        channel=Place.INTERNAL,
        agenda=("Next quarter's pipeline", "Account plans", "Co-selling under way", "Common goals"),
        questions=(_PLAN, _COMMON),
        leaves=Leaves.PIPELINE,
    ),
    Spec(
        key="pbr",
        name="Monthly partner business review",
        rule=NthWeekdayRule(weekday=FRIDAY, nth=1, spread=Spread(until=Bound.MONTH, per_day=2)),
        at=time(10),
        minutes=60,
        preparation=30,
        clock=Clock.PM,
        per=Per.TIER1,
        lead="pm",
        people=("pm", "counterpart"),
        channel=Place.INTERNAL,
        agenda=(
            "The joint pipeline number",
            "Sourced and influenced",
            "Deals lost, and why",
            "Next month's pursuit list",
            "One or two changes to the motion",
        ),
        leaves=Leaves.PBR,
    ),
    Spec(
        key="leadership_roll_up",
        name="Leadership roll-up",
        rule=QuarterWeekRule(weeks=FORECAST_WEEKS, weekday=WEDNESDAY),
        at=time(14),
        minutes=45,
        preparation=10,
        people=("head", "pm"),
        channel=Place.LEADERSHIP,
        agenda=("Each partner's forecast", "What changed since the last roll-up", "The partner forecast we stand by"),
        leaves=Leaves.ROLL_UP,
        ends_in=Ends.SIGNATURES,
    ),
    Spec(
        key="executive_roll_up",
        name="CEO/CFO forecast roll-up",
        rule=QuarterWeekRule(weeks=FORECAST_WEEKS, weekday=THURSDAY),
        at=time(16),
        minutes=30,
        preparation=10,
        people=("ceo", "cfo", "cro"),
        channel=Place.EXECUTIVE,
        agenda=("The consolidated partner forecast", "Sign-off"),
        leaves=Leaves.ROLL_UP,
        ends_in=Ends.SIGNATURES,
    ),
    Spec(
        key="mbr",
        name="Monthly business review (MBR)",
        rule=QuarterWeekRule(weeks=(8,), weekday=TUESDAY),
        at=time(14),
        minutes=60,
        preparation=30,
        people=("head", "cro", "cfo"),
        agenda=("Program ROI", "Partner satisfaction", "Revenue attribution"),
        questions=(_DECISIONS,),
        leaves=Leaves.BUSINESS,
    ),
    Spec(
        key="elt",
        name="Executive leadership team (ELT)",
        rule=QuarterWeekRule(weeks=(10,), weekday=TUESDAY),
        at=time(14),
        minutes=60,
        preparation=30,
        people=("head", "ceo", "cfo", "cro"),
        agenda=("Annual goals: growth rate, market share", "Decisions"),
        questions=(Question(key="goals", label="Annual goals", hint="growth rate, market share"), _DECISIONS),
        leaves=Leaves.GOALS,
    ),
    Spec(
        key="qbr",
        name="Quarterly business review (QBR)",
        rule=LastWholeWeekRule(weekday=TUESDAY),
        at=time(14),
        minutes=90,
        preparation=45,
        people=("head", "cro", "cfo", "ceo"),
        agenda=("Program ROI", "Partner satisfaction", "Revenue attribution", "Next quarter"),
        questions=(_DECISIONS,),
        leaves=Leaves.BUSINESS,
    ),
    Spec(
        key="readout",
        name="Executive readout",
        rule=ClosingMonthRule(nth=3, weekday=TUESDAY, spread=Spread(until=Bound.QUARTER, per_day=2)),
        at=time(11),
        minutes=90,
        preparation=45,
        clock=Clock.PM,
        per=Per.TIER1,
        lead="pm",
        people=("pm", "head", "cro", "cfo", "counterpart"),
        channel=Place.INTERNAL,
        agenda=("Revenue produced", "Next quarter's forecast", "What each side asks of the other"),
        questions=(
            Question(key=SPONSOR, label=THEIR_SPONSOR, hint="name and title, as the deck shows it"),
            Question(key="our_asks", label="What we ask of them", required=True),
            Question(key="their_asks", label="What they ask of us", required=True),
        ),
        leaves=Leaves.READOUT,
    ),
    Spec(
        key="program_readout",
        name="Program readout",
        rule=LastWholeWeekRule(weekday=WEDNESDAY),
        at=time(14),
        minutes=90,
        preparation=45,
        people=("head", "cro", "cfo"),
        agenda=("Revenue produced by the program", "Next quarter's forecast", "Asks"),
        questions=(_DECISIONS,),
        leaves=Leaves.READOUT,
    ),
    Spec(
        key="pulse",
        name="Quarterly pulse",
        rule=QuarterRule(),
        at=time(10),
        minutes=0,
        clock=Clock.PM,
        per=Per.OTHERS,
        lead="pm",
        people=("pm",),
        channel=Place.LEAD,
        leaves=Leaves.PULSE,
        ends_in=Ends.NOTHING,
    ),
    Spec(
        key="office_hours",
        name="Partner office hours",
        rule=WeeklyRule(weekday=WEDNESDAY),
        at=time(16),
        minutes=30,
        people=("head", "pm"),
        channel=Place.TEAM,
        agenda=("Anyone with a partner question",),
        leaves=Leaves.NOTHING,
        ends_in=Ends.NOTHING,
    ),
)
"""In the order of the quarter's table. The weekly deal review is set up partner by partner and is not among them."""
