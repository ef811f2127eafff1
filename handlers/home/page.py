"""The Home tab: mine today; a partner manager's partners; a leader's three numbers. Blocks from a view model."""

from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.home.ids import AbsenceRef, Action, CardRef, DealRef, Door
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.doors import JointRef, MatchRef, QuarterRef
from handlers.kit.message import Message
from models import homes, people
from models.costs import Cost
from models.domain.attribution import KIND_LABELS
from models.domain.notes import Health, MoneySum
from models.domain.policy import Policy
from models.domain.text import clip, count
from models.domain.zones import zone
from models.forecast.asking import What
from models.homes import HomePage, PartnerState
from models.tables import Card, DealVersion

MOST = 8
MOST_SAME = 3
LABELS = {"stage": "stage", "category": "category", "amount": "amount", "close_date": "closes"}


async def render(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:
    """The Home tab of the card's person."""
    card = await session.get_one(Card, card_id)
    person = await people.get(session, card.person_id)
    page = await homes.load(session, person, now=now, policy=policy)
    return Message("Home", tuple(blocks(page, now, policy)[:100]))


def blocks(page: HomePage, now: datetime, policy: Policy) -> list[b.Block]:
    clocks = zone(people.zone_of(page.person, policy))
    made = [b.header("Mine today"), b.context(f"{w.when(now, clocks)} · {crm_line(page, policy)}")]
    made = [*_set_up(page), *made]
    made += _waiting(page)
    made += _desk(page)
    made += _forecast(page)
    made += _due(page)
    made += _to_sign(page)
    made += _same(page)
    made += _to_mend(page)
    if page.unclosed:
        made += _unclosed(page)
    if page.partners or page.breach:
        made += _partners(page, policy)
    if page.numbers is not None:
        made += _numbers(page, policy)
    made += _meetings(page, policy)
    made += _absence(page)
    made.append(b.context(cost_line(page.cost)))
    return made


def cost_line(cost: Cost) -> str:
    """What the cadence costs its reader."""
    return f"This week Cadence costs you {count(cost.messages, 'message')} so far and {count(cost.minutes, 'minute')} of meetings."


def crm_line(page: HomePage, policy: Policy) -> str:
    if page.crm_as_of is None:
        return "no CRM file yet: drop its export into our direct messages"
    return f"CRM as of {w.when(page.crm_as_of, zone(policy.zone))}"


def _set_up(page: HomePage) -> list[b.Block]:
    """Where the first run goes on, while it is not finished."""
    if page.set_up is None:
        return []
    button = b.button("Set up Cadence", Door.FIRST_RUN, CardRef().dump(), style="primary")
    return [b.section(f"*Set up Cadence: {page.set_up.tally}*", accessory=button), b.divider()]


def _waiting(page: HomePage) -> list[b.Block]:
    if not page.waiting:
        return [b.section(":white_check_mark: No deal waits for your answer. `/deals` shows all of yours.")]
    occurrences = tuple(sorted({occurrence_id for occurrence_id, _ in page.waiting}))
    button = b.button("Review my deals", Door.REVIEW_MY_DEALS, CardRef(o=occurrences).dump(), style="primary")
    made = [b.section(f"*{count(len(page.waiting), 'deal')} waiting for your answer*", accessory=button)]
    for occurrence_id, view in page.waiting[:MOST]:
        partner = f" · {w.escape(clip(view.partner.name, 60))}" if view.partner else ""
        stalled = f" · :hourglass: {count(view.days, 'day')} without movement" if view.stalled else ""
        text = f"{w.escape(clip(view.version.name, 100))}{partner} · {w.money(view.version.amount, view.version.currency)}{stalled}"
        ref = DealRef(o=occurrence_id, d=view.id)
        made.append(b.section(text, accessory=b.button("Answer…", Door.ANSWER_DEAL, ref.dump())))
    if len(page.waiting) > MOST:
        made.append(b.context(f"… and {len(page.waiting) - MOST} more"))
    return made


FORECAST = {
    What.SIGN: (Door.SIGN_COMMIT, "Sign…"),
    What.SIGN_AGAIN: (Door.SIGN_COMMIT, "Sign…"),
    What.REVIEW: (Door.REVIEW_ROLL_UP, "Review…"),
    What.SIGN_OFF: (Door.FORECAST, "Open…"),
    What.CLOSE: (Door.CLOSE_QUARTER, "Close…"),
}


def _forecast(page: HomePage) -> list[b.Block]:
    """What this week's roll-up waits for, from this person."""
    made: list[b.Block] = []
    for task in page.forecast:
        words = {
            What.SIGN: f"*Forecast {task.period}*: {task.done} of {count(task.total, 'partner')} signed this week",
            What.SIGN_AGAIN: (
                f"*Forecast {task.period}*: {count(task.total, 'partner')} of yours signed by who had them before; sign again "
                f"by {w.day(task.due)}"
            ),
            What.REVIEW: f"*Roll-up {task.period}*: to be reviewed and published",
            What.SIGN_OFF: f"*Roll-up {task.period}*: it waits for your sign-off",
            What.CLOSE: f"*{task.period}* is over and not closed",
        }[task.what]
        door, label = FORECAST[task.what]
        made.append(b.section(words, accessory=b.button(label, door, QuarterRef(q=task.period).dump())))
    return made


def _desk(page: HomePage) -> list[b.Block]:
    """What waits for the reader's word before a partner sees it."""
    if page.desk is None:
        return []
    look = b.button("Look…", Door.JOINT_DESK, JointRef().dump())
    if not page.desk.count:
        partners = ", ".join(w.escape(clip(one.partner.name, 60)) for one in page.desk.copies[:MOST_SAME])
        return [b.section(f"*To send some other way*, without a joint channel: {partners}", accessory=look)]
    number = page.desk.count
    return [
        b.section(
            f"*Shared channels*: {count(number, 'thing')} {'waits' if number == 1 else 'wait'} for your word",
            accessory=look,
        )
    ]


def _due(page: HomePage) -> list[b.Block]:
    lines = []
    for item in page.actions[:MOST]:
        mark = ":warning: overdue since" if item.action.due < page.today else "by"
        lines.append(
            f"• {w.escape(clip(item.action.text, 120))}, {mark} {w.day(item.action.due)} · {w.escape(clip(item.deal, 80))}"
        )
    if len(page.actions) > MOST:
        lines.append(f"… and {len(page.actions) - MOST} more actions")
    for commitment, partner in page.commitments[:MOST]:
        mark = ":warning: overdue since" if commitment.due < page.today else "by"
        lines.append(
            f"• {w.escape(clip(commitment.text, 120))}, {mark} {w.day(commitment.due)} · commitment to {w.escape(clip(partner, 60))}"
        )
    if not lines:
        return []
    return [b.divider(), b.section("*My actions and commitments due*"), *b.paragraphs("\n".join(lines))]


def _to_sign(page: HomePage) -> list[b.Block]:
    """Attribution that waits for the reader's signature, the nearest due first."""
    waiting = page.to_sign
    if not waiting.total:
        return []
    lines = []
    for item in waiting.items:
        mark = ":warning: " if item.days_left is not None and item.days_left < 0 else ""
        by = w.escape(page.book.name(item.by_id))
        signed = f", {by} has signed {KIND_LABELS[item.kind]}" if item.claim_id else ""
        partner = w.escape(clip(item.partner, 60))
        lines.append(f"• {w.escape(clip(item.name, 80))} · {partner}: {mark}{item.countdown}{signed}")
    if waiting.total > len(waiting.items):
        lines.append(f"… and {waiting.total - len(waiting.items)} more")
    button = b.button("Sign…", Door.SIGN_ATTRIBUTION, CardRef().dump(), style="primary")
    title = f"*Attribution to sign ({waiting.total})*"
    return [b.divider(), b.section("\n".join([title, *lines]), accessory=button)]


def _same(page: HomePage) -> list[b.Block]:
    """Deals that an import may have doubled, until somebody has said so; asked in a message once, and not again."""
    if not page.same:
        return []
    made: list[b.Block] = [b.divider(), b.section(f"*Is this the same deal? ({len(page.same)})*")]
    for pair in page.same[:MOST_SAME]:
        ref = MatchRef(m=pair.match.id).dump()
        theirs = f"\nIn the CRM: {_deal(pair.theirs, page)}" if pair.theirs is not None else ""
        made.append(b.section(f"Made here: {_deal(pair.ours, page)}{theirs}"))
        made.append(
            b.actions(b.button("Same deal", Door.SAME_DEAL, ref), b.button("Different", Door.DIFFERENT_DEAL, ref))
        )
    if len(page.same) > MOST_SAME:
        made.append(b.context(f"… and {len(page.same) - MOST_SAME} more"))
    return made


def _deal(version: DealVersion, page: HomePage) -> str:
    amount, owner = w.money(version.amount, version.currency), w.escape(page.book.name(version.owner_id))
    return f"*{w.escape(clip(version.name, 80))}* ({amount}, {owner})"


def _to_mend(page: HomePage) -> list[b.Block]:
    if not page.to_mend_all:
        return []
    download = b.button("Download as CSV", Action.MEND_FILE, "all")
    if not page.to_mend:
        text = f"*To mend in the CRM*: {count(page.to_mend_all, 'deal')} of which people here said otherwise"
        return [b.divider(), b.section(text, accessory=download)]
    lines = []
    for view in page.to_mend[:MOST]:
        version = view.version
        parts = [
            f"{LABELS[name]} {w.said(name, entry['value'], version.currency)} (CRM: {w.said(name, crm(version, name), version.currency)})"
            for name, entry in sorted(version.said.items())
        ]
        lines.append(f"• {w.escape(clip(version.name, 80))}: {w.escape(clip('; '.join(parts), 200))}")
    if len(page.to_mend) > MOST:
        lines.append(f"… and {count(len(page.to_mend) - MOST, 'more deal')}")
    title = f"*To mend in the CRM ({len(page.to_mend)})*: you said otherwise here; totals keep the CRM's value"
    return [b.divider(), b.section(title, accessory=download), *b.paragraphs("\n".join(lines))]


def crm(version: DealVersion, name: str) -> object:
    value = getattr(version, name)
    return value.isoformat() if isinstance(value, date) else value


def _unclosed(page: HomePage) -> list[b.Block]:
    ids = [occurrence.id for occurrence, _ in page.unclosed]
    names = ", ".join(w.escape(clip(partner.name, 60)) for _, partner in page.unclosed[:MOST])
    button = b.button("Close…", Door.CLOSE_ONE, DealRef(o=ids[0]).dump(), style="primary")
    if len(ids) > 1:
        value = f'{{"o":{ids[0]},"walk":true}}'
        button = b.button(f"Close {len(ids)}…", Door.CLOSE_REVIEWS, value, style="primary")
    return [b.divider(), b.section(f"*{count(len(ids), 'review')} to close:* {names}", accessory=button)]


def _partners(page: HomePage, policy: Policy) -> list[b.Block]:
    forecast = b.button("Forecast…", Door.FORECAST, QuarterRef().dump())
    made: list[b.Block] = [b.divider(), b.section("*My Tier 1 partners*", accessory=forecast)]
    if page.breach:
        made.append(b.context(f":warning: {page.breach}"))
    lines = [_partner_line(state, page, policy) for state in page.partners]
    joint = b.actions(b.button("Joint channels…", Door.JOINT, JointRef().dump()))
    return [*made, *b.paragraphs("\n".join(lines)), joint]


def _partner_line(state: PartnerState, page: HomePage, policy: Policy) -> str:
    name = f"*{w.escape(clip(state.partner.name, 60))}*"
    if state.occurrence is None:
        return f"• {name}: :warning: {state.blocks}"
    when = w.when(state.occurrence.starts_at, zone(people.zone_of(page.person, policy)))
    stalled = f" · {state.stalled} stalled" if state.stalled else ""
    blocks_ = f" · :hourglass_flowing_sand: {state.blocks}" if state.blocks else ""
    return f"• {name}: {when} · {state.answered} of {count(state.deals, 'deal')} answered{stalled}{blocks_}"


def _numbers(page: HomePage, policy: Policy) -> list[b.Block]:
    numbers = page.numbers
    if numbers is None:
        return []
    quarter, fiscal = numbers.this_quarter, policy.fiscal
    lines = [
        f"• Partner-sourced pipeline closing in {quarter.label}: {_number(numbers.pipeline)}",
        f"• Partner-sourced closed-won in {fiscal.previous(quarter).label}: {_number(numbers.won_last)}",
        f"• Partner-sourced pipeline closing in {fiscal.next(quarter).label}: {_number(numbers.next_pipeline)}",
    ]
    forecast = b.button("Forecast…", Door.FORECAST, QuarterRef().dump())
    made: list[b.Block] = [b.divider(), b.section("*Three numbers*\n" + "\n".join(lines), accessory=forecast)]
    if page.health is not None:
        made.append(b.context(health_line(page.health, page.other_meetings or Health())))
    return made


def health_line(reviews: Health, others: Health) -> str:
    """How the quarter's meetings went: weekly reviews, and apart from them all others, where there are any."""
    kinds = (("weekly reviews", reviews), ("other meetings", others))
    parts = [f"{name} {_tally(found)}" for name, found in kinds if _over(found)]
    if not parts:
        return "Cadence: no meeting has been due yet this quarter"
    return "Cadence this quarter: " + "; ".join(parts)


def _over(found: Health) -> int:
    return found.held + found.late + found.skipped + found.no_meeting


def _tally(found: Health) -> str:
    return f"{found.held} held · {found.late} late · {found.skipped} skipped · {found.no_meeting} without meeting"


def _number(total: tuple[MoneySum, ...] | None) -> str:
    if total is None:
        return "_no data: no imported deal says “sourced” yet_"
    return f"*{w.sums(total)}*" if total else "*nothing*"


def _meetings(page: HomePage, policy: Policy) -> list[b.Block]:
    clocks = zone(people.zone_of(page.person, policy))
    open_all = b.button("All meetings…", Door.OPEN_CADENCE, "all")
    if not page.meetings:
        return [b.divider(), b.section("*Next meetings*\nNothing in the next eight days.", accessory=open_all)]
    lines = []
    for item in page.meetings[:MOST]:
        name = w.joined(item.partner.name if item.partner else "", item.name, most=80)
        skipped = (
            " · " + item.occurrence.state.replace("_", " ")
            if item.occurrence.state in ("skipped", "no_meeting")
            else ""
        )
        lines.append(f"• {w.when(item.occurrence.starts_at, clocks)} · {name}{skipped}")
    if len(page.meetings) > MOST:
        lines.append(f"… and {len(page.meetings) - MOST} more")
    return [b.divider(), b.section("*Next meetings*\n" + "\n".join(lines), accessory=open_all)]


def _absence(page: HomePage) -> list[b.Block]:
    away = b.button("I will be away…", Action.AWAY, "away")
    lines = []
    if page.covering:
        names = ", ".join(w.escape(page.book.name(person_id)) for person_id in page.covering)
        lines.append(f"You cover for {names} today: their deals come to you, and you answer in your own name.")
    if not page.absences:
        lines.append("No absence planned. Who covers for you gets your prompts while you are away.")
    made: list[b.Block] = [b.divider(), b.section("*Absence and cover*\n" + "\n".join(lines), accessory=away)]
    for absence in page.absences[:4]:
        cover = f"{w.escape(page.book.name(absence.cover_id))} covers" if absence.cover_id else "nobody covers"
        back = b.button("Take back", Action.BACK, AbsenceRef(a=absence.id).dump())
        made.append(
            b.section(f"Away {w.day(absence.first_day)} to {w.day(absence.last_day)} · {cover}", accessory=back)
        )
    return made
