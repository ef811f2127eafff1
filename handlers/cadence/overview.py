"""`/cadence`: what is next, what waits, how the cadence is doing, and what is wrong with it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.cadence.ids import Action, Door, MenuRef, Ref, View
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.doors import CardRef, JointRef, PeopleRef
from models import cadences, closing, costs, first_run, health, notes, owners, people, reviews
from models.cadences import AHEAD, Planned
from models.costs import Cost
from models.domain.notes import Health, merge_health
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may
from models.domain.text import clip, count, key, near
from models.domain.zones import local_date, zone
from models.first_run import Facts
from models.people import Directory
from models.roster import listed
from models.tables import Cadence, Occurrence, Partner, Person

AHEAD_DAYS = timedelta(days=15)
MOST_ROWS = 20
MOST_PROBLEMS = 8
MOST_COSTS = 12


@dataclass(frozen=True)
class CadencePage:
    """All that the overview shows."""

    actor: Person
    planned: tuple[Planned, ...]
    unanswered: dict[int, tuple[int, ...]]
    waiting: tuple[tuple[Occurrence, Partner], ...]
    allowed: frozenset[int]
    problems: tuple[str, ...]
    health: Health
    week: str
    clocks: ZoneInfo
    book: Directory
    query: str = ""
    near: tuple[str, ...] = ()
    paused: tuple[str, ...] = ()
    costs: tuple[tuple[int, Cost], ...] = ()
    set_up: Facts | None = None
    """What of the first run is done, while it is not finished."""
    not_closed: tuple[Planned, ...] = ()
    """Meetings of the quarter's table that are over and not closed."""
    open_owners: int = 0
    """Owners the CRM names who are nobody here, as far as the actor may say who they are."""


async def load(session: AsyncSession, actor: Person, query: str, *, now: datetime, policy: Policy) -> CadencePage:
    """The actor's partners; everybody's for leadership and admins; those with a deal of theirs for an AE."""
    partners = {partner.id: partner for partner in await session.scalars(select(Partner))}
    book = await people.directory(session)
    covers = await people.covers(session, now=now, policy=policy)
    wide = bool({held.role for held in actor.roles} & {"head", "cro", "cfo", "ceo", "admin"})
    mine = {partner.id for partner in partners.values() if actor.id in (partner.pm_id, covers.get(partner.pm_id or 0))}
    if not wide and not mine:
        found = await reviews.views(session, Partner.id.is_not(None), now=now, policy=policy, owner_id=actor.id)
        mine = {view.partner.id for view in found if view.partner}
    shown = set(partners) if wide else mine
    suggestions: list[str] = []
    if key(query):
        hits = {partner_id for partner_id in shown if key(query) in partners[partner_id].key}
        suggestions = [] if hits else near(query, [partners[partner_id].name for partner_id in shown])
        shown = hits
    planned = [
        item
        for item in await cadences.coming(session, now=now, until=now + AHEAD_DAYS, table=True)
        if _concerns(item, actor, shown, query, wide=wide)
    ]
    waiting = await _waiting(session, [partners[partner_id] for partner_id in shown], now)
    by_partner = await notes.health_of(session, list(shown), now=now, policy=policy)
    set_up = await first_run.facts(session, now=now, policy=policy) if not query else None
    trouble = await health.problems(session, now=now, policy=policy, partner_ids=None if wide and not query else shown)
    return CadencePage(
        actor=actor,
        planned=tuple(planned),
        unanswered=await _unanswered(session, planned, now=now, policy=policy),
        waiting=tuple(waiting),
        allowed=frozenset(
            partner_id
            for partner_id in shown
            if may(people.as_actor(actor), Act.PLAN, Subject(pm_id=partners[partner_id].pm_id, covers=covers)).allowed
        ),
        problems=tuple(problem.sentence for problem in trouble),
        health=merge_health(by_partner.values()),
        week=week_label(local_date(now, zone(policy.zone)), policy),
        clocks=zone(people.zone_of(actor, policy)),
        book=book,
        query=query,
        near=tuple(suggestions),
        paused=await _paused(session, shown, partners),
        costs=tuple((await costs.this_week(session, now=now, policy=policy)).items()) if wide and not query else (),
        set_up=set_up if set_up is not None and not set_up.finished else None,
        not_closed=tuple(
            item
            for item in await cadences.not_closed(session, now=now)
            if _concerns(item, actor, shown, query, wide=wide)
        ),
        open_owners=await _open_owners(session, actor, now=now, policy=policy),
    )


