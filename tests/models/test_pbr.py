"""The monthly partner business review: which one is meant, its facts, its draft, the gate, versions and refusals."""

from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from models import pbr
from models.cadences import Side
from models.domain import pbr as domain
from models.domain.errors import FieldErrors, NotAllowed, Stale, UserError
from models.domain.meetings import BUILT_IN
from models.domain.pbr import Loss, PbrFacts, Said, TypedPromise, TypedVerdict
from models.pbr import Base, Submitted
from models.tables import (
    Artifact,
    Cadence,
    Change,
    Commitment,
    CommitmentFate,
    DealVersion,
    ImportRun,
    LossReason,
    Minutes,
    Occurrence,
    Outbox,
    Target,
)
from tests import make
from tests.make import POLICY

MARCH = datetime(2026, 3, 6, 10, tzinfo=make.UTC)  # the first Friday: this PBR reviews February
AFTER = MARCH + timedelta(hours=2)
FEBRUARY = date(2026, 2, 1)
DUE = date(2026, 4, 20)


RULE = next(spec.rule for spec in BUILT_IN if spec.key == "pbr").model_dump(mode="json")


async def series(session, partner, pm, **more):
    made = Cadence(**{
        "kind": "pbr", "partner_id": partner.id, "pm_id": pm.id if pm else None, "rule": RULE, "at": time(10),
        "zone": "Europe/London", "minutes": 60, "starts_on": date(2026, 1, 1), "created_at": make.NOW, **more,
    })  # fmt: skip
    session.add(made)
    await session.flush()
    return made


async def meeting(session, cadence, slot="2026-03", starts=MARCH, **more):
    made = Occurrence(**{
        "cadence_id": cadence.id, "slot": slot, "nominal_day": starts.date(), "day": starts.date(), "starts_at": starts,
        "ends_at": starts + timedelta(minutes=60), "state": "prompted", **more,
    })  # fmt: skip
    session.add(made)
    await session.flush()
    return made


class Room:
    """Acme with its PBR of February, and hands to fill in the form."""

    def __init__(self, session, team, cadence, occurrence):
        self.session, self.team, self.cadence, self.march = session, team, cadence, occurrence

    def promises(self, number=2):
        return tuple(
            TypedPromise(text=f"promise {place}", owner_id=self.team.ann.id, due=DUE) for place in range(number)
        )

    def said(self, **more):
        return Said(**{"changes": ("demo together", ""), "promises": self.promises(), **more})

    async def base(self, occurrence=None):
        return (await pbr.desk_of(self.session, (occurrence or self.march).id, now=AFTER, policy=POLICY)).base

    async def form(self, said=None, *, of=None, base=None, **refusals):
        of = of or self.march
        return Submitted(of.id, base or await self.base(of), said or self.said(), refusals.get("refusals", {}))

    async def publish(self, said=None, *, by=None, now=AFTER, of=None, base=None, **more):
        form = await self.form(said, of=of, base=base, **more)
        return await pbr.publish(self.session, by or self.team.pm, form, now=now, policy=POLICY)

    async def refused(self, said=None, **more):
        before = len(list(await self.session.scalars(select(Artifact))))
        with pytest.raises(FieldErrors) as found:
            await self.publish(said, **more)
        assert len(list(await self.session.scalars(select(Artifact)))) == before
        return found.value.errors

    async def draft(self, said, *, by=None, base=None, now=AFTER):
        await pbr.save_draft(self.session, by or self.team.pm, await self.form(said, base=base), now=now, policy=POLICY)

    async def facts(self, occurrence=None, now=AFTER, **more):
        return await pbr.gather(self.session, occurrence or self.march, now, POLICY, **more)

    async def closed(self, name, category, day=date(2026, 2, 10), **more):
        return await make.deal(
            self.session, name, self.team.acme, self.team.ann, category=category, close_date=day, **more
        )

    async def old(self, text="promised in February", due=date(2026, 3, 20), occurrence=None):
        if occurrence is None:
            occurrence = await meeting(self.session, self.cadence, "2026-02", MARCH - timedelta(days=28), state="held",
                                       closed_at=MARCH - timedelta(days=28))  # fmt: skip
        made = Commitment(partner_id=self.team.acme.id, text=text, owner_id=self.team.ann.id, due=due,
                          made_in_id=occurrence.id, made_at=make.NOW)  # fmt: skip
        self.session.add(made)
        await self.session.flush()
        return made

    async def summary(self, occurrence=None, now=AFTER):
        return await pbr.summary(self.session, occurrence or self.march, now, POLICY)


