"""The notes' facts: what moved since the last note, what ties out, what is late, and how few questions they cost."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from models import answers, cadences, closing, notes
from models.cadences import Kind, Side
from models.closing import Closing, Promise, Verdict
from models.domain.notes import WeeklyFacts
from models.tables import (
    Absence,
    Artifact,
    Cadence,
    Commitment,
    DealPartner,
    DealVersion,
    ImportRun,
    NextAction,
    Occurrence,
    Outbox,
)
from tests import make
from tests.make import NOW, POLICY, typed

THURSDAY = datetime(2026, 3, 5, 11, tzinfo=UTC)
FRIDAY = datetime(2026, 3, 6, 15, tzinfo=UTC)
WEEK = timedelta(days=7)
DUE = date(2026, 3, 26)


@pytest.fixture
async def session(sqlite):
    async with sqlite.write() as session:
        yield session


async def close(session, team, week=None, *, now=THURSDAY, by=None, verdicts=None):
    week = week or team.week
    promises = tuple(Promise(f"{text} {week.slot}", team.ann.id, DUE) for text in ("one", "two"))
    artifact = await closing.close(
        session, by or team.pm, Closing(week.id, True, "", "", verdicts or {}, promises), now=now, policy=POLICY
    )
    return artifact, WeeklyFacts.model_validate(artifact.facts)


async def kept_all(session, team):
    return {row.id: Verdict("kept") for row in await closing.open_commitments(session, team.acme.id)}


async def say(session, team, name, *, now, **changes):
    given = typed(await make.shown(session, team.deals[name], team.week), **changes)
    await answers.record(session, team.head, given, now=now, policy=POLICY)


async def fridays(session, slot="2026-W10"):
    rows = await session.scalars(
        select(Occurrence)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .where(Cadence.kind == Kind.FRIDAY_NOTE, Occurrence.slot == slot)
    )
    return rows.one()


async def publish_friday(session, slot="2026-W10", now=FRIDAY):
    return await notes.publish_friday(session, await fridays(session, slot), now=now, policy=POLICY)


async def owed(session):
    return {row.key: row for row in await session.scalars(select(Outbox).order_by(Outbox.id))}


async def test_the_first_note_has_nothing_to_compare_with(session):
    team = await make.small(session)
    artifact, facts = await close(session, team)
    assert (facts.joint_before, artifact.version, artifact.cut_off) == (None, 1, THURSDAY)
    assert [(line.amount, line.deals, line.unknown) for line in facts.joint] == [(2_000_000, 2, 0)]


async def test_the_next_note_compares_with_the_last_one_and_not_with_its_own_earlier_versions(session):
    team = await make.small(session)
    await close(session, team)
    version = await make.current(session, team.deals["Deal 0"])
    version.amount = 3_000_000
    next_week = await make.occurrence(session, team.cadence, "2026-W11")
    _, facts = await close(session, team, next_week, now=THURSDAY + WEEK, verdicts=await kept_all(session, team))
    assert [line.amount for line in facts.joint_before] == [2_000_000]
    assert [line.amount for line in facts.joint] == [4_000_000]


async def test_sums_of_the_categories_add_up_to_the_joint_pipeline_and_use_the_crms_values(session):
    team = await make.small(session, deals=3)
    (await make.current(session, team.deals["Deal 0"])).category = "commit"
    (await make.current(session, team.deals["Deal 1"])).amount = None
    await make.action(session, team.deals["Deal 2"], team.ann)
    await say(session, team, "Deal 2", now=NOW, amount=99, category="commit")
    _, facts = await close(session, team)
    assert {name: [(line.amount, line.deals, line.unknown) for line in lines] for name, lines in facts.by_category.items()} == {
        "commit": [(1_000_000, 1, 0)], "best_case": [], "pipeline": [(1_000_000, 2, 1)],
    }  # fmt: skip
    assert [(line.amount, line.deals, line.unknown) for line in facts.joint] == [(2_000_000, 3, 1)]
    said = {item.field: (item.said, item.crm) for deal in facts.deals for item in deal.said}
    assert said == {"amount": (99, 1_000_000), "category": ("commit", "pipeline")}


async def test_what_moved_is_counted_from_a_week_before_the_first_review_and_then_from_the_last_note(session):
    team = await make.small(session, deals=3)
    for name, at in {"Deal 0": THURSDAY - timedelta(days=9), "Deal 1": THURSDAY - timedelta(days=2)}.items():
        await make.action(session, team.deals[name], team.ann)
        version = await make.current(session, team.deals[name])
        version.valid_from = version.reported_at = at - timedelta(days=9)
        await say(session, team, name, now=at, amount=9_000_000)
    artifact, facts = await close(session, team)
    assert {deal.name: len(deal.moves) for deal in facts.deals} == {"Deal 0": 0, "Deal 1": 1, "Deal 2": 0}
    assert facts.since == (team.week.starts_at - WEEK).date()
    await make.action(session, team.deals["Deal 2"], team.ann)
    await say(session, team, "Deal 2", now=artifact.cut_off + timedelta(minutes=1), close_date=date(2026, 6, 1))
    next_week = await make.occurrence(session, team.cadence, "2026-W11")
    _, facts = await close(session, team, next_week, now=THURSDAY + WEEK, verdicts=await kept_all(session, team))
    assert {deal.name: (len(deal.forward), len(deal.slips)) for deal in facts.deals} == {
        "Deal 0": (0, 0), "Deal 1": (0, 0), "Deal 2": (0, 1),
    }  # fmt: skip


async def test_a_deal_won_or_lost_since_then_is_named_and_not_counted(session):
    team = await make.small(session, deals=2, crm=False)
    for deal in team.deals.values():
        await make.action(session, deal, team.ann)
    await say(session, team, "Deal 0", now=NOW, category="won", stage="Closed Won")
    await say(session, team, "Deal 1", now=NOW, category="lost")
    _, facts = await close(session, team)
    assert {deal.name: deal.category for deal in facts.closed} == {"Deal 0": "won", "Deal 1": "lost"}
    assert (facts.deals, facts.joint) == ((), ())
    assert not any(deal.stalled for deal in facts.closed)


async def test_another_partners_deal_is_listed_and_never_counted(session):
    team = await make.small(session, deals=1)
    other = await make.partner(session, "Other", team.pm, tier=2)
    theirs = await make.deal(session, "Theirs", other, team.ann, amount=5)
    session.add(DealPartner(deal_id=theirs.id, partner_id=team.acme.id, is_primary=False, valid_from=NOW))
    _, facts = await close(session, team)
    assert [deal.name for deal in facts.uncounted] == ["Theirs"]
    assert [(line.amount, line.deals) for line in facts.joint] == [(1_000_000, 1)]


async def test_commitments_show_their_fate_once_and_then_are_gone(session):
    team = await make.small(session)
    await close(session, team)
    one, two = await closing.open_commitments(session, team.acme.id)
    later = date(2026, 4, 2)
    next_week = await make.occurrence(session, team.cadence, "2026-W11")
    _, facts = await close(session, team, next_week, now=THURSDAY + WEEK,
                           verdicts={one.id: Verdict("kept"), two.id: Verdict("moved", later)})  # fmt: skip
    assert [(item.text, item.fate, item.due, item.due_before) for item in facts.commitments] == [
        ("one 2026-W10", "kept", DUE, DUE), ("two 2026-W10", "moved", later, DUE),
        ("one 2026-W11", "new", DUE, None), ("two 2026-W11", "new", DUE, None),
    ]  # fmt: skip
    third = await make.occurrence(session, team.cadence, "2026-W12")
    _, facts = await close(session, team, third, now=THURSDAY + 2 * WEEK, verdicts=await kept_all(session, team))
    assert "one 2026-W10" not in [item.text for item in facts.commitments]


async def test_the_friday_note_has_each_partner_once_and_names_who_is_not_closed(session):
    team = await make.small(session)
    second = await make.partner(session, "Second", team.pm)
    await make.review(session, second, at=time(11))
    await make.deal(session, "S", second, team.ann)
    await close(session, team)
    artifact = await publish_friday(session)
    lines = {line["partner"]: (line["closed"], line["pm_id"]) for line in artifact.facts["partners"]}
    assert lines == {"Acme": (True, team.pm.id), "Second": (False, team.pm.id)}
    found = await owed(session)
    friday = await fridays(session)
    assert set(found) == {f"note:{team.week.id}:v1", f"friday:{friday.id}", f"friday-note:{team.week.id}:v1"}
    assert found[f"friday-note:{team.week.id}:v1"].parent_id == found[f"friday:{friday.id}"].id
    assert found[f"friday:{friday.id}"].channel_ref == "leadership"


async def test_what_is_closed_after_friday_is_late_and_follows_in_the_thread(session):
    team = await make.small(session)
    await publish_friday(session)
    _, facts = await close(session, team, now=FRIDAY + timedelta(hours=1))
    assert facts.late
    row = (await owed(session))[f"friday-note:{team.week.id}:v1"]
    assert row.args == {"artifact_id": 2, "thread": True}
    assert row.void_at == FRIDAY + WEEK


async def test_a_skipped_week_still_publishes_its_answers_and_carried_commitments(session):
    team = await make.small(session, deals=1)
    session.add(Commitment(partner_id=team.acme.id, text="old", owner_id=team.ann.id, due=DUE, made_in_id=(await make.occurrence(session, team.cadence, "2026-W11")).id,
                           made_at=NOW))  # fmt: skip
    await make.action(session, team.deals["Deal 0"], team.ann)
    await say(session, team, "Deal 0", now=NOW, help_needed="a discount")
    await cadences.skip(session, team.week, side=Side.OURS, reason="ill", by=team.pm, now=NOW)
    artifact = await publish_friday(session)
    (line,) = artifact.facts["partners"]
    assert (line["state"], line["closed"], line["reason"], line["help"]) == ("skipped", True, "ill", 1)
    note = (await session.scalars(select(Artifact).where(Artifact.kind == "weekly_note"))).one()
    facts = WeeklyFacts.model_validate(note.facts)
    assert (facts.answered, len(facts.commitments), facts.late) == (1, 1, False)


async def test_a_week_without_any_review_has_no_friday_note(session):
    team = await make.small(session)
    await session.delete(team.week)
    await session.flush()
    assert await publish_friday(session) is None


async def test_other_partners_are_a_section_of_their_own_and_settled_with_the_note(session):
    team = await make.small(session)
    second = await make.partner(session, "Second", team.pm, tier=2)
    await make.deal(session, "S", second, team.ann)
    artifact = await publish_friday(session)
    (others,) = artifact.facts["others"]
    assert (others["pm_id"], [deal["name"] for deal in others["deals"]]) == (team.pm.id, ["S"])
    assert f"friday-others:{(await fridays(session)).id}:{team.pm.id}" in await owed(session)


async def test_without_a_leadership_channel_the_head_gets_it_and_without_a_head_nobody(session):
    team = await make.small(session)
    silent = POLICY.model_copy(update={"leadership_channel": ""})
    friday = await fridays(session)
    await notes.publish_friday(session, friday, now=FRIDAY, policy=silent)
    row = (await owed(session))[f"friday:{friday.id}"]
    assert (row.person_id, row.channel_ref) == (team.head.id, "")


async def test_without_anybody_to_tell_the_artifact_still_stands(session):
    team = await make.small(session)
    team.head.active = False
    await session.flush()
    silent = POLICY.model_copy(update={"leadership_channel": ""})
    assert await notes.publish_friday(session, await fridays(session), now=FRIDAY, policy=silent) is not None
    assert await owed(session) == {}


async def test_a_note_without_an_internal_channel_goes_to_the_partner_manager(session):
    team = await make.small(session)
    team.acme.internal_channel = ""
    await close(session, team)
    (row,) = (await owed(session)).values()
    assert (row.person_id, row.channel_ref) == (team.pm.id, "")


@pytest.mark.parametrize(
    ("imported", "stale"),
    [
        (datetime(2026, 3, 5, 9, tzinfo=UTC), False),
        (datetime(2026, 3, 3, 9, tzinfo=UTC), False),
        (datetime(2026, 3, 2, 9, tzinfo=UTC), True),
    ],
)
async def test_a_crm_older_than_two_working_days_is_flagged(session, imported, stale):
    team = await make.small(session)
    session.add(ImportRun(kind="deals", file_name="deals.csv", digest="x", at=imported))
    _, facts = await close(session, team)
    assert (facts.crm_as_of, facts.crm_stale) == (imported, stale)


async def test_health_counts_this_quarters_reviews_that_are_over(session):
    team = await make.small(session)
    await close(session, team)
    found = await notes.health_of(session, [team.acme.id, 99], now=FRIDAY, policy=POLICY)
    assert (found[team.acme.id].held, found[team.acme.id].streak, found[99].held) == (1, 1, 0)
    april = datetime(2026, 4, 20, tzinfo=UTC)
    assert (await notes.health_of(session, [team.acme.id], now=april, policy=POLICY))[team.acme.id].held == 0


async def test_the_agenda_names_who_has_not_answered_and_who_is_away_and_ranks_stalled_first(session):
    team = await make.small(session, deals=0)
    for name, more in {"stalled": {"amount": 1, "seen": NOW - timedelta(days=20)}, "big": {"amount": 9},
                       "answered": {"amount": 99}}.items():  # fmt: skip
        team.deals[name] = await make.deal(session, name, team.acme, team.ann, **more)
    team.deals["bobs"] = await make.deal(session, "bobs", team.acme, team.bob, amount=None)
    await make.action(session, team.deals["answered"], team.ann)
    await say(session, team, "answered", now=NOW)
    facts, waiting, absent = await notes.agenda_facts(session, team.week.id, now=THURSDAY, policy=POLICY)
    assert [deal.name for deal in notes.in_agenda_order(facts.deals)] == ["stalled", "big", "bobs", "answered"]
    assert (waiting, absent) == ([team.ann.id, team.bob.id], [])
    session.add(Absence(person_id=team.bob.id, first_day=date(2026, 3, 5), last_day=date(2026, 3, 5),
                             recorded_at=NOW))  # fmt: skip
    await session.flush()
    _, waiting, absent = await notes.agenda_facts(session, team.week.id, now=THURSDAY, policy=POLICY)
    assert (waiting, absent) == ([team.ann.id], [team.bob.id])


async def statements_for(url, deals):
    async with make.opened(url) as db:
        async with db.write() as session:
            team = await make.small(session, deals=deals)
            for name, deal in team.deals.items():
                session.add(NextAction(deal_id=deal.id, text=name, owner_id=team.ann.id, due=DUE, opened_at=NOW))
        with make.counting(db) as statements:
            async with db.write() as session:
                await close(session, team)
        closed = len(statements)
        with make.counting(db) as statements:
            async with db.write() as session:
                await publish_friday(session)
        async with db.read() as session:
            assert len(list(await session.scalars(select(DealVersion)))) == deals
        return closed, len(statements)


async def test_a_note_costs_the_same_number_of_statements_for_10_and_for_200_deals(tmp_path):
    few = await statements_for(f"sqlite:///{tmp_path / 'few.db'}", 10)
    many = await statements_for(f"sqlite:///{tmp_path / 'many.db'}", 200)
    assert few == many
    assert max(many) < 60
