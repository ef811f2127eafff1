"""The written artifacts: freeze the facts of a note, and owe it to its channels. Never commits, never speaks to Slack.

A number of statements that does not grow with the deals: everything is read for the whole note at once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import attribution, imports, outbox, people, reviews
from models.attribution import Ground, kind_of
from models.cadences import Kind, State
from models.deals import seen_by_all
from models.domain import notes as facts_of
from models.domain import review_times
from models.domain.deals import Category
from models.domain.notes import (
    ActionFact,
    CommitmentFact,
    DealFact,
    FridayFacts,
    Health,
    MoveFact,
    OtherFacts,
    PartnerLine,
    PartnerSays,
    SaidFact,
    WeeklyFacts,
)
from models.domain.policy import Policy
from models.domain.workdays import working_days_between
from models.domain.zones import local_date, local_to_utc, zone
from models.joint.says import Says, says
from models.outbox import Owed
from models.reviews import DealView
from models.tables import (
    Answer,
    Artifact,
    Cadence,
    Commitment,
    CommitmentFate,
    Deal,
    DealVersion,
    Occurrence,
    Outbox,
    Partner,
    Person,
)

WEEKLY_NOTE = "weekly_note"
FRIDAY_NOTE = "friday_note"
OTHER_PARTNERS = "other_partners"
AGENDA = "agenda"
INTERNAL = "internal"
#: A place is kept for the note the partner may see; it is built from a type of its own by a later issue.
PARTNER_SAFE = "partner"
FIRST_WINDOW = timedelta(days=7)
FRIDAY = 4
LATE = timedelta(minutes=15)
"""A Friday note made longer than this after its hour, and after the week's last review, says that it is late."""


def friday_of(occurrence: Occurrence) -> date:
    return occurrence.nominal_day + timedelta(days=FRIDAY - occurrence.nominal_day.weekday())


def cutoff(occurrence: Occurrence, policy: Policy) -> datetime:
    """Seven days after the Friday note's nominal hour: after this nothing of the week is sent any more."""
    nominal = local_to_utc(friday_of(occurrence), policy.friday_note_at, zone(policy.zone))
    return review_times.late_cutoff(nominal)


@dataclass(frozen=True)
class Week:
    """What the notes of one week are built from, read once for all of them."""

    pairs: tuple[tuple[Occurrence, Cadence], ...]
    partners: Mapping[int, Partner]
    listed: Mapping[int, list[DealView]]
    answers: Mapping[int, Mapping[int, Answer]]
    before: Mapping[int, Artifact]
    moves: Mapping[int, tuple[MoveFact, ...]]
    closed: Mapping[int, list[DealView]]
    commitments: Mapping[int, list[CommitmentFact]]
    health: Mapping[int, Health]
    crm_as_of: datetime | None
    crm_stale: bool
    now: datetime
    today: date
    ground: Ground
    says: Says

    def since(self, occurrence: Occurrence, partner_id: int | None) -> datetime:
        """When the window of "what moved" opens: at the last note, or a week before the meeting."""
        last = self.before.get(partner_id or 0)
        return last.cut_off if last else occurrence.starts_at - FIRST_WINDOW