@pytest.fixture
async def room(sqlite):
    async with sqlite.write() as session:
        team = await make.small(session)
        cadence = await series(session, team.acme, team.pm)
        yield Room(session, team, cadence, await meeting(session, cadence))


# Facts.


async def test_the_joint_pipeline_is_split_by_category_and_by_attribution_and_the_parts_add_up(room):
    for name, category, attribution in (("A", "commit", "sourced"), ("B", "best_case", "co_sold"), ("C", "commit", "")):
        await make.deal(room.session, name, room.team.acme, room.team.ann, category=category, attribution=attribution)
    facts = await room.facts()
    assert [(total.amount, total.deals) for total in facts.joint] == [(5_000_000, 5)]
    assert {name: sum(one.amount for one in parts) for name, parts in facts.by_category.items()} == {
        "commit": 2_000_000, "best_case": 1_000_000, "pipeline": 2_000_000,
    }  # fmt: skip
    assert {name: sum(one.deals for one in parts) for name, parts in facts.by_attribution.items()} == {
        "sourced": 1, "influenced": 0, "co_sold": 1, "": 3,
    }  # fmt: skip


async def test_won_and_lost_are_those_whose_close_date_lies_in_the_month_reviewed(room):
    await room.closed("Inside", "won", attribution="sourced")
    await room.closed("Last day", "won", date(2026, 2, 28))
    await room.closed("Too early", "won", date(2026, 1, 31))
    await room.closed("Too late", "won", date(2026, 3, 1))
    await room.closed("Gone", "lost", amount=5, lost_reason="price")
    facts = await room.facts()
    assert (facts.month, facts.ends) == (FEBRUARY, date(2026, 2, 28))
    assert {deal.name for deal in facts.won} == {"Inside", "Last day"}
    assert [(deal.name, deal.reason, deal.reason_by, deal.shared) for deal in facts.lost] == [
        ("Gone", "price", None, False)
    ]
    assert {name for name, parts in facts.won_by_attribution.items() if parts} == {"sourced", ""}


async def test_every_gap_is_named_with_its_deal(room):
    for deal in room.team.deals.values():
        (await make.current(room.session, deal)).attribution = "sourced"
    await make.deal(room.session, "Bare", room.team.acme, room.team.ann, amount=None, close_date=None)
    await room.closed("Lost one", "lost", attribution="sourced")
    await make.deal(
        room.session, "No day", room.team.acme, room.team.ann, category="won", close_date=None, attribution="sourced"
    )
    for number, seen in enumerate((datetime(2026, 1, 31, tzinfo=make.UTC), datetime(2026, 4, 1, tzinfo=make.UTC))):
        await make.deal(room.session, f"Other month {number}", room.team.acme, room.team.ann, category="won", close_date=None,
                        seen=seen)  # fmt: skip
    said = await make.deal(room.session, "Said", room.team.acme, room.team.ann, attribution="sourced")
    (await make.current(room.session, said)).said = {"category": {"value": "lost", "at": make.NOW.isoformat(), "by": 1}}
    await room.session.flush()
    assert [gap.sentence for gap in (await room.facts()).missing] == [
        "Lost one was lost and has no reason.",
        "No day was closed without a close date, and counts in no month.",
        "Bare has no attribution.",
        "Bare has no amount.",
        "Bare has no close date.",
        "Said is said to be closed, and still open in the CRM.",
    ]


@pytest.mark.parametrize(
    ("now", "crm", "expected"),
    [
        (datetime(2026, 2, 27, 12, tzinfo=make.UTC), None, "month"),
        (AFTER, None, ""),
        (AFTER, datetime(2026, 2, 28, 9, tzinfo=make.UTC), "crm"),
        (AFTER, datetime(2026, 3, 1, 9, tzinfo=make.UTC), ""),
    ],
)
async def test_numbers_are_provisional_until_the_month_and_the_crm_s_export_are_past_its_end(room, now, crm, expected):
    if crm:
        room.session.add(ImportRun(kind="deals", file_name="deals.csv", digest="x", at=crm))
        await room.session.flush()
    facts = await room.facts(now=now)
    assert (facts.provisional, facts.crm_as_of) == (expected, crm)


