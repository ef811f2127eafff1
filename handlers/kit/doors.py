"""The few action ids that one feature shows and another catches: doors between features, named in one place."""

from enum import StrEnum

from handlers.kit.forms import Carried


class Door(StrEnum):
    REVIEW_MY_DEALS = "deal_review.walk"
    ANSWER_DEAL = "deal_review.answer_one"
    CLOSE_REVIEWS = "closing.walk"
    CLOSE_ONE = "closing.one"
    CLOSE_MEETING = "meetings.close"
    ANSWER_PULSE = "meetings.pulse"
    MEETINGS = "meetings.table"
    QUARTER = "quarter.open"
    OPEN_CADENCE = "cadence.open"
    SET_UP = "cadence.set_up"
    EXAMINE = "doctor.open"
    HAND_OVER = "people.hand_over"
    NEW_MANAGER = "people.new_manager"
    MATCH_OWNERS = "owners.open"
    FIRST_RUN = "first_run.open"
    NEW_DEAL = "births.new"
    SAME_DEAL = "births.same"
    DIFFERENT_DEAL = "births.different"
    OPEN_PBR = "pbr.open"
    MY_CALENDAR = "calendar.open"
    HEALTH = "health.open"
    ATTRIBUTION = "attribution.open"
    SIGN_ATTRIBUTION = "attribution.list"
    FORECAST = "forecast.open"
    SIGN_COMMIT = "forecast.sign_commit"
    REVIEW_ROLL_UP = "forecast.review_roll_up"
    CLOSE_QUARTER = "forecast.close_quarter"
    PDF = "papers.pdf"
    JOINT = "joint.open"
    JOINT_DESK = "joint.desk"
    CHECK_IN = "checkin.open"
    ANSWER_JOINT = "checkin.answer"


PARTNERS: frozenset[str] = frozenset({Door.CHECK_IN, Door.ANSWER_JOINT})
"""All that somebody of another company may press or submit; the listeners behind them authorise the person and the deal."""


class DealRef(Carried):
    """One deal in one review."""

    o: int = 0
    d: int = 0


class CardRef(Carried):
    """The reviews of a card: their ids; empty means everything that waits for the person."""

    o: tuple[int, ...] = ()


class QuarterRef(Carried):
    """A fiscal quarter by its label (empty: the present one), and whether its page lies below and is to be shown anew."""

    q: str = ""
    page: bool = False


class MatchRef(Carried):
    """The pair of deals that a question is about."""

    m: int = 0


class PeopleRef(Carried):
    """Whose work is handed over (nobody: the form asks), and the partners that get a new manager (none: all one may)."""

    f: int = 0
    p: tuple[int, ...] = ()


class JointRef(Carried):
    """A partner's page of its joint channel."""

    p: int = 0


class SetUpRef(Carried):
    """The partner whose weekly review is set up (0: the form chooses), and whether “Set up Cadence” asks."""

    p: int = 0
    first_run: bool = False