async def gather(session: AsyncSession, occurrence_ids: Collection[int], *, now: datetime, policy: Policy) -> Week:
    """Read everything the notes of these occurrences need, with a constant number of statements."""
    pairs = await reviews.scope(session, occurrence_ids)
    partner_ids = [cadence.partner_id for _, cadence in pairs if cadence.partner_id is not None]
    all_partners = {partner.id: partner for partner in await session.scalars(select(Partner))}
    before = await latest_artifacts(session, partner_ids, except_occurrences=[pair[0].id for pair in pairs])
    opens = min((before[key].cut_off for key in before), default=now - 2 * FIRST_WINDOW)
    opens = min([opens, *(occurrence.starts_at - FIRST_WINDOW for occurrence, _ in pairs)])
    rows = await session.execute(
        select(DealVersion, Deal.version_id)
        .join(Deal, Deal.id == DealVersion.deal_id)
        .where(
            DealVersion.valid_from > opens,
            DealVersion.valid_from <= now,
            DealVersion.movement != "none",
            seen_by_all(),
        )
        .order_by(DealVersion.valid_from, DealVersion.id)
    )
    versions = [(version, version.id == stands) for version, stands in rows]
    week = Week(
        pairs=tuple(pairs),
        partners=all_partners,
        listed=await reviews.under_review(session, occurrence_ids, now=now, policy=policy),
        answers=await reviews.answered(session, occurrence_ids),
        before=before,
        moves={},
        closed={},
        commitments=await commitments_of(session, pairs),
        health=await health_of(session, partner_ids, now=now, policy=policy),
        crm_as_of=(as_of := await imports.crm_as_of(session)),
        crm_stale=is_stale(as_of, now, policy),
        now=now,
        today=local_date(now, zone(policy.zone)),
        ground=await attribution.ground(session, now=now, policy=policy),
        says=await says(session, policy=policy),
    )
    closed_ids = {row.deal_id for row, stands in versions if stands and not Category(row.category).is_open}
    closed_views = (
        await reviews.views(session, DealVersion.deal_id.in_(closed_ids), now=now, policy=policy, open_only=False)
        if closed_ids
        else []
    )
    by_partner: dict[int, list[DealView]] = defaultdict(list)
    for view in closed_views:
        if view.version.partner_id is not None:
            by_partner[view.version.partner_id].append(view)
    starts = {cadence.partner_id: week.since(occurrence, cadence.partner_id) for occurrence, cadence in pairs}
    moves: dict[int, list[MoveFact]] = defaultdict(list)
    for row, _ in versions:
        if row.valid_from > starts.get(row.partner_id, opens):
            moves[row.deal_id] += [MoveFact.model_validate(move) for move in row.moves]
    return replace(week, moves={key: tuple(rows) for key, rows in moves.items()}, closed=by_partner)


def is_stale(as_of: datetime | None, now: datetime, policy: Policy) -> bool:
    """More than two working days old, by the company's calendar. Nothing imported is not stale: it is absent."""
    if as_of is None:
        return False
    clocks = zone(policy.zone)
    days = working_days_between(people.company_reader(policy), local_date(as_of, clocks), local_date(now, clocks))
    return days > policy.crm_stale_days


async def latest_artifacts(
    session: AsyncSession, partner_ids: Collection[int], *, except_occurrences: Collection[int]
) -> dict[int, Artifact]:
    """The last internal weekly note of each partner, those of the given occurrences left out."""
    newest = (
        select(Artifact.partner_id, func.max(Artifact.id).label("id"))
        .where(
            Artifact.kind == WEEKLY_NOTE,
            Artifact.audience == INTERNAL,
            Artifact.partner_id.in_(partner_ids),
            Artifact.occurrence_id.not_in(except_occurrences),
        )
        .group_by(Artifact.partner_id)
        .subquery()
    )
    rows = await session.scalars(select(Artifact).join(newest, newest.c.id == Artifact.id))
    return {row.partner_id: row for row in rows if row.partner_id is not None}


async def commitments_of(
    session: AsyncSession, pairs: Iterable[tuple[Occurrence, Cadence]]
) -> dict[int, list[CommitmentFact]]:
    """By cadence: last time's commitments with what this meeting said of them, then this meeting's new ones."""
    occurrence_of = {cadence.id: occurrence.id for occurrence, cadence in pairs}
    fates: dict[int, CommitmentFate] = {
        fate.commitment_id: fate
        for fate in await session.scalars(
            select(CommitmentFate).where(CommitmentFate.occurrence_id.in_(occurrence_of.values()))
        )
    }
    rows = await session.execute(
        select(Commitment, Occurrence.cadence_id)
        .join(Occurrence, Occurrence.id == Commitment.made_in_id)
        .where(Occurrence.cadence_id.in_(occurrence_of))
        .order_by(Commitment.id)
    )
    found: dict[int, list[CommitmentFact]] = defaultdict(list)
    for commitment, cadence_id in rows:
        fate = fates.get(commitment.id)
        new = commitment.made_in_id == occurrence_of[cadence_id]
        if fate is None and not new and commitment.state != "open":
            continue  # settled by an earlier meeting
        found[cadence_id].append(
            CommitmentFact(
                commitment_id=commitment.id,
                text=commitment.text,
                owner_id=commitment.owner_id,
                due=(fate.due_after if fate is not None and fate.due_after else commitment.due),
                fate="new" if new else (fate.fate if fate is not None else "carried"),
                due_before=fate.due_before if fate is not None else None,
            )
        )
    return found