async def test_what_moved_and_slipped_counts_deals_of_the_month_once_each(room):
    one, two = room.team.deals.values()
    for deal, day, way in ((one, 3, "forward"), (one, 9, "forward"), (two, 5, "both"), (two, 1, "slip")):
        at = datetime(2026, 2, day, 12, tzinfo=make.UTC) if day > 1 else datetime(2026, 3, 2, tzinfo=make.UTC)
        current = await make.current(room.session, deal)
        room.session.add(DealVersion(
            deal_id=deal.id, valid_from=at, valid_to=at, reported_at=at, source="import", name="x", category="pipeline",
            partner_id=current.partner_id, movement=way, moves=[],
        ))  # fmt: skip
    await room.session.flush()
    facts = await room.facts()
    assert (facts.moved, facts.slipped) == (2, 1)


async def test_the_change_is_to_the_last_published_pbr_and_so_are_last_time_s_changes(room):
    await room.publish(room.said(changes=("demo together", "one price list")))
    april = await meeting(room.session, room.cadence, "2026-04", MARCH + timedelta(days=28))
    await make.deal(room.session, "New", room.team.acme, room.team.ann)
    facts = await room.facts(april, now=AFTER + timedelta(days=28))
    assert [total.amount for total in facts.joint_before or ()] == [2_000_000]
    assert (facts.before_month, facts.changes_before) == (FEBRUARY, ("demo together", "one price list"))
    assert facts.version == 1


async def test_the_health_of_the_series_counts_twelve_months_up_to_this_one(room):
    for slot, state in (("2025-02", "held"), ("2025-12", "held"), ("2026-01", "skipped"), ("2026-02", "held_late")):
        year, month = map(int, slot.split("-"))
        await meeting(room.session, room.cadence, slot, datetime(year, month, 5, 10, tzinfo=make.UTC), state=state)
    artifact = await room.publish()
    health = PbrFacts.model_validate(artifact.facts).health
    assert (health.held, health.late, health.skipped, health.streak) == (2, 1, 1, 2)


@pytest.mark.parametrize("number", [1, 60])
async def test_any_number_of_deals_takes_the_same_statements(sqlite, number):
    async with sqlite.write() as session:
        team = await make.small(session, deals=number)
        cadence = await series(session, team.acme, team.pm)
        occurrence = await meeting(session, cadence)
        await make.deal(session, "Lost", team.acme, team.ann, category="lost", close_date=date(2026, 2, 9))
    async with sqlite.read() as session:
        occurrence = await session.get_one(Occurrence, occurrence.id)
        with make.counting(sqlite) as statements:
            facts = await pbr.gather(session, occurrence, AFTER, POLICY)
    assert len(facts.deals) == number
    assert len(statements) <= 17


async def test_the_states_of_many_partners_take_the_statements_of_one(sqlite):
    async with sqlite.write() as session:
        team = await make.small(session)
        for number in range(12):
            other = await make.partner(session, f"Partner {number}", team.pm)
            await meeting(session, await series(session, other, team.pm))
    counts = []
    for number in (1, 12):
        async with sqlite.read() as session:
            rows = await session.execute(select(Occurrence, Cadence).join(Cadence, Cadence.id == Occurrence.cadence_id)
                                         .where(Cadence.kind == "pbr").limit(number))  # fmt: skip
            pairs = [(occurrence, cadence) for occurrence, cadence in rows]
            with make.counting(sqlite) as statements:
                assert set((await pbr.summaries(session, pairs, now=AFTER, policy=POLICY)).values()) == {
                    "not closed: draft, nothing missing"
                }
            counts.append(len(statements))
    assert counts[0] == counts[1]


# Which one is meant.


async def test_the_one_meant_is_what_is_not_closed_else_the_next_else_the_last(room):
    february = await meeting(room.session, room.cadence, "2026-02", MARCH - timedelta(days=28), state="held",
                             closed_at=make.NOW)  # fmt: skip
    april = await meeting(room.session, room.cadence, "2026-04", MARCH + timedelta(days=28), state="planned")

    async def meant(now):
        return await pbr.current(room.session, room.team.acme.id, now)

    assert await meant(MARCH - timedelta(days=1)) is room.march
    assert await meant(MARCH) is room.march
    assert await meant(april.starts_at - timedelta(days=1)) is room.march, "not closed yet"
    await room.publish()
    assert await meant(AFTER) is april
    april.state, april.closed_at = "skipped", AFTER
    assert await meant(AFTER) is april
    assert february.state == "held"
    assert await pbr.current(room.session, 99, AFTER) is None


