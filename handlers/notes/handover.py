"""The one page a new partner manager starts from: what is true of the partner when it is sent."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit import words as w
from handlers.kit.fit import cut, fit
from handlers.kit.message import Message
from handlers.kit.pages import crm_as_of, message, short, words_for
from handlers.notes.render import ENV, footer
from models import managers, people
from models.domain.notes import sums
from models.domain.policy import Policy
from models.domain.zones import local_date, zone
from models.managers import Page
from models.people import Directory

MOST_COUNTERPARTS = 5
MOST_UNCLOSED = 5


async def handover(session: AsyncSession, args: Mapping[str, Any], *, now: datetime, policy: Policy) -> Message | None:
    """Nothing when the partner has gone to somebody else before it was sent: that one gets a page of their own."""
    page = await managers.page(session, args["partner_id"], now=now, policy=policy)
    if page is None or page.partner.pm_id != args["for_id"]:
        return None
    text = handover_text(page, args, await people.directory(session), policy)
    return message(text, f"{short(page.partner.name, 80)}: handover")


def handover_text(page: Page, args: Mapping[str, Any], book: Directory, policy: Policy) -> str:
    """At most one page; what does not fit is counted."""
    template = ENV.get_template("handover.j2")

    def render(room: int, side: int) -> str:
        return template.render(
            words_for(book, policy),
            page=page,
            given=_given(args, book),
            about=_about(page),
            reason=str(args.get("reason") or ""),
            counterparts=_counterparts(page),
            review=_review(page, book, policy),
            unclosed=w.safe(_days(page)),
            pipeline=w.safe(w.sums(sums(page.deals))),
            again=_again(page, book, policy),
            last_note=w.safe(f"last note {w.full_day(page.last_note)}" if page.last_note else "no note yet"),
            orphans=cut(page.orphans, 1 + side),
            deals=cut(page.deals, room),
            commitments=cut(page.commitments, 3 + side),
            footer=footer([page.health], page.crm_as_of, policy, stale=page.crm_stale)
            if page.review
            else w.safe(crm_as_of(page.crm_as_of, policy, stale=page.crm_stale)),
        )

    return fit(render, len(page.deals))


def _given(args: Mapping[str, Any], book: Directory) -> w.Mrkdwn:
    before = f"from {w.escape(book.name(args['from_id']))}, " if args.get("from_id") else ""
    named = f"named by {w.escape(book.name(args['by_id']))}" if args.get("by_id") else "named by the partners file"
    return w.safe(f"{before}{named}")


def _about(page: Page) -> w.Mrkdwn:
    partner = page.partner
    stage = f"journey stage {w.escape(short(partner.stage, 40))}" if partner.stage else "no journey stage"
    return w.safe(f"Tier {partner.tier} · {w.escape(short(partner.archetype, 40)) or 'no archetype'} · {stage}")


def _counterparts(page: Page) -> w.Mrkdwn:
    names = [w.escape(short(name, 60)) for name in page.counterparts[:MOST_COUNTERPARTS]]
    more = len(page.counterparts) - MOST_COUNTERPARTS
    return w.safe(
        (", ".join(names) or "nobody is named in the people file") + (f" and {more} more" if more > 0 else "")
    )


def _review(page: Page, book: Directory, policy: Policy) -> w.Mrkdwn:
    if not page.review:
        tier1 = " Start one with `/cadence setup`." if page.partner.tier == 1 else ""
        return w.safe(f"no weekly review.{tier1}")
    person = book.people.get(page.partner.pm_id or 0)
    clocks = zone(people.zone_of(person, policy) if person else policy.zone)
    ahead = f"; next {w.when(page.next_at, clocks)} on your clock" if page.next_at else ""
    return w.safe(f"{w.escape(page.review)}{ahead}")


def _again(page: Page, book: Directory, policy: Policy) -> w.Mrkdwn:
    """The number that stands, whose it is, and by when theirs is expected."""
    if page.again is None:
        return w.safe("")
    signed = page.again.signed
    when = w.day(local_date(signed.at, zone(policy.zone)))
    return w.safe(
        f"*Signed commit of {signed.period}:* {w.money(signed.commit, signed.currency)}, best case "
        f"{w.money(signed.best_case, signed.currency)}, by {w.escape(book.name(signed.by_id))}, {when}. It stands until you sign your "
        f"own, by {w.day(page.again.due)}: `/forecast`"
    )


def _days(page: Page) -> str:
    days = ", ".join(w.day(day) for day in page.unclosed[-MOST_UNCLOSED:])
    more = len(page.unclosed) - MOST_UNCLOSED
    return days + (f" and {more} before" if more > 0 else "")