def _concerns(item: Planned, actor: Person, shown: Collection[int], query: str, *, wide: bool) -> bool:
    """Whether the meeting is listed: of a partner that is shown, or of the company and the actor's own."""
    if item.partner is not None:
        return item.partner.id in shown and (not item.name or wide or actor.id in item.people)
    return not query and (wide or actor.id in item.people)


async def _open_owners(session: AsyncSession, actor: Person, *, now: datetime, policy: Policy) -> int:
    if not may(people.as_actor(actor), Act.IMPORT, Subject()).allowed:
        return 0
    return len(await owners.list_open(session, actor, now=now, policy=policy))


def week_label(today: date, policy: Policy) -> str:
    """`Week 8 of 2026Q4, 23–29 Nov`."""
    quarter, number = policy.fiscal.week_of(today)
    first, last = policy.fiscal.week_starts(quarter, number), policy.fiscal.week_ends(quarter, number)
    return f"Week {number} of {quarter.label}, {w.day(first)} to {w.day(last)}"


async def _waiting(
    session: AsyncSession, partners: Collection[Partner], now: datetime
) -> list[tuple[Occurrence, Partner]]:
    found: list[tuple[Occurrence, Partner]] = []
    wanted = {partner.id for partner in partners}
    for pm_id in sorted({partner.pm_id for partner in partners if partner.pm_id is not None}):
        found += [row for row in await closing.waiting_for(session, pm_id, now=now) if row[1].id in wanted]
    return found


async def _unanswered(
    session: AsyncSession, planned: list[Planned], *, now: datetime, policy: Policy
) -> dict[int, tuple[int, ...]]:
    """Who has not answered yet, by occurrence, of the reviews that have been prompted."""
    prompted = [item for item in planned if item.occurrence.state == "prompted"]
    ids = [item.occurrence.id for item in prompted]
    if not ids:
        return {}
    listed = await reviews.under_review(session, ids, now=now, policy=policy)
    done = await reviews.answered(session, ids)
    staff = await reviews.staff(session, policy)
    found: dict[int, tuple[int, ...]] = {}
    for item in prompted:
        duties = reviews.duties(item.occurrence, item.cadence.pm_id, listed[item.occurrence.id], staff)
        answered = done[item.occurrence.id]
        late = {duty.responder_id for duty in duties if any(deal not in answered for deal in duty.deal_ids)}
        found[item.occurrence.id] = tuple(sorted(late))
    return found


async def _paused(session: AsyncSession, shown: Collection[int], partners: dict[int, Partner]) -> tuple[str, ...]:
    rows = await session.scalars(select(Cadence.partner_id).where(Cadence.state == "paused"))
    return tuple(
        sorted(partners[partner_id].name for partner_id in rows if partner_id is not None and partner_id in shown)
    )


