"""Every feature, in one list: `register_all` is the door people come in by, the tables are what delivery renders by."""

from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp

from handlers.cadence import listeners as cadence
from handlers.closing import card as closing_card
from handlers.closing import listeners as closing
from handlers.deal_review import card as deal_card
from handlers.deal_review import listeners as deal_review
from handlers.doctor import listeners as doctor
from handlers.events import listeners as events
from handlers.home import differences as home_differences
from handlers.home import listeners as home
from handlers.home import page as home_page
from handlers.notes import handover as notes_handover
from handlers.notes import render as notes
from handlers.people import listeners as people
from handlers.people import messages as people_messages

# Bolt asks one listener after the other: what people wait for comes before what nobody waits for.
FEATURES = (deal_review, closing, cadence, people, home, doctor, events)

#: What an outbox row says, by its template.
RENDERERS: Mapping[str, Any] = {
    "weekly_note": notes.weekly,
    "friday_note": notes.friday,
    "other_partners": notes.others,
    "agenda": notes.agenda,
    "report": notes.report,
    "help": events.render_help,
    "orphaned": people_messages.orphaned,
    "handed_over": people_messages.handed_over,
    "handover_page": notes_handover.handover,
    home_differences.TEMPLATE: home_differences.render,
}

#: What a card shows, by its kind.
CARD_RENDERERS: Mapping[str, Any] = {
    "prompt": deal_card.render_prompt,
    "nudge": deal_card.render_nudge,
    "close": closing_card.render_close,
    "close_nudge": closing_card.render_nudge,
    "home": home_page.render,
}


def register_all(app: AsyncApp) -> None:
    """Register every listener, once, at start."""
    for feature in FEATURES:
        feature.register(app)