async def health_of(
    session: AsyncSession, partner_ids: Collection[int], *, now: datetime, policy: Policy
) -> dict[int, Health]:
    """Cadence health this fiscal quarter, by partner; reviews that are over only."""
    quarter, _ = policy.fiscal.week_of(local_date(now, zone(policy.zone)))
    rows = await session.execute(
        select(Cadence.partner_id, Occurrence.state, Occurrence.nominal_day)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(
            Cadence.kind == Kind.WEEKLY_REVIEW,
            Cadence.partner_id.in_(partner_ids),
            Occurrence.starts_at <= now,
            Occurrence.nominal_day >= policy.fiscal.week_starts(quarter, 1),
            Occurrence.state.not_in((State.PLANNED, State.PROMPTED)),
        )
        .order_by(Occurrence.starts_at)
    )
    states: dict[int, list[str]] = defaultdict(list)
    for partner_id, state, day in rows:
        if partner_id is not None and policy.fiscal.week_of(day)[0] == quarter:
            states[partner_id].append(state)
    return {partner_id: facts_of.health(states.get(partner_id, [])) for partner_id in partner_ids}


def deal_fact(
    view: DealView,
    answer: Answer | None,
    moves: tuple[MoveFact, ...],
    ground: Ground | None = None,
    partner_says: PartnerSays | None = None,
) -> DealFact:
    """One deal as a page shows it; `ground`: what the state of its attribution goes by, on pages that show it.

    `partner_says`: what the page's partner says of it, on pages that show that.
    """
    version, action = view.version, view.action
    return DealFact(
        deal_id=view.id,
        name=version.name,
        account=version.account,
        owner_id=version.owner_id,
        stage=version.stage,
        category=version.category,
        amount=version.amount,
        currency=version.currency,
        close_date=version.close_date,
        days=view.days,
        stalled=view.stalled and Category(version.category).is_open,
        action=ActionFact(text=action.text, owner_id=action.owner_id, due=action.due, overdue=view.overdue)
        if action is not None
        else None,
        said=tuple(
            SaidFact(
                field=name,
                said=entry["value"],
                crm=_plain(getattr(version, name)),
                by_id=entry.get("by"),
                at=datetime.fromisoformat(entry["at"]),
            )
            for name, entry in sorted(version.said.items())
        ),
        help_needed=view.deal.help_needed,
        attribution=kind_of(view.deal, version),
        attribution_state=ground.state(view.deal, version).value if ground is not None else "",
        joint=view.deal.joint,
        missing=view.deal.missing_since is not None,
        in_crm=view.deal.crm_id is not None,
        answered=("no_change" if answer.kind == "no_change" else "form") if answer is not None else "",
        answered_by=answer.by_id if answer is not None else None,
        moves=moves,
        partner_says=partner_says,
    )


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def weekly_facts(
    week: Week, occurrence: Occurrence, cadence: Cadence, *, uncounted: Iterable[DealView], late: bool
) -> WeeklyFacts:
    """The facts of one partner's note as of now."""
    partner = week.partners[cadence.partner_id or 0]
    answers = week.answers[occurrence.id]

    def said(view: DealView) -> PartnerSays | None:
        return week.says.get((partner.id, view.id))

    deals = tuple(
        deal_fact(view, answers.get(view.id), week.moves.get(view.id, ()), week.ground, said(view))
        for view in week.listed[occurrence.id]
    )
    last = week.before.get(partner.id)
    before = WeeklyFacts.model_validate(last.facts).joint if last else None
    since = week.since(occurrence, partner.id)
    return WeeklyFacts(
        partner_id=partner.id,
        partner=partner.name,
        pm_id=partner.pm_id,
        slot=occurrence.slot,
        day=occurrence.day,
        state=occurrence.state,
        side=occurrence.skip_side,
        reason=occurrence.skip_reason,
        moved_reason=occurrence.moved_reason,
        moved_by=occurrence.moved_by_id,
        closed_by=occurrence.closed_by_id,
        late=late,
        since=since.date(),
        joint=facts_of.sums(deals),
        joint_before=before,
        by_category={
            category.value: facts_of.sums(deal for deal in deals if deal.category == category)
            for category in (Category.COMMIT, Category.BEST_CASE, Category.PIPELINE)
        },
        deals=deals,
        closed=tuple(
            deal_fact(view, None, week.moves.get(view.id, ()), week.ground) for view in week.closed.get(partner.id, [])
        ),
        uncounted=tuple(deal_fact(view, None, (), partner_says=said(view)) for view in uncounted),
        commitments=tuple(week.commitments.get(cadence.id, [])),
        health=week.health.get(partner.id, Health()),
        crm_as_of=week.crm_as_of,
        crm_stale=week.crm_stale,
    )