@pytest.mark.parametrize(
    ("month", "sentence"),
    [
        ("2026-13", "“2026-13” is no month: write the month reviewed as year and month, such as 2026-10. There is one of 2026-02."),
        ("oct", "“oct” is no month: write the month reviewed as year and month, such as 2026-10. There is one of 2026-02."),
        ("2026-3", "“2026-3” is no month: write the month reviewed as year and month, such as 2026-10. There is one of 2026-02."),
        ("2026-12", "The PBR of 2026-12 with Acme is not planned yet: it follows that month. There is one of 2026-02."),
        ("2025-10", "There was no PBR of 2025-10 with Acme. There is one of 2026-02."),
    ],
)  # fmt: skip
async def test_a_month_without_a_pbr_is_refused_with_those_there_are(room, month, sentence):
    with pytest.raises(UserError) as refused:
        await pbr.of_month(room.session, room.team.acme, month, now=AFTER, policy=POLICY)
    assert str(refused.value) == sentence
    assert await pbr.of_month(room.session, room.team.acme, "2026-02", now=AFTER, policy=POLICY) is room.march


async def test_a_partner_without_a_pbr_says_why_and_how_to_turn_it_on(room):
    beta = await make.partner(room.session, "Beta", room.team.pm)
    gamma = await make.partner(room.session, "Gamma", room.team.pm, tier=2)
    for partner, words in (
        (beta, "There is no PBR with Beta yet"),
        (gamma, "Gamma is Tier 2: a PBR is for Tier 1 partners"),
    ):
        with pytest.raises(UserError) as refused:
            await pbr.of_month(room.session, partner, "2026-02", now=AFTER, policy=POLICY)
        assert str(refused.value).startswith(words)
        assert "`/cadence`, under Meetings of the quarter" in str(refused.value)


async def test_the_words_behind_the_command_name_a_partner_and_perhaps_a_month(room):
    north = await make.partner(room.session, "Beta North", room.team.pm)
    await make.partner(room.session, "Beta South", room.team.pm)

    async def find(text, by=room.team.pm):
        return await pbr.find(room.session, by, text, now=AFTER, policy=POLICY)

    assert (await find("acme")).partner is room.team.acme
    assert ((await find("ACME 2026-10")).partner, (await find("acme oct")).month) == (room.team.acme, "oct")
    assert (await find("beta north 2026-10")).partner is north
    assert [one.name for one in (await find("beta 2026-10")).hits] == ["Beta North", "Beta South"]
    assert (await find("acm corp")).near == ()
    assert (await find("amce")).near == ("Acme",)
    assert (await find("amce 2026-10")).near == ("Acme",)


async def test_a_partner_of_somebody_else_is_refused_with_who_can(room):
    paul = await make.person(room.session, "Paul Other", "pm")
    for text in ("acme", "acme 2026-02"):
        with pytest.raises(NotAllowed, match=r"Pat Manager \(partner manager\) and leadership can"):
            await pbr.find(room.session, paul, text, now=AFTER, policy=POLICY)
    assert await pbr.visible(room.session, paul, now=AFTER, policy=POLICY) == []
    assert await pbr.visible(room.session, room.team.head, now=AFTER, policy=POLICY) == [room.team.acme]


# States in words.


async def test_the_state_is_said_in_words_from_draft_to_published(room):
    assert await room.summary(now=datetime(2026, 2, 20, tzinfo=make.UTC)) == (
        "draft, 2 things missing, provisional until the month is over"
    )
    assert await room.summary(now=MARCH) == "running now: draft, 2 things missing"
    assert await room.summary() == "not closed: draft, 2 things missing"
    await room.publish()
    assert await room.summary() == "published"
    await room.publish(Said(changes=("x",), what_changed="a word"))
    assert await room.summary() == "published, version 2"


async def test_one_that_was_not_held_says_whose_side_and_why(room):
    await room.publish(Said(held=False, side=Side.PARTNER, reason="they are ill"))
    assert await room.summary() == "not held: the partner's side, they are ill (published)"
    april = await meeting(room.session, room.cadence, "2026-04", AFTER, state="skipped", skip_side="ours",
                          skip_reason="not closed")  # fmt: skip
    assert await room.summary(april) == "not held: our side, not closed"
    april.state = "held"
    assert await room.summary(april) == "held, not published"


# The draft.


