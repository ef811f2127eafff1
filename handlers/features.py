"""Every feature, in one list: `register_all` is the door people come in by, the tables are what delivery renders by."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncApp
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.attribution import listeners as attribution
from handlers.births import card as births_card
from handlers.births import listeners as births
from handlers.cadence import listeners as cadence
from handlers.calendar import listeners as calendar
from handlers.checkin import card as checkin_card
from handlers.checkin import listeners as checkin
from handlers.closing import card as closing_card
from handlers.closing import listeners as closing
from handlers.deal_review import card as deal_card
from handlers.deal_review import listeners as deal_review
from handlers.doctor import listeners as doctor
from handlers.events import listeners as events
from handlers.first_run import listeners as first_run
from handlers.first_run import messages as first_run_messages
from handlers.first_run import page as first_run_page
from handlers.forecast import card as forecast_card
from handlers.forecast import files as forecast_files
from handlers.forecast import listeners as forecast
from handlers.health import listeners as health
from handlers.health import messages as health_messages
from handlers.home import differences as home_differences
from handlers.home import listeners as home
from handlers.home import page as home_page
from handlers.imports import card as import_card
from handlers.imports import listeners as imports
from handlers.joint import card as joint_card
from handlers.joint import listeners as joint
from handlers.kit import told
from handlers.kit.deps import Pages
from handlers.kit.message import Message
from handlers.meetings import card as meetings_card
from handlers.meetings import listeners as meetings
from handlers.notes import handover as notes_handover
from handlers.notes import minutes as notes_minutes
from handlers.notes import render as notes
from handlers.owners import listeners as owners
from handlers.papers import listeners as papers
from handlers.pbr import listeners as pbr
from handlers.pbr import render as pbr_render
from handlers.people import listeners as people
from handlers.people import messages as people_messages
from handlers.shared import render as shared
from models import births as born
from models import cadence_health, drafts, pulses
from models.domain.policy import Policy
from models.forecast import announcing
from models.joint import desk, showing
from models.minutes import gather
from models.minutes.closing import DECK

# Bolt asks one listener after the other: what people wait for comes before what nobody waits for.
FEATURES = (
    deal_review,
    checkin,
    joint,
    closing,
    meetings,
    pbr,
    attribution,
    forecast,
    cadence,
    people,
    births,
    home,
    doctor,
    first_run,
    imports,
    owners,
    calendar,
    health,
    papers,
    events,
)

#: What an outbox row says, by its template.
RENDERERS: Mapping[str, Any] = {
    "weekly_note": notes.weekly,
    "friday_note": notes.friday,
    "other_partners": notes.others,
    "agenda": notes.agenda,
    gather.KIND: notes_minutes.minutes,
    "meeting_agenda": notes_minutes.agenda,
    "report": notes.report,
    "help": events.render_help,
    told.TEMPLATE: told.render,
    "welcome": first_run_messages.welcome,
    "orphaned": people_messages.orphaned,
    "handed_over": people_messages.handed_over,
    "handover_page": notes_handover.handover,
    cadence_health.ESCALATION: health_messages.render,
    "pbr": pbr_render.pbr,
    home_differences.TEMPLATE: home_differences.render,
    calendar.TEMPLATE: calendar.render,
    drafts.NOT_YOURS: imports.render_refusal,
    announcing.CHANGES: forecast_files.changes,
    announcing.WEEKS: forecast_files.weeks,
    announcing.WORKBOOK: forecast_files.workbook,
    papers.PDF: papers.render_pdf,
    DECK: papers.render_deck,
}

#: What a card shows, by its kind.
CARD_RENDERERS: Mapping[str, Any] = {
    "prompt": deal_card.render_prompt,
    "nudge": deal_card.render_nudge,
    "close": closing_card.render_close,
    "close_nudge": closing_card.render_nudge,
    "prepare": meetings_card.render,
    pulses.REPORT: meetings_card.render_report,
    "home": home_page.render,
    drafts.CARD: import_card.render,
    born.CARD: births_card.render,
    announcing.CARD: forecast_card.render,
    desk.CARD: joint_card.render,
}

#: What a card in a partner's joint channel shows, by its kind: written from `models.domain.shared` alone.
SHARED_CARDS: Mapping[str, Any] = {
    showing.CHECK_IN: checkin_card.render,
}

#: What a partner reads in its joint channel, by template: written from `models.domain.shared` alone.
SHARED_RENDERERS: Mapping[str, Any] = {
    **shared.SHARED,
}


async def _prompt(
    session: AsyncSession, person_id: int, occurrence_ids: Sequence[int], *, now: datetime, policy: Policy
) -> Message | None:
    """The prompt card somebody would be sent for these reviews, as it is today."""
    page = await deal_card.page_for(session, person_id, list(occurrence_ids), now=now, policy=policy)
    return deal_card.prompt(page, 0) if page.items else None


#: What one feature shows of another.
PAGES = Pages(set_up=first_run_page.view, prompt=_prompt, check_in=checkin_card.blocks)


def register_all(app: AsyncApp) -> None:
    """Register every listener, once, at start."""
    for feature in FEATURES:
        if feature is deal_review:
            deal_review.register(app, new_deal=births.new_deal)  # `/deals new` is another feature's form
        else:
            feature.register(app)
