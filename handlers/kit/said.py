"""What a partner says of a joint deal, in the words of our own pages: beside what we say, and never instead of it."""

from handlers.kit import words as w
from handlers.kit.pages import short
from models.domain.notes import PartnerSays


def to_speak_about(said: PartnerSays, length: int = 110) -> str:
    """`stage “Verbal” (ours: Qualification) · asks: a price by Friday (Cora Counterpart, Thu 5 Mar)`."""
    return f"{' · '.join([*_stage(said, only_if_different=True), *_ask(said, length)])} ({_by(said)})"


def whole(said: PartnerSays, length: int = 200) -> str:
    """All that they say: `Acme: stage “Verbal” · confirm the budget (Cora, by Thu 12 Mar) · asks: … (Cora, Thu 5 Mar)`."""
    parts = [*_stage(said, only_if_different=False), *_step(said, length), *_ask(said, length)]
    told = " · ".join(parts) or "nothing more"
    return f"{w.escape(short(said.partner, 60))}: {told} ({_by(said)})"


def _stage(said: PartnerSays, *, only_if_different: bool) -> list[str]:
    if not said.stage or (only_if_different and not said.differs):
        return []
    ours = f" (ours: {w.escape(short(said.ours, 40))})" if said.differs and said.ours else ""
    return [f"stage “{w.escape(short(said.stage, 40))}”{ours}"]


def _ask(said: PartnerSays, length: int) -> list[str]:
    return [f"asks: {w.escape(short(said.ask, length))}"] if said.ask else []


def _step(said: PartnerSays, length: int) -> list[str]:
    if not said.action:
        return []
    who = [w.escape(short(said.owner, 60))] if said.owner else []
    when = [f"by {w.day(said.due)}"] if said.due is not None else []
    more = ", ".join([*who, *when])
    return [f"{w.escape(short(said.action, length))}{f' ({more})' if more else ''}"]


def _by(said: PartnerSays) -> str:
    """Who said so, and when; what one of us wrote down says that."""
    reported = "partner-reported by " if said.reported else ""
    return f"{reported}{w.escape(short(said.by or said.partner, 60))}, {w.day(said.on)}"