def modal(page: CadencePage) -> dict[str, Any]:
    made: list[b.Block] = [*_set_up(page), b.section(f"*{page.week}*\n{health_line(page.health)}")]
    buttons = []
    if page.allowed or page.actor.has("pm", "head", "admin"):
        style = None if page.set_up is not None else "primary"  # one thing first
        buttons.append(b.button("Set up a weekly review", Door.SET_UP, Ref().dump(), style=style))
    buttons += [
        b.button("The quarter…", Door.QUARTER, Ref().dump()),
        b.button("My calendar…", Door.MY_CALENDAR, Ref().dump()),
        b.button("Health and hours…", Door.HEALTH, Ref().dump()),
    ]
    if page.open_owners:
        named = count(page.open_owners, "owner")
        buttons.append(b.button(f"Name {named} of the CRM's file…", Door.MATCH_OWNERS, Ref().dump()))
    if page.allowed:
        narrowed = tuple(sorted(page.allowed)) if page.query and len(page.allowed) <= MOST_ROWS else ()
        buttons.append(b.button("New partner manager…", Door.NEW_MANAGER, PeopleRef(p=narrowed).dump()))
        buttons.append(b.button("Hand over work…", Door.HAND_OVER, PeopleRef().dump()))
        if page.actor.has("pm", "head") or not page.actor.has("admin"):
            only = next(iter(page.allowed)) if page.query and len(page.allowed) == 1 else 0
            buttons.append(b.button("Joint channels…", Door.JOINT, JointRef(p=only).dump()))
    if may(people.as_actor(page.actor), Act.SET_UP_COMPANY, Subject()).allowed:
        buttons.append(b.button("Meetings of the quarter…", Door.MEETINGS, Ref().dump()))
    if may(people.as_actor(page.actor), Act.EXAMINE, Subject()).allowed:
        buttons.append(b.button("Check the installation…", Door.EXAMINE, Ref().dump()))
    made.append(b.actions(*buttons))
    made += [*_next(page), *_not_closed(page)]
    if page.costs:
        made.append(b.context(cost_line(page)))
    if page.paused:
        made.append(b.context(f"Paused: {', '.join(w.escape(name) for name in page.paused)}"))
    if page.problems:
        made += [b.divider(), b.section("*To mend*")]
        made += [b.context(f":warning: {w.escape(clip(problem, 400))}") for problem in page.problems[:MOST_PROBLEMS]]
        if len(page.problems) > MOST_PROBLEMS:
            made.append(b.context(f"… and {len(page.problems) - MOST_PROBLEMS} more"))
    return b.modal(View.OVERVIEW, "Cadence", made)


def _set_up(page: CadencePage) -> list[b.Block]:
    """While the first run is not finished: where it goes on, for those who can; who is at it, for everybody else."""
    if page.set_up is None:
        return []
    if may(people.as_actor(page.actor), Act.SET_UP_COMPANY, Subject()).allowed:
        button = b.button("Set up Cadence", Door.FIRST_RUN, Ref().dump(), style="primary")
        return [b.section(f"*Set up Cadence: {page.set_up.tally}*", accessory=button)]
    names = page.set_up.setting_up
    return [b.context(f"{w.escape(listed(names))} {'is' if len(names) == 1 else 'are'} setting Cadence up: "
                      f"{page.set_up.tally}.")] if names else []  # fmt: skip


def health_line(found: Health) -> str:
    if not any((found.held, found.late, found.skipped, found.no_meeting)):
        return "No review has been due yet this quarter."
    streak = f" · {found.streak} in a row" if found.streak > 1 else ""
    return (
        f"This quarter: {found.held} held{streak} · {found.late} late · {found.skipped} skipped · "
        f"{found.no_meeting} without meeting"
    )


def cost_line(page: CadencePage) -> str:
    """What the week costs, the people it costs most first."""
    ranked = sorted(page.costs, key=lambda row: (-row[1].minutes, -row[1].messages, row[0]))
    parts = [
        f"{w.escape(page.book.name(person_id))} {cost.minutes} min, {count(cost.messages, 'message')}"
        for person_id, cost in ranked[:MOST_COSTS]
    ]
    more = f" · and {count(len(ranked) - MOST_COSTS, 'more person', 'more people')}" if len(ranked) > MOST_COSTS else ""
    return f"What this week costs: {' · '.join(parts)}{more}"


def _next(page: CadencePage) -> list[b.Block]:
    if not page.planned:
        return [b.section(_nothing(page))]
    made: list[b.Block] = [b.divider(), b.section("*Next*")]
    for item in page.planned[:MOST_ROWS]:
        partner = item.partner
        menu = None
        may_plan = partner.id in page.allowed if partner is not None else _leads(item, page)
        if may_plan and item.occurrence.state in AHEAD:
            menu = b.overflow(Action.MENU, _menu(item))
        made.append(b.section(_line(item, page), accessory=menu))
    if len(page.planned) > MOST_ROWS:
        made.append(b.context(f"… and {len(page.planned) - MOST_ROWS} more. `/cadence acme` shows one partner."))
    return made


def _leads(item: Planned, page: CadencePage) -> bool:
    """Whether the actor may plan a meeting of the company."""
    return page.actor.id == item.lead_id or page.actor.has("head", "admin")