async def freeze(
    session: AsyncSession,
    occurrence: Occurrence,
    kind: str,
    facts: BaseModel,
    *,
    partner_id: int | None,
    now: datetime,
) -> Artifact:
    """Store the facts as the next version of this occurrence's artifact of that kind."""
    last = await session.scalar(
        select(func.max(Artifact.version)).where(
            Artifact.occurrence_id == occurrence.id, Artifact.kind == kind, Artifact.audience == INTERNAL
        )
    )
    artifact = Artifact(
        kind=kind,
        audience=INTERNAL,
        occurrence_id=occurrence.id,
        partner_id=partner_id,
        version=(last or 0) + 1,
        cut_off=now,
        created_at=now,
        facts=facts.model_dump(mode="json"),
    )
    session.add(artifact)
    await session.flush()
    return artifact


async def publish_weekly(session: AsyncSession, occurrence_id: int, *, now: datetime, policy: Policy) -> Artifact:
    """Freeze the note of a settled review and owe it to the internal channel, and to the Friday thread if that stands.

    Without an internal channel the note goes to the partner manager, so that it is never nowhere.
    """
    week = await gather(session, [occurrence_id], now=now, policy=policy)
    occurrence, cadence = week.pairs[0]
    return (await _publish(session, week, occurrence, cadence, policy=policy))[0]


async def _publish(
    session: AsyncSession, week: Week, occurrence: Occurrence, cadence: Cadence, *, policy: Policy
) -> tuple[Artifact, WeeklyFacts]:
    now = week.now
    partner = week.partners[cadence.partner_id or 0]
    friday = await friday_row(session, occurrence.slot)
    facts = weekly_facts(
        week,
        occurrence,
        cadence,
        uncounted=await reviews.listed_uncounted(session, partner.id, now=now, policy=policy),
        late=friday is not None,
    )
    artifact = await freeze(session, occurrence, WEEKLY_NOTE, facts, partner_id=partner.id, now=now)
    occurrence.published_at = now
    owed = [
        Owed(
            key=f"note:{occurrence.id}:v{artifact.version}",
            template=WEEKLY_NOTE,
            args={"artifact_id": artifact.id},
            due_at=now,
            void_at=cutoff(occurrence, policy),
            channel_ref=partner.internal_channel,
            person_id=None if partner.internal_channel else partner.pm_id,
            occurrence_id=occurrence.id,
        )
    ]
    if friday is not None:
        owed.append(_in_friday_thread(friday, occurrence, artifact, policy, now))
    await outbox.enqueue(session, [item for item in owed if item.channel_ref or item.person_id], now=now)
    return artifact, facts


async def friday_row(session: AsyncSession, slot: str) -> Outbox | None:
    """The consolidated note of this week, if it has been made."""
    found: Outbox | None = await session.scalar(
        select(Outbox)
        .join(Occurrence, Occurrence.id == Outbox.occurrence_id)
        .where(Outbox.template == FRIDAY_NOTE, Occurrence.slot == slot)
    )
    return found


def _in_friday_thread(
    friday: Outbox, occurrence: Occurrence, artifact: Artifact, policy: Policy, now: datetime
) -> Owed:
    return Owed(
        key=f"friday-note:{occurrence.id}:v{artifact.version}",
        template=WEEKLY_NOTE,
        args={"artifact_id": artifact.id, "thread": True},
        due_at=now,
        void_at=cutoff(occurrence, policy),
        channel_ref=friday.channel_ref,
        person_id=friday.person_id,
        parent_key=friday.key,
        occurrence_id=occurrence.id,
    )


