"""The few action ids that one feature shows and another catches: doors between features, named in one place."""

from enum import StrEnum

from handlers.kit.forms import Carried


class Door(StrEnum):
    REVIEW_MY_DEALS = "deal_review.walk"
    ANSWER_DEAL = "deal_review.answer_one"
    CLOSE_REVIEWS = "closing.walk"
    CLOSE_ONE = "closing.one"
    OPEN_CADENCE = "cadence.open"
    SET_UP = "cadence.set_up"
    EXAMINE = "doctor.open"
    HAND_OVER = "people.hand_over"
    NEW_MANAGER = "people.new_manager"


class DealRef(Carried):
    """One deal in one review."""

    o: int = 0
    d: int = 0


class CardRef(Carried):
    """The reviews of a card: their ids; empty means everything that waits for the person."""

    o: tuple[int, ...] = ()


class PeopleRef(Carried):
    """Whose work is handed over (nobody: the form asks), and the partners that get a new manager (none: all one may)."""

    f: int = 0
    p: tuple[int, ...] = ()