async def test_a_draft_keeps_everything_typed_complete_or_not_and_counts_as_known(room):
    lost = await room.closed("Gone", "lost", attribution="sourced")
    target = Target(partner_id=room.team.acme.id, key="halyard", account="Halyard", import_id=await _import(room))
    room.session.add(target)
    await room.session.flush()
    said = Said(
        held=False, side="partner", reason="ill", lost={lost.id: Loss(reason="price", shared=True)},
        pursuit=(f"t{target.id}",), accounts="One\n two \n\none", changes=("", "second"),
        promises=(TypedPromise(), TypedPromise(text="half a promise"), TypedPromise()),
    )  # fmt: skip
    before = len((await room.facts()).missing)
    await room.draft(said, now=MARCH - timedelta(days=2))
    desk = await pbr.desk_of(room.session, room.march.id, now=AFTER, policy=POLICY)
    assert desk.said == said
    assert desk.base == Base(0, 1)
    assert len(desk.facts.missing) == before - 1, "a reason that was typed is not missing"
    assert [item.account for item in desk.facts.pursuit] == ["Halyard", "One", "two"]
    assert list(await room.session.scalars(select(LossReason))) == []
    assert room.march.closed_at is None


async def _import(room):
    run = ImportRun(kind="targets", file_name="o.csv", digest="y", at=make.NOW)
    room.session.add(run)
    await room.session.flush()
    return run.id


async def test_an_owner_nobody_knows_is_refused_even_in_a_draft_because_it_could_not_be_kept(room):
    with pytest.raises(FieldErrors) as refused:
        await pbr.save_draft(
            room.session, room.team.pm, await room.form(refusals={1: "Who is this?"}), now=AFTER, policy=POLICY
        )
    assert refused.value.errors == {"owner_1": "Who is this?"}


async def test_a_draft_saved_on_top_of_somebody_else_s_is_refused_with_both_values(room):
    base = await room.base()
    await room.draft(Said(changes=("theirs", "")), by=room.team.head, base=base)
    with pytest.raises(Stale) as refused:
        await room.draft(Said(changes=("mine", "")), base=base)
    (conflict,) = refused.value.conflicts
    assert (conflict.field, conflict.present, conflict.typed, conflict.by) == (
        "Change 1",
        "theirs",
        "mine",
        "Hedda Lead",
    )
    await room.draft(Said(changes=("theirs", "")), base=base)  # the same words overwrite nothing
    assert (await room.session.get_one(Minutes, room.march.id)).said["changes"] == ["theirs", ""]


async def test_a_form_opened_before_somebody_published_is_refused_even_with_the_same_words(room):
    base = await room.base()
    await room.publish(by=room.team.head)
    with pytest.raises(Stale) as refused:
        await room.publish(Said(changes=("other", ""), promises=room.promises()), base=base)
    assert {held.by for held in refused.value.conflicts} == {"Hedda Lead"}
    assert len(await pbr.versions_of(room.session, room.march.id)) == 1


# Publishing.


async def test_publishing_settles_freezes_posts_and_takes_the_draft_over(room):
    await room.draft(room.said())
    artifact = await room.publish()
    assert (room.march.state, room.march.closed_at, room.march.published_at) == ("held", AFTER, AFTER)
    facts = PbrFacts.model_validate(artifact.facts)
    assert (artifact.kind, artifact.version, facts.version, facts.state) == ("pbr", 1, 1, "held")
    assert [item.text for item in facts.commitments] == ["promise 0", "promise 1"]
    assert facts.changes == ("demo together",)
    owed = (await room.session.scalars(select(Outbox))).one()
    assert (owed.template, owed.channel_ref, owed.person_id, owed.args) == (
        "pbr",
        "p-acme",
        None,
        {"artifact_id": artifact.id},
    )
    assert await room.session.get(Minutes, room.march.id) is None
    trail = [row.field for row in await room.session.scalars(select(Change).where(Change.entity_id == room.march.id))]
    assert trail[-2:] == ["closed", "pbr"]


async def test_without_an_internal_channel_the_page_goes_to_the_partner_manager_in_their_hours(room):
    room.team.acme.internal_channel = ""
    await room.publish(by=room.team.head, now=MARCH + timedelta(hours=11))
    owed = (await room.session.scalars(select(Outbox))).one()
    assert (owed.channel_ref, owed.person_id) == ("", room.team.pm.id)
    assert owed.due_at == datetime(2026, 3, 9, 8, tzinfo=make.UTC), "Monday morning"


@pytest.mark.parametrize(("number", "missing"), [(0, 2), (1, 1)])
async def test_it_does_not_publish_without_commitments_and_says_so(room, number, missing):
    errors = await room.refused(room.said(promises=room.promises(number)))
    assert errors == {
        f"text_{number}": f"A PBR ends in two or three commitments, carried ones included: add {missing} more."
    }


async def test_it_does_not_publish_without_a_change_to_the_motion(room):
    assert list(await room.refused(room.said(changes=(" ", "")))) == ["change_0"]