async def publish_friday(
    session: AsyncSession, friday: Occurrence, *, now: datetime, policy: Policy
) -> Artifact | None:
    """The consolidated note: one line a partner, each partner's note below it, the *other partners* in the thread.

    A skipped week is published here with its answers and carried commitments; a review that is not closed is one line.
    Returns None when no review belongs to this week.
    """
    rows = await session.execute(
        select(Occurrence, Cadence)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(
            Occurrence.slot == friday.slot,
            Cadence.kind.in_((Kind.WEEKLY_REVIEW, Kind.OTHER_PARTNERS)),
        )
        .order_by(Occurrence.starts_at, Occurrence.id)
    )
    pairs = [(occurrence, cadence) for occurrence, cadence in rows]
    if not any(cadence.kind == Kind.WEEKLY_REVIEW for _, cadence in pairs):
        return None
    week = await gather(session, [occurrence.id for occurrence, _ in pairs], now=now, policy=policy)
    lines: list[PartnerLine] = []
    notes: list[tuple[Occurrence, Artifact]] = []
    present = await existing_notes(session, [occurrence.id for occurrence, _ in pairs])
    for occurrence, cadence in pairs:
        if cadence.kind != Kind.WEEKLY_REVIEW:
            continue
        artifact = present.get(occurrence.id)
        if artifact is None and occurrence.state in (State.SKIPPED, State.NO_MEETING):
            occurrence.closed_at = occurrence.closed_at or now
            artifact, _ = await _publish(session, week, occurrence, cadence, policy=policy)
        lines.append(_line(week, occurrence, cadence, artifact))
        if artifact is not None:
            notes.append((occurrence, artifact))
    others = _others(week, now)
    facts = FridayFacts(
        slot=friday.slot,
        day=week.today,
        late=now - max([friday.starts_at, *(occurrence.ends_at for occurrence, _ in pairs)]) > LATE,
        partners=tuple(lines),
        others=tuple(others),
        crm_as_of=week.crm_as_of,
        crm_stale=week.crm_stale,
    )
    artifact = await freeze(session, friday, FRIDAY_NOTE, facts, partner_id=None, now=now)
    friday.state, friday.closed_at, friday.published_at = State.HELD, now, now
    await _owe_friday(session, friday, artifact, notes, others, policy=policy, now=now)
    return artifact


async def existing_notes(session: AsyncSession, occurrence_ids: Collection[int]) -> dict[int, Artifact]:
    """The newest internal weekly note of each occurrence."""
    rows = await session.scalars(
        select(Artifact)
        .where(Artifact.kind == WEEKLY_NOTE, Artifact.audience == INTERNAL, Artifact.occurrence_id.in_(occurrence_ids))
        .order_by(Artifact.version)
    )
    return {row.occurrence_id: row for row in rows}


def _line(week: Week, occurrence: Occurrence, cadence: Cadence, artifact: Artifact | None) -> PartnerLine:
    partner = week.partners[cadence.partner_id or 0]
    facts = (
        WeeklyFacts.model_validate(artifact.facts)
        if artifact is not None
        else weekly_facts(week, occurrence, cadence, uncounted=(), late=False)
    )
    return PartnerLine(
        occurrence_id=occurrence.id,
        partner_id=partner.id,
        partner=partner.name,
        pm_id=partner.pm_id,
        state=occurrence.state,
        side=occurrence.skip_side,
        reason=occurrence.skip_reason,
        closed=artifact is not None,
        joint=facts.joint,
        joint_before=facts.joint_before,
        moved=sum(1 for deal in (*facts.deals, *facts.closed) if deal.forward),
        slipped=sum(1 for deal in (*facts.deals, *facts.closed) if deal.slips),
        stalled=sum(1 for deal in facts.deals if deal.stalled),
        help=sum(1 for deal in facts.deals if deal.help_needed),
        commitments=sum(1 for item in facts.commitments if item.fate in ("new", "moved", "carried")),
        health=facts.health,
        not_in_crm=facts.not_in_crm,
    )