def _menu(item: Planned) -> list[tuple[str, str]]:
    words = [("Move this one", "bump"), ("Skip this one", "skip")]
    if not item.name:  # the rows of the quarter's table are changed in the table
        words += [("Change day or hour", "change"), ("Pause", "pause")]
    return [(label, MenuRef(m=name, o=item.occurrence.id).dump()) for label, name in words]


def _line(item: Planned, page: CadencePage) -> str:
    occurrence = item.occurrence
    name = w.joined(item.partner.name if item.partner else "", item.name, most=80)
    line = f"*{name}* · {w.when(occurrence.starts_at, page.clocks)}–{w.clock(occurrence.ends_at, page.clocks)}"
    pm = w.escape(page.book.name(item.lead_id or item.cadence.pm_id))
    states = {
        "planned": "planned",
        "prompted": "prompts are out",
        "skipped": f":warning: skipped: {w.escape(clip(occurrence.skip_reason, 150))}",
        "no_meeting": f"no meeting: {w.escape(clip(occurrence.skip_reason, 150))}",
        "held": "held",
        "held_late": "held late",
    }
    state = states[occurrence.state]
    if occurrence.moved_at is not None:
        state += f" · moved by {w.escape(page.book.name(occurrence.moved_by_id))}: {w.escape(clip(occurrence.moved_reason, 120))}"
    elif occurrence.day != occurrence.nominal_day and not cadences.is_placed(item.cadence):
        state += f" · instead of {w.day(occurrence.nominal_day)}, a holiday"
    late = page.unanswered.get(occurrence.id)
    if late is not None:
        names = ", ".join(w.escape(page.book.name(person_id)) for person_id in late[:6])
        state += f" · waiting for {names}" + (f" and {len(late) - 6} more" if len(late) > 6 else "") if late else (  # noqa: PLR2004 - six are named
            " · everybody has answered"
        )  # fmt: skip
    return f"{line} · {pm}\n{state}"


def _not_closed(page: CadencePage) -> list[b.Block]:
    if not page.waiting and not page.not_closed:
        return []
    number = len(page.waiting) + len(page.not_closed)
    word = "meeting" if page.not_closed else "review"
    made: list[b.Block] = [b.divider(), b.section(f"*Not closed* ({count(number, word)})")]
    made += [_open_meeting(item, page) for item in page.not_closed[:MOST_ROWS]]
    for occurrence, partner in page.waiting[:MOST_ROWS]:
        words = f"{w.escape(clip(partner.name, 80))} · {w.when(occurrence.starts_at, page.clocks)}"
        can = partner.id in page.allowed and not page.actor.has("admin")
        button = (
            b.button("Close…", Door.CLOSE_ONE, Ref(o=occurrence.id).dump()) if can or page.actor.has("head") else None
        )
        made.append(b.section(words, accessory=button))
    return made


def _open_meeting(item: Planned, page: CadencePage) -> b.Block:
    """One meeting of the table that is over, with the button that closes it for whoever may."""
    title = w.joined(item.partner.name if item.partner else "", item.name, most=80)
    words = f"{title} · {w.when(item.occurrence.starts_at, page.clocks)}"
    if page.actor.id != item.lead_id and not page.actor.has("head"):
        return b.section(words)
    if item.cadence.kind == "pbr":
        return b.section(words, accessory=b.button("Close…", Door.OPEN_PBR, CardRef(o=(item.occurrence.id,)).dump()))
    return b.section(words, accessory=b.button("Close…", Door.CLOSE_MEETING, Ref(o=item.occurrence.id).dump()))


def _nothing(page: CadencePage) -> str:
    if page.near:
        names = ", ".join(f"`/cadence {w.escape(clip(name, 60))}`" for name in page.near)
        return f"No partner of yours matches “{w.escape(clip(page.query, 80))}”. Did you mean {names}?"
    if page.query and not page.waiting:
        return f"No partner of yours matches “{w.escape(clip(page.query, 80))}”, or nothing is planned for it."
    if not page.allowed and not page.actor.has("pm", "head", "admin"):
        return "Nothing is planned in the next two weeks."
    return "Nothing is planned in the next two weeks. Start with one cadence: set up the weekly review of a Tier 1 partner."