async def test_old_commitments_are_judged_and_carried_ones_count(room):
    one = await room.old()
    two = await room.old("another", occurrence=await room.session.get_one(Occurrence, one.made_in_id))
    assert set(await room.refused()) == {f"fate_{one.id}", f"fate_{two.id}"}
    verdicts = {one.id: TypedVerdict(fate="carried"), two.id: TypedVerdict(fate="moved", due=DUE)}
    artifact = await room.publish(room.said(promises=(), verdicts=verdicts))
    assert [(item["text"], item["fate"]) for item in artifact.facts["commitments"]] == [
        ("promised in February", "carried"), ("another", "moved"),
    ]  # fmt: skip
    assert two.due == DUE


async def test_a_pbr_that_was_not_held_needs_side_and_reason_and_no_commitments(room):
    errors = await room.refused(Said(held=False))
    assert set(errors) == {"side", "reason"}
    artifact = await room.publish(Said(held=False, side="holiday", reason="public holiday"))
    assert (room.march.state, artifact.facts["reason"]) == ("no_meeting", "public holiday")


async def test_before_the_meeting_began_only_a_draft_is_taken_and_the_refusal_says_when(room):
    errors = await room.refused(now=MARCH - timedelta(minutes=1))
    assert errors["how"].startswith(
        "The PBR with Acme begins on Friday 6 March at 10:00: until then, save it as a draft."
    )


async def test_one_that_nobody_closed_in_time_can_still_be_published(room):
    room.march.state, room.march.skip_side, room.march.skip_reason = "skipped", "ours", "not closed"
    room.march.closed_at = AFTER
    await room.publish()
    assert (room.march.state, room.march.skip_reason) == ("held", "")


async def test_one_that_somebody_skipped_begins_with_their_reason_and_can_be_published_as_held_after_all(room):
    room.march.state, room.march.skip_side, room.march.skip_reason = "no_meeting", "partner", "their kick-off"
    room.march.closed_at, room.march.closed_by_id = make.NOW, room.team.head.id
    begun = (await pbr.desk_of(room.session, room.march.id, now=AFTER, policy=POLICY)).said
    assert (begun.held, begun.side, begun.reason) == (False, "partner", "their kick-off")
    await room.publish()
    assert (room.march.state, room.march.skip_side, room.march.closed_by_id) == ("held", "", room.team.pm.id)


async def test_a_reason_for_a_deal_that_is_not_lost_any_more_is_left_alone(room):
    await room.publish(room.said(lost={room.team.deals["Deal 0"].id: Loss(reason="price")}))
    assert list(await room.session.scalars(select(LossReason))) == []


async def test_with_nobody_to_tell_the_page_is_kept(room):
    room.team.acme.internal_channel, room.team.acme.pm_id = "", None
    await room.publish(by=room.team.head)
    assert list(await room.session.scalars(select(Outbox))) == []
    assert len(await pbr.versions_of(room.session, room.march.id)) == 1


async def test_a_partner_without_any_deal_publishes(room):
    for deal in room.team.deals.values():
        (await make.current(room.session, deal)).partner_id = None
    await room.session.flush()
    facts = PbrFacts.model_validate((await room.publish()).facts)
    assert (facts.has_deals, facts.joint, facts.missing) == (False, (), ())


async def test_reasons_are_rows_only_where_they_say_something_new(room):
    ours, crm = await room.closed("Ours", "lost"), await room.closed("Crm", "lost", lost_reason="price")
    said = {ours.id: Loss(reason="no budget", shared=True), crm.id: Loss(reason="price")}
    await room.publish(room.said(lost=said))
    rows = list(await room.session.scalars(select(LossReason)))
    assert [(row.deal_id, row.reason, row.shared, row.by_id) for row in rows] == [
        (ours.id, "no budget", True, room.team.pm.id)
    ]
    await room.publish(
        Said(changes=("x",), lost=said | {crm.id: Loss(reason="price", shared=True)}, what_changed="shared")
    )
    assert [row.deal_id for row in await room.session.scalars(select(LossReason))] == [ours.id, crm.id]
    facts = PbrFacts.model_validate((await pbr.versions_of(room.session, room.march.id))[0].facts)
    assert {deal.name: (deal.reason, deal.shared) for deal in facts.lost} == {
        "Ours": ("no budget", True),
        "Crm": ("price", True),
    }