def _others(week: Week, now: datetime) -> list[OtherFacts]:
    found = []
    for occurrence, cadence in week.pairs:
        if cadence.kind != Kind.OTHER_PARTNERS or cadence.pm_id is None:
            continue
        if occurrence.closed_at is None:
            occurrence.closed_at, occurrence.published_at = now, now
            occurrence.state = State.HELD
        views = week.listed[occurrence.id]
        answers = week.answers[occurrence.id]
        found.append(
            OtherFacts(
                pm_id=cadence.pm_id,
                slot=occurrence.slot,
                deals=tuple(
                    deal_fact(
                        view,
                        answers.get(view.id),
                        week.moves.get(view.id, ()),
                        week.ground,
                        week.says.get((view.partner.id, view.id)) if view.partner else None,
                    )
                    for view in views
                ),
                partners={view.partner.id: view.partner.name for view in views if view.partner},
                partner_of={view.id: view.partner.id for view in views if view.partner},
            )
        )
    return [facts for facts in found if facts.deals]


async def _owe_friday(
    session: AsyncSession,
    friday: Occurrence,
    artifact: Artifact,
    notes: list[tuple[Occurrence, Artifact]],
    others: list[OtherFacts],
    *,
    policy: Policy,
    now: datetime,
) -> None:
    channel = policy.leadership_channel
    head: Person | None = None
    if not channel:
        leaders = [person for person in await people.heads_and_admins(session) if person.has("head")]
        head = leaders[0] if leaders else None
        if head is None:
            return  # nobody to tell; the artifact stands, and /cadence names the missing channel
    root = Owed(
        key=f"friday:{friday.id}",
        template=FRIDAY_NOTE,
        args={"artifact_id": artifact.id},
        due_at=await _in_their_hours(session, head, now, policy) if head else now,
        void_at=cutoff(friday, policy),
        channel_ref=channel,
        person_id=head.id if head else None,
        occurrence_id=friday.id,
    )
    await outbox.enqueue(session, [root], now=now)
    below = [
        Owed(
            key=f"friday-note:{occurrence.id}:v{note.version}",
            template=WEEKLY_NOTE,
            args={"artifact_id": note.id, "thread": True},
            due_at=root.due_at,
            void_at=root.void_at,
            channel_ref=channel,
            person_id=root.person_id,
            parent_key=root.key,
            occurrence_id=occurrence.id,
        )
        for occurrence, note in notes
    ]
    below += [
        Owed(
            key=f"friday-others:{friday.id}:{facts.pm_id}",
            template=OTHER_PARTNERS,
            args={"artifact_id": artifact.id, "pm_id": facts.pm_id},
            due_at=root.due_at,
            void_at=root.void_at,
            channel_ref=channel,
            person_id=root.person_id,
            parent_key=root.key,
            occurrence_id=friday.id,
        )
        for facts in others
    ]
    await outbox.enqueue(session, below, now=now)


async def _in_their_hours(session: AsyncSession, person: Person, now: datetime, policy: Policy) -> datetime:
    """Now if the person works now, else when they next do: a note is no reason to wake anybody."""
    reader = (await people.readers(session, [person], policy))[person.id]
    return review_times.waits_until(reader, now) or now


async def agenda_facts(
    session: AsyncSession, occurrence_id: int, *, now: datetime, policy: Policy
) -> tuple[WeeklyFacts, list[int], list[int]]:
    """The facts of an agenda, who has not answered (and is not absent), and who is absent: person ids."""
    week = await gather(session, [occurrence_id], now=now, policy=policy)
    occurrence, cadence = week.pairs[0]
    uncounted = await reviews.listed_uncounted(session, cadence.partner_id or 0, now=now, policy=policy)
    facts = weekly_facts(week, occurrence, cadence, uncounted=uncounted, late=False)
    staff = await reviews.staff(session, policy)
    waiting: set[int] = set()
    owners = {view.version.owner_id for view in week.listed[occurrence.id] if view.version.owner_id is not None}
    absent = await people.absent_on(session, owners, occurrence.day)
    answered = week.answers[occurrence.id]
    for duty in reviews.duties(occurrence, cadence.pm_id, week.listed[occurrence.id], staff):
        if any(deal_id not in answered for deal_id in duty.deal_ids):
            waiting.add(duty.responder_id)
    return facts, sorted(waiting - absent), sorted(absent)


def in_agenda_order(deals: Iterable[DealFact]) -> list[DealFact]:
    """Stalled first, then unanswered, then by amount."""
    return sorted(
        deals,
        key=lambda deal: (
            not deal.stalled,
            bool(deal.answered),
            deal.amount is None,
            -(deal.amount or 0),
            deal.name.casefold(),
        ),
    )
