"""Decks, as PPTX. Internal: what a partner may see is a type of its own, and not this."""

from models.domain.minutes import MeetingFacts
from models.domain.policy import Policy
from models.people import Directory


def readout(facts: MeetingFacts, book: Directory, policy: Policy, *, partner_sponsor: str = "") -> bytes:
    """The deck of a partner's readout, or of the program's. `partner_sponsor`: "to be named" where nobody is known."""
    from handlers.files import readout as pages  # noqa: PLC0415 - 16 MB that only who makes a deck has to load

    return pages.readout(facts, book, policy, partner_sponsor=partner_sponsor)