async def test_the_pursuit_list_takes_this_partner_s_deals_and_targets_and_nobody_else_s(room):
    other = await make.deal(room.session, "Foreign", await make.partner(room.session, "Beta"), room.team.ann)
    mine = room.team.deals["Deal 1"]
    keys = (f"d{mine.id}", f"d{other.id}", "d999999", "t1", "d" + "9" * 40, "nonsense")
    facts = PbrFacts.model_validate((await room.publish(room.said(pursuit=keys, accounts="Halyard"))).facts)
    assert [(item.key, item.account) for item in facts.pursuit] == [(f"d{mine.id}", "Deal 1 Ltd"), ("", "Halyard")]


async def test_what_may_be_pursued_is_due_deals_then_targets_then_deals_without_a_date_and_what_is_chosen_first(room):
    for name, day in (
        ("Due", date(2026, 3, 31)),
        ("Late", date(2026, 1, 5)),
        ("Far", date(2026, 4, 1)),
        ("Open", None),
    ):
        await make.deal(room.session, name, room.team.acme, room.team.ann, close_date=day, amount=len(name) * 10**8)
    run = await _import(room)
    gone = {"gone_at": make.NOW}
    for name, more in (("Halyard", {"our_status": "customer"}), ("Left", gone)):
        room.session.add(Target(partner_id=room.team.acme.id, key=name, account=name, import_id=run, **more))
    await room.session.flush()
    choice = (await pbr.desk_of(room.session, room.march.id, now=AFTER, policy=POLICY)).choice
    assert [item.deal or item.account for item in choice.offered] == [
        "Late",
        "Due",
        "Deal 0",
        "Deal 1",
        "Halyard",
        "Open",
    ]
    last = choice.offered[-1].key
    chosen = await pbr.desk_of(room.session, room.march.id, now=AFTER, policy=POLICY, said=Said(pursuit=(last,)))
    assert chosen.choice.offered[0].key == last


@pytest.mark.parametrize("who", ["ann", "head", "pm"])
async def test_its_partner_manager_and_the_head_publish_and_nobody_else(room, who):
    by = getattr(room.team, who)
    if who == "ann":
        with pytest.raises(NotAllowed, match="You cannot publish this PBR"):
            await room.publish(by=by)
        with pytest.raises(NotAllowed):
            await room.draft(Said(), by=by)
    else:
        assert (await room.publish(by=by)).version == 1


async def test_something_that_is_no_pbr_is_refused(room):
    form = Submitted(room.team.week.id, Base(), room.said())
    with pytest.raises(UserError, match="This PBR does not exist any more"):
        await pbr.publish(room.session, room.team.pm, form, now=AFTER, policy=POLICY)


# Corrections.


async def test_a_correction_says_what_changed_and_is_posted_below_the_first(room):
    await room.publish()
    errors = await room.refused(Said(changes=("demo together",)))
    assert list(errors) == ["what_changed"]
    later = AFTER + timedelta(days=3)
    second = await room.publish(Said(changes=("demo together, weekly",), what_changed="how often"), now=later)
    assert (second.version, second.facts["what_changed"]) == (2, "how often")
    assert [row.version for row in await pbr.versions_of(room.session, room.march.id)] == [2, 1]
    assert (room.march.closed_at, room.march.published_at) == (AFTER, AFTER)
    first, below = await room.session.scalars(select(Outbox).order_by(Outbox.id))
    assert (below.key, below.parent_id, below.channel_ref) == (f"pbr:{room.march.id}:v2", first.id, "p-acme")


async def test_a_correction_whose_first_page_went_elsewhere_or_nowhere_stands_by_itself(room):
    await room.publish()
    first = (await room.session.scalars(select(Outbox))).one()
    first.state = "failed"
    await room.publish(Said(changes=("b",), what_changed="one"))
    room.team.acme.internal_channel, first.state = "p-other", "sent"
    await room.publish(Said(changes=("c",), what_changed="two"))
    rows = list(await room.session.scalars(select(Outbox).order_by(Outbox.id)))
    assert [(row.channel_ref, row.parent_id) for row in rows] == [("p-acme", None), ("p-acme", None), ("p-other", None)]


async def test_a_correction_keeps_the_pipeline_of_its_day_and_counts_won_and_lost_anew(room):
    await room.publish()
    await make.deal(room.session, "Born later", room.team.acme, room.team.ann)
    await room.closed("Reported late", "won")
    facts = PbrFacts.model_validate((await room.publish(Said(changes=("x",), what_changed="a win")), None)[0].facts)
    assert [deal.name for deal in facts.deals] == ["Deal 0", "Deal 1"]
    assert [deal.name for deal in facts.won] == ["Reported late"]
    assert (facts.won_before, facts.pipeline_day) == ((), AFTER.date())


async def test_a_correction_after_a_newer_export_is_not_provisional_any_more(room):
    for at in (datetime(2026, 2, 28, 9, tzinfo=make.UTC), datetime(2026, 3, 9, 9, tzinfo=make.UTC)):
        room.session.add(ImportRun(kind="deals", file_name="deals.csv", digest="x", at=at))
        await room.session.flush()
        await room.publish(
            Said(held=False, side="ours", reason="ill", what_changed="a newer export"), now=at + timedelta(days=8)
        )
    pages = [PbrFacts.model_validate(row.facts) for row in await pbr.versions_of(room.session, room.march.id)]
    assert [facts.provisional for facts in pages] == ["", "crm"]


async def test_a_correction_leaves_commitments_alone_and_may_add_up_to_three(room):
    await room.publish(room.said(promises=room.promises(2)))
    errors = await room.refused(Said(changes=("x",), promises=room.promises(2), what_changed="more"))
    assert errors == {"text_1": "Two or three commitments, so that each is kept: 2 are made already, so add 1 at most."}
    third = TypedPromise(text="a third", owner_id=room.team.bob.id, due=DUE)
    artifact = await room.publish(Said(changes=("x",), promises=(third,), what_changed="more"))
    assert [item["text"] for item in artifact.facts["commitments"]] == ["promise 0", "promise 1", "a third"]
    assert room.march.closed_at == AFTER


async def test_a_correction_can_say_that_it_was_held_after_all_and_then_needs_commitments(room):
    old = await room.old()
    await room.publish(Said(held=False, side="ours", reason="nobody came"))
    errors = await room.refused(Said(changes=("x",), what_changed="it was held"))
    assert list(errors) == [f"fate_{old.id}"]
    said = room.said(verdicts={old.id: TypedVerdict(fate="kept")}, what_changed="it was held")
    artifact = await room.publish(said)
    assert (room.march.state, room.march.skip_reason) == ("held", "")
    assert [(item["text"], item["fate"]) for item in artifact.facts["commitments"]] == [
        ("promised in February", "kept"), ("promise 0", "new"), ("promise 1", "new"),
    ]  # fmt: skip


async def test_a_late_correction_knows_nothing_of_what_later_meetings_promised_or_judged(room):
    await room.publish()
    april = await meeting(room.session, room.cadence, "2026-04", MARCH + timedelta(days=28))
    mine = list(await room.session.scalars(select(Commitment)))
    later = april.ends_at
    verdicts = {row.id: TypedVerdict(fate="moved", due=date(2026, 5, 1)) for row in mine}
    await room.publish(room.said(verdicts=verdicts, promises=room.promises(1)), of=april, now=later)
    desk = await pbr.desk_of(room.session, room.march.id, now=later, policy=POLICY)
    assert desk.standing == ()
    artifact = await room.publish(Said(changes=("x",), what_changed="a word"), now=later)
    assert [(item["text"], item["due"]) for item in artifact.facts["commitments"]] == [
        ("promise 0", DUE.isoformat()), ("promise 1", DUE.isoformat()),
    ]  # fmt: skip
    assert {row.occurrence_id for row in await room.session.scalars(select(CommitmentFate))} == {april.id}


async def test_a_correction_begins_with_what_the_version_before_says(room):
    lost = await room.closed("Gone", "lost")
    mine = room.team.deals["Deal 0"]
    said = room.said(pursuit=(f"d{mine.id}",), accounts="Halyard", lost={lost.id: Loss(reason="price", shared=True)})
    await room.publish(said)
    begun = (await pbr.desk_of(room.session, room.march.id, now=AFTER, policy=POLICY)).said
    assert (begun.held, begun.pursuit, begun.accounts, begun.changes) == (
        True,
        (f"d{mine.id}",),
        "Halyard",
        ("demo together",),
    )
    assert begun.lost == {lost.id: Loss(reason="price", shared=True)}
    assert begun.what_changed == ""


async def test_the_months_of_a_partner_are_listed_newest_first_with_their_versions(room):
    await meeting(room.session, room.cadence, "2026-01", MARCH - timedelta(days=60), state="skipped")
    await room.publish()
    assert [(one.month, one.versions) for one in await pbr.months(room.session, room.team.acme)] == [
        (FEBRUARY, 1), (date(2025, 12, 1), 0),
    ]  # fmt: skip
    assert domain.reviewed("2026-01") == date(2025, 12, 1)
